"""What the statements of a TOML call mean: its name, its id, its arguments, and their diagnoses.

It takes statements one after another and knows nothing of how text arrives. Law: what TOML wrote is as it was written;
the first value of an argument counts, and one that is spread over several statements is emitted at the call's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from wireproto.codecs.toml.tables import Tables
from wireproto.codecs.toml.text import Header, Key, NotToml, Path, Statement, load
from wireproto.codecs.toml.writer import NULL, root_of
from wireproto.engine.call_builder import CallBuilder
from wireproto.text.json_repair import value_of
from wireproto.text.json_safe import json_safe
from wireproto.text.scan import NO, Answer
from wireproto.text.state import State
from wireproto.text.toml_strings import write_line
from wireproto.values.quoting import escaped, quoted

Role = Literal["name", "id", "arguments", "argument", "wrapper", "table", "drop"]
Given = Literal["", "dotted", "table", "inline"]

_MAX_NAMED: Final = 3
# What other languages call these values; TOML has no such words, so nothing else can be meant.
_WORDS: Final = {"null": None, "None": None, "True": True, "False": False}


@dataclass(slots=True)
class Current(State):
    """The statement that is being read: where in the call it is, and what it is for.

    `table`: the table that statements go into, below the call's own. `given`: how the arguments were begun. `at`: where
    the statement began. `key`: its argument. `spelled`: its key as written. `indent`: how far it is indented.
    """

    table: Path = ()
    given: Given = ""
    role: Role = "drop"
    at: int = 0
    key: str = ""
    spelled: str = ""
    indent: int = 0


class TomlCall(State):
    """One call as its statements arrive."""

    __slots__ = ("_changed", "_name", "_current", "_record", "_root", "_strange", "_tables", "builder", "repairs")

    def __init__(self, builder: CallBuilder) -> None:
        dialect = builder.opening.spelling.dialect
        self.builder = builder
        self.repairs: set[str] = set()
        self._record = dialect.record
        self._root = root_of(dialect)
        self._current = Current()
        self._tables = Tables(self._root)
        self._name: str | None = None
        self._changed: list[str] = []
        self._strange = False

    @property
    def is_named(self) -> bool:
        """Whether the call's name was read, so that it is a call."""
        return self._name is not None

    @property
    def streams(self) -> bool:
        """Whether the string being read is emitted while it grows."""
        return self._current.role == "argument"

    def take_header(self, header: Header, at: int) -> None:
        """Go on in the table of this header, which begins at position `at`.

        Raises:
            NotToml: no such table belongs here.
        """
        size = len(self._root)
        path = header.path[size:]
        if header.path[:size] != self._root or not path:
            raise NotToml("a table that is not the call's")
        self._begin(at)
        self._current.at, self._current.table = at, path
        if path[0] not in self._record.arguments:
            self._strange = True
            return
        if len(path) == 1:
            self._give("table", path[0])
            if header.double:
                self.repairs.add("array-of-tables")
        elif self._current.given == "inline":
            raise NotToml("the arguments are given twice")
        if len(path) == 1 or self._keeps(path[1]):
            self._tables.header(header.path, header.double and len(path) > 1)

    def take_key(self, key: Key, at: int, indent: int) -> None:
        """Begin a statement at position `at`, indented by `indent` characters.

        Raises:
            NotToml: the arguments were given already, as another kind of statement.
        """
        current = self._current
        current.at, current.spelled, current.indent = at, key.raw, indent
        current.role = self._role((*current.table, *key.path))

    def open_string(self) -> None:
        """A string begins, the statement's value."""
        if self.streams:
            self.builder.open(self._current.key)

    def more(self, piece: str) -> None:
        """More of the string was read."""
        if self.streams:
            self.builder.more(piece)

    def leave(self, value: str) -> None:
        """The string will not end: keep its safe prefix."""
        if self._current.role == "wrapper":
            self.builder.unwrap(None, (self._current.at, self._current.at))
            self._current.role = "argument"
            self.open_string()
            self.more(value)
        if self.streams:
            self.builder.leave(value)

    def take_string(self, value: str) -> Answer | None:
        """End the string; `NO` if it is a name that no call may have.

        Raises:
            NotToml: no string belongs here.
        """
        role = self._current.role
        if role == "argument":
            self.builder.close(value)
        elif role == "wrapper":
            self._unwrap(value_of(value), value)
        elif role == "table":
            self._tables.statement(self._current.spelled, write_line(value))
        elif role == "id":
            self._identify(value)
        elif role == "name":
            if not self.builder.may_be_named(value):
                return NO
            self._name = value
            if self.builder.id is not None:
                self._begin(self._current.at)
        elif role == "arguments":
            raise NotToml("the arguments are not a table")
        return None

    def take_value(self, raw: str) -> None:
        """Take a value that is no string, as it is spelled.

        Raises:
            NotToml: it is no value, or none that belongs here.
        """
        current = self._current
        if current.role == "drop":
            return
        if current.role == "table":
            self._tables.statement(current.spelled, raw)
            return
        value = self._plain(current.key if self.streams else current.spelled, self._load(raw))
        if current.role == "argument":
            self.builder.give_exact(current.key, value, current.at)
        elif current.role == "wrapper":
            self._unwrap(value, value)
        elif current.role == "id":
            self._identify(str(value))
        elif current.role == "arguments" and (isinstance(value, dict) or value is None):
            for key, item in (value or {}).items():
                self.builder.declare(key, (current.at, current.at))
                self.builder.give_exact(key, item, current.at)
        else:
            raise NotToml(f"the {current.role} cannot be {escaped(raw.strip())}")

    def fits(self, statement: Statement, indent: int) -> bool:
        """Return whether a statement may follow a string of many lines.

        A header is one of the call's. A key that the tool does not declare, indented deeper than the string's own, is
        taken for code, such as `x = 1` below a docstring.
        """
        if isinstance(statement, Header):
            return statement.path[: len(self._root)] == self._root
        tool, current = self.builder.tool, self._current
        direct = len(current.table) == 1 and current.table[0] in self._record.arguments
        strange = direct and not tool.takes(statement.path[0])
        return not (strange and indent > current.indent)

    def invalid(self, why: str, at: int) -> None:
        """Diagnose that the text at position `at` is not TOML."""
        self._begin(at)
        before = self.builder.buffer.slice(self.builder.start, at)
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        self.builder.note("toml-invalid", at, f"line {line}, column {column} of the call: {why}")

    def finish(self, end: int, complete: bool) -> None:
        """End the call at position `end`: emit what was spread over statements, and diagnose repairs."""
        self._begin(end)
        builder, span = self.builder, (self.builder.start, end)
        if complete and self._tables.keys:
            complete = self._give_tables()
        if complete and self._strange and not self._current.given and not self._tables.keys:
            builder.transcript.diagnose("empty-arguments", span)
        if self.repairs:
            builder.transcript.diagnose("toml-repaired", span, "repaired: " + ", ".join(sorted(self.repairs)))
        if self._changed:
            some = ", ".join(map(escaped, self._changed[:_MAX_NAMED])) + (
                " and others" if len(self._changed) > _MAX_NAMED else ""
            )
            message = f"turned into a string, because JSON cannot express it: {some}"
            builder.transcript.diagnose("value-not-json", span, message)
        if complete:
            builder.check_types(end)
        builder.finish(end, complete)

    def _begin(self, at: int) -> None:
        """Begin the call if its name is known. Not before: an id may follow the name, and one event carries both."""
        builder = self.builder
        if self._name is not None and builder.name is None:
            builder.begin(self._name, builder.id, (builder.start, at))

    def _identify(self, value: str) -> None:
        self.builder.identify(value)
        self._begin(self._current.at)

    def _role(self, path: Path) -> Role:
        record, current, first = self._record, self._current, path[0]
        if first in record.arguments:
            if not current.table:
                self._give("dotted" if len(path) > 1 else "inline", first)
            self._begin(current.at)
            return self._argument_role(path)
        if len(path) > 1 or first not in (*record.name, *record.id):
            self._strange = True
            return "drop"
        role: Role = "name" if first in record.name else "id"
        if (self._name if role == "name" else self.builder.id) is not None:
            self.builder.note("duplicate-argument", current.at, f"the member {quoted(first)} was given twice")
            return "drop"
        return role

    def _argument_role(self, path: Path) -> Role:
        current = self._current
        if len(path) == 1:
            return "arguments"
        current.key = path[1]
        if len(path) > 2:
            return "table" if self._keeps(path[1]) else "drop"
        if path[1] in self._tables.keys:
            message = f"{quoted(path[1])} was given twice; the first value counts"
            self.builder.note("duplicate-argument", current.at, message)
            return "drop"
        if not self.builder.declare(path[1], (current.at, current.at), unwraps=True):
            return "drop"
        return "wrapper" if path[1] and path[1] == self.builder.wrapper else "argument"

    def _unwrap(self, value: object, written: object) -> None:
        """Give the members of an argument that may hold all others, or else the argument as it was written."""
        builder, at = self.builder, self._current.at
        if not builder.unwrap(value, (at, at)):
            builder.give_exact(self._current.key, written, at)

    def _give(self, how: Given, name: str) -> None:
        """Note how the arguments are given: once only, as TOML demands."""
        current, canonical = self._current, self._record.arguments[0]
        if current.given and not current.given == how == "dotted":
            raise NotToml("the arguments are given twice")
        if name != canonical and not current.given:
            self.builder.note("alias-key", current.at, f"{quoted(name)} instead of {quoted(canonical)}")
        current.given = how

    def _keeps(self, key: str) -> bool:
        """Note that an argument is spread over statements; False if its key was given already, as one value."""
        keys, at = self._tables.keys, self._current.at
        if key not in keys:
            self._tables.start = self._tables.start or at
            keys[key] = self.builder.declare(key, (at, at), unwraps=True)
        return keys[key]

    def _give_tables(self) -> bool:
        """Emit the arguments that were spread over statements; False if those do not go together."""
        try:
            for key, value in self._tables.read(self._record.arguments).items():
                found, at = self._plain(key, value), self._tables.start
                if not key or key != self.builder.wrapper or not self.builder.unwrap(found, (at, at)):
                    self.builder.give_exact(key, found, at)
        except NotToml as error:
            self.invalid(f"the tables from here on: {error}", self._tables.start)
            return False
        return True

    def _load(self, raw: str) -> Any:
        word = raw.strip()
        if word not in _WORDS:
            return load(raw)
        self.repairs.add("literal")
        return _WORDS[word]

    def _plain(self, key: str, value: object) -> Any:
        """Return a value as JSON has it."""
        safe = json_safe(value, self.builder.max_depth)
        if safe.too_deep:
            raise NotToml(self.builder.too_deep())
        self._changed += [key + ("." if path[:1] not in ("", "[") else "") + path for path in safe.changed]
        return _with_nulls(safe.value)


def _with_nulls(value: Any) -> Any:
    """Return a value with `{"$null": true}` read as null; it is known to be nested no deeper than is allowed."""
    if isinstance(value, dict):
        is_null = len(value) == 1 and value.get(NULL) is True
        return None if is_null else {key: _with_nulls(item) for key, item in value.items()}
    return [_with_nulls(item) for item in value] if isinstance(value, list) else value
