"""The reduced automaton has the texts of the value automaton, and few transitions from each position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest
from effort import few_dialects
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.automata.automaton import Dfa, build_dfa, edges_to
from wireproto.automata.charset import Ranges, char_set, complement, difference, union
from wireproto.format.spelling import spellings
from wireproto.grammars.expr.expr import EMPTY, Expr, Literal
from wireproto.grammars.raw.delayed_determinisation import START, Position, ReducedAutomaton, Transition
from wireproto.machine.boundary import ValueBoundary
from wireproto.machine.marker_nfa import Arc, ValueAutomaton
from wireproto.machine.sites import ValueSite
from wireproto.tools.toolset import Toolset

TAGGED = [name for name in few_dialects() if wp.dialect(name).codec == "tagged" and wp.dialect(name).argument.is_raw]
ALPHABET = ("a", "<", "\n", "`")
OTHER = difference(complement(char_set("".join(ALPHABET) + "#")), ((0, 0),))
CALL = Literal("#")  # stands for the rest of a nested call
TOOLS = [
    {"name": "write", "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "text": {}}}},
    {"name": "run", "parameters": {"type": "object", "properties": {"code": {"type": "string"}}}},
]
# Inside a transition: what is left of it to read, and where it leads.
Spot = tuple[tuple[Ranges, ...], Position]


@st.composite
def readings(draw: st.DrawFn) -> ValueAutomaton:
    """Return automata whose states are alike but for a few characters, as those of raw values are."""
    size = draw(st.integers(1, 6))
    state = st.integers(0, size - 1)
    usual = {character: draw(state) for character in (*ALPHABET, "")}
    rows = []
    for _ in range(size):
        own = {"<": draw(st.none() | state)}
        more = draw(st.dictionaries(st.sampled_from((*ALPHABET, "")), st.none() | state, max_size=1))
        rows.append(_row({**usual, **own, **more}))
    opens = draw(st.dictionaries(state, state, max_size=2))
    return ValueAutomaton(tuple(rows), frozenset(draw(st.sets(state, min_size=1))), opens)


def _row(targets: Mapping[str, int | None]) -> tuple[Arc, ...]:
    groups: dict[int, list[Ranges]] = {}
    for character, target in targets.items():
        if target is not None:
            groups.setdefault(target, []).append(char_set(character) if character else OTHER)
    return tuple(Arc(union(*sets), target) for target, sets in groups.items())


@given(readings(), st.booleans())
def test_the_texts_are_those_of_the_automaton(automaton: ValueAutomaton, nested: bool) -> None:
    calls: dict[Ranges, Expr] = {char_set("<"): CALL} if nested else {}
    assert texts_of(ReducedAutomaton(automaton, calls), automaton.exits) == plain(automaton, nested)


@pytest.mark.parametrize("name", TAGGED)
@pytest.mark.parametrize("padded", [True, False])
def test_the_texts_of_a_dialect_are_those_of_its_automaton(name: str, padded: bool) -> None:
    dialect = wp.dialect(name)
    site = ValueSite.of(spellings(dialect)[0], Toolset.of(TOOLS)).at("write", "text")
    boundary = ValueBoundary(site, dialect.argument.pad if padded else "")
    assert texts_of(ReducedAutomaton(boundary.automaton(), {}), boundary.automaton().exits) == boundary.texts()


@pytest.mark.parametrize("name", TAGGED)
def test_plain_text_is_read_where_few_transitions_lead_to_many(name: str) -> None:
    site = ValueSite.of(spellings(wp.dialect(name))[0], Toolset.of(TOOLS)).at("write", "text")
    automaton = ValueBoundary(site).automaton()
    reduced = ReducedAutomaton(automaton, {})
    behind = [
        len(reduced.transitions(move.target)) if len(move.sets) == 1 else 1
        for move in reduced.transitions(_behind("word", reduced))
    ]
    # 8 without the ends of tags, any of which may be a closer with a slip in it: that costs llama.cpp 12 to 28 %.
    assert sum(behind) <= 17, "each more makes the engine slower for every character"
    assert any(len(move.sets) == 2 for move in reduced.transitions(_behind("word", reduced)))


def _behind(text: str, reduced: ReducedAutomaton) -> Position:
    position = START
    for character in text:
        position = next(
            move.target
            for move in reduced.transitions(position)
            if len(move.sets) == 1 and _holds(move.sets[0], character)
        )
    return position


def _holds(ranges: Ranges, character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


def plain(automaton: ValueAutomaton, nested: bool) -> Dfa:
    """Return the texts of a value automaton, a nested call as `<#`; its `<` may also be another one."""
    transitions: dict[Position, list[Transition]] = {
        Position(state): [Transition((arc.ranges,), Position(arc.target)) for arc in arcs]
        for state, arcs in enumerate(automaton.arcs)
    }
    for state, behind in automaton.opens.items() if nested else ():
        transitions[Position(state)].append(Transition((char_set("<"), char_set("#")), Position(behind)))
    return _determined(lambda position: transitions[position], automaton.exits)


def texts_of(reduced: ReducedAutomaton, exits: Iterable[int]) -> Dfa:
    """Return the texts of the reduced automaton."""

    def spelled(position: Position) -> list[Transition]:
        return [
            move if move.rest == EMPTY else Transition((*move.sets, char_set("#")), move.target)
            for move in reduced.transitions(position)
        ]

    return _determined(spelled, exits)


def _determined(transitions: Callable[[Position], Iterable[Transition]], exits: Iterable[int]) -> Dfa:
    ends = set(exits)
    number: dict[frozenset[Spot], int] = {frozenset({((), START)}): 0}
    order = list(number)
    rows = []
    finals = []
    for spots in order:
        moves = [(sets, position) for sets, position in spots if sets]
        moves += [(move.sets, move.target) for sets, position in spots if not sets for move in transitions(position)]
        if any(not sets and position.state in ends for sets, position in spots):
            finals.append(number[spots])
        row = []
        for part in _parts(sets[0] for sets, _ in moves):
            after = frozenset((sets[1:], position) for sets, position in moves if _holds(sets[0], chr(part[0][0])))
            if after not in number:
                number[after] = len(number)
                order.append(after)
            row += edges_to(part, number[after])
        rows.append(row)
    return build_dfa(rows, finals)


def _parts(sets: Iterable[Ranges]) -> list[Ranges]:
    """Return the coarsest parts of these sets that none of them tells apart."""
    parts: list[Ranges] = []
    for ranges in dict.fromkeys(sets):
        inside = [part for each in parts if (part := difference(each, difference(each, ranges)))]
        outside = [part for each in parts if (part := difference(each, ranges))]
        rest = difference(ranges, union(*parts)) if parts else ranges
        parts = [*inside, *outside, *([rest] if rest else [])]
    return parts
