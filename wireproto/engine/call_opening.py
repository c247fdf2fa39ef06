"""Where a call begins: the opener of a section, a wrapper and a header, and what must follow them.

The templates come from `Spelling`; here are the rules R-OPEN, R-COMMIT and R-MISSING. It knows nothing of events.
Law: an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wireproto.engine.left_context import LeftContext
from wireproto.engine.record_opening import RecordAhead, odd_arguments
from wireproto.format.codec import Statements
from wireproto.format.declared import holding
from wireproto.format.near_misses import MIN_NAMED, near_miss, written_twice
from wireproto.format.spelling import Spelling
from wireproto.format.template import Template
from wireproto.text.scan import NO, WAIT, YES, Answer, Match, Miss, begins, skip_blank
from wireproto.tools.toolset import Tool, Toolset
from wireproto.values.quoting import quoted

Notes = list[tuple[str, str]]
_PADDING = ("", "\r", "\n")  # what a value begins with whose padding is a line break, or that is not there
_LOST_MARKER: Notes = [("missing-wrapper", "the call's opening marker is missing")]


class CallOpening(NamedTuple):
    """A call's opener in the text: positions are those of the text that was searched.

    `call_close` is the closer of the call itself, empty where there is none. `argument` is the opener of the first
    argument, where it was matched to prove that this is a call. `notes` are diagnoses: code and message. `closed`: the
    header closes itself, so that the call has no body. `joined`: it stands in the markers of the call before it.
    `noise`: text between the section's opener and the call.
    """

    spelling: Spelling
    start: int
    body: int
    call_close: str
    name: str | None
    id: str | None
    wrapped: bool
    section: tuple[int, int] | None
    section_close: str
    closed: bool = False
    notes: tuple[tuple[str, str], ...] = ()
    argument: Match | None = None
    joined: bool = False
    noise: tuple[int, int] | None = None

    @property
    def lead(self) -> int:
        """How many characters of its section's opener, and of what follows that, stand before the call."""
        return self.start - self.section[0] if self.section is not None else 0

    def joining(self, at: int) -> CallOpening:
        """Return the opening of a call that begins at `at` in the same markers."""
        notes = (("several-calls", ""),)
        return self._replace(
            start=at, body=at, id=None, wrapped=True, section=None, notes=notes, argument=None, joined=True
        )


class OpenerContext(NamedTuple):
    """What is the same for every call that may open in one stretch of text.

    `own` names the configured dialect; without one, none is foreign. `unknown`: tools that nobody declared count too.
    `undetected`: it is not known yet which dialect this is. `line_start`: whether an opener starts a line, so that a
    marker may be missing before it; None to ask `left`, where an opener behind one of `openers` does not.
    """

    tools: Toolset
    own: str = ""
    final: bool = False
    unknown: bool = True
    undetected: bool = False
    line_start: bool | None = None
    left: LeftContext | None = None
    openers: tuple[str, ...] = ()


def find_call(
    spellings: Sequence[Spelling], inside: Spelling | None, text: str, pos: int, end: int, context: OpenerContext
) -> CallOpening | Miss:
    """Find the first spelling whose call opens at `pos`; `inside` is the one whose section is open, if there is one.

    In another dialect than the configured one only declared tools count: prose about a format is likelier than a call.
    Of dialects that differ in the white space around a value alone, it is the one whose first value shows its own.
    """
    unpadded: CallOpening | None = None
    for spelling in spellings:
        found = Opening(spelling, text, end, context, spelling is inside).at(pos)
        if found is NO and spelling is inside and spelling.sections:
            found = Opening(spelling, text, end, context, False, False).at(pos)
        if found is NO:
            continue
        if not isinstance(found, CallOpening):
            return found
        foreign = context.own not in ("", spelling.dialect.name)
        if (context.undetected or foreign) and found.argument is not None and _has_unpadded_twin(spelling, spellings):
            if found.argument.end >= end and not context.final:
                return WAIT
            # One that begins with another opener is none: that is a slip, and shows nothing.
            first = text[found.argument.end : min(end, found.argument.end + 1)]
            if first not in _PADDING and first != spelling.keys[0].first[:1]:
                unpadded = unpadded or found
                continue
        if foreign:
            message = f"the call is written in {spelling.dialect.name}, not in {context.own}"
            return found._replace(notes=(("foreign-dialect", message), *found.notes))
        return found
    return unpadded or NO


