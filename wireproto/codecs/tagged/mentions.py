"""What the rest of a value decides: whether a call that nobody declared is mentioned, what stands twice or is open.

Each looks a bounded way ahead. It must not know how markers are held or judged. Law: an answer never changes when more
text arrives, except from `WAIT`.
"""

from __future__ import annotations

from wireproto.codecs.tagged.markers import Marker
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_opening import CallOpening, OpenerContext, Opening, find_argument
from wireproto.format.near_misses import MAX_ELEMENT
from wireproto.machine.value_machine import ValueMachine
from wireproto.text.scan import BLANK, MAX_GAP, NO, WAIT, YES, Answer, Match, Miss, begins, skip_blank
from wireproto.tools.toolset import Toolset

_CALLS = 8  # how many calls that follow at once are passed over


def is_declared(call: CallOpening, tools: Toolset) -> bool:
    """Whether a call is one that a tool was declared for: by its name, and by the key of its first argument."""
    if not tools.accepts(call.name or ""):
        return False
    tool = tools.by_name.get(call.name or "")
    key = call.argument.slots["key"] if call.argument is not None else ""
    return tool is None or not key or key in tool.keys or tool.takes(key)


def call_at(
    machine: ValueMachine, text: str, at: int, limit: int, context: OpenerContext, in_section: bool = False
) -> CallOpening | Miss:
    """Find the opener of a call at `at`, inside a value or behind one; what has to lead it there comes first."""
    leads = machine.spelling.lead
    opening = Opening(machine.spelling, text, limit, context, in_section)
    if not leads:
        return opening.at(at)
    stands = {lead: begins(lead, text, at, limit) for lead in leads}
    lead = next((each for each in leads if stands[each] is YES), None)
    if lead is None:
        return WAIT if WAIT in stands.values() else NO
    return opening.at(skip_blank(text, at + len(lead), limit))


def outermost_closer(call: CallOpening) -> tuple[str, str]:
    """Return the letter and the text of what closes the outermost marker of a call."""
    if call.section:
        return "S", call.section_close
    return ("W", call.spelling.wrapper_close) if call.wrapped else ("C", call.call_close)


def goes_on_at_call(machine: ValueMachine, value: RawValue, text: str, at: int, limit: int, final: bool) -> Answer:
    """Whether the value goes on behind the closer of a call in it, which ends at `at`.

    It does unless closers of what is open around the outer call follow, or a call that a tool was declared for.
    """
    after, tools = skip_blank(text, at, limit), value.builder.tools
    for closer in filter(None, (machine.spelling.wrapper_close, *(close for _, close in machine.spelling.sections))):
        stands = begins(closer, text, after, limit)
        if stands is YES:
            return goes_on(machine, value, text, after + len(closer), limit, final)
        if stands is WAIT and not final:
            return WAIT
    context = OpenerContext(tools, final=final, unknown=False, line_start=True)
    found = call_at(machine, text, after, limit, context, machine.sectioned)
    if not isinstance(found, CallOpening):
        return WAIT if found is WAIT and not final else YES
    return goes_on(machine, value, text, at, limit, final) if is_declared(found, tools) else YES


def goes_on_behind_call(machine: ValueMachine, value: RawValue, text: str, at: int, limit: int, final: bool) -> Answer:
    """Whether the value goes on behind the first call that is closed from `at` on; it does if that is far away."""
    after = _behind_closers(machine, text, at, limit)
    if after >= 0:
        return goes_on(machine, value, text, after, limit, final)
    return NO if final else WAIT if limit <= at + MAX_GAP else YES


def goes_on(machine: ValueMachine, value: RawValue, text: str, at: int, limit: int, final: bool) -> Answer:
    """Whether the value goes on behind a call in it that ends at `at`.

    It does if behind that, and behind calls that follow at once, a closer of the value stands with what has to follow
    one; or if no end of the output is in sight.
    """
    stop, begin = min(limit, at + MAX_GAP), at
    context = OpenerContext(value.builder.tools, final=final, line_start=True)
    for _ in range(_CALLS):
        opening = call_at(machine, text, skip_blank(text, begin, stop), stop, context)
        if opening is WAIT and limit <= at + MAX_GAP and not final:
            return WAIT
        if not isinstance(opening, CallOpening):
            break
        begin = _behind_closers(machine, text, opening.body, stop)
        if begin < 0:
            break
    closer = machine.spelling.value_close(value.key)
    while begin >= 0 and (close := text.find(closer, begin, stop)) >= 0:
        begin = close + len(closer)
        after = skip_blank(text, begin, limit)
        ends = begins(machine.call_close, text, after, limit)
        key = find_argument(machine.spelling, text, after, limit, value.builder.tool)
        if ends is YES or isinstance(key, Match):
            return YES
        if WAIT in (ends, key):
            return YES if final else WAIT  # what the end of the output leaves of a marker counts as the whole (R-HOLD)
    return NO if final else WAIT if limit <= at + MAX_GAP else YES


def _behind_closers(machine: ValueMachine, text: str, at: int, limit: int) -> int:
    """Return where the first closers of a call and what it stands in end; -1 if they are not in sight."""
    close = text.find(machine.call_close, at, min(limit, at + MAX_GAP))
    after = close + len(machine.call_close)
    for closer in (machine.spelling.wrapper_close, *(section for _, section in machine.spelling.sections)):
        where = skip_blank(text, after, limit)
        after = where + len(closer) if closer and text.startswith(closer, where, limit) else after
    return after if close >= 0 else -1


def is_opened(machine: ValueMachine, value: RawValue, closer: Marker) -> bool:
    """Whether the value holds the tag that this closes, which is not the format's own."""
    if closer.letter == "v" and not machine.spelling.key_is_tag:
        return False
    buffer = value.builder.buffer
    tag = buffer.slice(closer.start, closer.end).strip(BLANK + "</>")
    return f"<{tag}" in buffer.slice(value.start, closer.start)


def is_again(machine: ValueMachine, value: RawValue, text: str, at: int, limit: int, final: bool) -> Answer:
    """Whether an opener that may be content opens nothing in a short value: it ends at the first closer."""
    closer, stop = machine.spelling.value_close(value.key), min(limit, at + MAX_ELEMENT)
    close = text.find(closer, at, stop)
    if close < 0:
        return NO if final or stop < limit or stop - at == MAX_ELEMENT else WAIT
    after = skip_blank(text, close + len(closer), limit)
    key = find_argument(machine.spelling, text, after, limit, value.builder.tool)
    ends = begins(machine.call_close, text, after, limit)
    if ends is YES or (isinstance(key, Match) and key.slots["key"] != value.key):
        return YES
    return WAIT if WAIT in (key, ends) and not final else NO
