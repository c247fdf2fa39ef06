"""Codex and Claude Code themselves before the proxy: calls that their model leaked are run, by the tools that they have.

`make agents` installs them and runs this; its name keeps it out of `make test`. The model is a script, all else is
real: what the agents send and take, the MCP server that one starts, the files that they write.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import Upstream, before, event, running, stream
from starlette.types import Receive, Scope, Send

import wireproto as wp

MODULES = Path(os.environ.get("AGENTS", ".venv-agents/node_modules")).resolve()
PATCH = '*** Begin Patch\n*** Add File: hello.txt\n+say "hi" \\n é </tool_call>\n*** End Patch\n'
KNOWN = "gpt-5.5"  # a model to which Codex offers its free-form tool; one that it does not know gets other tools
SETTINGS = """
model_provider = "local"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.local]
name = "local"
base_url = "{url}/v1"
wire_api = "responses"
[mcp_servers.calc]
command = {python}
args = [{server}]
default_tools_approval_mode = "approve"
"""
ADDING = """
import json, sys
schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
for line in sys.stdin:
    asked = json.loads(line)
    given, answer = asked.get("params", {}), {}
    if asked["method"] == "initialize":
        server = {"name": "calc", "version": "1"}
        answer = {"protocolVersion": given["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    elif asked["method"] == "tools/list":
        answer = {"tools": [{"name": "add", "inputSchema": schema, "annotations": {"readOnlyHint": True}}]}
    elif asked["method"] == "tools/call":
        total = given["arguments"]["a"] + given["arguments"]["b"]
        answer = {"content": [{"type": "text", "text": f"sum {total}"}]}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer}), flush=True)
"""


class Script(Upstream):
    """A model that writes the same texts in every conversation, one after the other."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts, self.sent_to = texts, list[tuple[str, dict[str, Any]]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw = b""
        while (message := await receive())["type"] == "http.request":
            raw += message["body"]
            if not message["more_body"]:
                break
        if scope["method"] != "POST":
            await self._send({"status": 404, "json": {}}, receive, send)
            return
        self.sent_to.append((scope["path"], json.loads(raw)))
        asked = sum(path == scope["path"] for path, _ in self.sent_to)
        text = self.texts[min(asked, len(self.texts)) - 1]
        if scope["path"] == "/apply-template":
            await self._send({"json": {"prompt": "P"}}, receive, send)
        elif scope["path"] == "/completion":
            parts = [event({"content": text[at : at + 5], "stop": False}) for at in range(0, len(text), 5)]
            last = event({"content": "", "stop": True, "stop_type": "eos"})
            await self._send([*parts, last], receive, send)
        else:
            await self._send(stream(text, 5), receive, send)


@contextmanager
def codex(upstream: Script, folder: Path, model: str, **settings: Any) -> Iterator[list[dict[str, Any]]]:
    """Run Codex in a folder, and give the events that it prints."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    (home / "mcp.py").write_text(ADDING, encoding="utf-8")
    with running(upstream) as server, before(server, default=settings) as url:
        written = SETTINGS.format(url=url, python=json.dumps(sys.executable), server=json.dumps(str(home / "mcp.py")))
        (home / "config.toml").write_text(f"model = {json.dumps(model)}\n{written}", encoding="utf-8")
        command = [
            str(MODULES / ".bin" / "codex"),
            "exec",
            "--skip-git-repo-check",
            "--json",
            "-C",
            str(work),
            "Go on.",
        ]
        env = {**os.environ, "CODEX_HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, check=False)  # fmt: skip
        assert run.returncode == 0, run.stderr[-2_000:]
        yield [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def items(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each["item"] for each in events if each["type"] == "item.completed" and each["item"]["type"] == kind]


def test_a_patch_that_leaked_is_applied(tmp_path: Path) -> None:
    call = wp.encode(wp.Call("apply_patch", {"input": PATCH}), "hermes")
    with codex(Script(f"I edit.\n{call}", "Done."), tmp_path, KNOWN) as events:
        (change,) = items(events, "file_change")
        assert change["status"] == "completed"
    assert (tmp_path / "work" / "hello.txt").read_text(encoding="utf-8") == 'say "hi" \\n é </tool_call>\n'


@pytest.mark.parametrize("mode", ["repair", "raw"])
def test_a_tool_of_an_mcp_server_is_called(mode: str, tmp_path: Path) -> None:
    odd = wp.encode(wp.Call("mcp__calc__add", {"a": 2, "b": 40}), "hermes").replace('": "', '":  "', 1)
    upstream = Script(f"I add.\n{odd}\n", "Done.")
    with codex(upstream, tmp_path, "qwen3-coder", mode=mode) as events:
        (call,) = items(events, "mcp_tool_call")
        assert call["result"]["content"][0]["text"] == "sum 42" and call["status"] == "completed"
        assert [each["text"] for each in items(events, "agent_message")] == ["I add.\n", "Done."]
    path, later = upstream.sent_to[-2 if mode == "raw" else -1]
    said, told = later["messages"][-2:]
    assert "sum 42" in told["content"] and path == ("/apply-template" if mode == "raw" else "/v1/chat/completions")
    if mode == "repair":
        assert said["tool_calls"][0]["function"]["name"] == "mcp__calc__add"
    else:  # it kept what it cannot read, and the model reads what it wrote
        assert said == {"role": "assistant", "content": f"I add.\n{odd}\n"}


@pytest.mark.parametrize("mode", ["repair", "raw"])
def test_claude_code_writes_a_file(mode: str, tmp_path: Path) -> None:
    path, text = tmp_path / "hello.txt", 'say "hi" </tool_call>\n'
    call = wp.encode(wp.Call("Write", {"file_path": str(path), "content": text}), "hermes").replace('": "', '":  "', 1)
    upstream = Script(f"<think>hm</think>I write.\n{call}\n", "Done.")
    (binary,) = MODULES.glob("@anthropic-ai/claude-code-*/claude")
    with running(upstream) as server, before(server, default={"mode": mode}) as url:
        env = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "NO_PROXY": "127.0.0.1", "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": "none", "ANTHROPIC_MODEL": "qwen3-coder",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        command = [str(binary), "-p", "Go on.", "--output-format", "json", "--allowedTools", "Write", "--permission-mode", "acceptEdits"]  # fmt: skip
        run = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    assert run.returncode == 0 and json.loads(run.stdout)["result"] == "Done.", run.stderr[-2_000:]
    assert path.read_text(encoding="utf-8") == text
    said, told = upstream.sent_to[-2 if mode == "raw" else -1][1]["messages"][-2:]
    assert told["role"] == "tool" and said["reasoning_content"] == "hm"
    if mode == "repair":
        assert said["content"] == "I write.\n" and said["tool_calls"][0]["function"]["name"] == "Write"
    else:
        assert said["content"] == f"I write.\n{call}\n" and "tool_calls" not in said
