"""`wireproto fuzz`: outputs by seed and number, findings counted, made small and saved, whatever a decoder does."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from judging import FIXTURES, assert_one_line, run

import wireproto as wp
from wireproto.audit.workers import AuditError
from wireproto.cli.fuzz_tables import live
from wireproto.format.plugins import TEMPORARY_CODECS
from wireproto.fuzz import corpus, guided, runner
from wireproto.fuzz.cases import (
    CaseError,
    case_of,
    label_of,
    load,
    policy_data,
    policy_from,
    save,
    saved,
    size_of,
    trial_of,
)
from wireproto.fuzz.findings import Breakage, Tally
from wireproto.fuzz.plan import GROUP, Plan, Subject, subjects
from wireproto.fuzz.work import judge
from wireproto.testing.generators.trials import Trial
from wireproto.testing.laws import TRIAL_LAWS
from wireproto.testing.shrinking import shrink

EXAMPLES = Path(__file__).parent.parent / "examples"
LINES = str(EXAMPLES / "lines_codec" / "lines.toml")
CALL = '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>'
TOOLS = [{"name": "read", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}]
ENV = {**os.environ, "PYTHONPATH": str(FIXTURES.parent)}
LAW = {"law": {"number": 3, "name": "chunk-invariant"}, "where": "in chunks", "expected": "a", "got": "b"}

# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_all_is_every_dialect_salted_ones_and_auto() -> None:
    every = subjects("all")
    assert {each.name for each in every} == {*wp.dialects(), "auto"}
    assert {each.name for each in every if each.salt} == {name for name in wp.dialects() if wp.dialect(name).salt}
    assert subjects("hermes") == (Subject("hermes"),)
    assert Subject("xml", "k7q2").label == "xml (salted)" and Subject("a/b.toml").label == "b.toml"


def test_an_output_depends_on_the_seed_and_its_number() -> None:
    plan = Plan(subjects("all"), "7")
    cases = [plan.draw(key) for key in range(60)]
    assert cases == [Plan(subjects("all"), "7").draw(key) for key in range(60)]
    assert cases[:25] != [Plan(subjects("all"), "8").draw(key) for key in range(25)]
    labels = [label_of(plan.draw(key)) for key in range(0, GROUP * len(plan.subjects), GROUP)]
    assert labels == [each.label for each in plan.subjects]
    assert plan.draw(b"\x03\x05abc") == plan.draw(b"\x03\x05abc")
    assert plan.draw(b"\x03\x05abc")["text"] == "abc" and plan.draw(b"\x03\x85abc")["dialect"] == plan.subjects[3].name
    data = plan.spelled(4, 9)
    assert plan.draw(data)["text"].encode("utf-8", "replace") == data[2:]


def test_what_is_given_is_in_every_output() -> None:
    given = {"foreign": "call", "limits": {"max_calls": 1}}
    plan = Plan(subjects("hermes"), tools=TOOLS, policy=given, corpus=({"text": CALL},))
    cases = [plan.draw(key) for key in range(40)]
    assert all(case["tools"] == TOOLS and case["policy"].items() >= given.items() for case in cases)
    assert sum('"a.py"' in case["text"] for case in cases) > 5


def test_a_dear_law_has_its_turn() -> None:
    plan = Plan(subjects("all"))
    turns = [key for key in range(25_000) if plan.has_turn(key, 1_000)]
    assert 10 < len(turns) < 50 and len({plan.subject(key) for key in turns}) > 8


def test_a_case_read_again_is_the_same_trial() -> None:
    plan = Plan(subjects("all"))
    for key in range(150):
        case = plan.draw(key)
        again = json.loads(json.dumps(case))
        assert case_of(trial_of(again)) | {"dialect": case["dialect"]} == {
            k: v for k, v in again.items() if k != "salt"
        }
    policy = wp.Policy(
        limits=wp.Limits(max_calls=2),
        loops=wp.Loops(max_period=9),
        documents=[wp.DocumentType("plan", "toml", fence="+++ plan")],
        promote={"*": {"leaked"}},
    )
    assert policy_from(json.loads(json.dumps(policy_data(policy)))) == policy
    assert policy_data(wp.Policy()) == {} == policy_data(None)


def test_the_users_outputs(tmp_path: Path) -> None:
    lines = [
        {"output": CALL, "finish_reason": "length", "tools": TOOLS},
        {"messages": 3},
        {"text": " "},
        {"text": "b" * 9_000},
    ]
    lines += [{"text": "c", "tools": [{"no": "name"}]}, {"event": "text_delta", "text": "x"}]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\nno JSON\n", encoding="utf-8")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "output.txt").write_text("plain", encoding="utf-8")
    found = corpus.seeds([tmp_path])
    assert found[0] == {"text": "plain"}
    assert found[1] == {"text": CALL, "finish_reason": "length", "tools": TOOLS}
    assert [len(each["text"]) for each in found[2:]] == [corpus.LONGEST, 1, 1] and "tools" not in found[3]
    with pytest.raises(AuditError, match="no output was read"):
        corpus.seeds([tmp_path / "inner" / "nothing"])


# --- made smaller -----------------------------------------------------------------------------------------------------


def broken(trial: Trial) -> bool:
    text, tools = trial.text, trial.tools
    assert "".join(trial.chunks or (text,)) == text
    cut_in_tag = any(chunk.endswith("<") for chunk in trial.chunks)
    return (
        "</a>" in text and cut_in_tag and trial.policy == wp.Policy(coerce=False) and bool(tools) and "x" in str(tools)
    )


def test_what_does_not_matter_is_left_out_of_a_case() -> None:
    text = "one <a> two </a> three\n" * 20
    chunks = tuple(text[at : at + 7] for at in range(0, len(text), 7))
    schema = {"type": "object", "properties": {"y": {}, "x": {}, "z": {}}, "required": ["z", "x"]}
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("f", "g")]
    big = Trial(text, chunks, tools, "stop", True, wp.Policy(coerce=False))
    small = shrink(big, broken, 60.0)
    kept = {"type": "object", "properties": {"x": {}}, "required": ["x"]}
    assert (small.text, small.chunks, small.finish_reason, small.reasoning_open) == ("</a>", ("<", "/a>"), None, False)
    assert [tool["function"]["parameters"] for tool in small.tools or ()] == [kept]
    asked: list[Trial] = []
    fewer = shrink(big, lambda trial: bool(asked.append(trial)) or broken(trial), 60.0, attempts=20)
    assert len(asked) == 20 and broken(fewer) and shrink(big, broken, 0.0) == big
    assert size_of(case_of(small)) < size_of(case_of(fewer)) < size_of(case_of(big))


# --- counted and saved ------------------------------------------------------------------------------------------------


def test_the_smallest_of_each_kind_is_kept_in_any_order() -> None:
    cases = [{"dialect": "hermes", "text": text, **LAW} for text in ("bbb", "aa", "c" * 9, "ab")]
    cases.append({"dialect": "xml", "salt": "k7q2", "text": "z", **LAW})
    one, other = Tally(), Tally()
    for key, case in enumerate(cases):
        one.add(label_of(case), ("3 chunk-invariant",), case, key)
    for key, case in reversed([*enumerate(cases)]):
        other.add(label_of(case), ("3 chunk-invariant",), case, key)
    assert one.as_data() == other.as_data()
    assert [(it.case["text"], it.count) for it in one.ordered()] == [("aa", 4), ("z", 1)]
    assert one.broken == one.outputs == 5 and one.laws["3 chunk-invariant"] == 5


def test_findings_are_added_to_a_file(tmp_path: Path) -> None:
    case = {"dialect": "hermes", "text": "bbb", **LAW}
    path = save(tmp_path / "new", [case, {**case, "where": "elsewhere"}])
    save(tmp_path / "new", [{**case, "text": "\ud83d"}, {**case, "text": "long", "where": "elsewhere"}])
    assert [(it["text"], it["where"]) for it in load(path)] == [("\ud83d", "in chunks"), ("bbb", "elsewhere")]
    assert load(path)[0]["id"].startswith("fuzz-3-hermes-") and saved(case)["expect"] == {}
    path.write_text('{"text": 3}\n', encoding="utf-8")
    with pytest.raises(CaseError, match=r"findings.jsonl:1: expected an object"):
        load(path)
    path.write_text("x\n", encoding="utf-8")
    with pytest.raises(CaseError, match=r"findings.jsonl:1: not JSON"):
        load(path)


# --- runs -------------------------------------------------------------------------------------------------------------

WRONG = """
    import os, sys, time
    from dataclasses import replace
    from lines_codec import CODEC
    from lines_codec.reader import LinesReader

    def loop():
        while True:
            pass

    class WrongReader(LinesReader):
        __slots__ = ()

        def read(self, stop, end):
            print("what is fuzzed may print")
            text = self.builder.buffer.slice(self.position, stop)
            for sign, act in ACTS.items():
                if sign in text:
                    act()
            return super().read(stop, end)

    ACTS = {"5": lambda: {}["x"]}
    if os.environ.get("WRONG") == "hard":
        ACTS = {"5": loop, "4": lambda: time.sleep(1000), "path": lambda: os._exit(3)}
    WRONG = replace(CODEC, reader=WrongReader)
