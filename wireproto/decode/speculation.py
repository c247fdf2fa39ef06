"""Runs of calls that only what follows decides on: in reasoning and in fences.

A run is written to the transcript behind a savepoint. It is committed, or rolled back: then everything behind the
savepoint is text or reasoning after all and its calls are candidates (R-THINK, R-FENCE). Law: nothing of a run is
drained before it is decided.
"""

from __future__ import annotations

from wireproto.engine.left_context import LeftContext
from wireproto.engine.regions import Region
from wireproto.engine.transcript import Transcript
from wireproto.text.state import State
from wireproto.tools.toolset import Toolset
from wireproto.values.policy import Policy

_AT_END = {"fence": "fence-not-closed", "reasoning": "reasoning-not-closed", "text": "reasoning-only-call"}


class Speculation(State):
    """Decides about the run of calls behind the savepoint."""

    __slots__ = ("_context", "_policy", "_tools", "_transcript")

    def __init__(self, transcript: Transcript, context: LeftContext, policy: Policy, tools: Toolset) -> None:
        self._transcript, self._context, self._policy, self._tools = transcript, context, policy, tools

    @property
    def longest(self) -> int | None:
        """How far the run behind the savepoint may reach; None if there is none, or no limit."""
        start, limit = self._transcript.saved, self._policy.max_speculation
        return None if start is None or limit is None else start + limit

    def begin(self, region: Region, position: int) -> None:
        """Begin a run at `position`, unless the policy takes the calls of this region as calls at once."""
        always = region.kind == "reasoning" and self._policy.reasoning_calls == "always"
        if not always and self._transcript.saved is None:
            self._transcript.save(position)

    def close_region(self, region: Region, position: int, closer: tuple[int, int]) -> None:
        """A fence or reasoning closes: calls in a fence were quotes, those in reasoning wait for what follows."""
        transcript = self._transcript
        if region.kind == "fence":
            self.roll_back(region, position)
            transcript.prose("text", position, closer[1])
            return
        if transcript.saved is not None and not self._may_be_calls():
            self.roll_back(region, position)
        transcript.markup(position, closer[1])
        self._context.floor = closer[1]
        if transcript.saved is not None:
            self._context.reasoning_closer = closer

    def _may_be_calls(self) -> bool:
        run = self._transcript.speculative_calls
        terminal = self._policy.reasoning_calls == "terminal"
        return terminal and all(call.complete and self._tools.accepts(call.name) for call in run)

    def roll_back(self, region: Region, position: int) -> None:
        """Undo the run up to `position`: its characters are text or reasoning."""
        transcript, context = self._transcript, self._context
        start = transcript.saved
        if start is None:
            return
        transcript.roll_back("quoted-call" if region.kind == "fence" else "draft-call")
        if context.reasoning_closer is not None:
            transcript.prose("reasoning", start, context.reasoning_closer[0])
            transcript.markup(*context.reasoning_closer)
            start = context.reasoning_closer[1]
        transcript.prose(region.prose, start, position)
        context.floor = start
        context.after_call = context.section = context.reasoning_closer = None

    def cut_short(self, region: Region, stop: int) -> int:
        """Undo a run that is longer than the policy lets it be; return where to go on.

        It is no call, nor is the opener that it began with.
        """
        position = max(stop, (self._transcript.saved or 0) + 1)
        self.roll_back(region, position)
        return position

    def end(self, region: Region, position: int) -> None:
        """The output ends at `position`: decide about the run that it ends with."""
        transcript = self._transcript
        if transcript.saved is None:
            return
        commits = all(call.complete for call in transcript.speculative_calls)
        if region.kind == "reasoning" and self._policy.reasoning_calls != "terminal":
            commits = False
        if not commits:
            self.roll_back(region, position)
            return
        transcript.diagnose(_AT_END[region.kind], (transcript.saved, position))
        transcript.commit()
