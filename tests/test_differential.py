"""`wireproto fuzz --against`: other parsers as children, of which most behave badly."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from judging import assert_one_line, run

import wireproto as wp
from wireproto.cli.against import save, show
from wireproto.format.spelling import spellings
from wireproto.fuzz.against import peers
from wireproto.fuzz.against.differential import Comparison, against, request
from wireproto.fuzz.against.disagreements import differ, disagreements
from wireproto.fuzz.against.peers import FoundCall, Parsed, Peer, PeerError, read_answer, read_hello
from wireproto.fuzz.against.questions import BASES, TOOLS, question
from wireproto.fuzz.against.report import as_data, as_html

ROOT = Path(__file__).resolve().parent.parent
GREETING = {"wireproto": 1, "name": "child", "version": "1", "dialects": []}
HEAD = f"""
import json, os, sys, time
sys.stdin.readline()
print({json.dumps(GREETING)!r}, flush=True)

def say(**answer):
    print(json.dumps(answer), flush=True)

for line in sys.stdin:
    request = json.loads(line)
    text = "".join(request["chunks"])
"""
# It reads as we do, so that only what a test adds to it is wrong.
RIGHT = f"""
    sys.path.insert(0, {str(ROOT)!r})
    import wireproto as wp
    decoder = wp.Decoder(request["dialect"], tools=request["tools"])
    for chunk in request["chunks"]:
        decoder.feed(chunk)
    decoder.close(request["finish_reason"])
    message = decoder.message
    calls = [dict(name=c.name, arguments=dict(c.arguments), complete=c.complete) for c in message.calls]
"""
ANSWER = """
    say(id=request["id"], calls=calls, text=message.text, reasoning=message.reasoning)
"""
Child = Callable[..., list[str]]


@pytest.fixture
def child(tmp_path: Path) -> Child:
    def write(*parts: str, head: str = HEAD) -> list[str]:
        path = tmp_path / "child.py"
        path.write_text(head + "".join(parts), encoding="utf-8")
        return [sys.executable, str(path)]

    return write


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wireproto.fuzz.against.smallest._SECONDS", 0.8)


def compared(command: Sequence[str], runs: int = 60, limit: float = 5.0, dialect: str = "hermes") -> Comparison:
    return against(command, [wp.dialect(dialect)], runs, limit=limit)


def kinds(found: Comparison, basis: str, dialect: str = "hermes") -> dict[str, int]:
    return {**found.scores[dialect, basis].whole}


# --- children ---------------------------------------------------------------------------------------------------------


def test_a_parser_that_is_right(child: Child) -> None:
    found = compared(child(RIGHT, ANSWER))
    assert (found.outputs, found.wrong, found.disagreed, found.starts, found.stopped) == (60, 0, 0, 1, "")


def test_a_parser_that_loses_calls(child: Child) -> None:
    found = compared(child(RIGHT, "    calls = calls[1:]", ANSWER))
    assert found.wrong == 40 and kinds(found, "ordinary") == {"call-lost": 20}
    assert found.disagreed and set(kinds(found, "damaged")) <= {"call-lost", "text-lost", "text-added"}
    example = found.scores["hermes", "ordinary"].examples["call-lost"]
    assert example.question.trial.text == '<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>'
    assert example.expected.calls == (FoundCall("get_time", {}),) and not example.found.calls


def test_a_parser_that_reads_streams_in_another_way(child: Child) -> None:
    found = compared(child(RIGHT, "    calls = calls[:-1] if request['stream'] else calls", ANSWER))
    score = found.scores["hermes", "ordinary"]
    assert not score.whole and score.chunks == {"call-lost": 20, "stream-differs": 20}


def test_values_are_made_smaller_too(child: Child) -> None:
    spoil = "    calls = [dict(c, arguments={k: v.strip() if isinstance(v, str) else v for k, v in c['arguments'].items()}) for c in calls]"
    found = compared(child(RIGHT, spoil, ANSWER))
    example = found.scores["hermes", "ordinary"].examples["value-differs"]
    assert example.question.message is not None
    (call,) = example.question.message.calls
    values = [value for value in call.arguments.values() if value]
    assert len(values) == 1 and len(values[0]) == 1


def test_a_parser_that_dies(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wireproto.fuzz.against.smallest._SECONDS", 0.0)
    dies = '    if "search" in text:\n        sys.exit("no\\x1b[31m search <|im_end|>")\n    say(id=request["id"], calls=[])'
    found = compared(child(dies), runs=12)
    crashes = sum(score.whole["crash"] for score in found.scores.values())
    assert crashes and found.starts > crashes and not found.stopped
    assert crashes == sum(score.chunks["crash"] for score in found.scores.values())
    example = next(score.examples["crash"] for score in found.scores.values() if score.whole["crash"])
    assert "search" in example.question.trial.text
    assert example.found.detail == "exit code 1: no\\x1b[31m search \\x3c|im_end|>"


def test_a_parser_that_dies_every_time(child: Child) -> None:
    found = compared(child("    os._exit(7)"), runs=30)
    assert found.stopped == "the other parser failed 10 times in a row; at last: exit code 7"
    assert found.scores["hermes", "ordinary"].whole["crash"]


def test_a_parser_that_hangs(child: Child) -> None:
    hangs = """
    if request["stream"] and request["id"] == "1-chunks":
        time.sleep(60)
    say(id=request["id"], calls=[])
