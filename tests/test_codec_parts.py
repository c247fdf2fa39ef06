"""The codecs `toml`, `json` and `tagged` at their edges: what TOML says is `tomli`'s word, all else a rule's.

Every text is decoded whole, a character at a time and cut in two; what comes out must be the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli

import wireproto as wp
from wireproto.testing import Trial, laws
from wireproto.testing.decoded import Decoded, merged
from wireproto.text.scan import MAX_GAP

STRING = {"type": "string"}
TOOLS = [
    {"name": "read", "parameters": {"type": "object", "properties": {"path": STRING, "limit": {"type": "integer"}}}},
    {"name": "write", "parameters": {"type": "object", "properties": {"path": STRING, "content": STRING}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]


def parsed(text: str, dialect: str | wp.Dialect, tools: Any = TOOLS, reason: str | None = None) -> wp.Message:
    """Return the message of a text, which keeps the laws in single characters and is the same cut anywhere."""
    found = Decoded(dialect, Trial(text, tuple(text), tools, finish_reason=reason))
    whole = merged(found.whole.events)
    laws.check_trial(dialect, found.trial)
    step = max(1, len(text) // 40)
    for cut in range(len(text) % step, len(text), step):
        cut_in_two = Decoded(dialect, Trial(text, (text[:cut], text[cut:]), tools, finish_reason=reason)).chunked
        assert merged(cut_in_two.events) == whole, f"cut at {cut}"
    return found.whole.message


def codes(message: wp.Message) -> list[str]:
    return [diagnosis.code for diagnosis in message.diagnoses]


def calls(message: wp.Message) -> list[tuple[str, dict[str, Any], bool]]:
    return [(call.name, dict(call.arguments), call.complete) for call in message.calls]


def streamed(dialect: str | wp.Dialect, text: str, *chunks: str, tools: Any = TOOLS) -> list[list[str]]:
    """Return what each chunk behind a text gives at once of an argument."""
    decoder = wp.Decoder(dialect, tools)
    decoder.feed(text)
    return [[event.text for event in decoder.feed(chunk) if isinstance(event, wp.ArgumentDelta)] for chunk in chunks]


# --- TOML ---------------------------------------------------------------------------------------------------------


def block(body: str, more: str = "") -> str:
    return f'+++ tool_calls\n[[call]]\nname = "write"\n{body}{more}+++\n'


def table(body: str) -> str:
    return block(f"[call.arguments]\n{body}")


VALID = [
    "[call.arguments] # comment\npath = 'a'\n",
    "extra = [1, 2]\nmore = 1 # x\nother = {a = 1}\ntext = 'x'\n[call.arguments]\npath = 'a'\n",
    'arguments = {path = "a", content = "b"}\n',
    'arguments = {path = "a"} # comment\nid = "x"\n',
    '[call.arguments]\nx = ["a\\"b", \'c\', """d"e""", \'\'\'f\'g\'\'\']\n',
    '[call.arguments]\nx = ["""a\\"""", """b"""""]\n',
    "[call.arguments]\nx = ['''a''''', '', \"\", 1]\n",
    "[call.arguments]\nx = [\n\n\n  1,\n  # [[call]]\n  2,\n]\n",
    '[call.arguments]\nx = """a \\\n  \n\t b"""\n',
    '[call.arguments]\nx = """a \\\r\n\r\n  b\\\n\r\n\r\n"""\r\n',
    '[call.arguments]\nx = """\r\na\r\n\\\n\n"""\n',
    "[call.arguments]\nx = '''it's'''\ny = '''a''b'''\n",
    '[call.arguments]\nx = ["a\\"b", 1]\ny = {a = "c\\\\", b = "\\""}\n',
    "[call.arguments]\n[[call.arguments.list]]\nx = 1\n[[call.arguments.list]]\ny = 2\n",
]


@pytest.mark.parametrize("body", VALID)
def test_valid_toml_is_what_tomli_reads(body: str) -> None:
    (said,) = tomli.loads(f'[[call]]\nname = "write"\n{body}')["call"]
    message = parsed(block(body), "toml", None)
    assert calls(message) == [("write", said["arguments"], True)] and message.diagnoses == ()


