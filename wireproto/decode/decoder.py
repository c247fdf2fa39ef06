"""The public decoder: the recogniser, and the stages around it that only watch, or look once more at the end.

`LoopWatch` watches what comes for endless repetition; `Documents` names those in reasoning; the second look finds
call-shaped text that is no call, and promotes what the policy promotes. It knows no format and no encoding. Law: the
same text gives the same message and the same joined deltas, however it is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from wireproto.decode.recogniser import Recogniser
from wireproto.engine.first_table import first_table
from wireproto.engine.loops import LOOK, LoopWatch
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO
from wireproto.format.spelling import MAX_TURN_END
from wireproto.text.state import State, fork
from wireproto.tools.toolset import Tools, Toolset
from wireproto.values.errors import LimitExceeded, WireprotoError
from wireproto.values.events import ArgumentDelta, Event
from wireproto.values.model import Message
from wireproto.values.policy import Forced, Policy, policy_of

LookAgain = Callable[[Recogniser, Toolset, Policy], None]


class Decoder(State):
    """Turns one model output into events, a chunk at a time.

    `dialect`: a name, an alias, a `Dialect`, or "auto", which leaves it to the first call. `tools`: what was offered
    to the model; None accepts a call of any name, and with an empty list nothing is a call. `policy`: what is done
    where the text alone does not decide. `reasoning_open`: the prompt ended inside reasoning. `forced`: the engine made
    the model call ("required"), or call one tool ({"name": "add"}; the choice of any API will do): then a JSON array
    of records, one record, or the arguments alone are calls without the dialect's markers.

    Raises:
        DialectError: there is no such dialect.
        SchemaError: a tool definition is wrong.
        WireprotoError: `forced` is no choice, or names a tool that is not declared.
    """

    __slots__ = ("_closed", "_core", "_detects", "_end_first", "_ends_turn", "_held", "_look_at", "_loops",
                 "_policy", "_tools")  # fmt: skip

    def __init__(
        self,
        dialect: str | Dialect,
        tools: Tools = None,
        *,
        policy: Policy | None = None,
        reasoning_open: bool = False,
        forced: Forced = None,
    ) -> None:
        self._policy = policy_of(policy)
        self._tools = Toolset.of(tools)
        if self._policy.validate == "defect":
            self._tools.require_judgement()
        self._detects = dialect == AUTO
        self._loops = LoopWatch.of(self._policy)
        openers = first_table(dialect, self._policy, self._tools)
        framed = openers.frames is not None or (reasoning_open and openers.label != "")
        kind: Callable[..., Recogniser] = _framed() if framed else Recogniser
        if forced is not None:
            from wireproto.decode.forced import recogniser_for

            kind = recogniser_for(forced, self._tools, kind)
        self._core: Recogniser = kind(openers, self._tools, self._policy, reasoning_open, self._loops)
        self._look_at = LOOK  # the position at which the input as a whole is looked at for floods
        self._ends_turn, self._end_first = openers.ends_turn.search, openers.end_first
        self._held = ""  # end-of-turn tokens at the end of the text so far, or what may become one
        self._closed = False

    def feed(self, text: str) -> list[Event]:
        """Decode more of the output, in chunks of any size; return the events that are certain now.

        Raises:
            LimitExceeded: a limit that is set in the policy was passed; its `events` are those that were certain
                before, and the decoder is closed.
            TypeError: `text` is no string.
            WireprotoError: the decoder was closed.
        """
        core = self._core
        reader = core.plain_reader
        try:
            if reader is not None and text and (buffer := core.buffer).end + len(text) < self._look_at:
                # Most chunks are nothing but more of an open string: they pass by the recogniser.
                plain = reader.take_plain(buffer.window + text if buffer.window else text)
                if plain is not None:
                    piece, held = plain
                    buffer.shift(text, held)
                    builder = reader.builder
                    return [ArgumentDelta(builder.index, builder.key, piece)] if piece else []
            elif (stops := core.stops) is not None and text and core.buffer.end + len(text) < self._look_at:
                event = core.transcript.more(text) if stops(text) is None else None
                if event is not None:
                    return [event]
        except TypeError:
            if isinstance(text, str):
                raise
            # It is no text, which is not asked before, since that would cost every chunk; the refusal follows.
        if self._closed or not isinstance(text, str):
            raise self._refusal(text)
        first = self._end_first
        tail = text.rfind(first, -MAX_TURN_END) if first else max(0, len(text) - MAX_TURN_END)
        if self._held or (tail >= 0 and self._ends_turn(text, tail) is not None):
            return self._hold_back(self._held + text)
        if core.buffer.end + len(text) >= self._look_at:
            return self._recognise(text)
        try:
            return core.feed(text)
        except LimitExceeded as error:
            raise self._stop(error, []) from None

    def _hold_back(self, text: str) -> list[Event]:
        """Feed all but the end-of-turn tokens that a text ends with: only what follows shows whether they are some."""
        core = self._core
        found = self._ends_turn(text, max(0, len(text) - MAX_TURN_END))
        at = found.start() if found is not None else len(text)
        self._held = ""
        events = self._recognise(text[:at], at_once=at < len(text))
        if at == len(text):
            return events
        if core.in_string:
            return self._recognise(text[at:], events)
        self._held = text[at:]
        core.plain_reader = core.stops = None  # what comes is not the next of the text that was decoded
        return events

    def _recognise(self, text: str, before: Iterable[Event] = (), at_once: bool = False) -> list[Event]:
        """Feed a chunk to the recogniser, in portions where the input as a whole is to be looked at for floods.

        `before` are events that were not returned yet. `at_once`: put nothing off until more text comes.
        """
        core, events = self._core, [*before]
        room = self._look_at - core.buffer.end - len(text)
        try:
            if room > 0:
                events += core.feed(text, at_once)
                return events
            self._look_at += (LOOK - room) // LOOK * LOOK
            for portion, period in self._loops.portions(core.buffer, text, room):
                events += core.feed(portion)
                if period:
                    core.transcript.diagnose_flood(period)
                    events += core.transcript.drain()
            if at_once:
                events += core.feed("", at_once)
        except LimitExceeded as error:
            raise self._stop(error, events) from None
        return events

    def flush(self) -> list[Event]:
        """Decide now what is held back, and go on: something else comes, such as a call that the server found itself.

        What was fed is decided as `close` would with an output that ended by itself: a call that is open ends here.
        What is fed next begins as an output does, in the open text; calls and positions go on counting. The calls that
        `Policy.promote` makes of text come with `close`, as ever. A decoder that is closed returns none.

        Raises:
            LimitExceeded: as `feed` does.
        """
        core, events = self._core, list[Event]()
        if self._closed or (core.transcript.interrupted_at == core.buffer.end and not self._held):
            return []
        try:
            if self._held:
                events = core.feed("", at_once=True)
            core.close(held=self._held)
        except LimitExceeded as error:
            raise self._stop(error, events) from None
        self._held = ""
        core.buffer.release(core.buffer.end)
        core.transcript.interrupt()
        core.restart()
        return events + core.transcript.drain()

    def close(self, finish_reason: str | None = None) -> list[Event]:
        """End the output; return the last events. A decoder that is closed already returns none.

        `finish_reason`: why the output ended, in the server's word. One that means a cut, such as "length", and one
        that nobody knows leave a call incomplete whose closers are missing; docs/reference/finish-reasons.md lists the
        words. None says that the output ended by itself: pass "abort" where a connection dropped.

        Raises:
            LimitExceeded: as `feed` does.
        """
        if self._closed:
            return []
        core, self._closed = self._core, True
        events: list[Event] = []
        try:
            if self._held:
                events = core.feed("", at_once=True)
            core.close(finish_reason, self._held)
            if core.documents is not None:
                core.documents.note_drafts()
            if self._policy.second_look or core.transcript.candidates:
                _second_look()(core, self._tools, self._policy)
        except LimitExceeded as error:
            raise self._stop(error, events) from None
        return events + core.transcript.drain()

    @property
    def message(self) -> Message:
        """The message so far, which is what the events spell; it is whole once the decoder is closed."""
        return self._core.transcript.message(self._names())

    @property
    def dialect(self) -> str | None:
        """The name of the dialect; with "auto" None until a call has begun that cannot be rolled back.

        Where the first call does not show which of several it is, a later one may: see `Message.dialects`.
        """
        return next(iter(self._names()), None)

    @property
    def pending(self) -> str:
        """The text that was fed and is held back, since only what follows decides what it is."""
        buffer, saved = self._core.buffer, self._core.transcript.saved
        return buffer.slice(buffer.base if saved is None else saved, buffer.end) + self._held

    def copy(self) -> Decoder:
        """Return an independent decoder in the same state."""
        return fork(self)

    def _names(self) -> tuple[str, ...]:
        """Return the names of the dialects that it may be, the likeliest first: one, if it was given."""
        core = self._core
        found = core.certain_dialect
        if found is None or not self._detects:
            return () if found is None else (found.name,)
        from wireproto.decode.naming import names_of

        return names_of(found, core.transcript.calls or [core.open_at], core.buffer)

    def _stop(self, error: LimitExceeded, events: list[Event]) -> LimitExceeded:
        """Close the decoder at a limit; the error carries what was certain until then."""
        self._closed = True
        error.position = error.position or self._core.open_at
        # Nothing decides any more on a run of calls in a fence or in reasoning.
        self._core.transcript.roll_back()
        error.events = (*events, *self._core.transcript.drain())
        return error

    def _refusal(self, text: object) -> Exception:
        if isinstance(text, str):
            return WireprotoError("the decoder was closed: make a new one for the next output")
        if isinstance(text, (bytes, bytearray)):
            return TypeError("feed takes text, not bytes: decode them incrementally (codecs.getincrementaldecoder)")
        return TypeError(f"feed takes text, not {type(text).__name__}; leave out chunks without content")


@cache
def _framed() -> Callable[..., Recogniser]:
    """Load what only formats with framing need."""
    from wireproto.decode.framed import FramedRecogniser

    return FramedRecogniser


@cache
def _second_look() -> LookAgain:
    """Load what only the end of an output needs."""
    from wireproto.decode.second_look import look_again

    return look_again


def parse(
    text: str,
    dialect: str | Dialect,
    tools: Tools = None,
    *,
    policy: Policy | None = None,
    finish_reason: str | None = None,
    reasoning_open: bool = False,
    forced: Forced = None,
) -> Message:
    """Decode a whole output.

    It is a `Decoder` that is fed once and closed; the arguments are those of `Decoder` and of `Decoder.close`.

    Raises:
        DialectError, SchemaError: as `Decoder` does.
        LimitExceeded: a limit that is set in the policy was passed.
        TypeError: `text` is no string.
    """
    decoder = Decoder(dialect, tools, policy=policy, reasoning_open=reasoning_open, forced=forced)
    decoder.feed(text)
    decoder.close(finish_reason)
    return decoder.message
