"""The engines answer as themselves, and say so when they cannot."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wireproto.gbnf import Matcher, parse
from wireproto.grammars.api.requests import Trigger, TriggerKind, llama_cpp_request
from wireproto.testing.engines import EngineError, llamacpp, llguidance
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.llguidance import LLGuidance
from wireproto.testing.engines.tinymodel import TinyServer, write_model

CALL = 'root ::= "<tool_call>{" [a-c]{1,8} ":" ["] [^"\\\\\\x00-\\x1F\\uD800-\\uDFFF]{0,20} ["] "}</tool_call>"'


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


def test_llama_cpp_matches() -> None:
    with LlamaCpp.compile('root ::= "a"+ ([b-d] | "é")?') as grammar:
        assert [grammar.accepts(text) for text in ("a", "aad", "aaé", "", "ad", "add")] == [True] * 3 + [
            False,
            True,
            False,
        ]
        assert grammar.accepts_prefix("")
        assert grammar.accepts_prefix("aa")
        assert not grammar.accepts_prefix("b")
        assert grammar.accepts("a"), "each text is read from the start"


def test_llama_cpp_counts_its_stacks() -> None:
    alternatives = " | ".join(f'"n{i}"' for i in range(50))
    with LlamaCpp.compile(f"root ::= {alternatives}") as grammar:
        assert grammar.peak_stacks >= 1
        grammar.accepts("n1")
        assert grammar.peak_stacks == 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('root ::= "a', "unexpected end of input"),
        ("root ::= x", "Undefined rule identifier 'x'"),
        ('a ::= "b"', "'root'"),
    ],
)
def test_llama_cpp_says_why_it_refuses(text: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineError, match=message):
        LlamaCpp.compile(text)
    assert capfd.readouterr().err == ""


def test_a_closed_grammar_says_so() -> None:
    grammar = LlamaCpp.compile('root ::= "a"')
    grammar.close()
    grammar.close()
    with pytest.raises(EngineError, match="closed"):
        grammar.accepts("a")


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    llamacpp._library.cache_clear()
    llguidance._bytes.cache_clear()
    assert not llamacpp.available()
    assert not llguidance.available()
    with pytest.raises(EngineError, match=r"pip install 'wireproto\[engines\]'"):
        LlamaCpp.compile('root ::= "a"')
    with pytest.raises(EngineError, match=r"pip install 'wireproto\[engines\]'"):
        LLGuidance.compile('start: "a"')
    monkeypatch.undo()
    assert llamacpp.available()
    assert llguidance.available()


def test_a_library_without_the_functions_says_so(tmp_path: Path) -> None:
    wrong = tmp_path / "xllamacpp.abi3.so"
    wrong.write_bytes(b"no library")
    with pytest.raises(EngineError, match="grammar functions"):
        llamacpp._Library(wrong)


def test_llguidance_matches() -> None:
    grammar = LLGuidance.compile('start: "a"+ ("b" | "é")?')
    assert [grammar.accepts(text) for text in ("a", "aab", "aé", "", "b", "abb")] == [True] * 3 + [False] * 3
    assert grammar.accepts_prefix("a")
    assert not grammar.accepts_prefix("b")
    with pytest.raises(EngineError, match="unknown name"):
        LLGuidance.compile("start: nothing")


def test_llguidance_giving_up_is_an_error() -> None:
    grammar = LLGuidance.compile('start: a\na: "x" a | "y"')
    assert grammar.accepts("xxy")
    with pytest.raises(EngineError, match="max is 2000"):
        grammar.accepts("x" * 3_000 + "y")


def test_the_model_is_the_same_for_one_seed(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_model(tmp_path / name, seed=seed)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]
    head = (tmp_path / "a").read_bytes()[:8]
    assert struct.unpack("<4sI", head) == (b"GGUF", 3)
    assert (tmp_path / "a").stat().st_size < 100_000


def test_a_constrained_completion(server: TinyServer) -> None:
    texts = set()
    for seed in range(10):
        completion = server.complete(CALL, seed=seed)
        assert completion.finished
        matcher = Matcher(parse(CALL))
        assert matcher.accept(completion.text)
        assert matcher.finished
        texts.add(completion.text)
    assert len(texts) > 5
    assert server.complete(CALL, seed=3) == server.complete(CALL, seed=3)


def test_a_completion_is_cut_at_its_length(server: TinyServer) -> None:
    completion = server.complete('root ::= "x"{50}', n=5)
    assert not completion.finished
    assert set(completion.text) == {"x"}


@pytest.mark.parametrize("trigger", [Trigger("]"), Trigger(r"(\])", TriggerKind.PATTERN)])
def test_a_lazy_grammar_begins_at_its_trigger(server: TinyServer, trigger: Trigger) -> None:
    request = llama_cpp_request('root ::= "]" [a-c]{3} "!"', [trigger], preserved_tokens=["]"])
    texts = [server.complete(seed=seed, n=100, **request).text for seed in range(12)]
    free, _, called = max(texts, key=lambda text: "]" in text[1:]).partition("]")
    assert free
    assert called
    assert all(re.fullmatch(r"[^\]]*(\][a-c]{3}!)?", text) for text in texts)


def test_the_server_says_why_it_refuses_and_goes_on(server: TinyServer) -> None:
    with pytest.raises(EngineError, match="failed to parse grammar"):
        server.complete('root ::= "')
    assert server.complete('root ::= "ok"').text == "ok"


def test_a_server_that_does_not_answer_is_ended() -> None:
    with pytest.raises(EngineError, match="did not answer"):
        TinyServer(timeout=0.0001)


def test_a_server_that_is_gone_says_so() -> None:
    server = TinyServer()
    folder = Path(server._folder.name)
    assert folder.exists()
    server.close()
    assert not folder.exists()
    with pytest.raises(EngineError, match="not running"):
        server.complete("")


def test_the_package_never_imports_an_engine() -> None:
    script = "import sys, wireproto, wireproto.gbnf; print(*[m for m in sys.modules if 'engines' in m or m in ('lark', 'llguidance', 'xllamacpp')])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
