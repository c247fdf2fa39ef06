"""Parses GBNF text into nodes, by the Lark grammar in grammars/gbnf.lark, and explains what is wrong with it.

What llama.cpp refuses after parsing is in `verdict`. Law: a text is accepted here exactly if llama.cpp's parser accepts
it, except for nesting deeper than `MAX_DEPTH`, which uses up llama.cpp's own stack.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wireproto.gbnf import nodes as tree
from wireproto.gbnf.verdict import problems
from wireproto.values.extras import require

if TYPE_CHECKING:
    from lark import Lark
    from lark import Token as Lexeme

# Groups and repetitions in one another; llama.cpp's own parser takes some thousands, then its stack is used up.
MAX_DEPTH = 100

_NAME = string.ascii_letters + string.digits + "-"
_UNIT = re.compile(r"\\(?:x(.{2})|u(.{4})|U(.{8})|(.))|(.)", re.DOTALL)
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}
_ESCAPE = re.compile(r'\\(?:[trn\\"\[\]-]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})')
_HINTS = {
    "'": "text must be in double quotes",
    "/": "there are no regular expressions: use classes and repetitions",
    "=": "a rule is defined with ::=",
    ":": "a rule is defined with ::=, and a line that ends in | goes on with the next line",
    "\ufeff": "remove the byte-order mark",
    ",": "alternatives are separated by |",
    ";": "a rule ends with its line",
    "<": "a token is <[id]> or <text>",
    "!": "only tokens can be negated: !<[id]>",
    "{": "write {m}, {m,} or {m,n} behind an item",
    "|": "alternatives go on behind |; a line cannot begin with it outside parentheses",
    ")": "no parenthesis is open",
    "\\": "escapes are allowed only inside quotes and classes",
    **dict.fromkeys("_.", "rule names are letters, digits and hyphens"),
    **dict.fromkeys("*+?", "there is nothing before it to repeat"),
    **dict.fromkeys("\r\n", "a rule goes on with the next line only inside parentheses, behind ::= and behind |"),
}


def _units(text: str) -> Iterator[tuple[int, str]]:
    """Yield the code point of each character or escape, with how it was written."""
    for found in _UNIT.finditer(text):
        *digits, escaped, plain = found.groups()
        number = next((code for code in digits if code), None)
        if number is not None:
            yield int(number, 16), found.group()
        else:
            yield ord(plain or _ESCAPES.get(escaped, escaped)), found.group()


def _ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Return the ranges of a class from what stands between its brackets; a hyphen at either end is a hyphen."""
    units = list(_units(text))
    ranges: list[tuple[int, int]] = []
    i = 0
    while i < len(units):
        is_range = i + 2 < len(units) and units[i + 1][1] == "-"
        last = i + 2 if is_range else i
        ranges.append((units[i][0], units[last][0]))
        i = last + 1
    return tuple(ranges)


class _TreeBuilder:
    """The actions of the Lark grammar; each gets the children of its rule and returns a node."""

    def start(self, rules: list[tree.GbnfRule]) -> tree.GbnfGrammar:
        return tree.GbnfGrammar(tuple(rules))

    def rule(self, parts: list[object]) -> tree.GbnfRule:
        name = cast("Lexeme", parts[0])
        at = name.start_pos or 0
        body = cast(tree.Alternatives, parts[1])
        return tree.GbnfRule(str(name), tree.Alternatives(body.options, body.at or at), at)

    def alternatives(self, options: list[tree.Sequence]) -> tree.Alternatives:
        return tree.Alternatives(tuple(options), options[0].at)

    def sequence(self, items: list[tree.Node]) -> tree.Sequence:
        return tree.Sequence(tuple(items), items[0].at if items else 0)

    def group(self, parts: list[object]) -> tree.Alternatives:
        opener, inner = cast("Lexeme", parts[0]), cast(tree.Alternatives, parts[1])
        return tree.Alternatives(inner.options, opener.start_pos or 0)

    def literal(self, parts: list[Lexeme]) -> tree.GbnfLiteral:
        return tree.GbnfLiteral(tuple(code for code, _ in _units(parts[0][1:-1])), parts[0].start_pos or 0)

    def char_class(self, parts: list[Lexeme]) -> tree.CharClass:
        negated = parts[0].startswith("[^")
        return tree.CharClass(_ranges(parts[0][2 if negated else 1 : -1]), negated, parts[0].start_pos or 0)

    def any_char(self, parts: list[Lexeme]) -> tree.AnyChar:
        return tree.AnyChar(parts[0].start_pos or 0)

    def token(self, parts: list[Lexeme]) -> tree.Token:
        text = parts[0].lstrip("!")
        negated = parts[0].startswith("!")
        at = parts[0].start_pos or 0
        if text.startswith("<["):
            # More digits than any number of the engine has are not worth converting.
            return tree.Token(int(text[2:-2][:20]), "", negated, at)
        return tree.Token(None, text, negated, at)

    def reference(self, parts: list[Lexeme]) -> tree.Reference:
        return tree.Reference(str(parts[0]), parts[0].start_pos or 0)

    def star(self, parts: list[object]) -> tree.Repetition:
        return self._repeated(parts, 0, None)

    def plus(self, parts: list[object]) -> tree.Repetition:
        return self._repeated(parts, 1, None)

    def optional(self, parts: list[object]) -> tree.Repetition:
        return self._repeated(parts, 0, 1)

    def exactly(self, parts: list[object]) -> tree.Repetition:
        return self._repeated(parts, _number(parts[1]), _number(parts[1]))

    def at_least(self, parts: list[object]) -> tree.Repetition:
        return self._repeated(parts, _number(parts[1]), None)

    def between(self, parts: list[object]) -> tree.Repetition:
        return self._repeated(parts, _number(parts[1]), _number(parts[2]))

    def _repeated(self, parts: list[object], least: int, most: int | None) -> tree.Repetition:
        item = cast(tree.Node, parts[0])
        return tree.Repetition(item, least, most, item.at)


