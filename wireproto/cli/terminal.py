"""What the command line shows to people: tables and coloured text, by rich.

It must not know where the values came from. Law: nothing that a model wrote reaches the terminal as a control
sequence or as markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from wireproto.audit.judging import FAILURES
from wireproto.audit.work import Audit
from wireproto.cli.writer import Writer, output
from wireproto.format.dialect import Dialect
from wireproto.gbnf.check import Finding
from wireproto.recover.classify import LABELS, Verdict
from wireproto.text.visible import visible
from wireproto.values.model import Call, Diagnosis, Message

if TYPE_CHECKING:
    from wireproto.grammars.api.selfcheck import SelfCheck
    from wireproto.machine.table import Arrow
    from wireproto.recover.explain import Explanation

# A file or a pipe has no width to fit into, and cut cells would lose text.
PIPE_WIDTH = 160
ARGUMENT_CHARS = 400
AUDIT_TOOLS = 30
SEGMENT_STYLES = {"text": "default", "reasoning": "dim", "call": "cyan", "markup": "dim magenta"}
FINDING_STYLES = {"note": "dim", "warning": "yellow", "error": "red"}
STEP_CHARS = 60
STEP_STYLES = {"text": "default", "reasoning": "dim", "call": "dim magenta", "value": "cyan", "document": "green"}
SEVERITY_STYLES = {"note": "dim", "repaired": "yellow", "defect": "red"}


def console(writer: Writer | None = None) -> Console:
    """Return a console for standard output, or another stream."""
    stream = (writer or output()).styled()
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


def plain(text: str, style: str = "") -> Text:
    """Return text of a model with every control character spelled out."""
    return Text(visible(text), style=style)


def shorten(text: str, limit: int) -> str:
    """Return the text, without its middle if it is longer than the limit."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} [... {len(text) - limit} characters ...] {text[-limit // 2 :]}"


def print_message(message: Message) -> None:
    """Print a decoded message: its segments, calls, candidates and diagnoses."""
    out = console()
    for segment in message.segments:
        start, end = segment.span
        out.print(Text(f"{segment.kind} {start}-{end}", style="bold"))
        shown = segment.raw if segment.kind in ("text", "reasoning") else shorten(segment.raw, ARGUMENT_CHARS)
        out.print(plain(shown, SEGMENT_STYLES[segment.kind]), soft_wrap=True)
    _print_found(out, message.calls, message.candidates, message.diagnoses)


def print_verdict(verdict: Verdict) -> None:
    """Print a verdict: the label, the markers seen, calls, candidates, reasons, and the retry message."""
    out = console()
    out.print(Text(verdict.label, style="bold"))
    seen = f"dialect={verdict.dialect or '?'} text_len={verdict.text_len} saw_start={verdict.saw_start}"
    out.print(plain(f"{seen} saw_end={verdict.saw_end}", "dim"))
    _print_found(out, verdict.message.calls, [it.call for it in verdict.candidates], verdict.reasons)
    retry = verdict.retry_message()
    if retry:
        out.print(Text("Retry message", style="italic"))
        out.print(plain(retry), soft_wrap=True)


def print_explanation(found: Explanation) -> None:
    """Print the steps of an output, then the markers of calls that are text, each with the reasons."""
    out = console()
    headings = ("where", "context", "characters", "read as", "certain", "rules")
    table = Table(*headings, title="Steps", title_justify="left", box=box.SIMPLE_HEAD)
    for step in found.steps:
        certain = "at the end" if step.certain_at is None else f"at {step.certain_at}"
        worst = next(
            (each for each in reversed(SEVERITY_STYLES) if any(d.severity == each for d in step.diagnoses)), ""
        )
        table.add_row(
            f"{step.span.start}-{step.span.end}",
            Text(step.context, style=STEP_STYLES[step.context]),
            plain(shorten(json.dumps(step.raw, ensure_ascii=False)[1:-1], STEP_CHARS), STEP_STYLES[step.context]),
            plain("; ".join([step.what, *(each.code for each in step.diagnoses if each.code not in step.what)])),
            certain if step.held <= 1 else f"{certain}, held {step.held}",
            Text(" ".join(step.rules), style=SEVERITY_STYLES.get(worst, "")),
        )
    out.print(table)
    if found.unread:
        out.print(Text("Markers that are text", style="bold"))
    for unread in found.unread:
        line = plain(f"{unread.span.start}-{unread.span.end} {unread.raw.strip()}: ", "magenta")
        out.print(line.append("; or ".join(f"{why} ({rule})" for why, rule in unread.reasons)), soft_wrap=True)
    _print_found(out, found.message.calls, found.message.candidates, found.message.diagnoses)


def _print_found(
    out: Console, calls: Sequence[Call], candidates: Sequence[Call], diagnoses: Sequence[Diagnosis]
) -> None:
    """Print the tables that every account of an output ends with, as far as there is something in them."""
    for title, listed in (("Calls", calls), ("Candidates", candidates)):
        if listed:
            out.print(calls_table(title, listed))
    if diagnoses:
        out.print(diagnoses_table(diagnoses))


