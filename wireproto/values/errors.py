"""Every exception of the package.

What a model writes never raises: it becomes text, calls and diagnoses. What an author or a caller writes may:

    WireprotoError
     +- DialectError     a dialect file is wrong, or its name is unknown
     +- SchemaError      a tool definition is wrong
     +- EncodeError      a value cannot be written so that it would come back
     +- GrammarError     a schema asks for what a grammar cannot say
     +- LimitExceeded    a limit that the caller set in Policy was reached
"""


class WireprotoError(Exception):
    """The root of all errors that wireproto raises on purpose."""


class DialectError(WireprotoError):
    """A dialect that cannot be used: says which file, which key, why, and what would be right."""


class SchemaError(WireprotoError):
    """A tool definition that cannot be read: says which tool, where in it, and why."""


class EncodeError(WireprotoError):
    """A call that this dialect cannot carry: says which call, which argument, and what would be lost."""


class GrammarError(WireprotoError):
    """A schema feature that a strict grammar refuses: says where in the schema."""


class LimitExceeded(WireprotoError):
    """A limit of the caller's own `Policy` was passed; the decoder keeps what it had until then."""


class TooLarge(ValueError):
    """An automaton or a rule table that would pass a limit on its size. Never leaves the package: see GrammarError."""
