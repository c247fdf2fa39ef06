"""The command `wireproto explain`: one output step by step, for people who wonder why a call came back as text.

It only translates, like the rest of the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from wireproto.cli import shared
from wireproto.cli.io import load_decoded, load_tools, one_stdin, print_json, read_text
from wireproto.serialize import message_json

if TYPE_CHECKING:
    from wireproto.recover.explain import Explanation


@shared.guarded
def explain_command(
    file: shared.FileArgument = "-",
    dialect: shared.DecodedOption = "auto",
    tools: shared.ToolsOption = None,
    salt: shared.SaltOption = None,
    finish_reason: shared.FinishOption = None,
    reasoning_open: shared.ReasoningOption = False,
    format: shared.FormatOption = shared.Format.text,
) -> int:
    """Say step by step how a model output is read.

    Prints which characters were read as what, after how many it was certain, and by which rule of
    docs/explanation/rules.md something odd was read; then why markers of calls were no markup.
    """
    # It is for a person who looks at one output; the other commands do without it.
    from wireproto.recover.explain import explain

    one_stdin(file, tools)
    chosen, offered = load_decoded(dialect, salt), load_tools(tools)
    text, clean = read_text(file)
    found = explain(text, chosen, offered, finish_reason=finish_reason, reasoning_open=reasoning_open)
    if format is shared.Format.json:
        print_json(_as_json(found))
    else:
        from wireproto.cli import terminal

        terminal.print_explanation(found)
    return shared.exit_code(found.message.diagnoses, clean)


def _as_json(found: Explanation) -> dict[str, Any]:
    steps = [
        {
            "start": step.span.start,
            "end": step.span.end,
            "raw": step.raw,
            "context": step.context,
            "what": step.what,
            "certain_at": step.certain_at,
            "held": step.held,
            "diagnoses": [each.to_dict() for each in step.diagnoses],
            "rules": [*step.rules],
        }
        for step in found.steps
    ]
    unread = [
        {
            "start": each.span.start,
            "end": each.span.end,
            "raw": each.raw,
            "reasons": [{"why": why, "rule": rule} for why, rule in each.reasons],
        }
        for each in found.unread
    ]
    return {"steps": steps, "unread": unread, "message": message_json(found.message)}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("explain", epilog=shared.example("wireproto explain output.txt -d qwen3_coder --tools tools.json"))(
        explain_command
    )