@pytest.mark.parametrize(
    "body",
    [
        "arguments = {path = 'a'}\n[call.arguments.x]\ny = 1\n",
        "[call.arguments]\npath = 'a'\n[[call.arguments.list]\nx = 1\n",
        "[call.arguments]\npath = 'a'\n[call.arguments.\"\\q\"]\nx = 1\n",
        "[call.arguments]\npath = 'a'\nx.y = 1\nThis is prose.\n",
    ],
)
def test_what_tomli_refuses_ends_the_call_incomplete(body: str) -> None:
    with pytest.raises(tomli.TOMLDecodeError):
        tomli.loads(f'[[call]]\nname = "write"\n{body}')
    message = parsed(block(body), "toml", None)
    assert calls(message) == [("write", {"path": "a"}, False)] and codes(message) == ["toml-invalid"]


def test_false_as_python_writes_it() -> None:
    message = parsed(table("x = False\ny = [True]\n"), "toml", None)
    assert message.calls[0].arguments == {"x": False}


def test_an_inline_argument_that_nobody_declares_is_said() -> None:
    message = parsed(block('arguments = {path = "a", other = 1}\n'), "toml")
    assert calls(message) == [("write", {"path": "a", "other": 1}, True)] and codes(message) == ["unknown-argument"]


def test_what_may_hold_all_arguments_is_cut() -> None:
    """R-CUT: the safe prefix of a string that was open, which its deltas join to."""
    text = '+++ tool_calls\n[[call]]\nname = "write"\n[call.arguments]\ninput = "some te'
    assert calls(parsed(text, "toml")) == [("write", {"input": "some te"}, False)]
    events = Decoded("toml", Trial(text, tuple(text), TOOLS)).whole.events
    assert "".join(event.text for event in events if isinstance(event, wp.ArgumentDelta)) == "some te"


def test_the_line_that_ends_an_open_array_is_where_it_is_wrong() -> None:
    message = parsed(table("path = 'a'\nx = [1,\n"), "toml", None)
    (found,) = message.diagnoses
    assert found.message.startswith("line 6, column 1 ") and found.span == (found.span[0],) * 2
    assert message.calls[0].raw.endswith("x = [1,\n") and calls(message) == [("write", {"path": "a"}, False)]


@pytest.mark.parametrize("blanks", range(MAX_GAP - 2, MAX_GAP + 2))
@pytest.mark.parametrize("gap", [" ", "\n ", " # ", "\n# \n "])
@pytest.mark.parametrize("behind", ["\rx = 1\n", "\r\nx = 1\n", "\r\ntext\n'''\n", "\ry\n'''\n"])
def test_how_far_a_delimiter_looks_ahead_does_not_depend_on_chunks(behind: str, gap: str, blanks: int) -> None:
    head = "+++ tool_calls\n[[call]]\nname = 'write'\n[call.arguments]\ncontent = '''a'''"
    text = f"{head}{gap}{' ' * (blanks - len(gap))}{behind}+++\n"
    edge = len(head) + blanks
    whole = merged(Decoded("toml", Trial(text)).whole.events)
    for cut in range(edge - 2, edge + 4):
        assert merged(Decoded("toml", Trial(text, (text[:cut], text[cut:]))).chunked.events) == whole


def test_a_string_of_many_lines_streams_but_for_a_quote() -> None:
    head = "+++ tool_calls\n[[call]]\nname = 'write'\n[call.arguments]\ncontent = '''\n"
    assert streamed("toml", head, "it'", "s ", "''", "b", "'") == [["it"], ["'s "], [], ["''b"], []]
    assert parsed(f"{head}it's '' b'''\n+++", "toml").calls[0].arguments == {"content": "it's '' b"}
    for at in range(len(head) + 1, len(head) + 12):
        text = f"{head}it's ''b '' c'''\n+++"
        chunks = (text[:at], text[at : at + 3], text[at + 3 : at + 5], text[at + 5 :])
        assert Decoded("toml", Trial(text, chunks, TOOLS)).chunked.message.calls[0].arguments["content"] == (
            "it's ''b '' c"
        )


