"""Chat templates as judges: what they write is read back, written to the byte, and its dialect found and learned.

python -m benchmarks.templates FOLDER... [--json FILE] [--laws N]

A folder of `.jinja` files, of which nothing is kept. For every template that writes calls, with the dialect that
`wp.dialect_for` finds: is each kind of message read exactly, with nothing left over, and are the calls of it written to
the byte? Then what `wp.learn` makes of the same template, and whether the grammar of that accepts what it writes.
`--laws N` holds each learned dialect to all laws too, with N examples.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import wireproto as wp
from wireproto.learning.comparing import before_marker, common_start
from wireproto.learning.findings import NAMES, Unlearnable
from wireproto.learning.templates.calls import learn_layout
from wireproto.learning.templates.chat import Chat, results, styled
from wireproto.learning.templates.learning import Learned, learn
from wireproto.learning.templates.reasoning import learn_reasoning
from wireproto.learning.templates.rendering import TemplateProcess
from wireproto.learning.templates.sources import read_template
from wireproto.learning.templates.turns import TurnFrame, learn_turn
from wireproto.testing import LawBroken, check_dialect
from wireproto.testing.engines.llamacpp import LlamaCpp

F, G = NAMES[:2]
CODE = 'def f(x):\n    """Say <b>."""\n    return {"a": [1, 2]}\n'
NESTED = {"a": [1, {"b": None, "c": [True, 0.5]}], "d": {}}
ONE = wp.Call(F, {"s": "notes.md"})
# So few arguments that a grammar takes them in any order.
TYPES = {"s": "string", "path": "string", "i": "integer", "b": "boolean", "l": "array", "o": "object"}
PROPERTIES = {key: {"type": kind} for key, kind in TYPES.items()}
TOOLS = [{"name": name, "parameters": {"type": "object", "properties": PROPERTIES}} for name in NAMES]
KINDS: dict[str, wp.Message] = {
    "one": wp.Message(calls=(ONE,)),
    "two": wp.Message(calls=(ONE, wp.Call(G, {"i": 3, "b": True}))),
    "text": wp.Message(text="Let me look.", calls=(ONE,)),
    "reasoning": wp.Message(reasoning="I look\nfirst.", calls=(ONE,)),
    "nested": wp.Message(calls=(wp.Call(F, {"l": [1, "x", []], "o": NESTED}),)),
    "unicode": wp.Message(calls=(wp.Call(F, {"s": "é“漢”😀 \u2028"}),)),
    "code": wp.Message(calls=(wp.Call(F, {"s": CODE, "path": "a.py"}),)),
    "empty": wp.Message(calls=(wp.Call(F, {}),)),
}


NOT_WRITTEN = ("raises", "dropped")


@dataclass
class Row:
    """One template: the dialect that was found, which kinds of messages it reads and writes, and what was learned."""

    template: str
    calls: bool = True
    dialect: str = ""
    read: dict[str, bool] = field(default_factory=dict)
    written: dict[str, bool] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    results: bool | None = None
    learned: str = ""
    same_as: str = ""
    gaps: Sequence[str] = ()
    figures: str = ""
    grammar: str = ""
    laws: str = ""
    why: str = ""


@dataclass(frozen=True)
class Template:
    """A template that writes calls, with the frame of its turns."""

    chat: Chat
    turn: TurnFrame

    def wrote(self, kind: str, message: wp.Message) -> tuple[str, str]:
        """Return the body of a turn with this message, or why there is none."""
        text = self.rendered(message)
        if text is None:
            return "", "raises"
        if not all(call.name in text for call in message.calls) or (message.text or message.reasoning) not in text:
            return "", "dropped"
        if kind == "two" and text.count(self.chat.identity(0)) > 1:
            return "", "dropped"
        end = len(text) - len(self.turn.end) if text.endswith(self.turn.end) else len(text)
        return text[: max(end, 0)], ""

    def rendered(self, message: wp.Message) -> str | None:
        """Return what is written behind a user's message."""
        given = [(call.name, call.arguments, self.chat.identity(i, call.name)) for i, call in enumerate(message.calls)]
        return self.chat.calls(given, content=message.text or None, thought=message.reasoning or None)

    def fault(self, text: str, message: wp.Message) -> str:
        """Return what a template does to a message so that nothing could read it; empty if nothing of that kind."""
        strings = [value for call in message.calls for value in call.arguments.values() if isinstance(value, str)]
        spellings = [(each, json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1]) for each in strings]
        if not all(any(map(text.count, each)) for each in spellings):
            return "a string is not written as it is"
        texts = tuple(replace(call, arguments=as_texts(call.arguments)) for call in message.calls)
        if texts != message.calls and self.rendered(replace(message, calls=texts)) == self.rendered(message):
            return "numbers and strings are written alike"
        if message.text and self.rendered(replace(message, text="", reasoning=message.text)) == self.rendered(message):
            return "text is written as reasoning"
        end = self.turn.end.strip()
        if message.text and end and end in text[min(map(text.index, (message.text, message.calls[0].name))) :]:
            return "text is a turn of its own"
        return ""


