"""Ways between places say the same texts as the automaton that they are made of, and few begin at each place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.format.spelling import spellings
from wireproto.grammars.automata.automaton import Dfa, build_dfa, edges_to
from wireproto.grammars.automata.charset import char_set, complement, difference, union
from wireproto.grammars.expr.expr import EMPTY, Expr, Literal, Ranges
from wireproto.grammars.raw.boundary import ValueBoundary, ValueSite
from wireproto.grammars.raw.marker_nfa import Arc, ValueAutomaton
from wireproto.grammars.raw.stack_reduction import START, Position, ReducedAutomaton, Transition
from wireproto.tools.toolset import Toolset

TAGGED = [name for name in wp.dialects() if wp.dialect(name).codec == "tagged"]
ALPHABET = ("a", "<", "\n", "`")
OTHER = difference(complement(char_set("".join(ALPHABET) + "#")), ((0, 0),))
CALL = Literal("#")  # stands for the rest of a nested call
TOOLS = [
    {"name": "write", "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "text": {}}}},
    {"name": "run", "parameters": {"type": "object", "properties": {"code": {"type": "string"}}}},
]
# Where a way stands: what of it is left to read, and where it leads.
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
def test_the_texts_are_those_of_the_automaton(reading: ValueAutomaton, nested: bool) -> None:
    calls: dict[Ranges, Expr] = {char_set("<"): CALL} if nested else {}
    assert texts_of(ReducedAutomaton(reading, calls), reading.exits) == plain(reading, nested)


@pytest.mark.parametrize("name", TAGGED)
@pytest.mark.parametrize("padded", [True, False])
def test_the_texts_of_a_dialect_are_those_of_its_automaton(name: str, padded: bool) -> None:
    dialect = wp.dialect(name)
    site = ValueSite.of(spellings(dialect)[0], Toolset.of(TOOLS)).at("write", "text")
    boundary = ValueBoundary(site, dialect.argument.pad if padded else "")
    assert texts_of(ReducedAutomaton(boundary.reading(), {}), boundary.reading().exits) == boundary.texts()


@pytest.mark.parametrize("name", TAGGED)
def test_most_text_is_read_where_few_ways_lead_to_many(name: str) -> None:
    site = ValueSite.of(spellings(wp.dialect(name))[0], Toolset.of(TOOLS)).at("write", "text")
    reading = ValueBoundary(site).reading()
    ways = ReducedAutomaton(reading, {})
    behind = [len(ways.of(way.target)) if len(way.sets) == 1 else 1 for way in ways.of(_behind("word", ways))]
    assert sum(behind) <= 8, "each more makes the engine slower for every character"
    assert any(len(way.sets) == 2 for way in ways.of(_behind("word", ways)))


def _behind(text: str, ways: ReducedAutomaton) -> Position:
    place = START
    for character in text:
        place = next(way.target for way in ways.of(place) if len(way.sets) == 1 and _holds(way.sets[0], character))
    return place


def _holds(ranges: Ranges, character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


def plain(reading: ValueAutomaton, nested: bool) -> Dfa:
    """Return the texts of a reading, a nested call as `<#`; its `<` may also be another one."""
    ways: dict[Position, list[Transition]] = {
        Position(state): [Transition((arc.ranges,), Position(arc.target)) for arc in arcs]
        for state, arcs in enumerate(reading.arcs)
    }
    for state, behind in reading.opens.items() if nested else ():
        ways[Position(state)].append(Transition((char_set("<"), char_set("#")), Position(behind)))
    return _determined(lambda place: ways[place], reading.exits)


def texts_of(ways: ReducedAutomaton, exits: Iterable[int]) -> Dfa:
    """Return the texts of ways."""

    def spelled(place: Position) -> list[Transition]:
        return [
            way if way.rest == EMPTY else Transition((*way.sets, char_set("#")), way.target) for way in ways.of(place)
        ]

    return _determined(spelled, exits)


def _determined(ways: Callable[[Position], Iterable[Transition]], exits: Iterable[int]) -> Dfa:
    ends = set(exits)
    number: dict[frozenset[Spot], int] = {frozenset({((), START)}): 0}
    order = list(number)
    rows = []
    finals = []
    for spots in order:
        open_ways = [(sets, place) for sets, place in spots if sets]
        open_ways += [(way.sets, way.target) for sets, place in spots if not sets for way in ways(place)]
        if any(not sets and place.state in ends for sets, place in spots):
            finals.append(number[spots])
        row = []
        for part in _parts(sets[0] for sets, _ in open_ways):
            after = frozenset((sets[1:], place) for sets, place in open_ways if _holds(sets[0], chr(part[0][0])))
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
