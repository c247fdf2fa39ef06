"""Calls to text, as the model's own chat template writes them, or a refusal.

It knows no format. Its law: what `encode` returns decodes to what it was given; whatever would not is an `EncodeError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile
from math import isfinite
from typing import Any, Final, Literal, Union

from wireproto.codecs import codec
from wireproto.decode.decoder import parse
from wireproto.engine.codec import WriteCall, loaded
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.text.json_safe import equal, identical
from wireproto.text.numbers import holds
from wireproto.text.scan import BLANK
from wireproto.tools.names import NAME
from wireproto.tools.toolset import Tool, Tools, Toolset
from wireproto.values.errors import EncodeError
from wireproto.values.exact_json import MAX_DEPTH
from wireproto.values.model import Call, Message, Span
from wireproto.values.policy import Loops, Policy
from wireproto.values.quoting import quoted
from wireproto.write.blocks import join_blocks

Encodable = Union[Message, Call, Sequence[Call]]
# What was written is read to be compared: nothing beside the calls and the text is asked for.
_READ_BACK: Final = Policy(
    second_look=False, validate="off", loops=Loops(max_repeated_calls=None, max_repeated_passages=None)
)
_EXACTLY: Final = replace(_READ_BACK, decimals=True)


def encode(
    message: Encodable,
    dialect: str | Dialect,
    tools: Tools = None,
    *,
    reasoning_open: bool = False,
    incomplete: Literal["refuse", "raw"] = "refuse",
) -> str:
    """Write a message, a call or a list of calls as a model of the dialect would have.

    What is returned decodes to what was given; a `decimal.Decimal` is written with all its digits, which decoding with
    `Policy.decimals` gives back. `tools` decide the types of raw values; without them a raw value comes back as text,
    so one that is no string is refused. `reasoning_open`: the prompt ends inside reasoning, so its opener is not
    written again. `incomplete`: a call that was cut off is refused, or its `raw` text is written as it was, as a
    harness does that replays history. A call that `Policy.promote` took from the text stays there as the model wrote
    it, and is written as a call behind that text too: before the next call, or at the end.

    Raises:
        EncodeError: a call is incomplete, or a value would not come back; names the call, the argument, and what would
            come back instead.
        TypeError: `message` is something else; for a dict, the message says how to make a call of it.
        DialectError, SchemaError: as `Decoder` does.
    """
    spec = find_dialect(dialect)
    bare = not isinstance(message, Message)
    message = _message(message)
    known = Toolset.of(tools)
    for i, call in enumerate(message.calls):
        if not call.complete and not (incomplete == "raw" and call.raw):
            raise EncodeError(
                f"{spec.name} cannot carry this: call {i} ({quoted(call.name)}) is {_incomplete(call, incomplete)}"
            )
    reasoning_open = reasoning_open and spec.reasoning is not None
    leads = not bare and _leads(message, spec)
    text = _write(message, spec, known, False, reasoning_open, leads)
    policy = _READ_BACK
    problem = _difference(message, text, spec, known, reasoning_open)
    if problem and any(holds(call.arguments, Decimal) for call in message.calls):
        known, policy = replace(known, tools=tuple(tool.with_decimals for tool in known.tools)), _EXACTLY
        text = _write(message, spec, known, False, reasoning_open, leads)
        problem = _difference(message, text, spec, known, reasoning_open, policy)
    if problem and (spec.argument.escape or spec.argument.strings == "cdata"):
        text = _write(message, spec, known, True, reasoning_open, leads)
        problem = _difference(message, text, spec, known, reasoning_open, policy)
    if problem:
        problem = _misfit_id(message, spec, known) or problem + _undeclared(message, spec, known)
        raise EncodeError(f"{spec.name} cannot carry this: {problem}")
    return text


def write_plainly(message: Message, dialect: Dialect, tools: Toolset) -> str:
    """Write a message by the dialect's templates and its codec's writer, without a look at what would come back.

    Raises:
        EncodeError: the writer itself refuses it: the format has no place for some part.
    """
    return _write(message, dialect, tools, False, False, _leads(message, dialect))


def _incomplete(call: Call, incomplete: str) -> str:
    """Say what is to be done about a call that was cut off."""
    if incomplete == "raw":
        return "incomplete and has no raw text"
    return 'incomplete: leave it out, or replay its own text with incomplete="raw"'


def _misfit_id(message: Message, dialect: Dialect, tools: Toolset) -> str:
    """Say which id a dialect cannot carry, where nothing but an id is wrong."""
    for index, call in enumerate(message.calls):
        if call.id is None or not call.complete or _misfit(replace(call, id=None), dialect, tools):
            continue
        if _misfit(call, dialect, tools):
            return (
                f"call {index} ({quoted(call.name)}) would not come back with the id {quoted(call.id)}; "
                f"leave it out, or take wp.new_id({dialect.name!r}, {index}, {quoted(call.name)})"
            )
    return ""


def _misfit(call: Call, dialect: Dialect, tools: Toolset) -> str:
    alone = Message(calls=(call,))
    return _difference(alone, _write(alone, dialect, tools, False, False), dialect, tools, False)


def _message(given: object) -> Message:
    if isinstance(given, Message):
        message = given
    elif isinstance(given, Call):
        message = Message(calls=(given,))
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes, bytearray, Mapping)):
        message = Message(calls=tuple(given))
    else:
        raise _mistyped(given)
    items: tuple[object, ...] = message.calls
    for item in items:
        if not isinstance(item, Call):
            raise _mistyped(item)
    return message


def _mistyped(given: object) -> TypeError:
    """Return the error for what is neither a message nor a call, with what to write instead."""
    if isinstance(given, Mapping):
        kind = "Call" if "name" in given else "Message"
        return TypeError(f"encode takes no dict: make a message or a call of it with wp.{kind}.from_dict(...)")
    return TypeError(f"encode takes a wp.Message, a wp.Call or a list of calls, not {type(given).__name__}")


def _leads(message: Message, dialect: Dialect) -> bool:
    """Return whether a message without text has what stands before its calls then, as far as that is known.

    Those are the line breaks of a section, or the markers of an empty text.
    """
    framing = dialect.framing
    if framing is not None and framing.empty and message.segments:
        openers = [opener for opener, _ in framing.content]
        before = takewhile(lambda segment: segment.kind != "call", message.segments)
        return any(opener in segment.raw for segment in before for opener in openers)
    first = message.segments[0].raw if message.segments else None
    return first is None or dialect.section is None or first.startswith(dialect.section.before)


def _write(
    message: Message, dialect: Dialect, tools: Toolset, escaped: bool, reasoning_open: bool, leads: bool = False
) -> str:
    """Write the parts of a message in order; white space of the dialect's own only where there is no text.

    `leads`: line breaks that belong to a section are written where nothing comes before it too.
    """
    out: list[str] = []
    run: list[str] = []
    index, last = 0, ""
    parts = [*_parts(message, dialect)]
    if dialect.framing is not None and not dialect.framing.bare:
        blocks = _block_parts(dialect, parts, tools, escaped)
        is_cut = bool(message.calls) and not message.calls[-1].complete
        return join_blocks(dialect, dialect.framing, blocks, reasoning_open, is_cut, leads)
    if reasoning_open and dialect.reasoning is not None and not (parts and parts[0][0] == "reasoning"):
        out.append(dialect.reasoning.close)
        reasoning_open, last = False, "reasoning"
    for kind, content in parts:
        if kind == "call":
            if not index and last == "text":
                out.append(_lead(message, dialect, out[-1]))
            run.append(_write_call(dialect, content, tools, index, escaped) if content.complete else content.raw)
            index += 1
            continue
        out += _section(dialect, run, last, leads, False)
        out.append(content if kind == "text" else _reasoning(dialect, content, reasoning_open))
        run, last, reasoning_open = [], kind, False
    out += _section(dialect, run, last, leads, bool(run) and not message.calls[-1].complete)
    return "".join(out)


def _block_parts(
    dialect: Dialect, parts: Iterable[tuple[str, Any]], tools: Toolset, escaped: bool
) -> Iterator[tuple[str, str]]:
    """Yield the parts of a message as they are written in their blocks."""
    index = 0
    for kind, content in parts:
        if kind == "call":
            yield kind, _write_call(dialect, content, tools, index, escaped) if content.complete else content.raw
            index += 1
        else:
            yield kind, _reasoning(dialect, content, False) if kind == "reasoning" else content


def _parts(message: Message, dialect: Dialect) -> Iterable[tuple[str, Any]]:
    if message.segments:
        left = list(message.calls)
        known = {call.span for call in left} & {part.span for part in message.segments if part.kind == "call"}
        before, text, _ = _text_before(message, dialect)
        for i, segment in enumerate(message.segments):
            if segment.kind == "call":
                yield from (("call", call) for call in _due(left, segment.span if known else None))
            elif i == before:
                yield "text", text
            elif segment.kind == "document":
                yield "text", segment.raw
            elif segment.kind != "markup":
                yield segment.kind, segment.raw
            elif dialect.framing is not None and (opener := dialect.framing.opener_at_end(segment.raw)):
                yield "frame", opener
            elif i and message.segments[i - 1].kind == "document":
                # A closing line must remain a line.
                yield "text", segment.raw[: len(segment.raw) - len(segment.raw.lstrip(BLANK))]
        yield from (("call", call) for call in left)
        return
    if message.reasoning:
        yield "reasoning", message.reasoning
    if message.text:
        yield "text", message.text
    for call in message.calls:
        yield "call", call


def _due(left: list[Call], span: Span | None) -> list[Call]:
    """Take the calls up to the one that stands at `span`; the next one, where no call has a place.

    Those before it were promoted: they have no place of their own. A place whose call was taken out has none.
    """
    count = 1 if span is None else next((i + 1 for i, call in enumerate(left) if call.span == span), 0)
    due = left[:count]
    del left[:count]
    return due


def placed(message: Message) -> Iterator[Call]:
    """Yield the call of each segment that is one; a call that policy promoted stands in the text and has none."""
    spans = {segment.span for segment in message.segments if segment.kind == "call"}
    yield from [call for call in message.calls if call.span in spans] or message.calls


def _lead(message: Message, dialect: Dialect, text: str) -> str:
    """Return the line breaks between text and the first call that belong to the call: those that were read, if any."""
    leads = dialect.call.before
    _, _, read = _text_before(message, dialect)
    if read or dialect.name in message.dialects:
        leads = (read, *leads) if leads else ()
    return next((lead for lead in leads if _ending(text + lead, dialect.call.before) == lead), "")


def _text_before(message: Message, dialect: Dialect) -> tuple[int, str, str]:
    """Return which segment is the text before the first call, and that text and its lead as the dialect reads them.

    Conversion keeps the line breaks; whether they are text is for each dialect to say.
    """
    segments = message.segments
    call = next((i for i, segment in enumerate(segments) if segment.kind == "call"), 0)
    between = segments[call - 1].raw if call > 1 and segments[call - 1].kind == "markup" else ""
    at = call - 1 if not between else call - 2
    if call == 0 or segments[at].kind != "text" or between.strip("\n"):
        return -1, "", ""
    whole = segments[at].raw + between
    lead = _ending(whole, dialect.call.before if dialect.section is None else (dialect.section.before,))
    return at, whole[: len(whole) - len(lead)], lead


def _ending(text: str, leads: Iterable[str]) -> str:
    """Return the longest of the leads that a text ends with."""
    return max((lead for lead in leads if text.endswith(lead)), key=len, default="")


def _section(dialect: Dialect, calls: list[str], last: str, leads: bool, is_cut: bool) -> list[str]:
    if not calls:
        return []
    lead = dialect.section.before if dialect.section is not None and (last or leads) else ""
    if last == "reasoning" and dialect.reasoning is not None:
        lead = dialect.reasoning.after
    body = dialect.call.join.join(calls)
    if dialect.section is None:
        return [lead, body]
    return [lead, dialect.section.open.format(), body, "" if is_cut else dialect.section.close.format()]


def _reasoning(dialect: Dialect, text: str, is_open: bool) -> str:
    if dialect.reasoning is None:
        raise EncodeError(f"{dialect.name} cannot carry this: it has no reasoning")
    return ("" if is_open else dialect.reasoning.open) + text + dialect.reasoning.close


def _write_call(dialect: Dialect, call: Call, tools: Toolset, index: int, escaped: bool) -> str:
    if not isinstance(call.arguments, dict):
        raise EncodeError(f"call {quoted(call.name)}: arguments must be a dict, not {type(call.arguments).__name__}")
    arguments: dict[Any, Any] = call.arguments
    for key, value in arguments.items():
        problem = "its name is not a string" if not isinstance(key, str) else _not_json(value)
        if problem:
            raise EncodeError(f"call {quoted(call.name)}: argument {quoted(key)} is not JSON: {problem}")
    try:
        tool = tools.get(call.name) or Tool(call.name)
        write: WriteCall = loaded(codec(dialect.codec).write)
        return write(dialect, call, tool, index, escaped)
    except ValueError as error:
        named = f" with the id {quoted(call.id)}" if call.id is not None else ""
        raise EncodeError(f"call {quoted(call.name)}{named}: {error}") from None


def _not_json(value: Any) -> str:
    """Say what in a value JSON has no word for, or nothing."""
    todo = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH}"
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                return "an object's key is not a string"
            todo += [(member, depth + 1) for member in item.values()]
        elif isinstance(item, list):
            todo += [(member, depth + 1) for member in item]
        elif isinstance(item, (float, Decimal)) and not isfinite(item):
            return str(item)
        elif item is not None and not isinstance(item, (str, int, float, Decimal)):
            return f"a {type(item).__name__}"
    return ""


def _difference(
    message: Message, text: str, dialect: Dialect, tools: Toolset, reasoning_open: bool, policy: Policy = _READ_BACK
) -> str:
    """Decode what was written; say what would not come back, or nothing."""
    cut = "length" if any(not call.complete for call in message.calls) else None
    back = parse(text, dialect, tools, policy=policy, finish_reason=cut, reasoning_open=reasoning_open)
    for i, call in enumerate(message.calls):
        if i >= len(back.calls):
            return f"call {i} ({quoted(call.name)}) would not come back as a call"
        found = back.calls[i]
        if found.name != call.name:
            return f"call {i} ({quoted(call.name)}) would come back as {quoted(found.name)}"
        problem = _argument_difference(call, found, equal if policy.decimals else identical)
        if problem:
            return f"call {i} ({quoted(call.name)}): {problem}"
        if call.id not in (None, found.id) and _writes_id(dialect, call, tools):
            return f"call {i} ({quoted(call.name)}): the id {quoted(call.id)} would come back as {quoted(found.id)}"
    if len(back.calls) > len(message.calls):
        return f"{len(back.calls)} calls would come back instead of {len(message.calls)}"
    # Whoever reads it without knowing its documents reads them as text.
    written = "".join(content for kind, content in _parts(message, dialect) if kind == "text")
    if back.text != written:
        return f"the text {quoted(written)} would come back as {quoted(back.text)}"
    if back.reasoning != message.reasoning:
        return f"the reasoning {quoted(message.reasoning)} would come back as {quoted(back.reasoning)}"
    return ""


def _writes_id(dialect: Dialect, call: Call, tools: Toolset) -> bool:
    """Return whether the dialect has a place for an id; where it has none, an id is left out."""
    bare = replace(call, id=None)
    return _write_call(dialect, call, tools, 0, False) != _write_call(dialect, bare, tools, 0, False)


def _undeclared(message: Message, dialect: Dialect, tools: Toolset) -> str:
    """Say which name or key would have to be declared to be read as one, or nothing."""
    roles = dialect.call.open.roles | dialect.argument.open.roles
    for call in message.calls:
        tool = tools.get(call.name)
        names = [call.name] if tool is None and roles else []
        names += [key for key in call.arguments if "key" in roles and (tool is None or key not in tool.keys)]
        for name in names:
            if NAME.fullmatch(name) is None:
                return f"; {quoted(name)} is a name only where the tools declare it"
    return ""


def _argument_difference(call: Call, found: Call, same: Callable[[Any, Any], bool]) -> str:
    wanted, back = call.arguments, found.arguments
    for key, value in wanted.items():
        if key not in back:
            return f"argument {quoted(key)} would not come back"
        if not same(back[key], value):
            return f"argument {quoted(key)} would come back as {quoted(back[key])}"
    if len(back) > len(wanted):
        extra = next(key for key in back if key not in wanted)
        return f"an argument {quoted(extra)} would come back that was not given"
    return "" if found.complete == call.complete else "it would come back incomplete"
