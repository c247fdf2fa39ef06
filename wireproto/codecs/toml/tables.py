"""Arguments that are spread over several statements: collected as they are written, read as one document at the end.

It knows headers and statements, and nothing of how text arrives. Law: the TOML parser gets each of these statements
once, under its headers, so that TOML's own rules decide.
"""

from __future__ import annotations

from typing import Any

from wireproto.codecs.toml.text import NotToml, Path, load_document
from wireproto.text.buffer import Rope
from wireproto.text.state import State
from wireproto.text.toml_strings import write_path


class Tables(State):
    """The tables of one call. `root` is the path of the call's own header; `keys` are the arguments seen so far."""

    __slots__ = ("_lines", "_root", "keys", "start")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines = Rope()
        self._lines.append(f"[[{write_path(root)}]]\n" if root else "")
        self.keys: dict[str, bool] = {}
        self.start = 0

    def header(self, path: Path, double: bool) -> None:
        """Add a header, or with `double` that of an array of tables; what follows belongs to it."""
        table = write_path(path)
        self._lines.append(f"[[{table}]]\n" if double else f"[{table}]\n")

    def statement(self, key: str, value: str) -> None:
        """Add a key and a value as they are spelled."""
        self._lines.append(f"{key} = {value}\n")

    def read(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the arguments; `names` are those that their table may have.

        Raises:
            NotToml: the statements do not go together.
        """
        node: Any = load_document(self._lines.take())
        for part in self._root:
            node = node[part]
        node = node[0] if self._root else node
        found: dict[str, Any] = {}
        for name in names:
            table = node.get(name, {})
            if not isinstance(table, dict):
                raise NotToml("the arguments are not a table")
            found |= table
        return found
