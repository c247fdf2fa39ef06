"""The pytest plug-in: broken model outputs and streams of them, for those who test an agent loop of their own.

How to use it: docs/how-to/test-your-agent-loop.md. Every test run of whoever has wireproto installed loads this, so it
is a module of its own, and loads nothing before a test asks for it. Law: the same test gets the same outputs each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wireproto.fuzz.realistic import ModelOutput

MARKER = "wireproto"
_COUNT = 15
_DIALECT = "hermes"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    line = "how many outputs, from which seed, in which format, for which tools"
    config.addinivalue_line("markers", f"{MARKER}(count={_COUNT}, seed=0, dialect={_DIALECT!r}, tools=None): {line}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of `wireproto_stream` once for each output."""
    if "wireproto_stream" in metafunc.fixturenames:
        count = _options(metafunc.definition)["count"]
        metafunc.parametrize("wireproto_stream", range(count), indirect=True)


def _options(item: Any) -> dict[str, Any]:
    """Return what the marker of a test says; the nearest one counts."""
    options: dict[str, Any] = {"count": _COUNT, "seed": 0, "dialect": _DIALECT, "tools": None}
    marker = item.get_closest_marker(MARKER)
    given = dict(marker.kwargs) if marker is not None else {}
    if marker is not None and marker.args:
        given = {"count": marker.args[0], **given}
    wrong = given.keys() - options.keys()
    if wrong or (marker is not None and len(marker.args) > 1):
        known = ", ".join(options)
        raise pytest.UsageError(
            f"{item.name}: the marker {MARKER!r} takes {known}, and not {', '.join(map(str, wrong))}"
        )
    return options | given


@pytest.fixture
def wireproto_tools() -> list[dict[str, Any]]:
    """The tools that the model was offered; write a fixture of this name to offer your own."""
    path = {"type": "string"}
    return [
        _tool("read_file", path=path, lines={"type": "integer", "minimum": 1, "maximum": 2000}),
        _tool("write_file", path=path, content={"type": "string"}),
        _tool("run", command={"type": "string"}, timeout={"type": "number"}, background={"type": "boolean"}),
    ]


def _tool(name: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": [next(iter(properties))]}
    return {"type": "function", "function": {"name": name, "description": "", "parameters": parameters}}


@pytest.fixture
def wireproto_outputs(request: pytest.FixtureRequest, wireproto_tools: list[Any]) -> list[ModelOutput]:
    """Model outputs, good and broken: each has a `text`, the `kind` of fault, and what wireproto makes of it."""
    from wireproto.fuzz.realistic import model_output

    options = _options(request.node)
    tools = options["tools"] or wireproto_tools
    return [model_output(tools, options["dialect"], number, options["seed"]) for number in range(options["count"])]


@pytest.fixture
def wireproto_stream(request: pytest.FixtureRequest, wireproto_tools: list[Any]) -> Any:
    """One output as a server streams it; the test runs once for each. `.output` is the output itself."""
    from wireproto.fuzz.realistic import model_output
    from wireproto.fuzz.streams import OutputStream

    options = _options(request.node)
    tools = options["tools"] or wireproto_tools
    return OutputStream(model_output(tools, options["dialect"], request.param, options["seed"]))
