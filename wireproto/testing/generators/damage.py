"""How outputs break: markers lost, doubled, misspelt, swapped, escaped, nested, fenced; text cut, moved, stripped.

Each kind of damage is one that real outputs had. It must not know what a decoder makes of the result. Law: damage
changes one place, or one thing throughout, of whatever text it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, Union

from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, dialects
from wireproto.format.registry import dialect as find_dialect
from wireproto.testing.generators.choices import Choices
from wireproto.testing.generators.tools import Tools
from wireproto.testing.generators.values import STRUCTURE, Material, foreign_markers, markers_of

AnyDialect = Union[str, Dialect]
Damage = Callable[[Choices, str, Material], str]
_SLICE: Final = 40  # characters of a stretch that is lost, doubled or moved
_SPECIAL: Final = re.compile(r"<[|｜][^<>]{0,60}[|｜]>|</?s>|\[/?[A-Z_]{3,}\]|<end_of_turn>")
_LINE: Final = re.compile(r"^", re.MULTILINE)


def mutate(choices: Choices, text: str, dialect: AnyDialect) -> str:
    """Damage an output in one to three places, as models, servers and proxies do.

    `text` is any output, drawn or recorded. `dialect` says which markers are damaged; with "auto" those of any.

    Example:
        mutate(RandomChoices(seed), recorded_output, "qwen3_coder")
    """
    material = material_of(choices, dialect)
    text = damage(choices, text, material)
    for _ in choices.times(2, 3):
        text = damage(choices, text, material)
    return text


def material_of(choices: Choices, dialect: AnyDialect, tools: Tools = None) -> Material:
    """Return what texts of a dialect are made of; with "auto" of any that is known."""
    return Material(find_dialect(choices.choice(dialects()) if dialect == AUTO else dialect), tools)


def damage(choices: Choices, text: str, material: Material) -> str:
    """Damage a text once."""
    return choices.choice(EVERY_DAMAGE)(choices, text, material)


@cache
def _finder(dialect: Dialect) -> re.Pattern[str]:
    """Return what finds the markers of a dialect, the longest first."""
    return re.compile("|".join(re.escape(marker) for marker in sorted(markers_of(dialect), key=len, reverse=True)))


def _marker(choices: Choices, text: str, material: Material) -> tuple[str, str, str]:
    """Return a marker of the text, what is before it and what is after it; a stretch of the text if it has none."""
    found = [match.span() for match in _finder(material.dialect).finditer(text)]
    start, end = choices.choice(found) if found else _stretch(choices, text)
    return text[:start], text[start:end], text[end:]


def _stretch(choices: Choices, text: str) -> tuple[int, int]:
    start = choices.integer(0, len(text))
    return start, choices.integer(start, min(len(text), start + _SLICE))


def _truncate(choices: Choices, text: str, material: Material) -> str:
    return text[: choices.integer(0, len(text))]


def _drop(choices: Choices, text: str, material: Material) -> str:
    before, _, after = _marker(choices, text, material)
    return before + after


def _double(choices: Choices, text: str, material: Material) -> str:
    before, marker, after = _marker(choices, text, material)
    return before + marker + choices.choice(("", "\n", " ")) + marker + after


def _misspell(choices: Choices, text: str, material: Material) -> str:
    before, marker, after = _marker(choices, text, material)
    return before + choices.choice(_SPELLINGS)(choices, marker) + after


def _without_one(choices: Choices, marker: str) -> str:
    at = choices.integer(0, max(len(marker) - 1, 0))
    return marker[:at] + marker[at + 1 :]


_SPELLINGS: Final[tuple[Callable[[Choices, str], str], ...]] = (
    _without_one,
    lambda choices, marker: marker.swapcase(),
    lambda choices, marker: marker.replace("_", "-") if "_" in marker else marker.replace("-", "_"),
    lambda choices, marker: marker.replace("_", " "),
    lambda choices, marker: marker.replace("｜", "|").replace("▁", "_"),
    lambda choices, marker: marker.replace("</", "<") if "</" in marker else marker.replace("<", "</"),
    lambda choices, marker: marker + choices.choice(STRUCTURE),
    lambda choices, marker: marker[:-1] + "s" + marker[-1:],
    lambda choices, marker: "\\" + marker,
    lambda choices, marker: marker.replace('"', "'").replace("=", ' = "'),
)


def _split(choices: Choices, text: str, material: Material) -> str:
    before, marker, after = _marker(choices, text, material)
    at = choices.integer(0, len(marker))
    return before + marker[:at] + choices.choice(("\n", " ", "\u200b", "\n\n", "<")) + marker[at:] + after


def _swap(choices: Choices, text: str, material: Material) -> str:
    before, _, after = _marker(choices, text, material)
    return before + choices.choice(foreign_markers()) + after


def _insert(choices: Choices, text: str, material: Material) -> str:
    at = choices.integer(0, len(text))
    return text[:at] + choices.choice((*material.markers, "\ud83d")) + text[at:]


_ESCAPES: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: text.replace("<", "&lt;").replace(">", "&gt;"),
    lambda text: text.replace('"', '\\"').replace("\n", "\\n"),
    lambda text: text.replace("<", "\\u003c").replace(">", "\\u003e"),
    lambda text: text.replace("&", "&amp;").replace('"', "&quot;"),
    lambda text: text.replace("_", "\\_").replace("*", "\\*"),
)


def _escape(choices: Choices, text: str, material: Material) -> str:
    escape = choices.choice(_ESCAPES)
    if choices.one_in(3):
        return escape(text)
    before, marker, after = _marker(choices, text, material)
    return before + escape(marker) + after


def _nest(choices: Choices, text: str, material: Material) -> str:
    """Put a whole call, or the text once more, in the middle of the text."""
    inner = choices.choice((*material.specimens[1:], text))
    at = choices.integer(0, len(text))
    return text[:at] + inner + text[at:]


def _fence(choices: Choices, text: str, material: Material) -> str:
    mark, info = choices.choice(("```", "~~~", "````", "`")), choices.choice(("", "json", "xml", "python"))
    start, end = (0, len(text)) if choices.integer(0, 2) else _stretch(choices, text)
    if mark == "`":
        return f"{text[:start]}`{text[start:end]}`{text[end:]}"
    closer = "" if choices.one_in(4) else f"\n{mark}\n"
    return f"{text[:start]}\n{mark}{info}\n{text[start:end]}{closer}{text[end:]}"


def _reorder(choices: Choices, text: str, material: Material) -> str:
    """Swap two neighbours: stretches of text, or what stands between two markers."""
    cuts = [0, *(match.start() for match in _finder(material.dialect).finditer(text)), len(text)]
    if len(cuts) > 3 and choices.integer(0, 2):
        at = choices.integer(1, len(cuts) - 2)
        start, middle, end = cuts[at - 1], cuts[at], cuts[at + 1]
    else:
        start, middle = _stretch(choices, text)
        end = min(len(text), middle + 20)
    return text[:start] + text[middle:end] + text[start:middle] + text[end:]


def _strip(choices: Choices, text: str, material: Material) -> str:
    """Remove what a server takes for special tokens, throughout."""
    if choices.integer(0, 2):
        return _SPECIAL.sub("", text)
    return text.replace(_marker(choices, text, material)[1] or "\n", "")


def _end_turn(choices: Choices, text: str, material: Material) -> str:
    return text + choices.choice((*material.dialect.ends, "<|im_end|>", "</s>", "\n"))


def _delete(choices: Choices, text: str, material: Material) -> str:
    start, end = _stretch(choices, text)
    return text[:start] + text[end:]


def _repeat(choices: Choices, text: str, material: Material) -> str:
    start, end = _stretch(choices, text)
    return text[:end] + text[start:end] * choices.integer(1, 9) + text[end:]


def _lay_out(choices: Choices, text: str, material: Material) -> str:
    """Change the white space throughout."""
    kind = choices.integer(0, 3)
    if kind == 0:
        return text.replace("\n", "\r\n")
    if kind == 1:
        return text.replace("\n", "")
    if kind == 2:
        return text.strip()
    return _LINE.sub(choices.choice(("  ", "> ", "\t", "- ")), text)


EVERY_DAMAGE: Final[tuple[Damage, ...]] = (
    _truncate,
    _drop,
    _double,
    _misspell,
    _split,
    _swap,
    _insert,
    _escape,
    _nest,
    _fence,
    _reorder,
    _strip,
    _end_turn,
    _delete,
    _repeat,
    _lay_out,
)
