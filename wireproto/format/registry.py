"""Names to dialects: the built-in files and what other packages register, loaded when first asked for.

A package registers a dialect with the entry-point group `wireproto.dialects`: name = "module:attribute", where the
attribute is a `Dialect` or the path of a dialect file. Law: a name gives the same dialect for the life of a process.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from wireproto.format.dialect import Dialect
from wireproto.format.plugins import DIALECTS, codec_facts, registered
from wireproto.values.errors import DialectError
from wireproto.values.quoting import quoted

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

AUTO = "auto"  # names no dialect, but has a decoder find out which it is
BUILT_IN = Path(__file__).parent / "dialects"
# What the module of a package may raise when it is imported, and a file when it is read.
_FAILURES = (ArithmeticError, AttributeError, DialectError, ImportError, LookupError, NameError, OSError, RuntimeError,
             SyntaxError, TypeError, ValueError)  # fmt: skip


def dialects() -> tuple[str, ...]:
    """Return the names of all known dialects, sorted.

    What a package registers and cannot be loaded is none of them: asked for by its name, it says why.
    """
    return tuple(sorted({*_files(), *(name for name in _plugins() if isinstance(_load(name), Dialect))}))


def by_use() -> tuple[Dialect, ...]:
    """Return all known dialects, those that more models write first: where a text shows no more, that decides."""
    return tuple(sorted(map(_loaded, dialects()), key=lambda found: -len(found.models)))


@cache
def plain_record() -> Dialect:
    """Return the dialect that most models write of those whose call is a JSON object: what lone objects are read as."""
    return next(
        found
        for found in by_use()
        if codec_facts(found.codec).body == "object" and found.call.open.nodes and not found.call.open.roles
    )


def dialect(name: str | Dialect) -> Dialect:
    """Return the dialect of this name or alias; a `Dialect` is returned as it is.

    Raises:
        DialectError: there is none of this name, and the message names the nearest one; or what a package registers
            under it cannot be loaded.
        TypeError: `name` is neither a string nor a `Dialect`.
    """
    if isinstance(name, Dialect):
        return name
    if not isinstance(name, str):
        raise TypeError(f"a dialect is its name, or what wp.Dialect.load(path) returns, not {type(name).__name__}")
    if name in _files() or name in _plugins():
        return _loaded(name)
    if name == AUTO:
        raise DialectError(f"{AUTO!r} is for decoding alone; give the name of a dialect")
    for known in dialects():
        if name in (found := _loaded(known)).aliases:
            return found
    from difflib import get_close_matches

    near = get_close_matches(name, dialects(), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(dialects())}"
    raise DialectError(f"unknown dialect {quoted(name)}; {hint}")


def named(name: str) -> Dialect | None:
    """Return the known dialect that calls itself so: what a package registers may do it under another name."""
    return next((found for found in map(_loaded, dialects()) if found.name == name), None)


@cache
def _files() -> dict[str, Path]:
    return {path.stem: path for path in BUILT_IN.glob("*.toml")}


def _plugins() -> dict[str, EntryPoint]:
    found = registered(DIALECTS)
    taken = found.keys() & {*_files(), AUTO}
    if taken:
        name = min(taken)
        raise DialectError(f"{DIALECTS}: {found[name].value} registers {name!r}, which is built in")
    return found


def _loaded(name: str) -> Dialect:
    found = _load(name)
    if isinstance(found, Dialect):
        return found
    raise DialectError(f"entry point {name!r} of {DIALECTS} ({_plugins()[name].value}) {found}")


@cache
def _load(name: str) -> Dialect | str:
    """Return the dialect of a name, or what is wrong with what a package registers under it."""
    if name in _files():
        return Dialect.load(_files()[name])
    try:
        value = _plugins()[name].load()
        if isinstance(value, (str, Path)):
            value = Dialect.load(value)
    except _FAILURES as error:
        return f"cannot be loaded: {type(error).__name__}: {' '.join(str(error).split())}"
    return value if isinstance(value, Dialect) else f"must give a Dialect or a path, not {type(value).__name__}"
