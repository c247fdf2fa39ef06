"""Keys and strings in TOML's notation, written.

It must not know what they are for. Law: a TOML parser reads back what was written, whatever the characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
# What the reader of a raw string would take for something else: its delimiter, other line breaks, control characters.
_NOT_RAW: Final = re.compile(r"'''|'\Z|[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f]')
_ESCAPED_IN_LINES: Final = re.compile(r'"(?="")|"\Z|[\\\x00-\x08\x0b-\x1f\x7f]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def write_path(path: Iterable[str]) -> str:
    """Write a key of several parts."""
    return ".".join(map(write_key, path))


def write_key(key: str) -> str:
    """Write one part of a key, bare where TOML allows it."""
    return key if _BARE.fullmatch(key) else write_line(key)


def write_string(text: str) -> str:
    """Write a string: over several lines if it has several, and raw then if that is possible."""
    if "\n" not in text:
        return write_line(text)
    if _NOT_RAW.search(text) is None:
        return f"'''\n{text}'''"
    return f'"""\n{_ESCAPED_IN_LINES.sub(_escape, text)}"""'


def write_line(text: str) -> str:
    """Write a string on one line."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"
