"""The commands `wireproto grammar …`: print the grammar of a dialect, try it, and check a GBNF file.

It only translates, like the rest of the command line. Law: no engine is run here.
"""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup

from wireproto.cli.io import Complaint, complain, load_dialect, load_tools, print_json, print_text, read_text
from wireproto.cli.shared import (
    DEFECTS,
    FINE,
    DialectArgument,
    FileArgument,
    Format,
    FormatOption,
    SaltOption,
    ToolsOption,
    example,
    guarded,
)
from wireproto.format.registry import dialects
from wireproto.serialize import call_json

if TYPE_CHECKING:
    from wireproto.format.dialect import Dialect
    from wireproto.grammars.api.api import Grammar, ReasoningChoice, Target, ToolChoice
    from wireproto.grammars.api.selfcheck import CheckedText, SelfCheck

PRINT: Final = "print"


class GrammarGroup(TyperGroup):
    """A group with the default command `print`: a first word that is no command begins its arguments."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the options of the group itself and leave the rest to a command."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names) and not self._is_mistyped(args[0]):
            args = [PRINT, *args]
        return super().parse_args(ctx, args)

    def _is_mistyped(self, word: str) -> bool:
        return bool(get_close_matches(word, self.commands)) and word not in dialects()


class ServerName(str, Enum):
    """The server whose request body is printed."""

    llama_cpp = "llama.cpp"
    vllm = "vllm"
    sglang = "sglang"
    sglang_openai = "sglang-openai"


ChoiceOption = Annotated[
    str, typer.Option("--choice", metavar="C", help="auto, required, none, or the name of the tool to call.")
]
OneCallOption = Annotated[bool, typer.Option("--no-parallel", help="At most one call.")]
ReasoningOption = Annotated[
    str | None,
    typer.Option(
        "--reasoning",
        metavar="R",
        help="none, optional, or open if the prompt ended inside reasoning; none by default where a call is forced.",
    ),
]
MaxReasoningOption = Annotated[
    int | None, typer.Option("--max-reasoning", metavar="N", min=0, help="The most characters of reasoning.")
]

grammar_app = typer.Typer(
    name="grammar",
    cls=GrammarGroup,
    subcommand_metavar="COMMAND|D [ARGS]...",
    help="Grammars for constrained decoding. `wireproto grammar D` is short for `wireproto grammar print D`.",
    epilog=example(
        "wireproto grammar qwen3_coder --tools tools.json > tools.gbnf",
        "wireproto grammar try qwen3_coder --tools tools.json",
        "wireproto grammar check tools.gbnf",
    ),
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@grammar_app.callback()
def options() -> None:
    """Grammars for constrained decoding."""


@grammar_app.command(
    PRINT,
    epilog=example(
        "wireproto grammar qwen3_coder --tools tools.json > tools.gbnf",
        "wireproto grammar hermes --tools tools.json --choice required --request llama.cpp",
        "wireproto grammar dsml_v4 --tools tools.json --target structural-tag --reasoning open",
    ),
)
@guarded
def print_command(
    dialect: DialectArgument,
    tools: ToolsOption = None,
    salt: SaltOption = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="T", help="gbnf, lark, ebnf or structural-tag; gbnf without --request."),
    ] = None,
    choice: ChoiceOption = "auto",
    no_parallel: OneCallOption = False,
    lax: Annotated[
        bool,
        typer.Option("--lax", help="Where a schema cannot be exact, accept more and report it instead of failing."),
    ] = False,
    reasoning: ReasoningOption = None,
    max_reasoning: MaxReasoningOption = None,
    lazy: Annotated[
        bool,
        typer.Option("--lazy", help="Only the calls, for an engine that starts at the first one."),
    ] = False,
    request: Annotated[
        ServerName | None, typer.Option("--request", help="Print the request fields for this server instead.")
    ] = None,
) -> int:
    """Print the grammar of a message with calls in a dialect.

    Reports on stderr where the grammar is not exactly what a tool's schema says.
    """
    from wireproto.grammars.api.api import grammar

    chosen, offered = _loaded(dialect, tools, salt)
    usual = "gbnf" if request in (None, ServerName.llama_cpp) else "structural-tag"
    found = grammar(
        chosen,
        offered,
        target=cast("Target", target or usual),
        choice=_choice(choice),
        parallel=not no_parallel,
        strict=not lax,
        reasoning=cast("ReasoningChoice | None", reasoning),
        max_reasoning=max_reasoning,
        lazy=lazy,
    )
    if request is None:
        print_text(str(found))
    else:
        print_json(_request(found, request))
    for each in found.report:
        where = f"tool {each.tool!r}: {each.note.pointer or '#'}: {each.note.keyword}"
        complain(f"{each.note.kind}: {where}: {each.note.what}")
    return FINE


@grammar_app.command("try", epilog=example("wireproto grammar try hermes --tools tools.json -n 200 --choice required"))
@guarded
def try_command(
    dialect: DialectArgument,
    tools: ToolsOption = None,
    salt: SaltOption = None,
    count: Annotated[int, typer.Option("-n", metavar="N", min=1, help="Number of texts.")] = 50,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same texts.")] = 0,
    choice: ChoiceOption = "auto",
    no_parallel: OneCallOption = False,
    reasoning: ReasoningOption = None,
    max_reasoning: MaxReasoningOption = None,
    texts: Annotated[bool, typer.Option("--texts", help="Print all texts, valid ones too.")] = False,
    format: FormatOption = Format.text,
) -> int:
    """Generate random texts of the grammar and decode each.

    Prints how many calls they hold, and every text that does not decode to complete calls with valid arguments.
    """
    from wireproto.grammars.api.selfcheck import CheckSettings

    chosen, offered = _loaded(dialect, tools, salt)
    first = cast("ReasoningChoice | None", reasoning)
    setting = CheckSettings(chosen, offered, _choice(choice), not no_parallel, first, max_reasoning)
    found = setting.run(count, seed)
    if format is Format.json:
        print_json(_trial_json(found, texts))
    else:
        from wireproto.cli import terminal

        terminal.print_trial(found, texts)
    return DEFECTS if found.invalid else FINE


def _loaded(dialect: str, tools: str | None, salt: str | None) -> tuple[Dialect, list[Any]]:
    chosen, offered = load_dialect(dialect, salt), load_tools(tools)
    if not offered:
        raise Complaint("a grammar needs tools: give --tools a file with at least one tool")
    return chosen, offered


def _choice(text: str) -> ToolChoice:
    return cast("ToolChoice", text) if text in ("auto", "required", "none") else {"name": text}


def _request(found: Grammar, server: ServerName) -> dict[str, Any]:
    if server is ServerName.llama_cpp:
        return found.llama_cpp_request()
    if server is ServerName.vllm:
        return found.vllm_request()
    return found.sglang_request("openai" if server is ServerName.sglang_openai else "generate")


def _trial_json(found: SelfCheck, texts: bool) -> dict[str, Any]:
    sums = {"drawn": len(found.tried), "calls": found.calls.total(), "tools": dict(sorted(found.calls.items()))}
    shown = {"invalid": found.invalid} | ({"texts": found.tried} if texts else {})
    return {**sums, **{key: [_tried_json(each) for each in tried] for key, tried in shown.items()}}


def _tried_json(each: CheckedText) -> dict[str, Any]:
    return {"text": each.text, "calls": [call_json(call) for call in each.calls], "problem": each.problem or None}


@grammar_app.command("check", epilog=example("wireproto grammar check tools.gbnf"))
@guarded
def check_command(
    file: FileArgument = "-",
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    format: FormatOption = Format.text,
) -> int:
    """Check a GBNF grammar.

    Prints what llama.cpp refuses, and what it accepts silently although it is a mistake: line, column, and what to do.
    """
    from wireproto import gbnf

    text, clean = read_text(file)
    findings = gbnf.check(text)
    if format is Format.json:
        print_json([asdict(finding) for finding in findings])
    else:
        from wireproto.cli import terminal

        terminal.print_findings(file, findings)
    bad = ("error", "warning") if strict else ("error",)
    return DEFECTS if not clean or any(finding.severity in bad for finding in findings) else FINE
