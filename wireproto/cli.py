"""The command line: parse, stream, encode, dialects, show.

It only translates: files and options into arguments of the library, its values into JSON and tables, its errors into
one line on stderr and an exit code. It must not know any wire format.

Law: whatever bytes come in, what could be read goes out, and no traceback does.
"""

from __future__ import annotations

import codecs
import functools
import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ParamSpec, cast

import typer

import wireproto
from wireproto.decoder import Decoder, parse
from wireproto.dialect import Dialect
from wireproto.encoder import encode
from wireproto.errors import WireprotoError
from wireproto.events import Event
from wireproto.model import Diagnosis
from wireproto.registry import dialect as find_dialect
from wireproto.registry import dialects as dialect_names
from wireproto.shapes import ShapeError, dialect_json, event_json, is_unicode, message_json, to_json, to_message

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


class Complaint(Exception):
    """Something that the user has to put right: one line on stderr, exit code 2."""


# --- running a command ------------------------------------------------------------------------------------------------


def complain(message: str) -> None:
    """Print one line on stderr, whatever line breaks the message has."""
    line = "; ".join(part.strip() for part in message.splitlines() if part.strip())
    print(f"wireproto: {line}", file=sys.stderr)


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


# --- reading ----------------------------------------------------------------------------------------------------------


class Utf8:
    """Bytes to text as they arrive; complains once, with the offset, about bytes that are not UTF-8."""

    def __init__(self, name: str) -> None:
        self.ok = True
        self._name = name
        self._seen = 0
        self._strict = codecs.getincrementaldecoder("utf-8")("strict")
        self._lenient = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, data: bytes, final: bool = False) -> str:
        """Return the text that is whole by now."""
        if self.ok:
            self._check(data, final)
        return self._lenient.decode(data, final)

    def _check(self, data: bytes, final: bool) -> None:
        held = len(self._strict.getstate()[0])
        try:
            self._strict.decode(data, final)
        except UnicodeDecodeError as error:
            self.ok = False
            complain(f"{self._name}: not UTF-8 at byte {self._seen - held + error.start}; replaced by U+FFFD")
        self._seen += len(data)


def stdin() -> io.BufferedReader:
    """Return standard input as bytes."""
    if sys.stdin is None:
        raise Complaint("standard input is closed")
    return cast(io.BufferedReader, sys.stdin.buffer)


def read_text(file: str) -> tuple[str, bool]:
    """Return the text of a file or of standard input (`-`), and whether it was UTF-8."""
    data = stdin().read() if file == "-" else Path(file).read_bytes()
    utf8 = Utf8("standard input" if file == "-" else file)
    return utf8.decode(data, final=True), utf8.ok


def read_json(file: str) -> Any:
    """Return the JSON value in a file or on standard input."""
    name = "standard input" if file == "-" else file
    data = stdin().read() if file == "-" else Path(file).read_bytes()
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Complaint(f"{name}: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Complaint(f"{name}: not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise Complaint(f"{name}: not JSON that can be read: {error}") from None


def load_dialect(name: str) -> Dialect:
    """Return the dialect of this name, or the one in this TOML file."""
    is_path = name.endswith(".toml") or "/" in name or os.sep in name
    return Dialect.load(name) if is_path else find_dialect(name)


def load_tools(file: str | None) -> list[Any] | None:
    """Return the tool definitions in a file; None without a file."""
    if file is None:
        return None
    value = read_json(file)
    tools = value.get("tools") if isinstance(value, dict) else value
    if not isinstance(tools, list):
        raise Complaint(f'{file}: expected a JSON list of tools, or an object with a "tools" list')
    return tools


# --- writing ----------------------------------------------------------------------------------------------------------


def print_json(value: Any) -> None:
    """Print JSON: indented for a person, on one line for a program."""
    print(to_json(value, indent=2 if sys.stdout.isatty() else None))


def print_events(events: Iterable[Event]) -> None:
    """Print each event as a line of its own, at once."""
    for event in events:
        print(to_json(event_json(event)), flush=True)


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
DialectOption = Annotated[
    str, typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect, or path of a .toml file.")
]
ToolsOption = Annotated[
    str | None,
    typer.Option("--tools", "-t", metavar="FILE", help='Tool definitions: a JSON list, or {"tools": [...]}.'),
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
    finish_reason: FinishOption = None,
    reasoning_open: ReasoningOption = False,
    format: FormatOption = Format.json,
) -> int:
    """Decode a whole model output.

    Prints its text, reasoning, calls, candidates and diagnoses.
    """
    chosen, offered = load_dialect(dialect), load_tools(tools)
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
    finish_reason: FinishOption = None,
    reasoning_open: ReasoningOption = False,
) -> int:
    """Decode standard input while it arrives.

    Prints each event as a line of JSON, at once.
    """
    decoder = Decoder(load_dialect(dialect), tools=load_tools(tools), reasoning_open=reasoning_open)
    source, utf8 = stdin(), Utf8("standard input")
    # read1 returns what is there instead of waiting for a full buffer.
    while data := source.read1(CHUNK):
        print_events(decoder.feed(utf8.decode(data)))
    print_events(decoder.feed(utf8.decode(b"", final=True)))
    print_events(decoder.close(finish_reason))
    return exit_code(decoder.message.diagnoses, utf8.ok)


@app.command("encode", epilog=example("""echo '{"name": "f", "arguments": {"x": 1}}' | wireproto encode -d hermes"""))
@guarded
def encode_command(dialect: DialectOption, file: FileArgument = "-", tools: ToolsOption = None) -> int:
    """Write calls as a model would have.

    Reads JSON: a call, a list of calls, or a message as `parse` prints it. Prints the text and nothing else.
    """
    chosen, offered = load_dialect(dialect), load_tools(tools)
    text = encode(to_message(read_json(file)), chosen, tools=offered)
    if not is_unicode(text):
        raise Complaint("the text holds half of a surrogate pair, which UTF-8 cannot carry")
    print(text, end="\n" if sys.stdout.isatty() else "")
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
    dialect: Annotated[str, typer.Argument(metavar="D", help="Name of a dialect, or path of a .toml file.")],
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
