"""Processes that work for a fuzz run: what each says comes into one queue, and one that hangs is killed.

They are started as programs of their own and not by multiprocessing, which imports the caller's script again. It must
not know what is asked of them. Law: a child never outlives the run, and whatever it does, its end is a message.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, Final, cast

from wireproto.audit.workers import start_program

_SERVE: Final = "from wireproto.fuzz.children import serve; serve(sys.stdin.buffer)"
_LAST: Final = 2_000  # bytes at the end of what a child complained of


@dataclass(frozen=True)
class Gone:
    """The last message of a child: it ended by itself, and what it said last on standard error."""

    why: str


HUNG: Final = Gone("no answer in time")
Inbox = SimpleQueue[tuple["Child", Any]]
Say = Callable[[Any], None]
Work = Callable[[Any, Say], None]
READY: Final = "ready"
# How long a child may take to import what it works with, on a machine that has much else to do.
STARTING: Final = 60.0


class FuzzError(Exception):
    """A run that cannot go on: one line that says why."""


class Child:
    """A process that calls `start(settings)`, says READY, and works on each task with the function that it got.

    What it says comes into `inbox`. `first`: a statement to run before this package is imported.
    """

    def __init__(self, inbox: Inbox, start: Callable[[Any], Work], settings: Any, first: str = "pass") -> None:
        self._inbox = inbox
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = start_program(f"{first}; {_SERVE}", self._errors)
        self._killed = False
        self.send(sys.path)
        self.send((start, settings))
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, task: Any) -> None:
        """Give it a task; it works on one after the other."""
        with suppress(OSError):  # it has ended, and its last message says so
            pickle.dump(task, cast(BinaryIO, self._process.stdin))
            cast(BinaryIO, self._process.stdin).flush()

    def kill(self) -> None:
        """End it; nothing more comes from it."""
        self._killed = True
        self._process.kill()
        self._process.wait()
        with suppress(OSError):  # what was not sent does not matter any more
            cast(BinaryIO, self._process.stdin).close()

    def _listen(self) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        with stream:
            while True:
                try:
                    said = pickle.load(stream)
                except (EOFError, OSError, ValueError, pickle.UnpicklingError):
                    break
                self._inbox.put((self, said))
        self._process.wait()
        if not self._killed:
            self._inbox.put((self, Gone(self._complaint())))
        self._errors.close()

    def _complaint(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST))
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"exit {self._process.returncode}")


def serve(tasks: BinaryIO) -> None:
    """Work on tasks until there are no more: the main function of a child."""
    # What is fuzzed may print: that must not get between the messages.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def say(message: Any) -> None:
        pickle.dump(message, answers)
        answers.flush()

    start, settings = pickle.load(tasks)
    work: Work = start(settings)
    say(READY)
    with suppress(EOFError):
        while True:
            work(pickle.load(tasks), say)


class Asker:
    """A child that is asked one question at a time; it is started again where one has ended it."""

    def __init__(self, start: Callable[[Any], Work], settings: Any) -> None:
        self._start, self._settings = start, settings
        self._child: Child | None = None
        self._inbox: Inbox = SimpleQueue()

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *error: object) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None

    def ask(self, task: Any, seconds: float) -> Any:
        """Return the answer, `Gone` if the child died of the question, or `HUNG` if it did not answer in time.

        Raises:
            FuzzError: the child could not be started.
        """
        if self._child is None:
            self._inbox = SimpleQueue()
            self._child = Child(self._inbox, self._start, self._settings)
            said = self._next(STARTING)
            if said != READY:
                raise FuzzError(said.why if isinstance(said, Gone) else "a process does not start")
        self._child.send(task)
        said = self._next(seconds)
        if isinstance(said, Gone):
            self.__exit__()
        return said

    def _next(self, seconds: float) -> Any:
        try:
            return self._inbox.get(timeout=seconds)[1]
        except Empty:
            return HUNG
