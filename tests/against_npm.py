"""The adapters in the clients that npm has: `make sdks` installs them and runs this, outside `make test`.

Every case of fixtures/ is written for each API and read by seven clients: calls, text, reasoning and whether the answer
was cut have to be what was decoded. For an answer that was cut a client may raise.

The same clients ask the proxy, before a server that leaks, cuts, stalls and dies: the right call, or an exception.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from clients import EVERY, streamed
from serving import CALL, DONE, LEAK, Upstream, chunk, event, native, proxied, stream
from test_serve import ARGUMENTS, BAD, CUT, DEFAULTS, GOOD

from wireproto.adapters import ChatWriter, MessagesWriter, ResponsesWriter
from wireproto.adapters.history import from_anthropic, from_responses
from wireproto.adapters.replay import SIGNED

FOLDER = Path(os.environ.get("NPM_FOLDER", ".venv-npm")).resolve()
STEPS = (1, 10_000, 7, 40, 3)


def answer(case: dict[str, Any], step: int, own: bool) -> dict[str, Any]:
    """Return a case as each API has it, and what is to be read; `own`: with the model's own text beside."""
    made = streamed(case, step, ChatWriter("chatcmpl-1", "m", 1), own=own)
    bodies = {
        "responses": ResponsesWriter("resp_1", "m", 1),
        "summary": ResponsesWriter("resp_1", "m", 1, reasoning="summary"),
        "messages": MessagesWriter("msg_1", "m"),
    }
    return {
        "id": case["id"],
        "step": step,
        "names": [*{call.name for call in made.calls}],
        "calls": [[call.name, json.loads(call.arguments_json)] for call in made.complete],
        "text": made.message.text,
        "reasoning": made.message.reasoning,
        "cut": '"finish_reason":"length"' in made.body,
        "chat": made.body,
        **{name: streamed(case, step, writer, own=own).body for name, writer in bodies.items()},
    }


def test_every_fixture_in_every_client(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    answers = [answer(case, STEPS[at % len(STEPS)], own=at % 2 == 0) for at, case in enumerate(EVERY)]
    path.write_text(json.dumps(answers), encoding="utf-8")
    run = subprocess.run(
        ["node", "check.mjs", str(path)], cwd=FOLDER, capture_output=True, encoding="utf-8", check=False
    )
    *wrong, tally = run.stdout.splitlines() or [""]
    print(tally)
    assert (run.returncode, wrong) == (0, []), "\n".join([*wrong[:20], run.stderr[-2000:]])
    counts = json.loads(tally)["tally"].values()
    assert len(counts) == 7 and all(count["right"] > 9 * count["raised"] for count in counts)


def test_the_ai_sdk_brings_back_what_it_was_given(tmp_path: Path) -> None:
    text = 'Hi. <tool_call>\n{"name":  "f", "arguments": {"a": "x"}}\n</tool_call>'
    tools = [{"name": "f", "parameters": {"type": "object"}}]
    cases = [{"dialect": "hermes", "tools": tools, "text": said, "finish_reason": "stop"} for said in (f"<think>hm</think>{text}", "bye")]  # fmt: skip
    bodies = {
        "messages": [streamed(case, 7, MessagesWriter("msg_1", "m", signature=SIGNED), own=True).body for case in cases],
        "responses": [streamed(case, 7, ResponsesWriter(f"resp_{at}", "m", 1, reasoning=how, encrypted=True), own=True).body for at, (case, how) in enumerate(zip(cases, ("text", "summary"), strict=True))],
    }  # fmt: skip
    path = tmp_path / "bodies.json"
    path.write_text(json.dumps(bodies), encoding="utf-8")
    run = subprocess.run(
        ["node", "back.mjs", str(path)], cwd=FOLDER, capture_output=True, encoding="utf-8", check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    sent = dict(json.loads(line) for line in run.stdout.splitlines())
    for turns in (from_anthropic(sent["messages"]["messages"]), from_responses(sent["responses"]["input"])):
        _, said, told = turns
        assert (said.own, said.message.reasoning, said.message.text) == (text, "hm", "Hi. ")
        assert [call.arguments for call in said.message.calls] == [{"a": "x"}] and told.role == "tool"


NOW = ["now", ARGUMENTS]
MORE: dict[str, tuple[list[Any], str, list[Any]]] = {
    "prose": (stream("Just words, é and \u2028."), "Just words, é and \u2028.", []),
    "two": (stream(LEAK + "\n" + CALL), "Hi.\n", [NOW, NOW]),
    "native": ([event(chunk(native(0, "now", '{"tz": "x"}', "n1"))), event(chunk({}, "stop")), DONE], "", [["now", {"tz": "x"}]]),
    "mixed": (
        [event(chunk({"role": "assistant", "content": LEAK})), event(chunk(native(0, "now", "{}", "n1"))), event(chunk({}, "stop")), DONE],
        "Hi.\n",
        [NOW, ["now", {}]],
    ),
}  # fmt: skip


def test_every_client_before_the_proxy(tmp_path: Path) -> None:
    upstream, path = Upstream(), tmp_path / "cases.json"
    good = {**{name: (steps, "Hi.\n", [NOW]) for name, steps in GOOD.items()}, **MORE}
    cases = [{"model": name, "kind": "good", "text": text, "calls": calls} for name, (_, text, calls) in good.items()]
    cases += [{"model": name, "kind": kind} for kind, several in (("bad", BAD), ("cut", CUT)) for name in several]
    upstream.answers.update({**{name: steps for name, (steps, _, _) in good.items()}, **BAD, **CUT})
    with proxied(upstream, **{**DEFAULTS, "read_timeout": 3.0}) as address:
        asked = {"address": address, "cases": [{"names": ["now"], **case} for case in cases]}
        path.write_text(json.dumps(asked), encoding="utf-8")
        run = subprocess.run(
            ["node", "serve.mjs", str(path)], cwd=FOLDER, capture_output=True, encoding="utf-8", check=False
        )
    *wrong, tally = run.stdout.splitlines() or [""]
    print(tally)
    assert (run.returncode, wrong) == (0, []), "\n".join([*wrong[:20], run.stderr[-2000:]])
    counts = json.loads(tally)["tally"].values()
    assert len(counts) == 7
    assert all(count["right"] >= len(good) and count["raised"] >= len(BAD) for count in counts)
