"""The TOML codec against `tomli`, its string rule, hostile texts, and how it writes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import tomli
from effort import rounds
from hypothesis import assume, given
from hypothesis import strategies as st

import wireproto as wp
from wireproto import fuzz
from wireproto.codecs.toml.writer import write_value
from wireproto.testing import Trial, laws
from wireproto.testing.decoded import Decoded, decode, merged
from wireproto.testing.writing import ROUND_TRIP
from wireproto.text.json_safe import identical, json_safe
from wireproto.text.toml_strings import write_line, write_string

WRITE_FILE = {
    "name": "write_file",
    "parameters": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}},
    },
}


def wrapped(*blocks: str) -> str:
    return "+++ tool_calls\n" + "\n".join(blocks) + "\n+++"


def call(body: str, name: str = "write_file") -> str:
    return f'[[call]]\nname = "{name}"\n{body}'


def arguments(body: str) -> str:
    return call(f"[call.arguments]\n{body}")


def only(text: str, dialect: str | wp.Dialect = "toml", **options: Any) -> wp.Call:
    message = wp.parse(text, dialect, **options)
    assert len(message.calls) == 1
    return message.calls[0]


def read(body: str, **options: Any) -> wp.Call:
    """Return the one call with these statements in its table of arguments."""
    return only(wrapped(arguments(body)), **options)


def codes(found: wp.Call | wp.Message) -> list[str]:
    return [diagnosis.code for diagnosis in found.diagnoses]


def meant(value: Any) -> Any:
    """Return what TOML says, as JSON has it, with null spelled out."""
    return nulls(json_safe(value).value)


def nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return None if identical(value, {"$null": True}) else {key: nulls(item) for key, item in value.items()}
    return list(map(nulls, value)) if isinstance(value, list) else value


# Valid TOML in many spellings. What a strategy cannot rule out is left to `tomli` to refuse.

PIECES = st.sampled_from(
    ["a", "b c", "'", '"', "''", '""', "é", "😀", "\u2028", "\t", " ", "#", "=", "[[call]]", "[call.arguments]", "+++",
     "x = 1", "{", "]", ".", "true", "k = '"]
)  # fmt: skip
ESCAPES = st.sampled_from(["\\n", "\\t", '\\"', "\\\\", "\\u00e9", "\\U0001F600", "\\b", "\\f", "\\r"])
BREAKS = st.sampled_from(["\n", "\r\n", "\n\n", "\n  "])


def joined(*pieces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.one_of(*pieces), max_size=6).map("".join)


BASIC = joined(PIECES.filter(lambda piece: '"' not in piece), ESCAPES).map('"{}"'.format)
LITERAL = joined(PIECES.filter(lambda piece: "'" not in piece), st.just("\\")).map("'{}'".format)
FOLDED = st.sampled_from(["\\\n", "\\  \n\n  ", "\\\r\n\t"])
LINES = joined(PIECES, ESCAPES, BREAKS, FOLDED).map('"""{}"""'.format)
RAW_LINES = joined(PIECES, BREAKS, st.just("\\")).map("'''{}'''".format)


def is_toml(text: str) -> bool:
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        return False
    return True


STRINGS = st.one_of(BASIC, LITERAL, LINES, RAW_LINES).filter(lambda text: is_toml(f"v = {text}"))
SHORT_STRINGS = st.one_of(BASIC, LITERAL)
ODD = st.sampled_from(
    ["0", "-17", "+99", "1_000", "0xDEAD_beef", "0o755", "0b1101", "3.14", "-0.0", "6.626e-34", "1e+22", "5e1_0",
     "inf", "-inf", "+nan", "nan", "true", "false", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.5-07:00",
     "1979-05-27T07:32:00", "1979-05-27", "07:32:00.999", '{"$null" = true}', "{'$null' = true}"]
)  # fmt: skip
SCALARS = st.one_of(
    ODD,
    ODD,
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
GAPS = st.sampled_from(["", " ", "\n", "\r\n  ", ' # it\'s "one" ]\n', "\n\n"])
BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
KEYS = st.one_of(BARE, BARE, BASIC, LITERAL)


@st.composite
def array(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    out = ["[", draw(GAPS)]
    for item in draw(st.lists(inner, max_size=3)):
        out += [item, draw(GAPS), ",", draw(GAPS)]
    return "".join(out) + "]"


@st.composite
def inline(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    keys = [f"{draw(KEYS)}.k{i}" if draw(st.booleans()) else f"k{i}" for i in range(draw(st.integers(0, 3)))]
    return "{" + ", ".join(f"{key} = {draw(inner)}" for key in keys) + "}"


VALUES = st.one_of(
    STRINGS,
    SCALARS,
    st.recursive(st.one_of(SCALARS, STRINGS), lambda inner: st.one_of(array(inner), inline(inner)), max_leaves=5),
)
COMMENTS = st.sampled_from(["", "", "", " # a comment", "\t#'''", ' #"x" = ['])
BETWEEN = st.sampled_from(["", "", "", "\n", "  \n", "# [call.arguments]\n", "\t# '''\n\n", "\r\n"])


@st.composite
def statements(draw: st.DrawFn, prefix: str = "") -> str:
    """Keys and values: bare, quoted and dotted; indented, commented, apart."""
    out = []
    for i in range(draw(st.integers(0, 4))):
        key = f"{draw(KEYS)}.k{i}" if draw(st.integers(0, 3)) == 0 else draw(KEYS)
        indent, equals = draw(st.sampled_from(["", "", "  "])), draw(st.sampled_from([" = ", "=", "\t=  "]))
        line_end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
        out += [draw(BETWEEN), indent, prefix, key, equals, draw(VALUES), draw(COMMENTS), line_end]
    return "".join(out)


@st.composite
def tables(draw: st.DrawFn, root: str) -> str:
    """Tables and arrays of tables below the arguments."""
    out = []
    for i in range(draw(st.integers(0, 2))):
        opener, closer = draw(st.sampled_from([("[", "]"), ("[[", "]]"), ("[[ ", " ]]")]))
        name = f"{root}.arguments.t{i}" if opener == "[" else f"{root}.arguments.list"
        deeper = draw(st.sampled_from(["", "", ".deep", '."a b"'])) if opener == "[" else ""
        out += [opener, name, deeper, closer, draw(COMMENTS), "\n", draw(statements())]
    return "".join(out)


@st.composite
def blocks(draw: st.DrawFn, root: str = "call") -> str:
    """A call with its arguments in a table, as dotted keys or as an inline table; always valid TOML."""
    name = draw(st.sampled_from(['"write_file"', "'write_file'", '"""write_file"""', "'''\nwrite_file'''", '"a.b-c"']))
    head = f"[[{root}]]{draw(COMMENTS)}\n{draw(BETWEEN)}name = {name}{draw(COMMENTS)}\n"
    head += draw(st.sampled_from(["", "", 'id = "c1"\n', "id = 'c1' # optional\n", "extra = [\n1,\n]\n"]))
    how = draw(st.sampled_from(["table", "table", "dotted", "inline", "none"]))
    if how == "table":
        body = draw(BETWEEN) + f"[{root}.arguments]{draw(COMMENTS)}\n" + draw(statements()) + draw(tables(root))
    elif how == "dotted":
        body = draw(statements(prefix="arguments."))
    elif how == "inline":
        body = f"arguments = {draw(inline(st.one_of(SCALARS, SHORT_STRINGS, array(SCALARS))))}\n"
    else:
        body = ""
    block = head + body
    assume(is_toml(block))
    return block


@given(st.lists(blocks(), min_size=1, max_size=2))
def test_valid_toml_means_what_tomli_says(written: list[str]) -> None:
    message = wp.parse(wrapped(*written), "toml")
    assert [found.complete for found in message.calls] == [True] * len(written)
    assert set(codes(message)) <= {"value-not-json", "empty-arguments"}
    for block, found in zip(written, message.calls, strict=True):
        (said,) = tomli.loads(block)["call"]
        assert found.name == said["name"] and found.id == said.get("id")
        expected = meant(said.get("arguments", {}))
        assert identical(found.arguments, expected), f"{found.arguments}\n{expected}\n{block}"


@given(st.lists(blocks(), min_size=1, max_size=2), st.data())
def test_chunks_do_not_matter(written: list[str], data: st.DataObject) -> None:
    text = wrapped(*written)
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))]
    reason = data.draw(st.sampled_from([None, "stop", "length"]))
    for chunks in (data.draw(fuzz.chunkings(text)), tuple(text)):
        laws.check_trial("toml", Trial(text, chunks, finish_reason=reason))


# Damage: what a model may do to a valid block.

DAMAGE = st.sampled_from(
    ["'''", '"""', "'", '"', "\\", "\n", "\r", "[", "]]", "{", "#", "+++", "+++ tool_calls\n", "[[call]]\n", "[call.x]\n",
     "[[call.arguments]]\n", "\nx = 1\n", "'''\n    x = 1\n", "\x00", "\ud83d", "\\u12", "''''''''", ".", "= ", "nan"]
)  # fmt: skip


