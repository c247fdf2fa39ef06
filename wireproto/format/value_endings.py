"""Which sequences of markers end a raw value: the table that decoder and grammar both read.

Markers inside a value become letters (see `Endings`). While the letters that are held begin an accepted sequence, the
decoder waits; when they spell one, the value ended at the first of them; when they do neither, the first was content.
It must not know how a marker is spelled. Law: the table is the same for every dialect; what differs is only which
markers a call and its message have open.

An example, `<parameter=a>` in qwen3_coder, whose calls stand in a wrapper: behind `</parameter>` (V) a `</function>`
(C) and a `</tool_call>` (W) and then the end of output (`$`) spell "VCW$", which is accepted: the value ended. If text
follows the wrapper's closer instead, "VCW" alone must be accepted, which it is where text may follow a call. If
`</function>` is followed by more of a sentence, "VC" begins nothing that is accepted any more: both were content.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Endings:
    """Which sequences of markers end a value. One letter a marker, `$` the end of output.

    V: the value's closer. A: an argument opener; a: the same where it may end a value that has no closer. M: the closer
    of the value's own name. C, W, S: the closers of call, wrapper and section. O: the opener of another call.
    """

    accepted: frozenset[str]
    prefixes: frozenset[str]

    @classmethod
    def of(cls, accepted: set[str]) -> Endings:
        """Return the endings that accept exactly these sequences."""
        return cls(frozenset(accepted), frozenset(s[:i] for s in accepted for i in range(1, len(s))))


@cache
def endings(wrapped: bool, sectioned: bool) -> Endings:
    """Return the endings of a value at depth 0, by which markers its call and message have open."""
    # R-LOOK: the call's closer counts if the next call, the end, or the closer of the outermost open marker follows it.
    after_call = {"W", "O", "$"} if wrapped else {"S", "O", "$"} if sectioned else {""}
    if wrapped and sectioned:
        after_call |= {"S"}
    outer = [w + s for w in ("", "W") for s in ("", "S")]
    must = "W" if wrapped else ""
    follow = {"A", "a", "$"} | {"C" + more for more in after_call}
    follow |= {o + last for o in outer if o for last in "O$"}  # the call's own closer is missing
    # Or all closers are missing, or all but the outermost.
    follow |= {"O", "S"} if sectioned and not wrapped else {"O"}
    # R-CLOSE2: a second closer right behind the first belongs to the same decision.
    look = {v + more for v in ("V", "VV") for more in follow}
    # R-NOCLOSE: without its own closer a value ends at closers that lead to the next call or the end, nothing else.
    unclosed = {"C" + o + last for o in outer for last in "O$" if last == "$" or must in o}
    return Endings.of(look | unclosed | {"a", "Ma"})


# Closers that belong to a nested call, by every sign, are the outer call's after all if the output ends with them.
NESTED_ENDINGS = Endings.of(
    {first + c + w + s + "$" for first in ("V", "VV", "") for c in ("", "C") for w in ("", "W") for s in ("", "S")}
    - {"$", "W$", "S$", "WS$"}
)
