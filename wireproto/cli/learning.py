"""`wireproto learn`: a dialect file from a chat template on standard output, and how far it holds on standard error.

It only translates, like the rest of the command line. Law: standard output is a dialect file or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wireproto.cli import shared
from wireproto.cli.io import Complaint, print_text, read_text
from wireproto.cli.writer import errors
from wireproto.values.extras import require
from wireproto.values.quoting import quoted

if TYPE_CHECKING:
    from wireproto.learning.templates.learning import Learned

_WORDS = {"true": True, "false": False, "none": None, "null": None}


@shared.guarded
def learn_command(
    template: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="A .jinja file, a tokenizer_config.json, or a GGUF file.")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the dialect; given, the file is always written.")
    ] = None,
    like: Annotated[str | None, typer.Option(metavar="D", help="A relative, whose tolerances are taken over.")] = None,
    check: Annotated[
        str | None, typer.Option(metavar="FILE", help="Parse a real output of the model with what was learned.")
    ] = None,
    id_form: Annotated[
        str, typer.Option(metavar="F", help="How an id holds the tool's name: functions.{name}:{index}")
    ] = "",
    reasoning: Annotated[
        tuple[str, str] | None, typer.Option(metavar="OPEN CLOSE", help="The markers around reasoning.")
    ] = None,
    variable: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A variable for the template: enable_thinking=true.")
    ] = None,
) -> int:
    """Learn a dialect from a chat template.

    Prints the dialect file, with a comment at every key that is a guess, and on standard error how far it holds; if a
    known dialect writes the same calls, its name and no file. Exits with 1 if the file does not hold everywhere, and
    with 2 if there is none. The template is rendered in a process of its own, and never read.
    """
    require("learn", "jinja2", purpose="wireproto learn")
    from wireproto.learning.templates.learning import learn
    from wireproto.learning.templates.sources import read_template

    learned = learn(
        read_template(template),
        name=name or re.sub(r"\W+", "_", Path(template).stem).strip("_").lower() or "learned",
        like=like,
        id_form=id_form,
        reasoning=reasoning or None,
        variables=dict(map(_variable, variable or ())),
    )
    for topic, told in (*_verdict(learned), *(_checked(learned, check) if check is not None else ())):
        errors().write(f"{topic:<9}{told}\n")
    if name is None and learned.same_as:
        return shared.FINE
    print_text(learned.text)
    return shared.FINE if learned.score.label == "exact" else shared.DEFECTS


def _variable(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Complaint(f"--variable: expected name=value, not {quoted(text)}")
    return key, _WORDS.get(value.lower(), value)


def _verdict(learned: Learned) -> Iterator[tuple[str, str]]:
    """Yield what is told of a learned dialect, by topic."""
    score = learned.score
    if learned.same_as:
        yield "learned", f"this is {learned.same_as}: it writes the same calls, and knows what models do wrong"
    else:
        yield "learned", _shape(learned)
    yield (
        "calls",
        (
            f"{score.written.good} of {score.written.of} random messages as the template writes them; "
            f"{score.read.good} read back; {score.refused} that no file of this format can carry"
        ),
    )
    if score.corners:
        yield "", f"all others hold {' or '.join(score.corners)}"
    parts = (("history", score.history), ("results", score.results), ("reasoning", score.reasoning))
    yield "history", "; ".join(f"{what} {tally.good} of {tally.of}" for what, tally in parts if tally.of)
    for what, tally in (("calls", score.written), ("calls", score.read), *parts):
        if tally.example:
            yield "", f"{what}: {tally.example}"
    yield from (("fault", f"of the template: {fault}") for fault in learned.faults)
    yield from (("missing", gap) for gap in learned.gaps)
    yield from (("guessed", f"{key}: {why}") for key, why in learned.guessed.items())
    yield from (("note", note) for note in learned.notes)
    if not learned.same_as:
        yield "ask", "one output of the model, for --check: a template shows history and not what the model writes"


def _shape(learned: Learned) -> str:
    dialect = learned.dialect
    opener = "".join(dialect.call.open.literals[:1]) or "no marker"
    told = [f"{dialect.codec} in {opener}"]
    if dialect.section is not None:
        told.append(f"section {dialect.section.open.format().strip()}…{dialect.section.close.format().strip()}")
    if dialect.reasoning is not None:
        told.append(f"reasoning {dialect.reasoning.open}…{dialect.reasoning.close}")
    return ", ".join(told)


def _checked(learned: Learned, file: str) -> Iterator[tuple[str, str]]:
    """Yield what the learned dialect reads in a real output."""
    from wireproto.decode.decoder import parse

    text, _ = read_text(file)
    message = parse(text, learned.dialect)
    whole = sum(call.complete for call in message.calls)
    yield "check", f"{len(message.calls)} calls, {whole} complete; {len(message.text.strip())} characters of text"
    yield from (("", f"{call.name} {quoted(dict(call.arguments))}") for call in message.calls)
    yield from (("", f"{each.code}: {each.message}") for each in message.diagnoses)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("learn", epilog=shared.example("wireproto learn chat_template.jinja > mine.toml"))(learn_command)