@given(blocks(), st.data())
def test_damaged_blocks(block: str, data: st.DataObject) -> None:
    text = wrapped(block)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.sampled_from([start, start, min(len(text), start + 3)]))
        text = text[:start] + data.draw(DAMAGE) + text[end:]
    for chunks in (data.draw(fuzz.chunkings(text)), tuple(text)):
        laws.check_trial("toml", Trial(text, chunks, tools=data.draw(st.sampled_from([None, [WRITE_FILE]]))))


# Strings of many lines end where TOML goes on, and nowhere else.

STRUCTURE = {
    "an argument": "mode = 420",
    "a quoted key": '"a b" = "x"',
    "a dotted key": "a.'b'.c = {}",
    "a comment, then an argument": "# it's one\n\n  mode = 420",
    "a table": "[call.arguments.options]",
    "an array of tables": "[[call.arguments.list]]\nx = 1",
    "another call": '[[call]]\nname = "b"',
}
CONTENT = {
    "text": "text",
    "a word and a colon": "def f():",
    "a comparison": "x == 1",
    "an assignment of a name": "x = y",
    "an assignment of a sum": "x = 1 + y",
    "a foreign table": "[tool.ruff]",
    "a list": "[1, 2]",
    "a link": "[a](b)",
    "another delimiter": "''' text",
    "a comment, then text": "# comment\n\nimport os",
    "half a header": "[call.arguments",
    "plus signs in a line": "+++ x",
    "a call in a line": "[[call]] x",
    "an odd table": "[call.arguments] x",
    "a long key": "k" * 2_000 + " = 1",
}


