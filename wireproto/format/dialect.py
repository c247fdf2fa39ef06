"""A wire format as data: the parts of a dialect.

This module knows nothing of decoding. Its one law: a dialect is nothing but values, so whatever reads, writes or
describes it needs no code of its own for a format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from wireproto.format.framing import Framing
from wireproto.format.template import EMPTY, Template
from wireproto.values.errors import DialectError
from wireproto.values.quoting import quoted

# It reads and writes dialects, and is loaded where somebody asks for that.
_RESPONSES = "wireproto.format.responses"
NONCE = re.compile(r"[a-z][a-z0-9]{3,31}")


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The markers of reasoning, the white space after it, and whether a call's opener ends it.

    `always`: the format's models reason before every answer.
    """

    open: str
    close: str
    after: str = ""
    ends_at_call: bool = False
    always: bool = False

    @property
    def label(self) -> str:
        """What stands in the opener behind its token: where a prompt ends with that, the output begins with this."""
        token, _, rest = self.open.partition(">")
        return rest if token[:1] == "<" and rest.strip() else ""


@dataclass(frozen=True, slots=True)
class Section:
    """The markers around all calls of a message; `also` are accepted pairs.

    `before` are the line breaks before the first marker: they belong to it, whether there is text before them or not.
    """

    open: Template
    close: Template
    also: tuple[tuple[Template, Template], ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True)
class CallShape:
    """The markers around one call, the text between two calls, and the forms of an id that contains the name.

    `before` are the line breaks between text and the first call that belong to the call, in every length that models
    write; the first of them is written. `first_index`: what {index} is in the first call of a message. `empty` is the
    white space between the markers of a call without arguments, beside their own.
    """

    open: Template
    close: Template
    also: tuple[Template, ...] = ()
    join: str = ""
    id: tuple[Template, ...] = ()
    before: tuple[str, ...] = ()
    first_index: int = 0
    empty: str = ""


# What models write around and instead of the members of a JSON record, whatever its dialect: other names of the tool's
# name and of its arguments, an object that holds the record, and members that say nothing of the arguments.
NAME_ALIASES = ("function", "tool", "tool_name")
ARGUMENT_ALIASES = ("arguments", "parameters", "args", "params", "input")
WRAPPERS = ("function", "function_call", "tool_call", "tool_calls")
SIDE_MEMBERS = ("type", "id", "index", "call_id", "tool_call_id")


@dataclass(frozen=True, slots=True)
class Record:
    """The member names of a JSON object that is a call; the canonical name first.

    `order` is that in which they are written. `has_ids`: the format writes ids, so a grammar admits them.
    """

    name: tuple[str, ...] = ("name",)
    arguments: tuple[str, ...] = ("arguments",)
    id: tuple[str, ...] = ("id",)
    order: tuple[str, ...] = ("name", "arguments", "id")
    has_ids: bool = False

    @property
    def first_members(self) -> tuple[str, ...]:
        """The names of members by which an object is known for a record, the tool's name first."""
        return tuple(dict.fromkeys((*self.name, *self.arguments, *self.id, *ARGUMENT_ALIASES)))


@dataclass(frozen=True, slots=True)
class Argument:
    """How `{key: value}` is written inside a call.

    `pad` is the white space on each side of a raw value that is markup; `pad_keys` limits it to some keys when
    writing. `escape` is the spelling of the value's own closer inside a value, if the format has one. `literals` says
    how values that are no strings are written: `json`, `python-null` (JSON, but None), `python-scalars` (True, False,
    None; what a template's `| string` renders), `python-lists` (all but objects), or `python` throughout. `strings`
    says how strings stand between tags: `raw`, `cdata` (in a CDATA section where they hold markup or lines), or `json`.
    `quote` is the mark on each side of a string in which nothing is escaped; `sorts`: members are in the order of their
    keys. `member` and `element` are the markers (open, close) of an object's members and an array's elements, where
    those are elements of their own. `json` is the style of JSON: `spaced`, `compact`, `ascii` (spaced, with escapes for
    all else), or `indented` by four from the line of the call.
    """

    codec: str
    open: Template = EMPTY
    close: Template = EMPTY
    also: tuple[Template, ...] = ()
    pad: str = ""
    pad_keys: tuple[str, ...] = ()
    escape: str = ""
    literals: str = "json"
    strings: str = "raw"
    quote: str = ""
    sorts: bool = False
    member: tuple[Template, Template] | None = None
    element: tuple[Template, Template] | None = None
    json: str = "spaced"
    # Whether a value between tags ends at a marker alone, as none is enclosed or made of elements.
    is_raw: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_raw", self.strings == "raw" and self.member is None)


