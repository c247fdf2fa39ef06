"""The command line: parse, stream, encode, convert, prompt, results, dialects, show, classify, audit,
explain, grammar, fuzz, learn, serve.

It only translates: files and options into arguments of the library, its values into JSON and tables, its errors into
one line on stderr and an exit code. It must not know any wire format. Law: whatever the input, all that can be read of
it is printed, and never a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import wireproto
from wireproto.cli import audit, explain, fuzz, learning, serve
from wireproto.cli.grammar import grammar_app
from wireproto.cli.io import (
    Complaint,
    Utf8,
    load_both,
    load_decoded,
    load_dialect,
    load_results,
    load_tools,
    one_stdin,
    print_events,
    print_json,
    print_text,
    read_json,
    read_text,
    stdin,
)
from wireproto.cli.shared import (
    EXIT_CODES,
    FINE,
    TOOLS_HELP,
    App,
    DecodedOption,
    DialectArgument,
    DialectOption,
    FileArgument,
    FinishOption,
    Format,
    FormatOption,
    ReasoningOption,
    SaltOption,
    ShowFormat,
    ToolsOption,
    example,
    exit_code,
    guarded,
)
from wireproto.cli.writer import output
from wireproto.decode.decoder import Decoder, parse
from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.registry import dialects as dialect_names
from wireproto.serialize import dialect_json, message_json, to_message
from wireproto.text import toml
from wireproto.text.visible import visible
from wireproto.write.convert import convert
from wireproto.write.encoder import encode
from wireproto.write.prompt import prompt
from wireproto.write.results import render_results

CHUNK = 1 << 16

app = typer.Typer(
    name="wireproto",
    cls=App,
    help="What a language model writes, turned into tool calls, and back.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def print_version(wanted: bool) -> None:
    """Print the version and exit, if `--version` is given."""
    if wanted:
        output().write(f"wireproto {wireproto.__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What a language model writes, turned into tool calls, and back."""


@app.command("parse", epilog=example("wireproto parse output.txt --dialect qwen3_coder --tools tools.json"))
@guarded
def parse_command(
    dialect: DecodedOption,
    file: FileArgument = "-",
    tools: ToolsOption = None,
    salt: SaltOption = None,
    finish_reason: FinishOption = None,
    reasoning_open: ReasoningOption = False,
    format: FormatOption = Format.json,
) -> int:
    """Decode a whole model output.

    Prints its text, reasoning, calls, candidates and diagnoses.
    """
    one_stdin(file, tools)
    chosen, offered = load_decoded(dialect, salt), load_tools(tools)
    text, clean = read_text(file)
    message = parse(text, chosen, tools=offered, finish_reason=finish_reason, reasoning_open=reasoning_open)
    if format is Format.json:
        found = {"dialect": message.dialect or None} if dialect == AUTO else {}
        print_json(found | message_json(message))
    else:
        from wireproto.cli import terminal

        terminal.print_message(message)
    return exit_code(message.diagnoses, clean)


@app.command("stream", epilog=example("some-model | wireproto stream --dialect dsml_v4 --tools tools.json"))
@guarded
def stream_command(
    dialect: DecodedOption,
    tools: ToolsOption = None,
    salt: SaltOption = None,
    finish_reason: FinishOption = None,
    reasoning_open: ReasoningOption = False,
) -> int:
    """Decode standard input while it arrives.

    Prints each event as a line of JSON as soon as it is certain.
    """
    one_stdin("-", tools)
    decoder = Decoder(load_decoded(dialect, salt), tools=load_tools(tools), reasoning_open=reasoning_open)
    source, utf8 = stdin(), Utf8("standard input")
    # read1 returns what is there instead of waiting for a full buffer.
    while data := source.read1(CHUNK):
        print_events(decoder.feed(utf8.decode(data)))
    print_events(decoder.feed(utf8.decode(b"", final=True)))
    print_events(decoder.close(finish_reason))
    return exit_code(decoder.message.diagnoses, utf8.ok)