@pytest.mark.parametrize("after", STRUCTURE.values(), ids=STRUCTURE)
@pytest.mark.parametrize("behind", ["", "  ", " # done", "\n\n"])
@pytest.mark.parametrize("quotes", ["'''", '"""'])
def test_a_delimiter_ends_a_string_where_toml_goes_on(quotes: str, behind: str, after: str) -> None:
    text = wrapped(arguments(f"content = {quotes}\na\n{quotes}{behind}\n{after}\n"))
    for chunks in ((text,), tuple(text)):
        _, message = decode("toml", Trial(text, chunks))
        assert message.calls[0].arguments["content"] == "a\n"
        assert message.calls[0].complete and codes(message) == []


@pytest.mark.parametrize("after", CONTENT.values(), ids=CONTENT)
@pytest.mark.parametrize("behind", ["", "  ", " # done"])
@pytest.mark.parametrize("quotes", ["'''", '"""'])
def test_a_delimiter_is_content_anywhere_else(quotes: str, behind: str, after: str) -> None:
    after = after.replace("'''", quotes)
    text = wrapped(arguments(f"content = {quotes}\na\n{quotes}{behind}\n{after}\n{quotes}\n"))
    for chunks in ((text,), tuple(text)):
        _, message = decode("toml", Trial(text, chunks))
        assert message.calls[0].arguments == {"content": f"a\n{quotes}{behind}\n{after}\n"}
        assert message.calls[0].complete and codes(message) == ["toml-repaired"]


