"""`wp.learn`: a chat template in, a dialect file and how far it holds out.

It must not know any format: what calls look like is for the codecs' learners to say. Law: what is returned was judged
on calls that no rule has seen, and says where it does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from wireproto.codecs import codec
from wireproto.format.dialect import Dialect
from wireproto.format.loading import load_text
from wireproto.format.plugins import codec_names
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.writing import to_toml
from wireproto.learning.findings import CallForm, CallSample, Unlearnable
from wireproto.learning.templates.calls import Layout, learn_layout
from wireproto.learning.templates.chat import CONTENT, Chat, styled
from wireproto.learning.templates.framing import learn_surroundings
from wireproto.learning.templates.judging import Examiner, Fidelity
from wireproto.learning.templates.reasoning import Thinking, learn_reasoning
from wireproto.learning.templates.relatives import same_as, with_tolerances
from wireproto.learning.templates.rendering import TemplateProcess
from wireproto.learning.templates.results import Answers, learn_results
from wireproto.learning.templates.turns import learn_turn
from wireproto.text import toml
from wireproto.values.errors import DialectError
from wireproto.values.quoting import quoted

_NAME: Final = "learned"


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of a chat template.

    `text` is the dialect file, and `dialect` what it loads as. `score` says how far it holds. `same_as` is the name of
    a known dialect that writes the same calls, empty if none does: use that one, as it knows what models do wrong.
    `guessed` are the keys that no template shows, each with the reason; `gaps` is what no key can say, and `faults` is
    what the template writes so that nothing could read it. `lead` and `end` are what the template writes before and
    behind the calls of a turn.
    """

    text: str
    dialect: Dialect
    score: Fidelity
    same_as: str = ""
    guessed: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lead: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller knows better: how an id holds the tool's name, the markers of reasoning, and variables."""

    id_form: str = ""
    reasoning: tuple[str, str] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    like: str | Dialect | None = None


def learn(
    chat_template: str,
    *,
    name: str = _NAME,
    like: str | Dialect | None = None,
    id_form: str = "",
    reasoning: tuple[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Learned:
    """Return the dialect whose calls a chat template writes, by rendering conversations and comparing them.

    The text of the template is never read: it runs in a process of its own, within limits of time, memory and output.
    `like` is a relative whose tolerances are taken over, as a template does not show what models do wrong. `id_form` is
    how an id holds the tool's name, where a template writes ids alone, as `functions.{name}:{index}`. `reasoning` are
    the markers around reasoning, where the template drops it. `variables` are given to the template.

    Raises:
        DialectError: the template writes no calls, contradicts itself, passes a limit, or writes what no dialect file
            can say; the message says what is missing.
        MissingExtra: jinja2 is not installed.
    """
    wishes = Wishes(id_form, reasoning, variables or {}, like)
    with TemplateProcess(chat_template) as process:
        return _learned(styled(process, id_form, wishes.variables), name, wishes)


def _learned(chat: Chat, name: str, wishes: Wishes) -> Learned:
    chat, thinking = learn_reasoning(chat)
    if wishes.reasoning is not None:
        seen = thinking if thinking is not None else Thinking("", "", shown=False)
        thinking = replace(seen, open=wishes.reasoning[0], close=wishes.reasoning[1], guessed={})
    layout = learn_layout(chat, learn_turn(chat, thinking))
    finding = learned_call(layout.sample(chat))
    answers = learn_results(chat, layout)
    around = learn_surroundings(chat, layout.turn, thinking)
    tables = _tables(name, thinking, layout, finding, answers)
    tables |= {"ends": list(around.ends)} if around.ends else {}
    tables |= {"content": around.table} if around.table else {}
    if wishes.like is not None:
        tables = with_tolerances(tables, _file_of(find_dialect(wishes.like)))
    guessed = {**finding.guessed, **(thinking.guessed if thinking is not None else {}), **around.guessed}
    text = to_toml(tables, guessed)
    gaps = (*finding.gaps, *(answers.gaps if answers is not None else ()))
    try:
        dialect = load_text(text, name)
    except DialectError as error:
        raise Unlearnable("; ".join((*gaps, str(error)))) from None
    judge = Examiner(chat, layout, dialect, finding.ids, finding.unreadable, finding.untold)
    known = same_as(judge)
    return Learned(
        text,
        dialect,
        judge.score(thinking, answers),
        known.name if known is not None else "",
        guessed,
        gaps,
        finding.faults,
        _notes(chat, layout, thinking, answers),
        layout.turn.lead,
        layout.turn.end,
    )


def learned_call(sample: CallSample) -> CallForm:
    """Return what the codec says that can say most of a call.

    Raises:
        Unlearnable: no codec writes calls so.
    """
    found: list[CallForm] = []
    failures: list[str] = []
    for name in codec_names():
        place = codec(name).learner
        if not place:
            continue
        try:
            finding = _learner(place)(sample)
        except Unlearnable as error:
            failures.append(str(error))
            continue
        if finding is not None:
            found.append(finding)
    if not found:
        raise Unlearnable(failures[0] if failures else f"no codec writes calls as this one: {quoted(sample.text)}")
    return min(found, key=lambda finding: len(finding.gaps))


def _learner(place: str) -> Callable[[CallSample], CallForm | None]:
    module, _, name = place.partition(":")
    found: Callable[[CallSample], CallForm | None] = getattr(import_module(module), name)
    return found


def _tables(
    name: str, thinking: Thinking | None, layout: Layout, finding: CallForm, answers: Answers | None
) -> dict[str, Any]:
    """Return the tables of the file."""
    tables: dict[str, Any] = {"name": name, "summary": "Learned from a chat template", "source": "its chat template"}
    parts = layout.parts
    join = parts.join
    if thinking is not None:
        after = {"after": thinking.after} if thinking.after else {}
        tables["reasoning"] = {"open": thinking.open, "close": thinking.close, **after}
        # Without a section each call is a block of its own, with a join before it.
        if thinking.join and (layout.single or layout.has_section or join.endswith(thinking.join)):
            tables["message"] = {"join": thinking.join}
            join = join if layout.has_section else join.removesuffix(thinking.join)
    if layout.has_section:
        tables["section"] = {"open": parts.before, "close": parts.after}
    tables["call"] = {**finding.call, **({"join": join} if join else {})}
    tables |= {"record": finding.record, "argument": finding.argument}
    if answers is not None and answers.table:
        form = next(iter(finding.call.get("id", ())), "\0")
        tables["result"] = {
            key: value.replace(form, "{id}") if isinstance(value, str) else value
            for key, value in answers.table.items()
        }
    return tables


def _file_of(dialect: Dialect) -> Mapping[str, Any]:
    return toml.loads(Path(dialect.path).read_text(encoding="utf-8")) if dialect.path else {}


def _notes(chat: Chat, layout: Layout, thinking: Thinking | None, answers: Answers | None) -> tuple[str, ...]:
    """Return what was noticed and is in no file."""
    found = []
    if layout.single:
        found.append("the template writes one call in a turn and no more")
    if chat.style.mutable:
        found.append("the template changes lists, which the sandbox of transformers forbids")
    if thinking is not None and not thinking.shown:
        found.append("the template drops the reasoning of earlier turns")
    if thinking is not None and thinking.prompted:
        found.append("the prompt for a turn opens reasoning")
    if answers is None:
        found.append("the template tells no results")
    if CONTENT not in (chat.calls([chat.call(0)], content=CONTENT) or ""):
        found.append("the template drops the text of a turn with calls")
    return tuple(found)
