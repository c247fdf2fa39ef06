"""The command line: parse, stream, encode, convert, prompt, results, dialects, show.

It only translates: files and options into arguments of the library, its values into JSON and tables, its errors into
one line on stderr and an exit code. It must not know any wire format.

Law: whatever bytes come in, what could be read goes out, and no traceback does.
"""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

import wireproto
from wireproto.cliio import (
    Complaint,
    Utf8,
    complain,
    load_both,
    load_dialect,
    load_results,
    load_tools,
    print_events,
    print_json,
    print_text,
    read_json,
    read_text,
    stdin,
)
from wireproto.convert import convert
from wireproto.decoder import Decoder, parse
from wireproto.encoder import encode
from wireproto.errors import WireprotoError
from wireproto.model import Diagnosis
from wireproto.prompt import prompt
from wireproto.registry import dialect as find_dialect
from wireproto.registry import dialects as dialect_names
from wireproto.results import render_results
from wireproto.shapes import ShapeError, dialect_json, message_json, to_message

FINE, DEFECTS, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
CHUNK = 1 << 16

EXIT_CODES = """\b
Exit codes:
  0    fine
  1    a diagnosis of severity "defect", or input that is not UTF-8
  2    usage: wrong options, files, dialects, tools, or a call that cannot be encoded
  130  interrupted from the keyboard
  141  the reader of the output went away
"""

P = ParamSpec("P")


class Format(str, Enum):
    """How a result is printed."""

    json = "json"
    text = "text"


# --- running a command ------------------------------------------------------------------------------------------------


def use_utf8() -> None:
    """Make both outputs UTF-8 without translation, since wire text is compared byte for byte on every platform."""
    # A caller that closed an output wants the exit code alone.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """Wrap a command that returns its exit code, so that no error leaves it as a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        use_utf8()
        raise typer.Exit(attempt(lambda: command(*args, **kwargs)))

    return run


def attempt(command: Callable[[], int]) -> int:
    """Run the command and return its exit code, also when it raises."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        abandon_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (WireprotoError, Complaint, ShapeError) as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        if not error.filename:
            abandon_stdout()
    except RecursionError:
        complain("the JSON is nested too deeply")
    return USAGE


def abandon_stdout() -> None:
    """Let what is still to be written vanish: the interpreter flushes once more at exit, which must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(diagnoses: Iterable[Diagnosis], clean: bool) -> int:
    """Return 1 if the input was not clean or the caller has to look at a call."""
    return FINE if clean and all(diagnosis.severity != "defect" for diagnosis in diagnoses) else DEFECTS


# --- commands ---------------------------------------------------------------------------------------------------------