def test_a_call_may_have_an_opener_that_is_no_header(tmp_path: Path) -> None:
    """Then its statements alone are the document."""
    file = tmp_path / "bare.toml"
    file.write_text(
        'name = "bare"\nsummary = "x"\nsource = "a test"\n[section]\nopen = "+++ tool_calls\\n"\nclose = "+++"\n'
        '[call]\nopen = "--- call\\n"\njoin = "\\n"\n[argument]\ncodec = "toml"\n'
    )
    plain = wp.Dialect.load(file)
    body = "name = 'write'\n[arguments]\npath = 'a'\n[arguments.x]\ny = 1\n"
    message = parsed(f"+++ tool_calls\n--- call\n{body}+++", plain, None)
    assert calls(message) == [("write", tomli.loads(body)["arguments"], True)]


def test_an_inline_table_is_written_as_the_specification_writes_it() -> None:
    text = wp.encode([wp.Call("f", {"point": {"x": 1, "y": [2, 3]}})], "toml")
    assert "\npoint = {x = 1, y = [2, 3]}\n" in text


# --- JSON ---------------------------------------------------------------------------------------------------------


def record(text: str) -> str:
    return f"<tool_call>\n{text}\n</tool_call>"


@pytest.mark.parametrize(
    ("text", "expected", "said", "behind"),
    [
        # R-HOLD: the first characters of the closer count as the closer, and so the quote before them closes.
        ('<tool_call>\n{"name": "read", "arguments": {"path": "a"</tool_', ({"path": "a"}, False), "truncated-call", ""),
        # R-REPAIR: behind the last brace, anything but brackets and white space ends the call and is text.
        ('<tool_call>\n{"name": "read", "arguments": {"path": "a"}}\\', ({"path": "a"}, True), "unclosed-call", "\\"),
        # R-DUP: the second name is a diagnosis and nothing else.
        (
            record('{"type": "function", "name": "read", "arguments": {"path": "a"}, "name": "other"}'),
            ({"path": "a"}, True),
            "duplicate-argument record-variant",
            "",
        ),
        # R-REPAIR: the name of each slip, and of no other.
        (record("{'name': 'read', 'arguments': {'path': 'some text'}}"), ({"path": "some text"}, True), "single-quotes", ""),
        (record('{"name": "read", "arguments": {{"path": "a"}}}'), ({"path": "a"}, True), "doubled-braces", ""),
        (
            record('{"function": {"name": "read", "arguments": {{"path": "a"}}}}'),
            ({"path": "a"}, True),
            "record-variant doubled-braces",
            "",
        ),
        (
            record('{"name": "read", "arguments": {{"path": "a"}}}}'),
            ({"path": "a"}, True),
            "doubled-braces, trailing-bracket",
            "",
        ),
    ],
)  # fmt: skip
def test_slips_of_json(text: str, expected: tuple[dict[str, Any], bool], said: str, behind: str) -> None:
    message = parsed(text, "hermes")
    assert calls(message) == [("read", *expected)] and message.text == behind
    told = " ".join(
        found.message.removeprefix("repaired: ") if found.code == "json-repaired" else found.code
        for found in message.diagnoses
    )
    assert told == said


def test_a_second_name_leaves_a_call_without_arguments_whole() -> None:
    message = parsed(record('{"type": "function", "name": "now", "name": "other"}'), "hermes")
    assert calls(message) == [("now", {}, True)]
    assert set(codes(message)) == {"duplicate-argument", "record-variant", "empty-arguments"}


@pytest.mark.parametrize("blanks", [MAX_GAP - 1, MAX_GAP, MAX_GAP + 1, 2 * MAX_GAP])
@pytest.mark.parametrize("behind", ["}}\n</tool_call>", "</tool_call>", ', "limit": 1}}\n</tool_call>'])
def test_a_quote_looks_as_far_ahead_whatever_follows_it(behind: str, blanks: int) -> None:
    for value in ('"a"%s', '["a"%s]'):
        text = '<tool_call>\n{"name": "read", "arguments": {"path": ' + value % (" " * blanks) + behind
        decoder = wp.Decoder("hermes", TOOLS)
        decoder.feed(text[: -len(behind)])
        decoder.feed(behind)
        decoder.close()
        assert decoder.message == wp.parse(text, "hermes", TOOLS)
        assert decoder.message.calls[0].complete is (blanks <= MAX_GAP)


