"""Where a call begins: the opener of a section, a wrapper and a header, and what must follow them.

The templates come from `Spelling`; here are the rules R-OPEN, R-COMMIT and R-MISSING. It knows nothing of events.
Law: an answer never changes when more text arrives, except from `Miss.MORE` to another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wireproto.format.codec import Statements
from wireproto.format.dialect import Record
from wireproto.format.nodes import Slot
from wireproto.format.spelling import Spelling
from wireproto.format.template import Template
from wireproto.text.scan import Match, Miss, begins, skip_blank
from wireproto.tools.toolset import Toolset


@dataclass(frozen=True, slots=True)
class CallOpening:
    """A call's opener in the text: positions are those of the text that was searched."""

    form: Spelling
    start: int
    body: int
    name: str | None
    id: str | None
    wrapped: bool
    section: tuple[int, int] | None
    section_close: str
    closed: bool = False
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OpenerContext:
    """What the place of an opener allows: known tools, whether the text ends here, and where in it we are.

    `own` names the configured dialect; without one, none is foreign. `unknown`: tools that nobody declared count too.
    `unsettled`: what dialect this is, is not known yet.
    """

    tools: Toolset
    own: str = ""
    final: bool = False
    in_section: bool = False
    line_start: bool = False
    unknown: bool = True
    unsettled: bool = False


def find_call(
    forms: Iterable[Spelling], inside: Spelling | None, text: str, pos: int, end: int, scope: OpenerContext
) -> CallOpening | Miss:
    """Find the first form whose call opens at `pos`; `inside` is the form whose section is open, if there is one.

    In another dialect than the configured one only declared tools count: prose about a format is likelier than a call.
    """
    for form in forms:
        foreign = scope.own not in ("", form.dialect.name)
        here = replace(scope, in_section=form is inside, unknown=scope.unknown and not foreign)
        found = open_call(form, text, pos, end, here)
        if found is Miss.NO and form is inside and form.sections:
            found = open_call(form, text, pos, end, replace(here, in_section=False, line_start=False))
        if foreign and isinstance(found, CallOpening):
            said = f"the call is written in {form.dialect.name}, not in {scope.own}"
            return replace(found, notes=(("foreign-dialect", said), *found.notes))
        if found is not Miss.NO:
            return found
    return Miss.NO


def empty_block(forms: Iterable[Spelling], literal: str, text: str, pos: int, end: int) -> int | Miss:
    """Return where a block ends that holds nothing but blanks; `literal` at `pos` would open it."""
    at = skip_blank(text, pos + len(literal), end)
    waiting = False
    for closer in (closer for form in forms for closer in form.closers_of(literal)):
        stands = begins(closer, text, at, end)
        if stands is True:
            return at + len(closer)
        waiting = waiting or stands is Miss.MORE
    return Miss.MORE if waiting else Miss.NO


def find_closer(
    form: Spelling, name: str, section_close: str | None, text: str, pos: int, end: int
) -> tuple[str, bool] | Miss:
    """Find the closer at `pos` that may stand behind a finished call, and whether it closes nothing then.

    A section's opener may begin with its closer, as where both are fences: then it is the opener.
    """
    waiting = False
    for closer, orphan in form.closers_behind(name, section_close):
        stands = begins(closer, text, pos, end)
        reopened = form.reopens(closer, text, pos, end) if stands is True else Miss.NO
        if stands is True and reopened is Miss.NO:
            return closer, orphan
        waiting = waiting or Miss.MORE in (stands, reopened)
    return Miss.MORE if waiting else Miss.NO


def open_call(form: Spelling, text: str, pos: int, end: int, scope: OpenerContext) -> CallOpening | Miss:
    """Find the opener of a call at `pos`: section, wrapper and header, and what must follow them."""
    more = False
    for section, close in form.sections if not scope.in_section else ():
        found = section.match(text, pos, end)
        if isinstance(found, Match):
            inner = _after_section(form, text, found.end, end, scope, (pos, found.end), close)
            if isinstance(inner, CallOpening):
                return inner
            more = more or inner is Miss.MORE
        else:
            more = more or found is Miss.MORE
    if more:
        return Miss.MORE
    return _after_section(form, text, pos, end, scope, None, "")


def _after_section(
    form: Spelling, text: str, pos: int, end: int, scope: OpenerContext, section: tuple[int, int] | None, close: str
) -> CallOpening | Miss:
    start = skip_blank(text, pos, end) if section else pos
    missing = bool(form.sections) and section is None and not scope.in_section
    body, wrapped = start, False
    if form.wrapper is not None:
        found = form.wrapper.match(text, start, end)
        if found is Miss.MORE:
            return Miss.MORE
        if isinstance(found, Match):
            body, wrapped = skip_blank(text, found.end, end), True
    unwrapped = form.wrapper is not None and not wrapped
    if (missing or unwrapped) and not scope.line_start and not (section or scope.in_section):
        return Miss.NO
    notes = [("missing-wrapper", "")] if missing or unwrapped else []
    late = section is None and not scope.in_section and scope.line_start
    headers = [(header, notes) for header in form.headers if header.first or not missing]
    if late and body == start:
        headers += [
            (header, [("missing-wrapper", "the call's opening marker is missing")]) for header in form.late_headers
        ]
    worst = Miss.NO
    for header, said in headers:
        head = _header(form, header, text, body, end, scope, bool(said))
        if isinstance(head, Miss):
            worst = Miss.MORE if head is Miss.MORE else worst
            continue
        if worst is Miss.MORE:
            return worst
        after, name, identity, closed, more = head
        if form.variant:
            more = [("marker-variant", ""), *more]
        return CallOpening(form, start, after, name, identity, wrapped, section, close, closed, (*said, *more))
    return worst


