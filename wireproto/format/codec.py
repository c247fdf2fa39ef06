"""What is known of a codec before it reads or writes anything: the facts that dialects are loaded and taken apart by.

It must not know any codec, nor how one reads. Law: nothing outside a codec's folder asks for its name; it asks for a
fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from wireproto.format.template import Template
from wireproto.text.scan import Answer

# What follows a call's header: one object, arguments with openers of their own, statements; "any" is the reader's to
# know.
Body = Literal["object", "arguments", "statements", "any"]
# Whether a body begins at a place of a text, (text, position, end, declared keys beyond the alphabet).
Begins = Callable[[str, int, int, frozenset[str]], Answer]


@dataclass(frozen=True, slots=True)
class Statements:
    """How the statements of a body are recognised: what one `begins` with, and the one that names the tool.

    `naming` makes its template from the name of the record's member.
    """

    begins: re.Pattern[str]
    naming: Callable[[str], Template]


@dataclass(frozen=True, slots=True, eq=False)
class CodecFacts:
    """The facts of a codec. `opens`: the brackets that a body which is an object may begin with.

    `has_cdata`: a value may hold stretches in which nothing is a marker. `has_quote`: strings stand between
    `argument.quote`, which is any text.

    `begins`: whether a body of any kind begins at a place; where no marker tells a call from text, this has to.
    `blank_form`: the place of the function that shows a tool as a blank form ("module:attribute"); empty without one.
    `call_slots`, `argument_slots`: the slots of `call.open` and `argument.open` that its writer fills; None if that is
    not known, and then a dialect may have any. `response`: the parser of Hugging Face's response templates that reads
    what its writer writes; empty if none does.
    """

    name: str
    opens: str = field(default="{", kw_only=True)
    body: Body = field(default="any", kw_only=True)
    statements: Statements | None = field(default=None, kw_only=True)
    begins: Begins | None = field(default=None, kw_only=True)
    has_cdata: bool = field(default=False, kw_only=True)
    has_quote: bool = field(default=False, kw_only=True)
    blank_form: str = field(default="", kw_only=True)
    call_slots: frozenset[str] | None = field(default=None, kw_only=True)
    argument_slots: frozenset[str] | None = field(default=None, kw_only=True)
    response: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if (self.body == "statements") is not (self.statements is not None):
            raise ValueError(f'codec {self.name!r}: body="statements" and statements= go together')
