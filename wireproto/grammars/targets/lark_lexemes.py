"""Lexemes of llguidance that a rule cannot say: text that holds no marker, and values up to where they end for sure.

They are regular expressions with complements. It must not know rules. Law: what a lexeme matches of a value the decoder
ends there and nowhere else; no lexeme goes on behind a text that it matches, but for text up to the end of the output.

Values lose what is costly to say here: a whole call inside a value (R-DEPTH), a closer with another marker of the
format right behind it, and a second closer right behind a first one, unless the last thing before them that looks like
the value's own tag opens one (R-CLOSE2). A closer with anything else behind it is content, as it is for the decoder.
Sources: llguidance, docs/syntax.md; measured with 1.9.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wireproto.engine.left_context import QUOTING
from wireproto.format.spelling import AFTER_TAG_NAME, CACHED
from wireproto.grammars.automata.automaton import ANY_TEXT, Dfa
from wireproto.grammars.automata.charset import char_set
from wireproto.grammars.expr.expr import Expr, Ranges, Raw, literal, seq
from wireproto.grammars.raw.boundary import ValueBoundary
from wireproto.grammars.raw.marker_nfa import MarkerPath, Meaning, Step, Steps, literal_steps
from wireproto.text.scan import BLANK

# The terminal of whatever bytes there are. In a complement it is a tenth of the work that `(?s:.)*` makes, which tells
# the bytes of a character apart.
ANYTHING: Final = "ANYTHING"
DEFINED: Final = f"{ANYTHING}: ~/[^\\x00-\\x{{10FFFF}}]/\n"
# NUL cannot be generated.
_TEXT: Final = r"/[^\x00]*/"
_LAST: Final = f"/(?s:.)/ {ANYTHING}"
_SPECIAL: Final = frozenset(r".^$*+?()[]{}|\/&~-#" + '"')
_GAP: Final = Step(char_set(BLANK), 0, None)


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A text of a source and what stands behind it, as a leaf of rules."""

    source: RawLexeme | LeadText | FreeText | ReasoningText
    behind: str = ""


@dataclass(frozen=True, slots=True)
class RawLexeme:
    """A raw value and its closer, as a source of `held`: any text, or the words of an automaton."""

    boundary: ValueBoundary
    words: Dfa = ANY_TEXT

    def settled(self, behind: str) -> bool:
        """Whether the value has ended for sure when this stands behind its closer."""
        return _settled(self.boundary, behind)

    def ended(self, behind: str) -> Expr:
        """Return the value, its closer, and this behind it."""
        return Raw(Lexeme(self, behind))

    def beside(self, other: Expr) -> SpelledLexeme:
        """Return a value of another kind with its closer, in the same place."""
        return SpelledLexeme(self.boundary, other)


@dataclass(frozen=True, slots=True)
class SpelledLexeme:
    """A value that is no string, and its closer: no marker stands in it."""

    boundary: ValueBoundary
    written: Expr

    def settled(self, behind: str) -> bool:
        """Whether the value has ended for sure when this stands behind its closer."""
        return _settled(self.boundary, behind)

    def ended(self, behind: str) -> Expr:
        """Return the value, its closer, and this behind it."""
        return seq(self.written, literal(behind))

    def beside(self, other: Expr) -> SpelledLexeme:
        """Return a value of another kind with its closer, in the same place."""
        return SpelledLexeme(self.boundary, other)


@dataclass(frozen=True, slots=True)
class LeadText:
    """Text before calls, as a source of `held`: it ends where the first of these markers does."""

    markers: tuple[str, ...]

    def settled(self, behind: str) -> bool:
        """Whether a marker stands behind the text."""
        return behind.endswith(self.markers)

    def ended(self, behind: str) -> Expr:
        """Return the text and this behind it."""
        return Raw(Lexeme(self, behind))

    def beside(self, other: Expr) -> LeadText:
        """Return the text: nothing else stands in its place."""
        del other
        return self

    def content(self, behind: str) -> str:
        """Return the text before this marker: it holds none, nor does it quote this one (R-OPEN)."""
        begun = (each[:i] for each in self.markers for i in range(1, len(each)) if behind.startswith(each[i:]))
        ends = "|".join([f"[{''.join(QUOTING)}]", *map(_escaped, begun)])
        return f"{_TEXT} & ~({ANYTHING} (/{_any_of(self.markers)}/ {ANYTHING} | /{ends}/))"


@dataclass(frozen=True, slots=True)
class FreeText:
    """Text that holds no marker and is not empty; nothing stands behind it."""

    markers: tuple[str, ...]

    def lexeme(self, behind: str) -> str:
        """Return the text."""
        del behind
        return f"/[^\\x00]+/ & ~({ANYTHING} /{_any_of(self.markers)}/ {ANYTHING})"


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """Reasoning that holds no marker; its closer stands behind it."""

    markers: tuple[str, ...]

    def lexeme(self, behind: str) -> str:
        """Return the reasoning and its closer."""
        closer = _escaped(behind)
        others = [marker for marker in self.markers if marker != behind]
        held = f" & ~({ANYTHING} /{_any_of(others)}/ {ANYTHING})" if others else ""
        return f"{_TEXT} /{closer}/ & ~({ANYTHING} /{closer}/ {_LAST}){held}"


def until(markers: Iterable[str]) -> str:
    """Return text up to and including the first of some markers."""
    found = _any_of(markers)
    return f"{_TEXT} /{found}/ & ~({ANYTHING} /{found}/ {_LAST})"


