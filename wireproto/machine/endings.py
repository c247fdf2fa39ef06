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
    of the value's own name. C, W, S: the closers of call, wrapper and section. O: the opener of another call; Z: behind
    other markers, a whole call without arguments. v, c, w, s: the closers with a slip in them. F: a foreign element.
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
    chains = ["C" + more for more in after_call if more not in ("O", "$")]
    outer = [w + s for w in ("", "W") for s in ("", "S")]
    must = "W" if wrapped else ""
    # One more closer of the call or of a value behind the call's closes nothing.
    after_call |= {stray + more for stray in "CV" for more in after_call if more}
    follow = {"A", "a", "$"} | {"C" + more for more in after_call}
    follow |= {o + last for o in outer if o for last in "O$"}  # the call's own closer is missing
    # Or all closers are missing, or all but the outermost.
    follow |= {"O", "S"} if sectioned and not wrapped else {"O"}
    # R-CLOSE2: a second closer right behind the first belongs to the same decision.
    look = {v + more for v in ("V", "VV") for more in follow}
    # R-NOCLOSE: without its own closer a value ends at closers that lead to the next call or the end, nothing else.
    unclosed = {"C" + o + last for o in outer for last in "O$" if last == "$" or must in o}
    # A closer with a slip in it, or that of another name, ends the value where none would be needed, or where all
    # others follow it without a slip; one of those may have one if the value has not. Foreign elements are skipped.
    slips = {first + rest for first in "vM" for rest in unclosed | {"a"}} | {"v" + o + "$" for o in outer}
    rest = ["C" + o for o in outer]
    slips |= {"V" + each + "$" for all_of in rest for each in _with_slips(all_of)}
    slips |= {"V" + "F" * times + each for times in (1, 2, 3) for each in ("a", *(each + "$" for each in rest))}
    slips |= {first + chain for first in ("v", "M", "VF", "VFF", "VFFF") for chain in chains}
    slips |= {"V" + each for chain in chains for each in _with_slips(chain)}
    whole = {each for ended in look | unclosed for each in _mentions(ended, sectioned)}
    return Endings.of(look | unclosed | slips | whole | {"a"})


def _with_slips(closers: str) -> set[str]:
    """Return the sequences in which one of these closers has a slip."""
    return {closers[:i] + closers[i].lower() + closers[i + 1 :] for i in range(len(closers))}


def _mentions(ended: str, sectioned: bool) -> set[str]:
    """Return an ending by the next call as it is where that call has no arguments: text behind it makes it a mention.

    More than three of them in a row are calls, whatever follows: a value mentions one, and a model makes several.
    """
    if len(ended) < 2 or ended[-1] != "O":
        return set()
    follow = {"O", "$"} | (
        {"SO", "S$", *(["S"] if ended[0] == "V" else [])} if sectioned and "S" not in ended else set()
    )
    runs = {ended[:-1] + "Z" * times for times in (1, 2, 3)}
    return {run + more for run in runs for more in follow} | {ended[:-1] + "ZZZZ"}


# Closers that belong to a nested call, by every sign, are the outer call's after all if the output ends with them.
_AT_END = {
    first + c + w + s + "$" for first in ("V", "VV", "") for c in ("", "C") for w in ("", "W") for s in ("", "S")
} - {"$", "W$", "S$", "WS$"}
NESTED_ENDINGS = Endings.of(_AT_END)
# So they are behind a mention of a tool that nobody declared, if the outer call's next argument follows, or X: its
# outermost closer, and nothing that shows that the value goes on.
MENTION_ENDINGS = Endings.of(_AT_END | {"Va", "VVa"} | {v + c + "X" for v in ("V", "VV") for c in ("", "C", "CW")})