"""
    requests = [
        {"id": f"{at}-{how}", "chunks": [], "stream": how == "chunks"} for at in range(3) for how in ("whole", "chunks")
    ]
    with Peer(child(hangs), seconds=0.5) as peer:
        assert [each.failure for each in peer.ask(requests)] == ["", "", "", "time-out", "", ""]
        assert peer.starts == 2
    found = compared(child("    time.sleep(60)"), runs=1, limit=0.3)
    assert found.scores["hermes", "ordinary"].whole == found.scores["hermes", "ordinary"].chunks == {"time-out": 1}


@pytest.mark.parametrize(
    ("part", "detail"),
    [
        ('    print("ok \\x1b[2J", flush=True)', "no JSON: 'ok \\x1b[2J\\n'"),
        ("    print([], flush=True)", "no object: '[]\\n'"),
        ('    say(id="other", calls=[])', "an answer to 'other' instead of 0-whole"),
        ('    say(id=request["id"])', "calls: expected a list"),
        ('    say(id=request["id"], calls=[{}])', "calls: expected objects with a name"),
        ('    say(id=request["id"], calls=[], text=1)', "text, reasoning: expected a text or null"),
        ('    print("[" * 100_000, flush=True)', "no JSON: '" + "[" * 59 + "…'"),
        ('    while True:\n        sys.stdout.write("x" * 65536)', f"a line longer than {peers.LINE} bytes"),
        ('    sys.stdout.write("{")\n    sys.stdout.close()\n    os.close(1)\n    time.sleep(9)', "half a line"),
    ],
)
def test_a_parser_that_writes_garbage(child: Child, part: str, detail: str) -> None:
    with Peer(child(part)) as peer:
        (reading,) = peer.ask([request(question(wp.dialect("hermes"), "ordinary", "0", 0), "0-whole", "whole")])
    assert (reading.failure, reading.detail) == ("garbage", detail)


def test_a_parser_that_never_stops_writing(child: Child) -> None:
    endless = "    while True:\n        say(id=request['id'], calls=[])\n"
    found = compared(child(endless), runs=6)
    # The first answer is one; what follows it answers nothing that was asked.
    assert sum(score.chunks["garbage"] for score in found.scores.values()) == 6


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        ("raise SystemExit('no GPU')", "does not start: exit code 1: no GPU"),
        ("print('hello')", "does not begin as it should: no JSON: 'hello\\n'"),
        ("print('{\"wireproto\": 2}')", 'does not begin as it should: expected "wireproto": 1, found 2'),
        (HEAD.replace('"dialects": []', '"dialects": ["glm45"]'), "child reads none of these dialects, but glm45"),
    ],
)
def test_a_command_that_is_no_parser(child: Child, head: str, complaint: str) -> None:
    with pytest.raises(PeerError) as raised:
        compared(child(head=head))
    assert complaint in str(raised.value)


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(PeerError, match="does not start: '/no/such"):
        Peer("/no/such/program --fast")
    with pytest.raises(PeerError, match="empty"):
        Peer("  ")


def test_an_interrupt_keeps_what_was_found(child: Child) -> None:
    def interrupt(found: Comparison) -> None:
        raise KeyboardInterrupt

    quiet = child('    say(id=request["id"], calls=[])')
    found = against(quiet, [wp.dialect("hermes")], 90, progress=interrupt)
    assert (found.outputs, found.interrupted, found.stopped) == (60, True, "interrupted from the keyboard")
    assert found.wrong and found.scores["hermes", "ordinary"].examples["call-lost"]


def test_every_request_has_one_answer_in_order(child: Child) -> None:
    dies = (
        '    if request["id"] in "37":\n        os._exit(1)\n    say(id=request["id"], calls=[], text=request["id"])\n'
    )
    requests = [{"id": str(number), "chunks": []} for number in range(10)]
    with Peer(child(dies)) as peer:
        readings = [*peer.ask(requests)]
    assert [reading.text for reading in readings] == ["0", "1", "2", None, "4", "5", "6", None, "8", "9"]
    assert [reading.failure for reading in readings].count("crash") == 2 and peer.starts == 3


# --- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", wp.dialects())
def test_outputs_can_be_sent_and_are_the_same_again(dialect: str) -> None:
    found = wp.dialect(dialect)
    for basis in BASES:
        for number in range(4):
            one, other = question(found, basis, "s", number), question(found, basis, "s", number)
            assert one == other and "".join(one.trial.chunks) == one.trial.text
            one.trial.text.encode()
            assert (one.message is None) == (basis == "damaged")


def test_ordinary_outputs_are_read_as_they_were_written() -> None:
    # Where text may stand before a call without markers, a reader cannot tell them apart.
    for dialect in [wp.dialect(name) for name in wp.dialects() if not spellings(wp.dialect(name))[0].markerless]:
        for number in range(8):
            found = question(dialect, "ordinary", "0", number)
            message = wp.parse(found.trial.text, dialect, tools=TOOLS, finish_reason="stop")
            assert found.message is not None
            assert [(c.name, c.arguments) for c in message.calls] == [
                (c.name, c.arguments) for c in found.message.calls
            ]


# --- comparing --------------------------------------------------------------------------------------------------------

F, G = FoundCall("f", {"a": 1}), FoundCall("g", {})
CUT = FoundCall("f", {"a": "ha"}, False)


@pytest.mark.parametrize(
    ("expected", "found", "which"),
    [
        ([F, G], [F, G], []),
        ([F], [FoundCall("f", {"a": 1.0})], []),
        ([F], [FoundCall("f", {"a": True})], ["value-differs"]),
        ([F, G], [G], ["call-lost"]),
        ([F], [F, G], ["phantom-call"]),
        ([F], [F, F], ["phantom-call"]),
        ([F], [FoundCall("h", {})], ["phantom-call", "call-lost"]),
        ([F], [CUT], ["call-lost"]),
        ([CUT], [CUT], []),
        ([CUT], [], []),
        ([CUT], [F], ["cut-call-finished"]),
        ([], [CUT], []),
    ],
)
def test_calls_are_compared(expected: list[FoundCall], found: list[FoundCall], which: list[str]) -> None:
    assert disagreements(Parsed(tuple(expected)), Parsed(tuple(found))) == which


@pytest.mark.parametrize(
    ("expected", "found", "which"),
    [
        (("a b\n", ""), ("ab", ""), []),
        (("a b", ""), ("a", ""), ["text-lost"]),
        (("a b", ""), ("a<x>b", ""), ["text-added"]),
        (("a", "t"), ("a", ""), ["reasoning-differs"]),
        (("a", "t"), (None, None), []),
    ],
)
def test_texts_are_compared(expected: tuple[Any, Any], found: tuple[Any, Any], which: list[str]) -> None:
    assert disagreements(Parsed((F,), *expected), Parsed((F,), *found)) == which
    assert disagreements(Parsed((F,), *expected), Parsed((), *found)) == ["call-lost"]


def test_manners_are_compared() -> None:
    refused, crashed = Parsed(failure="refused"), Parsed(failure="crash")
    assert differ(Parsed((F,), "a"), Parsed((F,), "b")) and differ(Parsed((F,)), Parsed((G,)))
    assert not differ(Parsed((F,), "a "), Parsed((F,), " a")) and not differ(Parsed((CUT,)), Parsed((CUT,)))
    assert differ(refused, Parsed()) and not differ(refused, refused) and not differ(crashed, Parsed())


def test_answers_are_read() -> None:
    line = json.dumps({"id": "1", "calls": [{"name": "f", "arguments": '{"a": 1}'}, {"name": "g", "arguments": '{"a'}]})
    assert read_answer(f"{line}\n".encode(), "1").calls == (F, FoundCall("g", '{"a', False))
    assert read_answer(b'{"id": "1", "error": "<|im_start|>"}\n', "1").detail == "\\x3c|im_start|>"
    assert read_answer(b'{"id": "1", "calls": [{"name": "f", "arguments": {"a": NaN}}]}\n', "1").calls[0].arguments == {
        "a": "NaN"
    }
    assert read_hello(json.dumps(GREETING).encode() + b"\n").name == "child"
    with pytest.raises(ValueError, match="dialects"):
        read_hello(json.dumps({**GREETING, "dialects": [1]}).encode() + b"\n")


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hostile(child: Child) -> Comparison:
    answer = """
    say(id=request["id"], text="<script>alert(1)</script>\\x1b[2J\\u202e", reasoning="\\ud800",
        calls=[dict(name="<img src=x>", arguments=dict(a="x" * 9_000, b=10**400))] * 3)
