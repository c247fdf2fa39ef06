"""Dialect files: TOML read into the nodes of `dialect`, and every complaint with file, key and fix.

It knows the keys of a file and nothing of what the markers mean. Its law: what loads can be written and matched.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wireproto.format.checks import problems
from wireproto.format.dialect import (
    Advice,
    Argument,
    CallShape,
    Dialect,
    Reasoning,
    Record,
    ResultShape,
    Section,
    spell_salt,
)
from wireproto.format.framing import Framing
from wireproto.format.plugins import BUILT_IN_CODECS, codec_facts, codec_names
from wireproto.format.template import Template
from wireproto.text import toml
from wireproto.values.errors import DialectError


def load(path: str | Path, nonce: str = "") -> Dialect:
    """Read a dialect file; see `Dialect.load` and `Dialect.salted`."""
    try:
        data = toml.loads(Path(path).read_bytes().decode())
    except OSError as error:
        raise DialectError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DialectError(f"{path}: not TOML: {error}") from None
    dialect = _FileReader(str(path), nonce).dialect(data)
    if not nonce:
        _tell_shadow(dialect, Path(path))
    return dialect


def load_text(text: str, where: str) -> Dialect:
    """Read the text of a dialect file that is in none; `where` is what errors call it.

    Raises:
        DialectError: as for a file.
    """
    try:
        data = toml.loads(text)
    except ValueError as error:
        raise DialectError(f"{where}: not TOML: {error}") from None
    return replace(_FileReader(where, "").dialect(data), path="")


def _tell_shadow(dialect: Dialect, path: Path) -> None:
    """Warn of a name that a built-in dialect has: it is allowed, but asked for by name, that one is returned."""
    from wireproto.format.registry import BUILT_IN  # the registry loads files by this module

    own = BUILT_IN / f"{dialect.name}.toml"
    if own != path and own.exists() and own.resolve() != path.resolve():
        problem = f"name: {dialect.name!r} is built in; by this name the built-in dialect is found, not this one"
        warnings.warn(f"{path}: {problem}", stacklevel=4)


_KNOWN: dict[str, tuple[str, ...]] = {
    "": ("name", "summary", "aliases", "models", "source", "ends", "quotes", "spellings", "words", "reasoning",
         "content", "message", "section", "call", "record", "argument", "markup", "salt", "result", "prompt"),
    "reasoning": ("open", "close", "after", "ends_at_call", "always"),
    "content": ("open", "close", "also", "preamble", "empty"),
    "message": ("join", "also"),
    "section": ("open", "close", "also", "before"),
    "call": ("open", "close", "also", "join", "id", "before", "first_index", "empty"),
    "record": ("name", "arguments", "id", "order"),
    "argument": ("codec", "open", "close", "also", "pad", "pad_keys", "escape", "literals", "strings", "quote",
                 "sorts", "member", "element", "json"),
    "result": ("each", "open", "close", "join", "id", "error", "content", "guard", "escape"),
    "prompt": ("rules", "definitions"),
}  # fmt: skip
STYLES = ("spaced", "compact", "ascii", "indented")
LITERALS = ("json", "python-null", "python-scalars", "python-lists", "python")
STRINGS = ("raw", "cdata", "json")
MARKUPS = ("", "xml", "html")
CONTENTS = ("text", "json", "xml", "toml")
DEFINITIONS = ("list", "form")


class _FileReader:
    """Turns the tables of one file into a Dialect; every complaint names the file and the key."""

    def __init__(self, path: str, nonce: str) -> None:
        self.path = path
        self.nonce = nonce
        self.salt = ""
        self.markup = ""
        self.quotes: tuple[str, ...] = ('""',)
        self.binding: Mapping[str, str] = {}
        self.words: Mapping[str, tuple[str, ...]] = {}

    def dialect(self, data: Mapping[str, Any]) -> Dialect:
        for table, known in _KNOWN.items():
            self._check_keys(table, self._table(data, table) if table else data, known)
        spellings, words = self._table(data, "spellings"), self._table(data, "words")
        self.words = {name: self._texts(words, "words", name, ()) for name in words}
        self.quotes = self._texts(data, "", "quotes", ('""',))
        self._read_notation(data)
        names = list(spellings)
        choices = [self._texts(spellings, "spellings", name, ()) for name in names]
        built = []
        for values in itertools.product(*choices):
            self.binding = dict(zip(names, values, strict=True))
            built.append(self._build(data))
        if not built:
            raise self._error("spellings", "a spelling has no values; give the canonical one first")
        first, *others = built
        return replace(first, variants=tuple(others))

    def _build(self, data: Mapping[str, Any]) -> Dialect:
        argument = self._argument(self._table(data, "argument"))
        call = self._call(self._table(data, "call"))
        dialect = Dialect(
            name=self._text(data, "", "name"),
            summary=self._text(data, "", "summary"),
            aliases=self._texts(data, "", "aliases", ()),
            models=self._texts(data, "", "models", ()),
            source=self._text(data, "", "source", ""),
            ends=self._texts(data, "", "ends", ()),
            reasoning=self._reasoning(self._table(data, "reasoning")),
            framing=self._framing(self._table(data, "content"), self._table(data, "message")),
            section=self._section(self._table(data, "section")),
            record=self._record(self._table(data, "record")),
            call=call,
            argument=argument,
            result=self._result(self._table(data, "result")),
            prompt=self._advice(self._table(data, "prompt")),
            path=self.path,
            markup=self.markup,
            salt=self.salt,
            nonce=self.nonce,
        )
        self._check(dialect)
        return dialect

    def _read_notation(self, data: Mapping[str, Any]) -> None:
        """Read how markers are written: whether start tags are markup, and what a salt looks like."""
        self.markup = self._text(data, "", "markup", "")
        if self.markup not in MARKUPS:
            raise self._error("markup", f"unknown value {self.markup!r}; known are {', '.join(filter(None, MARKUPS))}")
        salt = self._text(data, "", "salt", "")
        if salt and "{salt}" not in salt:
            raise self._error("salt", 'must hold {salt}, as "-{salt}"')
        self.salt = salt

    def _check(self, dialect: Dialect) -> None:
        if not all(len(token) > 2 and token.split() == [token] for token in dialect.ends):
            raise self._error("ends", "each must have three characters or more, and no white space")
        if dialect.markup and not all(token[0] == "<" for token in dialect.ends):
            raise self._error("ends", "each must begin with < in a dialect with markup")
        if codec_facts(dialect.codec).body == "arguments":
            if "name" not in dialect.call.open.roles:
                raise self._error("call.open", "needs {name}")
            if "key" not in dialect.argument.open.roles:
                raise self._error("argument.open", "needs {key}")
            if not dialect.argument.close.first:
                raise self._error("argument.close", "must begin with a literal")
            if not dialect.call.close.first:
                raise self._error("call.close", "must begin with a literal")
            if sum(not unit.roles for unit in dialect.call.open.units()) > 1:
                raise self._error("call.open", "at most one marker may come before the one with {name}")
        for key, problem in problems(dialect, codec_facts(dialect.codec)):
            raise self._error(key, problem)
        if dialect.prompt.definitions == "form" and not (self.markup and codec_facts(dialect.codec).blank_form):
            raise self._error("prompt.definitions", "a form needs markup, and a codec with a blank form")

    def _reasoning(self, table: Mapping[str, Any]) -> Reasoning | None:
        if not table:
            return None
        said = {key: self._flag(table, "reasoning", key) for key in ("ends_at_call", "always")}
        opener, closer = (self._text(table, "reasoning", key) for key in ("open", "close"))
        return Reasoning(opener, closer, self._text(table, "reasoning", "after", ""), **said)

    def _record(self, table: Mapping[str, Any]) -> Record:
        roles = Record().order
        order = self._texts(table, "record", "order", roles)
        if sorted(order) != sorted(roles):
            raise self._error("record.order", f"must be {', '.join(roles)} in any order")
        name, arguments, identity = (self._texts(table, "record", role, (role,)) for role in roles)
        return Record(name, arguments, identity, order, "id" in table)

    def _framing(self, content: Mapping[str, Any], message: Mapping[str, Any]) -> Framing | None:
        if not content and not message:
            return None
        pairs: list[tuple[str, str]] = []
        bare = False
        if content:
            also = self._pairs(content, "content")
            bare = "open" not in content and bool(also) and not message
            if not bare:
                pairs = [(self._text(content, "content", "open"), self._text(content, "content", "close", ""))]
            pairs += also
        preamble = self._text(content, "content", "preamble", "")
        if bare and len(content) > 1:
            raise self._error("content.open", "is needed by the other keys of its table")
        if preamble:
            pairs.append((preamble, pairs[0][1]))
        joins: tuple[str, ...] = ()
        if message:
            joins = (self._text(message, "message", "join"), *self._texts(message, "message", "also", ()))
        for key, words in (("content.open", [opener for opener, _ in pairs]), ("message.join", joins)):
            if not all(word.strip() for word in words):
                raise self._error(key, "must hold more than white space, or nothing tells it from text")
        empty = content.get("empty", False)
        if not isinstance(empty, bool):
            raise self._error("content.empty", "must be true or false")
        return Framing(tuple(dict.fromkeys(pairs)), preamble, joins, empty, bare)

    def _pairs(self, table: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
        """Read `also` of a table: pairs of accepted markers."""
        pairs = table.get("also", [])
        for pair in pairs if isinstance(pairs, list) else [pairs]:
            if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
                raise self._error(f"{where}.also", "must be a list of [open, close] pairs of strings")
        return [(self._bind(opener), self._bind(closer)) for opener, closer in pairs]

    def _section(self, table: Mapping[str, Any]) -> Section | None:
        if not table:
            return None
        pairs = self._pairs(table, "section")
        also = [(self._template(pair[0], "section.also"), self._template(pair[1], "section.also")) for pair in pairs]
        opener, closer = (
            self._template(self._text(table, "section", key), f"section.{key}") for key in ("open", "close")
        )
        before = self._text(table, "section", "before", "")
        if before.strip("\n"):
            raise self._error("section.before", "must be line breaks: only those can be told from text")
        return Section(opener, closer, tuple(also), before)

    def _call(self, table: Mapping[str, Any]) -> CallShape:
        before = self._texts(table, "call", "before", ())
        if "".join(before).strip("\n"):
            raise self._error("call.before", "must be line breaks: only those can be told from text")
        first = table.get("first_index", 0)
        if isinstance(first, bool) or first not in (0, 1):
            raise self._error("call.first_index", "must be 0 or 1: what {index} is in the first call")
        empty = self._text(table, "call", "empty", "")
        if empty.strip(" \t\r\n"):
            raise self._error("call.empty", "must be white space: what a call without arguments is written with")
        opener, *others = self._worded(self._text(table, "call", "open", ""))
        others += [each for text in self._texts(table, "call", "also", ()) for each in self._worded(text)]
        return CallShape(
            open=self._template(opener, "call.open"),
            close=self._template(self._text(table, "call", "close", ""), "call.close"),
            also=tuple(self._template(text, "call.also") for text in others),
            join=self._text(table, "call", "join", ""),
            id=tuple(self._template(text, "call.id") for text in self._texts(table, "call", "id", ())),
            before=tuple(before),
            first_index=first,
            empty=empty,
        )

    def _argument(self, table: Mapping[str, Any]) -> Argument:
        codec = self._text(table, "argument", "codec")
        # Nobody has to be asked for one of ours.
        if codec not in BUILT_IN_CODECS and codec not in codec_names():
            raise self._error("argument.codec", f"unknown codec {codec!r}; known are {', '.join(codec_names())}")
        literals = self._text(table, "argument", "literals", "json")
        if literals not in LITERALS:
            raise self._error("argument.literals", f"unknown value {literals!r}; known are {', '.join(LITERALS)}")
        return Argument(
            codec=codec,
            open=self._template(self._text(table, "argument", "open", ""), "argument.open"),
            close=self._template(self._text(table, "argument", "close", ""), "argument.close"),
            also=tuple(self._template(text, "argument.also") for text in self._texts(table, "argument", "also", ())),
            pad=self._text(table, "argument", "pad", ""),
            pad_keys=self._texts(table, "argument", "pad_keys", ()),
            escape=self._text(table, "argument", "escape", ""),
            literals=literals,
            strings=self._one_of(table, "argument", "strings", STRINGS),
            quote=self._text(table, "argument", "quote", ""),
            sorts=self._flag(table, "argument", "sorts"),
            member=self._pair(table, "argument", "member"),
            element=self._pair(table, "argument", "element"),
            json=self._one_of(table, "argument", "json", STYLES),
        )

    def _result(self, table: Mapping[str, Any]) -> ResultShape | None:
        if not table:
            return None
        texts = {
            key: self._text(table, "result", key, "") for key in ("open", "close", "join", "id", "error", "escape")
        }
        shape = ResultShape(
            each=self._text(table, "result", "each"),
            content=self._one_of(table, "result", "content", CONTENTS),
            guard=self._texts(table, "result", "guard", ()),
            **texts,
        )
        if "{content}" not in shape.each:
            raise self._error("result.each", "needs {content}")
        if shape.content in ("text", "json") and not all((shape.guard, *shape.guard)):
            raise self._error("result.guard", "give what content may not hold, as the closer of a result")
        return shape

    def _advice(self, table: Mapping[str, Any]) -> Advice:
        rules = self._texts(table, "prompt", "rules", ())
        return Advice(rules, self._one_of(table, "prompt", "definitions", DEFINITIONS))

    def _flag(self, table: Mapping[str, Any], where: str, key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self._error(f"{where}.{key}", "must be true or false")
        return value

    def _one_of(self, table: Mapping[str, Any], where: str, key: str, known: tuple[str, ...]) -> str:
        """Return one of the words that are known; the first of them if the key is not given."""
        word = self._text(table, where, key, known[0])
        if word not in known:
            raise self._error(f"{where}.{key}", f"unknown value {word!r}; known are {', '.join(known)}")
        return word

    def _pair(self, table: Mapping[str, Any], where: str, key: str) -> tuple[Template, Template] | None:
        texts = self._texts(table, where, key, ())
        if not texts:
            return None
        if len(texts) != 2:
            raise self._error(f"{where}.{key}", "must be a pair [open, close]")
        opener, closer = (self._template(text, f"{where}.{key}") for text in texts)
        return opener, closer

    def _template(self, text: str, where: str) -> Template:
        try:
            return Template.parse(text, self.quotes, self.markup)
        except DialectError as error:
            raise self._error(where, str(error)) from None

    def _check_keys(self, table: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in found:
            if key not in known:
                from difflib import get_close_matches

                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                raise self._error(f"{table}.{key}".lstrip("."), f"unknown key; {hint}")

    def _table(self, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table = data.get(key, {})
        if not isinstance(table, dict):
            raise self._error(key, f"must be a table; write [{key}]")
        return table

    def _text(self, table: Mapping[str, Any], where: str, key: str, default: str | None = None) -> str:
        text = table.get(key, default)
        if text is None:
            raise self._error(f"{where}.{key}".lstrip("."), "is missing; give a string")
        if not isinstance(text, str):
            raise self._error(f"{where}.{key}".lstrip("."), f"must be a string, not {type(text).__name__}")
        return self._bind(text)

    def _texts(self, table: Mapping[str, Any], where: str, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        texts = table.get(key, default)
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
            raise self._error(f"{where}.{key}".lstrip("."), "must be a list of strings")
        return tuple(self._bind(text) for text in texts)

    def _bind(self, text: str) -> str:
        for name, value in self.binding.items():
            text = text.replace("{" + name + "}", value)
        if self.salt:
            text = text.replace("{salt}", spell_salt(self.salt, self.nonce))
        return text

    def _worded(self, text: str) -> list[str]:
        """Return a marker with each of the words that may stand in it, those that are written first."""
        names = [name for name in self.words if "{" + name + "}" in text]
        texts = []
        for choice in itertools.product(*(self.words[name] for name in names)):
            worded = text
            for name, word in zip(names, choice, strict=True):
                worded = worded.replace("{" + name + "}", word)
            texts.append(worded)
        return texts

    def _error(self, key: str, problem: str) -> DialectError:
        return DialectError(f"{self.path}: {key}: {problem}")