def test_in_a_string_of_json_an_end_of_turn_token_is_content_at_once() -> None:
    head = '<tool_call>\n{"name": "read", "arguments": {"path": "a'
    assert streamed("hermes", head, "<|im_end|>", "b") == [["<|im_end|>"], ["b"]]
    assert "".join(streamed("hermes", "", f"{head}<|im_end|>")[0]) == "a<|im_end|>"
    assert parsed(f'{head}<|im_end|>b"}}}}\n</tool_call>', "hermes").calls[0].arguments == {"path": "a<|im_end|>b"}


def test_what_is_wrong_with_a_member_is_said_alike_wherever_it_stands() -> None:
    beside = parsed(record('{"name": "read", "path": nope}'), "hermes")
    inside = parsed(record('{"name": "read", "arguments": {"path": nope}}'), "hermes")
    told = [next(found.message for found in it.diagnoses if found.code == "json-invalid") for it in (beside, inside)]
    assert told[0] == told[1] == "path: expected a value (at character 0)"


def test_five_stray_members_are_all_named() -> None:
    message = parsed(record('{"name": "now", "a": 1, "b": 2, "c": 3, "d": 4, "e": 5}'), "hermes")
    (found,) = (found for found in message.diagnoses if found.code == "stray-members")
    assert all(f"'{key}'" in found.message for key in "abcde")
    assert [call.arguments for call in message.candidates] == [dict(zip("abcde", range(1, 6), strict=True))]


def test_a_string_that_is_never_closed_where_calls_have_no_closer() -> None:
    """R-COMMIT: the next call is the end; without one all of it is the string's safe prefix."""
    text = '[TOOL_CALLS]read[ARGS]{"path": "a}[TOOL_CALLS]now[ARGS]{}'
    broken, other = parsed(text, "mistral_v11").calls
    assert (broken.complete, other.name, other.complete) == (False, "now", True)
    assert broken.raw + other.raw == text
    message = parsed('[TOOL_CALLS]read[ARGS]{"path": "a}b', "mistral_v11")
    assert calls(message) == [("read", {"path": "a}b"}, False)] and codes(message) == ["truncated-value"]


def test_an_id_is_written_where_there_is_one() -> None:
    """As the chat templates of Mistral's v11 and v13 tokenizers write it."""
    for identity, header in {"abcDEF123": "[CALL_ID]abcDEF123[ARGS]", None: "[ARGS]"}.items():
        text = wp.encode([wp.Call("read", {"path": "a"}, identity)], "mistral_v11", tools=TOOLS)
        assert text == f'[TOOL_CALLS]read{header}{{"path": "a"}}'
        assert parsed(text, "mistral_v11").calls[0].id == identity


# --- values in tags -----------------------------------------------------------------------------------------------


def qwen(body: str, tail: str = "</function>\n</tool_call>", name: str = "write") -> str:
    return f"<tool_call>\n<function={name}>\n{body}{tail}"


UNDECLARED = "<tool_call>\n<function=nosuch>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>"
READ = "\n<tool_call>\n<function=read>\n<parameter=path>\nb\n</parameter>\n</function>\n</tool_call>"
PROSE = "\n" + "\n".join(f"Line {number} of what follows." for number in range(200))
CLINE = (
    "<read>\n<path>\n</write>\nx\n</content>\n</write>\nz\n</path>\n</read>\nmore"  # R-DEPTH: only </read> is read's
)