app = typer.Typer(
    name="wireproto",
    help="What a language model writes, turned into tool calls, and back.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

FileArgument = Annotated[str, typer.Argument(metavar="FILE|-", help="File to read; - is standard input.")]
DialectArgument = Annotated[str, typer.Argument(metavar="D", help="Name of a dialect, or path of a .toml file.")]
DialectOption = Annotated[
    str, typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect, or path of a .toml file.")
]
TOOLS_HELP = 'Tool definitions: a JSON list, or {"tools": [...]}.'
ToolsOption = Annotated[str | None, typer.Option("--tools", "-t", metavar="FILE", help=TOOLS_HELP)]
SaltOption = Annotated[
    str | None, typer.Option(metavar="S", help="Salt in every marker of a dialect that has a place for it, as k7q2.")
]
FinishOption = Annotated[
    str | None, typer.Option(metavar="R", help="Why the output ended, as the server says: stop, length, ...")
]
ReasoningOption = Annotated[bool, typer.Option("--reasoning-open", help="The prompt ended inside reasoning.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]


def example(*lines: str) -> str:
    """Return the closing part of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines) + "\n\n" + EXIT_CODES


def print_version(wanted: bool) -> None:
    """Print the version and stop, if that is what was asked for."""
    if wanted:
        print(f"wireproto {wireproto.__version__}")
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
    dialect: DialectOption,
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
    chosen, offered = load_dialect(dialect, salt), load_tools(tools)
    text, clean = read_text(file)
    message = parse(text, chosen, tools=offered, finish_reason=finish_reason, reasoning_open=reasoning_open)
    if format is Format.json:
        print_json(message_json(message))
    else:
        from wireproto import terminal

        terminal.print_message(message)
    return exit_code(message.diagnoses, clean)


@app.command("stream", epilog=example("some-model | wireproto stream --dialect dsml_v4 --tools tools.json"))
@guarded
def stream_command(
    dialect: DialectOption,
    tools: ToolsOption = None,
    salt: SaltOption = None,
    finish_reason: FinishOption = None,
    reasoning_open: ReasoningOption = False,
) -> int:
    """Decode standard input while it arrives.

    Prints each event as a line of JSON, at once.
    """
    decoder = Decoder(load_dialect(dialect, salt), tools=load_tools(tools), reasoning_open=reasoning_open)
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
    """Write calls as a model would have.

    Reads JSON: a call, a list of calls, or a message as `parse` prints it. Prints the text and nothing else.
    """
    chosen, offered = load_dialect(dialect, salt), load_tools(tools)
    print_text(encode(to_message(read_json(file)), chosen, tools=offered))
    return FINE


@app.command("convert", epilog=example("wireproto convert output.txt --from dsml_v4 --to html --tools tools.json"))
@guarded
def convert_command(
    source: Annotated[str, typer.Option("--from", metavar="D", help="The dialect that the output is in.")],
    target: Annotated[str, typer.Option("--to", metavar="D", help="The dialect to write it in.")],
    file: FileArgument = "-",
    tools: ToolsOption = None,
    salt: SaltOption = None,
) -> int:
    """Write a model output in another dialect.

    Prints the same text, reasoning and calls, and nothing else; complains if the other dialect cannot carry them.
    """
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
    """Print what to tell a model so that it calls tools in a dialect.

    It is for the system message: rules, the tools, and an example of each call.
    """
    print_text(prompt(load_dialect(dialect, salt), load_tools(tools)))
    return FINE


@app.command("results", epilog=example("""echo '{"name": "f", "content": "done"}' | wireproto results xml"""))
@guarded
def results_command(dialect: DialectArgument, file: FileArgument = "-", salt: SaltOption = None) -> int:
    """Print the results of tools as a dialect tells them to the model.

    Reads JSON: a list of objects with "name" and "content", and "id" and "error" where there is one.
    """
    print_text(render_results(load_dialect(dialect, salt), load_results(file)))
    return FINE


@app.command("dialects", epilog=example("wireproto dialects --format json"))
@guarded
def dialects_command(format: FormatOption = Format.text) -> int:
    """List the dialects that are known.

    Prints their names, aliases, models and codecs.
    """
    known = [find_dialect(name) for name in dialect_names()]
    if format is Format.json:
        print_json([dialect_json(dialect) for dialect in known])
    else:
        from wireproto import terminal

        terminal.print_dialects(known)
    return FINE


@app.command("show", epilog=example("wireproto show hermes > mine.toml"))
@guarded
def show_command(
    dialect: DialectArgument,
    format: FormatOption = Format.text,
) -> int:
    """Print the file of a dialect.

    It is a starting point for a dialect of your own.
    """
    import tomli

    chosen = load_dialect(dialect)
    if not chosen.path:
        raise Complaint(f"{chosen.name} was not read from a file")
    source = Path(chosen.path).read_text(encoding="utf-8")
    if format is Format.json:
        print_json(dialect_json(chosen) | {"source": chosen.source, "path": chosen.path, "file": tomli.loads(source)})
    else:
        print(f"# {chosen.name}, also called: {', '.join(chosen.aliases) or '(nothing else)'}")
        print(source, end="")
    return FINE


def main() -> None:
    """Run the command line; the console script `wireproto`."""
    app()
