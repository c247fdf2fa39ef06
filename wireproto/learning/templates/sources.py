"""Where chat templates are: a file of its own, the configuration of a tokenizer, the metadata of a GGUF file.

It must not know formats. Law: a file is read as far as the template, and no file makes it read without bounds.

Source: the GGUF specification (ggml, docs/gguf.md); `chat_template` of transformers' tokenizers.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO, Final

from wireproto.learning.findings import Unlearnable

_MAGIC: Final = b"GGUF"
_STRING, _ARRAY = 8, 9
# The sizes of the other types: integers and floats of 8 to 64 bits, and bool.
_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_KEY: Final = "tokenizer.chat_template"
_LONGEST: Final = 1 << 22  # of a template and of a key
_MOST: Final = 1 << 16  # entries


def read_template(path: str | Path) -> str:
    """Return the chat template in a file; of several named ones that for tools.

    Raises:
        Unlearnable: the file has none.
        OSError: it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) == _MAGIC:
            found = _in_metadata(file, path)
        else:
            file.seek(0)
            found = _in_text(file.read(_LONGEST + 1), path)
    if not found.strip():
        raise Unlearnable(f"{path}: has no chat template")
    return found


def _in_text(data: bytes, path: Path) -> str:
    if len(data) > _LONGEST:
        raise Unlearnable(f"{path}: too long for a chat template")
    try:
        text = data.decode("utf-8-sig")
        if path.suffix != ".json":
            return text
        found = json.loads(text)
    except ValueError as error:
        raise Unlearnable(f"{path}: neither text nor JSON: {error}") from None
    return _named(found.get("chat_template") if isinstance(found, dict) else None, path)


def _named(found: Any, path: Path) -> str:
    """Return the template itself, or of several the one for tools."""
    if isinstance(found, list):
        found = {each.get("name"): each.get("template") for each in found if isinstance(each, dict)}
    if isinstance(found, dict):
        found = found.get("tool_use", found.get("default"))
    if not isinstance(found, str):
        raise Unlearnable(f"{path}: has no chat_template")
    return found


def _in_metadata(file: BinaryIO, path: Path) -> str:
    found: dict[str, str] = {}
    try:
        version, _, count = struct.unpack("<IQQ", _taken(file, 20))
        if version not in (2, 3) or count > _MOST:
            raise ValueError(f"version {version} with {count} entries")
        for _ in range(count):
            key = _text(file)
            value = _value(file, struct.unpack("<I", _taken(file, 4))[0])
            if key.startswith(_KEY) and isinstance(value, str):
                found[key.removeprefix(_KEY).lstrip(".")] = value
    except (ValueError, struct.error) as error:
        raise Unlearnable(f"{path}: not GGUF as it is known: {error}") from None
    return found.get("tool_use", found.get("", ""))


def _taken(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("it ends too early")
    return data


def _text(file: BinaryIO) -> str:
    (size,) = struct.unpack("<Q", _taken(file, 8))
    if size > _LONGEST:
        raise ValueError(f"a text of {size} bytes")
    return _taken(file, size).decode()


def _value(file: BinaryIO, kind: int) -> str | None:
    """Return a text; skip what is none."""
    if kind == _STRING:
        return _text(file)
    if kind != _ARRAY:
        _taken(file, _size(kind))
        return None
    item, count = struct.unpack("<IQ", _taken(file, 12))
    if item == _STRING:
        for _ in range(count):
            _text(file)
    else:
        file.seek(_size(item) * count, 1)
    return None


def _size(kind: int) -> int:
    if kind not in _SIZES:
        raise ValueError(f"a value of type {kind}")
    return _SIZES[kind]