@pytest.mark.parametrize(
    ("dialect", "text", "expected", "said"),
    [
        ("cline", f"<write>\n<path>a</path>\n<content>\n{CLINE}\n</content>\n</write>", {"path": "a", "content": CLINE}, []),
        # R-DEPTH: the closers belong to the call in the value, one with a slip too.
        (
            "qwen3_coder",
            qwen(f"<parameter=content>\nUse:{READ.replace('</parameter>', '</paramter>')}\nso\n</parameter>\n"),
            {"content": f"Use:{READ.replace('</parameter>', '</paramter>')}\nso"},
            [],
        ),
        # R-NOCLOSE: outside any nested call, an argument's opener ends the value; a call before that changes nothing.
        (
            "qwen3_coder",
            qwen(f"<parameter=content>\nUse\n{UNDECLARED}\ntext\n<parameter=path>\na\n</parameter>\n") + PROSE,
            {"content": f"Use\n{UNDECLARED}\ntext", "path": "a"},
            ["unclosed-value"],
        ),
        # R-CLOSE2: the value holds a tag of its own that was not closed; the closer before the tag closes nothing.
        (
            "qwen3_coder",
            qwen('<parameter=content>\nx\n</parameter> <parameter name="a">\nb\n</parameter>\n</parameter>\n'),
            {"content": 'x\n</parameter> <parameter name="a">\nb\n</parameter>'},
            [],
        ),
        # R-CLOSE2 and R-WS: the value begins behind the second opener and its line break.
        (
            "qwen3_coder",
            qwen("<parameter=path>\r\n<parameter=path>\r\na.txt\r\n</parameter>\r\n"),
            {"path": "a.txt"},
            ["duplicate-opener"],
        ),
        # R-NOCLOSE: a missing value opener, with the line break that stands before one and without.
        ("glm45", "<tool_call>write\n<arg_key>path</arg_key>a</arg_value>\n</tool_call>", {"path": "a"}, ["missing-value-opener"]),
        ("glm45", "<tool_call>write\n<arg_key>path</arg_key>\na</arg_value>\n</tool_call>", {"path": "a"}, ["missing-value-opener"]),
        # R-TEXT: a closer of a value behind the call's own closes nothing.
        ("qwen3_coder", qwen("<parameter=path>\na\n</parameter>\n", "</function>\n</parameter>\n</tool_call>"), {"path": "a"}, ["orphan-closer"]),
        # A bare `<` shows that the writer escapes nothing, a section of CDATA neither.
        (
            "xml",
            '<tool_calls>\n<call name="write">\n<arg name="content">a <\n<![CDATA[x</arg>\n</call>\n</tool_calls>',
            {"content": "a <\n<![CDATA[x"},
            [],
        ),
        # R-UNK and R-TYPE: what stands in one argument has the types of its members.
        (
            "qwen3_coder",
            qwen('<parameter=input>\n{"path": 7, "content": "x"}\n</parameter>\n'),
            {"path": 7, "content": "x"},
            ["wrapped-arguments", "type-mismatch"],
        ),
    ],
)  # fmt: skip
def test_values_in_tags(dialect: str, text: str, expected: dict[str, Any], said: list[str]) -> None:
    message = parsed(text, dialect)
    assert calls(message) == [("write", expected, True)] and codes(message) == said


def test_a_closer_of_a_value_behind_a_call_without_arguments() -> None:
    message = parsed(qwen("", "</function>\n</parameter>\n</tool_call>", "now"), "qwen3_coder")
    assert calls(message) == [("now", {}, True)] and codes(message) == ["orphan-closer"] and message.text == ""


def test_a_lone_opener_of_an_undeclared_tool_before_several_calls() -> None:
    """R-DEPTH: closers of the outer call and calls of declared tools follow; no closer behind those shows more of it."""
    text = qwen(f"<parameter=content>\nLike this:\n{UNDECLARED[: UNDECLARED.index('</par')]}</parameter>\n")
    for times in (1, 2, 3):
        message = parsed(text + READ * times, "qwen3_coder")
        assert [call.name for call in message.calls] == ["write", *["read"] * times]
        assert message.calls[0].arguments["content"].endswith("<parameter=x>\n1") and message.calls[0].complete


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_example_with_more_of_the_value_behind_it_is_content(reason: str) -> None:
    """R-DEPTH: an opener of the next argument behind a closer shows it, as well as the call's closer does."""
    content = f"Use\n{UNDECLARED}\nthen more"
    text = qwen(f"<parameter=content>\n{content}\n</parameter>\n<parameter=path>\na", "")
    assert calls(parsed(text, "qwen3_coder", reason=reason)) == [("write", {"content": content, "path": "a"}, False)]


