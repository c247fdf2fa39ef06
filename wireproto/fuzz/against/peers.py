"""Another parser as a child process: JSON lines in, JSON lines out, whatever it does.

The child is hostile: its lines are bounded, its answers are checked, it is killed when it is silent for too long, and
started again when it has died; what it did then is the answer. It must not know what is compared. Law: every request
gets exactly one answer, in the order of the requests.

The protocol is documented in docs/how-to/compare-parsers.md.
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Final

from wireproto.values.errors import WireprotoError
from wireproto.values.quoting import SENTENCE, escaped, quoted

PROTOCOL: Final = 1
LINE: Final = 1 << 22  # bytes of an answer: a parser may repeat its input, but not without end
SECONDS: Final = 5.0  # for one answer
_START: Final = 120.0  # until the child says what it is: it may import a whole inference engine
_WINDOW: Final = 32  # requests that are on their way at once
_DEATHS: Final = 10  # in a row, without an answer between them
_NAME: Final = 40
_DIALECTS: Final = 200
_TAIL: Final = 2_000  # bytes of what it wrote to standard error

# What a child did instead of answering.
CRASH, TIME_OUT, GARBAGE, REFUSED, SKIPPED = "crash", "time-out", "garbage", "refused", "skipped"


class PeerError(WireprotoError):
    """A command that is no peer: it does not start, says nothing, or dies again and again."""


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call that a parser found; `complete` is false if its arguments are no finished JSON object."""

    name: str
    arguments: Any
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of an output; `text` and `reasoning` are None where it does not tell.

    `failure` says in one word why there is nothing, and `detail` in a line.
    """

    calls: tuple[FoundCall, ...] = ()
    text: str | None = None
    reasoning: str | None = None
    failure: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a child says of itself; no `dialects` means that it reads them all."""

    name: str
    version: str
    dialects: frozenset[str]


class Peer:
    """A child process and its successors. `seconds`: how long one answer may take."""

    def __init__(self, command: str | Sequence[str], seconds: float = SECONDS) -> None:
        self._command = shlex.split(command) if isinstance(command, str) else list(command)
        if not self._command:
            raise PeerError("the command of the other parser is empty")
        self._seconds = seconds
        self._deaths = 0
        self.starts = 0
        self._child, self.hello = self._start()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._child.end()

    def ask(self, requests: Sequence[dict[str, Any]]) -> Iterator[Parsed]:
        """Yield what the parser makes of each request; each has an `id` of its own.

        Raises:
            PeerError: it dies again and again.
        """
        waiting = deque(requests)
        sent: deque[dict[str, Any]] = deque()
        while waiting or sent:
            while waiting and len(sent) < _WINDOW:
                sent.append(waiting.popleft())
                self._child.send(sent[-1])
            answer = self._answer(sent.popleft()["id"])
            yield answer
            if answer.failure in (CRASH, TIME_OUT, GARBAGE):
                # It took the requests behind this one with it.
                waiting.extendleft(reversed(sent))
                sent.clear()
                self._restart()
            else:
                self._deaths = 0

    def _answer(self, id: Any) -> Parsed:
        line = self._child.line(self._seconds)
        if line is None:
            return Parsed(failure=TIME_OUT, detail=f"no answer within {self._seconds:g} seconds")
        if line == b"":
            return Parsed(failure=CRASH, detail=self._child.farewell())
        try:
            return read_answer(line, id)
        except ValueError as error:
            return Parsed(failure=GARBAGE, detail=escaped(str(error), SENTENCE))

    def _restart(self) -> None:
        self._deaths += 1
        self._child.end()
        if self._deaths >= _DEATHS:
            raise PeerError(f"the other parser failed {_DEATHS} times in a row; at last: {self._child.farewell()}")
        self._child, _ = self._start()

    def _start(self) -> tuple[_Child, Hello]:
        self.starts += 1
        child = _Child(self._command)
        child.send({"wireproto": PROTOCOL})
        line = child.line(_START)
        if line:
            try:
                return child, read_hello(line)
            except ValueError as error:
                child.end()
                raise PeerError(f"the other parser does not begin as it should: {error}") from None
        child.end()
        why = "says nothing" if line is None else child.farewell()
        raise PeerError(f"the other parser does not start: {why}")


