"""Every record of a log is read once, judged as `classify` says, counted, and shown without harm."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import run as command
from selectolax.lexbor import LexborHTMLParser

import wireproto as wp
from wireproto.audit import work
from wireproto.audit.counting import KEPT, NAMED, Counts, Location, Sample
from wireproto.audit.judging import EXCERPT, FAILURES, Excerpt, Judgement, judge
from wireproto.audit.outputs import BadRecord, FieldNames, Folding, Output, ServerCall, outputs
from wireproto.audit.report import as_data, as_html, marked
from wireproto.audit.work import AuditError, Part, Settings, audit, parts, run
from wireproto.recover.classify import LABELS
from wireproto.serialize import event_json, message_json, to_json
from wireproto.tools.toolset import Toolset

CALL = '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>'
CUT = CALL[: CALL.index("a.py")]
LEAKED = '{"name": "read", "arguments": {"path": "a.py"}}'
LOOP = "I should look at the file again. " * 30
TOOLS = [{"name": "read", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}]
ANY = Toolset.of(None)


def write(path: Path, *records: Any) -> str:
    """Write records as lines; bytes are taken as they are."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


# --- records ----------------------------------------------------------------------------------------------------------


SHAPES: dict[str, tuple[Any, list[Output]]] = {
    "a string": (CALL, [Output(CALL, raw=True)]),
    "a field": ({"output": CALL, "finish_reason": "length"}, [Output(CALL, raw=True, finish_reason="length")]),
    "a message": ({"role": "assistant", "content": "Hi."}, [Output("Hi.")]),
    "another's message": ({"role": "user", "content": "Hi."}, []),
    "parts": ({"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "image"}, "b"]}, [Output("ab")]),
    "tool_calls": (
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"x": 1}'}}]},
        [Output("", server_calls=(ServerCall("f"),))],
    ),
    "broken arguments": (
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"x": '}}]},
        [Output("", server_calls=(ServerCall("f", '{"x": '),))],
    ),
    "function_call": ({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}, [Output("", server_calls=(ServerCall("f"),))]),
    "tool_use": (
        {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {"x": 1}}]},
        [Output("", server_calls=(ServerCall("f"),))],
    ),
    "a conversation": (
        {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], "tools": TOOLS},
        [Output("a", tools=TOOLS), Output("b", tools=TOOLS)],
    ),
    "a conversation as text": ({"messages": json.dumps([{"role": "assistant", "content": "a"}])}, [Output("a")]),
    "choices": (
        {"created": 1_700_000_000, "choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "length"}, {"text": "b"}]},
        [Output("a", finish_reason="length", day="2023-11-14"), Output("b", raw=True, day="2023-11-14")],
    ),
    "a response": ({"response": {"choices": [{"text": "b"}]}}, [Output("b", raw=True)]),
    "ours": (
        json.loads(to_json(message_json(wp.parse("Hi.\n" + CUT, "hermes")))),
        [Output("Hi.\n", server_calls=(ServerCall("read", '{"path": ""}'),), codes=("truncated-value",))],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("record", "expected"), SHAPES.values(), ids=SHAPES)
def test_shapes_of_records(record: Any, expected: list[Output]) -> None:
    assert outputs(record, FieldNames()) == expected


def test_fields_by_name() -> None:
    record = {"a": {"b": CALL}, "when": "2026-01-31T10:00:00Z", "t": "[]", "why": "length", "output": "no"}
    fields = FieldNames("a.b", "when", "t", "why")
    assert outputs(record, fields) == [Output(CALL, True, finish_reason="length", tools=[], day="2026-01-31")]
    nested = {"a": {"b": {"role": "assistant", "content": "x"}}}
    assert outputs(nested, fields) == [Output("x")]
    with pytest.raises(BadRecord, match=r"no field 'a.b'"):
        outputs({"a": "x"}, fields)


@pytest.mark.parametrize(
    ("time", "day"),
    [
        (1_700_000_000, "2023-11-14"),
        (1_700_000_000_000, "2023-11-14"),
        (1.7e9, "2023-11-14"),
        ("2024-02-29", "2024-02-29"),
        ("yesterday", ""),
        (1e300, ""),
        (float("nan"), ""),
        (True, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_days(time: Any, day: str) -> None:
    assert outputs({"output": "x", "time": time}, FieldNames())[0].day == day


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["messages", "choices", "calls", "role", "content", "message", "tool_calls", "function", "function_call", "name", "arguments", "text", "output", "event", "index", "call", "code", "time", "tools", "diagnoses"]) | st.text(max_size=3), inner | st.just("assistant"), max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_any_record_gives_outputs_or_a_reason(record: Any) -> None:
    try:
        for output in outputs(record, FieldNames()):
            judge(output, ANY, "hermes")
        if isinstance(record, dict) and isinstance(record.get("event"), str):
            folding = Folding(FieldNames())
            assert len([*folding.take(record), *folding.end()]) == 1
    except BadRecord as error:
        assert str(error)


def test_events_are_folded_to_messages() -> None:
    events = []
    for text in (f"One.\n{CALL}{CALL}", CUT, "Three."):
        decoder = wp.Decoder("hermes")
        events.append([event_json(event) for event in (*decoder.feed(text), *decoder.close())])
    folding = Folding(FieldNames())
    marked_events = [event | {"message_id": number} for number, run in enumerate(events) for event in run]
    found = [output for event in marked_events for output in folding.take(event)] + [*folding.end()]
    assert found == [
        Output("One.\n", server_calls=(ServerCall("read"), ServerCall("read"))),
        Output("", server_calls=(ServerCall("read", '{"path": ""}'),), codes=("truncated-value",)),
        Output("Three."),
    ]
    plain = [output for event in events[0] + events[1] for output in folding.take(event)] + [*folding.end()]
    assert len(plain) == 2, "a message begins where its calls are counted anew"


# --- judgements -------------------------------------------------------------------------------------------------------


def label(output: Output, dialect: str = "auto") -> str:
    return judge(output, Toolset.of(TOOLS), dialect).label


def test_labels_are_those_of_classify() -> None:
    for text in (CALL, CUT, LEAKED, LOOP, "Hello.", f"Like this:\n```\n{CALL}\n```\nDone.", "Use <tool_call> here."):
        assert label(Output(text, raw=True)) == wp.classify(text, tools=TOOLS).label
    assert {label(Output(text, raw=True)) for text in (CALL, CUT, LEAKED, LOOP)} == {
        "calls",
        "truncated",
        "leaked",
        "looping",
    }
    assert {*FAILURES} < {*LABELS}


def test_labels_of_calls_that_a_server_decoded() -> None:
    assert label(Output("", server_calls=(ServerCall("f"),))) == "calls"
    assert label(Output("Some text.", server_calls=(ServerCall("f"),))) == "calls"
    assert label(Output("", server_calls=(ServerCall("f"),), codes=("json-repaired",))) == "recovered"
    assert label(Output("", server_calls=(ServerCall("f", "{"),))) == "malformed"
    assert label(Output("", server_calls=(ServerCall("f", "{"),), finish_reason="length")) == "truncated"
    assert label(Output("", server_calls=(ServerCall("f", "{"),), codes=("truncated-value",))) == "truncated"
    assert label(Output("", server_calls=(ServerCall("f"),), codes=("looping",))) == "looping"
    assert label(Output(LEAKED, server_calls=(ServerCall("f"),))) == "leaked"
    assert label(Output(CALL)) == "recovered", "the server left a call in the text"
    assert label(Output("Hello.")) == "plain" == label(Output(""))


def test_tools_of_calls_and_failures() -> None:
    judged = judge(Output(CALL + CUT, raw=True), ANY, "hermes")
    assert judged.calls == ("read",) and judged.failures == ("read",) and judged.label == "truncated"
    assert judge(Output(LEAKED, raw=True), Toolset.of(TOOLS), "auto").failures == ("read",)
    assert judge(Output(LOOP, raw=True), ANY, "auto").failures == ("(unknown)",)
    assert judge(Output(CALL * 5, raw=True), ANY, "auto").failures == ("read",)
    assert judge(Output("", server_calls=(ServerCall("f"), ServerCall("g", "[")), raw=False), ANY, "auto").failures == (
        "g",
    )


def test_tools_come_with_the_output_or_the_log() -> None:
    assert "unknown-tool" in judge(Output(CALL, tools=[{"name": "other"}]), ANY, "hermes").codes
    assert "unknown-tool" not in judge(Output(CALL, tools=TOOLS), ANY, "hermes").codes
    with pytest.raises(BadRecord, match="tools"):
        judge(Output(CALL, tools={"no": "list"}), ANY, "hermes")


def test_excerpts_are_short_and_hold_the_place() -> None:
    text = "".join(f"line {i}\n" for i in range(1_000)) + CUT
    excerpt = judge(Output(text, raw=True), ANY, "hermes").excerpt
    assert excerpt is not None and len(excerpt.shown) <= EXCERPT and excerpt.length == len(text)
    assert text[excerpt.start :].startswith(excerpt.shown) and "<tool_call>" in excerpt.shown
    assert excerpt.marks and all(0 <= low <= high <= len(excerpt.shown) for (low, high), _ in excerpt.marks)
    assert judge(Output(CALL, raw=True), ANY, "hermes").excerpt is None


# --- parts and sums ---------------------------------------------------------------------------------------------------


lines = st.lists(st.sampled_from([b"", b"  ", b'"a"', b'"' + "ä€😀".encode() * 9 + b'"', b"{", b'"\xff"', b"[" * 3_000, b"\r"]), max_size=12)  # fmt: skip


@given(lines, st.integers(1, 90), st.booleans())
def test_every_line_belongs_to_one_part(tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], size: int, newline: bool) -> None:  # fmt: skip
    path = tmp_path_factory.mktemp("parts") / "log.jsonl"
    path.write_bytes(b"\n".join(rows) + (b"\n" if newline else b""))
    data = path.read_bytes()
    read: list[bytes] = []
    for number, start in enumerate(range(0, len(data), size)):
        part = Part(str(path), 0, number, "lines", start, min(start + size, len(data)), size)
        for load in work._lines(part):
            read.append(load.args[0] if load is not None else b"")
    expected = data.split(b"\n")
    assert [line.strip() for line in read] == [line.strip() for line in expected[: None if expected[-1] else -1]]


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A log of every kind of line; the lines that cannot be read are the third and the sixth."""
    records = [
        {"output": CALL, "time": "2026-01-01"},
        {"output": CUT, "time": "2026-01-01", "finish_reason": "length"},
        b"{not json",
        {"output": "Hello.", "time": "2026-01-02"},
        b"",
        {"nothing": 1},
        {"output": LEAKED, "time": "2026-01-02"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "list", "arguments": "{}"}}]},
    ]
    return write(tmp_path / "log.jsonl", *records)


def test_sums(log: str) -> None:
    found = as_data(audit([log], Settings(tools=TOOLS), 1))
    expected = {
        "records": 7,
        "unread": 2,
        "unread_places": [
            {"where": f"{log}:3", "reason": "not JSON: Expecting property name enclosed in double quotes in column 2"},
            {"where": f"{log}:6", "reason": "none of the fields messages, choices, calls, role, output, completion, response, text, content, generated_text"},
        ],
        "outputs": 5,
        "calls": 2,
        "tried": 4,
        "failures": 2,
        "failure_rate": 0.5,
        "recovered": 0,
        "labels": {"plain": 1, "calls": 2, "truncated": 1, "leaked": 1},
        "distinct_tools": 2,
        "tools": [{"name": "read", "calls": 1, "failures": 2}, {"name": "list", "calls": 1, "failures": 0}],
        "days": {"(no date)": {"calls": 1}, "2026-01-01": {"calls": 1, "truncated": 1}, "2026-01-02": {"leaked": 1, "plain": 1}},
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert [(it["where"], it["label"]) for it in found["worst"]] == [(f"{log}:2", "truncated"), (f"{log}:7", "leaked")]
    assert json.loads(to_json(found)) == found


@pytest.mark.parametrize("size", [1, 37, 100])
def test_parts_make_no_difference(log: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = as_data(audit([log, log], Settings(tools=TOOLS), 1))
    monkeypatch.setattr(work, "PART", size)
    assert as_data(audit([log, log], Settings(tools=TOOLS), 1)) == whole


def test_processes_make_no_difference(log: str) -> None:
    heard: list[int] = []
    one, two = (as_data(audit([log, log], Settings("hermes", TOOLS), jobs, heard.append)) for jobs in (1, 2))
    assert one == two and sum(heard) == 4 * Path(log).stat().st_size


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LONGEST", 100)
    found = audit([write(tmp_path / "log.jsonl", "a", "b" * 500, "c")], Settings(), 1)
    assert found.counts.outputs == 2
    assert [(found.where(it.location)[-2:], it.reason) for it in found.counts.named] == [
        (":2", "longer than 100 bytes")
    ]


def test_a_file_of_events_is_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PART", 10)
    events = [event_json(event) | {"message_id": i} for i in range(9) for event in wp.Decoder("hermes").feed(CALL)]
    path = write(tmp_path / "log.jsonl", *events, b"{", {"output": "x"})
    found = audit([path], Settings(), 1).counts
    assert found.labels == {"calls": 9} and found.unread == 2


def test_sums_do_not_grow_with_the_log() -> None:
    whole = Counts()
    excerpt = Excerpt("x", 0, 1)
    for i in range(3_000):
        one = Counts()
        name = f"tool{i}"
        judged = Judgement("leaked", "", (f"code{i}",), (name,), (name,), i, 1, excerpt)
        one.add(judged, Location(0, 0, i), f"day {i}")
        one.miss(Location(0, 0, i), "no")
        whole.merge(one)
    assert whole.outputs == whole.failed == whole.calls.total() == whole.failures.total() == whole.unread == 3_000
    assert sum(labels.total() for labels in whole.days.values()) == 3_000
    assert max(map(len, (whole.calls, whole.failures, whole.codes, whole.days))) <= 2_001
    assert len(whole.named) == NAMED
    assert [sample.badness for sample in whole.worst["leaked"]] == [2_999 - i for i in range(KEPT)]


def test_recovered_is_no_failure(tmp_path: Path) -> None:
    text = "<function=read>\n<parameter=path>\na.py\n</parameter>\n</function>\n</tool_call>"
    counts = audit([write(tmp_path / "log.jsonl", text)], Settings("qwen3_coder", TOOLS), 1).counts
    assert counts.labels == {"recovered": 1} and (counts.tried, counts.failed, counts.rate) == (1, 0, 0.0)


def test_a_log_without_calls_has_no_failures(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"")
    found = audit([str(path), write(tmp_path / "other.jsonl", "Hello.")], Settings(), 1)
    assert found.counts.rate == 0.0 and "Hello" not in as_html(found)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def test_parquet(tmp_path: Path, log: str) -> None:
    import pyarrow
    import pyarrow.parquet

    records = [
        {"output": text, "time": 1_700_000_000 + i, "messages": None, "n": i}
        for i, text in enumerate([CALL, CUT, None, LEAKED, "Hello."] * 30)
    ]
    path = str(tmp_path / "log.parquet")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path, row_group_size=70)
    assert [part.kind for part in parts([path])] == ["parquet"] * 3
    same = write(tmp_path / "same.jsonl", *records)
    ours, theirs = (as_data(audit([file], Settings(tools=TOOLS), 1)) for file in (path, same))
    assert ours["outputs"] == 120 and ours["unread"] == 30
    assert [it["where"] for it in ours["unread_places"][:2]] == [f"{path}:3", f"{path}:8"]
    for data in (ours, theirs):
        del data["files"], data["unread_places"]
        for sample in data["worst"]:
            sample["where"] = sample["where"].rpartition(":")[2]
    assert ours == theirs


def test_a_conversation_in_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    record = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": CALL}]}
    path = str(tmp_path / "log.parquet")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([record]), path)
    assert audit([path], Settings(), 1).counts.labels == {"recovered": 1}


def test_a_parquet_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(AuditError, match="not a Parquet file"):
        audit([str(path)], Settings(), 1)


def test_without_pyarrow_there_is_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "log.parquet"
    path.write_bytes(b"PAR1")
    result = command("audit", str(path))
    assert result.exit_code == 2 and "pip install 'wireproto[parquet]'" in result.stderr


# --- the report -------------------------------------------------------------------------------------------------------


HOSTILE = '</pre></td><script>alert(1)</script><img src=x onerror="a()">\x1b[31m&amp;\ud800'


def test_the_page_is_harmless_and_needs_nothing(tmp_path: Path) -> None:
    name = '<b onclick="x">'
    records = [
        {"role": "assistant", "content": HOSTILE + LOOP, "time": "2026-01-01"},
        {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": HOSTILE}}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": "{}"}}]},
        {HOSTILE: 1},
    ]
    page = as_html(audit([write(tmp_path / "<i>.jsonl", *records)], Settings(), 1))
    page.encode()
    tree = LexborHTMLParser(page)
    assert tree.css("script, img, b, i, link, iframe, object") == []
    assert "\x1b" not in page and "url(" not in page and "http:" not in page and "https:" not in page
    assert [node.tag for node in tree.css("[src], [href], [onclick], [onerror]")] == []
    text = tree.body.text() if tree.body is not None else ""
    assert "<script>alert(1)</script>" in text and name in text and "looping" in text and "\\x1b" in text
    assert tree.css("pre mark")


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from("ab<"))))
def test_highlights_keep_the_text(text: str, spans: list[tuple[int, int, str]]) -> None:
    text = "".join(c for c in text if c.isprintable())
    marks = tuple(((min(a, b, len(text)), min(max(a, b), len(text))), code) for a, b, code in spans)
    shown = marked(Excerpt(text, 0, len(text), marks))
    tree = LexborHTMLParser(f"<pre>x{shown}</pre>")
    (pre,) = tree.css("pre")
    assert pre.text() == "x" + text
    covered = "".join(node.text() for node in tree.css("mark"))
    points = {at for (low, high), _ in marks for at in range(low, max(high, low + 1) if low < len(text) else high)}
    points |= {max(0, low - 1) for (low, high), _ in marks if low == high == len(text) and text}
    assert covered == "".join(text[at] for at in sorted(points) if at < len(text))


# --- the commands -----------------------------------------------------------------------------------------------------


def test_audit_command(log: str, tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps(TOOLS), encoding="utf-8")
    sums, page = tmp_path / "sums.json", tmp_path / "page.html"
    args = ["audit", log, "-j", "1", "--tools", str(tools), "--json", str(sums), "--html", str(page)]
    result = command(*args)
    assert result.exit_code == 0 and result.stderr == ""
    assert "2 of 4 outputs that called a tool or tried to failed: 50.0 %" in result.stdout
    assert f"not read: {log}:3: not JSON" in result.stdout and "read" in result.stdout
    assert json.loads(sums.read_text(encoding="utf-8"))["failure_rate"] == 0.5
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("limit", "code"), [("49%", 1), ("50%", 0), ("0.4", 1), ("0.5", 0), ("0", 1), ("100 %", 0)])
def test_fail_over(log: str, limit: str, code: int) -> None:
    assert command("audit", log, "-j", "1", "--fail-over", limit).exit_code == code


@pytest.mark.parametrize("args", [["--fail-over", "5 apples"], ["--fail-over", "500%"], ["--dialect", "klingon"], ["--tools", "no.json"]])  # fmt: skip
def test_wrong_use(log: str, args: list[str]) -> None:
    result = command("audit", log, *args)
    assert result.exit_code == 2 and result.stdout == "" and len(result.stderr.splitlines()) == 1


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    result = command("audit", str(tmp_path / "no.jsonl"))
    assert result.exit_code == 2 and "no.jsonl: No such file" in result.stderr


def test_audit_reads_fields_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", {"r": {"t": CALL}, "at": "2025-05-05"})
    sums = tmp_path / "sums.json"
    assert command("audit", path, "-j", "1", "--field", "r.t", "--time-field", "at", "--json", str(sums)).exit_code == 0
    assert json.loads(sums.read_text(encoding="utf-8"))["days"] == {"2025-05-05": {"calls": 1}}


def test_classify_command(tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps(TOOLS), encoding="utf-8")
    result = command("classify", "--tools", str(tools), "--format", "json", input=LEAKED)
    shown = json.loads(result.stdout)
    verdict = wp.classify(LEAKED, tools=TOOLS)
    assert shown["label"] == "leaked" and shown["text_len"] == len(LEAKED) and result.exit_code == 1
    assert [reason["code"] for reason in shown["reasons"]] == [reason.code for reason in verdict.reasons]
    assert shown["candidates"][0]["name"] == "read" and shown["retry_message"] == verdict.retry_message()
    text = command("classify", "--tools", str(tools), input=LEAKED).stdout
    assert text.startswith("leaked\n") and "leaked-call" in text and "read" in text
    plain = command("classify", input="Hello.")
    assert plain.exit_code == 0 and plain.stdout.startswith("plain\n")


def test_samples_are_ordered() -> None:
    excerpt = Excerpt("", 0, 0)
    samples = [Sample(Location(0, 0, i), "leaked", (), badness, excerpt) for i, badness in enumerate([1, 3, 2, 3])]
    assert [it.location.line for it in sorted(samples, key=lambda it: it.order)] == [1, 3, 2, 0]


def test_a_part_that_is_read_alone(log: str) -> None:
    (part,) = parts([log])
    counts, count = run(part, Settings(tools=TOOLS))
    assert count == 8 and counts.records == 7 and counts.outputs == 5
