"""The command line, as `wireproto` and as `python -m wireproto`; without its extra, one line that names it.

It must not load the command line before that is known. Law: exit code 2, and no traceback, where the extra is missing;
130 and no traceback after a Ctrl-C, also while Python is still loading it or is about to end.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    before = signal.getsignal(signal.SIGINT)
    answers = before is signal.default_int_handler  # it is ignored where a shell has it run in the background
    if answers:
        signal.signal(signal.SIGINT, _leave)
    from wireproto.values.errors import MissingExtra
    from wireproto.values.extras import require

    try:
        require("cli", "typer", "rich", purpose="the command line")
    except MissingExtra as error:
        print(f"wireproto: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    from wireproto.cli.main import app

    try:
        if answers:
            signal.signal(signal.SIGINT, before)
        app()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    finally:
        if answers:
            signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: object) -> None:
    """End the process at once: nothing was begun that has to be finished."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
