"""Hypothesis strategies: what a harness declares, what a model may write, and how it may arrive.

They know a dialect only by its markers and its encoder, so a new dialect is attacked with its own material without a
line written for it. They must not know what a decoder makes of a text.

Law: every strategy is finite and pure; the same draw gives the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Union

from hypothesis import strategies as st

from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode

Tools = Union[Sequence[Any], None]
Texts = st.SearchStrategy[str]


@dataclass(frozen=True)
class Trial:
    """One output and the circumstances of its decoding; no `chunks` means the text in one piece."""

    text: str
    chunks: tuple[str, ...] = ()
    tools: Tools = None
    finish_reason: str | None = None
    reasoning_open: bool = False


# Names and keys that some format or other uses itself are the ones that go wrong, and those that hold its signs.
_SIGNS = st.text(alphabet="abz09/:.$#@ \"'<>{}[]()|=&;,+*\\`~^%?!_-\n\tжé名😀", min_size=1, max_size=8)
_UNUSUAL = (
    "a/b",
    "a",
    "a/b/c",
    "a:b",
    "mcp:x",
    "two words",
    "$filter",
    "ключ",
    "page[size]",
    "it's",
    'say "hi"',
    "a>b",
)
_NAMES = st.one_of(
    st.sampled_from(["write_file", "get_time", "mcp__gh__list-issues", "read.file", "functions", "a"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,10}", fullmatch=True),
    st.one_of(st.sampled_from(_UNUSUAL), st.sampled_from(_UNUSUAL), _SIGNS),
)
_KEYS = st.one_of(
    st.sampled_from(["path", "content", "name", "arguments", "parameters", "id", "x", "key", "file", "n"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True),
    st.one_of(st.sampled_from(["path", "content", "x", "y", "", *_UNUSUAL]), _SIGNS),
)
# Most calls have no id, since a format that ties the id to the name has to refuse any other.
_IDS = st.sampled_from([None, None, None, "call00001", "functions.a:0", "toolu_01"])
_SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "object"},
    {"type": "array", "items": {"type": "string"}},
    {"type": ["string", "null"]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"type": ["string", "integer"]},
    {"type": ["integer", "null"]},
    {"type": "null"},
    {"enum": ["fast", "slow"]},
    {},
)
_FLAVOURS: tuple[Callable[[str, dict[str, Any]], dict[str, Any]], ...] = (
    lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
    lambda name, schema: {"name": name, "input_schema": schema},
    lambda name, schema: {"name": name, "inputSchema": schema},
    lambda name, schema: {"name": name, "parameters": schema},
)
_WORDS = (
    "word",
    " a b ",
    "x = 1\n",
    "null",
    "true",
    "True",
    "5",
    "[1]",
    "{}",
    "&lt;",
    "&amp;",
    "&#110;ull",
    "é",
    "😀",
    "\u2028",
)
_STRUCTURE = ("\n", "\n\n", "\r\n", " ", "\t", "`", "```", "\n```\n", "~~~\n", "<", ">", "/", "=", "|", ":", ";", "<a ")
_JSON_PIECES = ("{", "}", "[", "]", '"', "'", "\\", "\\n", "\\u00e9", "\\ud83d", ", ", '": "', '{"name": "')
_OTHER_PIECES = ("<![CDATA[", "]]>", "<!--", "-->", "'''", '"""', "\n+++\n", "[[x]]\n", "k = ", "# ")


@st.composite
def tool_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to three tools with up to four parameters each, in one of the shapes that callers write tools in."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
    flavour = draw(st.sampled_from(_FLAVOURS))
    tools = []
    for name in names:
        properties = draw(st.dictionaries(_KEYS, st.sampled_from(_SCHEMAS), max_size=4))
        required = [key for key in properties if draw(st.booleans())]
        tools.append(flavour(name, {"type": "object", "properties": properties, "required": required}))
    return tools


