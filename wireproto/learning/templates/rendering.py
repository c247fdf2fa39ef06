"""A template in a process of its own: asked for one text at a time, within limits of time and size.

It must not know formats. Law: whatever the template does, an answer or an error comes within the limits, and the
process is gone when it is closed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from wireproto.learning.findings import Unlearnable
from wireproto.values.extras import require

_START: Final = "import sys; sys.path[:] = sys.argv[1:]; from wireproto.learning.templates.sandbox import main; main()"


class TemplateProcess:
    """A chat template that can be rendered; `error` is what the last text that did not come failed with.

    `seconds` is for one text, `total` for all of them; `characters` is for one text. Use it in a `with` block.
    """

    def __init__(self, source: str, *, seconds: float = 5.0, total: float = 120.0, characters: int = 1_000_000) -> None:
        require("learn", "jinja2", purpose="rendering a chat template")
        self._seconds, self._characters = seconds, characters
        self._deadline = time.monotonic() + total
        self.error = ""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        try:
            self._ask({"template": source}, seconds + 10)  # the process has to start first
        except Unlearnable:
            self.close()
            raise

    def __enter__(self) -> TemplateProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not sent cannot be any more
                    stream.close()
        self._process.wait()

    def render(self, variables: Mapping[str, Any], mutable: bool = False) -> str | None:
        """Return what the template writes; None if it raises, and `error` says what.

        Raises:
            Unlearnable: it passes a limit, or has done so before.
        """
        request = {"variables": variables, "mutable": mutable, "characters": self._characters}
        return self._ask(request, self._seconds)

    def _ask(self, request: Mapping[str, Any], seconds: float) -> str | None:
        left = min(seconds, self._deadline - time.monotonic())
        line = self._exchanged(json.dumps(request), left) if left > 0 else ""
        if not line:
            raise Unlearnable(f"the chat template runs for more than {seconds:g} seconds, or ends its process")
        answer = json.loads(line)
        if "text" in answer:
            return str(answer["text"])
        self.error = str(answer["error"])
        if answer.get("fatal"):
            self.close()
            raise Unlearnable(f"the chat template cannot be rendered: {self.error}")
        return None

    def _exchanged(self, line: str, seconds: float) -> str:
        """Send a line and return the one that answers it; nothing if the process ends, as it does after its time."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            stdin.write(line + "\n")
            stdin.flush()
            return stdout.readline()
        except (OSError, ValueError):
            return ""
        finally:
            timer.cancel()
