"""The controls of a form: which values each carries, and how its tags are written.

The reader, the writer, the grammar and the blank form all look here. It must not know how tags are found or filled in.
Law: what is written here the reader takes for the same control.

Source: the HTML Standard, 4.10.5.1 (types of input) and 4.10.7 (select); `data-type` is this format's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wireproto.format.dialect import Dialect
from wireproto.tools.types import NUMBERS


@dataclass(frozen=True, slots=True)
class Control:
    """An element that carries a value, with its `type` and `data-type` if it has them."""

    tag: str
    kind: str = ""
    data_kind: str = ""

    def before_name(self, dialect: Dialect) -> str:
        """Return the start tag up to its name."""
        kind = f' type="{self.kind}"' if self.kind else ""
        return f'<{self.tag}{dialect.salt_text}{kind} name="'

    @property
    def after_name(self) -> str:
        """The start tag behind its name, still open."""
        return f'" data-type="{self.data_kind}"' if self.data_kind else '"'

    def closer(self, dialect: Dialect) -> str:
        """Return the end tag."""
        return f"</{self.tag}{dialect.salt_text}>"


AREA: Final = Control("textarea")  # a string; filled in, it is the dialect's own marker of an argument
LINE: Final = Control("input")  # a string on one line, or what the schema makes of it
NUMBER: Final = Control("input", "number")
SWITCH: Final = Control("input", "checkbox")  # without a value: true or false
CHOICE: Final = Control("select")  # the text of the option that is chosen
JSON: Final = Control("script", "application/json", "json")  # what no other control carries
OPTION: Final = "option"
CHECKED: Final = "checked"
SELECTED: Final = "selected"
# These are read too, and never written.
RADIO: Final = "radio"
NUMERIC: Final = (NUMBER.kind, "range")
VALUELESS: Final = ("submit", "button", "reset", "image", "file")


def carries_booleans(types: frozenset[str] | None) -> bool:
    """Whether a checkbox may be the value of an argument of these types (None: of any)."""
    return types is None or "boolean" in types


def carries_numbers(types: frozenset[str] | None) -> bool:
    """Whether an input of numbers may be the value of an argument of these types (None: of any)."""
    return types is None or bool(types & NUMBERS)