def hostile_text(dialect: str | Dialect, tools: Tools = None) -> Texts:
    """Text built from the dialect's own markers, their halves, white space, quotes, JSON pieces and whole calls."""
    return _hostile(_dialect(dialect), _specimens(dialect, tools))


def calls(dialect: str | Dialect, tools: Tools = None) -> st.SearchStrategy[tuple[Call, ...]]:
    """Up to three calls of the given tools with arguments of the declared types; of any names if `tools` is None."""
    return calls_of(st.one_of(st.text(max_size=12), hostile_text(dialect, tools)), tools)


def messages(dialect: str | Dialect, tools: Tools = None) -> st.SearchStrategy[Message]:
    """Calls with text and reasoning around them; many of these a dialect has to refuse."""
    mild = st.sampled_from(["", "", "Sure.", "I look.\n\n", "\nOK\n"])
    texts = st.one_of(mild, mild, hostile_text(dialect, tools))
    return st.builds(Message, text=texts, reasoning=texts, calls=calls(dialect, tools))


@st.composite
def outputs(draw: st.DrawFn, dialect: str | Dialect, tools: Tools = None) -> str:
    """What a model may write: an encoded message between hostile text, with up to three pieces of damage."""
    hostile = hostile_text(dialect, tools)
    around = st.one_of(st.just(""), st.just(""), hostile)
    text = draw(around) + _written(draw(messages(dialect, tools)), dialect, tools) + draw(around)
    for _ in range(draw(st.integers(0, 3))):
        text = _damaged(draw, text, _markers(_dialect(dialect)))
    return text


