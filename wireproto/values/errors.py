"""Every exception of the package.

What a model writes never raises: it becomes text, calls and diagnoses. What an author or a caller writes may:

    WireprotoError
     +- DialectError     a dialect file is wrong, or its name is unknown
     +- SchemaError      a tool definition or a document type is wrong
     +- PolicyError      a field of a policy is wrong; a ValueError too
     +- ShapeError       a dict is no message, call or part of one; a ValueError too
     +- EncodeError      a value cannot be written so that it would come back
     +- GrammarError     a schema asks for what a grammar cannot say
     +- LimitExceeded    a limit that the caller set in Policy was passed
     +- MissingExtra     a package of an optional extra is not installed; an ImportError too
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wireproto.values.events import Event


class WireprotoError(Exception):
    """The root of all errors that wireproto raises on purpose."""


class DialectError(WireprotoError):
    """A dialect that cannot be used; the message names file and key, and what would be right."""


class SchemaError(WireprotoError):
    """A tool definition or a document type that cannot be used; the message names it, the place in it, and why."""


class PolicyError(WireprotoError, ValueError):
    """A `Policy` with a wrong field; the message names the field, its value and what is allowed."""


class ShapeError(WireprotoError, ValueError):
    """A dict that `from_dict` cannot read; the message names the key and what was expected there."""


class EncodeError(WireprotoError):
    """A value that would not decode to itself if it were written; the message names the call, the argument and why."""


class GrammarError(WireprotoError):
    """A grammar that cannot be made, or not exactly; the message names the part of the schema, or the argument."""


class LimitExceeded(WireprotoError):
    """A limit that the caller set in `Policy.limits` was passed; the decoder keeps what it had until then.

    `limit` is its name in `Limits`, such as "max_calls". `position` is where the call or the document begins that
    passed it, in characters of the input. `events` are those that were certain before and not returned yet.
    """

    def __init__(self, message: str, limit: str, position: int = 0, events: tuple[Event, ...] = ()) -> None:
        super().__init__(message, limit)
        self.limit, self.position, self.events = limit, position, events

    def __str__(self) -> str:
        return f"{self.args[0]} (Limits.{self.limit})"


class MissingExtra(WireprotoError, ImportError):
    """A package that this use needs is not installed; the message names it and the command that installs it."""


class TooLarge(ValueError):
    """An automaton or a rule table that would pass a limit on its size. Never leaves the package: see GrammarError."""