"""
    greeting = HEAD.replace('"name": "child"', '"name": "<b>\\\\u001b[31m"')
    return compared(child(answer, head=greeting), runs=3)


def test_the_page_is_safe(hostile: Comparison) -> None:
    page = as_html(hostile)
    assert "<script" not in page and "<img" not in page and "<b>" not in page and "&lt;img src=x&gt;" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", page)
    assert len(page) < 100_000


def test_the_data_is_bounded(hostile: Comparison) -> None:
    data = as_data(hostile)
    assert json.loads(json.dumps(data)) == data and len(json.dumps(data)) < 100_000
    assert data["wrong"] == 2 and data["disagreed"] == 1
    assert {each["outputs_are"] for each in data["counts"]} == {*BASES}


def test_the_table_is_safe(hostile: Comparison, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(hostile, tmp_path / "out")
    show(hostile, tmp_path / "out")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\u202e" not in shown and "phantom-call" in shown
    assert (tmp_path / "out" / "against.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "out" / "against.json").read_text(encoding="utf-8"))["wrong"] == 2


def blocks(page: str, language: str) -> Iterator[str]:
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    yield from re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_parser_of_the_how_to(tmp_path: Path) -> None:
    (tmp_path / "my_parser.py").write_text(next(blocks("compare-parsers.md", "py")), encoding="utf-8")
    found = compared([sys.executable, str(tmp_path / "my_parser.py")])
    assert {*kinds(found, "ordinary")} == {"text-added"}  # reasoning is text to it
    assert {*kinds(found, "hostile")} == {"text-added", "refused"}


TEMPLATE = """
{%- if tools %}<|im_start|>system
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools>
<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def test_the_glue_of_llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # A template of our own stands in for the model's: llama.cpp finds out from it what to parse.
    (tmp_path / "Qwen-Qwen2.5-7B-Instruct.jinja").write_text(TEMPLATE, encoding="utf-8")
    glue = [sys.executable, str(ROOT / "examples" / "peers" / "with_llama_cpp.py"), str(tmp_path)]
    found = against(glue, [wp.dialect("hermes")], runs=9, limit=60)
    assert found.hello.dialects >= {"hermes"} and not found.stopped
    assert found.scores["hermes", "ordinary"].judged and found.wrong == 0