"""


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write a codec that is wrong, in a module that a child can import; return an empty folder."""
    (tmp_path / "wrong_lines.py").write_text(textwrap.dedent(WRONG), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path / "out"
    TEMPORARY_CODECS.pop("lines", None)
    sys.modules.pop("wrong_lines", None)


def test_what_raises_is_found_made_small_saved_and_judged_again(wrong: Path) -> None:
    args = ("-d", LINES, "--codec", "wrong_lines:WRONG", "-j", "1", "--format", "json")
    result = run("fuzz", *args, "--runs", "150", "--out", str(wrong))
    found = json.loads(result.stdout)
    assert (
        result.exit_code == 1 and found["outputs"] == 150 and found["broken"] == found["laws"]["1 total"]["broken"] > 3
    )
    finding = max(found["findings"], key=lambda finding: finding["count"])
    assert finding["law"] == {"number": 1, "name": "total"} and "decoding raises: KeyError" in finding["where"]
    assert "wrong_lines.py" in finding["where"] and len(finding["text"]) < 20 and "5" in finding["text"]
    assert {key: finding[key] for key in finding if key != "count"} in load(Path(found["saved"]))
    shown = run("fuzz", *args[:-2], "--replay", found["saved"])
    assert shown.exit_code == 1 and "decoding raises" in shown.stdout and repr(finding["text"]) in shown.stdout


def test_what_never_ends_or_dies_is_found_with_its_text(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "hard")
    monkeypatch.setattr(runner, "MOST_HUNG", 3)
    monkeypatch.setattr(runner, "SMALLER", 0.5)
    plan = Plan((Subject(LINES),), codec="wrong_lines:WRONG", limit=0.1)
    tally = runner.Runner(plan, 2).run(300, None)
    assert tally.note.startswith("ended early: 3 outputs")
    kinds = {it.case["where"].partition(":")[0]: it.case["text"] for it in tally.ordered() if it.kind[0] == 1}
    known = ("decoding never ends", "no answer in time while it was judged", "the process ended while it was judged")
    assert kinds.keys() & {*known}, kinds


def test_the_number_of_processes_does_not_matter() -> None:
    plan, alone = Plan(subjects("all"), "3"), Tally()
    for key in range(50):
        judged = judge(plan.draw(key), plan.limit, TRIAL_LAWS)
        alone.add(plan.subjects[plan.subject(key)].label, judged.laws, judged.broken, key)
    found = runner.Runner(plan, 2).run(50, None)
    assert found.as_data()["findings"] == [] == alone.as_data()["findings"]
    assert found.dialects == alone.dialects and found.laws["9 exact replay"] == 50


def test_an_interrupted_run_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case = {"dialect": "hermes", "text": "bbb", **LAW}

    def interrupt(self: runner.Runner) -> None:
        self.tally.keep(Breakage(case))
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.Runner, "_listen", interrupt)
    monkeypatch.setattr(runner, "make_small", interrupt_again)
    result = run("fuzz", "-j", "1", "--runs", "9", "--out", str(tmp_path))
    assert result.exit_code == 130 and "'bbb'" in result.stdout and load(tmp_path / "findings.jsonl")


