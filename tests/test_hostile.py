"""What no honest model writes, in the protocols of our own: nothing crashes, recurses, loads or takes for ever.

Times are not measured here: what is not linear takes far too long on these sizes, in the long run for ever (law 7,
linear, and the benchmarks measure).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from effort import rounds, some_dialects

import wireproto as wp
from wireproto.testing import Trial, check_trial
from wireproto.testing.decoded import decode, merged
from wireproto.testing.laws import LOSSLESS, TOTAL

NAMES = ("xml", "html", "toml")
DIALECTS = {name: wp.dialect(name) for name in NAMES}
DIALECTS |= {f"{name}-salted": it.salted("k7q2") for name, it in DIALECTS.items()}
EVERY = DIALECTS | {name: wp.dialect(name) for name in some_dialects()}
every_dialect = pytest.mark.parametrize("dialect", EVERY.values(), ids=EVERY)
every_protocol = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
TOOLS = [
    {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"s": {"type": "string"}, "o": {"type": "object"}, "a": {"type": "array"}},
        },
    }
]
BOMB = "".join(
    [
        '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY e0 "ha">',
        *(f'<!ENTITY e{i} "&e{i - 1};&e{i - 1};">' for i in range(1, 64)),
        '<!ENTITY x SYSTEM "file:///etc/passwd">]><b>&e63;&x;</b>',
    ]
)
N = rounds(20_000, 100_000)
VALUES: dict[str, Callable[[], str]] = {
    "entity bomb": lambda: BOMB,
    "open tags": lambda: "<a>" * (10 * N),
    "attributes": lambda: "<a " + " ".join(f'x{i}="y"' for i in range(N)) + ">",
    "deep elements": lambda: '<field name="k" type="object">' * (N // 2),
    "deep brackets": lambda: "[" * (2 * N) + "{" * (2 * N),
    "NUL and controls": lambda: "".join(map(chr, range(32))) * 3,
    "lone surrogates": lambda: "\ud83d \ude00 \udfff",
    "references": lambda: "&#0;&#xD800;&#99999999;&amp" * (N // 5),
    "quotes": lambda: "'\"" * (2 * N),
    "comments": lambda: "<!--" * (2 * N),
    "sections": lambda: "<![CDATA[" * N,
}
SHAPES: dict[str, Callable[[wp.Dialect], str]] = {
    "openers": lambda it: (it.call.open.format(name="f") + it.argument.open.format(key="s")) * (N // 8),
    "sections": lambda it: (it.section.open.format() if it.section else "<form>") * (N // 4),
    "closers": lambda it: (it.argument.close.format() + it.call.close.format()) * (N // 4),
    "one long tag": lambda it: it.call.open.format(name="f") + "<input " + "x=y " * (N * 5 // 2),
    "one long header": lambda it: it.call.open.format(name="f").rstrip() + "\n" + "k." * (3 * N) + "k = 1\n",
    "deep value": lambda it: wp.encode(wp.Call("f", {"a": []}), it).replace("[]", "[" * N),
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
@every_protocol
def test_a_hostile_value_comes_back(dialect: wp.Dialect, make: Callable[[], str]) -> None:
    value = make()
    (call,) = wp.parse(
        wp.encode(wp.Call("f", {"s": value, "o": {"k": [value]}}), dialect, tools=TOOLS), dialect, TOOLS
    ).calls
    assert call.arguments == {"s": value, "o": {"k": [value]}} and call.complete


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
@every_protocol
def test_hostile_text_where_a_value_should_be_escaped(dialect: wp.Dialect, make: Callable[[], str]) -> None:
    text = wp.encode(wp.Call("f", {"s": "zqz\nzqz", "o": {}}), dialect, tools=TOOLS).replace("zqz", make())
    for trial in (
        Trial(text, (), TOOLS),
        Trial(text, tuple(text[i : i + 4096] for i in range(0, len(text), 4096)), TOOLS),
    ):
        check_trial(dialect, trial, (TOTAL, LOSSLESS))


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
@every_protocol
def test_hostile_markup(dialect: wp.Dialect, make: Callable[[wp.Dialect], str]) -> None:
    text = make(dialect)
    for tools in (TOOLS, None):
        trial = Trial(text, tuple(text[i : i + 4096] for i in range(0, len(text), 4096)), tools)
        check_trial(dialect, trial, (TOTAL, LOSSLESS))


@every_protocol
def test_many_megabytes(dialect: wp.Dialect) -> None:
    value = "a line of fifty characters, more or less of them\n" * (10 * N)
    text = wp.encode(wp.Call("f", {"s": "zqz\nzqz"}), dialect, tools=TOOLS).replace("zqz\nzqz", value)
    assert wp.parse(text, dialect, TOOLS).calls[0].arguments == {"s": value}
    with pytest.raises(wp.LimitExceeded, match="longer than 1000 characters"):
        wp.parse(text, dialect, TOOLS, policy=wp.Policy(limits=wp.Limits(max_value_chars=1000)))


@every_dialect
def test_depth_is_limited_by_policy(dialect: wp.Dialect) -> None:
    value: Any = []
    for _ in range(60):
        value = [value]
    text = wp.encode(wp.Call("f", {"a": value}), dialect, tools=TOOLS)
    assert wp.parse(text, dialect, TOOLS).calls[0].arguments == {"a": value}
    with pytest.raises(wp.LimitExceeded, match="nested deeper than 20"):
        wp.parse(text, dialect, TOOLS, policy=wp.Policy(limits=wp.Limits(max_depth=20)))


@every_dialect
def test_closers_that_can_only_be_content_are_emitted(dialect: wp.Dialect) -> None:
    head, tail = wp.encode(wp.Call("f", {"s": "zqz"}), dialect, tools=TOOLS).split("zqz")
    closers = [dialect.argument.close.format(key="s") if dialect.argument.close.nodes else "", tail]
    closers += [dialect.call.close.format(name="f")] if dialect.call.close.nodes else []
    for text in (*(head + "x" + closer * 30 + "x" for closer in closers), head + ("x" + head) * 30 + tail * 30 + "x"):
        decoder = wp.Decoder(dialect, TOOLS)
        for char in text:
            decoder.feed(char)
            # At most: a second closer, the closers of call and section, and the opener of the next call; and a run of
            # end-of-turn tokens, of which `</s>` closes this argument of cline too.
            assert len(decoder.pending) <= 2 * len(tail) + len(head) + 8 + 4 * max(map(len, dialect.ends), default=0), (
                text
            )


@every_dialect
@pytest.mark.parametrize("tail", ["", "done"])
@pytest.mark.parametrize("most", [0, 60, 300, None])
def test_what_is_held_in_reasoning_and_fences_is_bounded(dialect: wp.Dialect, tail: str, most: int | None) -> None:
    call = wp.encode(wp.Call("f", {"s": "y" * 180}), dialect, tools=TOOLS)
    regions = [("```\n", "\n```\n")]
    regions += [(dialect.reasoning.open, dialect.reasoning.close)] if dialect.reasoning is not None else []
    for opener, closer in regions:
        text = f"Hi\n{opener}so\n{call}\n{call}{closer + tail if tail else ''}"
        policy = wp.Policy(max_speculation=most)
        decoder = wp.Decoder(dialect, TOOLS, policy=policy)
        held = 0
        for char in text:
            decoder.feed(char)
            held = max(held, len(decoder.pending))
        decoder.close()
        assert decoder.message == wp.parse(text, dialect, TOOLS, policy=policy)
        assert most is None or held <= max(most, len(call) - 180) + len(closer) + max(map(len, dialect.ends), default=0)
        never = wp.Decoder(dialect, TOOLS, policy=wp.Policy(reasoning_calls="never"))
        if opener != "```\n" and dialect.reasoning is not None and not dialect.reasoning.ends_at_call:
            assert (
                "".join(
                    e.text for e in never.feed(text[: text.index("y" * 180) + 180]) if isinstance(e, wp.ReasoningDelta)
                )[-50:]
                == "y" * 50
            )


@every_dialect
def test_a_limit_is_the_same_in_every_chunk(dialect: wp.Dialect) -> None:
    chance = random.Random(dialect.name)
    for _ in range(rounds(40, 1_000)):
        values = {
            "s": chance.choice(["x" * 50, 'a"b\\c\n<d>' * 3, "[[[["]),
            "a": [1, [2, ["y" * chance.randrange(30)]]],
        }
        text = wp.encode(wp.Call("f", values), dialect, tools=TOOLS)
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text))
            slip = chance.choice(["", chance.choice('"\\[]{}<>,: \n'), text[at : at + 10]])
            text = text[:at] + slip + text[at + (not slip) :]
        limits = wp.Limits(max_depth=chance.choice([None, 1, 2]), max_value_chars=chance.choice([None, 5, 20, 40]))
        whole = _limited(dialect, [text], limits)
        for size in (1, 3, len(text) // 2):
            assert _limited(dialect, [text[i : i + size] for i in range(0, len(text), size)], limits) == whole, text


def _limited(dialect: wp.Dialect, chunks: list[str], limits: wp.Limits) -> tuple[str | None, list[wp.Event]]:
    """Return the limit that was passed, if one was, and the events."""
    decoder = wp.Decoder(dialect, TOOLS, policy=wp.Policy(limits=limits, second_look=False))
    events: list[wp.Event] = []
    try:
        for chunk in chunks:
            events += decoder.feed(chunk)
        events += decoder.close()
    except wp.LimitExceeded as error:
        return error.limit, merged([*events, *error.events])
    return None, merged(events)


@pytest.mark.parametrize(
    "opened",
    [
        '{"name": "f", "arguments": {',
        '{"name": "f", "arguments": {"a": ',
        '{"name": "f", "arguments": {"a": 1}',
        '{"name": "f"',
    ],
)
def test_blanks_without_end_are_the_same_in_every_chunk(opened: str) -> None:
    trial = Trial(f"<tool_call>\n{opened}{' ' * 20_000}", (), [{"name": "f"}])
    whole = decode("hermes", trial)
    for size in (100, 4_096, 5_000):
        pieces = tuple(trial.text[at : at + size] for at in range(0, len(trial.text), size))
        events, message = decode("hermes", replace(trial, chunks=pieces))
        assert message == whole[1] and merged(events) == merged(whole[0])


@pytest.mark.parametrize("name", ["a/b", "search:web", "näme", "x" * 129, "two words", "{key}"])
def test_the_name_of_a_tool_never_makes_decoding_raise(name: str) -> None:
    tools = [{"name": name, "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}]
    text = (
        f'<parameter name="x">1</parameter>\n<parameter=x>\n1\n</parameter>\n<invoke name="{name}">\n{name} {{"x": 1}}'
    )
    for dialect in wp.dialects():
        wp.classify(text, dialect, tools)
        wp.parse(text, dialect, tools)
