"""The process that a chat template runs in: it reads requests as lines of JSON and answers with what was rendered.

It must not know formats. Law: nothing but text comes out: no file, no socket and no other program can be reached, and
memory is bounded where the system can bound it.

Source: `render_jinja_template` of transformers: its sandbox, its filters and its globals.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import jinja2
    from jinja2.parser import Parser

MEMORY: Final = 1 << 30
# What a template may raise; anything else ends the process, which is told by who asked it.
_FAILURES: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, OSError, RuntimeError,
                    StopIteration, SyntaxError, TypeError, ValueError)  # fmt: skip
# What a template never asks the system for. Everything that it needs was loaded before it runs.
_FORBIDDEN: Final = ("open", "socket.", "subprocess.", "os.", "ctypes.", "shutil.", "pty.", "webbrowser.", "ftplib.",
                     "urllib.", "winreg.", "tempfile.", "glob.", "sqlite3.", "import")  # fmt: skip


def main() -> None:
    """Answer every request on standard input, until it ends."""
    import jinja2

    _bound_memory()
    first = json.loads(sys.stdin.readline())
    try:
        compiled = [_compiled(first["template"], mutable) for mutable in (False, True)]
    except (jinja2.TemplateError, *_FAILURES) as error:
        _answer({"error": _said(error), "fatal": True})
        return
    _answer({"text": ""})
    sys.addaudithook(_refuse)
    for line in sys.stdin:
        request = json.loads(line)
        _answer(_rendered(compiled[request["mutable"]], request["variables"], request["characters"]))


def _rendered(template: jinja2.Template, variables: dict[str, Any], most: int) -> dict[str, Any]:
    import jinja2

    pieces, size = [], 0
    try:
        for piece in template.generate(**variables):
            size += len(piece)
            if size > most:
                return {"error": f"it writes more than {most:,} characters", "fatal": True}
            pieces.append(piece)
    except MemoryError:
        return {"error": "it takes more memory than it may", "fatal": True}
    except (jinja2.TemplateError, *_FAILURES) as error:
        return {"error": _said(error)}
    return {"text": "".join(pieces)}


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there the time alone is bounded
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _refuse(event: str, _arguments: object) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a template must not do this: {event}")


def _compiled(source: str, mutable: bool) -> jinja2.Template:
    """Compile a template as transformers does; a few that are in use change lists, which its sandbox forbids."""
    import jinja2.debug  # loaded before the template runs: an error that it raises needs it
    import jinja2.ext
    import jinja2.sandbox

    kind = jinja2.sandbox.SandboxedEnvironment if mutable else jinja2.sandbox.ImmutableSandboxedEnvironment
    environment = kind(trim_blocks=True, lstrip_blocks=True, extensions=[_generation(), jinja2.ext.loopcontrols])
    environment.filters.update(tojson=_to_json, from_json=json.loads, fromjson=json.loads)
    environment.globals.update(raise_exception=_raise, strftime_now=lambda form: datetime(2024, 1, 1).strftime(form))
    template = environment.from_string(source)
    template.new_context()
    return template


def _generation() -> type[jinja2.ext.Extension]:
    """Return the extension for `{% generation %}`, whose body is written as it is."""
    import jinja2.ext
    import jinja2.nodes

    class Generation(jinja2.ext.Extension):
        """The tag of transformers around what the model writes."""

        tags: set[str] = {"generation"}  # noqa: RUF012 - as jinja2 declares it

        def parse(self, parser: Parser) -> jinja2.nodes.Node:
            """Return the tag's body."""
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            call = self.call_method("_body")
            return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

        def _body(self, caller: Any) -> Any:
            return caller()

    return Generation


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys, default=list
    )


def _raise(message: object) -> None:
    import jinja2

    raise jinja2.TemplateError(str(message))
