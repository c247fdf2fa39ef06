"""Stops code that never ends: after so many seconds an exception is raised inside it.

It must not know what runs. Law: where time is not up nothing happens, and what is raised is raised inside the block.
"""

from __future__ import annotations

import ctypes
import threading
import time
from types import TracebackType
from typing import Final

# An exception is lost where it is raised inside a callback of the garbage collector, so it is raised again.
_AGAIN: Final = 0.25  # seconds of CPU time
_TIMES: Final = 8
_RAISE: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc if hasattr(ctypes, "pythonapi") else None


class NeverEnds(BaseException):
    """Raised inside a block whose time is up; no `except Exception` on the way takes it for something else."""


class TimeLimit:
    """A `with` block that is given so many seconds of CPU time; then `NeverEnds` is raised inside it.

    One thread watches all blocks of a process, so that a block costs microseconds. Without CPython nothing is watched.
    """

    _watch: threading.Thread | None = None
    _open: Final[dict[TimeLimit, tuple[int, float]]] = {}
    _lock: Final = threading.Lock()

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._raised = 0

    def __enter__(self) -> None:
        # A child that was forked has no threads but the one that forked.
        if _RAISE is not None and (TimeLimit._watch is None or not TimeLimit._watch.is_alive()):
            TimeLimit._watch = threading.Thread(target=_watch, name="wireproto-time-limit", daemon=True)
            TimeLimit._watch.start()
        self._open[self] = (threading.get_ident(), time.process_time() + self.seconds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._open.pop(self, None)
        if self._raised and _RAISE is not None:
            # It may be raised once more while the block is being left: that would hit whoever comes next. To take it
            # back with NULL would leave CPython a flag that nothing resets, with which 3.11 never ends once it traces.
            try:
                _RAISE(ctypes.c_ulong(threading.get_ident()), ctypes.py_object(NeverEnds))
                while True:
                    pass
            except NeverEnds:
                pass


def _watch() -> None:
    while True:
        time.sleep(0.05)
        # A machine that slept, or had other things to do, gives a block no CPU time.
        now = time.process_time()
        for limit in [limit for limit, (_, end) in list(TimeLimit._open.items()) if now > end]:
            _stop(limit)


def _stop(limit: TimeLimit) -> None:
    with TimeLimit._lock:
        thread, end = TimeLimit._open.get(limit, (None, 0.0))
        if thread is not None and _RAISE is not None:
            limit._raised += 1
            if limit._raised == _TIMES:
                del TimeLimit._open[limit]
            else:
                TimeLimit._open[limit] = (thread, end + _AGAIN)
            _RAISE(ctypes.c_ulong(thread), ctypes.py_object(NeverEnds))
