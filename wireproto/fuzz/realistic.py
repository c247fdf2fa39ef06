"""Outputs as models really write them, good and broken, for those who test what stands behind a parser.

Each is one message with plausible calls, broken in one way that real outputs are broken in, or not at all. It must not
know any dialect. Law: the same tools, dialect, seed and number give the same output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from wireproto.decode.decoder import parse
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.testing.generators.choices import Choices, RandomChoices
from wireproto.testing.generators.damage import mutate
from wireproto.testing.generators.messages import written
from wireproto.testing.generators.tools import Tools, declared
from wireproto.testing.generators.values import Material
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode

_LEADS: Final = ("", "I will look.\n\n", "Sure, one moment.\n", "Let me check that first.\n\n")
_THOUGHTS: Final = ("The user wants this done now.", "First I need to look.\nThen I can answer.")
_CODE: Final = 'def main() -> None:\n    print("hello, <world>")\n\n\nif __name__ == "__main__":\n    main()\n'
# What an argument is called says most about what stands in it.
_STRINGS: Final[dict[str, tuple[str, ...]]] = {
    "path": ("src/app.py", "README.md", "tests/test_app.py"),
    "file": ("src/app.py", "notes/today.md"),
    "content": (_CODE, "# Notes\n\n- one\n- two\n", "a < b && c > d\n"),
    "code": (_CODE,),
    "command": ("ls -la", "grep -rn 'TODO' src | head", 'git commit -m "Fix the parser"'),
    "query": ("weather in Zürich tomorrow", "python asyncio timeout"),
    "url": ("https://example.org/a?b=1&c=2",),
    "city": ("Zürich", "San Francisco"),
    "date": ("2026-01-31",),
}
_WORDS: Final = ("alpha", "two words", 'it\'s "quoted"', "line one\nline two", "ünï – 😀")


@dataclass(frozen=True)
class ModelOutput:
    """What a model wrote, and what was told to it and of it.

    `text`: the output. `kind`: in which way it is broken, one of `KINDS`. `dialect`: the name of its format. `tools`:
    what was offered. `finish_reason`: what the server says. `pieces`: the text as it arrives. `meant`: the calls that
    the model meant to make, of which the text may hold less.
    """

    text: str
    kind: str
    dialect: str
    tools: Tools
    finish_reason: str = "stop"
    pieces: tuple[str, ...] = ()
    meant: tuple[Call, ...] = ()

    @cached_property
    def message(self) -> Message:
        """What wireproto makes of it: the calls that can be run are those that are `complete`."""
        return parse(self.text, self.dialect, self.tools, finish_reason=self.finish_reason)


@dataclass
class _Draft:
    """An output in the making."""

    choices: Choices
    dialect: Dialect
    tools: Tools
    message: Message
    text: str = ""
    finish_reason: str = "stop"

    def write(self) -> None:
        """Write the message anew, as a model does that knows the format; text goes where it has no place."""
        for message in (self.message, replace(self.message, text="")):
            try:
                self.text = encode(message, self.dialect, self.tools)
                return
            except EncodeError:
                continue
        self.text = written(self.message, Material(self.dialect, self.tools))

    def first_call(self, **changes: Any) -> None:
        """Change the first call, and write the message anew."""
        first, *others = self.message.calls
        self.message = replace(self.message, calls=(replace(first, **changes), *others))
        self.write()


def model_output(tools: Tools, dialect: str, number: int = 0, seed: int = 0) -> ModelOutput:
    """Return output number `number` of a model that speaks a dialect and was offered these tools.

    The kinds come in turn, so that as many outputs as there are `KINDS` show each.

    Raises:
        DialectError: there is no such dialect.
        ValueError: there are no tools.
    """
    if not tools:
        raise ValueError("realistic outputs need at least one tool")
    choices = RandomChoices(f"{seed}:{number}:{dialect}")
    spec = find_dialect(dialect)
    kind = tuple(KINDS)[number % len(KINDS)]
    calls = (_call(choices, tools),) if kind != "several calls" else (_call(choices, tools), _call(choices, tools))
    draft = _Draft(choices, spec, tools, Message(text=choices.choice(_LEADS), calls=calls))
    draft.write()
    KINDS[kind](draft)
    pieces = _pieces(choices, draft.text)
    return ModelOutput(draft.text, kind, spec.name, tools, draft.finish_reason, pieces, calls)


def _pieces(choices: Choices, text: str) -> tuple[str, ...]:
    """Cut a text as a server does that sends a token or some at a time."""
    found, at = [], 0
    while at < len(text):
        size = choices.integer(1, 12)
        found.append(text[at : at + size])
        at += size
    return tuple(found)


# --- calls ------------------------------------------------------------------------------------------------------------


def _call(choices: Choices, tools: Tools) -> Call:
    name, properties = choices.choice(declared(tools))
    return Call(name, {key: _value(choices, key, schema, 0) for key, schema in properties.items()})


def _value(choices: Choices, key: str, schema: Any, depth: int) -> Any:
    """Draw a plausible value of a schema."""
    if not isinstance(schema, dict):
        return "x"
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return choices.choice(schema["enum"])
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return _value(choices, key, choices.choice(schema[word]), depth)
    kind = schema.get("type", "string")
    kind = choices.choice(kind) if isinstance(kind, list) else kind
    if kind in ("integer", "number"):
        return _number(choices, schema, kind)
    if kind in ("object", "array"):
        return _inner(choices, key, schema, kind, depth)
    simple = {"boolean": choices.one_in(2), "null": None}
    return simple[kind] if kind in simple else choices.choice(_STRINGS.get(key, _WORDS))


def _number(choices: Choices, schema: dict[str, Any], kind: str) -> Any:
    least, most = schema.get("minimum", 0), schema.get("maximum", 100)
    number = choices.integer(int(least), max(int(most), int(least)))
    return number if kind == "integer" or choices.one_in(2) else float(number)


def _inner(choices: Choices, key: str, schema: dict[str, Any], kind: str, depth: int) -> Any:
    if kind == "array":
        return [_value(choices, key, schema.get("items", {}), depth + 1) for _ in choices.times(2)] if depth < 4 else []
    members = schema.get("properties", {}) if depth < 4 else {}
    return {name: _value(choices, name, inner, depth + 1) for name, inner in members.items()}


# --- kinds ------------------------------------------------------------------------------------------------------------


def _good(draft: _Draft) -> None:
    """Leave it as it is."""


def _plain(draft: _Draft) -> None:
    draft.message = Message(text="I have finished. Is there anything else?")
    draft.write()


def _thought(draft: _Draft) -> None:
    if draft.dialect.reasoning is not None:
        draft.message = replace(draft.message, reasoning=draft.choices.choice(_THOUGHTS))
        draft.write()


def _cut(draft: _Draft) -> None:
    """End in the second half, as where the tokens are spent."""
    size = len(draft.text)
    draft.text = draft.text[: draft.choices.integer(size // 2, max(size - 1, 0))]
    draft.finish_reason = "length"


def _unclosed(draft: _Draft) -> None:
    """Leave out the last closer, and say that all is well."""
    closers = [
        marker for marker in draft.dialect.markers if draft.text.rstrip().endswith(marker.strip()) and marker.strip()
    ]
    if closers:
        draft.text = draft.text.rstrip().removesuffix(max(closers, key=len).strip())


def _unopened(draft: _Draft) -> None:
    """Leave out the first marker, as a server does that takes it for a special token."""
    found = [
        (draft.text.find(marker), -len(marker), marker) for marker in draft.dialect.markers if marker in draft.text
    ]
    if found:
        draft.text = draft.text.replace(min(found)[2], "", 1)


def _fenced(draft: _Draft) -> None:
    draft.message = replace(draft.message, text="")
    draft.write()
    draft.text = f"Here is the call:\n\n```\n{draft.text.strip()}\n```\n"


def _unknown_tool(draft: _Draft) -> None:
    draft.first_call(name=f"{draft.message.calls[0].name}s")


def _missing_argument(draft: _Draft) -> None:
    arguments = dict(draft.message.calls[0].arguments)
    if arguments:
        del arguments[draft.choices.choice([*arguments])]
        draft.first_call(arguments=arguments)


def _unknown_argument(draft: _Draft) -> None:
    draft.first_call(arguments={**draft.message.calls[0].arguments, "explanation": "because it is needed"})


def _wrong_type(draft: _Draft) -> None:
    """Write a value as text, or a text as a number, as models do that do not look at the schema."""
    arguments = dict(draft.message.calls[0].arguments)
    if arguments:
        key = draft.choices.choice([*arguments])
        arguments[key] = 42 if isinstance(arguments[key], str) else f"about {arguments[key]}"
        draft.first_call(arguments=arguments)


def _markup_in_value(draft: _Draft) -> None:
    """Let a text argument mention the format's own markers."""
    arguments = dict(draft.message.calls[0].arguments)
    texts = [key for key, value in arguments.items() if isinstance(value, str)]
    if texts and draft.dialect.markers:
        key = draft.choices.choice(texts)
        arguments[key] = f"{arguments[key]}\nA call ends with {draft.dialect.markers[-1].strip()} here.\n"
        draft.first_call(arguments=arguments)


def _twice(draft: _Draft) -> None:
    """Make the same call again and again."""
    draft.message = replace(draft.message, calls=draft.message.calls * 3)
    draft.write()


def _damaged(draft: _Draft) -> None:
    draft.text = mutate(draft.choices, draft.text, draft.dialect)


KINDS: Final[dict[str, Callable[[_Draft], None]]] = {
    "good": _good,
    "cut": _cut,
    "unclosed": _unclosed,
    "unopened": _unopened,
    "several calls": _good,
    "no call": _plain,
    "reasoning": _thought,
    "fenced": _fenced,
    "unknown tool": _unknown_tool,
    "missing argument": _missing_argument,
    "unknown argument": _unknown_argument,
    "wrong type": _wrong_type,
    "markup in a value": _markup_in_value,
    "the same call again": _twice,
    "damaged": _damaged,
}
