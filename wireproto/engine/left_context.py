"""Where the decoder is in the text outside calls: what came last, and what that lets the next marker be.

Law: what it answers rests on the text before a position, which never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wireproto.format.spelling import Spelling
from wireproto.text.buffer import Buffer
from wireproto.text.scan import BLANK

_QUOTATION_MARKS = ('"', "'", "“", "‘", "«")
# Directly behind one a marker may be quoted, and then opens nothing (R-OPEN).
QUOTING = ("`", *_QUOTATION_MARKS)
_BEFORE_MARKS = BLANK + "([{=:,"
_LINE = 160  # how far back a line may reach that still counts as blank before a marker


@dataclass(slots=True)
class LeftContext:
    """What came last outside calls.

    `floor`: where the last markup or call ended. `after`: whose call it was, while only blanks followed. `section`: the
    form and the closer of the section that is open. `thought`: the reasoning closer behind a run of calls that is not
    settled. `waited`: how far the text was looked at in vain. `blank`: nothing but blanks and markup so far.
    """

    floor: int = 0
    after: Spelling | None = None
    section: tuple[Spelling, str] | None = None
    thought: tuple[int, int] | None = None
    waited: int = 0
    blank: bool = True

    def copy(self) -> LeftContext:
        """Return an independent copy."""
        return replace(self)

    def waits(self, source: Buffer, stop: int) -> bool:
        """Tell whether nothing but blanks came since the text was looked at in vain."""
        if not self.waited or not source.blank_since(self.waited, stop):
            self.waited = 0
            return False
        self.waited = stop
        return True

    def starts_line(self, source: Buffer, position: int) -> bool:
        """Tell whether only blanks stand before `position` on its line; markup before it counts as a line's start."""
        floor = max(self.floor, position - _LINE)
        before = source.slice(floor, position)
        cut = before.rfind("\n")
        if cut < 0 and floor > self.floor:
            return False
        return not before[cut + 1 :].strip(" \t")

    def begins_line(self, source: Buffer, position: int) -> bool:
        """Tell whether `position` is the very start of a line, or directly behind markup."""
        return position <= self.floor or source.slice(position - 1, position) == "\n"

    def is_alone(self, source: Buffer, position: int, openers: tuple[str, ...]) -> bool:
        """Tell whether `position` starts a line, and not behind an opener: what follows a quoted one is quoted too."""
        return self.starts_line(source, position) and not self.text_before(source, position).endswith(openers)

    def text_before(self, source: Buffer, position: int) -> str:
        """Return the end of the text before `position`, without the blanks at its end."""
        return source.slice(max(self.floor, position - _LINE), position).rstrip(BLANK)

    def follows_markup(self, source: Buffer, position: int) -> bool:
        """Tell whether only blanks stand between the last markup or call and `position`."""
        return not source.slice(self.floor, position).strip(BLANK)

    def is_quoted(self, source: Buffer, position: int) -> bool:
        """Tell whether a backtick or an opening quotation mark stands directly before `position`.

        A mark behind a word closes a quotation: what follows it is meant.
        """
        before = source.slice(max(self.floor, position - 2), position)
        opens = before[-1:] in _QUOTATION_MARKS and (len(before) < 2 or before[0] in _BEFORE_MARKS)
        return opens or before[-1:] == "`"

    def may_fence(self, source: Buffer, position: int) -> bool:
        """Tell whether a fence may open at `position`: at most three spaces before it on its line (CommonMark 4.5)."""
        before = source.slice(max(self.floor, position - 4), position)
        indent = before[before.rfind("\n") + 1 :]
        return len(indent) <= 3 and not indent.strip(" ")
