"""`wp.dialect_for`: the known dialect of a model's name, or of its chat template by what that writes.

It must not know any format. Law: a template that writes calls has a dialect that writes or reads these calls, or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from wireproto.decode.decoder import parse
from wireproto.format.detection import by_markers, by_name
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.registry import dialects
from wireproto.learning.findings import KEY, KEYS, NAME, NAMES, VALUE, Unlearnable
from wireproto.learning.templates.calls import learn_layout
from wireproto.learning.templates.chat import RESULT, Chat, results, styled
from wireproto.learning.templates.chat import Call as Given
from wireproto.learning.templates.rendering import TemplateProcess
from wireproto.learning.templates.turns import learn_turn
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import DialectError, EncodeError, MissingExtra
from wireproto.values.model import Call
from wireproto.write.encoder import encode
from wireproto.write.results import ToolResult, render_results

_CONTENTS: Final = (RESULT, RESULT + "2")
_INNER: Final = {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"type": "string"}}
_OBJECT: Final = {"type": ["object", "null"], "properties": _INNER}
_TYPES: Final = {KEY: {"type": "string"}, KEYS[1]: _OBJECT, KEYS[2]: {"type": "boolean"}}
_TOOLS: Final = [{"name": name, "parameters": {"type": "object", "properties": _TYPES}} for name in NAMES]
_FIRST: Final = Call(NAME, {KEY: f"{VALUE}\nb", KEYS[1]: {"a": [1, 2], "b": "é"}, KEYS[2]: True})
_NULL: Final = Call(NAMES[1], {KEY: VALUE, KEYS[1]: None})
_PLAIN: Final = Call(NAMES[1], {KEY: VALUE})


def dialect_for(*, model: str | None = None, chat_template: str | None = None) -> Dialect:
    """Return the dialect of a model, by its name or by its chat template.

    Of a name, path, case, file type and quantisation do not matter. If several dialects fit the name, it is the one
    whose glob is the most specific. A template is rendered with calls if jinja2 is installed, in a process of its own
    and within limits: its dialect is the one that writes the same, or at least reads it. Where it cannot be rendered
    or writes no calls, it is the dialect whose markers the text of the template holds.

    Raises:
        DialectError: none fits; the message says what would help.
        TypeError: not exactly one of `model` and `chat_template` is given.
    """
    if (model is None) == (chat_template is None):
        raise TypeError("give either model= or chat_template=")
    if model is not None:
        return by_name(model)
    template = chat_template or ""
    with suppress(MissingExtra, Unlearnable), TemplateProcess(template, seconds=2, total=10) as process:
        return _by_writing(styled(process), template)
    return by_markers(template)


def _by_writing(chat: Chat, template: str) -> Dialect:
    """Return the dialect that writes calls as the template does, or reads what it writes.

    Raises:
        Unlearnable: the template cannot be rendered after all.
        DialectError: it can, and there is no such dialect.
    """
    turn = learn_layout(chat, learn_turn(chat, None)).turn
    # Some templates leave null out.
    has_null = KEYS[1] in (chat.calls([(_NULL.name, _NULL.arguments, chat.identity(0))]) or KEYS[1])
    text, calls = "", [_FIRST, _NULL if has_null else _PLAIN]
    given = [(call.name, call.arguments, chat.identity(index, call.name)) for index, call in enumerate(calls)]
    for count in (2, 1):  # some templates write one call in a turn and no more
        text = chat.calls(given[:count]) or ""
        calls, given = calls[:count], given[:count]
        if all(call.arguments[KEY].split("\n")[0] in text and call.name in text for call in calls) or count == 1:
            break
    tools = Toolset.of(_TOOLS)
    writing = [each for each in map(find_dialect, dialects()) if (_written(each, calls, tools) or "\0") in text]
    if writing:
        told = chat.calls(given, results(given, _CONTENTS[: len(given)])) or ""
        return max(
            writing,
            key=lambda each: (len(_written(each, calls, tools) or ""), _tells(each, given, told), len(each.models)),
        )
    body = turn.body(text) or ""
    nearest = _marked(template)
    candidates: list[Dialect] = [*_writing_one(text, calls, tools)]
    if nearest is not None:
        candidates.insert(0, nearest)
    for candidate in candidates:
        if _reads(candidate, body, calls, tools):
            return candidate
    hint = f"; {nearest.name} has the nearest markers and does not read its calls" if nearest is not None else ""
    raise DialectError(f"no known dialect writes calls as the chat template does{hint}: wp.learn makes a file of it")


def _tells(dialect: Dialect, calls: Sequence[Given], told: str) -> int:
    """Return how much a dialect writes of the results that a template tells; 0 if it writes them otherwise."""
    pairs = zip(calls, _CONTENTS, strict=False)
    with suppress(EncodeError):
        text = render_results([ToolResult(name, content, own) for (name, _, own), content in pairs], dialect).strip()
        return len(text) if text in told else 0
    return 0


def _writing_one(text: str, calls: Sequence[Call], tools: Toolset) -> Iterator[Dialect]:
    """Yield the dialects that write each of the calls as the template does, but not what is between them."""
    for each in map(find_dialect, dialects()):
        if all((_written(each, [call], tools) or "\0") in text for call in calls):
            yield each


def _marked(template: str) -> Dialect | None:
    try:
        return by_markers(template)
    except DialectError:
        return None


def _written(dialect: Dialect, calls: Sequence[Call], tools: Toolset) -> str | None:
    try:
        return encode(calls, dialect, tools)
    except EncodeError:
        return None


def _reads(dialect: Dialect, body: str, calls: Sequence[Call], tools: Toolset) -> bool:
    """Return whether a dialect reads these calls and leaves nothing over."""
    message = parse(body, dialect, tools)
    read = [(call.name, json.dumps(call.arguments, sort_keys=True), call.complete) for call in message.calls]
    wanted = [(call.name, json.dumps(call.arguments, sort_keys=True), True) for call in calls]
    return read == wanted and not message.text.strip()