def as_texts(value: Any) -> Any:
    """Return a value with the text of each number and truth value in its place."""
    if isinstance(value, dict):
        return {key: as_texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_texts(each) for each in value]
    return value if value is None or isinstance(value, str) else json.dumps(value)


def judged(template: Template, dialect: wp.Dialect, row: Row) -> None:
    """Hold a dialect to every kind of message that the template writes."""
    for kind, message in KINDS.items():
        text, why = template.wrote(kind, message)
        if why:
            row.skipped[kind] = why
            continue
        written = any(calls in text + template.turn.end for calls in spelled(template, dialect, message))
        lead = before_marker(text, common_start(text, template.turn.lead))
        read = reads(text[lead:], dialect, message)
        fault = template.fault(text, message) if not (read and written) else ""
        if fault:
            row.skipped[kind] = fault
        else:
            row.read[kind], row.written[kind] = read, written
    row.results = told(template, dialect)


def reads(body: str, dialect: wp.Dialect, message: wp.Message) -> bool:
    """Return whether a body is read as this message, with nothing left over; the prompt may have opened reasoning."""
    thoughts = message.reasoning
    opener = dialect.reasoning.open if dialect.reasoning is not None else "\0"
    at = body.find(thoughts) if thoughts else -1
    start = body.rfind(opener, 0, at) if at >= 0 else -1
    if at >= 0:
        body = body[start if start >= 0 else at :]
    back = wp.parse(body, dialect, TOOLS, reasoning_open=at >= 0 and start < 0)
    calls = [(call.name, json.dumps(call.arguments, sort_keys=True), call.complete) for call in back.calls]
    wanted = [(call.name, json.dumps(call.arguments, sort_keys=True), True) for call in message.calls]
    same = back.text.strip() == message.text and (not thoughts or back.reasoning.strip() == thoughts)
    return same and calls == wanted


def spelled(template: Template, dialect: wp.Dialect, message: wp.Message) -> Iterator[str]:
    """Yield the calls of a message as the dialect writes them, without ids and with those that the template got."""
    named = [replace(call, id=template.chat.identity(i, call.name)) for i, call in enumerate(message.calls)]
    for calls in (message.calls, named):
        with suppress(wp.EncodeError):
            yield wp.encode(calls, dialect, TOOLS)


def told(template: Template, dialect: wp.Dialect) -> bool | None:
    """Return whether two results (or one) are told as the template tells them; None if it tells none."""
    chat = template.chat
    for count in (2, 1):
        calls = [chat.call(i, {"s": "x"}) for i in range(count)]
        bodies = [f"RESULT{i}\nline" for i in range(count)]
        text = chat.calls(calls, results(calls, bodies))
        if text is None or not all(body.split("\n")[0] in text for body in bodies):
            continue
        for ids in ([call[2] for call in calls], [None] * count):  # some templates make ids of their own
            parts = zip(calls, bodies, ids, strict=True)
            with suppress(wp.EncodeError):
                ours = wp.render_results([wp.ToolResult(call[0], body, each) for call, body, each in parts], dialect)
                if ours.strip() in text:
                    return True
        return False
    return None


