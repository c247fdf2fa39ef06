"""GBNF, the grammar language of llama.cpp: parse it, check it, match text with it.

It knows no dialect, no schema and no engine. Law: a text is accepted here exactly if llama.cpp accepts it; where the
engine would hang or crash instead, it is refused.
"""

from __future__ import annotations

from wireproto.gbnf.check import CODES, Finding, check
from wireproto.gbnf.expressions import expressions
from wireproto.gbnf.match import Matcher
from wireproto.gbnf.nodes import (
    Alternatives,
    AnyChar,
    CharClass,
    GbnfError,
    GbnfGrammar,
    GbnfLiteral,
    GbnfRule,
    Node,
    Reference,
    Repetition,
    Sequence,
    Token,
)
from wireproto.gbnf.syntax import parse

__all__ = [
    "CODES",
    "Alternatives",
    "AnyChar",
    "CharClass",
    "Finding",
    "GbnfError",
    "GbnfGrammar",
    "GbnfLiteral",
    "Matcher",
    "Node",
    "Reference",
    "Repetition",
    "GbnfRule",
    "Sequence",
    "Token",
    "check",
    "expressions",
    "parse",
]