SOURCE = """\
'''A module.'''
import os

PATTERN = '''[[call]]
+++
'''.strip()


def f(x):
    '''Say "it's".'''
    y = g(x)
    return ''''quoted' '''
"""


def test_a_file_with_docstrings_survives() -> None:
    found = read(f"path = 'a.py'\ncontent = '''\n{SOURCE}'''\nmode = 420", tools=[WRITE_FILE])
    assert found.arguments == {"path": "a.py", "content": SOURCE, "mode": 420}
    assert found.complete and codes(found) == ["toml-repaired"]


def test_an_undeclared_key_that_is_indented_is_code() -> None:
    body = "content = '''\ndef f():\n    '''Doc.'''\n    x = 1\n'''\n"
    content = "def f():\n    '''Doc.'''\n    x = 1\n"
    assert read(body, tools=[WRITE_FILE]).arguments == {"content": content}
    # What is declared is meant, and without a schema it is TOML's word that counts.
    assert read(body.replace("x = 1", "mode = 1"), tools=[WRITE_FILE]).arguments["mode"] == 1
    assert not read(body).complete
    # Where everything is indented, nothing follows from that.
    indented = "  content = '''\na\n'''\n  x = 1\n"
    for body in (indented, "\n" + indented, "  # comment\n" + indented, "   \n" + indented):
        text = wrapped(arguments(body))
        for chunks in ((text,), tuple(text)):
            _, message = decode("toml", Trial(text, chunks, tools=[WRITE_FILE]))
            assert message.calls[0].arguments == {"content": "a\n", "x": 1}


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ("content = ''''a''''\n", "'a'"),
        ("content = '''''a'''''\n", "''a''"),
        ("content = ''''''\n", ""),
        ("content = '''\n\n\n'''\n", "\n\n"),
        ('content = """\\\n  \n  a \\   \r\n\t b"""\n', "a b"),
        ('content = """a\r\nb\\r\\n"""\n', "a\nb\r\n"),
        ('content = "\\u0041\\U0001F600\\x41\\e"\n', "A😀A\x1b"),
        ("content = ''\nmode = 1\n", ""),
    ],
)
def test_strings(body: str, content: str) -> None:
    text = wrapped(arguments(body))
    for chunks in ((text,), tuple(text)):
        _, message = decode("toml", Trial(text, chunks))
        assert message.calls[0].arguments["content"] == content and codes(message) == []


@pytest.mark.parametrize(
    ("body", "content", "repair"),
    [
        ('content = "C:\\path\\new"', "C:\\path\new", "invalid-escape"),
        ('content = "\\d+\\."', "\\d+\\.", "invalid-escape"),
        ('content = "\\ud83d\\u12"', "\\ud83d\\u12", "invalid-escape"),
        ('content = """a\\ b"""', "a\\ b", "invalid-escape"),
        ('content = "a\x00\x1b\rb"', "a\x00\x1b\rb", "control-character"),
        ("content = '''a\rb\x7f'''", "a\rb\x7f", "control-character"),
        ("content = '''a''''''", "a'''", "delimiter-in-string"),
        ("content = null", None, "literal"),
        ("content = True", True, "literal"),
    ],
)
def test_what_toml_forbids_in_a_value_is_kept_and_named(body: str, content: Any, repair: str) -> None:
    text = wrapped(arguments(body + "\n"))
    for chunks in ((text,), tuple(text)):
        _, message = decode("toml", Trial(text, chunks))
        assert message.calls[0].arguments == {"content": content} and message.calls[0].complete
        assert [(d.code, d.severity, d.message) for d in message.diagnoses] == [
            ("toml-repaired", "repaired", f"repaired: {repair}")
        ]


# The call as a whole.

EXAMPLE = """\
I will write it.
+++ tool_calls
[[call]]
name = "write_file"
id = "c1"            # optional

[call.arguments]
path = "a.py"
content = '''
def f():
    return 1
'''
mode = 420
+++
"""


def test_the_example() -> None:
    message = wp.parse(EXAMPLE, "toml", tools=[WRITE_FILE])
    (found,) = message.calls
    assert (found.name, found.id, found.complete) == ("write_file", "c1", True)
    assert found.arguments == {"path": "a.py", "content": "def f():\n    return 1\n", "mode": 420}
    assert message.text == "I will write it.\n" and message.diagnoses == ()


