"""Write a GGUF file, version 3: metadata and tensors of 32-bit floats, little-endian.

It knows nothing of models. Law: the same entries and tensors give the same bytes.

Source: the GGUF specification (ggml, docs/gguf.md).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

UINT, INT, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
_FORMATS = {UINT: "<I", INT: "<i", FLOAT: "<f", BOOL: "<?"}
_ALIGNMENT = 32
_F32 = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the metadata, with the type of its value, and of its items where that is an array."""

    key: str
    kind: int
    value: object
    item_kind: int = STRING


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor; its shape begins with the dimension that varies fastest."""

    name: str
    shape: tuple[int, ...]
    values: Sequence[float]


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return struct.pack("<Q", len(encoded)) + encoded


def _value(kind: int, value: object, item_kind: int) -> bytes:
    if kind == ARRAY:
        assert isinstance(value, list)
        items = b"".join(_value(item_kind, item, STRING) for item in value)
        return struct.pack("<IQ", item_kind, len(value)) + items
    return _text(str(value)) if kind == STRING else struct.pack(_FORMATS[kind], value)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _ALIGNMENT)


def write(path: Path, entries: Sequence[Entry], tensors: Sequence[Tensor]) -> None:
    """Write a file."""
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)))
    for entry in entries:
        head += _text(entry.key) + struct.pack("<I", entry.kind) + _value(entry.kind, entry.value, entry.item_kind)
    body = bytearray()
    for tensor in tensors:
        head += _text(tensor.name) + struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        head += struct.pack("<IQ", _F32, len(body))
        body += struct.pack(f"<{len(tensor.values)}f", *tensor.values)
        body += _padding(len(body))
    path.write_bytes(bytes(head) + _padding(len(head)) + bytes(body))
