"""One output and everything that a decoder is told about it.

Law: with what is drawn a decoder can be made; what is wrong with the text is for the decoder to cope with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final, Literal

from wireproto.testing.generators.choices import ByteChoices, Choices, RandomChoices
from wireproto.testing.generators.damage import AnyDialect, damage, material_of
from wireproto.testing.generators.messages import draw_message, written
from wireproto.testing.generators.ordinary import draw_ordinary
from wireproto.testing.generators.tools import Tools, declared, draw_tools
from wireproto.testing.generators.values import Material, draw_hostile
from wireproto.text.json_repair import dumps
from wireproto.values.document_types import DocumentType
from wireproto.values.finish_reasons import CUT, ENDED
from wireproto.values.model import Message
from wireproto.values.policy import LABELS, Forced, Limits, Loops, Policy

_JUDGED: Final[tuple[Literal["note", "off", "defect"], ...]] = ("note", "off", "defect")
_USUAL: Final = 12  # sets of tools that are declared most of the time
_FINISH_REASONS: Final = (None, "stop", "length", "tool_calls", "end_turn", "max_tokens", "", "what?", *ENDED, *CUT)


@dataclass(frozen=True, slots=True)
class Trial:
    """One output and the circumstances of its decoding.

    `text` is the output, `chunks` how it arrives (none: in one piece). `tools`, `policy`, `reasoning_open` and `forced`
    are what `Decoder` takes, `finish_reason` what its `close` takes. `message` is what the text was written
    from before it was damaged, if that is known; the laws of writing are about it.
    """

    text: str
    chunks: tuple[str, ...] = ()
    tools: Tools = None
    finish_reason: str | None = None
    reasoning_open: bool = False
    policy: Policy | None = None
    forced: Forced = None
    message: Message | None = None


def draw_trial(choices: Choices, dialect: AnyDialect, tools: Tools = None) -> Trial:
    """Draw an output of a dialect with its chunks, and how the turn began and ended.

    `dialect`: a name, a `Dialect`, or "auto" for an output of any dialect. `tools`: what is declared; drawn if None,
    and then now and then nothing is declared.

    Example:
        check_trial(mine, draw_trial(RandomChoices(seed), mine))
    """
    material = material_of(choices, dialect, _tools(choices) if tools is None else tools)
    policy = draw_policy(choices) if choices.one_in(2) else None
    forced: Forced = None
    if material.tools and choices.one_in(12):
        forced, text = _forced(choices, material)
        message = None
    else:
        message = draw_message(choices, material) if choices.integer(0, 2) else draw_ordinary(choices, material)
        text = draw_output(choices, material, message)
    if policy is not None and policy.documents:
        text = _with_document(choices, text, policy)
    return Trial(
        text,
        draw_chunks(choices, text),
        material.tools,
        choices.choice(_FINISH_REASONS[: choices.choice((4, 8, len(_FINISH_REASONS)))]),
        choices.one_in(4),
        policy,
        forced,
        message,
    )


def _tools(choices: Choices) -> Tools:
    # Without tools nothing can be a call, so that is tried least.
    kind = choices.integer(0, 9)
    if kind < 5:
        # A decoder's tables for a set of tools are dear, and kept: what comes again costs half.
        return choices.choice(_usual_tools())
    return draw_tools(choices) if kind < 7 else None if kind < 9 else []


@cache
def _usual_tools() -> tuple[Tools, ...]:
    """Return the plainest set of tools, and some that were drawn at random once and for all."""
    return tuple(draw_tools(source) for source in (ByteChoices(b""), *map(RandomChoices, range(1, _USUAL))))


def draw_output(choices: Choices, material: Material, message: Message) -> str:
    """Draw what becomes of a message: written plainly, between hostile text, damaged in up to three places."""
    text = written(message, material)
    if choices.one_in(3):
        text = draw_hostile(choices, material) + text
    if choices.one_in(3):
        text += draw_hostile(choices, material)
    for _ in choices.times(3):
        text = damage(choices, text, material)
    return text


def draw_chunks(choices: Choices, text: str) -> tuple[str, ...]:
    """Draw how a text arrives: whole, a character at a time, or cut anywhere, empty chunks included."""
    kind = choices.integer(0, 3)
    if kind == 0:
        return (text,)
    if kind == 1 and len(text) < 400:
        return tuple(text)
    if kind == 2:
        step = choices.integer(2, 12)
        return tuple(text[at : at + step] for at in range(0, len(text), step))
    cuts = sorted(choices.integer(0, len(text)) for _ in choices.times(8, 8))
    return tuple(text[start:end] for start, end in pairwise([0, *cuts, len(text)]))


def draw_policy(choices: Choices) -> Policy:
    """Draw a policy, with types of documents now and then; only of formats whose parsers are installed."""
    coin = choices.one_in
    most = (None, 0, 1, 3, 40)
    return Policy(
        reasoning="none" if coin(6) else "read",
        reasoning_calls=choices.choice(("terminal", "never", "always")),
        fenced_calls="call" if coin(3) else "quote",
        foreign=choices.choice(("candidate", "call", "text")),
        unknown_tools="text" if coin(3) else "forward",
        nested=choices.choice(("keep", "report", "lift")),
        validate=choices.choice(_JUDGED if _is_installed("jsonschema") else _JUDGED[:2]),
        coerce=not coin(4),
        decimals=coin(4),
        second_look=not coin(4),
        strict=coin(6) and _is_installed("lxml"),
        max_speculation=choices.choice((262_144, 0, 20, None)),
        promote={"*": choices.choice([set(), set(LABELS), {"leaked"}])} if coin(4) else {},
        documents=tuple(choices.choice(_document_types()) for _ in range(choices.integer(1, 2))) if coin(3) else (),
        limits=Limits(
            max_value_chars=choices.choice(most), max_calls=choices.choice(most), max_depth=choices.choice(most)
        )
        if coin(8)
        else Limits(),
        loops=Loops(max_repeated_calls=2, max_repeated_passages=3) if coin(8) else Loops(),
    )


@cache
def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


@cache
def _document_types() -> tuple[DocumentType, ...]:
    found = [
        DocumentType("plan", "toml", fence="+++ plan"),
        DocumentType("data", "json", fence="```json data"),
    ]
    if _is_installed("lxml"):
        found.append(DocumentType("plan", "xml", root="plan"))
    if _is_installed("selectolax"):
        found.append(DocumentType("page", "html", root="plan"))
    return tuple(found)


_DOCUMENTS: Final = (
    "<plan><step n='1'>x &lt; y</step></plan>",
    "<plan/>",
    "\n+++ plan\nx = 1\n[[call]]\nname = 'f'\n+++\n",
    '\n```json data\n{"a": [1, null]}\n```\n',
    "<plan><step>",
    "\n+++ plan\nx = ",
)


def _with_document(choices: Choices, text: str, policy: Policy) -> str:
    at = choices.integer(0, len(text)) if choices.one_in(2) else choices.choice((0, len(text)))
    return text[:at] + choices.choice(_DOCUMENTS) + text[at:]


def _forced(choices: Choices, material: Material) -> tuple[Forced, str]:
    """Return the choice of a tool, and an output of an engine that was made to follow it."""
    name = choices.choice(declared(material.tools))[0]
    forced: Forced = {"name": name} if choices.one_in(2) else "required"
    calls = draw_message(choices, material).calls
    records: list[Any] = [{"name": call.name, "arguments": call.arguments} for call in calls]
    payload: Any = records
    if len(records) == 1:
        payload = choices.choice((records[0], records[0]["arguments"], records))
    text = dumps(payload)
    if choices.one_in(2):
        text = choices.choice((*material.markers, "Sure. ", "\n", "```json\n")) + text
    if choices.one_in(3):
        text = damage(choices, text, material)
    return forced, text
