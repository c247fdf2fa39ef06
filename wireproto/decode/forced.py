"""Outputs of a model that was forced to call: bare JSON where the dialect's markers would be.

With `tool_choice` required or named, an engine constrains the model to an array of records, to one record, or to the
arguments alone; the markers of its own format may be around it, and a thought before it. This stage stands in front of
the recogniser and asks for such a payload where nothing but blanks, reasoning and markup came. It knows no tool's
schema but its keys. Law: without a forced call nothing here runs, and a payload opens only where text may not stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from wireproto.decode.framed import FramedRecogniser
from wireproto.decode.recogniser import Recogniser
from wireproto.engine.call_builder import End
from wireproto.engine.call_opening import CallOpening, OpenerContext, Opening
from wireproto.format import dialect as dialects
from wireproto.format.dialect import Dialect
from wireproto.format.spelling import Spelling, spellings
from wireproto.format.template import Lit, Template
from wireproto.text.scan import BLANK, NO, WAIT, Answer, Miss, skip_blank
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import WireprotoError
from wireproto.values.policy import Forced
from wireproto.values.quoting import quoted

_FOLDER = Path(dialects.__file__).parent / "forced"
_FREE = ("auto", "none")
_LONGEST = 512  # characters of a payload that are looked at for its first key
_FIRST_KEY = re.compile(r'\{[ \t\r\n]*(?:\}|"((?:[^"\\]|\\.){0,256})")')
_FIRST_NAME = re.compile(r'\{[ \t\r\n]*"name"[ \t\r\n]*:[ \t\r\n]*(?:"((?:[^"\\]|\\.){0,256})"|[^" \t\r\n])')


def recogniser_for(forced: Forced, tools: Toolset, plain: Callable[..., Recogniser]) -> Callable[..., Recogniser]:
    """Return what makes the recogniser of an output whose call is forced; the `plain` one if none is.

    Raises:
        WireprotoError: it is no choice, no tools were offered, or the tool is none of them.
    """
    if forced is None or forced in _FREE:
        return plain
    name = _name(forced)
    if name is None:
        raise WireprotoError(f'forced: expected "required" or {{"name": …}}, not {quoted(str(forced))}')
    if tools.empty:
        raise WireprotoError("forced: no tools were offered, so that no call can be forced")
    if name and not (tools.any_name or name in tools.by_name):
        raise WireprotoError(f"forced: no tool named {quoted(name)} was declared")
    return partial(ForcedRecogniser, name)


def _name(forced: Forced) -> str | None:
    """Return the name in a choice, "" if any tool will do; None if it is no choice."""
    kind: object = forced
    if isinstance(forced, Mapping):
        inner = forced.get("function", forced)
        name = inner.get("name") if isinstance(inner, Mapping) else None
        if isinstance(name, str) and name:
            return name
        kind = forced.get("type")
    return "" if kind in ("required", "any") else None


@cache
def _shape(name: str) -> Spelling:
    return spellings(Dialect.load(_FOLDER / f"{name}.toml"))[0]


class ForcedRecogniser(FramedRecogniser):
    """A recogniser that takes a bare payload as the call that was forced."""

    __slots__ = ("_awaited", "_known", "_name")

    def __init__(self, name: str, *args: Any) -> None:
        super().__init__(*args)
        tools = self._tools
        only = tools.names[0] if len(tools.names) == 1 else ""
        self._known, self._name = bool(name), name or only
        self._awaited = True  # whether nothing but blanks, reasoning and markup came

    def restart(self) -> None:
        """Go on behind a call that somebody else found, which is the one that was forced."""
        super().restart()
        self._awaited = False

    def _read_prose(self, stop: int, end: End) -> bool:
        text, base, limit = self.buffer.window, self.buffer.base, stop - self.buffer.base
        at = skip_blank(text, self._position - base, limit)
        if not self._awaited or self._region.kind != "text" or text[at : at + 1] not in ("[", "{") or at >= limit:
            return super()._read_prose(stop, end)
        opening = self._payload(text, at, limit, end, True)
        if isinstance(opening, CallOpening):
            self._begin_forced(opening, base + at)
            return True
        if opening is WAIT and not end.final:
            return False
        self._awaited = False
        return super()._read_prose(stop, end)

    def _read_marker(self, literal: str, at: int, limit: int, end: End) -> Answer:
        """Deal with the marker at `at`; a payload behind one that opens a call is the call that was forced."""
        native, text = self._openers.by_literal.get(literal, ()), self.buffer.window
        if not native or self.transcript.calls or self._region.kind != "text":
            return super()._read_marker(literal, at, limit, end)
        start = skip_blank(text, at + len(literal), limit)
        if start >= limit and not end.final:
            return WAIT
        opening: CallOpening | Miss = NO
        if text[start : start + 1] in ("[", "{"):
            # Where the format itself writes records, they are its own.
            records = all(each.named or each.codec.body != "object" for each in native)
            opening = self._payload(text, start, limit, end, records)
        if not isinstance(opening, CallOpening):
            return WAIT if opening is WAIT and not end.final else super()._read_marker(literal, at, limit, end)
        base = self.buffer.base
        closers = next((closers for each in native if (closers := each.closers_of(literal))), [])
        self._skip_markup(base + at, base + start)
        self._begin_forced(opening, base + start, closers)
        return Answer.YES

    def _payload(self, text: str, at: int, limit: int, end: End, records: bool) -> CallOpening | Miss:
        """Find the payload at `at`: arguments of the tool, or, if `records` may stand there, one or more of them."""
        arguments = self._arguments(text, at, limit, end) if self._name else NO
        if arguments is not NO or not records:
            return arguments
        forward = self._policy.unknown_tools == "forward"
        context = OpenerContext(self._tools, final=end.final, unknown=forward)
        found = Opening(_shape("calls"), text, limit, context, in_section=text[at] == "{").at(at)
        if found is NO and self._known and text[at] == "{":
            return self._named(at)
        return found

    def _arguments(self, text: str, at: int, limit: int, end: End) -> CallOpening | Miss:
        """Find the arguments of the tool that is certain: an object whose first key it declares, or none at all."""
        if text[at] != "{":
            return NO
        undecided: Miss = NO if end.final or limit - at >= _LONGEST else WAIT
        found, tool = _FIRST_KEY.match(text, at, limit), self._tools.by_name.get(self._name)
        if found is None:
            return undecided
        key = found[1]
        if key is not None and (tool is None or key not in tool.keys):
            return NO
        if key == "name":
            # It is an argument too: a record has the tool's own name there.
            value = _FIRST_NAME.match(text, at, limit)
            if value is None:
                return undecided
            if value[1] == self._name:
                return NO
        return self._named(at)

    def _named(self, at: int) -> CallOpening:
        return CallOpening(_shape("arguments"), at, at, "", self._name, None, False, None, "")

    def _begin_forced(self, opening: CallOpening, position: int, closers: list[str] | None = None) -> None:
        """Begin the call; the closers of the markup around it are dropped behind it."""
        if closers:
            around = tuple(Template((Lit(closer),)) for closer in closers[:1])
            opening = opening._replace(spelling=replace(opening.spelling, closers=(Template(()), *around)))
        self.transcript.diagnose("forced-call", (position, position))
        self._openers = replace(self._openers, own="")  # nor is the next record foreign
        self._begin_call(opening, position)

    def _begin_call(self, opening: CallOpening, position: int) -> None:
        table = self._openers
        super()._begin_call(opening, position)
        if Path(opening.spelling.dialect.path).parent == _FOLDER:
            self._openers = table  # no dialect was found out

    def _emit(self, end: int) -> None:
        if self._awaited and self._region.kind != "reasoning":
            self._awaited = not self.buffer.slice(self._position, end).strip(BLANK)
        super()._emit(end)
