"""The generators as hypothesis strategies, which shrink what they drew.

It must not hold a rule of drawing. Law: every strategy is finite and pure; the same draw gives the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

from wireproto import gbnf
from wireproto.grammars.api.api import Grammar
from wireproto.grammars.api.sample import Sampler
from wireproto.grammars.expr.expr import Rules
from wireproto.testing.generators.choices import Choices
from wireproto.testing.generators.damage import AnyDialect, material_of
from wireproto.testing.generators.messages import draw_calls, draw_message
from wireproto.testing.generators.tools import Tools, draw_tools
from wireproto.testing.generators.trials import Trial, draw_chunks, draw_output, draw_trial
from wireproto.testing.generators.values import Material, draw_hostile
from wireproto.values.model import Call, Message

T = TypeVar("T")


class HypothesisChoices(Choices):
    """The decisions of hypothesis, which takes them back one by one to shrink what was drawn."""

    __slots__ = ("_draw",)

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, as hypothesis likes."""
        return self._draw(_integers(low, high))


@cache
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


@st.composite
def drawn(draw: st.DrawFn, generator: Callable[..., T], *args: Any) -> T:
    """Draw with a generator: `generator(choices, *args)`.

    Example:
        drawn(mutate, recorded_output, "hermes")
    """
    return generator(HypothesisChoices(draw), *args)


def tools() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw lists of one to three tools with up to four parameters each, in one of the shapes that callers use.

    Names and keys are ordinary, or such as formats stumble over: with signs, blanks, other alphabets.

    Example:
        @given(wireproto.fuzz.tools())
        def test_my_harness_takes_any_tools(tools): ...
    """
    return drawn(draw_tools)


def calls(tools: Tools = None, dialect: AnyDialect = "auto") -> st.SearchStrategy[tuple[Call, ...]]:
    """Draw up to three calls of the tools, with arguments of the declared types; of any name if `tools` is None.

    `dialect`: whose markers the strings are made of; "auto": those of any.

    Example:
        @given(wireproto.fuzz.calls(TOOLS))
        def test_my_harness_runs_calls(calls): ...
    """
    return _with_material(draw_calls, dialect, tools)


def hostile_values(dialect: AnyDialect, tools: Tools = None) -> st.SearchStrategy[str]:
    """Draw strings made of the dialect's own markers, their halves, white space, quotes, JSON and whole calls.

    Example:
        @given(wireproto.fuzz.hostile_values("qwen3_coder"))
        def test_a_value_comes_back(value): ...
    """
    return _with_material(draw_hostile, dialect, tools)


def messages(dialect: AnyDialect, tools: Tools = None) -> st.SearchStrategy[Message]:
    """Draw messages: text, reasoning and calls; many of them a dialect has to refuse (`EncodeError`).

    Example:
        @given(wireproto.fuzz.messages("hermes", TOOLS))
        def test_what_is_written_comes_back(message): ...
    """
    return _with_material(draw_message, dialect, tools)


def outputs(dialect: AnyDialect, tools: Tools = None) -> st.SearchStrategy[str]:
    """Draw outputs as a model of the dialect writes and breaks them: a message, written and damaged in some places.

    The kinds of damage are those of `wireproto.testing.generators.damage`.

    Example:
        @given(wireproto.fuzz.outputs("qwen3_coder", TOOLS))
        def test_my_parser_raises_nothing(text): ...
    """
    return _with_material(_output, dialect, tools)


def chunkings(text: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw how a text may arrive: whole, a character at a time, or cut anywhere, empty chunks included.

    The chunks of each draw join to the text.

    Example:
        @given(wireproto.fuzz.chunkings(text))
        def test_chunks_do_not_matter(chunks): ...
    """
    return drawn(draw_chunks, text)


def trials(dialect: AnyDialect, tools: Tools = None) -> st.SearchStrategy[Trial]:
    """Draw outputs with all that a decoder is told: chunks, tools, policy, finish reason, reasoning, forced calls.

    Example:
        @given(wireproto.fuzz.trials(my_dialect))
        def test_the_laws_hold(trial):
            wireproto.testing.check_trial(my_dialect, trial)
    """
    return drawn(draw_trial, dialect, tools)


def from_grammar(grammar: Grammar | gbnf.GbnfGrammar | str | Path, *, size: int = 400) -> st.SearchStrategy[str]:
    """Draw texts of a grammar: of one that `wp.grammar` returned, of a GBNF text, or of the path of a GBNF file.

    `size` bounds the length of a text, in characters, where the shortest text of the grammar is no longer. A GBNF text
    or file needs the extra `gbnf`. Text never passes a token element (`<think>`), as in `wireproto.gbnf.Matcher`.

    Raises:
        GrammarError: no text matches, or the grammar leaves values to an engine's lexer (Lark).
        GbnfError: the text is no GBNF; with line and column.

    Example:
        @given(wireproto.fuzz.from_grammar(wp.grammar("hermes", TOOLS)))
        def test_my_parser_reads_what_the_grammar_allows(text): ...
    """
    sampler = Sampler(_rules(grammar), size)
    return st.randoms(use_true_random=False).map(sampler.text)


def _rules(grammar: Grammar | gbnf.GbnfGrammar | str | Path) -> Rules:
    if isinstance(grammar, Grammar):
        return grammar.rules
    if isinstance(grammar, Path):
        grammar = grammar.read_text(encoding="utf-8")
    return gbnf.expressions(gbnf.parse(grammar) if isinstance(grammar, str) else grammar)


def _output(choices: Choices, material: Material) -> str:
    return draw_output(choices, material, draw_message(choices, material))


def _with_material(
    generator: Callable[[Choices, Material], T], dialect: AnyDialect, tools: Tools
) -> st.SearchStrategy[T]:
    return drawn(lambda choices: generator(choices, material_of(choices, dialect, tools)))