@dataclass(frozen=True, slots=True)
class ResultShape:
    """How results of tools are written for the model: the text around all of them, around each, and between two.

    `each` and `join` have the holes {name}, {id}, {index}, {content} and {error}. `id` and `error` fill {id} and
    {error} if a result has an id or is an error; without `id` every result must have one. `content` is how content is
    spelled: "text" (as it is), "json", "xml" or "toml". `guard` is what plain content must not contain; `escape` is how
    that is written instead, if not with a character reference for its first character.
    """

    each: str
    open: str = ""
    close: str = ""
    join: str = ""
    id: str = ""
    error: str = ""
    content: str = "text"
    guard: tuple[str, ...] = ()
    escape: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """Instructions for a model that do not follow from the markers.

    `rules` are sentences on how values are written, instead of those that go with the codec. `definitions` is how
    tools are shown: as a "list", or as the blank "form" that a call fills in.
    """

    rules: tuple[str, ...] = ()
    definitions: str = "list"


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """A wire format: its markers, its slots and how they repeat. Get one by name with `dialect`, or `Dialect.load` it.

    The keys of its file are in docs/reference/dialect-files.md. `path` is that file. `markup`: start tags with
    slots are read as "xml" or "html" allows them, or exactly as written (""). `salt` is how the file spells a salt in
    its markers, empty if they have none; `nonce` is the salt that they contain now. `ends` are the tokens with which
    its models end their turn: a server may leave one in the output, where it is framing. `framing`: the markers around
    visible text and between the blocks of a message, None if there are none.
    """

    name: str
    summary: str
    call: CallShape
    argument: Argument
    aliases: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    source: str = ""
    ends: tuple[str, ...] = ()
    reasoning: Reasoning | None = None
    framing: Framing | None = None
    section: Section | None = None
    record: Record = field(default_factory=Record)
    result: ResultShape | None = None
    prompt: Advice = field(default_factory=Advice)
    variants: tuple[Dialect, ...] = field(default=(), repr=False)
    path: str = ""
    markup: str = ""
    salt: str = ""
    nonce: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Dialect:
        """Read a dialect file.

        Raises:
            DialectError: the file cannot be read, is not TOML, or is not a dialect; names file, key and fix.
        """
        from wireproto.format.loading import load

        return load(path)

    @property
    def salt_text(self) -> str:
        """The salt as every marker contains it; empty without one."""
        return spell_salt(self.salt, self.nonce)

    def salted(self, nonce: str) -> Dialect:
        """Return the dialect with `nonce` in every marker, so that no value contains a marker or forges one.

        Take a fresh one for each conversation, 4 to 32 small letters and digits that nobody can guess.

        Raises:
            DialectError: the nonce is no salt, or the dialect cannot be salted, as its markers are a model's own.
        """
        from wireproto.format.loading import load

        if not self.salt:
            raise DialectError(f"{self.name} cannot be salted: its markers have no place for a salt")
        if not NONCE.fullmatch(nonce):
            raise DialectError(
                f"{quoted(nonce)} is not a salt: 4 to 32 lower-case letters and digits, beginning with a letter"
            )
        return load(self.path, nonce)

    @classmethod
    def from_response_template(cls, template: Mapping[str, Any], name: str = "response_template") -> Dialect:
        """Return the dialect that a response template of Hugging Face's transformers tells.

        A template is the `response_template` of a tokenizer: a start anchor, and fields for reasoning, text and calls.
        It says less than a dialect file: nothing of results, nor of what models write beside what is right.

        Raises:
            DialectError: something in it cannot be said in a dialect; names the field.
        """
        found: Dialect = import_module(f"{_RESPONSES}.reading").from_response_template(template, name)
        return found

    def to_response_template(self, start_anchor: str = "") -> dict[str, Any]:
        """Return the dialect as a response template of Hugging Face's transformers (`tokenizer.response_template`).

        `start_anchor` is the text with which a prompt begins the model's turn, such as `<|im_start|>assistant` and a
        line break; not needed where the file says it (`message.join`).

        Raises:
            DialectError: the format cannot be said in a response template; names the key of the dialect's file.
        """
        found: dict[str, Any] = import_module(f"{_RESPONSES}.writing").response_template(self, start_anchor)
        return found

    @property
    def codec(self) -> str:
        """The name of the argument codec."""
        return self.argument.codec

    @property
    def markers(self) -> tuple[str, ...]:
        """Every literal of the canonical spelling, without white space, in the order of the file, each once."""
        templates = [self.call.open, self.call.close, self.argument.open, self.argument.close]
        if self.section is not None:
            templates = [self.section.open, self.section.close, *templates]
        found = [text for template in templates for text in template.literals]
        if self.reasoning is not None:
            found += [self.reasoning.open, self.reasoning.close]
        if self.framing is not None:
            found += self.framing.markers
        return tuple(dict.fromkeys(found))

    @property
    def closes_alike(self) -> bool:
        """Whether a value and a call have the same closer, so that where one is missing no text says which."""
        return bool(self.argument.close.trimmed) and self.argument.close.trimmed == self.call.close.trimmed


def spell_salt(salt: str, nonce: str) -> str:
    """Return a nonce as a file spells it in its markers; nothing without one."""
    return salt.replace("{salt}", nonce) if nonce else ""


def every_spelling(dialect: Dialect) -> Iterator[Dialect]:
    """Yield the dialect itself and then its variants of spelling."""
    yield dialect
    yield from dialect.variants