def test_strings_stream() -> None:
    decoder = wp.Decoder("toml", tools=[WRITE_FILE])
    head, value, tail = EXAMPLE.partition("def f():\n    return 1\n")
    events = decoder.feed(head)
    assert wp.CallStart(0, "write_file", "c1") in events and wp.ArgumentStart(0, "content", "string") in events
    for char in value:
        assert decoder.feed(char) == [wp.ArgumentDelta(0, "content", char)]
    assert decoder.pending == ""
    assert decoder.feed("''") == [] and decoder.pending == "''"
    assert decoder.feed("x")[0] == wp.ArgumentDelta(0, "content", "''x")
    assert decoder.feed("'''\nmo") == [] and decoder.pending == "'''\nmo"
    assert merged(decoder.feed("re text")) == [wp.ArgumentDelta(0, "content", "'''\nmore text")]
    events = decoder.feed(tail) + decoder.close()
    assert wp.ArgumentEnd(0, "content", value + "''x'''\nmore text") in events
    assert wp.ArgumentDelta(0, "mode", "420") in events


def test_other_values_come_whole() -> None:
    decoder = wp.Decoder("toml", tools=[WRITE_FILE])
    assert decoder.feed(wrapped(arguments("mode = [1,\n 2"))[:-4])[-1] == wp.CallStart(0, "write_file")
    assert decoder.feed("] # done") == []
    assert decoder.feed("\n") == [
        wp.ArgumentStart(0, "mode", "json"),
        wp.ArgumentDelta(0, "mode", "[1, 2]"),
        wp.ArgumentEnd(0, "mode", [1, 2]),
    ]


def test_values_that_json_has_no_word_for() -> None:
    found = read("d = 1979-05-27\nn = [nan, {x = -inf}]\nt.t = 07:32:00")
    assert found.arguments == {"d": "1979-05-27", "n": ["nan", {"x": "-inf"}], "t": {"t": "07:32:00"}}
    (diagnosis,) = found.diagnoses
    assert (diagnosis.code, diagnosis.severity) == ("value-not-json", "repaired")
    assert all(path in diagnosis.message for path in ("d", "n[0]", "n[1].x"))
    assert math.isnan(tomli.loads("x = nan")["x"])


def test_null_anywhere() -> None:
    body = 'a = {"$null" = true}\nb = [{"$null" = true}, {"$null" = 1}]\nc.d = {\'$null\' = true}\n'
    body += '[call.arguments.e]\n"$null" = true\n[[call.arguments.f]]\ng = {"$null" = true, x = 1}\n'
    found = read(body)
    assert found.arguments == {
        "a": None, "b": [None, {"$null": 1}], "c": {"d": None}, "e": None, "f": [{"g": {"$null": True, "x": 1}}]
    }  # fmt: skip


def test_the_schema_is_only_asked_afterwards() -> None:
    found = read('mode = "420"\npath = 7\nother = 1\n', tools=[WRITE_FILE])
    assert found.arguments == {"mode": "420", "path": 7, "other": 1} and found.complete
    assert codes(found) == ["unknown-argument", "type-mismatch", "type-mismatch"]


def test_the_first_value_stands() -> None:
    found = read("a = 'x'\na = 'y'\na.b = 1\nc.d = 1\nc = 2\n[call.arguments.a]\nz = 1\n")
    assert found.arguments == {"a": "x", "c": {"d": 1}}
    assert codes(found) == ["duplicate-argument"] * 3
    twice = only(wrapped(call('name = "b"\nid = "1"\nid = "2"')))
    assert (twice.name, twice.id) == ("write_file", "1") and codes(twice) == ["duplicate-argument"] * 2


def test_arguments_may_stand_before_the_name() -> None:
    found = only(wrapped('[[call]]\narguments.a = "x"\narguments.b = 2\nname = "write_file"\nid = 7\n'))
    assert found == wp.Call("write_file", {"a": "x", "b": 2}, "7", span=found.span)


