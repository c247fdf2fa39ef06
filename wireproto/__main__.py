"""The command line, as `wireproto` and as `python -m wireproto`; without its extra, one line that names it.

It must not load the command line before that is known. Law: exit code 2, and no traceback, where the extra is missing.
"""

from __future__ import annotations

import sys

from wireproto.values.errors import MissingExtra
from wireproto.values.extras import require

INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    try:
        require("cli", "typer", "rich", purpose="the command line")
    except MissingExtra as error:
        print(f"wireproto: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    try:
        from wireproto.cli.main import app

        app()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
