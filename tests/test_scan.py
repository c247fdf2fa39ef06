"""Looking at text that may go on: every short text over a small alphabet, against what the words of a docstring say."""

from __future__ import annotations

import re
from itertools import product

import pytest

from wireproto.text.scan import (
    BLANK,
    MAX_GAP,
    NO,
    WAIT,
    YES,
    Literals,
    _first_of,
    beginning_of,
    begins,
    iter_literals,
    skip_blank,
)

SETS = [
    frozenset[str](),
    frozenset(("a",)),
    frozenset(("ab", "abc", "b", "ca")),
    frozenset(("aab", "aac", "ac.", "[")),
    frozenset(("abab", "ba", "b")),
]
TEXTS = ["".join(chars) for count in range(5) for chars in product("abc", repeat=count)]
TEXTS += [text.translate({98: "[", 99: "."}) for text in TEXTS if "b" in text or "c" in text]


def at(words: frozenset[str], text: str, pos: int, end: int) -> str | None:
    """Return the longest word at a place."""
    return max((word for word in words if text.startswith(word, pos, end)), key=len, default=None)


def may_grow(words: frozenset[str], rest: str) -> bool:
    return rest != "" and any(word.startswith(rest) and word != rest for word in words)


@pytest.mark.parametrize("words", SETS, ids=sorted)
def test_literals_are_found_first_and_longest(words: frozenset[str]) -> None:
    literals = Literals(words)
    assert sorted(literals.words) == sorted(words)
    assert literals.firsts == {word[0] for word in words} and literals.longest == max(map(len, words), default=0)
    for text in TEXTS:
        for pos, end in ((0, len(text)), (1, len(text)), (0, max(0, len(text) - 1))):
            if pos > end:
                continue
            here = literals.at(text, pos, end)
            assert (here and here.group()) == at(words, text, pos, end)
            grows = may_grow(words, text[pos:end])
            assert literals.open_ended(text, pos, end) == grows
            assert literals.may_stand(text, pos, end) == (here is not None or grows)
            places = [(i, word) for i in range(pos, end) if (word := at(words, text, i, end)) is not None]
            found = literals.find(text, pos, end)
            assert (found and (found.start(), found.group())) == (places[0] if places else None)
            held = next((i for i in range(pos, end) if may_grow(words, text[i:end])), end)
            assert literals.held(text, pos, end) == held
            place, word = places[0] if places else (held, None)
            assert literals.seek(text, pos, end, final=True) == (place, word)
            # What stands in the middle of a longer one that may come is not found yet.
            first = min(place, held)
            assert literals.seek(text, pos, end, final=False) == (
                first,
                None if first < place or may_grow(words, text[place:end]) else word,
            )


@pytest.mark.parametrize("stride", [1, 3, 512])
@pytest.mark.parametrize("words", SETS)
@pytest.mark.parametrize("base", SETS)
def test_two_sets_are_looked_for_as_one_is(
    words: frozenset[str], base: frozenset[str], stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wireproto.text.scan._STRIDE", stride)
    two, one = Literals(words, Literals(base)), Literals(words | base)
    assert (two.words, two.firsts, two.longest) == (one.words, one.firsts, one.longest)
    for text in (text + "ab" * 3 for text in TEXTS[:: 1 + 3 * (stride > 1)]):
        for pos, final in product(range(len(text)), (False, True)):
            assert two.seek(text, pos, len(text), final) == one.seek(text, pos, len(text), final)
            spans = [[hit and hit.span() for hit in (each.find(text, pos), each.at(text, pos))] for each in (two, one)]
            assert spans[0] == spans[1]


def test_one_set_that_stands_nowhere_costs_no_look_at_all_the_rest() -> None:
    looked: list[int] = []

    def nowhere(text: str, pos: int, end: int) -> None:
        looked.append(end - pos)

    both = _first_of(re.compile("ab").search, nowhere, 2)
    assert both("ab" * 10_000, 0) is not None
    assert sum(looked) < 2_000


@pytest.mark.parametrize("words", SETS, ids=sorted)
def test_literals_follow_one_another(words: frozenset[str]) -> None:
    literals = Literals(words)
    for text in TEXTS:
        found = [each.span() for each in iter_literals(literals, text)]
        assert [text[start:stop] for start, stop in found] == [at(words, text, start, len(text)) for start, _ in found]
        outside = [*zip([0, *(stop for _, stop in found)], [start for start, _ in found], strict=False)]
        assert all(at(words, text, i, len(text)) is None for start, stop in outside for i in range(start, stop))


@pytest.mark.parametrize("words", SETS, ids=sorted)
def test_the_beginnings_of_words_are_a_pattern(words: frozenset[str]) -> None:
    pattern = re.compile(beginning_of(words))
    for text in TEXTS:
        if text:
            assert (pattern.fullmatch(text) is not None) == any(word.startswith(text) for word in words)
    # As many characters as there are: nothing is left behind that would still fit.
    for text in TEXTS if words else ():
        found = pattern.match(text)
        longest = max((n for n in range(1, len(text) + 1) if any(w.startswith(text[:n]) for w in words)), default=0)
        assert (found.end() if found else 0) == longest


def test_a_literal_is_there_or_not_or_may_come() -> None:
    for text in TEXTS:
        for end in range(len(text) + 1):
            rest = text[:end]
            answer = YES if rest.startswith("ab") else WAIT if "ab".startswith(rest) else NO
            assert begins("ab", text, 0, end) is answer
    assert begins("ab", "xab", 1, 3) is YES and begins("ab", "xa", 1, 2) is WAIT


def test_a_gap_is_blanks_and_not_too_many_of_them() -> None:
    assert BLANK == " \t\r\n"
    for chars in product(" \t\r\nx\f", repeat=3):
        text = "".join(chars)
        for pos in range(4):
            assert skip_blank(text, pos, 3) == 3 - len(text[pos:].lstrip(BLANK))
    assert skip_blank("  x", 0, 1) == 1
    # As docs/reference/dialect-files.md has it.
    assert MAX_GAP == 4096
    for blanks in (MAX_GAP - 1, MAX_GAP, MAX_GAP + 1):
        assert skip_blank("x" + " " * blanks + "y", 1, blanks + 2) == 1 + min(blanks, MAX_GAP)
