"""What the caller wants done where the text alone does not decide, and how much of anything is too much.

It must not know calls or text. Law: a policy that could be made is right in every field; a wrong one is a `PolicyError`
that names the field, the value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Union, get_args

from wireproto.values.document_types import DocumentType
from wireproto.values.errors import PolicyError
from wireproto.values.extras import require
from wireproto.values.quoting import quoted

Promotable = Literal["leaked", "quoted", "draft", "foreign"]
# "required" or "any"; or the choice of one tool, as any API spells it.
Forced = Union[str, Mapping[str, Any], None]
LABELS: Final[tuple[Promotable, ...]] = get_args(Promotable)

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "reasoning": ("read", "none"),
    "reasoning_calls": ("terminal", "never", "always"),
    "fenced_calls": ("quote", "call"),
    "foreign": ("candidate", "call", "text"),
    "unknown_tools": ("forward", "text"),
    "nested": ("keep", "report", "lift"),
    "validate": ("off", "note", "defect"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a model may write; None means no limit. Passing one raises `LimitExceeded`.

    `max_value_chars`: characters of one argument, or of one document at top level. `max_calls`: calls of one message.
    `max_depth`: how deep lists and objects of one value may nest; a document that is deeper is malformed instead.

    Raises:
        PolicyError: a limit is neither None nor an integer from 0.
    """

    max_value_chars: int | None = None
    max_calls: int | None = None
    max_depth: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            _check_count(f"Limits.{each.name}", getattr(self, each.name), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """When to diagnose as `looping` what a model writes over and over; None switches a check off.

    `max_repeated_calls`: this many calls in a row with the same name and the same arguments, whatever text is
    between them. `max_repeated_passages`: this many times in a row the same passage of at most `max_period` characters.
    How long such a stretch must be, and how soon it is found, is explained in docs/reference/policy.md.

    Raises:
        PolicyError: `max_repeated_calls` is below 2, `max_repeated_passages` below 3 or `max_period` below 1.
    """

    max_repeated_calls: int | None = 5
    max_repeated_passages: int | None = 8
    max_period: int = 2_000

    def __post_init__(self) -> None:
        _check_count("Loops.max_repeated_calls", self.max_repeated_calls, 2)
        _check_count("Loops.max_repeated_passages", self.max_repeated_passages, 3)
        _check_count("Loops.max_period", self.max_period, 1, optional=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the caller wants done where the text alone does not decide. The defaults execute nothing by accident.

    `reasoning`: the model may reason ("read"), or this turn has no reasoning ("none"): then its opener is text.
    `reasoning_calls`: a call in reasoning is a call only at its very end ("terminal"), or "never", or "always".
    `max_speculation`: how many characters of calls in reasoning or in a fence are held until what follows decides; a
    longer run of them is none. None means no limit.
    `fenced_calls`: a call in a closed code fence is a "quote", which is a candidate, or a "call".
    `foreign`: a call in another dialect is a "candidate", a "call", or only "text".
    `unknown_tools`: a call of a tool that is not declared is a call with a diagnosis ("forward"), or "text".
    `coerce`: raw text becomes the type that the tool's schema declares. `decimals`: numbers with a fraction or an
    exponent become `decimal.Decimal`, all digits kept, instead of `float`.
    `validate`: the arguments of a complete call are judged by the tool's schema; a required argument that is missing
    and a value that the schema refuses are a "note", or a "defect", or nothing is judged ("off").
    `strict`: each call of an XML protocol is read by an XML parser too, and what that rejects is diagnosed.
    `documents`: the types of documents to look for. `nested`: what becomes of those inside arguments: nothing
    ("keep"), `Call.nested` ("report"), or that and `Message.documents` ("lift").
    `promote`: which candidates become calls when the output ends, as sets of labels by the tool's name, "*" for any
    other: `{"*": {"leaked", "quoted"}}`. An empty set means never. Only complete candidates of declared tools are
    promoted, and none in a salted dialect.
    `second_look`: text that only looks like a call is searched for candidates.
    `limits`: how much a model may write. `loops`: when it repeats itself.

    Raises:
        PolicyError: a field has a wrong value; names the field, the value and what is allowed.
        MissingExtra: `strict` needs an XML parser that is not installed.
    """

    reasoning: Literal["read", "none"] = "read"
    reasoning_calls: Literal["terminal", "never", "always"] = "terminal"
    max_speculation: int | None = 262_144
    fenced_calls: Literal["quote", "call"] = "quote"
    foreign: Literal["candidate", "call", "text"] = "candidate"
    unknown_tools: Literal["forward", "text"] = "forward"
    coerce: bool = True
    decimals: bool = False
    validate: Literal["off", "note", "defect"] = "note"
    strict: bool = False
    documents: Sequence[DocumentType] = ()
    nested: Literal["keep", "report", "lift"] = "keep"
    promote: Mapping[str, Collection[Promotable]] = field(default_factory=dict, hash=False)
    second_look: bool = True
    limits: Limits = field(default_factory=Limits)
    loops: Loops = field(default_factory=Loops)

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise PolicyError(_wrong(f"Policy.{name}", getattr(self, name), _either(allowed)))
        for name in ("coerce", "decimals", "strict", "second_look"):
            if not isinstance(getattr(self, name), bool):
                raise PolicyError(_wrong(f"Policy.{name}", getattr(self, name), "True or False"))
        _check_count("Policy.max_speculation", self.max_speculation, 0)
        if not isinstance(self.limits, Limits):
            raise PolicyError(_wrong("Policy.limits", self.limits, "wp.Limits, such as wp.Limits(max_calls=20)"))
        if not isinstance(self.loops, Loops):
            raise PolicyError(_wrong("Policy.loops", self.loops, "wp.Loops, such as wp.Loops(max_repeated_calls=3)"))
        if self.strict:
            require("documents", "lxml.etree", purpose="Policy(strict=True)")
        object.__setattr__(self, "documents", _documents(self.documents))
        object.__setattr__(self, "promote", _promotions(self.promote))


def policy_of(given: Policy | None) -> Policy:
    """Return the policy that was given, or the default one.

    Raises:
        PolicyError: it is something else.
    """
    if given is not None and not isinstance(given, Policy):
        raise PolicyError(_wrong("policy", given, "a wp.Policy, such as wp.Policy(coerce=False), or None"))
    return _DEFAULT if given is None else given


def _check_count(name: str, value: object, least: int, optional: bool = True) -> None:
    if value is None and optional:
        return
    # bool is a subclass of int, and True as a count is a mistake.
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise PolicyError(_wrong(name, value, f"an integer from {least}{' or None' if optional else ''}"))


def _documents(given: object) -> tuple[DocumentType, ...]:
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise PolicyError(_wrong("Policy.documents", given, "a list of wp.DocumentType"))
    for i, kind in enumerate(given):
        if not isinstance(kind, DocumentType):
            raise PolicyError(_wrong(f"Policy.documents[{i}]", kind, "a wp.DocumentType"))
    return tuple(given)


def _promotions(given: object) -> dict[str, frozenset[str]]:
    if not isinstance(given, Mapping):
        raise PolicyError(_wrong("Policy.promote", given, 'a dict of sets, such as {"*": {"leaked"}}'))
    found: dict[str, frozenset[str]] = {}
    for name, labels in given.items():
        if not isinstance(name, str):
            raise PolicyError(_wrong("Policy.promote", name, 'names of tools as keys, or "*"'))
        found[name] = _labels(f"Policy.promote[{quoted(name)}]", labels)
    return found


def _labels(name: str, given: Any) -> frozenset[str]:
    if isinstance(given, str):
        words = [word for word in given.replace(",", " ").split() if word in LABELS]
        meant = "{" + ", ".join(f'"{word}"' for word in words) + "}" if words else 'set() for never, or {"leaked"}'
        raise PolicyError(_wrong(name, given, f"a set of labels: write {meant}"))
    if not isinstance(given, Collection) or isinstance(given, (bytes, Mapping)):
        raise PolicyError(_wrong(name, given, f"a set with some of {_either(LABELS)}"))
    for label in given:
        if label not in LABELS:
            raise PolicyError(_wrong(name, label, f"{_either(LABELS)}, or an empty set for never"))
    return frozenset(given)


def _wrong(name: str, value: object, allowed: str) -> str:
    return f"{name}: expected {allowed}, not {quoted(value, 80)}"


def _either(words: Sequence[str]) -> str:
    *most, last = (f'"{word}"' for word in words)
    return f"{', '.join(most)} or {last}"


_DEFAULT: Final = Policy()
NO_LOOPS: Final = Loops(max_repeated_calls=None, max_repeated_passages=None)