def _number(digits: object) -> int:
    """Return a count; one with more digits than 64 bits hold stays above every limit."""
    return int(str(digits).lstrip("0")[:21] or "0")


def source() -> str:
    """Return the Lark grammar of GBNF: from the installed package, or from a checkout's `grammars`."""
    packaged = resources.files("wireproto.gbnf").joinpath("gbnf.lark")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).resolve().parents[2] / "grammars" / "gbnf.lark").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _reader() -> Lark:
    from lark import Lark, Transformer

    class GbnfReader(_TreeBuilder, Transformer):  # type: ignore[type-arg]  # its values are of many types
        pass

    return Lark(source(), parser="lalr", lexer="contextual", transformer=GbnfReader(visit_tokens=False))


def read(text: str) -> tree.GbnfGrammar:
    """Return the grammar as written, whatever an engine may think of it; GbnfError where it is none.

    Like the engine it stops at a NUL.
    """
    require("gbnf", "lark", purpose="reading GBNF")
    from lark.exceptions import UnexpectedInput, UnexpectedToken

    text = text.partition("\0")[0]
    lone = re.search("[\ud800-\udfff]", text)
    if lone is not None:
        raise tree.GbnfError("lone-surrogate", "half of a surrogate pair in the text", *tree.place(text, lone.start()))
    try:
        grammar = cast(tree.GbnfGrammar, _reader().parse(text))
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        raise _explain(text, len(text) if ended else cast(int, error.pos_in_stream)) from None
    for rule in grammar.rules:
        for node, depth in tree.walk(rule.body):
            if depth > MAX_DEPTH:
                raise tree.GbnfError(
                    "deep-nesting",
                    f"groups and repetitions nest deeper than {MAX_DEPTH}",
                    *tree.place(text, node.at),
                    hint="give the inner part a rule of its own",
                )
    return grammar


def parse(text: str) -> tree.GbnfGrammar:
    """Return the grammar of a text; GbnfError, with line and column, where llama.cpp would refuse it.

    The text of a `<text>` token is not looked up: no vocabulary is known here.
    """
    grammar = read(text)
    for problem in problems(grammar):
        raise tree.GbnfError(problem.code, problem.message, *tree.place(text, problem.at), hint=problem.hint)
    return grammar


def _explain(text: str, at: int) -> tree.GbnfError:
    """Return the error for a text that cannot be read from a position on."""
    if at >= len(text):
        hint = "close what is open: a parenthesis or a {"
        return tree.GbnfError("syntax", "the grammar ends too early", *tree.place(text, len(text)), hint=hint)
    character = text[at]
    if character in '"[':
        return _unfinished(text, at)
    code, hint = "syntax", _HINTS.get(character, "")
    before = text[:at].rstrip(" \t")
    if character in "_." and before and (before[-1].isalnum() or before[-1] == "-"):
        code = "rule-name"
    elif text.startswith("::=", at):
        return _late_definition(text, at)
    shown = repr(text[at : at + 20].splitlines()[0] or character)
    return tree.GbnfError(code, f"unexpected {shown}", *tree.place(text, at), hint=hint)


def _unfinished(text: str, at: int) -> tree.GbnfError:
    """Explain a literal or a class that has a wrong escape or no end."""
    closer = '"' if text[at] == '"' else "]"
    i = at + 1
    while i < len(text) and text[i] != closer:
        escape = _ESCAPE.match(text, i)
        if text[i] == "\\" and escape is None:
            hint = r"escapes are \n \r \t \\ \" \[ \] \- \xHH \uHHHH \UHHHHHHHH"
            return tree.GbnfError("escape", f"no such escape: {text[i : i + 2]}", *tree.place(text, i), hint=hint)
        i = escape.end() if escape else i + 1
    if i < len(text):
        return tree.GbnfError("syntax", f"unexpected {text[at]}", *tree.place(text, at))
    kind = "text in quotes" if closer == '"' else "character class"
    return tree.GbnfError("syntax", f"the {kind} has no end", *tree.place(text, at), hint=f"close it with {closer}")


def _late_definition(text: str, at: int) -> tree.GbnfError:
    """Explain a `::=` inside a rule: a `|` or `::=` at a line's end, or an open parenthesis, read on over it."""
    head = text[:at].rstrip()
    before = head.rstrip(_NAME)
    lines = [line.partition("#")[0].rstrip() for line in before.splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    called = head[len(before) :]
    called = called if len(called) <= 40 else called[:40] + "…"
    if last.endswith(("|", "::=")):
        sign = "|" if last.endswith("|") else "::="
        hint = f'the {sign} before it reads on over the end of its line: write the empty alternative first, or as ""'
        message = f"the definition of {called!r} is read into a rule"
        return tree.GbnfError("swallowed-rule", message, *tree.place(text, at), hint=hint)
    hint = "a parenthesis may be open" if "(" in before else "a rule begins on a line of its own"
    return tree.GbnfError("syntax", "unexpected '::='", *tree.place(text, at), hint=hint)
