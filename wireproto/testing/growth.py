"""Law 7: time grows with the length of the text, however it is cut.

Law: noise passes, and what is slow stays slow: only a suspect is measured more than once.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from wireproto.decode.decoder import Decoder
from wireproto.format.registry import dialect as find_dialect
from wireproto.testing.decoded import Decoded
from wireproto.testing.floods import floods
from wireproto.testing.generators.damage import AnyDialect
from wireproto.testing.generators.tools import Tools
from wireproto.testing.generators.trials import Trial
from wireproto.testing.law import Law, LawBroken

# Linear work doubles, quadratic work quadruples; this lies between.
GROWTH: Final = 2.7  # times as long for twice the text
SIZE: Final = 4_000


def _linear(found: Decoded) -> bool:
    """Repeat the text of a trial, and compare the time for a few of it with that for four times as many."""
    trial = found.trial
    if not trial.text:
        return False
    small = replace(trial, text=trial.text * (SIZE // 2 // len(trial.text) + 1), policy=None, forced=None)
    with found.total("long texts", 60):
        check_growth(found.dialect, "the text over and over", small, replace(small, text=small.text * 4))
    return True


def check_floods(dialect: AnyDialect, size: int = SIZE, growth: float = GROWTH) -> None:
    """Hold a dialect to law 7 on texts of one repeated piece: in a value, outside calls, in many arguments.

    From `size` to four times `size` characters the CPU time may grow `growth` times per doubling.

    Raises:
        LawBroken: it grows more.
    """
    for label, make in floods(find_dialect(dialect)):
        small, large = (Trial(text, (), tools) for text, tools in (make(size), make(4 * size)))
        check_growth(dialect, label, small, large, growth)


def check_growth(dialect: AnyDialect, label: str, small: Trial, large: Trial, growth: float = GROWTH) -> None:
    """Compare the CPU time of two texts of which one is four times as long, in one piece and in small chunks."""
    for step in (4, len(large.text)):
        ratio = growth_of(dialect, small, large, step, growth**2)
        if ratio > growth**2:
            problem = f"{label}, {step} characters at a time: four times the text takes too many times as long"
            raise LawBroken(LINEAR, problem, round(growth**2, 1), round(ratio, 1), large, dialect)


def growth_of(dialect: AnyDialect, small: Trial, large: Trial, step: int, enough: float) -> float:
    """Return how many times longer the large text takes; what takes longer than `enough` is measured again."""
    ratio = float("inf")
    for runs in (1, 2, 4, 8):
        ratio = min(ratio, _ratio(dialect, small, large, step, runs))
        if ratio <= enough:
            break
    return ratio


def _ratio(dialect: AnyDialect, small: Trial, large: Trial, step: int, runs: int) -> float:
    """How many times longer the large text takes than the small one, best of so many runs."""
    times = [min(_seconds(dialect, trial.text, trial.tools, step) for _ in range(runs)) for trial in (small, large)]
    # Below half a millisecond there is nothing to compare but noise.
    return times[1] / max(times[0], 0.0005)


def _seconds(dialect: AnyDialect, text: str, tools: Tools, step: int) -> float:
    chunks = [text[at : at + step] for at in range(0, len(text), step)]
    decoder = Decoder(dialect, tools=tools)
    started = time.process_time()
    for chunk in chunks:
        decoder.feed(chunk)
    decoder.close()
    return time.process_time() - started


LINEAR: Final = Law(7, "linear", "Time grows with the length of the text, however it is cut.", _linear, every=1_000)
