"""The story of wireproto in two model outputs, each streamed a few characters at a time; run it with `make demo`.

In the first, a planner writes a declaration document into a file: markup inside a DSML argument. In the second, a coder
writes a parser for its own wire format: the file holds the closing markers of the call that carries it, and a complete
call as an example. Both must end in one intact `write_file` call, equal to what stands in `*.expected.json`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import wireproto as wp

RECORDED = Path(__file__).resolve().parent.parent / "fixtures" / "recorded"
STORIES = {
    "planner-familiar": "A planner declares a familiar: an XML document inside a DSML argument",
    "coder-closers": "A coder writes a parser of its own wire format: closers and a whole call inside the file",
}
CHUNK = 4
COLOURS = {"head": 1, "reasoning": 2, "text": 39, "call": 36, "key": 33, "value": 32, "note": 35, "bad": 31}
COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(style: str, text: str) -> str:
    """Return the text in colour, at a terminal."""
    return f"\x1b[{COLOURS[style]}m{text}\x1b[0m" if COLOURED and text else text


class Screen:
    """Prints events as they come; deltas of the same thing continue where the last one ended."""

    def __init__(self) -> None:
        self._open: tuple[Any, ...] = ()

    def show(self, event: wp.Event) -> None:
        """Print one event."""
        match event:
            case wp.ReasoningDelta(text):
                self._flow(("reasoning",), "reasoning", "reasoning", text)
            case wp.TextDelta(text):
                self._flow(("text",), "text", "text", text)
            case wp.CallStart(index, name):
                self._line(paint("call", f"call {index}: {name}"))
            case wp.ArgumentDelta(index, key, text):
                self._flow((index, key), f"  {key}", "value", text)
            case wp.CallEnd(index, call):
                self._line(paint("call", f"call {index} ends, {'complete' if call.complete else 'incomplete'}"))
            case wp.Diagnosed(diagnosis):
                self._line(paint("note", f"{diagnosis.severity}: {diagnosis.code}: {diagnosis.message}"))

    def end(self) -> None:
        """Finish the line that is open."""
        if self._open:
            print()
        self._open = ()

    def _line(self, text: str) -> None:
        self.end()
        print(text, flush=True)

    def _flow(self, thing: tuple[Any, ...], label: str, style: str, text: str) -> None:
        if thing != self._open:
            self._line(paint("key", label))
            self._open = thing
            print("    | ", end="")
        print("\n    | ".join(paint(style, line) for line in text.split("\n")), end="", flush=True)


def chunks(text: str) -> Iterator[str]:
    """Yield the text a few characters at a time, as a server would."""
    for start in range(0, len(text), CHUNK):
        yield text[start : start + CHUNK]


def play(name: str, title: str) -> bool:
    """Stream one recording, print what comes, and tell whether it is what was expected."""
    wire = (RECORDED / f"{name}.txt").read_bytes().decode()
    tools = json.loads((RECORDED / "tools.json").read_text(encoding="utf-8"))
    expected = json.loads((RECORDED / f"{name}.expected.json").read_text(encoding="utf-8"))
    print(paint("head", f"\n=== {title}\n    {expected['dialect']}, {len(wire):,} characters, {CHUNK} at a time\n"))

    decoder = wp.Decoder(expected["dialect"], tools=tools)
    screen = Screen()
    held = 0
    for chunk in chunks(wire):
        for event in decoder.feed(chunk):
            screen.show(event)
        held = max(held, len(decoder.pending))
    for event in decoder.close(finish_reason=expected["finish_reason"]):
        screen.show(event)
    screen.end()

    wrong = list(differences(decoder.message, expected))
    print(paint("head", "\nverdict"))
    for call in decoder.message.calls:
        print(f"  {call.name}({', '.join(call.arguments)}), {'complete' if call.complete else 'incomplete'}")
        for key, value in call.arguments.items():
            print(f"    {key}: {f'{len(value):,} characters' if isinstance(value, str) else json.dumps(value)}")
    print(f"  held back at most {held} characters at a time")
    for line in wrong:
        print(paint("bad", f"  WRONG: {line}"))
    if not wrong:
        print("  text, reasoning and every argument are equal to what was expected")
    return not wrong


def differences(message: wp.Message, expected: dict[str, Any]) -> Iterator[str]:
    """Yield what is not as expected."""
    if message.text != expected["text"]:
        yield f"text is {message.text!r}"
    if message.reasoning != expected["reasoning"]:
        yield f"reasoning is {message.reasoning!r}"
    calls = [{"name": call.name, "arguments": call.arguments} for call in message.calls]
    if calls != expected["calls"]:
        yield f"calls are {calls!r}"
    if not all(call.complete for call in message.calls):
        yield "a call is incomplete"


def main() -> int:
    """Play all recordings; 0 if each ended as expected."""
    if sys.stdout.encoding.lower() != "utf-8" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    results = [play(name, title) for name, title in STORIES.items()]
    print()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