class _Child:
    """One process, with a thread for each of its streams: none of them may block another."""

    def __init__(self, command: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # In a session of its own it gets no interrupt from the keyboard, and its children die with it.
                start_new_session=os.name == "posix",
            )
        except (OSError, ValueError) as error:
            raise PeerError(f"the other parser does not start: {quoted(command[0])}: {error}") from None
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # Bounded, so that a child that never stops talking waits for us, and fills no memory.
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=4)
        self._tail = b""
        self._over = False
        self._threads = [
            threading.Thread(target=run, args=(stream,), daemon=True)
            for run, stream in (
                (self._write, self._process.stdin),
                (self._read, self._process.stdout),
                (self._listen, self._process.stderr),
            )
        ]
        for thread in self._threads:
            thread.start()

    def send(self, request: dict[str, Any]) -> None:
        self._requests.put(json.dumps(request).encode("ascii") + b"\n")

    def line(self, seconds: float) -> bytes | None:
        """Return the next line, nothing at the end of all lines, or None if there is none in time."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None

    def farewell(self) -> str:
        """Return how it ended, and the last line that it wrote to standard error."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._threads[2].join(1.0)
        code = self._process.poll()
        how = "closed its output" if code is None else f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        last = self._tail.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return f"{how}: {escaped(last, 200)}" if last else how

    def end(self) -> None:
        """Kill it, and whatever it has started in its session."""
        self._over = True
        self._requests.put(None)
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        with suppress(queue.Empty):
            while True:
                self._lines.get_nowait()
        deadline = time.monotonic() + 1.0
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _write(self, stream: IO[bytes]) -> None:
        with suppress(OSError, ValueError):
            while (line := self._requests.get()) is not None:
                stream.write(line)
                stream.flush()
        with suppress(OSError):
            stream.close()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while (line := stream.readline(LINE)) and not self._over:
                self._lines.put(line)
                if not line.endswith(b"\n"):
                    break
        if not self._over:
            self._lines.put(b"")

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            while part := stream.read1(4096):  # type: ignore[attr-defined]
                self._tail = (self._tail + part)[-_TAIL:]


# --- what a child writes ----------------------------------------------------------------------------------------------


def read_hello(line: bytes) -> Hello:
    """Return what the first line says.

    Raises:
        ValueError: it is no greeting, or of another version of the protocol.
    """
    found = _object(line)
    if found.get("wireproto") != PROTOCOL:
        raise ValueError(f'expected "wireproto": {PROTOCOL}, found {quoted(found.get("wireproto"))}')
    name, version, dialects = (found.get(key) for key in ("name", "version", "dialects"))
    if not isinstance(name, str) or not isinstance(version, str):
        raise ValueError('expected texts "name" and "version"')
    if not isinstance(dialects, list) or not all(isinstance(each, str) for each in dialects):
        raise ValueError('expected "dialects", a list of names')
    return Hello(escaped(name, _NAME), escaped(version, _NAME), frozenset(dialects[:_DIALECTS]))


def read_answer(line: bytes, id: Any) -> Parsed:
    """Return what an answer says.

    Raises:
        ValueError: it is not the answer to the request of this id.
    """
    found = _object(line)
    if found.get("id") != id or isinstance(found.get("id"), bool):
        raise ValueError(f"an answer to {quoted(found.get('id'))} instead of {id}")
    for key, failure in (("error", REFUSED), ("skip", SKIPPED)):
        if found.get(key) is not None:
            return Parsed(failure=failure, detail=escaped(str(found[key]), SENTENCE))
    calls, text, reasoning = found.get("calls"), found.get("text"), found.get("reasoning")
    if not isinstance(calls, list):
        raise ValueError("calls: expected a list")
    if not all(member is None or isinstance(member, str) for member in (text, reasoning)):
        raise ValueError("text, reasoning: expected a text or null")
    return Parsed(tuple(map(_call, calls)), text, reasoning)


def _call(written: Any) -> FoundCall:
    if not isinstance(written, dict) or not isinstance(written.get("name"), str):
        raise ValueError("calls: expected objects with a name")
    arguments = written.get("arguments")
    if isinstance(arguments, str):
        # A server sends JSON; a text that is not finished is a call that is not.
        with suppress(ValueError, RecursionError):
            arguments = json.loads(arguments, parse_constant=str)
    complete = isinstance(arguments, dict) and written.get("complete") is not False
    return FoundCall(written["name"], arguments, complete)


def _object(line: bytes) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        raise ValueError(f"a line longer than {LINE} bytes" if len(line) >= LINE else "half a line")
    try:
        found = json.loads(line, parse_constant=str)
    except (ValueError, RecursionError):
        raise ValueError(f"no JSON: {quoted(line[:200].decode('utf-8', 'replace'))}") from None
    if not isinstance(found, dict):
        raise ValueError(f"no object: {quoted(line[:200].decode('utf-8', 'replace'))}")
    return found