@app.command("encode", epilog=example("""echo '{"name": "f", "arguments": {"x": 1}}' | wireproto encode -d hermes"""))
@guarded
def encode_command(
    dialect: DialectOption, file: FileArgument = "-", tools: ToolsOption = None, salt: SaltOption = None
) -> int:
    """Write calls as the model would have written them.

    Reads JSON: a call, a list of calls, or a message as `parse` prints it. Prints the text and nothing else.
    """
    one_stdin(file, tools)
    chosen, offered = load_dialect(dialect, salt), load_tools(tools)
    print_text(encode(to_message(read_json(file, exact=True)), chosen, tools=offered))
    return FINE


@app.command("convert", epilog=example("wireproto convert output.txt --from dsml_v4 --to html --tools tools.json"))
@guarded
def convert_command(
    source: Annotated[str, typer.Option("--from", metavar="D", help="The dialect of the output, or auto.")],
    target: Annotated[str, typer.Option("--to", metavar="D", help="The dialect to write.")],
    file: FileArgument = "-",
    tools: ToolsOption = None,
    salt: SaltOption = None,
) -> int:
    """Write a model output in another dialect.

    Prints the same text, reasoning and calls. It is an error if the other dialect cannot express them.
    """
    one_stdin(file, tools)
    chosen, offered = load_both(source, target, salt), load_tools(tools)
    text, clean = read_text(file)
    print_text(convert(text, *chosen, tools=offered))
    return exit_code((), clean)


@app.command("prompt", epilog=example("wireproto prompt xml --tools tools.json --salt k7q2"))
@guarded
def prompt_command(
    dialect: DialectArgument,
    tools: Annotated[str, typer.Option("--tools", "-t", metavar="FILE", help=TOOLS_HELP)],
    salt: SaltOption = None,
) -> int:
    """Print instructions for a model to call tools.

    They belong in the system message: the rules of the dialect, the tools, and an example call of each.
    """
    print_text(prompt(load_dialect(dialect, salt), load_tools(tools)))
    return FINE


@app.command("results", epilog=example("""echo '{"name": "f", "content": "done"}' | wireproto results xml"""))
@guarded
def results_command(dialect: DialectArgument, file: FileArgument = "-", salt: SaltOption = None) -> int:
    """Print results of tools for the model.

    Reads JSON: a list of objects with "name" and "content", and optionally "id" and "error".
    """
    print_text(render_results(load_results(file), load_dialect(dialect, salt)))
    return FINE


@app.command("dialects", epilog=example("wireproto dialects --format json"))
@guarded
def dialects_command(format: FormatOption = Format.text) -> int:
    """List all dialects.

    Prints their names, aliases, models and codecs.
    """
    known = [find_dialect(name) for name in dialect_names()]
    if format is Format.json:
        print_json([dialect_json(dialect) for dialect in known])
    else:
        from wireproto.cli import terminal

        terminal.print_dialects(known)
    return FINE


@app.command("show", epilog=example("wireproto show hermes > mine.toml", "wireproto show hermes --machine"))
@guarded
def show_command(
    dialect: DialectArgument,
    machine: Annotated[bool, typer.Option("--machine", help="Print what its markers mean where, as a table.")] = False,
    format: Annotated[ShowFormat, typer.Option("--format", help="How to print the result.")] = ShowFormat.text,
) -> int:
    """Print the file of a dialect, or its machine: which marker leads where.

    Start from the file to write a dialect of your own.
    """
    chosen = load_dialect(dialect)
    if machine or format in (ShowFormat.dot, ShowFormat.mermaid):
        from wireproto.cli.machine import print_machine
        from wireproto.machine.table import arrows

        print_machine(arrows(chosen), format)
        return FINE
    if not chosen.path:
        raise Complaint(f"{chosen.name} is not from a file")
    source = Path(chosen.path).read_text(encoding="utf-8")
    if format is ShowFormat.json:
        print_json(dialect_json(chosen) | {"source": chosen.source, "path": chosen.path, "file": toml.loads(source)})
    else:
        names = " ".join(f"{chosen.name}, also called: {', '.join(chosen.aliases) or '(nothing else)'}".split())
        print_text(f"# {visible(names)}\n{source}")
    return FINE


app.add_typer(grammar_app)
audit.register(app)
explain.register(app)
fuzz.register(app)
learning.register(app)
serve.register(app)
