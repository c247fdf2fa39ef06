"""What `encode` writes, byte for byte as the models' own templates do, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from written import WRITTEN

import wireproto as wp
from wireproto.format.spelling import spellings
from wireproto.text.json_safe import equal, identical

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "days": {"type": "integer"},
                    "opts": {"type": "object"},
                    "f": {"type": "boolean"},
                },
            },
        },
    },
    {
        "type": "function",
        "function": {"name": "get_time", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}},
    },
    {
        "type": "function",
        "function": {
            "name": "write_file",
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
            },
        },
    },
]
TIME = wp.Call("get_time", {"tz": "UTC"})
WEATHER = wp.Call("get_weather", {"city": "Paris", "days": 3, "opts": {"u": "C"}, "f": True})

WEATHER_JSON = '{"city": "Paris", "days": 3, "opts": {"u": "C"}, "f": true}'
every_dialect = pytest.mark.parametrize("name", WRITTEN)

REASONING = [name for name, written in WRITTEN.items() if written.reasoning is not None]
# Formats whose tags hold the key.
RAW = ("anthropic_invoke", "cline", "glm45", "glm47", "minimax_m2", "qwen3_coder", "seed_oss", "step3", "step3p5")
MESSAGES = [
    wp.Message(text="I will look."),
    wp.Message(text="I will look.\n\n", calls=(TIME,)),
    wp.Message(text="Two:", calls=(WEATHER, TIME)),
    wp.Message(reasoning="RR", text="Done."),
    wp.Message(reasoning="\nRR\n", text="\n\nDone."),
    wp.Message(reasoning="RR", calls=(WEATHER,)),
    wp.Message(reasoning="\nRR\n", text="\n\nLet me see.\n", calls=(TIME, TIME)),
]


def plain(calls: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in calls]


def test_every_dialect_is_here() -> None:
    assert wp.dialects() == tuple(WRITTEN)


@every_dialect
def test_one_call(name: str) -> None:
    assert wp.encode([TIME], name, tools=TOOLS) == WRITTEN[name].calls[0]


@every_dialect
def test_parallel_calls(name: str) -> None:
    assert wp.encode([WEATHER, TIME], name, tools=TOOLS) == WRITTEN[name].calls[1]


@every_dialect
def test_canonical_text_is_read_back_without_a_complaint(name: str) -> None:
    for text, calls in zip(WRITTEN[name].calls, [[TIME], [WEATHER, TIME]], strict=True):
        message = wp.parse(text, name, tools=TOOLS)
        assert identical(plain(message.calls), plain(calls))
        assert all(call.complete for call in message.calls)
        assert (message.text, message.reasoning, message.diagnoses) == ("", "", ())
        assert wp.encode(message, name, tools=TOOLS) == text


@every_dialect
def test_a_call_without_arguments_comes_back(name: str) -> None:
    text = wp.encode([wp.Call("get_time")], name, tools=TOOLS)
    message = wp.parse(text, name, tools=TOOLS)
    assert identical(plain(message.calls), [("get_time", {})])
    assert message.calls[0].complete


@pytest.mark.parametrize("name", REASONING)
def test_white_space_after_reasoning(name: str) -> None:
    message = wp.Message(reasoning="RR", calls=(TIME,))
    assert wp.encode(message, name, tools=TOOLS) == f"{WRITTEN[name].reasoning}{WRITTEN[name].calls[0]}"


def test_reasoning_of_qwen_as_its_template_shows_it() -> None:
    message = wp.Message(reasoning="\nRR\n", calls=(WEATHER, TIME))
    text = wp.encode(message, "qwen3_coder", tools=TOOLS)
    assert text == "<think>\nRR\n</think>\n\n" + WRITTEN["qwen3_coder"].calls[1]


def test_glm_5_reasoning_and_calls() -> None:
    text = wp.encode(wp.Message(reasoning="RR", calls=(WEATHER, TIME)), "glm47", tools=TOOLS)
    assert text == "<think>RR</think>" + WRITTEN["glm47"].calls[1]


@every_dialect
@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_messages_come_back(name: str, message: wp.Message) -> None:
    dialect = wp.dialect(name)
    if message.reasoning and dialect.reasoning is None:
        with pytest.raises(wp.EncodeError):
            wp.encode(message, name, tools=TOOLS)
        return
    if spellings(dialect)[0].markerless and dialect.framing is None and message.text and message.calls:
        # Without a marker a call must begin the output.
        with pytest.raises(wp.EncodeError):
            wp.encode(message, name, tools=TOOLS)
        return
    back = wp.parse(wp.encode(message, name, tools=TOOLS), name, tools=TOOLS)
    assert (back.text, back.reasoning) == (message.text, message.reasoning)
    assert identical(plain(back.calls), plain(message.calls))


def test_cline_gives_file_content_lines_of_its_own() -> None:
    call = wp.Call("write_file", {"path": "a.py", "content": "print('<a>')"})
    text = wp.encode([call], "cline", tools=TOOLS)
    assert text == "<write_file>\n<path>a.py</path>\n<content>\nprint('<a>')\n</content>\n</write_file>"


def test_kimi_keeps_an_id_and_counts_where_there_is_none() -> None:
    calls = [wp.Call("get_time", {}, id="functions.get_time:7"), wp.Call("get_time", {})]
    text = wp.encode(calls, "kimi_k2", tools=TOOLS)
    assert "functions.get_time:7<|" in text
    back = wp.parse(text, "kimi_k2", tools=TOOLS)
    assert [call.name for call in back.calls] == ["get_time", "get_time"]
    assert back.calls[0].id == "functions.get_time:7"
    assert back.calls[1].id is not None and back.calls[1].id.startswith("functions.get_time:")


@pytest.mark.parametrize("name", ["dsml_v32", "dsml_v4"])
def test_line_breaks_before_a_section_are_its_own(name: str) -> None:
    alone = wp.encode([WEATHER], name, tools=TOOLS)
    for text, written in (("Hi.", "Hi.\n\n" + alone), ("", "\n\n" + alone)):
        message = wp.Message(text=text, calls=(WEATHER,))
        assert wp.encode(message, name, tools=TOOLS) == written
        for chunks in ([written], list(written)):
            events = [*wp.iter_events(chunks, name, TOOLS)]
            assert "".join(event.text for event in events if isinstance(event, wp.TextDelta)) == text
        for each in (written, alone):
            assert wp.encode(wp.parse(each, name, TOOLS), name, tools=TOOLS) == each


@every_dialect
def test_a_call_that_was_cut_is_refused_or_replayed(name: str) -> None:
    whole = wp.encode([WEATHER], name, tools=TOOLS)
    text = next(text for text in (whole[:at] for at in range(len(whole), 0, -1)) if _is_cut(text, name))
    message = wp.parse(text, name, tools=TOOLS, finish_reason="length")
    with pytest.raises(wp.EncodeError, match=r"call 0 \('get_weather'\) is incomplete: .* incomplete=\"raw\""):
        wp.encode(message, name, tools=TOOLS)
    again = wp.parse(wp.encode(message, name, TOOLS, incomplete="raw"), name, TOOLS, finish_reason="length")
    assert plain(again.calls) == plain(message.calls) and again.calls[0].raw == message.calls[0].raw
    with pytest.raises(wp.EncodeError, match="incomplete and has no raw text"):
        wp.encode([wp.Call("get_weather", {}, complete=False)], name, TOOLS, incomplete="raw")


def _is_cut(text: str, name: str) -> bool:
    calls = wp.parse(text, name, tools=TOOLS, finish_reason="length").calls
    return bool(calls) and not calls[0].complete


@pytest.mark.parametrize("name", [name for name in wp.dialects() if wp.dialect(name).reasoning is not None])
def test_reasoning_that_the_prompt_opened_is_not_opened_again(name: str) -> None:
    reasoning = wp.dialect(name).reasoning
    assert reasoning is not None
    for message in (wp.Message(reasoning="so", text="Hi"), wp.Message(text="Hi"), wp.Message(calls=(WEATHER,))):
        text = wp.encode(message, name, tools=TOOLS, reasoning_open=True)
        assert reasoning.open not in text and reasoning.close in text
        back = wp.parse(text, name, tools=TOOLS, reasoning_open=True)
        assert (back.reasoning, back.text, plain(back.calls)) == (message.reasoning, message.text, plain(message.calls))


def test_mistral_writes_ids_where_its_templates_do() -> None:
    weather = wp.Call("get_weather", WEATHER.arguments, id="call00001")
    time = wp.Call("get_time", TIME.arguments, id="call00002")
    assert wp.encode([weather, time], "mistral", tools=TOOLS) == (
        f'[TOOL_CALLS][{{"name": "get_weather", "arguments": {WEATHER_JSON}, "id": "call00001"}}, '
        '{"name": "get_time", "arguments": {"tz": "UTC"}, "id": "call00002"}]'
    )
    assert wp.encode([weather, time], "mistral_v11", tools=TOOLS) == (
        f"[TOOL_CALLS]get_weather[CALL_ID]call00001[ARGS]{WEATHER_JSON}"
        '[TOOL_CALLS]get_time[CALL_ID]call00002[ARGS]{"tz": "UTC"}'
    )
    for name in ("mistral", "mistral_v11"):
        back = wp.parse(wp.encode([weather, time], name, tools=TOOLS), name, tools=TOOLS)
        assert [call.id for call in back.calls] == ["call00001", "call00002"]


@every_dialect
def test_a_forged_call_in_a_value_never_becomes_one(name: str) -> None:
    call = wp.Call("write_file", {"path": "p", "content": _forged(name)})
    argument = wp.dialect(name).argument
    if argument.codec in ("tagged", "relaxed") and argument.strings == "raw":
        # DSML's escape saves the value's closer, but not the call's closer before a further call (R-NOCLOSE).
        with pytest.raises(wp.EncodeError, match="content"):
            wp.encode([call], name, tools=TOOLS)
        return
    back = wp.parse(wp.encode([call], name, tools=TOOLS), name, tools=TOOLS)
    assert identical(plain(back.calls), plain([call]))


@every_dialect
@pytest.mark.parametrize("edge", ["", "\n", "\n\n", " ", "\t x \t", "\r\n", "x\n", "\nx", "x\r\n"])
def test_white_space_of_a_value_comes_back(name: str, edge: str) -> None:
    call = wp.Call("write_file", {"path": "p", "content": edge})
    back = wp.parse(wp.encode([call], name, tools=TOOLS), name, tools=TOOLS)
    assert identical(plain(back.calls), plain([call]))


@pytest.mark.parametrize("name", ["dsml_v32", "dsml_v4"])
def test_dsml_escapes_its_own_closer_where_it_would_count(name: str) -> None:
    whole = WRITTEN[name].calls[0]
    closers = whole[whole.index("UTC") + 3 :]
    call = wp.Call("write_file", {"path": "p", "content": f"a{closers}\nb"})
    harmless = wp.Call("write_file", {"path": "p", "content": "a</｜DSML｜parameter>b"})
    forged = wp.Call("write_file", {"path": "p", "content": f"a{closers}"})
    for one in (call, harmless, forged):
        back = wp.parse(wp.encode([one], name, tools=TOOLS), name, tools=TOOLS)
        assert identical(plain(back.calls), plain([one]))
    assert ">a</｜DSML｜parameter>b</｜DSML｜parameter>" in wp.encode([harmless], name, tools=TOOLS)
    assert ">a&lt;/｜DSML｜parameter>" in wp.encode([call], name, tools=TOOLS)


@pytest.mark.parametrize("name", RAW)
def test_a_key_that_would_break_its_tag_is_refused(name: str) -> None:
    call = wp.Call("write_file", {"a>b": "x"})
    with pytest.raises(wp.EncodeError, match="a>b"):
        wp.encode([call], name)


@every_dialect
def test_a_name_that_would_break_the_header_is_refused(name: str) -> None:
    call = wp.Call("not a name\n", {"tz": "UTC"})
    with pytest.raises(wp.EncodeError):
        wp.encode([call], name)
    # In a JSON record a name is a string like any other: what is declared comes back, and so does any one word.
    if not wp.dialect(name).call.open.roles and not spellings(wp.dialect(name))[0].markerless:
        declared = wp.encode([call], name, tools=[{"name": call.name}])
        assert plain(wp.parse(declared, name, tools=[{"name": call.name}]).calls) == plain([call])
        odd = wp.Call("google:mcp/search", {})
        assert plain(wp.parse(wp.encode([odd], name), name).calls) == plain([odd])


@every_dialect
def test_what_is_not_json_is_refused(name: str) -> None:
    for value in (float("nan"), float("inf"), object(), b"x", {1: 2}):
        with pytest.raises(wp.EncodeError, match="opts"):
            wp.encode([wp.Call("get_weather", {"opts": value})], name, tools=TOOLS)


def _forged(name: str) -> str:
    """Return a value that, written as it is, closes its own call and opens another."""
    calls = [wp.Call("write_file", {"path": "p", "content": seed}) for seed in ("zqz1", "zqz2")]
    text = wp.encode(calls, name, tools=TOOLS)
    return text[text.index("zqz1") : text.index("zqz2") + 4]


# --- exact numbers ----------------------------------------------------------------------------------------------------

EXACT = wp.Policy(decimals=True)
NUMBERS: list[dict[str, Any]] = [
    {"x": Decimal("0.12345678901234567890123")},
    {"x": Decimal("1.50"), "s": "a", "i": 3},
    {"x": Decimal("5")},
    {"x": Decimal("-0.0"), "b": True},
    {"o": {"a": [Decimal("1E+2"), Decimal("3"), 1.5, True, None, "1.5"]}},
]
NUMBER_TOOLS = [
    {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {
                "x": {"type": "number"},
                "o": {"type": "object"},
                "s": {"type": "string"},
                "i": {"type": "integer"},
                "b": {"type": "boolean"},
            },
        },
    }
]


@pytest.mark.parametrize("dialect", wp.dialects())
@pytest.mark.parametrize("arguments", NUMBERS)
def test_decimals_are_written_with_all_their_digits(dialect: str, arguments: dict[str, Any]) -> None:
    text = wp.encode([wp.Call("f", arguments)], dialect, NUMBER_TOOLS)
    back = wp.parse(text, dialect, NUMBER_TOOLS, policy=EXACT).calls[0]
    assert back.complete and equal(dict(back.arguments), arguments)
    again = wp.parse(wp.encode([back], dialect, NUMBER_TOOLS), dialect, NUMBER_TOOLS, policy=EXACT).calls[0]
    assert identical(dict(again.arguments), dict(back.arguments))
    first = arguments.get("x")
    assert first is None or str(first) in text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+400"])
def test_decimals_that_no_reader_takes_are_refused(number: str) -> None:
    with pytest.raises(wp.EncodeError, match="argument 'x' is not JSON"):
        wp.encode([wp.Call("f", {"x": Decimal(number)})], "hermes", NUMBER_TOOLS)


@pytest.mark.parametrize("dialect", wp.dialects())
def test_conversion_keeps_digits(dialect: str) -> None:
    text = wp.encode([wp.Call("f", {"x": Decimal("0.12345678901234567890123")})], "hermes", NUMBER_TOOLS)
    assert "0.12345678901234567890123" in wp.convert(text, "hermes", dialect, NUMBER_TOOLS)


# --- promoted calls ---------------------------------------------------------------------------------------------------

WRITE = '{"name": "f", "arguments": {"x": "1"}}'
PROMOTING = wp.Policy(promote={"*": {"leaked", "quoted", "foreign"}})
ONE_STRING = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}]


@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "kimi_k2", "dsml_v4", "xml", "toml"])
@pytest.mark.parametrize("native", [False, True])
def test_a_message_with_a_promoted_call_can_be_written(dialect: str, native: bool) -> None:
    text = f"On it.\n{WRITE}\n"
    if native:
        text += wp.encode([wp.Call("f", {"x": "2"})], dialect, ONE_STRING)
    message = wp.parse(text, dialect, ONE_STRING, policy=PROMOTING)
    assert [call.arguments["x"] for call in message.calls] == ["1", "2"][: 1 + native]
    written = wp.encode(message, dialect, ONE_STRING)
    back = wp.parse(written, dialect, ONE_STRING)
    assert [dict(call.arguments) for call in back.calls] == [dict(call.arguments) for call in message.calls]
    assert back.text == message.text and WRITE in back.text


def test_a_decoded_message_may_be_changed_before_it_is_written() -> None:
    text = wp.encode([wp.Call("f", {"x": "1"}), wp.Call("f", {"x": "2"})], "hermes", ONE_STRING)
    message = wp.parse(text, "hermes", ONE_STRING)
    less = wp.encode(replace(message, calls=message.calls[1:]), "hermes", ONE_STRING)
    assert [dict(call.arguments) for call in wp.parse(less, "hermes").calls] == [{"x": "2"}]
    more = wp.encode(replace(message, calls=(*message.calls, wp.Call("f", {"x": "3"}))), "hermes", ONE_STRING)
    assert [call.arguments["x"] for call in wp.parse(more, "hermes").calls] == ["1", "2", "3"]


# What the chat templates of their models write between text and the first call; the last two are Nemotron 3's and none.
@pytest.mark.parametrize(
    ("dialect", "lead", "canonical"),
    [
        ("qwen3_coder", "\n\n", True),
        ("seed_oss", "\n\n", True),
        ("glm45", "\n", True),
        ("glm47", "", True),
        ("step3p5", "", True),
        ("qwen3_coder", "\n", False),
        ("glm45", "", False),
    ],
)
def test_line_breaks_before_the_first_call_are_no_text(dialect: str, lead: str, canonical: bool) -> None:
    call = wp.Call("f", {"a": "x"})
    text = "I look." + lead + wp.encode(call, dialect)
    message = wp.parse(text, dialect)
    assert message.text == "I look."
    assert wp.encode(message, dialect) == text
    assert (wp.encode(wp.Message(text="I look.", calls=(call,)), dialect) == text) is canonical
    again = wp.parse(text + "\nAnd again.\n" + wp.encode(call, dialect), dialect)
    assert again.text == "I look.\nAnd again.\n"
