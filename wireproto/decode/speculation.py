"""Runs of calls that only what follows decides on: in reasoning and in fences.

A run is written to the journal behind a mark. It stands, or everything behind the mark is text or reasoning after all
and its calls are candidates (R-THINK, R-FENCE). Law: nothing of a run is handed out before it is decided.
"""

from __future__ import annotations

from wireproto.engine.left_context import LeftContext
from wireproto.engine.regions import Region
from wireproto.engine.transcript import Transcript
from wireproto.tools.toolset import Toolset
from wireproto.values.policy import Policy

_AT_END = {"fence": "fence-not-closed", "reasoning": "reasoning-not-closed", "text": "reasoning-only-call"}


class Speculation:
    """Decides about the run of calls that is not settled."""

    __slots__ = ("_journal", "_place", "_policy", "_tools")

    def __init__(self, journal: Transcript, place: LeftContext, policy: Policy, tools: Toolset) -> None:
        self._journal, self._place, self._policy, self._tools = journal, place, policy, tools

    def hold(self, region: Region, position: int) -> None:
        """Begin a run at `position`, if calls in this region are not calls at once."""
        always = region.kind == "reasoning" and self._policy.reasoning_calls == "always"
        if region.kind != "text" and not always and self._journal.marked is None:
            self._journal.mark(position)

    def leave(self, region: Region, position: int, closer: tuple[int, int]) -> None:
        """A fence or reasoning closes: calls in a fence were quotes."""
        if region.kind == "fence":
            self.take_back(region, position)
            self._journal.prose("text", position, closer[1])
        else:
            self._close_reasoning(region, position, closer)

    def _close_reasoning(self, region: Region, position: int, closer: tuple[int, int]) -> None:
        """Reasoning closes: its last run stays held if it may yet turn out to be calls."""
        journal = self._journal
        if journal.marked is not None and not self._may_stand():
            self.take_back(region, position)
        journal.markup(position, closer[1])
        self._place.floor = closer[1]
        if journal.marked is not None:
            self._place.thought = closer

    def _may_stand(self) -> bool:
        run = self._journal.run
        terminal = self._policy.reasoning_calls == "terminal"
        return terminal and all(call.complete and self._tools.accepts(call.name) for call in run)

    def take_back(self, region: Region, position: int) -> None:
        """The run up to `position` is no calls: its characters are text or reasoning."""
        journal, place = self._journal, self._place
        start = journal.marked
        if start is None:
            return
        journal.take_back("quoted-call" if region.kind == "fence" else "draft-call")
        if place.thought is not None:
            journal.prose("reasoning", start, place.thought[0])
            journal.markup(*place.thought)
            start = place.thought[1]
        journal.prose(region.prose, start, position)
        place.floor, place.after, place.section, place.thought = start, None, None, None

    def end(self, region: Region, position: int) -> None:
        """The output ends at `position`: decide about the run that it ends with."""
        journal = self._journal
        if journal.marked is None:
            return
        code = _AT_END[region.kind]
        stands = all(call.complete for call in journal.run)
        if region.kind == "reasoning" and self._policy.reasoning_calls != "terminal":
            stands = False
        if stands:
            journal.diagnose(code, (journal.marked, position))
            journal.settle()
        else:
            self.take_back(region, position)
