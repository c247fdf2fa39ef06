"""Outputs to ask two parsers about, and what was meant by them.

Three kinds: a message with ordinary values; one whose values are made of the dialect's own markers; and a damaged
output. The first two are written by the dialect's templates, so that what is right is known and is not what our own
reader makes of it. It must not know any parser. Law: the same seed and number give the same output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from wireproto.format.dialect import Dialect
from wireproto.testing.generators.choices import Choices, RandomChoices
from wireproto.testing.generators.damage import mutate
from wireproto.testing.generators.trials import Trial, draw_chunks
from wireproto.testing.generators.values import Material, draw_value
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import write_plainly

ORDINARY, HOSTILE, DAMAGED = "ordinary", "hostile", "damaged"
BASES: Final = {
    ORDINARY: "written by the dialect's templates, with values as programs have them",
    HOSTILE: "written by the dialect's templates, with values made of the dialect's own markers",
    DAMAGED: "any of these, damaged in one to three places: nobody knows what was meant",
}


def _tool(name: str, required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}


_STRING: Final = {"type": "string"}
# As harnesses declare them: names and keys that every format and every server can hold.
TOOLS: Final = (
    _tool("write_file", ("path", "content"), path=_STRING, content=_STRING),
    _tool("search", ("query",), query=_STRING, limit={"type": "integer"}, exact={"type": "boolean"}),
    _tool(
        "configure",
        options={"type": "object"},
        tags={"type": "array", "items": _STRING},
        ratio={"type": "number"},
        note={"type": ["string", "null"]},
    ),
    _tool("get_time"),
)
_ATTEMPTS: Final = 1_000
NAMES: Final = frozenset(tool["function"]["name"] for tool in TOOLS)
_TEXTS: Final = ("", "", "Sure.", "I will write the file now.\n\n", "It is 3 < 4, as `x < y` says.", "Zuerst: é 😀\n")
_THOUGHTS: Final = ("The user wants a file.", "Two steps:\n1. look\n2. write", "x < 3?")
_VALUES: Final = (
    "a.py",
    "src/main.rs",
    "hello world",
    "def f(x):\n    return x + 1\n",
    "line one\n\nline three\n",
    '{"a": [1, 2], "b": null}\n',
    '<!DOCTYPE html>\n<html>\n<body>\n<p class="x">a &amp; b</p>\n</body>\n</html>\n',
    "null",
    "true",
    "123",
    "007",
    "1.0",
    "[]",
    "",
    " ",
    "  two blanks before and behind  ",
    "\tif x < y and y > z: print('\\n')\n",
    'She said "hi"; it\'s fine.',
    "C:\\Users\\new\\table.txt",
    "one\r\ntwo\r\n",
    "naïve café 日本語 😀",
    "a = {'k': \"v\"}",
    "# Title\n\n```python\nprint(1)\n```\n",
    "--flag=value && echo $HOME | grep -v '^#'",
    "SELECT * FROM t WHERE a <> 'b';",
)


@dataclass(frozen=True, slots=True)
class Question:
    """An output of a dialect; `message` is what was written, and None if nobody knows."""

    dialect: Dialect
    basis: str
    trial: Trial
    message: Message | None


def question(dialect: Dialect, basis: str, seed: str, number: int) -> Question:
    """Return the output of this number.

    Raises:
        EncodeError: the dialect refuses whatever is drawn.
    """
    choices = RandomChoices(f"{seed}:{dialect.name}:{basis}:{number}")
    material = _material(dialect)
    source = choices.choice((ORDINARY, ORDINARY, HOSTILE)) if basis == DAMAGED else basis
    message, text = _drawn(choices, material, _hostile if source == HOSTILE else _ordinary)
    if basis == DAMAGED:
        text = sound(mutate(choices, text, material.dialect))
        reason = choices.choice(("stop", "stop", "stop", "length"))
        return Question(dialect, basis, Trial(text, draw_chunks(choices, text), TOOLS, reason), None)
    return Question(dialect, basis, Trial(text, draw_chunks(choices, text), TOOLS, "stop"), message)


def rewritten(found: Question, message: Message) -> Question | None:
    """Return the question that says `message` instead; None if the format has no place for it.

    Its chunks are as long as those of `found` on an average.
    """
    try:
        text = write_plainly(message, found.dialect, _material(found.dialect).known)
    except EncodeError:
        return None
    step = max(1, len(found.trial.text) // max(1, len(found.trial.chunks)))
    chunks = tuple(text[at : at + step] for at in range(0, len(text), step))
    return replace(found, trial=replace(found.trial, text=text, chunks=chunks), message=message)


def required(name: str) -> frozenset[str]:
    """Return the arguments that a tool requires."""
    every = (tool["function"] for tool in TOOLS)
    return frozenset(key for tool in every if tool["name"] == name for key in tool["parameters"]["required"])


def sound(text: str) -> str:
    """Return a text as a server can send it: without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode()


@cache
def _material(dialect: Dialect) -> Material:
    return Material(dialect, TOOLS)


Draw = Callable[[Choices, dict[str, Any], Material], Any]


def _drawn(choices: Choices, material: Material, draw: Draw) -> tuple[Message, str]:
    for _ in range(_ATTEMPTS):
        calls = tuple(_call(choices, material, draw) for _ in range(choices.choice((1, 1, 1, 2, 3))))
        reasoning = ""
        if material.dialect.reasoning is not None and choices.one_in(4):
            reasoning = choices.choice(_THOUGHTS)
        message = Message(text=choices.choice(_TEXTS), reasoning=reasoning, calls=calls)
        try:
            return message, write_plainly(message, material.dialect, material.known)
        except EncodeError as error:
            refused = error  # a value that the format has no place for
    raise refused


def _call(choices: Choices, material: Material, draw: Draw) -> Call:
    function = choices.choice(TOOLS)["function"]
    schema = function["parameters"]
    keys = [key for key in schema["properties"] if key in schema["required"] or choices.integer(0, 2)]
    return Call(function["name"], {key: draw(choices, schema["properties"][key], material) for key in keys})


def _ordinary(choices: Choices, schema: dict[str, Any], material: Material) -> Any:
    kind = schema["type"] if isinstance(schema["type"], str) else choices.choice(schema["type"])
    if kind == "string":
        # Where null is allowed, the text "null" cannot be told from it in every format.
        return choices.choice(_VALUES if schema == _STRING else [text for text in _VALUES if text != "null"])
    if kind == "array":
        return [choices.choice(_VALUES) for _ in choices.times(3, 3)]
    if kind == "object":
        return {choices.choice(("a", "b c", "key")): choices.choice(_JSON) for _ in choices.times(3, 3)}
    return choices.choice(_SCALARS[kind])


_JSON: Final[tuple[Any, ...]] = ("x", "two\nlines", 1, -2.5, True, None, ["a", {"b": "c"}], {})
_SCALARS: Final[dict[str, tuple[Any, ...]]] = {
    "integer": (0, 1, -1, 10, 123_456_789),
    "number": (0.5, 1, -3.25, 1e-7, 1e6),
    "boolean": (True, False),
    "null": (None,),
}


def _hostile(choices: Choices, schema: dict[str, Any], material: Material) -> Any:
    return _sound(draw_value(choices, schema, material))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, dict):
        return {sound(key): _sound(inner) for key, inner in value.items()}
    return [_sound(inner) for inner in value] if isinstance(value, list) else value