def _has_unpadded_twin(spelling: Spelling, others: Sequence[Spelling]) -> bool:
    """Return whether a dialect has the same openers, and no white space of its own around a value."""
    return spelling.dialect.argument.pad != "" and any(
        other.dialect.argument.pad == "" and other.headers == spelling.headers and other.keys == spelling.keys
        for other in others
    )


def find_argument(spelling: Spelling, text: str, pos: int, end: int, tool: Tool | None) -> Match | Miss:
    """Match an argument's opener (of key/value pairs: its first half)."""
    answer: Miss = NO
    for template in spelling.keys:
        found = template.match(text, pos, end)
        if not isinstance(found, Match):
            answer = WAIT if found is WAIT else answer
        elif answer is WAIT:
            return WAIT
        elif tool is None or (key := found.slots["key"]) in tool.keys or not spelling.needs_tool(key):
            return found
    if answer is WAIT or not spelling.paired or tool is None:
        return answer
    found = written_twice(spelling.keys[0], text, pos, end)
    return found if not isinstance(found, Match) or found.slots["key"] in tool.keys else NO


class Opening:
    """One spelling, tried at one place; `in_section` if its section is open there.

    `line_start` says whether the place may make up for a missing marker (R-MISSING); None until somebody asks.
    """

    __slots__ = ("_context", "_end", "_in_section", "_line_start", "_pos", "_spelling", "_text", "_unknown")

    def __init__(
        self,
        spelling: Spelling,
        text: str,
        end: int,
        context: OpenerContext,
        in_section: bool = False,
        line_start: bool | None = None,
    ) -> None:
        self._spelling, self._text, self._end, self._pos = spelling, text, end, 0
        self._context, self._in_section = context, in_section
        self._line_start = context.line_start if line_start is None else line_start
        self._unknown = context.unknown and context.own in ("", spelling.dialect.name)

    def at(self, pos: int) -> CallOpening | Miss:
        """Find the opener of a call at `pos`: section, wrapper and header, and what must follow them."""
        self._pos = pos
        waiting = False
        for section, close in self._spelling.sections if not self._in_section else ():
            found = section.match(self._text, pos, self._end)
            inner = self._call(found.end, (pos, found.end), close) if isinstance(found, Match) else found
            if isinstance(inner, CallOpening):
                return inner
            waiting = waiting or inner is WAIT
        return WAIT if waiting else self._call(pos, None, "")

    def _call(self, pos: int, section: tuple[int, int] | None, section_close: str) -> CallOpening | Miss:
        """Match wrapper and header; outside a section, what is missing must be made up for by the start of a line."""
        spelling, text, end = self._spelling, self._text, self._end
        start = skip_blank(text, pos, end) if section else pos
        body, wrapped = start, spelling.encloses
        if spelling.wrapper is not None:
            found = spelling.wrapper.match(text, start, end)
            if found is WAIT:
                return WAIT
            if isinstance(found, Match):
                body, wrapped = skip_blank(text, found.end, end), True
        outside = section is None and not self._in_section
        no_section = bool(spelling.sections) and outside
        notes: Notes = []
        if no_section or (spelling.wrapper is not None and not wrapped):
            if outside and not self._at_line_start():
                return NO
            notes.append(("missing-wrapper", ""))
        headers = spelling.headers
        if spelling.late_headers and outside and body == start and self._at_line_start():
            headers += spelling.late_headers
        answer: Miss = NO
        for i, header in enumerate(headers):
            late = i >= len(spelling.headers)
            if no_section and not header.first.strip("{[(\"'") and not late:
                continue  # nothing would be left to tell the call from text
            missing = _LOST_MARKER if late else notes
            head = self._header(header, body, bool(missing))
            if not isinstance(head, tuple):
                answer = WAIT if head is WAIT else answer
                continue
            if answer is WAIT:
                return WAIT
            match, close, name, identity, more, argument = head
            variant: Notes = [("marker-variant", "")] if spelling.variant else []
            every = (*missing, *variant, *more)
            outer = (section, section_close)
            return CallOpening(
                spelling, start, match.end, close, name, identity, wrapped, *outer, match.closed, every, argument
            )
        return (
            answer
            if answer is WAIT or not spelling.bodiless
            else self._without_body(body, start, section, section_close, notes)
        )

    def _without_body(
        self, pos: int, start: int, section: tuple[int, int] | None, section_close: str, notes: Notes
    ) -> CallOpening | Miss:
        """Match the header of a call without a body, of a tool that needs no arguments."""
        answer: Miss = NO
        for header in self._spelling.bodiless:
            head = self._header(header, pos, bool(notes), bodiless=True)
            if not isinstance(head, tuple):
                answer = WAIT if head is WAIT else answer
                continue
            match, close, name, identity, more, _ = head
            # Behind the closer the arguments may follow all the same, with the marker before them.
            marker = self._spelling.headers[0].literals[-1].strip()
            at = skip_blank(self._text, match.end, self._end)
            stands = begins(marker, self._text, at, self._end) if at < self._end or not self._context.final else NO
            if stands is WAIT and not self._context.final:
                return WAIT
            has_body, every = stands is YES, (*notes, *more)
            body = at + len(marker) if has_body else match.end
            every = (*every, ("marker-variant", "a closing marker stands before the arguments")) if has_body else every
            return CallOpening(
                self._spelling, start, body, close, name, identity, False, section, section_close, not has_body, every
            )
        return answer

    def _at_line_start(self) -> bool:
        if self._line_start is None:
            left, openers = self._context.left, self._context.openers
            self._line_start = left is not None and left.is_alone(left.buffer.base + self._pos, openers)
        return self._line_start

    def _header(
        self, header: Template, pos: int, recovered: bool, bodiless: bool = False
    ) -> tuple[Match, str, str | None, str | None, Notes, Match | None] | Miss:
        """Match a header and what must follow it; `recovered`: a marker before it is missing.

        Returns the match, the call's closer, its name and id, diagnoses, and the opener of the first argument.
        """
        found = header.match(self._text, pos, self._end)
        if not isinstance(found, Match):
            return found
        spelling, tools = self._spelling, self._context.tools
        notes: Notes = [] if found.canonical else [("marker-variant", "")]
        name, identity = found.slots.get("name"), found.slots.get("id")
        if name is None and identity is not None and spelling.named:
            resolved = spelling.resolve_id(identity, tools)
            if resolved is None:
                return NO
            name, canonical = resolved
            if not canonical:
                notes.append(("noncanonical-id", f"the id {quoted(identity)} does not have the format's form"))
        if name is not None:
            alone = header.name_only and not spelling.marked
            if not (tools.any_name or name in tools.by_name) and (recovered or alone or not self._unknown):
                return NO
            # With no tools to know names by, a name in brackets counts only where a line starts.
            if alone and tools.any_name and not (self._in_section or self._at_line_start()):
                return NO
        close = spelling.fixed_close if spelling.fixed_close is not None else spelling.call_close(name) if name else ""
        if bodiless:
            tool = tools.by_name.get(name or "")
            needs = tool is not None and tool.schema.get("required")
            return NO if needs else (found, close, name, identity, notes, None)
        follows = YES if found.closed else self._follows(found.end, close, name, header, recovered)
        if follows is NO:
            broken = self._broken_close(found.end, close, name)
            if not isinstance(broken, int):
                return broken
            found, follows = found._replace(end=broken, closed=True), YES
            notes.append(("broken-closer", ""))
        if follows is WAIT:
            return follows
        return found, close, name, identity, notes, follows if isinstance(follows, Match) else None

    def _follows(self, pos: int, close: str, name: str | None, header: Template, recovered: bool) -> Match | Answer:
        """Decide by what follows a header whether it opens a call (R-OPEN); an argument's opener is returned."""
        spelling, text, end = self._spelling, self._text, self._end
        at = skip_blank(text, pos, end)
        if spelling.codec.statements is not None:
            return self._first_statement(spelling.codec.statements, at, header.first, recovered)
        if name is None:
            bare = spelling.markerless and self._context.undetected  # anybody's JSON may begin so
            return self._first_member(at, bool(header.nodes) or (bool(spelling.sections) and not bare))
        # At the end of output half a follower counts as that follower (R-HOLD).
        cut = YES if self._context.final else WAIT
        if at >= end:
            return cut
        if spelling.codec.body == "any":
            # Behind a marker, or another call, the codec's reader knows what may follow.
            if spelling.codec.begins is None or spelling.marked or self._in_section:
                return YES
            follows = spelling.codec.begins(text, at, end, spelling.unusual_keys)
            return cut if follows is WAIT else follows
        closer = begins(close, text, at, end) if close else NO
        if closer is YES:
            return YES
        if spelling.codec.body == "object":
            body: Match | Answer = YES if text[at] in spelling.codec.opens else NO
            body = odd_arguments(text, at, end, close) if body is NO else body
            if body is NO and spelling.dialect.framing is not None and self._context.left is not None:
                # Where a block begins, its header says what it is, whatever follows.
                body = self._context.left.begins_block(self._pos, spelling.dialect.framing.joins)
        else:
            body = find_argument(spelling, text, at, end, self._context.tools.by_name.get(name))
        return cut if body is WAIT or (body is NO and closer is WAIT) else body

    def _broken_close(self, pos: int, close: str, name: str | None) -> int | Miss:
        """Match a closer with a slip in it right behind the header, outside of other calls.

        The tool is declared and needs no arguments; behind the closer another marker follows, a line break or the end.
        """
        spelling, text, end, context = self._spelling, self._text, self._end, self._context
        tool = context.tools.by_name.get(name or "")
        if tool is None or tool.required or context.left is None or spelling.codec.body != "arguments":
            return NO
        if close[:2] != "</" or (spelling.key_is_tag and len(close) < MIN_NAMED):
            return NO
        after = near_miss(close, text, skip_blank(text, pos, end), end, context.final)
        if not isinstance(after, int) or (after >= end and context.final):
            return after
        if after >= end:
            return WAIT
        firsts = (spelling.wrapper_close, *(closer for _, closer in spelling.sections), *spelling.openers)
        at = skip_blank(text, after, end)
        stands = [begins(first, text, at, end) for first in firsts if first]
        alone = text[after] in "\r\n" and not (spelling.wrapper_close or spelling.sections)
        if YES in stands or alone or (context.final and at >= end):
            return after
        return WAIT if WAIT in stands and not context.final else NO

    def _first_statement(self, statements: Statements, pos: int, header: str, recovered: bool) -> Answer:
        """Decide R-COMMIT for a table that is a call: a statement follows; without a section, the name of a tool."""
        text = self._text
        again = begins(header, text, pos, self._end)  # a header that stands twice: the second one counts
        if pos >= self._end or again is not NO:
            return NO if again is YES else WAIT
        if not recovered:
            return YES if statements.begins.match(text, pos) else NO
        naming = statements.naming(self._spelling.dialect.record.name[0])
        found = holding(naming, "name", self._context.tools.unusual.names).match(text, pos, self._end)
        if not isinstance(found, Match):
            return found
        return YES if self._context.tools.accepts(found.slots["name"]) else NO

    def _first_member(self, pos: int, marked: bool) -> Answer:
        """Decide R-COMMIT for a JSON object: its first key is a known member; without markers, the tool's name."""
        text, end, context, record = self._text, self._end, self._context, self._spelling.dialect.record
        if pos >= end:
            return WAIT
        if text[pos] != "{":
            return self._ahead(marked).look(pos) if text[pos] == "[" else NO
        at = skip_blank(text, pos + 1, end)
        if at >= end:
            return WAIT
        quote = text[at]
        if quote not in "\"'":
            return self._ahead(marked).look(pos) if quote == "{" else NO
        answer = NO
        for word in (*record.name, *record.arguments, *record.id) if marked else record.name:
            stands = begins(word + quote, text, at + 1, end)
            if stands is YES:
                answer = YES if marked else self._ahead(False).begins_call(at + len(word) + 2, context.final)
                break
            answer = WAIT if stands is WAIT else answer
        return self._ahead(marked).look(pos) if answer is NO else answer

    def _ahead(self, marked: bool) -> RecordAhead:
        context, record = self._context, self._spelling.dialect.record
        return RecordAhead(
            self._text, self._end, record, context.tools, marked, self._unknown, context.undetected, self._in_section
        )
