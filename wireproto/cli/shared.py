"""What all commands share: exit codes, how a command runs, and the arguments and options that several have.

It must not know any command. Law: no error leaves a command as a traceback.
"""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Annotated, ParamSpec

import typer

from wireproto.cli.io import Complaint, complain
from wireproto.values.errors import WireprotoError
from wireproto.values.model import Diagnosis

FINE, DEFECTS, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141

EXIT_CODES = """\b
Exit codes:
  0    fine
  1    a diagnosis of severity "defect", an error in a grammar, an invalid text in `grammar try`,
       more failures than --fail-over allows, or input that is not UTF-8
  2    wrong options, files, dialects or tools, a call that cannot be encoded, or a missing package
  130  interrupted from the keyboard
  141  the program that reads the output has ended
"""

P = ParamSpec("P")


class Format(str, Enum):
    """How a result is printed."""

    json = "json"
    text = "text"


def use_utf8() -> None:
    """Make both outputs UTF-8 with plain newlines, since wire text is compared byte for byte on every platform."""
    # A caller that closed an output wants only the exit code.
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
    except (WireprotoError, Complaint) as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        if not error.filename:
            abandon_stdout()
    except RecursionError:
        complain("the JSON is nested too deeply")
    return USAGE


def abandon_stdout() -> None:
    """Discard what is not written yet: the interpreter flushes once more at exit, and that must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(diagnoses: Iterable[Diagnosis], clean: bool) -> int:
    """Return 1 if the input was not UTF-8 or a diagnosis is a defect, and otherwise 0."""
    return FINE if clean and all(diagnosis.severity != "defect" for diagnosis in diagnoses) else DEFECTS


FileArgument = Annotated[str, typer.Argument(metavar="FILE|-", help="File to read; - is standard input.")]
DialectArgument = Annotated[str, typer.Argument(metavar="D", help="Name of a dialect, or path of a .toml file.")]
DialectOption = Annotated[
    str, typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect, or path of a .toml file.")
]
DecodedOption = Annotated[
    str, typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect, path of a .toml file, or auto.")
]
TOOLS_HELP = 'Tool definitions: a JSON list, or {"tools": [...]}.'
ToolsOption = Annotated[str | None, typer.Option("--tools", "-t", metavar="FILE", help=TOOLS_HELP)]
SaltOption = Annotated[
    str | None, typer.Option(metavar="S", help="Salt for the markers of a dialect that supports it, such as k7q2.")
]
FinishOption = Annotated[
    str | None, typer.Option(metavar="R", help="Why the output ended, in the server's word: stop, length, ...")
]
ReasoningOption = Annotated[bool, typer.Option("--reasoning-open", help="The prompt ended inside reasoning.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]


def example(*lines: str) -> str:
    """Return the end of a command's help: examples and exit codes."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines) + "\n\n" + EXIT_CODES