@pytest.mark.parametrize(
    "body", ["", "id = 'x'", "name = 5", "name = 'a b'", "arguments.x = 1", "name = ", "name = 'a"]
)
def test_no_name_no_call(body: str) -> None:
    text = f"[[call]]\n{body}\n"
    message = wp.parse(f"+++ tool_calls\n{text}+++", "toml")
    assert not message.calls and (body in message.text)


def test_members_that_nobody_knows() -> None:
    found = only(wrapped(call('path = "a"\n[call.meta]\nx = 1\n')))
    assert found.arguments == {} and found.complete and codes(found) == ["empty-arguments"]
    assert codes(only(wrapped(call("")))) == []


INVALID = {
    "no statement": ("path = 'a'\nThis is prose.\n", {"path": "a"}),
    "two values": ("path = 'a'\nmode = 1 2\n", {"path": "a"}),
    "text behind a string": ("mode = 1\npath = 'a' b\n", {"mode": 1, "path": "a"}),
    "an open line": ("mode = 1\npath = 'a\n", {"mode": 1, "path": "a"}),
    "no value": ("path = 'a'\nmode =\n", {"path": "a"}),
    "a bare word": ("path = 'a'\nmode = read\n", {"path": "a"}),
    "an open bracket": ("path = 'a'\nmode = [1, 2\n", {"path": "a"}),
    "a stray bracket": ("path = 'a'\nmode = 1]\nother = 2\n", {"path": "a"}),
    "an open line in brackets": ("path = 'a'\nmode = ['x\n", {"path": "a"}),
    "a foreign table": ("path = 'a'\n[other]\n", {"path": "a"}),
    "the call's own table": ("path = 'a'\n[call]\n", {"path": "a"}),
    "the arguments again": ("path = 'a'\n[call.arguments]\nmode = 1\n", {"path": "a"}),
    "tables that do not fit": ("path = 'a'\nx.y = 1\nx.y.z = 2\n", {"path": "a"}),
    "a number of 5,000 digits": ("path = 'a'\nmode = " + "9" * 5_000 + "\n", {"path": "a"}),
}


@pytest.mark.parametrize(("body", "certain"), INVALID.values(), ids=INVALID)
def test_what_is_not_toml_ends_one_call(body: str, certain: dict[str, Any]) -> None:
    text = wrapped(arguments(body), call("", "other"))
    for chunks in ((text,), tuple(text)):
        _, message = decode("toml", Trial(text, chunks))
        broken, other = message.calls
        assert broken.arguments == certain and not broken.complete and "toml-invalid" in codes(broken)
        assert other.name == "other" and other.complete and message.text == ""


def test_the_place_of_an_error_is_said() -> None:
    found = read("path = 'a'\n  mode = 1 2\n")
    assert "line 5, column 10 of the call" in found.diagnoses[0].message


@pytest.mark.parametrize(
    ("tail", "reason", "complete", "code"),
    [
        ("mode = 4\n", "stop", True, "unclosed-call"),
        ("mode = 4", "stop", True, "unclosed-call"),
        ("mode = 4\n", "length", False, "truncated-call"),
        ("mode = 4", "length", False, "truncated-value"),
        ("mode = [4", "stop", False, "truncated-value"),
        ("mode = ", "stop", False, "truncated-call"),
        ("mod", "stop", False, "truncated-call"),
        ("content = 'ab", "stop", False, "truncated-value"),
        ("content = '''\nab''", "stop", False, "truncated-value"),
        ("content = '''\nab'''", "stop", True, "unclosed-call"),
        ("content = '''\nab'''\nmo", "stop", False, "truncated-call"),
        ("content = 'ab'", "length", False, "truncated-call"),
        ("+", "stop", True, "unclosed-call"),
        ("[[ca", "stop", True, "unclosed-call"),
        ("[call.argum", "stop", False, "truncated-call"),
        ("+++", "length", True, None),
    ],
)
def test_where_the_output_ends(tail: str, reason: str, complete: bool, code: str | None) -> None:
    text = "+++ tool_calls\n" + arguments("path = 'a'\n" + tail)
    for chunks in ((text,), tuple(text)):
        _, message = decode("toml", Trial(text, chunks, finish_reason=reason))
        assert message.calls[0].complete is complete and message.calls[0].arguments["path"] == "a"
        assert codes(message) == ([code] if code else [])
        if "ab" in tail:
            assert message.calls[0].arguments["content"] == "ab"


