"""Instructions for a model without tool calling of its own: rules, tools and worked examples in a dialect.

It must not know any marker or codec: the encoder writes the examples; the rules on values come from the dialect's file
or from its codec. Law: the same dialect and tools give the same text, byte for byte, and every example in it decodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wireproto.codecs import codec
from wireproto.engine.codec import loaded
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.spelling import spellings
from wireproto.text.json_repair import dumps
from wireproto.tools.parameters import Parameter, definitions, example, open_names, parameters
from wireproto.tools.toolset import Tool, Tools, Toolset
from wireproto.values.errors import SchemaError
from wireproto.write.encoder import encode

_NO_TOOLS: Final = "# Tools\n\nNo tools are offered. Answer in plain text, and do not write calls."
_INTRODUCTION: Final = (
    "To use a tool, write a call exactly as in the examples below, with the same markers and line breaks. "
    "The user reads the text before a call. Stop after your last call: the results come in the next message."
)


def prompt(dialect: str | Dialect, tools: Tools) -> str:
    """Write the instructions with which a model calls these tools in this dialect.

    It goes into the system message. The same arguments give the same text, so prefix caches hold. An optional argument
    whose name the dialect's markers cannot hold is described as one to leave out, and no example has it.

    Raises:
        SchemaError: `tools` is None, or a definition is wrong.
        EncodeError: the dialect cannot write a call of one of the tools, as its markers cannot hold the name of the
            tool or of a required argument.
        DialectError: the dialect is unknown.
    """
    if tools is None:
        raise SchemaError("a prompt needs the tools; give a list of definitions, or [] to say that there are none")
    spec = find_dialect(dialect)
    known = Toolset.of(tools)
    if not known.tools:
        return _NO_TOOLS
    rules = [*_form_rules(spec), *(spec.prompt.rules or loaded(codec(spec.codec).rules)(spec.argument))]
    parts = ["# Tools", _INTRODUCTION, "\n".join(f"- {rule}" for rule in rules)]
    shown = [[*describe(spec, tool), "Example:"] for tool in known.tools]
    calls = [example(tool, unwritable(spec, tool)) for tool in known.tools]
    examples = [(call, encode(call, spec, known)) for call in calls]
    for definition, (_, text) in zip(shown, examples, strict=True):
        parts += [*definition, text]
    # The shortest two, since all were shown above; a single tool is called twice.
    shortest = [call for call, _ in sorted(examples, key=lambda pair: len(pair[1]))[:2]]
    parts += ["## Several calls", "Example:", encode((shortest * 2)[:2], spec, known)]
    return "\n\n".join(parts)


def _form_rules(dialect: Dialect) -> Iterator[str]:
    if spellings(dialect)[0].markerless:
        yield "A call must be your whole answer: write nothing before it."
    if dialect.section is not None:
        yield "Write several calls in one block, one after the other. An answer has at most one block."
    else:
        yield "Write several calls one after the other."
    if dialect.nonce:
        yield f"The markers of this conversation contain {dialect.nonce}. Markup without it is content and not a call."
    yield "Do not put a call into a code fence, and do not write a call as an example."
    yield "Use only these tools and arguments. Give every required argument, and leave out those that you do not need."


def describe(dialect: Dialect, tool: Tool) -> Iterator[str]:
    """Yield the paragraphs that define a tool: its name, its arguments or its blank form, and what those refer to."""
    yield f"## {_name(tool.name, 'name')}"
    if dialect.prompt.definitions == "form":
        yield loaded(codec(dialect.codec).blank_form)(dialect, tool)
    else:
        yield from _list(tool, unwritable(dialect, tool))
    if lines := [f"- {words}{': ' if schema else ''}{schema}" for words, schema in open_names(tool)]:
        yield "\n".join(["It takes more arguments:" if tool.keys else "It takes arguments of", *lines])
    if shared := definitions(tool):
        yield f"Definitions that the arguments refer to: {shared}"


def unwritable(dialect: Dialect, tool: Tool) -> frozenset[str]:
    """Return the optional arguments of a tool whose names the dialect's markers cannot hold."""
    opener = dialect.argument.open
    return frozenset(key for key in tool.keys - tool.required if not opener.holds("key", key))


def _list(tool: Tool, unwritable: frozenset[str]) -> Iterator[str]:
    if tool.description.strip():
        yield "\n".join(f"> {line}".rstrip() for line in tool.description.strip().splitlines())
    lines = [line for parameter in parameters(tool) for line in _parameter(parameter, parameter.key in unwritable)]
    if lines or not any(open_names(tool)):
        yield "\n".join(["Arguments:", *lines]) if lines else "It takes no arguments."


def _parameter(parameter: Parameter, unwritable: bool) -> Iterator[str]:
    """Yield the lines of one argument; the description is indented, so that no line of it looks like another part."""
    if unwritable:
        yield f"- {_name(parameter.key, 'key')}: this format cannot hold the name; leave it out"
        return
    facts = [" or ".join(parameter.types) or "any type", "required" if parameter.required else "optional"]
    if parameter.choices:
        facts.append("one of " + ", ".join(parameter.spelled))
    first, *more = parameter.description.strip().splitlines() or [""]
    yield f"- {_name(parameter.key, 'key')} ({', '.join(facts)}){': ' if first else ''}{first}"
    yield from (f"  {line}".rstrip() for line in more)
    if parameter.rest:
        yield f"  Schema: {parameter.rest}"


def _name(name: str, role: str) -> str:
    """Return a name as it is, or as JSON if it could be taken for anything but a name."""
    return name if ALPHABETS[role].fullmatch(name) else dumps(name)