@pytest.mark.parametrize(
    "content",
    [
        "text\n<tool_call>\n<function=nosuch>\n<parameter=x>\n1\n</parameter>\n<parameter=path>\nb\n</parameter>\n"
        "</function>\n</tool_call>\nmore",
        f"Use\n{UNDECLARED}\nthen </parameter> more",
        f"Use\n{UNDECLARED}",
        f"Use\n{UNDECLARED}{UNDECLARED}\nmore",
    ],
)
def test_a_call_ends_with_its_last_character(content: str) -> None:
    """Law 8: once the closers of value and call were seen, nothing that follows the wrapper's changes what it ends."""
    text = qwen(f"<parameter=content>\n{content}\n</parameter>\n")
    assert calls(parsed(text, "qwen3_coder")) == [("write", {"content": content}, True)]
    decoder, closer = wp.Decoder("qwen3_coder", TOOLS), "</tool_call>"
    decoder.feed(text.removesuffix(closer))
    assert [any(isinstance(event, wp.CallEnd) for event in decoder.feed(character)) for character in closer] == [
        *[False] * (len(closer) - 1),
        True,
    ]


@pytest.mark.parametrize(
    ("head", "first"),
    [
        ("<parameter=path>\n", '"a'),  # a string that may be anything: quotes are content (R-TYPE)
        ("<parameter=path>\n<parameter=path>\n", "a"),  # behind an opener that stands twice (R-CLOSE2)
        ("<parameter=input>\n", "a"),  # no object, and so not all arguments in one (R-UNK)
    ],
)
def test_the_first_character_of_a_value_is_emitted_at_once(head: str, first: str) -> None:
    assert streamed("qwen3_coder", qwen(head, ""), first, "b") == [[first], ["b"]]


@pytest.mark.parametrize("value", ["a &lt", "&lt;/｜DSML｜parameter", "a&", "&lt;/", "</｜DSML｜parameter>", "&"])
def test_half_of_an_escape_at_the_end_of_a_value(value: str) -> None:
    """R-ENT: a whole escape is the closer, and half of one is what it is; the deltas join to the value."""
    text = wp.encode([wp.Call("write", {"content": value})], "dsml_v4", tools=TOOLS)
    message = parsed(text, "dsml_v4")
    assert calls(message) == [("write", {"content": value}, True)]
    assert "".join(piece for pieces in streamed("dsml_v4", "", *text) for piece in pieces) == value


def test_which_values_a_template_writes_as_python() -> None:
    """The template of Qwen3-Coder: objects and arrays with `tojson`, all else with `string`; Seed-OSS: all as Python."""
    arguments = {"a": True, "b": [True, None], "c": {"k": False}, "d": 1.5}
    for dialect, words in {
        "qwen3_coder": ["True", "[true, null]", '{"k": false}', "1.5"],
        "seed_oss": ["True", "[True, None]", "{'k': False}", "1.5"],
        "glm45": ["true", "[true, null]", '{"k": false}', "1.5"],
    }.items():
        text = wp.encode([wp.Call("f", arguments)], dialect, tools=[{"name": "f", "parameters": {"properties": {
            "a": {"type": "boolean"}, "b": {"type": "array"}, "c": {"type": "object"}, "d": {"type": "number"}}}}])  # fmt: skip
        assert [line for line in words if line not in text] == []


# --- all that have values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", wp.dialects())
def test_the_limit_of_a_value_holds_however_it_arrives(dialect: str) -> None:
    text = wp.encode([wp.Call("write", {"content": "abcdefgh" * 4})], dialect, tools=TOOLS)
    policy = wp.Policy(limits=wp.Limits(max_value_chars=20))
    begin = text.index("abcdefgh")
    for size in (1, 3, 8, 30, len(text)):
        rest = text[begin + 2 :]
        chunks = (text[: begin + 2], *(rest[at : at + size] for at in range(0, len(rest), size)))
        outcome = Decoded(dialect, Trial(text, chunks, TOOLS, policy=policy)).chunked
        assert outcome.limit == "max_value_chars"
        joined = "".join(event.text for event in outcome.events if isinstance(event, wp.ArgumentDelta))
        assert joined in ("", ("abcdefgh" * 4)[:20])


EDGES = ["\r\n", "\n", "\r", " ", "\n\n", "\r\n\r\n", "\t"]


@pytest.mark.parametrize("dialect", wp.dialects())
def test_white_space_at_the_edges_of_a_value_comes_back(dialect: str) -> None:
    for edge in EDGES:
        for value in (f"{edge}a", f"a{edge}", f"{edge}a{edge}"):
            for key in ("path", "content"):
                call = wp.Call("write", {key: value})
                assert wp.parse(wp.encode([call], dialect, tools=TOOLS), dialect, TOOLS).calls[0].arguments == {
                    key: value
                }