def test_without_a_section() -> None:
    message = wp.parse(arguments("path = 'a'\n"), "toml", tools=[WRITE_FILE])
    assert message.calls[0].complete and codes(message) == ["missing-wrapper", "unclosed-call"]
    message = wp.parse(arguments("path = 'a'\n") + "+++\nDone.", "toml", tools=[WRITE_FILE])
    assert message.calls[0].complete and message.text.strip() == "Done."


def test_limits() -> None:
    with pytest.raises(wp.LimitExceeded):
        read("a = [[[1]]]", policy=wp.Policy(limits=wp.Limits(max_depth=2)))
    with pytest.raises(wp.LimitExceeded):
        read("a.b = {c.d.e = 1}", policy=wp.Policy(limits=wp.Limits(max_depth=2)))
    for body in ("a = 'xxxxx'", "a = [1, 2, 3]", "a.b = 'xxxxx'"):
        with pytest.raises(wp.LimitExceeded):
            read(body, policy=wp.Policy(limits=wp.Limits(max_value_chars=4)))


# Hostile texts. What is not linear takes far too long on these sizes, in the long run for ever.

N = rounds(20_000, 100_000)
HOSTILE = {
    "deep arrays": "v = " + "[" * 10_000,
    "deep arrays that close": "v = " + "[" * 10_000 + "]" * 10_000,
    "deep tables": "v = " + "{a = " * 10_000 + "1" + "}" * 10_000,
    "a key of many parts": ".".join("k" * N) + " = 1",
    "a key of many parts in a table": "v = {" + ".".join("k" * N) + " = 1}",
    "a header of many parts": "[call.arguments." + ".".join("k" * N) + "]",
    "many statements": "\n".join(f"k{i} = {i}" for i in range(N)),
    "many tables": "\n".join(f"[call.arguments.k{i}]" for i in range(N // 5)),
    "many tables in one": "\n".join(f"[[call.arguments.k.{'a.' * 150}k]]" for _ in range(500)),
    "one long line": "v = '" + "x" * (10 * N) + "'",
    "one long comment": "# " + "x" * (10 * N),
    "one long key": "k" * (10 * N) + " = 1",
    "a long number": "v = " + "9" * (10 * N),
    "a long number in hex": "v = 0x" + "f" * (10 * N),
    "an open array": "v = [" + "1, " * (3 * N),
    "an open basic string": 'v = """\n' + 'x\\n"" ' * N,
    "an open literal string": "v = '''\n" + "x '' " * N,
    "an open string in an array": "v = ['''" + "x" * (10 * N),
    "delimiters": "v = '''\n" + "'''\n" * N,
    "delimiters and comments": "v = '''\n" + "''' # '''\n" * (N // 2),
    "delimiters and half headers": "v = '''\n" + "'''\n[call.arguments" * (N // 5),
    "quotes in an array": "v = [" + "'" * (5 * N),
    "blank lines": "v = '''a'''\n" + "\n" * (10 * N),
    "comments behind a string": "v = '''a'''\n" + "# x\n" * N,
    "backslashes": 'v = """' + "\\" * (5 * N + 1),
    "folded lines": 'v = """' + "\\\n \\  " * N,
    "carriage returns": "v = '''" + "\r" * (2 * N),
    "nothing but NUL": "\x00" * N,
    "NUL in a string": "v = '" + "\x00" * N + "'",
    "lone surrogates": "v = '\ud83d'\n'\ude00' = \"\ud83d\"\nw = ['\udfff']",
    "inline tables of tables": "v = [" + "{a.b.c = {d = [{}]}}, " * (N // 5) + "]",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(body: str) -> None:
    text = wrapped(arguments("path = 'a'\n" + body + "\n"), call("", "other"))
    for step in (4 if len(text) < 100_000 else 64, len(text)):
        trial = Trial(text, tuple(text[at : at + step] for at in range(0, len(text), step)))
        events, message = decode("toml", trial)
        assert message.calls[0].arguments["path"] == "a"
        assert "".join(segment.raw for segment in message.segments) == text
        assert sum(isinstance(event, wp.CallEnd) for event in events) == len(message.calls)


# Salt.


def test_markers_without_the_salt_are_nothing() -> None:
    salted = wp.dialect("toml").salted("k7q2")
    inner = wp.encode([wp.Call("write_file", {"content": "'''\n+++\n"})], "toml")
    content = inner + "\n'''\n[[call]]\nname = 'x'\n+++\n"
    text = wp.encode([wp.Call("write_file", {"content": content})], salted)
    assert "[[call-k7q2]]\n" in text and "[call-k7q2.arguments]\n" in text and text.endswith("+++-k7q2")
    (found,) = wp.parse(text, salted).calls
    assert found.arguments == {"content": content} and found.diagnoses == ()
    assert wp.parse(inner, salted).calls == () and wp.parse(inner, salted).text == inner
    raw = text.replace('"""', "'''").replace('\\"', '"').replace("\\'", "'")
    (found,) = wp.parse(raw, salted).calls
    assert found.complete and found.arguments == {"content": content.replace('"""', "'''")}


@given(blocks("call-k7q2"))
def test_a_salted_block_means_the_same(block: str) -> None:
    text = f"+++ tool_calls-k7q2\n{block}\n+++-k7q2"
    (said,) = tomli.loads(block)["call-k7q2"]
    found = only(text, dialect=wp.dialect("toml").salted("k7q2"))
    assert found.complete and identical(found.arguments, meant(said.get("arguments", {})))


# Writing.

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.integers(-(10**300), 10**300), st.floats(allow_nan=False, allow_infinity=False),
        st.text(), joined(PIECES, BREAKS),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
).filter(lambda value: value != {"$null": True})  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_every_value_comes_back(values: dict[str, Any]) -> None:
    text = wp.encode([wp.Call("write_file", values, "c 1")], "toml")
    (found,) = wp.parse(text, "toml").calls
    assert identical(found.arguments, values) and found.id == "c 1" and found.diagnoses == ()
    (said,) = tomli.loads(text.removeprefix("+++ tool_calls\n").removesuffix("+++"))["call"]
    assert identical(meant(said.get("arguments", {})), values)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("'\"\\\n\r\t \x00"))))
def test_strings_come_back_from_tomli(text: str) -> None:
    for written in (write_string(text), write_line(text), write_value(text)):
        assert tomli.loads(f"v = {written}") == {"v": text}


def test_what_is_written() -> None:
    values = {
        "path": "a\tb", "content": "x = 'y'\n", "odd": "'''\n\r\x00\"\"\"\n\"", "": None, "a.b": [1, 1e16, True, {}],
        "deep": {"c d": {"e": [], "f": "g\n"}},
    }  # fmt: skip
    assert wp.encode([wp.Call("f", values), wp.Call("g", {}, "7")], "toml") == (
        "+++ tool_calls\n[[call]]\nname = \"f\"\n\n[call.arguments]\npath = \"a\\tb\"\ncontent = '''\nx = 'y'\n'''\n"
        'odd = """\n\'\'\'\n\\r\\u0000\\"""\n\\""""\n"" = {"$null" = true}\n"a.b" = [1, 1e+16, true, {}]\n'
        'deep = {"c d" = {e = [], f = "g\\n"}}\n\n[[call]]\nname = "g"\nid = "7"\n+++'
    )


def test_a_genuine_null_table_is_refused() -> None:
    with pytest.raises(wp.EncodeError):
        wp.encode([wp.Call("f", {"x": {"$null": True}})], "toml")


def test_depth_comes_back() -> None:
    value: Any = "x"
    for i in range(10):
        value = [value] if i % 2 else {"k": value}
    assert ROUND_TRIP.check(Decoded("toml", Trial("", message=wp.Message(calls=(wp.Call("f", {"v": value}),)))))