def splits(text: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Ways in which a text may arrive: whole, one character at a time, or cut anywhere, empty chunks included."""
    cuts = st.lists(st.integers(0, len(text)), max_size=8).map(sorted)
    return st.one_of(cuts.map(lambda at: _cut(text, at)), st.just(tuple(text)), st.just((text,)))


@st.composite
def trials(draw: st.DrawFn, dialect: str | Dialect, tools: Tools = None) -> Trial:
    """An output with its tools, its chunks, and how the turn began and ended."""
    if tools is None:
        # Without tools nothing can be a call, so that is tried least.
        tools = draw(st.one_of(tool_sets(), tool_sets(), tool_sets(), st.none(), st.none(), st.just([])))
    text = draw(outputs(dialect, tools))
    finish_reason = draw(st.sampled_from([None, "stop", "length", "tool_calls"]))
    reasoning_open = draw(st.sampled_from([False, False, False, True]))
    return Trial(text, draw(splits(text)), tools, finish_reason, reasoning_open)


def _written(message: Message, dialect: str | Dialect, tools: Tools) -> str:
    """Encode a message; of one that is refused, as much as can be written."""
    parts = [Message(text=message.text), *(Message(calls=(call,)) for call in message.calls)]
    written = []
    for part in [message, *parts]:
        try:
            written.append(encode(part, dialect, tools=tools))
        except EncodeError:
            continue
        if part is message:
            break
    return "".join(written)


def _dialect(dialect: str | Dialect) -> Dialect:
    return find_dialect(dialect)


def _markers(dialect: Dialect) -> tuple[str, ...]:
    # Where a format has no markers, its first characters are what a reader may stumble over.
    return dialect.markers or ('{"name": "', '"}}', '", "parameters": {"')


_TAGS = re.compile(r"<[^<>]*>\s*|\[[^\[\]]*\]|[^<>\[\]]+")


def _hostile(dialect: Dialect, specimens: tuple[str, ...]) -> Texts:
    markers = st.sampled_from(_markers(dialect))
    halves = markers.flatmap(lambda marker: st.integers(1, len(marker)).map(lambda at: marker[:at]))
    tails = markers.flatmap(lambda marker: st.integers(0, len(marker) - 1).map(lambda at: marker[at:]))
    plain = st.sampled_from(_WORDS + _STRUCTURE + _JSON_PIECES + _OTHER_PIECES)
    # Openers with their slots filled and closers with the white space of the format are what a decoder believes.
    tags = st.sampled_from(tuple(tag for text in specimens for tag in _TAGS.findall(text)) or ("",))
    pieces = st.one_of(markers, plain, halves, tails, tags, tags, plain, st.sampled_from(specimens))
    return st.lists(pieces, max_size=10).map("".join)


def _specimens(dialect: str | Dialect, tools: Tools) -> tuple[str, ...]:
    """Whole encoded calls, and what stands between their values: among it a forged close with a forged call."""
    seed = "zqz"
    found = [""]
    for name, keys in _signatures(tools) or [("write_file", ["path", "content"])]:
        call = Call(name, dict.fromkeys(keys, seed))
        try:
            one, two = (encode([call] * count, dialect, tools=tools) for count in (1, 2))
        except EncodeError:
            continue
        found += [one, *two.split(seed)]
    return tuple(dict.fromkeys(found))


def _signatures(tools: Tools) -> list[tuple[str, list[str]]]:
    declared = _declared(tools)
    return [(name, [key for key, of in schema.items() if of.get("type") == "string"]) for name, schema in declared]


def _declared(tools: Tools) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for tool in tools or ():
        body = tool.get("function", tool)
        schema = body.get("parameters") or body.get("input_schema") or body.get("inputSchema") or {}
        found.append((body["name"], schema.get("properties", {})))
    return found


def calls_of(strings: Texts, tools: Tools) -> st.SearchStrategy[tuple[Call, ...]]:
    """Up to three calls as `calls` draws them, with these strings in their values."""
    if tools is None:
        anything = st.one_of(strings, strings, _json(strings))
        free = st.builds(Call, _NAMES, st.dictionaries(_KEYS, anything, max_size=3), _IDS)
        return st.lists(free, max_size=3).map(tuple)
    if not tools:
        return st.just(())
    declared = []
    for name, schema in _declared(tools):
        optional = {key: _values(of, strings) for key, of in schema.items()}
        declared.append(st.builds(Call, st.just(name), st.fixed_dictionaries({}, optional=optional), _IDS))
    return st.lists(st.one_of(declared), max_size=3).map(tuple)


def _values(schema: dict[str, Any], strings: Texts) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_values(option, strings) for option in schema["anyOf"]])
    kinds = schema.get("type", [])
    if not kinds:
        return st.one_of(strings, _json(strings))
    if isinstance(kinds, list):
        return st.one_of([_values({"type": kind}, strings) for kind in kinds])
    items = schema.get("items", {})
    by_kind: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "string": lambda: strings,
        "integer": st.integers,
        "number": lambda: st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans,
        "null": st.none,
        "object": lambda: st.dictionaries(strings, _json(strings), max_size=3),
        "array": lambda: st.lists(_values(items, strings), max_size=3),
    }
    return by_kind[kinds]()


def _json(strings: Texts) -> st.SearchStrategy[Any]:
    floats = st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), floats, strings)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=4,
    )


def _damaged(draw: st.DrawFn, text: str, markers: tuple[str, ...]) -> str:
    """Return `text` with one slice lost, doubled, moved or cut off, or with a marker where none belongs."""
    kind = draw(st.sampled_from(["delete", "double", "swap", "truncate", "insert", "surrogate"]))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    head, middle, tail = text[:start], text[start:end], text[end:]
    if kind == "delete":
        return head + tail
    if kind == "double":
        return head + middle + middle + tail
    if kind == "swap":
        return head + tail[:20] + middle + tail[20:]
    if kind == "truncate":
        return head
    return head + ("\ud83d" if kind == "surrogate" else draw(st.sampled_from(markers))) + middle + tail


def _cut(text: str, at: list[int]) -> tuple[str, ...]:
    edges = [0, *at, len(text)]
    return tuple(text[start:end] for start, end in pairwise(edges))
