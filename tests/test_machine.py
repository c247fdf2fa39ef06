"""The machine of a dialect: the one object that decoder and grammar hold, its table and its drawings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from effort import SEED, few_dialects, rounds
from test_cli import run

import wireproto as wp
from wireproto.codecs.tagged.reader import TaggedReader
from wireproto.format.spelling import spellings
from wireproto.machine.drawing import dot, mermaid
from wireproto.machine.endings import endings
from wireproto.machine.sites import ValueSite
from wireproto.machine.table import ENDED, VALUE, arrows, machine_of, value_arrows
from wireproto.machine.value_machine import OpenTags
from wireproto.testing.raw_value_law import UNKNOWN, WIDER, compare_values, reasons_of
from wireproto.tools.toolset import Toolset

TOOLS = [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}]
TAGGED = [name for name in few_dialects() if wp.dialect(name).codec == "tagged" and wp.dialect(name).argument.is_raw]
every_dialect = pytest.mark.parametrize("name", few_dialects())


@pytest.mark.parametrize("name", TAGGED)
def test_decoder_and_grammar_hold_one_machine(name: str) -> None:
    text = wp.encode([wp.Call("f", {"a": "some text"})], name, tools=TOOLS)
    decoder = wp.Decoder(name, tools=TOOLS)
    list(decoder.feed(text[: text.index("text")]))
    reader = decoder._core._reader
    assert isinstance(reader, TaggedReader) and reader._open is not None
    site = ValueSite.of(spellings(wp.dialect(name))[0], Toolset.of(TOOLS)).at("f", "a")
    assert reader.machine is reader._open._machine is site.machine


@pytest.mark.parametrize(("wrapped", "sectioned"), [(False, False), (False, True), (True, False), (True, True)])
def test_the_smallest_automaton_reads_the_same_sequences(wrapped: bool, sectioned: bool) -> None:
    table = endings(wrapped, sectioned)
    found = value_arrows(table)
    leads = {(held, letter): then for held, letter, then in found}
    letters = {letter for sequence in table.accepted for letter in sequence}
    assert len({held for held, _, _ in found}) <= 31
    todo, read = [("", "")], 0
    while todo:
        state, sequence = todo.pop()
        for letter in letters:
            then, more = leads.get((state, letter), "no"), sequence + letter
            assert (then is None) == (more in table.accepted)
            assert (then not in (None, "no")) == (more in table.prefixes and more not in table.accepted)
            if then not in (None, "no"):
                todo.append((str(then), more))
            read += 1
    assert read > 500


def test_of_two_closers_the_first_is_content_if_a_tag_is_open() -> None:
    start = OpenTags()
    twice = start.after_closer().after_closer()
    assert not twice.keeps_first(is_empty=False) and twice.keeps_first(is_empty=True)
    opened = start.after_opener()
    assert opened.after_closer().after_closer().keeps_first(is_empty=False)
    # A closer that is content closes the tag; of three in a row the first is content.
    assert opened.after_closer().after_text() == start
    assert opened.after_closer().after_closer().after_closer() == twice
    assert opened.after_opener().after_closer().after_closer().after_closer().keeps_first(is_empty=False)


def test_who_cannot_count_takes_no_tag_for_open_that_is_not() -> None:
    exact = bounded = OpenTags()
    for step in "((o)((oo))o)(o)))(":
        for_each = {"(": 1, ")": 2, "o": 3}[step]
        exact, bounded = (
            (tags.after_opener() if tags is exact else tags.after_opener(1)) if for_each == 1
            else tags.after_closer() if for_each == 2 else tags.after_text()
            for tags in (exact, bounded)
        )  # fmt: skip
        assert bounded.opened <= exact.opened


@every_dialect
def test_every_context_can_be_reached_and_left(name: str) -> None:
    found = arrows(wp.dialect(name))
    contexts, reached = {arrow.context for arrow in found}, {"text"}
    while more := {arrow.next for arrow in found if arrow.context in reached} - reached:
        reached |= more
    assert contexts == reached
    assert (VALUE in contexts) == bool(wp.dialect(name).argument.close.nodes) == (ENDED in contexts)


@every_dialect
def test_drawings_have_every_context(name: str) -> None:
    found = arrows(wp.dialect(name))
    for drawn in (dot(found), mermaid(found)):
        assert all(context in drawn for context in {arrow.context for arrow in found})
    lines = mermaid(found).splitlines()
    assert len([line for line in lines if "-->" in line]) == len({(arrow.context, arrow.next) for arrow in found})
    assert not any("<" in line.replace("<br>", "") for line in lines)


def test_the_table_says_what_the_decoder_does() -> None:
    leads = {(arrow.context, arrow.label): arrow for arrow in arrows(wp.dialect("qwen3_coder"))}
    assert leads["value", "V"].marker == "</parameter>"
    assert leads["value, held VC", "W"].next == ENDED
    assert machine_of(spellings(wp.dialect("qwen3_coder"))[0]).call_close == "</function>"


def test_show_prints_and_draws_the_machine() -> None:
    table = run("show", "qwen3_coder", "--machine").stdout
    assert "value, held VC" in table and "<parameter={key}>" in table
    shown = json.loads(run("show", "qwen3_coder", "--machine", "--format", "json").stdout)
    assert [tuple(arrow.values()) for arrow in shown] == list(arrows(wp.dialect("qwen3_coder")))
    assert run("show", "hermes", "--format", "dot").stdout.startswith("digraph")
    assert run("show", "hermes", "--machine", "--format", "mermaid").stdout.startswith("flowchart")


@pytest.mark.parametrize("name", TAGGED)
def test_grammar_and_decoder_take_the_same_values(name: str) -> None:
    pytest.importorskip("lark")
    found = compare_values(wp.dialect(name), rounds(60, 100_000), SEED["given"])
    # What the grammar alone refuses has a reason, which its page names; it accepts nothing that is read otherwise.
    assert {reason: found.examples[reason] for reason in found.narrower.keys() & {UNKNOWN, WIDER}} == {}
    assert found.taken and found.refused and found.narrower.total() < found.values / 3


def test_the_page_of_grammars_names_every_reason() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reference" / "grammars.md").read_text(encoding="utf-8")
    for reason in reasons_of(spellings(wp.dialect("glm47"))[0]):
        assert f"**{reason[0].upper()}{reason[1:]}" in page