def learned_row(found: Learned, row: Row, template: Template, laws: int) -> None:
    """Add what was learned of a template."""
    score = found.score
    row.learned, row.same_as = score.label, found.same_as
    row.gaps = (*(f"fault of the template: {fault}" for fault in found.faults), *found.gaps)
    row.figures = f"{score.written.good}/{score.read.good}/{score.written.of} {score.results.good}/{score.results.of}"
    engine = LlamaCpp.compile(str(wp.grammar(found.dialect, TOOLS, choice="required")))
    left_out = {"text", "reasoning", *row.skipped}
    kinds = [kind for kind in KINDS if kind not in left_out and not template.wrote(kind, KINDS[kind])[1]]
    bodies = [template.wrote(kind, KINDS[kind])[0].removeprefix(found.lead) for kind in kinds]
    row.grammar = f"{sum(map(engine.accepts, bodies))}/{len(bodies)}"
    if laws:
        try:
            check_dialect(found.dialect, examples=laws)
            row.laws = "hold"
        except LawBroken as error:
            row.laws = str(error)[:300]


def rows(path: Path, laws: int) -> Row:
    """Return the row of one template."""
    row, source = Row(path.stem), read_template(path)
    try:
        with TemplateProcess(source) as process:
            chat = styled(process)
            thinking_chat, thinking = learn_reasoning(chat)
            turn = learn_turn(thinking_chat, thinking)
            try:
                turn = learn_layout(thinking_chat, turn).turn
            except Unlearnable as error:
                row.why = str(error)
            template = Template(thinking_chat, turn)
            dialect = known(source)
            if dialect is not None:
                row.dialect = dialect.name
                judged(template, dialect, row)
            try:
                found = learn(source, name=row.template.lower().replace("-", "_").replace(".", "_"))
                learned_row(found, row, replace(template), laws)
            except wp.DialectError as error:
                row.learned, row.why = "none", str(error)
    except Unlearnable as error:
        row.calls, row.why = False, str(error)
    return row


def known(source: str) -> wp.Dialect | None:
    """Return the known dialect of a template."""
    try:
        return wp.dialect_for(chat_template=source)
    except wp.DialectError:
        return None


def lines(found: Sequence[Row]) -> Iterator[str]:
    """Yield the table, and the sums."""
    heads = ("template", "dialect", "read", "written", "results", "learned", "exact/read/of", "same as", "grammar")
    yield "{:46} {:16} {:7} {:8} {:8} {:9} {:18} {:14} {}".format(*heads)
    calling = [row for row in found if row.calls]
    for row in calling:
        parts = (("read", row.read), ("written", row.written))
        read, written = (f"{sum(part.values())}/{len(part)}" for _, part in parts)
        told = {None: "-", True: "yes", False: "NO"}[row.results]
        yield (
            f"{row.template[:46]:46} {row.dialect or '-':16} {read:7} {written:8} {told:8} {row.learned:9} "
            f"{row.figures:18} {row.same_as or '-':14} {row.grammar} {row.laws}"
        )
        wrong = ", ".join(f"{what} {kind}" for what, part in parts for kind in part if not part[kind])
        faults = [
            f"fault of the template: {kind}: {why}" for kind, why in row.skipped.items() if why not in NOT_WRITTEN
        ]
        yield from (f"    {text}" for text in (wrong, *faults, *row.gaps, row.why) if text)
    known_ones = sum(bool(row.dialect) for row in calling)
    yield f"{len(found)} templates, {len(calling)} write calls; {known_ones} have a known dialect"
    for what in ("read", "written"):
        kinds = [getattr(row, what) for row in calling]
        yield f"{what}: {sum(sum(part.values()) for part in kinds)} of {sum(map(len, kinds))} messages"
    labels = Counter(row.learned for row in calling)
    yield "learned: " + ", ".join(f"{label} {count}" for label, count in labels.most_common())


def main() -> None:
    """Judge the templates of some folders."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--json", type=Path, help="write the rows")
    parser.add_argument("--laws", type=int, default=0, help="examples for all laws of each learned dialect")
    options = parser.parse_args()
    found = []
    for path in sorted(path for folder in options.folders for path in folder.glob("*.jinja")):
        found.append(rows(path, options.laws))
        print(f"\r{len(found)} {path.stem[:60]:60}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print("\n".join(lines(found)))
    if options.json:
        text = json.dumps([asdict(row) for row in found], indent=1, ensure_ascii=False)
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
