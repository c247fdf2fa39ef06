"""What `encode` writes, byte for byte as the models' own templates do, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import wireproto as wp
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

QWEN_TIME = "<tool_call>\n<function=get_time>\n<parameter=tz>\nUTC\n</parameter>\n</function>\n</tool_call>"
QWEN_WEATHER = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
    '<parameter=opts>\n{"u": "C"}\n</parameter>\n<parameter=f>\nTrue\n</parameter>\n</function>\n</tool_call>'
)
WEATHER_JSON = '{"city": "Paris", "days": 3, "opts": {"u": "C"}, "f": true}'
INVOKE_TIME = '<invoke name="get_time">\n<parameter name="tz">UTC</parameter>\n</invoke>\n'
INVOKE_WEATHER = (
    '<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n<parameter name="days">3</parameter>\n'
    '<parameter name="opts">{"u": "C"}</parameter>\n<parameter name="f">true</parameter>\n</invoke>\n'
)
DSML_TIME = (
    '<｜DSML｜invoke name="get_time">\n<｜DSML｜parameter name="tz" string="true">UTC</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n"
)
DSML_WEATHER = (
    '<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="opts" string="false">{"u": "C"}</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="f" string="false">true</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
)
STEP3_TIME = (
    '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="get_time">\n'
    '<steptml:parameter name="tz">UTC</steptml:parameter>\n</steptml:invoke><｜tool_call_end｜>\n'
)
STEP3_WEATHER = (
    '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="get_weather">\n'
    '<steptml:parameter name="city">Paris</steptml:parameter>\n<steptml:parameter name="days">3</steptml:parameter>\n'
    '<steptml:parameter name="opts">{"u": "C"}</steptml:parameter>\n'
    '<steptml:parameter name="f">true</steptml:parameter>\n</steptml:invoke><｜tool_call_end｜>\n'
)
GLM45_TIME = "<tool_call>get_time\n<arg_key>tz</arg_key>\n<arg_value>UTC</arg_value>\n</tool_call>"
GLM45_WEATHER = (
    "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n<arg_key>days</arg_key>\n"
    '<arg_value>3</arg_value>\n<arg_key>opts</arg_key>\n<arg_value>{"u": "C"}</arg_value>\n<arg_key>f</arg_key>\n'
    "<arg_value>true</arg_value>\n</tool_call>"
)
GLM47_TIME, GLM47_WEATHER = GLM45_TIME.replace("\n", ""), GLM45_WEATHER.replace("\n", "")
SEED_TIME = "<seed:tool_call>\n<function=get_time>\n<parameter=tz>UTC</parameter>\n</function>\n</seed:tool_call>"
SEED_WEATHER = (
    "<seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</parameter>\n<parameter=days>3</parameter>\n"
    "<parameter=opts>{'u': 'C'}</parameter>\n<parameter=f>True</parameter>\n</function>\n</seed:tool_call>"
)
V3_TIME = '<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n{"tz": "UTC"}\n```<｜tool▁call▁end｜>'
V3_WEATHER = f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{WEATHER_JSON}\n```<｜tool▁call▁end｜>"
V31_TIME = '<｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{"tz": "UTC"}<｜tool▁call▁end｜>'
V31_WEATHER = f"<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{WEATHER_JSON}<｜tool▁call▁end｜>"
KIMI_TIME = '<|tool_call_begin|>functions.get_time:%d<|tool_call_argument_begin|>{"tz": "UTC"}<|tool_call_end|>'
KIMI_WEATHER = f"<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{WEATHER_JSON}<|tool_call_end|>"
JSON_TIME = '{"name": "get_time", "arguments": {"tz": "UTC"}}'
JSON_WEATHER = f'{{"name": "get_weather", "arguments": {WEATHER_JSON}}}'
CLINE_TIME = "<get_time>\n<tz>UTC</tz>\n</get_time>"
CLINE_WEATHER = (
    '<get_weather>\n<city>Paris</city>\n<days>3</days>\n<opts>{"u": "C"}</opts>\n<f>true</f>\n</get_weather>'
)

# dialect: what get_time alone is, and what get_weather and get_time are together.
HTML_TIME = '<form toolname="get_time">\n<textarea name="tz">\nUTC</textarea>\n</form>'
HTML_WEATHER = (
    '<form toolname="get_weather">\n<textarea name="city">\nParis</textarea>\n'
    '<input type="number" name="days" value="3">\n'
    '<script type="application/json" name="opts" data-type="json">{"u": "C"}</script>\n'
    '<input type="checkbox" name="f" checked>\n</form>'
)
TOML_TIME = '[[call]]\nname = "get_time"\n\n[call.arguments]\ntz = "UTC"\n'
TOML_WEATHER = (
    '[[call]]\nname = "get_weather"\n\n[call.arguments]\ncity = "Paris"\ndays = 3\nopts = {u = "C"}\nf = true\n'
)
XML_TIME = '<call name="get_time">\n<arg name="tz">UTC</arg>\n</call>\n'
XML_WEATHER = (
    '<call name="get_weather">\n<arg name="city">Paris</arg>\n<arg name="days">3</arg>\n'
    '<arg name="opts"><field name="u">C</field></arg>\n<arg name="f">true</arg>\n</call>\n'
)
CANONICAL: dict[str, tuple[str, str]] = {
    "anthropic_invoke": (
        f"<function_calls>\n{INVOKE_TIME}</function_calls>",
        f"<function_calls>\n{INVOKE_WEATHER}{INVOKE_TIME}</function_calls>",
    ),
    "cline": (CLINE_TIME, f"{CLINE_WEATHER}\n{CLINE_TIME}"),
    "deepseek_v3": (
        f"<｜tool▁calls▁begin｜>{V3_TIME}<｜tool▁calls▁end｜>",
        f"<｜tool▁calls▁begin｜>{V3_WEATHER}\n{V3_TIME}<｜tool▁calls▁end｜>",
    ),
    "deepseek_v31": (
        f"<｜tool▁calls▁begin｜>{V31_TIME}<｜tool▁calls▁end｜>",
        f"<｜tool▁calls▁begin｜>{V31_WEATHER}{V31_TIME}<｜tool▁calls▁end｜>",
    ),
    "dsml_v32": (
        f"<｜DSML｜function_calls>\n{DSML_TIME}</｜DSML｜function_calls>",
        f"<｜DSML｜function_calls>\n{DSML_WEATHER}{DSML_TIME}</｜DSML｜function_calls>",
    ),
    "dsml_v4": (
        f"<｜DSML｜tool_calls>\n{DSML_TIME}</｜DSML｜tool_calls>",
        f"<｜DSML｜tool_calls>\n{DSML_WEATHER}{DSML_TIME}</｜DSML｜tool_calls>",
    ),
    "glm45": (GLM45_TIME, f"{GLM45_WEATHER}\n{GLM45_TIME}"),
    "glm47": (GLM47_TIME, f"{GLM47_WEATHER}{GLM47_TIME}"),
    "hermes": (
        f"<tool_call>\n{JSON_TIME}\n</tool_call>",
        f"<tool_call>\n{JSON_WEATHER}\n</tool_call>\n<tool_call>\n{JSON_TIME}\n</tool_call>",
    ),
    "html": (HTML_TIME, f"{HTML_WEATHER}\n{HTML_TIME}"),
    "kimi_k2": (
        f"<|tool_calls_section_begin|>{KIMI_TIME % 0}<|tool_calls_section_end|>",
        f"<|tool_calls_section_begin|>{KIMI_WEATHER}{KIMI_TIME % 1}<|tool_calls_section_end|>",
    ),
    "llama3_json": (
        JSON_TIME.replace("arguments", "parameters"),
        f"{JSON_WEATHER}; {JSON_TIME}".replace("arguments", "parameters"),
    ),
    "minimax_m2": (
        f"<minimax:tool_call>\n{INVOKE_TIME}</minimax:tool_call>",
        f"<minimax:tool_call>\n{INVOKE_WEATHER}{INVOKE_TIME}</minimax:tool_call>",
    ),
    "mistral": (f"[TOOL_CALLS][{JSON_TIME}]", f"[TOOL_CALLS][{JSON_WEATHER}, {JSON_TIME}]"),
    "mistral_v11": (
        '[TOOL_CALLS]get_time[ARGS]{"tz": "UTC"}',
        f'[TOOL_CALLS]get_weather[ARGS]{WEATHER_JSON}[TOOL_CALLS]get_time[ARGS]{{"tz": "UTC"}}',
    ),
    "qwen3_coder": (QWEN_TIME, f"{QWEN_WEATHER}\n{QWEN_TIME}"),
    "seed_oss": (SEED_TIME, f"{SEED_WEATHER}\n{SEED_TIME}"),
    "step3": (
        f"<｜tool_calls_begin｜>\n{STEP3_TIME}<｜tool_calls_end｜>",
        f"<｜tool_calls_begin｜>\n{STEP3_WEATHER}{STEP3_TIME}<｜tool_calls_end｜>",
    ),
    "step3p5": (QWEN_TIME, QWEN_WEATHER + QWEN_TIME),
    "toml": (f"+++ tool_calls\n{TOML_TIME}+++", f"+++ tool_calls\n{TOML_WEATHER}\n{TOML_TIME}+++"),
    "xml": (f"<tool_calls>\n{XML_TIME}</tool_calls>", f"<tool_calls>\n{XML_WEATHER}{XML_TIME}</tool_calls>"),
}
every_dialect = pytest.mark.parametrize("name", CANONICAL)

# What stands between "RR" as reasoning and the first call, where the templates show it.
REASONING = {
    "dsml_v32": "<think>RR</think>\n\n",
    "dsml_v4": "<think>RR</think>\n\n",
    "glm45": "<think>RR</think>\n",
    "glm47": "<think>RR</think>",
    "hermes": "<think>RR</think>\n\n",
    "kimi_k2": "<think>RR</think>",
    "minimax_m2": "<think>RR</think>\n\n",
    "qwen3_coder": "<think>RR</think>\n\n",
    "seed_oss": "<seed:think>RR</seed:think>\n",
}
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
    assert wp.dialects() == tuple(sorted(CANONICAL))


@every_dialect
def test_one_call(name: str) -> None:
    assert wp.encode([TIME], name, tools=TOOLS) == CANONICAL[name][0]


@every_dialect
def test_parallel_calls(name: str) -> None:
    assert wp.encode([WEATHER, TIME], name, tools=TOOLS) == CANONICAL[name][1]


@every_dialect
def test_canonical_text_is_read_back_without_a_complaint(name: str) -> None:
    for text, calls in zip(CANONICAL[name], [[TIME], [WEATHER, TIME]], strict=True):
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
    assert wp.encode(message, name, tools=TOOLS) == REASONING[name] + CANONICAL[name][0]


def test_reasoning_of_qwen_as_its_template_shows_it() -> None:
    message = wp.Message(reasoning="\nRR\n", calls=(WEATHER, TIME))
    text = wp.encode(message, "qwen3_coder", tools=TOOLS)
    assert text == "<think>\nRR\n</think>\n\n" + CANONICAL["qwen3_coder"][1]


def test_glm_5_reasoning_and_calls() -> None:
    text = wp.encode(wp.Message(reasoning="RR", calls=(WEATHER, TIME)), "glm47", tools=TOOLS)
    assert text == "<think>RR</think>" + CANONICAL["glm47"][1]


@every_dialect
@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_messages_come_back(name: str, message: wp.Message) -> None:
    dialect = wp.dialect(name)
    if message.reasoning and dialect.reasoning is None:
        with pytest.raises(wp.EncodeError):
            wp.encode(message, name, tools=TOOLS)
        return
    if name == "llama3_json" and message.text and message.calls:
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
    if wp.dialect(name).codec == "tagged":
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
    whole = CANONICAL[name][0]
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
    if not wp.dialect(name).call.open.roles and name != "llama3_json":
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
