"""The grammar of a message around its calls: reasoning first, text before, the section, what joins calls.

It must not know what a call's arguments look like, nor any grammar language. Law: in what is accepted the decoder finds
exactly the calls that the grammar wrote, and the text and reasoning around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import commonprefix
from typing import Final

from wireproto.automata.automaton import Dfa, build_dfa, edges_to
from wireproto.automata.charset import char_set, complement
from wireproto.automata.patterns import pattern_dfa
from wireproto.automata.until import texts_without, until_dfa
from wireproto.engine.damaged_openers import left_over
from wireproto.engine.left_context import QUOTING
from wireproto.engine.openers import opener_table
from wireproto.format.dialect import Dialect
from wireproto.format.spelling import is_distinctive, spellings
from wireproto.format.template import Template
from wireproto.grammars.expr.counted import counted_text
from wireproto.grammars.expr.expr import EMPTY, Expr, Rules, chars, choice, literal, optional, repeat, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.text.scan import BLANK
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import GrammarError

# White space between reasoning and calls, and behind the last call; models write a line break or two, and could loop
# without a bound.
_MAX_BLANKS: Final = 8
_MARKS: Final = char_set("".join(QUOTING))
_ENDS_QUOTED: Final = build_dfa([[*edges_to(_MARKS, 1), *edges_to(complement(_MARKS), 0)]] * 2, [1])
_BLANKS: Final = char_set(BLANK)
_SOME_BLANKS: Final = repeat(chars(_BLANKS), 0, _MAX_BLANKS)
# A lone carriage return ends no line, so what had to stand on a line of its own would not.
_LAST_BLANKS: Final = repeat(choice(chars(char_set(" \t\n")), literal("\r\n")), 0, _MAX_BLANKS)
_SIGNS: Final = re.compile(r"[\\^$.*+?()\[\]{}|/]")  # what means something in a regular expression
# What may be a call without a marker: an object, or an array of them.
_BRACE: Final = char_set("{")
_BEGINS_BARE: Final = build_dfa(
    [
        [*edges_to(_BLANKS, 0), *edges_to(_BRACE, 2), *edges_to(char_set("["), 1)],
        [*edges_to(_BLANKS, 1), *edges_to(_BRACE, 2)],
        edges_to(complement(()), 2),
    ],
    [2],
)


@dataclass(frozen=True, slots=True)
class LeadingReasoning:
    """Reasoning that may come first. `opened`: the prompt wrote `open`, so the text has to close it.

    `blanks`: how many characters of white space may follow it. `most`: how many characters it may have.
    """

    open: str
    close: str
    opened: bool = False
    blanks: int = _MAX_BLANKS
    most: int | None = None


@dataclass(frozen=True, slots=True)
class MessageParts:
    """The parts of a message, which each printer puts together in its own way.

    `rules`: those of the whole message. `calls`: those of the calls alone, from the first marker on; None if there are
    none. `text`: text may come before the calls, or instead of them; it holds none of the `markers`. `marked`: a marker
    tells calls from text.
    """

    rules: Rules
    calls: Rules | None
    text: bool
    markers: tuple[str, ...]
    reasoning_first: LeadingReasoning | None = None
    marked: bool = True


@dataclass(frozen=True, slots=True)
class MessageWriter:
    """Writes everything around the calls of one dialect into a rule table."""

    dialect: Dialect
    tools: Toolset
    table: RuleTable

    def with_section(self, calls: Iterable[Expr], parallel: bool) -> Expr:
        """Return one call or several, with the section and separators of the dialect, and white space behind the last.

        Without it a model that ends its calls with a line break would have to write another call: where a line break
        separates calls, nothing else goes on after it.
        """
        every = [*calls]
        one, blanks = self.table.add("call", choice(*every)), self.table.add("blanks", _LAST_BLANKS)
        section = self.dialect.section
        if section is not None:
            more = repeat(seq(literal(self.dialect.call.join), one), 0, None) if parallel else EMPTY
            opener = literal(section.open.format())
            # Text may begin with the same bracket: a lexer sees which it is if the name stands in one piece with it.
            first = (
                choice(*(seq(opener, call) for call in every))
                if self.markerless and self.dialect.call.open.roles
                else seq(opener, one)
            )
            return seq(first, more, literal(section.close.format()), blanks)
        # What follows the first call is one choice, since a line break may begin either: a lexer has to see both.
        more = repeat(seq(literal(self.dialect.call.join + self._join), one), 1, None)
        return seq(one, choice(blanks, seq(more, blanks)) if parallel else blanks)

    def behind_breaks(self, calls: Expr) -> Expr:
        """Return calls that nothing comes before but the line breaks that belong to their section."""
        section = self.dialect.section
        return calls if section is None or not section.before else seq(choice(literal(section.before), EMPTY), calls)

    def text_alone(self) -> Expr:
        """Return text without calls."""
        text = self.table.add("text", right_linear(self._text(), self.table, "text"))
        framing = self.dialect.framing
        if framing is None or framing.bare or not framing.content:
            return text
        # An engine may end the turn instead of the text.
        return choice(*(seq(literal(opener), text, optional(literal(close))) for opener, close in framing.content))

    def text_then_calls(self, calls: Expr) -> Expr:
        """Return text followed by calls, or text alone.

        A call directly after a backtick or an opening quotation mark is quoted (R-OPEN), so text before calls does not
        end with one.
        """
        if self.markerless:
            return choice(self.text_alone(), calls)
        framing = self.dialect.framing
        if framing is not None and framing.content and not framing.bare:
            text = self.table.add("lead", right_linear(self._text(), self.table, "lead"))
            pairs = [(framing.preamble, framing.content[0][1])] if framing.preamble else framing.content
            before = choice(*(seq(literal(opener), text, literal(close + framing.join)) for opener, close in pairs))
            return choice(self.text_alone(), seq(optional(before), calls))
        before = self.table.add("lead", right_linear(self._text() - _ENDS_QUOTED, self.table, "lead"))
        return choice(self.text_alone(), seq(before, calls))

    @property
    def _join(self) -> str:
        return self.dialect.framing.join if self.dialect.framing is not None else ""

    @property
    def framed(self) -> bool:
        """Whether markers stand around the text, or between blocks."""
        return self.dialect.framing is not None and not self.dialect.framing.bare

    @property
    def markerless(self) -> bool:
        """Whether no marker tells calls from text."""
        return any(spelling.markerless for spelling in spellings(self.dialect))

    def _text(self) -> Dfa:
        found = texts_without(self.markers)
        if not self.markerless:
            return found
        named = self.dialect.call.open.roles
        return found - _BEGINS_BARE if not named else found - self._begins_named() if self.tools.names else found

    def _begins_named(self) -> Dfa:
        """Return texts that begin as a call does that nothing but the tool's name tells from text."""
        section = self.dialect.section.open.format() if self.dialect.section is not None else ""
        heads = [self.dialect.call.open.fill(name=name) for name in sorted(self.tools.names)]
        first, *rest = (_SIGNS.sub(r"\\\g<0>", text) for text in (section, *heads))
        blanks = r"[ \t\r\n]*"
        return pattern_dfa(f"^{blanks}{first}{blanks}(?:{'|'.join(rest)})")

    @property
    def markers(self) -> tuple[str, ...]:
        """What text outside calls must not hold: all that a call, a section or a damaged header begins with."""
        known = opener_table(self.dialect, False)
        markers = {marker for marker in known.by_literal if is_distinctive(marker)}
        for spelling in (spelling for each in known.by_literal.values() for spelling in each):
            bare = [header for header in spelling.headers if header.first and not is_distinctive(header.first)]
            markers |= {header.fill(name=name).strip(BLANK) for header in bare for name in self.tools.names}
        markers |= {spelling.keys[0].first for spelling in spellings(self.dialect) if spelling.paired}
        late = [header for spelling in known.late for header in spelling.late_headers]
        markers |= {text for header in late for text in header.literals if is_distinctive(text)}
        markers |= {token for spelling in spellings(self.dialect) for token in left_over(spelling)}
        if self.dialect.reasoning is not None:
            markers |= {self.dialect.reasoning.open, self.dialect.reasoning.close}
        if known.frames is not None:
            markers |= known.frames.literals
        return tuple(sorted(markers))

    @property
    def triggers(self) -> tuple[str, ...]:
        """The words with which calls begin: one for all, or one for each tool; none if calls have no marker."""
        opener = (self.dialect.section or self.dialect.call).open
        if not opener.nodes or self.markerless:
            return ()
        # Of several headers one may end another: the longest comes first.
        openers = (opener, *self.dialect.call.also) if self._join and self.dialect.section is None else (opener,)
        found = dict.fromkeys(word for each in openers for word in self._begins(each))
        return tuple(sorted(found, key=len, reverse=True) if len(openers) > 1 else found)

    def _begins(self, opener: Template) -> tuple[str, ...]:
        """Return the word that an opener begins with whatever the name, or one for each tool."""
        one, other = (opener.format(name=name, id=name).strip(BLANK) for name in ("a", "b"))
        shared = commonprefix([one, other])  # noqa: RUF071 - characters are what is compared here
        if is_distinctive(shared):
            return (shared,)
        return tuple(opener.fill(name=tool.name, id=tool.name).strip(BLANK) for tool in self.tools.tools)

    def reasoning_first(self, opened: bool, most: int | None) -> LeadingReasoning | None:
        """Return the reasoning that may come first; None if the dialect has none."""
        reasoning = self.dialect.reasoning
        return None if reasoning is None else LeadingReasoning(reasoning.open, reasoning.close, opened, most=most)

    def after_reasoning(self, rest: Expr, opened: bool, most: int | None) -> Expr:
        """Return reasoning followed by `rest`; if the prompt has not `opened` it, reasoning is optional.

        `most`: it has no more characters than this.
        """
        reasoning = self.dialect.reasoning
        if reasoning is None:
            if opened:
                raise GrammarError(f"{self.dialect.name} has no reasoning that could be open")
            return rest
        # A call inside reasoning would be a draft, or a call if nothing follows (R-THINK): the grammar allows neither.
        if most is None:
            allowed = texts_without(tuple(marker for marker in self.markers if marker != reasoning.close))
            text = right_linear(until_dfa([reasoning.close]) & allowed, self.table, "reasoning")
        else:
            text = seq(counted_text(texts_without(self.markers), 0, most, self.table), literal(reasoning.close))
        block = seq(self.table.add("reasoning", text), literal(self._join) if self._join else _SOME_BLANKS)
        return seq(block, rest) if opened else seq(optional(seq(literal(reasoning.open), block)), rest)
