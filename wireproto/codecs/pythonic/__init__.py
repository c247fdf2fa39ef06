"""The codec `pythonic`: a call as Python writes it, `name(key=value, …)`, its values Python's literals or JSON's.

It must not know other codecs. Law: inside a string nothing is a marker, and nothing but a literal is read.
"""

from __future__ import annotations

import re

from wireproto.engine.codec import Codec
from wireproto.text.scan import NO, WAIT, YES, Answer, begins, skip_blank

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_BEHIND = ",]\r\n"  # what may follow a call without arguments: in a sentence it would be more words
# What a literal begins with, and how a word may go on that is one: anything else is a variable of a program.
_LITERAL = re.compile(r"""[-+.0-9"'(\[{]|(?:[Tt]rue|[Ff]alse|None|null)\b|[rRuU]["']""")
_HALF_WORD = re.compile(r"(?:[Tt](?:r(?:ue?)?)?|[Ff](?:a(?:l(?:se?)?)?)?|N(?:o(?:ne?)?)?|n(?:u(?:ll?)?)?|[rRuU])?\Z")


def begins_body(text: str, pos: int, end: int, keys: frozenset[str]) -> Answer:
    """Return whether arguments begin at `pos`: one with its key and a literal, or none.

    `keys` are declared ones beyond the alphabet. A list of words in brackets, the mention of a function and an
    expression begin otherwise.
    """
    if pos >= end:
        return WAIT
    if text[pos] == ")":
        at = pos + 1
        while at < end and text[at] in " \t" and at - pos < 64:
            at += 1
        return WAIT if at >= end else YES if text[at] in _BEHIND else NO
    stands = [begins(key, text, pos, end) for key in keys]
    word = _KEY.match(text, pos, end)
    behind = [pos + len(key) for key, found in zip(keys, stands, strict=True) if found is YES]
    answers = [_value(text, at, end) for at in (*behind, *([word.end()] if word is not None else ()))]
    return YES if YES in answers else WAIT if WAIT in (*answers, *stands) else NO


def _value(text: str, pos: int, end: int) -> Answer:
    """Return whether the sign behind a key and a literal stand at `pos`; two of these signs compare."""
    at = skip_blank(text, pos, end)
    if at >= end:
        return WAIT
    if text[at] != "=":
        return NO
    at = skip_blank(text, at + 1, end)
    if _HALF_WORD.match(text, at, end):
        return WAIT
    return YES if _LITERAL.match(text, at, end) else NO


CODEC = Codec(
    "pythonic",
    "wireproto.codecs.pythonic.reader:PythonicReader",
    "wireproto.codecs.pythonic.writer:write_call",
    begins=begins_body,
    rules="wireproto.codecs.pythonic.writer:rules",
    grammar="wireproto.codecs.pythonic.grammar:pythonic_call",
    learner="wireproto.codecs.pythonic.learner:learn",
    call_slots=frozenset({"name"}),
    argument_slots=frozenset({"key"}),
    response="python-call-list",
)