@lru_cache(maxsize=CACHED)
def content(boundary: ValueBoundary) -> str:
    """Return what a value may be, whatever stands behind its closer.

    It is nothing but the closer that a way of markers may begin in a value and end behind it with: a second one
    (R-CLOSE2). The engine looks for a text of each lexeme, and is out of fuel if that is long; here the empty one does.
    """
    free, quotable = (_ways(p.steps for p in _stops(boundary) if p.quotable is quoted) for quoted in (False, True))
    # The line break that frames the value counts as read.
    line = literal_steps("\n")
    first = _ways(p.steps[1:] for p in _stops(boundary) if boundary.pad and p.steps[:1] == line)
    stops = [f"{ANYTHING} /{free}/", f"({ANYTHING} /[^`]/)? /{quotable}/" if quotable else "", first and f"/{first}/"]
    value = _escaped(_value_close(boundary))
    closed = f"{ANYTHING} /{value}{_step(_GAP)}/"
    tag = boundary.site.form.value_tag(boundary.site.key)
    if tag:
        # Right behind a closer it is told otherwise whether an opener counts.
        before = f"(({ANYTHING} /[^`]/)? & ~({closed}))"
        opener = f"/{_escaped(tag)}{_class(char_set(AFTER_TAG_NAME))}/"
        closed += f" & ~({before} {opener} ~({ANYTHING} /{value}/ {ANYTHING}) /{value}{_step(_GAP)}/)"
    return f"{_TEXT} & ~(({' | '.join(filter(None, stops))}) {ANYTHING}) & ~({closed})"


@lru_cache(maxsize=CACHED)
def _ends(boundary: ValueBoundary) -> tuple[MarkerPath, ...]:
    """Return the ways that end a value, and somewhat more: its closer and any marker behind that."""
    close = (*literal_steps(_value_close(boundary)), _GAP)
    found: dict[MarkerPath, None] = {}
    for path in boundary.paths():
        steps = path.steps
        if path.kind is Meaning.STOP and not path.quotable:
            size = len(close) if steps[: len(close)] == close else len(steps)
            behind = next((i for i in range(size, len(steps)) if steps[i] == _GAP), len(steps))
            steps = _cut(steps[:behind])
        if path.kind is Meaning.STOP and steps != (*close, *close[:-1]):
            found[MarkerPath(steps, Meaning.STOP, path.quotable)] = None
    return tuple(found)


@lru_cache(maxsize=CACHED)
def _stops(boundary: ValueBoundary) -> tuple[MarkerPath, ...]:
    """Return the ways that end a value, without those that hold a shorter one at their end."""
    free = {path.steps for path in _ends(boundary) if not path.quotable}
    return tuple(
        path
        for path in _ends(boundary)
        if path.quotable or not any(path.steps[i:] in free for i in range(1, len(path.steps)))
    )


def _cut(steps: Steps) -> Steps:
    """Return a way without a key or name that is its last part: it counts as said where it begins."""
    for i in range(len(steps) - 1, -1, -1):
        if steps[i] == _GAP:
            break
        if len(steps[i].ranges) > 1 and _in("a", steps[i].ranges):
            return steps[:i]
    return steps


def _value_close(boundary: ValueBoundary) -> str:
    return boundary.site.form.value_close(boundary.site.key)


@lru_cache(maxsize=CACHED * 16)
def _settled(boundary: ValueBoundary, behind: str) -> bool:
    wanted = _value_close(boundary) + behind
    return any(_matches(path.steps, wanted) for path in _ends(boundary) if not path.quotable)


def _matches(steps: Steps, wanted: str) -> bool:
    """Whether a text is a whole way."""
    ends = {0}
    for step in steps:
        ends = {end for start in ends for end in _behind(step, wanted, start)}
    return len(wanted) in ends


def _behind(step: Step, wanted: str, start: int) -> Iterator[int]:
    """Yield where a step from a place in a text may end."""
    end = start
    while True:
        if end - start >= step.least:
            yield end
        if end == len(wanted) or end - start == step.most or not _in(wanted[end], step.ranges):
            return
        end += 1


def _in(character: str, ranges: Ranges) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


def _ways(found: Iterable[Steps]) -> str:
    """Return the ways as one expression; what several begin with is written once."""
    groups: dict[Step, list[Steps]] = {}
    for steps in found:
        if not steps:
            # A way that ends here holds all longer ones.
            return ""
        groups.setdefault(steps[0], []).append(steps)
    return "|".join(_group(group) for group in groups.values())


def _group(group: list[Steps]) -> str:
    size = min(map(len, group))
    shared = next((i for i in range(size) if any(steps[i] != group[0][i] for steps in group)), size)
    rest = _ways([steps[shared:] for steps in group])
    return "".join(map(_step, group[0][:shared])) + (f"({rest})" if "|" in rest else rest)


def _step(step: Step) -> str:
    bounds = {(1, 1): "", (0, None): "*", (1, None): "+", (0, 1): "?"}
    most = "" if step.most is None else step.most
    return _class(step.ranges) + bounds.get((step.least, step.most), f"{{{step.least},{most}}}")


def char_class(ranges: Ranges) -> str:
    """Return one character of a set as a regular expression of llguidance."""
    spans = (f"\\x{{{low:X}}}" + (f"-\\x{{{high:X}}}" if high > low else "") for low, high in ranges)
    return f"[{''.join(spans)}]"


def _class(ranges: Ranges) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _escaped(chr(ranges[0][0]))
    return char_class(ranges)


def _any_of(markers: Iterable[str]) -> str:
    return _ways(map(literal_steps, markers))


def _escaped(words: str) -> str:
    return "".join(map(_character, words))


def _character(character: str) -> str:
    if character in _SPECIAL:
        return "\\" + character
    return character if character.isprintable() else f"\\x{{{ord(character):X}}}"
