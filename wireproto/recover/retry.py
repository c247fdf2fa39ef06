"""The message for a model whose output was not the call that it should have been.

It names the defect in a sentence, quotes a few words at most, and shows the right form, which the encoder writes from
the tool's own schema. It must not know any marker. Law: the same verdict gives the same message, and the form at its
end decodes to the example that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wireproto.format.dialect import Dialect
from wireproto.tools.arguments import FAULTS
from wireproto.tools.parameters import example
from wireproto.tools.toolset import Tool, Toolset
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Diagnosis, Message
from wireproto.values.quoting import escaped
from wireproto.write.encoder import encode
from wireproto.write.prompt import describe, unwritable

FORM: Final = "Write the call exactly like this, with your own values:"
_EXCERPT: Final = 48
_NAMES: Final = 20
_ANY_TOOL: Final = "tool_name"
_NO_TOOLS: Final = "No tools are offered here, so you cannot call one. Answer in plain text."
_PROBLEMS: Final[dict[str, str]] = {
    "plain": "Your answer contains no tool call. If you meant to call a tool, call it now.",
    "mention": "Your answer mentions the markers of a tool call but no call. If you meant to call a tool, call it now.",
    "recovered": "Your tool call was not written in the right form.",
    "calls": "Your tool call could be read, but it has errors.",
    "truncated": "Your answer ends in the middle of a tool call, so nothing was called. Write the whole call again.",
    "malformed": "Your tool call could not be read, so nothing was called.",
    "nested": "Your answer has a tool call inside a document, or a document inside a call, so nothing was called.",
    "foreign": "Your tool call is in a format that is not used here, so nothing was called.",
    "quoted": "A tool call in a code block or in quotation marks counts as an example, so nothing was called.",
    "draft": "You wrote the tool call only in your reasoning, so nothing was called. Write it after your reasoning.",
    "leaked": "The markers of your tool call are missing or damaged, so nothing was called.",
    "looping": "You wrote the same thing over and over. Stop, and take the next step, or explain why you cannot.",
}
# Reasons that the sentence of the label covers already.
_COVERED: Final = frozenset(
    ("draft-call", "quoted-call", "leaked-call", "foreign-call", "wrong-dialect", "nested-call", "no-tools", "looping",
     "unreadable-block", "cut-marker", "truncated-value", "truncated-call", "html-escaped", "special-tokens-stripped")
)  # fmt: skip
# Labels of outputs that are right unless a reason is a defect.
_GOOD: Final = frozenset(("calls", "recovered"))


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong (the verdict's label, reasons and candidates), and what was expected (tools and dialect)."""

    label: str
    message: Message
    reasons: tuple[Diagnosis, ...]
    candidates: tuple[Call, ...]
    tools: Toolset
    dialect: Dialect


def retry_message(failure: Failure) -> str:
    """Return the message; empty for calls without a defect, and without anything that the tool's schema refuses."""
    defects = [reason for reason in failure.reasons if reason.severity == "defect" or reason.code in FAULTS]
    if failure.label in _GOOD and not defects:
        return ""
    if failure.tools.empty:
        return _NO_TOOLS
    other = any(reason.code == "no-dialect" for reason in defects)
    problem = _PROBLEMS["foreign" if other and failure.label == "leaked" else failure.label]
    sentences = [problem, *(reason.message for reason in defects if reason.code not in _COVERED)]
    parts = [_sentence(text) for text in dict.fromkeys(sentences[:3])]
    parts += [f"The problem starts here: `{excerpt}`" for excerpt in _excerpt(failure, defects)]
    return "\n\n".join([" ".join(parts), *_form(failure)])


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!")) else text + "."


def _excerpt(failure: Failure, defects: list[Diagnosis]) -> Iterator[str]:
    """Yield the first words of what is wrong; a backtick, which would end the quotation, is replaced."""
    spans = [reason.span for reason in defects] or [call.span for call in failure.candidates]
    if not spans or failure.label == "looping":
        return
    start, end = spans[0]
    text = "".join(segment.raw for segment in failure.message.segments)
    end = end if end > start else len(text)
    short = " ".join(text[start : min(end, start + _EXCERPT)].split()).replace("`", "'")
    if short:
        yield escaped(short) + ("…" if end - start > _EXCERPT else "")


def _form(failure: Failure) -> Iterator[str]:
    """Yield the names of the tools, then the definition of the one that was meant and a call of it as an example."""
    tool, known = _tool(failure), failure.tools
    if known.names:
        more = len(known.names) - _NAMES
        names = ", ".join(known.names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
        yield f"The tools are: {names}."
    call = example(tool, unwritable(failure.dialect, tool)) if known.names else Call(tool.name, {"argument": "value"})
    try:
        form = encode(call, failure.dialect, known if known.names else None)
    except EncodeError:
        return
    if known.names:
        yield from describe(failure.dialect, tool)
    yield FORM
    yield form


def _tool(failure: Failure) -> Tool:
    """Return the tool that was meant: the one that is named, or the one with the nearest name, or the first."""
    known = failure.tools
    calls = [*failure.message.calls, *failure.candidates]
    names = [call.name for call in calls if not call.complete] + [call.name for call in calls]
    for name in names:
        tool = known.get(name) or known.get(known.nearest(name) or "")
        if known.any_name and escaped(name) == name:
            tool = Tool(name)
        if tool is not None:
            return tool
    return known.tools[0] if known.tools else Tool(_ANY_TOOL)
