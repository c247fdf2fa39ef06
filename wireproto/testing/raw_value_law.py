"""Law 6 for raw values, exactly: what the grammar accepts as a value, the decoder reads as this value, and vice versa.

Values are drawn from a dialect's own markers, openers and calls, with blanks and letters between them: nothing else is
in doubt between raw tags. Where a grammar refuses what the decoder would take, the reason has a name (`REASONS`), and
docs/reference/grammars.md says why it is so. Law: there is no disagreement without a reason.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wireproto.decode.decoder import parse
from wireproto.format.dialect import Dialect
from wireproto.format.spelling import Spelling, spellings
from wireproto.format.template import Template
from wireproto.testing.grammar_law import accepts_text
from wireproto.text.scan import BLANK
from wireproto.tools.names import NAME
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode, write_plainly

TOOLS: Final[list[dict[str, Any]]] = [
    {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "required": ["a"],
        },
    },
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
_NAMES: Final = ("f", "now", "other")  # the last is not declared
_KEYS: Final = ("a", "b", "other")
_BETWEEN: Final = ("\n", "\n", "\n", " ", " ", "\n\n", "\t", "x", "word", "x\n", "`", ".", "(")
_PIECES: Final = 6
_EXAMPLES: Final = 5

Reasons = Mapping[str, Callable[[str], bool]]


@dataclass(slots=True)
class Agreement:
    """How many values both take and both refuse, and where they disagree: by reason, with the shortest examples."""

    taken: int = 0
    refused: int = 0
    other: int = 0
    narrower: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def values(self) -> int:
        """How many values were tried."""
        return self.taken + self.refused + self.other + self.narrower.total()

    def keep(self, reason: str, value: str) -> None:
        """Count a disagreement."""
        self.narrower[reason] += 1
        known = self.examples.setdefault(reason, [])
        known.append(value)
        known.sort(key=len)
        del known[_EXAMPLES:]


WIDER: Final = "the grammar accepts what the decoder ends elsewhere"
_ANY_NAME: Final = (NAME.pattern,)  # of what nobody declared it may be a mention, too
UNKNOWN: Final = "no known reason"


def compare_values(dialect: Dialect, count: int, seed: object = 0) -> Agreement:
    """Hold so many values between raw tags to the law. Needs the extra `gbnf`.

    Raises:
        ValueError: the dialect has no raw values.
    """
    spelling = spellings(dialect)[0]
    if not spelling.keys or not dialect.argument.close.nodes or dialect.markup:
        raise ValueError(f"{dialect.name} has no raw values")
    from wireproto.grammars.api.api import grammar  # most tests make no grammar

    accepts, tools = accepts_text(str(grammar(dialect, TOOLS, choice="required"))), Toolset.of(TOOLS)
    pieces, source, found = _pieces(dialect), random.Random(f"{dialect.name}:{seed}"), Agreement()
    reasons = reasons_of(spelling)
    for _ in range(count):
        value = "".join(
            source.choice(pieces if source.random() < 0.6 else _BETWEEN) for _ in range(source.randint(1, _PIECES))
        )
        call = Call("f", {"a": value})
        try:
            text, taken = encode([call], dialect, tools), True
        except EncodeError:
            text, taken = write_plainly(Message(calls=(call,)), dialect, tools), False
        accepted = accepts(text)
        if accepted and not taken:
            # It may be the text of other calls, which are read as they are written.
            back = parse(text, dialect, tools)
            other = back.calls and all(each.complete for each in back.calls)
            found.other += 1 if other else 0
            if not other:
                found.keep(WIDER, value)
        elif taken and not accepted:
            found.keep(next((name for name, holds in reasons.items() if holds(value)), UNKNOWN), value)
        else:
            found.taken += taken
            found.refused += not taken
    return found


def _pieces(dialect: Dialect) -> list[str]:
    """Return what values are made of: markers, openers with names and keys, closers, and whole calls."""
    call, argument, tools = dialect.call, dialect.argument, Toolset.of(TOOLS)
    found = [*dialect.markers, *(call.open.fill(name=name) for name in _NAMES)]
    found += [marker.fill(key=key) for key in _KEYS for marker in (argument.open, argument.close)]
    found += [call.close.fill(name="f")]
    if dialect.section is not None:
        found += [dialect.section.open.format(), dialect.section.close.format()]
    found += [encode([Call("f", {"a": "x"})], dialect, tools), encode([Call("now", {})], dialect, tools)]
    return list(dict.fromkeys(filter(None, found)))


def reasons_of(spelling: Spelling) -> Reasons:
    """Return why a grammar may refuse a value that the decoder takes: each name, and whether it applies to a value.

    - A key is given or not: no automaton of one value knows. So every declared key counts as one that is not.
    - What ends a value behind the opener of a call rests on what tools are declared, and on text far behind it.
    - With every slip that a closer may have in it, an automaton would be twice as large: all tags, and all that begins
      as a closer does, count as one.
    - In formats of key and value tags, which words are names of tools is not known to it either.
    """
    keys = "|".join(_opening(template, ("a", "b")) for template in spelling.keys)
    headers = "|".join(_opening(header, _ANY_NAME) for header in (*spelling.headers, *spelling.late_headers))
    value, call = re.escape(spelling.value_close("a")), re.escape(spelling.call_close("f"))
    sections = [re.escape(opener.first) for opener, _ in spelling.sections]
    wrapper = [re.escape(spelling.wrapper.first)] if spelling.wrapper is not None else []
    closers = [re.escape(closer[:2]) for closer in (spelling.wrapper_close, *(close for _, close in spelling.sections))]
    gap = r"[ \t\r\n]*"
    behind = "|".join(filter(None, (*closers, call[:-1])))
    patterns = {
        "the opener of a declared key": rf"(?:\A|[\n>A-Za-z0-9.)\]}};!?])(?:{keys})",
        "the opener of a call": "|".join((*sections, *wrapper, headers)),
        "a closer with a slip": f"(?:>|{value[:-1]}){gap}{call}|{value}{gap}(?:{call}{gap})?(?:{behind})",
    }
    if spelling.paired:
        marks = "|".join(re.escape(text) for text in spelling.keys[0].literals)
        patterns["a word behind a closer"] = rf"{value}{gap}[^<\s]+(?:{gap}[^<\s]+)?{gap}(?:{marks}|{call})"
    return {name: _searching(pattern) for name, pattern in patterns.items()}


def _opening(template: Template, words: tuple[str, ...]) -> str:
    """Return a pattern of what a template begins with, up to its first slot and one of the words in it."""
    first, *_ = template.fill(name="\0", key="\0", id="\0").strip(BLANK).partition("\0")
    return re.escape(first) + r"[\"']?(?:" + "|".join(words) + ")"


def _searching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.search(value) is not None