def test_the_glue_puts_deltas_together(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    part = f"""
import sys
sys.path.insert(0, {str(ROOT / "examples" / "peers")!r})
from serving import Deltas, serve

def read(request):
    print("a parser may print")
    if request["stream"]:
        raise KeyError("x")
    message = Deltas()
    message.call(1, "g", "{{}}")
    message.call(0, "f", '{{"a"')
    message.call(0, None, ": 1}}")
    message.text += "b"
    return message.answer

serve("glue", "2", ["hermes"], read)
"""
    with Peer(child(head=part)) as peer:
        asked = [{"id": str(stream), "chunks": [], "stream": stream} for stream in (False, True)]
        whole, chunks = peer.ask(asked)
        assert (peer.hello.name, peer.hello.dialects) == ("glue", {"hermes"})
    assert (whole.calls, whole.text) == ((F, FoundCall("g", {})), "b")
    assert (chunks.failure, chunks.detail) == ("refused", "KeyError: 'x'")


def test_the_command(child: Child, tmp_path: Path) -> None:
    right = " ".join(child(RIGHT, ANSWER))
    out = tmp_path / "out"
    done = run("fuzz", "--against", right, "-d", "hermes", "--runs", "6", "--seed", "a", "--out", str(out))
    assert done.exit_code == 0 and "child 1: 6 outputs" in done.stdout, done.stderr
    assert {path.name for path in out.iterdir()} == {"against.json", "against.html"}
    deaf = " ".join(child('    say(id=request["id"], calls=[])'))
    done = run("fuzz", "--against", deaf, "-d", "hermes", "--for", "0.1s", "--out", str(out), "--format", "json")
    assert done.exit_code == 1 and json.loads(done.stdout) == json.loads((out / "against.json").read_text())


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("-d", "auto"), "--against needs a dialect, or all"),
        (("--salt", "k7q2"), "--against goes with"),
        (("--jobs", "2", "--policy", "foreign=call"), "--against goes with"),
        (("-d", "none"), "none"),
        ((), "does not start"),
    ],
)
def test_a_command_that_is_wrong(args: tuple[str, ...], part: str) -> None:
    assert_one_line(run("fuzz", "--against", "/no/such/program", *args), part)
