"""What a chat template writes, as far as its text says: its literals in order, with holes for what they stand around.

Nothing is run: a template is a program of a stranger. Text outside tags counts, and literals in what is printed or set;
what a condition compares with does not, since it is never written. Both branches of a condition are written one after
the other, and the body of a loop twice, so that what stands between two rounds shows. It must not know any format.
Law: the time is linear in the template, whatever it holds.

Source: Jinja 3, "Whitespace Control", as transformers sets it (trim_blocks and lstrip_blocks).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

HOLE: Final = "\0"
_OPEN: Final = re.compile(r"\{[{%#]")
# One that never ends takes all that follows: nothing is looked at twice.
_LITERAL: Final = r"""'(?:[^'\\]|\\.)*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)"""
_SHORT: Final = r"""'(?:[^'\\\n]|\\.){0,200}'|"(?:[^"\\\n]|\\.){0,200}\""""
_STOP: Final = {
    "{{": re.compile(rf"{_LITERAL}|-?\}}\}}", re.DOTALL),
    "{%": re.compile(rf"{_LITERAL}|[-+]?%\}}", re.DOTALL),
    "{#": re.compile(r"-?#\}"),
}
_STATEMENT: Final = re.compile(r"\s*(\w+)")
_PIECE: Final = re.compile(rf"(?P<text>{_LITERAL})|(?P<name>[A-Za-z_][\w.]*)|(?P<join>[+~]|\s+)|.", re.DOTALL)
_CONSTANT: Final = re.compile(rf"\bset\s+([\w.]+)\s*=\s*({_SHORT})\s*-?%\}}")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
# A template is some thousand characters long; loops in loops would double it again and again.
_LONGEST: Final = 200_000
_MOST: Final = 1_000_000


def rendered(template: str) -> str:
    """Return what a template writes, with `HOLE` for each stretch that only a message decides."""
    template = template[:_LONGEST]
    constants = {name: _unquoted(text) for name, text in _CONSTANT.findall(template)}
    loops: list[list[str]] = [[]]
    size = 0
    for kind, text in _parts(template):
        if kind == "text":
            loops[-1].append(text)
        elif kind == "{{":
            loops[-1].append(_written(text, constants))
        elif kind == "{%":
            found = _STATEMENT.match(text)
            word = found[1] if found else ""
            if word == "for":
                loops.append([])
            elif word == "endfor" and len(loops) > 1:
                body = "".join(loops.pop())
                size += len(body)
                loops[-1].append(body * (2 if size <= _MOST else 1))
            elif word == "set" and not _CONSTANT.match(f"{text.strip()}%}}") and ("'" in text or '"' in text):
                loops[-1].append(HOLE + _written(text.partition("=")[2], constants) + HOLE)
    return re.sub(f"{HOLE}+", HOLE, "".join(piece for pieces in loops for piece in pieces))


def _parts(template: str) -> Iterator[tuple[str, str]]:
    """Yield text and tags by their kind, text with the white space that the tags next to it leave it."""
    at, trim, newline = 0, False, False
    while True:
        opener = _OPEN.search(template, at)
        closer = _closer(template, opener) if opener else None
        if opener is None or closer is None:
            # The rest has no tag, or one that never ends.
            yield "text", _begun(template[at:], trim, newline)
            return
        kind, body = opener[0], template[opener.end() : closer.start()]
        text = _begun(template[at : opener.start()], trim, newline)
        if body[:1] == "-":
            text = text.rstrip()
        elif kind != "{{" and body[:1] != "+":
            line = text.rstrip(" \t")
            text = line if not line or line.endswith("\n") else text
        yield "text", text
        yield kind, body.lstrip("-+")
        at, trim, newline = closer.end(), closer[0][0] == "-", kind != "{{" and closer[0][0] != "+"


def _closer(template: str, opener: re.Match[str]) -> re.Match[str] | None:
    found = _STOP[opener[0]].finditer(template, opener.end())
    return next((stop for stop in found if stop[0][-1] == "}"), None)


def _begun(text: str, trim: bool, newline: bool) -> str:
    """Return the text behind a tag without the white space that the tag takes."""
    return text.lstrip() if trim else text.removeprefix("\n") if newline else text


def _written(expression: str, constants: dict[str, str]) -> str:
    """Return what an expression writes: its literals and constants, and holes for all else."""
    out: list[str] = []
    index = 0
    for piece in _PIECE.finditer(expression):
        if piece["text"]:
            # The key of an index is not written.
            out.append(HOLE if index else _unquoted(piece["text"]))
        elif piece["name"]:
            out.append(constants.get(piece["name"], HOLE))
        elif not piece["join"]:
            index += (piece[0] == "[") - (piece[0] == "]")
            out.append("" if piece[0] in "()" else HOLE)
    return "".join(out)


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
