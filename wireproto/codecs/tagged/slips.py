"""What stands in or behind a raw value where a marker has a slip in it, or something foreign stands among markers.

It must not know how markers are judged. Law: what is read here counts only where no proper marker would fit.
"""

from __future__ import annotations

from collections.abc import Callable

from wireproto.codecs.tagged.markers import Marker
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.bare_openers import find_bare
from wireproto.format.near_misses import foreign_element, near_miss
from wireproto.machine.value_machine import ValueMachine, other_closers, value_markers
from wireproto.text.scan import NO, WAIT, YES, Miss, begins


def misspelt(
    machine: ValueMachine,
    value: RawValue,
    may_follow: Callable[[str], bool],
    text: str,
    at: int,
    limit: int,
    final: bool,
) -> Marker | Miss:
    """Read a closer with a slip in it, or as another spelling of the dialect has it, where its letter `may_follow`."""
    base = value.builder.buffer.base
    if machine.spelling.dialect.nonce:
        return NO
    for letter, closer in other_closers(machine, value.key):
        if may_follow(letter) and (stands := begins(closer, text, at, limit)) is not NO:
            return Marker(letter, base + at, base + at + len(closer)) if stands is YES else NO if final else WAIT
    for letter, closer in value_markers(machine, value.key).closers:
        begun = text.startswith(closer[:2], at, limit) and machine.may_slip(letter, closer)
        if begun and may_follow(letter.lower()):
            found = near_miss(closer, text, at, limit, final)
            if found is not NO:
                return WAIT if found is WAIT else Marker(letter.lower(), base + at, base + found)
    return NO


def odd_element(
    machine: ValueMachine, value: RawValue, first: bool, text: str, at: int, limit: int, final: bool
) -> Marker | Miss:
    """Read a foreign element behind a value's closer, or, where it is the `first`, a call that lacks its marker."""
    builder, spelling = value.builder, machine.spelling
    base = builder.buffer.base
    if spelling.dialect.nonce:
        return NO
    if spelling.value_open is not None and first and not text.startswith("<", at, limit):
        bare = find_bare(spelling, builder.tools, builder.tool, text, at, limit, final)
        return Marker(bare[0], base + at, base + bare[1]) if isinstance(bare, tuple) else bare
    closers = tuple(closer for letter, closer in value_markers(machine, value.key).closers if letter != "M")
    found = foreign_element(text, at, limit, final, closers)
    return Marker("F", base + at, base + found) if isinstance(found, int) else found
