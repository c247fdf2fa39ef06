"""The members of a record: what each is for, under whatever name a model gives it, and those that are for nothing.

Arguments may stand beside the tool's name instead of in an object of their own. They are kept until the record is over,
and used only where there is no such object or it lacks them. Law: members are never thrown away in silence where that
leaves a call without arguments.
"""

from __future__ import annotations

from typing import Any

from wireproto.codecs.json.cursor import Role
from wireproto.engine.call_builder import CallBuilder
from wireproto.format.dialect import ARGUMENT_ALIASES, NAME_ALIASES, SIDE_MEMBERS, WRAPPERS
from wireproto.text import json_repair
from wireproto.text.state import State
from wireproto.values.quoting import escaped, quoted

_Kept = tuple[str, str, bool]  # key, text, whether it is a string's content and not JSON
_FUNCTION = "function"
_UNREADABLE = object()
_MOST_NAMED = 5


class Members(State):
    """The members beside a record's name and arguments, in order; `cut` is the key and the text of one that is cut."""

    __slots__ = ("_builder", "_kept", "_said", "cut")

    def __init__(self, builder: CallBuilder) -> None:
        self._builder = builder
        self._kept: list[_Kept] = []
        self._said = False
        self.cut: tuple[str, str] | None = None  # a key may be empty, too

    def role(self, key: str, char: str, position: int) -> Role:
        """Return what a member is for whose key the format does not have; `char` is the first of its value."""
        builder = self._builder
        if key in ARGUMENT_ALIASES and not self._is_own(key, char):
            return "arguments"
        if key in WRAPPERS and char in "{[" and (builder.name is None or key not in builder.tool.keys):
            self._say(position)
            return "wrapper"
        if key in NAME_ALIASES and char in "\"'" and builder.name is None:
            return "name"
        return "beside"

    def _is_own(self, key: str, char: str) -> bool:
        """Return whether a tool declares an argument of this name, and the value may be it."""
        tool = self._builder.tool
        types = tool.types(key)
        return key in tool.keys and (char != "{" or types is None or "object" in types)

    def keep(self, key: str, text: str, is_string: bool) -> None:
        """Keep a member that is for nothing: a string's content, or JSON."""
        self._kept.append((key, text, is_string))

    def _say(self, position: int) -> None:
        if not self._said:
            self._said = True
            self._builder.note("record-variant", position)

    def settle(self, position: int, whole: bool) -> bool:
        """Use what was kept, as the call ends; return whether it may be complete. `whole`: the record is."""
        builder, tool = self._builder, self._builder.tool
        empty = not builder.arguments
        wanted = tool.keys if empty else tool.required & tool.keys
        values: dict[str, Any] = {}
        exact: dict[str, Any] = {}  # the same with `Decimal` for fractions
        for key, text, is_string in self._kept:
            if key in SIDE_MEMBERS and (key not in wanted or text == _FUNCTION):
                continue
            value = self._value(key, text, is_string)
            if value is _UNREADABLE:
                whole = whole and not empty
            elif empty and key in ARGUMENT_ALIASES and isinstance(value, dict) and key not in tool.keys:
                values = value | values  # arguments were given twice, and the first were none
                exact = json_repair.exact(text, value) | exact
            else:
                values.setdefault(key, value)
                exact.setdefault(key, value if is_string else json_repair.exact(text, value))
        used = {key: value for key, value in values.items() if key in wanted and key not in builder.arguments}
        for key, value in used.items():
            builder.give_exact(key, exact[key], position, rounded=value)
        key, text = self.cut or ("", "")
        if self.cut and key in wanted and key not in builder.arguments:
            builder.open(key)
            builder.more(text)
            builder.leave(text)
            used[key] = text
        if used:
            builder.note("flattened-arguments", position)
        if len(used) < len(self._kept):
            self._say(position)
        if builder.arguments or not values:
            return whole
        if whole:
            keys = ", ".join(map(quoted, [*values][:_MOST_NAMED]))
            builder.note("stray-members", position, f"no arguments, but members that nobody declares: {keys}")
            builder.suggest(values, position)
        return False

    def _value(self, key: str, text: str, is_string: bool) -> Any:
        if is_string:
            return text
        try:
            return json_repair.loads(text, max_depth=self._builder.max_depth).value
        except json_repair.Unreadable as error:
            self._builder.note("json-invalid", self._builder.start, f"{escaped(key)}: {error}")
            return _UNREADABLE