_Header = tuple[int, "str | None", "str | None", bool, "list[tuple[str, str]]"]


def _header(
    form: Spelling, header: Template, text: str, pos: int, end: int, scope: OpenerContext, recovered: bool
) -> _Header | Miss:
    found = header.match(text, pos, end)
    if isinstance(found, Miss):
        return found
    notes = [] if found.canonical else [("marker-variant", "")]
    name, identity = found.slots.get("name"), found.slots.get("id")
    if form.named and name is None and identity is not None:
        resolved = form.resolve_id(identity, scope.tools)
        if resolved is None:
            return Miss.NO
        name, canonical = resolved
        if not canonical:
            notes.append(("noncanonical-id", f"the id {identity!r} does not have the format's form"))
    if name is not None:
        bare = header.first in ("", "<")
        if not scope.tools.accepts(name) and (recovered or bare or not scope.unknown):
            return Miss.NO
        if bare and not scope.line_start and scope.tools.any_name:
            return Miss.NO
    follow = found.closed or _follows(form, text, found.end, end, scope, name, header, recovered)
    return follow if isinstance(follow, Miss) else (found.end, name, identity, found.closed, notes)


def _follows(
    form: Spelling,
    text: str,
    pos: int,
    end: int,
    scope: OpenerContext,
    name: str | None,
    header: Template,
    recovered: bool,
) -> bool | Miss:
    at = skip_blank(text, pos, end)
    if (statements := form.codec.statements) is not None:
        return _first_statement(form, statements, text, at, end, scope, recovered)
    if name is None:
        return _first_member(form, text, at, end, scope, bool(header.nodes) or bool(form.sections))
    if at >= end:
        return scope.final or Miss.MORE
    close = form.call_close(name)
    if form.codec.body == "object":
        verdicts = [begins("{", text, at, end), begins(close, text, at, end) if close else Miss.NO]
    elif form.codec.body == "arguments":
        key = form.find_key(text, at, end, scope.tools.get(name))
        verdicts = [begins(close, text, at, end) if close else Miss.NO, key if isinstance(key, Miss) else True]
    else:
        return True  # the codec's reader knows what may follow
    if True in verdicts:
        return True
    if Miss.MORE not in verdicts:
        return Miss.NO
    return scope.final or Miss.MORE  # at the end of output half a follower counts as that follower (R-HOLD)


def _first_statement(
    form: Spelling, statements: Statements, text: str, pos: int, end: int, scope: OpenerContext, recovered: bool
) -> bool | Miss:
    """Decide R-COMMIT for a table that is a call: a statement follows; without a section, the name of a tool."""
    if pos >= end:
        return Miss.MORE
    if not recovered:
        return True if statements.begins.match(text, pos) else Miss.NO
    found = statements.naming(form.dialect.record.name[0]).match(text, pos, end)
    if isinstance(found, Miss):
        return found
    return True if scope.tools.accepts(found.slots["name"]) else Miss.NO


def _first_member(form: Spelling, text: str, pos: int, end: int, scope: OpenerContext, marked: bool) -> bool | Miss:
    """Decide R-COMMIT for a JSON object that is a call: its first key is a known member; without markers, its name."""
    record = form.dialect.record
    at = pos
    for literals in (("{",), ('"', "'")):
        if at >= end:
            return Miss.MORE
        if text[at] not in literals:
            return Miss.NO
        at = skip_blank(text, at + 1, end) if literals == ("{",) else at + 1
    quote = text[at - 1]
    known = (*record.name, *record.arguments, *record.id) if marked else record.name
    verdicts = {word: begins(word + quote, text, at, end) for word in known}
    word = next((word for word, verdict in verdicts.items() if verdict is True), None)
    if word is None:
        return Miss.MORE if Miss.MORE in verdicts.values() else Miss.NO
    return True if marked else _declared_name(record, text, at + len(word) + 1, end, scope)


def _declared_name(record: Record, text: str, pos: int, end: int, scope: OpenerContext) -> bool | Miss:
    at = skip_blank(text, pos, end)
    for expected in (":", "\"'"):
        if at >= end:
            return Miss.MORE
        if text[at] not in expected:
            return Miss.NO
        at = skip_blank(text, at + 1, end) if expected == ":" else at
    slot = Slot("name", (text[at] * 2,)).match(text, at, end)
    if isinstance(slot, Miss):
        return slot
    if not scope.tools.accepts(slot[1]):
        return Miss.NO
    return not scope.unsettled or _second_member(record.arguments[0], text, slot[0], end)


def _second_member(name: str, text: str, pos: int, end: int) -> bool | Miss:
    """Tell whether the next member has this name: what sets a format without markers apart from any other JSON."""
    at = skip_blank(text, pos, end)
    comma = begins(",", text, at, end)
    if comma is not True:
        return comma
    return begins(f'"{name}"', text, skip_blank(text, at + 1, end), end)
