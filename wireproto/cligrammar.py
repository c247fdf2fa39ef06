"""The commands `wireproto grammar …`: what is wrong with a grammar.

It only translates, like the rest of the command line. Law: nothing is run here; a grammar is text that is read.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from wireproto.cliio import print_json, read_text
from wireproto.cliparts import DEFECTS, FINE, FileArgument, Format, FormatOption, example, guarded

grammar_app = typer.Typer(
    name="grammar",
    help="Grammars for constrained decoding.",
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@grammar_app.callback()
def options() -> None:
    """Grammars for constrained decoding."""


@grammar_app.command("check", epilog=example("wireproto grammar check tools.gbnf"))
@guarded
def check_command(
    file: FileArgument = "-",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    format: FormatOption = Format.text,
) -> int:
    """Say what is wrong with a GBNF grammar, or will surprise.

    Prints line, column, what it is and what to do: what llama.cpp refuses, and what it takes in silence.
    """
    from wireproto import gbnf

    text, clean = read_text(file)
    findings = gbnf.check(text)
    if format is Format.json:
        print_json([asdict(finding) for finding in findings])
    else:
        from wireproto import terminal

        terminal.print_findings(file, findings)
    bad = ("error", "warning") if strict else ("error",)
    return DEFECTS if not clean or any(finding.severity in bad for finding in findings) else FINE
