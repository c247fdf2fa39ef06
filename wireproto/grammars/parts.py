"""The parts of a message as rules, which every printer of grammars puts together in its own way.

It must not know dialects, nor any grammar language. Law: the rules of the whole message say the same as its parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from wireproto.grammars.expr.expr import Rules


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning that may come first. `opened`: the prompt wrote `open`, and it has to be closed.

    `blanks`: so many characters of white space may stand behind it.
    """

    open: str
    close: str
    opened: bool = False
    blanks: int = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """What a message is made of.

    `rules` are those of the whole message, `calls` those of its calls alone, from the first marker on; None: there are
    none. `text`: text may stand before the calls, or instead of them. `markers` are what that text may not hold; they
    are all that sets calls apart from it if `marked`.
    """

    rules: Rules
    calls: Rules | None
    text: bool
    markers: tuple[str, ...]
    thought: Thought | None = None
    marked: bool = True