def print_audit(found: Audit, problems: Sequence[str] = ()) -> None:
    """Print the counts of an audit; first of all what makes it fail, and how much could not be read."""
    counts, out = found.counts, console()
    for problem in problems:
        out.print(plain(f"failed: {problem}", "bold red"))
    if counts.unread:
        out.print(plain(f"{counts.unread} of {counts.records} records could not be read", "yellow"))
    sums = f"{counts.records} records, {counts.outputs} outputs, {counts.calls.total()} calls"
    out.print(plain(f"{sums} of {len(counts.tools)} tools", "bold"))
    rate = f"{counts.failed} of {counts.tried} outputs that called a tool or tried to failed: {100 * counts.rate:.1f} %"
    out.print(plain(rate, "red" if counts.failed else "green"))
    labels = Table("label", Column("outputs", justify="right"), box=box.SIMPLE_HEAD)
    for label in LABELS:
        if counts.labels[label]:
            labels.add_row(label, f"{counts.labels[label]}", style="red" if label in FAILURES else "")
    out.print(labels)
    tools = Table("tool", Column("calls", justify="right"), Column("failures", justify="right"), box=box.SIMPLE_HEAD)
    for name in counts.tools[:AUDIT_TOOLS]:
        tools.add_row(plain(name), f"{counts.calls[name]}", f"{counts.failures[name]}")
    if counts.tools:
        out.print(tools)
    for unread in counts.named:
        out.print(plain(f"not read: {found.where(unread.location)}: {unread.reason}", "yellow"), soft_wrap=True)
    if counts.unread > len(counts.named):
        out.print(plain(f"not read: {counts.unread - len(counts.named)} more", "yellow"))


def calls_table(title: str, calls: Sequence[Call]) -> Table:
    """Return a table with a row for each argument."""
    table = Table("call", "where", "argument", "value", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for call in calls:
        label = call.name + (f" ({call.id})" if call.id else "") + ("" if call.complete else " [incomplete]")
        where = "-".join(map(str, call.span)) if call.raw else ""
        for key, value in call.arguments.items() or [("", None)]:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if key else ""
            table.add_row(plain(label, "cyan"), where, plain(key), plain(shorten(text, ARGUMENT_CHARS)))
            label = where = ""
    return table


def diagnoses_table(diagnoses: Iterable[Diagnosis]) -> Table:
    """Return a table with a row for each diagnosis."""
    table = Table("severity", "code", "where", "message", title="Diagnoses", title_justify="left", box=box.SIMPLE_HEAD)
    for diagnosis in diagnoses:
        start, end = diagnosis.span
        severity = Text(diagnosis.severity, style=SEVERITY_STYLES[diagnosis.severity])
        table.add_row(severity, diagnosis.code, f"{start}-{end}", plain(diagnosis.message))
    return table


def print_dialects(dialects: Iterable[Dialect]) -> None:
    """Print a table of dialects."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("name", "aliases", "models", "codec"):
        table.add_column(heading, overflow="fold")
    for dialect in dialects:
        cells = (dialect.name, ", ".join(dialect.aliases), ", ".join(dialect.models), dialect.codec)
        table.add_row(*map(plain, cells))
    console().print(table)


def print_arrows(arrows: Iterable[Arrow]) -> None:
    """Print the machine of a dialect: which marker leads where in which context."""
    table = Table("in", "label", Column("marker", overflow="fold"), "leads to", box=box.SIMPLE_HEAD)
    before = ""
    for arrow in arrows:
        context = arrow.context if arrow.context != before else ""
        before = arrow.context
        table.add_row(Text(context, "bold"), Text(arrow.label, "dim"), plain(arrow.marker, "cyan"), Text(arrow.next))
    console().print(table)


def print_findings(file: str, findings: Sequence[Finding]) -> None:
    """Print the findings in a grammar, one on each line, with its hint below it."""
    out = console()
    for finding in findings:
        line = plain(f"{file}:{finding.line}:{finding.column}: ")
        line.append(f"{finding.severity}: {finding.code}", style=FINDING_STYLES[finding.severity])
        out.print(line.append(": ").append_text(plain(finding.message)), soft_wrap=True)
        if finding.hint:
            out.print(plain(f"    {finding.hint}", style="dim"), soft_wrap=True)
    if not findings:
        out.print(plain(f"{file}: no findings"), soft_wrap=True)


def print_trial(found: SelfCheck, texts: bool) -> None:
    """Print the result of a trial of a grammar, and its invalid texts, or all of them."""
    out = console()
    table = Table("tool", Column("calls", justify="right"), box=box.SIMPLE_HEAD)
    for name, count in sorted(found.calls.items()):
        table.add_row(plain(name), f"{count}")
    if found.calls:
        out.print(table)
    for number, each in enumerate(found.tried, 1):
        if texts or each.problem:
            out.print(plain(f"text {number}: {each.problem or 'valid'}", "red" if each.problem else "bold"))
            out.print(plain(each.text), soft_wrap=True)
    sums = f"{len(found.tried)} texts, {found.calls.total()} calls, {len(found.invalid)} invalid"
    out.print(plain(sums, "red" if found.invalid else "green"))
