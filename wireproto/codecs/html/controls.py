"""The controls of a form and what they hold: inputs, groups of boxes and buttons, selects, JSON.

It knows tags and the declared types, and nothing of where tags are found. Law: a control's value is emitted once, when
nothing that may follow in the form can change it.

Source: the HTML Standard, 4.10 (forms), above all 4.10.5.1 (types of input), 4.10.7 (select) and 4.10.21.4 (what a form
submits). A box without a value is true or false, an empty name is a name, and a value is not sanitized: arguments are
JSON, which form submission is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from wireproto.codecs.html.tags import HtmlTag
from wireproto.codecs.html.text import SPACE, collapse, decode, lower, plain
from wireproto.codecs.html.vocabulary import (
    CHECKED,
    NUMERIC,
    RADIO,
    SELECTED,
    SWITCH,
    VALUELESS,
    carries_booleans,
    carries_numbers,
)
from wireproto.engine.call_builder import CallBuilder
from wireproto.text import json_repair
from wireproto.text.state import State
from wireproto.tools.toolset import Tool, Typed
from wireproto.values.quoting import escaped, quoted

_NUMBER: Final = re.compile(r"(-?)(?=\.?[0-9])0*([0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_SIZE: Final = re.compile(r"[\t\n\f\r ]*\+?([0-9]{1,9})")
_DEFAULT_BOX: Final = "on"


@dataclass(slots=True)
class _Group(State):
    """Checkboxes or radio buttons of one name: how many there are, and the values of the checked ones."""

    kind: str
    span: tuple[int, int]
    count: int = 0
    checked: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Option:
    value: str
    selected: bool
    disabled: bool


@dataclass(slots=True)
class _Select(State):
    """A select that is open; its last option gathers text until something else begins.

    `group`: whether the optgroup that is open is disabled; None if none is open.
    """

    tag: HtmlTag
    span: tuple[int, int]
    counts: bool
    options: list[_Option] = field(default_factory=list)
    option: HtmlTag | None = None
    text: list[str] = field(default_factory=list)
    group: bool | None = None

    def close_option(self) -> None:
        """End the open option, if there is one."""
        if self.option is None:
            return
        attributes = self.option.attributes
        value = attributes["value"] if "value" in attributes else collapse("".join(self.text))
        disabled = "disabled" in attributes or self.group is True
        self.options.append(_Option(value, SELECTED in attributes, disabled))
        self.option, self.text = None, []

    def chosen(self) -> list[str]:
        """Return the values that the select submits."""
        if "multiple" in self.tag.attributes:
            return [option.value for option in self.options if option.selected and not option.disabled]
        selected = [option for option in self.options if option.selected][-1:]
        size = _SIZE.match(self.tag.attributes.get("size", ""))
        if not selected and (size is None or int(size[1]) <= 1):
            selected = [option for option in self.options if not option.disabled][:1]
        return [option.value for option in selected if not option.disabled]


class Controls(State):
    """The controls of one form, as far as it was read."""

    __slots__ = ("_builder", "_disabled", "_groups", "_select", "any")

    def __init__(self, builder: CallBuilder) -> None:
        self._builder = builder
        self._groups: dict[str, _Group] = {}
        self._select: _Select | None = None
        self._disabled = 0  # how many fieldsets are open, from a disabled one on
        self.any = False

    @property
    def select_is_open(self) -> bool:
        """Whether a select was opened and not closed."""
        return self._select is not None

    @property
    def wants_text(self) -> bool:
        """Whether text belongs to an option."""
        return self._select is not None and self._select.option is not None

    def text(self, text: str) -> None:
        """Take the text of the open option."""
        if self._select is not None:
            # Outside the elements that are only text, NUL is dropped.
            self._select.text += [decode(piece) for piece in text.split("\0")]

    def start(self, tag: HtmlTag, span: tuple[int, int]) -> None:
        """Take the start tag of a control or of a part of one."""
        if tag.name == "fieldset":
            self._disabled += 1 if self._disabled or "disabled" in tag.attributes else 0
        elif tag.name == "input":
            self.close_select()
            self._input(tag, span)
        elif tag.name == "select":
            was_open = self.select_is_open
            self.close_select()
            self._select = None if was_open else _Select(tag, span, self.name_of(tag) is not None)
        elif self._select is not None:
            self._select.close_option()
            if tag.name == "option":
                self._select.option = tag
            else:
                self._select.group = "disabled" in tag.attributes

    def end(self, name: str) -> None:
        """Take the end tag of a control or of a part of one."""
        select = self._select
        if name == "fieldset":
            self._disabled = max(0, self._disabled - 1)
        elif name == "select":
            self.close_select()
        elif select is not None and (name == "option" or (name == "optgroup" and select.group is not None)):
            select.close_option()
            select.group = select.group if name == "option" else None

    def name_of(self, tag: HtmlTag) -> str | None:
        """Return the name of a control; None if it has none or is disabled, and counts for nothing."""
        return None if self._disabled or "disabled" in tag.attributes else tag.attributes.get("name")

    def in_group(self, name: str, span: tuple[int, int]) -> bool:
        """Return whether boxes have this name already; if so, diagnose it."""
        if name not in self._groups:
            return False
        message = f"{quoted(name)} was given twice; the first value counts"
        self._builder.transcript.diagnose("duplicate-argument", span, message)
        return True

    def json(self, name: str, raw: str, span: tuple[int, int]) -> bool:
        """Take the content of a JSON script; False if it is not JSON."""
        builder, text = self._builder, plain(raw)
        self.any = True
        try:
            reading = json_repair.loads(text, max_depth=builder.max_depth)
        except json_repair.Unreadable as error:
            if isinstance(error, json_repair.TooDeep):
                builder.too_deep()
            builder.transcript.diagnose("json-invalid", span, f"{escaped(name)}: {error}")
            return False
        if self.in_group(name, span) or not builder.declare(name, span, unwraps=True):
            return True
        if reading.repairs:
            message = f"{escaped(name)}: read after repairs: {', '.join(reading.repairs)}"
            builder.transcript.diagnose("json-repaired", span, message)
        if builder.wrapper and builder.unwrap(reading.value, span):
            builder.check_types(span[1])
            return True
        json = json_repair.dumps(reading.value) if reading.repairs else text
        builder.give_exact(name, json_repair.exact(text, reading.value), span[0], json, reading.value)
        return True

    def close_select(self) -> None:
        """End the open select, if there is one, and emit what it holds."""
        select, self._select = self._select, None
        if select is None:
            return
        select.close_option()
        name, values = select.tag.attributes.get("name"), select.chosen()
        if name is None or not select.counts:
            return
        if "multiple" in select.tag.attributes:
            self._give(name, self._array(name, values), select.span)
        elif values:
            self._give(name, self._typed(name, values[0]), select.span)

    def finish(self) -> None:
        """The form is over: emit what only its end decides."""
        self.close_select()
        for name, group in self._groups.items():
            typed = self._of_group(name, group)
            if typed is not None:
                self._builder.give_typed(name, typed, group.span)
        self._groups = {}

    def _input(self, tag: HtmlTag, span: tuple[int, int]) -> None:
        name, kind = self.name_of(tag), lower(tag.attributes.get("type", ""))
        if name is None or kind in VALUELESS:
            return
        value = tag.attributes.get("value")
        if kind == RADIO or (kind == SWITCH.kind and value is not None):
            self._box(kind, name, tag, span)
        elif kind == SWITCH.kind:
            self._give(name, switch(self._builder.typing, name, CHECKED in tag.attributes), span)
        elif kind not in NUMERIC:
            self._give(name, self._typed(name, value or ""), span)
        elif value:
            self._give(name, number(self._builder.typing, name, value), span)

    def _box(self, kind: str, name: str, tag: HtmlTag, span: tuple[int, int]) -> None:
        group = self._groups.get(name)
        self.any = True
        if group is None:
            if not self._builder.declare(name, span):
                return
            group = self._groups[name] = _Group(kind, span)
        elif group.kind != kind:
            self.in_group(name, span)
            return
        group.count += 1
        if CHECKED in tag.attributes:
            value = tag.attributes.get("value", _DEFAULT_BOX)
            group.checked.append(value)

    def _of_group(self, name: str, group: _Group) -> Typed | None:
        types = self._builder.typing.types(name)
        several = group.count > 1 or (types is not None and "array" in types)
        if group.kind == SWITCH.kind and several:
            return self._array(name, group.checked)
        if group.kind == SWITCH.kind and carries_booleans(types):
            return Typed(bool(group.checked))
        return self._typed(name, group.checked[-1]) if group.checked else None

    def _give(self, name: str, typed: Typed, span: tuple[int, int]) -> None:
        self.any = True
        builder = self._builder
        if self.in_group(name, span) or not builder.declare(name, span, unwraps=True):
            return
        if builder.wrapper and builder.unwrap(json_repair.value_of(str(typed.value)), span):
            builder.check_types(span[1])
        else:
            builder.give_typed(name, typed, span)

    def _typed(self, name: str, text: str) -> Typed:
        return self._builder.typing.decode(name, text)

    def _array(self, name: str, values: list[str]) -> Typed:
        elements = self._builder.typing.elements(name)
        found = [elements.decode(elements.element(i), value) for i, value in enumerate(values)]
        odd = next((typed for typed in found if typed.code is not None), None)
        if odd is None:
            return self._builder.typing.fitting(name, [typed.value for typed in found])
        return Typed([typed.value for typed in found], odd.code, odd.message)


def switch(tool: Tool, name: str, value: bool) -> Typed:
    """Return the value of a checkbox that has none of its own."""
    return tool.fitting(name, value)


def number(tool: Tool, name: str, text: str) -> Typed:
    """Return the value of an input of numbers: an integer if it is spelled as one and nothing else is declared."""
    if not carries_numbers(tool.types(name)):
        return tool.decode(name, text)
    found = _NUMBER.fullmatch(text.strip(SPACE))
    if found is not None:
        sign, whole, fraction, exponent = found.groups("")
        text = f"{sign}{whole or '0'}{fraction}{exponent}"
    return tool.decode_json(name, text)
