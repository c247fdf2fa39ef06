# Everything runs in a virtual environment that these targets make themselves: Python >= 3.10 and make are enough.
#   make demo    the story of the project, on recorded model output
#   make test    the test suite
#   make lint    ruff and mypy
#   make laws    the laws of the package, with many more generated examples (long)
#   make bench   the benchmark tables
#   make docs    write the generated parts of the documentation again
#   make clean   forget the environment and all caches
# Another Python: make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV   ?= .venv
PYTEST_ARGS ?= -n auto

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test lint laws bench docs clean
# Two recipes must not install into one environment at the same time.
.NOTPARALLEL:

help:
	@sed -n '2,9s/^# *//p' Makefile

demo: $(VENV)/demo.stamp
	@$(BIN)/python examples/demo.py
	@$(BIN)/python examples/declarations.py

test: $(VENV)/test.stamp
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/lint.stamp
	@$(BIN)/ruff check .
	@$(BIN)/mypy

laws: $(VENV)/test.stamp
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/test_laws.py -n auto -o faulthandler_timeout=0

bench: $(VENV)/demo.stamp
	@$(BIN)/python -m benchmarks

docs: $(VENV)/demo.stamp
	@$(BIN)/python docs/generate.py

clean:
	@rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The pip that comes with early releases of Python 3.10 cannot install a pyproject.toml editable, hence the upgrade.
$(VENV)/venv.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "wireproto needs Python 3.10 or newer; try make PYTHON=python3.12")'
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@touch $@

$(VENV)/demo.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable .
	@touch $@

$(VENV)/test.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[test]'
	@touch $@

# mypy reads the types of what wireproto.testing and wireproto.fuzz import, hence the test extra.
$(VENV)/lint.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[lint,test]'
	@touch $@
