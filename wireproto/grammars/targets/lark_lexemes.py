"""llguidance's terminals for text that rules cannot say: text without markers, and raw values up to their closer.

They are regular expressions with complement (`~`) and intersection (`&`). The language is smaller than that of the
other targets, because the rest is too costly here: a value holds no whole call (R-DEPTH), no closer that another marker
of the format follows directly, and no second closer right after a first one, unless the last thing before them that
looks like the value's own tag is an opener (R-CLOSE2). A closer that anything else follows is content, as it is for the
decoder.

It must not know rules. Law: the decoder ends a value exactly where its lexeme ends; no lexeme goes on after a text that
it matches, except text up to the end of the output. Sources: llguidance, docs/syntax.md; measured with 1.9.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from os.path import commonprefix
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, Dfa
from wireproto.automata.charset import Ranges, char_set
from wireproto.engine.left_context import QUOTING
from wireproto.format.spelling import CACHED
from wireproto.grammars.expr.expr import Expr, Raw, literal, seq
from wireproto.machine.boundary import ValueBoundary
from wireproto.machine.marker_nfa import MarkerPath, Meaning, Step, Steps, literal_steps
from wireproto.machine.slips import second_opener
from wireproto.machine.value_machine import AFTER_TAG_NAME
from wireproto.text.scan import BLANK

# Any bytes. In a complement it costs a tenth of `(?s:.)*`, which follows the bytes of each character.
ANYTHING: Final = "ANYTHING"
DEFINED: Final = f"{ANYTHING}: ~/[^\\x00-\\x{{10FFFF}}]/\n"
# NUL cannot be generated.
_TEXT: Final = r"/[^\x00]*/"
_LAST: Final = f"/(?s:.)/ {ANYTHING}"
_SPECIAL: Final = frozenset(r".^$*+?()[]{}|\/&~-#" + '"')
_GAP: Final = Step(char_set(BLANK), 0, None)
# So much of a closer with a slip in it, behind what it shares with the value's own, is left out of values: a lexeme
# with every slip is more than the engine takes.
_BEGUN: Final = 2


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A terminal: a text of a source, and its trailing context."""

    source: RawLexeme | LeadText | FreeText | ReasoningText
    following: str = ""


@dataclass(frozen=True, slots=True)
class RawLexeme:
    """A raw value and its closer, as a `LexemeSource`: any text, or the words of an automaton.

    `spelled`: the value, one that is no string and holds no marker, with its closer.
    """

    boundary: ValueBoundary
    words: Dfa = ANY_TEXT
    spelled: Expr | None = None

    def is_decided(self, following: str) -> bool:
        """Whether the value has surely ended if this follows its closer."""
        return _is_decided(self.boundary, following)

    def with_context(self, following: str) -> Expr:
        """Return the value, its closer, and this after it."""
        return Raw(Lexeme(self, following)) if self.spelled is None else seq(self.spelled, literal(following))

    def alternative(self, other: Expr) -> RawLexeme:
        """Return a value of another kind with its closer, in the same place."""
        return RawLexeme(self.boundary, spelled=other)


@dataclass(frozen=True, slots=True)
class LeadText:
    """Text before calls, as a `LexemeSource`: it ends where the first of these markers ends."""

    markers: tuple[str, ...]

    def is_decided(self, following: str) -> bool:
        """Whether this ends with a marker."""
        return following.endswith(self.markers)

    def with_context(self, following: str) -> Expr:
        """Return the text with this after it."""
        return Raw(Lexeme(self, following))

    def alternative(self, other: Expr) -> LeadText:
        """Return the text: nothing else may stand in its place."""
        del other
        return self

    def content(self, following: str) -> str:
        """Return the text before this marker: it holds no marker, and does not quote this one (R-OPEN)."""
        begun = (each[:i] for each in self.markers for i in range(1, len(each)) if following.startswith(each[i:]))
        ends = "|".join([f"[{''.join(QUOTING)}]", *map(_escaped, begun)])
        return f"{_TEXT} & ~({ANYTHING} (/{_any_of(self.markers)}/ {ANYTHING} | /{ends}/))"


@dataclass(frozen=True, slots=True)
class FreeText:
    """Text that holds no marker and is not empty; nothing follows it."""

    markers: tuple[str, ...]

    def lexeme(self, following: str) -> str:
        """Return the text."""
        del following
        return f"/[^\\x00]+/ & ~({ANYTHING} /{_any_of(self.markers)}/ {ANYTHING})"


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """Reasoning that holds no marker and has at most so many characters; its closer follows."""

    markers: tuple[str, ...]
    most: int | None = None

    def lexeme(self, following: str) -> str:
        """Return the reasoning and its closer."""
        closer = _escaped(following)
        others = [marker for marker in self.markers if marker != following]
        allowed = f" & ~({ANYTHING} /{_any_of(others)}/ {ANYTHING})" if others else ""
        text = _TEXT if self.most is None else f"/[^\\x00]{{0,{self.most}}}/"
        return f"{text} /{closer}/ & ~({ANYTHING} /{closer}/ {_LAST}){allowed}"


