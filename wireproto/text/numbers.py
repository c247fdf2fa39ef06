"""Numbers as JSON spells them, exactly: which of them are integers, and what a float loses.

It must not know schemas. Law: a spelling decides by its own digits and never through a float, in linear time.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isinf
from typing import Any, Final

# An integer of more digits is not read or written in decimal: CPython's own default. Interpreters older than 3.10.7
# have no limit, and int() is quadratic.
MAX_DIGITS: Final = 4300
NUMBER: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([-+]?)0*([0-9]+))?")
# Whether a JSON text may hold a number with a fraction or an exponent.
MAY_BE_FRACTION: Final = re.compile(r"[0-9](?:\.[0-9]|[eE][-+0-9])")
# Every number of so many digits comes back from a float as it was.
_SURE_DIGITS: Final = 15
_SURE_EXPONENT: Final = 300
_MAX_EXPONENT_DIGITS: Final = 6


def whole(spelled: str) -> int | None:
    """Return the integer that a JSON number spells: `1e3`, `4.20e1`; None if it is none, or of too many digits."""
    if len(spelled) <= _SURE_DIGITS and spelled.isdecimal() and spelled.isascii() and spelled[0] != "0":
        return int(spelled)
    found = NUMBER.fullmatch(spelled)
    if found is None:
        return None
    sign, digits, fraction, exponent_sign, exponent = found.groups("")
    mantissa = (digits + fraction).strip("0")
    if not mantissa:
        return 0
    if len(exponent) > _MAX_EXPONENT_DIGITS:
        return None
    zeros = len(digits + fraction) - len((digits + fraction).rstrip("0"))
    shift = int(exponent_sign + (exponent or "0")) - len(fraction) + zeros
    if shift < 0 or len(mantissa) + shift > MAX_DIGITS:
        return None
    return int(sign + mantissa + "0" * shift)


def decimal(spelled: str) -> Decimal:
    """Return the number that JSON spells; ValueError for one that is larger than any float, or absurdly small."""
    found = NUMBER.fullmatch(spelled)
    if found is None or len(found[5] or "") > _MAX_EXPONENT_DIGITS or isinf(float(spelled)):
        raise ValueError("the number is too large")
    return Decimal(spelled)


def floated(value: Decimal) -> tuple[float, bool]:
    """Return a number as a float, and whether that is another number.

    What a float prints is what counts: 0.1 stays 0.1 although no float is a tenth.
    """
    rounded = float(value)
    if len(value.as_tuple().digits) <= _SURE_DIGITS and abs(value.adjusted()) < _SURE_EXPONENT:
        return rounded, False
    return rounded, Decimal(repr(rounded)) != value


def holds(value: Any, kind: type) -> bool:
    """Whether a JSON value is of this type, or holds a value of it."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, kind):
            return True
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, (list, tuple)):
            todo += item
    return False