def interrupt_again(*args: object) -> None:
    raise KeyboardInterrupt


def test_a_run_is_shown_while_it_goes_on() -> None:
    tally = Tally(seconds=2.0)
    tally.add("xml (salted)", ("1 total",), None, 0)
    for limit in ((100, None), (None, 60.0)):
        with live(*limit) as watch:
            watch(tally)


def test_fixtures_are_cases_too() -> None:
    case = load(FIXTURES / "reality" / "forced.jsonl")[0]
    assert judge(case, 5.0).broken is None


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("-d", "hermess"), "did you mean 'hermes'"),
        (("--runs", "3", "--for", "3s"), "exclude each other"),
        (("--for", "soon"), "--for: expected a time"),
        (("--codec", "a:b"), "--codec needs --dialect"),
        (("--codec", "no.such:thing", "-d", LINES), "--codec no.such:thing: No module"),
        (("--codec", "json", "-d", LINES), "expected module:object"),
        (("--codec", "json:loads", "-d", LINES), "that is no Codec"),
        (("--policy", "foreign"), "--policy: expected a field"),
        (("--policy", "foreign=maybe"), "Policy.foreign: expected"),
        (("--policy", "nonsense=1"), "--policy: "),
        (("--salt", "k7q2"), "--salt needs the name"),
        (("--corpus", "no-such-file.jsonl"), "no-such-file.jsonl"),
        (("--replay", "no-such-file.jsonl"), "no-such-file.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_line(args: tuple[str, ...], part: str) -> None:
    assert_one_line(run("fuzz", *args), part)


def test_atheris_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert_one_line(run("fuzz", "--engine", "atheris", "--out", str(tmp_path)), "pip install atheris")
    plan = Plan(subjects("hermes"), corpus=({"text": "mine"},))
    inputs = [*guided._inputs(plan)]
    assert inputs[-1][2:] == b"mine" and plan.draw(inputs[0])["dialect"] == "hermes"
    assert all(line.startswith('"\\x') for line in guided._entries(plan))


def test_the_help_has_examples() -> None:
    shown = run("fuzz", "--help").stdout
    assert "wireproto fuzz --dialect all --for 10m" in shown.split("Example:")[1]
    page = (FIXTURES.parent / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert "`fuzz" in page
    for word in shown.split():
        assert not word.startswith("--") or word == "--help" or f"`{word.rstrip('.,')}`" in page, word


PAGE = FIXTURES.parent / "docs" / "how-to" / "fuzz-your-parser.md"
# What each command of the page exits with, in their order.
CODES = [0, 0, 1, 1, 0, 0]


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (source,) = re.findall(r"^```py\n(# (\S+)\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / source[1]).write_text(source[0], encoding="utf-8")
    shutil.copytree(EXAMPLES / "lines_codec", tmp_path / "lines_codec")
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    wireproto = f"{shlex.quote(sys.executable)} -m wireproto"
    codes, shown = [], ""
    for line in commands:
        used = re.sub(r"^wireproto\b", lambda _: wireproto, line)
        run = subprocess.run(used, shell=True, cwd=tmp_path, env=ENV, check=False, capture_output=True, text=True)
        codes.append(run.returncode)
        shown += run.stdout + run.stderr
    assert codes == CODES, shown
    told = re.sub(r"[(0-9]+ times\)|'[^']*'", "", text[text.index("law 1, total") : text.index("saved in")])
    for line in told.splitlines():
        assert line.strip().removesuffix("(12") in shown, f"{line}: {shown}"
