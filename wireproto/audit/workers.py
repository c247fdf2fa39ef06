"""Processes that read parts of logs: each takes one after the other and answers with its counts.

They are started as programs of their own and not by multiprocessing, which imports the caller's script again: a script
without a guard, a notebook or a prompt has none that could be imported. It must not know what a part is. Law: no worker
outlives the audit, whatever ends it, and an interrupt from the keyboard reaches the caller alone.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, cast

from wireproto.values.errors import WireprotoError

# The search path comes first: what the caller can import, a child can.
_PATH: Final = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer)"
_SERVE: Final = "from wireproto.audit.workers import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
_DIED: Final = "a process that read a part of the logs died; with jobs=1 they are read in this one"


class AuditError(Exception):
    """Logs that cannot be read: one line that says why."""


def start_program(statements: str, errors: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a child that takes `sys.path` from its input, pickled, and then runs the statements.

    `errors`: where its standard error goes. In a session of its own it gets no interrupt from the keyboard.
    """
    return subprocess.Popen(
        [sys.executable, "-c", f"{_PATH}; {statements}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=os.name == "posix",
    )


class Workers:
    """A worker for each thread that asks. `run`: an importable function that takes a task and `settings`."""

    def __init__(self, run: Any, settings: Any) -> None:
        self._head = pickle.dumps((run, settings))
        self._local = threading.local()
        self._lock = threading.Lock()
        self._started: list[subprocess.Popen[bytes]] = []
        self._over = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._over = True
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                _close(cast(BinaryIO, stream))

    def ask(self, task: Any) -> Any:
        """Return what a worker makes of a task; what it raises is raised here.

        Raises:
            AuditError: it ended instead.
        """
        process = self._worker()
        try:
            pickle.dump(task, cast(BinaryIO, process.stdin))
            cast(BinaryIO, process.stdin).flush()
            answer, error = pickle.load(cast(BinaryIO, process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            raise AuditError(_DIED) from None
        if error is not None:
            raise error
        return answer

    def _worker(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = getattr(self._local, "process", None)
        if process is None:
            with self._lock:
                if self._over:
                    raise AuditError(_DIED)
                process = self._local.process = start_program(_SERVE, subprocess.DEVNULL)
                self._started.append(process)
            stdin = cast(BinaryIO, process.stdin)
            pickle.dump(sys.path, stdin)
            stdin.write(self._head)
        return process


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Answer tasks until there are no more: the main function of a worker."""
    run, settings = pickle.load(tasks)
    while True:
        try:
            task = pickle.load(tasks)
        except EOFError:
            return
        try:
            answer: tuple[Any, Exception | None] = (run(task, settings), None)
        except (AuditError, WireprotoError, OSError) as error:
            answer = (None, error)
        pickle.dump(answer, answers)
        answers.flush()


def _close(stream: BinaryIO) -> None:
    with suppress(OSError):  # what was not sent does not matter any more
        stream.close()