@lru_cache(maxsize=CACHED)
def content(boundary: ValueBoundary) -> str:
    """Return what a value may be, whatever follows its closer.

    The only marker sequence that may begin in a value and end after its closer is a second closer (R-CLOSE2). The
    engine searches for a shortest text of each lexeme and runs out of fuel if that is long; here it is the empty one.
    """
    stops = _shortest_stops(boundary)
    free, quotable = (_regex_of_paths(p.steps for p in stops if p.quotable is quoted) for quoted in (False, True))
    # The line break before the value (its frame) counts as read, so a marker that starts a line may follow at once.
    line = literal_steps("\n")
    first = _regex_of_paths(p.steps[1:] for p in stops if boundary.starts_line and p.steps[:1] == line)
    quoted = f"({ANYTHING} /[^`]/)? /{quotable}/" if quotable else ""
    again = second_opener(boundary.site.spelling, boundary.site.key)
    endings = [f"{ANYTHING} /{free}/", quoted, first and f"/{first}/", again and f"/\\n?{_escaped(again)}/"]
    value = _escaped(_value_close(boundary))
    closed = f"{ANYTHING} /{value}{_step(_GAP)}/"
    tag = boundary.site.spelling.value_tag(boundary.site.key)
    if tag:
        # An opener right after a closer is left out: whether it counts there depends on more than a regex can say.
        before = f"(({ANYTHING} /[^`]/)? & ~({closed}))"
        opener = f"/{_escaped(tag)}{_class(char_set(AFTER_TAG_NAME))}/"
        closed += f" & ~({before} {opener} ~({ANYTHING} /{value}/ {ANYTHING}) /{value}{_step(_GAP)}/)"
    return f"{_TEXT} & ~(({' | '.join(filter(None, endings))}) {ANYTHING}) & ~({closed})"


@lru_cache(maxsize=CACHED)
def _stops_and_closers(boundary: ValueBoundary) -> tuple[MarkerPath, ...]:
    """Return the marker sequences that end a value, each only up to the marker after its closer (so somewhat more)."""
    close = (*literal_steps(_value_close(boundary)), _GAP)
    closer = boundary.site.spelling.call_close(boundary.site.name)
    own, begun = literal_steps(closer), len(commonprefix((closer, _value_close(boundary)))) + _BEGUN  # noqa: RUF071
    found: dict[MarkerPath, None] = {}
    for path in boundary.paths():
        steps = path.steps
        if path.meaning is Meaning.STOP and not path.quotable:
            size = len(close) if steps[: len(close)] == close else len(steps)
            following = next((i for i in range(size, len(steps)) if steps[i] == _GAP), len(steps))
            # A bare key or a closer with a slip in it is one only by what follows it.
            if steps[size : size + begun] == own[:begun] and steps[size : size + len(own)] != own:
                steps = steps[: size + begun]
            elif not any(_in("!", step.ranges) for step in steps[size:]):
                steps = _without_last_name(steps[:following])
        if path.meaning is Meaning.STOP and steps != (*close, *close[:-1]):
            found[MarkerPath(steps, Meaning.STOP, path.quotable)] = None
    return tuple(found)


@lru_cache(maxsize=CACHED)
def _shortest_stops(boundary: ValueBoundary) -> tuple[MarkerPath, ...]:
    """Return the marker sequences that end a value, without those that have a shorter one as a suffix."""
    free = {path.steps for path in _stops_and_closers(boundary) if not path.quotable}
    return tuple(
        path
        for path in _stops_and_closers(boundary)
        if path.quotable or not any(path.steps[i:] in free for i in range(1, len(path.steps)))
    )


def _without_last_name(steps: Steps) -> Steps:
    """Return steps without a key or name at their end: the marker counts from where the name begins."""
    for i in range(len(steps) - 1, 0, -1):
        if steps[i] == _GAP:
            break
        if len(steps[i].ranges) > 1 and _in("a", steps[i].ranges):
            return steps[:i]
    return steps


def _value_close(boundary: ValueBoundary) -> str:
    return boundary.site.spelling.value_close(boundary.site.key)


@lru_cache(maxsize=CACHED * 16)
def _is_decided(boundary: ValueBoundary, following: str) -> bool:
    wanted = _value_close(boundary) + following
    return any(_matches(path.steps, wanted) for path in _stops_and_closers(boundary) if not path.quotable)


def _matches(steps: Steps, wanted: str) -> bool:
    """Whether the steps match a whole text."""
    ends = {0}
    for step in steps:
        ends = {end for start in ends for end in _behind(step, wanted, start)}
    return len(wanted) in ends


def _behind(step: Step, wanted: str, start: int) -> Iterator[int]:
    """Yield where a step from `start` in a text may end."""
    end = start
    while True:
        if end - start >= step.least:
            yield end
        if end == len(wanted) or end - start == step.most or not _in(wanted[end], step.ranges):
            return
        end += 1


def _in(character: str, ranges: Ranges) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


def _regex_of_paths(found: Iterable[Steps]) -> str:
    """Return paths as one regular expression, left-factored."""
    groups: dict[Step, list[Steps]] = {}
    for steps in found:
        if not steps:
            # What ends here matches before anything longer does.
            return ""
        groups.setdefault(steps[0], []).append(steps)
    return "|".join(_group(group) for group in groups.values())


def _group(group: list[Steps]) -> str:
    size = min(map(len, group))
    shared = next((i for i in range(size) if any(steps[i] != group[0][i] for steps in group)), size)
    rest = _regex_of_paths([steps[shared:] for steps in group])
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
    return _regex_of_paths(map(literal_steps, markers))


def _escaped(words: str) -> str:
    return "".join(map(_character, words))


def _character(character: str) -> str:
    if character in _SPECIAL:
        return "\\" + character
    return character if character.isprintable() else f"\\x{{{ord(character):X}}}"
