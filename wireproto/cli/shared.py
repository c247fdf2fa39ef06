"""What all commands share: exit codes, how a command runs, and the arguments and options that several have.

It must not know any command. Law: no error leaves a command as a traceback.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Annotated, Any, ParamSpec

import typer
from typer.core import TyperGroup

from wireproto.cli.io import Complaint, complain
from wireproto.cli.writer import output, take_streams
from wireproto.values.errors import WireprotoError
from wireproto.values.model import Diagnosis

FINE, DEFECTS, USAGE, INTERRUPTED = 0, 1, 2, 130

EXIT_CODES = """\b
Exit codes:
  0    fine
  1    a diagnosis of severity "defect", an error in a grammar, an invalid text in `grammar try`,
       an audit that read no output, or more than --fail-over or --fail-unread allows,
       an output that breaks a law in `fuzz`, or input that is not UTF-8
  2    wrong options, files, dialects or tools, a call that cannot be encoded, or a missing package
  130  interrupted from the keyboard
  141  the program that reads the output has ended
"""

P = ParamSpec("P")


class App(TyperGroup):
    """The command line: its help and its complaints about options go out as everything else does."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and exit."""
        take_streams()
        return super().main(*args, **kwargs)


class Format(str, Enum):
    """How a result is printed."""

    json = "json"
    text = "text"


class ShowFormat(str, Enum):
    """How a dialect is printed; a drawing is of its machine."""

    json = "json"
    text = "text"
    dot = "dot"
    mermaid = "mermaid"


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """Wrap a command that returns its exit code, so that no error leaves it as a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        take_streams()
        raise typer.Exit(attempt(lambda: command(*args, **kwargs)))

    return run


def attempt(command: Callable[[], int]) -> int:
    """Run the command and return its exit code, also when it raises."""
    try:
        code = command()
        output().flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except (WireprotoError, Complaint) as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        if not error.filename:
            output().abandon()
    except RecursionError:
        complain("the JSON is nested too deeply")
    return USAGE


def exit_code(diagnoses: Iterable[Diagnosis], clean: bool) -> int:
    """Return 1 if the input was not UTF-8 or a diagnosis is a defect, and otherwise 0."""
    return FINE if clean and all(diagnosis.severity != "defect" for diagnosis in diagnoses) else DEFECTS


FileArgument = Annotated[str, typer.Argument(metavar="FILE|-", help="File to read; - is standard input.")]
DialectArgument = Annotated[
    str, typer.Argument(metavar="D", help="Name of a dialect or a model, or path of a .toml file.")
]
DialectOption = Annotated[
    str, typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect or a model, or path of a .toml file.")
]
DecodedOption = Annotated[
    str,
    typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect or a model, path of a .toml file, or auto."),
]
TOOLS_HELP = "Tool definitions: a JSON list, one tool, or a whole reply or request with a list of tools."
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
