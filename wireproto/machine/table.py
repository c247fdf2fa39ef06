"""The machine of a dialect as a table: in which context which marker leads where, for people to read.

It must not know how tables are printed or drawn. Law: what it says of raw values is what `ValueMachine` holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from wireproto.format.dialect import Dialect
from wireproto.format.spelling import Spelling, spellings
from wireproto.format.tag import Tag
from wireproto.format.template import Slot, Template
from wireproto.machine.endings import Endings
from wireproto.machine.value_machine import ValueMachine, value_machine

TEXT: Final = "text"
VALUE: Final = "value"
ENDED: Final = "the value ended"
_BEHIND: Final = "behind a call"
_BETWEEN: Final = "between arguments"
# What a letter of `Endings` stands for, where it is not one marker of the dialect.
_LETTERS: Final = {
    "a": "opener of a declared key that is not given yet, where it may end a value",
    "M": "</{key}>",
    "O": "opener of a call",
    "Z": "whole call without arguments",
    "F": "foreign element",
    "v": "closer of the value, with a slip",
    "c": "closer of the call, with a slip",
    "w": "closer of the wrapper, with a slip",
    "s": "closer of the section, with a slip",
    "$": "end of the output",
}


class Arrow(NamedTuple):
    """In a context, a label leads to the next; in raw values it is a letter of `Endings`, and `marker` is its text."""

    context: str
    label: str
    marker: str
    next: str


def arrows(dialect: Dialect) -> tuple[Arrow, ...]:
    """Return all arrows of a dialect's canonical spelling.

    In a raw value a context is what is held: markers that are content or the end of the value, as what follows says.
    A marker that no arrow has there makes the first of them content; the others are read again.
    """
    spelling = spellings(dialect)[0]
    return (*_around_calls(dialect, spelling), *_in_calls(spelling))


def machine_of(spelling: Spelling) -> ValueMachine:
    """Return the machine of values in calls that have all their markers, whatever tool is called."""
    return value_machine(spelling, spelling.call_close("{name}"), spelling.wrapper is not None, bool(spelling.sections))


def written(template: Template) -> str:
    """Return a template as its file has it, without white space at the edges."""
    pieces = []
    for node in template.trimmed:
        if isinstance(node, Slot):
            pair = node.quotes[0] if node.quotes else ""
            pieces.append(pair[:1] + "{" + node.role + "}" + pair[1:])
        else:
            pieces.append(node.text)
    return "".join(pieces)


def _around_calls(dialect: Dialect, spelling: Spelling) -> Iterator[Arrow]:
    call, section = written(dialect.call.open), dialect.section
    reasoning = dialect.reasoning
    if reasoning is not None:
        yield Arrow(TEXT, "opener of reasoning", reasoning.open, "reasoning")
        yield Arrow("reasoning", "closer of reasoning", reasoning.close, TEXT)
        if reasoning.ends_at_call:
            yield Arrow("reasoning", "opener of a call", call, _BETWEEN)
    yield Arrow(TEXT, "code fence", "``` or ~~~", "fence")
    yield Arrow("fence", "end of the fence", "``` or ~~~", TEXT)
    first = TEXT
    if section is not None:
        first = "section"
        yield Arrow(TEXT, "opener of a section", written(section.open), first)
        yield Arrow(_BEHIND, "closer of the section", written(section.close), TEXT)
    else:
        yield Arrow(_BEHIND, "text", "", TEXT)
    yield Arrow(first, "opener of a call", call, _BETWEEN)
    yield Arrow(_BEHIND, "opener of a call", (dialect.call.join + call).strip(), _BETWEEN)
    if not spelling.keys or any(isinstance(node, Tag) for node in spelling.keys[0].nodes):
        yield Arrow(_BETWEEN, f"the arguments, as {dialect.codec}", "", _BETWEEN)
    if dialect.call.close.nodes:
        yield Arrow(_BETWEEN, "closer of the call", written(dialect.call.close), _BEHIND)
    else:
        yield Arrow(_BETWEEN, "end of the arguments", "", _BEHIND)


def _in_calls(spelling: Spelling) -> Iterator[Arrow]:
    """Yield the arrows of raw values: the smallest automaton of the sequences in `Endings`."""
    argument = spelling.dialect.argument
    if not spelling.keys or not argument.close.trimmed:
        return
    yield Arrow(_BETWEEN, "opener of an argument", written(argument.open), VALUE)
    machine = machine_of(spelling)
    texts = _LETTERS | {
        "A": written(spelling.keys[0]),
        "V": written(spelling.value_closer),
        "C": machine.call_close,
        "W": spelling.wrapper_close,
        "S": spelling.sections[0][1] if spelling.sections else "",
    }
    # A dialect without sections has no closer of one, nor a slip in it.
    reached = {""}
    for held, letter, then in value_arrows(machine.endings):
        if held in reached and texts[letter] and texts.get(letter.upper()):
            yield Arrow(_held(held), letter, texts[letter], ENDED if then is None else _held(then))
            reached |= set() if then is None else {then}
    yield Arrow(ENDED, "", "", _BETWEEN)


def value_arrows(endings: Endings) -> list[tuple[str, str, str | None]]:
    """Return the smallest automaton of the sequences: (letters held, letter, letters held then or None at the end).

    Of the sequences that have the same future the shortest names the state.
    """
    # What begins with an accepted sequence is never read to its end.
    ends = {s for s in endings.accepted if not any(s[:i] in endings.accepted for i in range(1, len(s)))}
    rests: dict[str, set[str]] = defaultdict(set)
    for sequence in ends:
        for i in range(len(sequence)):
            rests[sequence[:i]].add(sequence[i:])
    names: dict[frozenset[str], str] = {}
    for held in sorted(rests, key=lambda held: (len(held), held)):
        names.setdefault(frozenset(rests[held]), held)
    name = {held: names[frozenset(rest)] for held, rest in rests.items()}
    return [
        (held, letter, None if held + letter in ends else name[held + letter])
        for held in names.values()
        for letter in sorted({rest[0] for rest in rests[held]})
    ]


def _held(letters: str) -> str:
    return f"{VALUE}, held {letters}" if letters else VALUE
