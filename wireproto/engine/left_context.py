"""What stands to the left of a position outside calls, and what that lets the next marker be.

Law: what it answers rests on the text before a position, which never changes.
"""

from __future__ import annotations

import re
from math import inf

from wireproto.format.dialect import Dialect
from wireproto.format.spelling import Spelling
from wireproto.text.buffer import Buffer
from wireproto.text.scan import BLANK, NO, YES, Answer
from wireproto.text.state import State

_QUOTATION_MARKS = ('"', "'", "“", "‘", "«", "„", "‚", "‹")
# Where words have no blanks between them, a quotation follows a word directly; these marks only open.
_BRACKETS = ("「", "『", "《", "〈")
# A marker directly behind one of these may be quoted, and then opens nothing (R-OPEN).
QUOTING = ("`", *_QUOTATION_MARKS, *_BRACKETS)
_BEFORE_MARKS = BLANK + "([{=:,"
OPEN_QUOTATION = re.compile(r'(?:\A|[\s(\[{=:,])"[^"]*\Z|[“«][^”»]*\Z|„[^“”]*\Z|[「『][^」』]*\Z')
# How many openers that may be damaged are looked at: these, and one more for so many characters.
_REPAIRS = 32
_PER_REPAIR = 96
_LINE = 160  # how far back a line may reach that still counts as blank before a marker: more would be looked at again


