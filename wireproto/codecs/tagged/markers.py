"""The markers in a raw value, and how it ended.

It must not know how markers are found or judged. Law: nothing here changes once it is made.
"""

from __future__ import annotations

from typing import NamedTuple

from wireproto.text.scan import Match


class Marker(NamedTuple):
    """A marker inside a value: its letter (see `Endings`), where it stands, and whether a nested call owns it.

    `closer`, of a call's opener, is what closes its outermost marker: its letter and its text. `tag`: it opens, as
    content, the tag that the value's closer closes. `mention`: it opens a call that nobody declared, 1 where it starts
    a line, 2 behind other text.
    """

    letter: str
    start: int
    end: int
    nested: bool = False
    tag: bool = False
    closer: tuple[str, str] = ("", "")
    mention: int = 0


class Ended(NamedTuple):
    """The value ended: `after` is where to go on; `doubtful`: by closers that seemed to belong to a nested call.

    `at_call`: the next call opens right behind its closer. `odd`: what stands behind the value and is no proper marker.
    `argument`: the opener of the next argument, if it was matched.
    """

    after: int
    doubtful: bool
    at_call: bool
    odd: tuple[Marker, ...] = ()
    argument: Match | None = None