class LeftContext(State):
    """What came last outside calls.

    `floor`: where the last markup or call ended; nothing before it is looked at. `after_call`: the spelling of the call
    that ended there, while only blanks followed. `section`: the spelling and the closer of the section that is open.
    `reasoning_closer`: where the closer of reasoning stands behind a speculative run of calls. `rescan_from`: up to
    here an opener was tried and more text decides; while only blanks follow, it is not tried again. `only_blank`:
    nothing but blanks and markup came so far. `retry_at`: an opener that may be damaged is not tried again before here.
    `repairs`: how many more may be looked at, text apart, since each costs more than a character may; `tried_at`: the
    last one that was looked at in vain. `passed`: no call without its first marker opens here.
    """

    __slots__ = ("after_call", "buffer", "floor", "only_blank", "passed", "reasoning_closer", "repairs",
                 "rescan_from", "retry_at", "section", "tried_at")  # fmt: skip

    def __init__(self, buffer: Buffer, repairs: bool = True) -> None:
        self.buffer = buffer
        self.floor = 0
        self.after_call: Spelling | None = None
        self.section: tuple[Spelling, str] | None = None
        self.reasoning_closer: tuple[int, int] | None = None
        self.rescan_from = self.retry_at = 0
        self.passed = -1
        self.repairs, self.tried_at = _REPAIRS if repairs else -inf, -1
        self.only_blank = True

    def restart(self, position: int) -> None:
        """Forget what stands before `position`; what was spent on repairs is spent."""
        self.floor = position
        self.after_call = self.section = self.reasoning_closer = None
        self.rescan_from = self.retry_at = 0
        self.passed = self.tried_at = -1
        self.only_blank = True

    def may_skip(self, stop: int) -> bool:
        """Return whether too little came since an opener was tried, or only blanks: it is not worth another try."""
        if stop < self.retry_at:
            return True
        if not self.rescan_from or not self.buffer.blank_since(self.rescan_from, stop):
            self.rescan_from = 0
            return False
        self.rescan_from = stop
        return True

    def lead_start(self, dialect: Dialect, in_section: bool, first: bool, position: int) -> int:
        """Return where the line breaks begin that belong to what opens at `position`, if they stand there.

        That is a section's opener, or else the message's first call.
        """
        section = dialect.section if in_section else None
        leads = (section.before,) if section is not None else dialect.call.before if first else ()
        stand = (len(lead) for lead in leads if self.buffer.slice(max(0, position - len(lead)), position) == lead)
        return position - max(stand, default=0)

    def without_lead(self, longest: str, start: int, position: int) -> int:
        """Return `position` less the line breaks before it that may belong to an opener, but not below `start`."""
        floor = max(start, position - len(longest))
        before = self.buffer.slice(floor, position)
        return floor + len(before.rstrip("\n"))

    def may_repair(self, position: int) -> bool:
        """Return whether an opener at `position` that may be damaged is looked at: more are in a longer text."""
        return self.repairs + position // _PER_REPAIR > 0

    def starts_line(self, position: int) -> bool:
        """Return whether only blanks stand before `position` on its line; markup before it counts as a line's start."""
        floor = max(self.floor, position - _LINE)
        before = self.buffer.slice(floor, position)
        cut = before.rfind("\n")
        if cut < 0 and floor > self.floor:
            return False
        return not before[cut + 1 :].strip(" \t")

    def begins_line(self, position: int) -> bool:
        """Return whether `position` is the very start of a line, or directly behind markup."""
        return position <= self.floor or self.buffer.slice(position - 1, position) == "\n"

    def is_alone(self, position: int, openers: tuple[str, ...]) -> bool:
        """Return whether `position` starts a line, and not behind an opener: what follows a quoted one is quoted."""
        return self.starts_line(position) and not self.follows_opener(position, openers)

    def follows_opener(self, position: int, openers: tuple[str, ...]) -> bool:
        """Return whether only blanks stand between one of the openers and `position`."""
        return self.buffer.slice(max(self.floor, position - _LINE), position).rstrip(BLANK).endswith(openers)

    def follows_markup(self, position: int) -> bool:
        """Return whether only blanks stand between the last markup or call and `position`."""
        return not self.buffer.slice(self.floor, position).strip(BLANK)

    def begins_block(self, at: int, joins: tuple[str, ...]) -> Answer:
        """Return whether nothing stands between the last markup and `at` of the window but what joins two blocks."""
        before = self.buffer.slice(self.floor, self.buffer.base + at).strip(BLANK)
        return YES if not before or before in joins else NO

    def is_quoted(self, position: int) -> bool:
        """Return whether a backtick or an opening quotation mark stands directly before `position`.

        A mark behind a word closes a quotation: what follows it is meant.
        """
        before = self.buffer.slice(max(self.floor, position - 2), position)
        opens = before[-1:] in _QUOTATION_MARKS and (len(before) < 2 or before[0] in _BEFORE_MARKS)
        return opens or before[-1:] == "`" or before[-1:] in _BRACKETS

    def in_quotation(self, position: int) -> bool:
        """Return whether inline code or a quotation that began on this line is open at `position`.

        A mark that directly stands before it is asked for by `is_quoted`.
        """
        line = self.buffer.slice(max(self.floor, position - _LINE), position).rpartition("\n")[2]
        return line.count("`") % 2 == 1 or OPEN_QUOTATION.search(line) is not None

    def ends_turn(self, held: str, tokens: tuple[str, ...], in_call: bool) -> bool:
        """Return whether the end of the output is end-of-turn tokens and nothing else, and they are meant.

        Outside calls they may be quoted, but not behind a line of backticks alone, which closes a fence. And `</s>`
        behind `<s>` is a closing tag.
        """
        rest, end = held.strip(BLANK), self.buffer.end
        while rest.startswith(tokens):
            token = max((token for token in tokens if rest.startswith(token)), key=len)
            rest = rest[len(token) :].lstrip(BLANK)
        tag = "<" + held[2 : held.find(">") + 1]
        closes = held.startswith("</") and tag in self.buffer.slice(max(0, end - _LINE), end)
        line = self.buffer.slice(max(0, end - _LINE), end).rpartition("\n")[2].strip(BLANK)
        quoted = not in_call and (self.is_quoted(end) or self.in_quotation(end)) and (len(line) < 3 or line.strip("`"))
        return bool(held) and not (rest or closes or quoted)

    def is_in_run(self, position: int, literal: str) -> bool:
        """Return whether a literal that is one character over and over stands behind that character: a longer run.

        A rule of `+` is no opener, and is not tried at each of its characters.
        """
        return (
            literal.count(literal[0]) == len(literal)
            and self.buffer.slice(max(0, position - 1), position) == literal[0]
        )

    def may_fence(self, position: int) -> bool:
        """Return whether a fence may open here: at most three spaces stand before it on its line (CommonMark 4.5)."""
        before = self.buffer.slice(max(self.floor, position - 4), position)
        indent = before[before.rfind("\n") + 1 :]
        return len(indent) <= 3 and not indent.strip(" ")
