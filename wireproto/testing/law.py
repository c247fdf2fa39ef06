"""A law as a value, and the error that says how one is broken.

It must not know any law. Law: an error names the law, and shows what a model or a tool file wrote only as
`values/quoting.py` escapes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Union

from wireproto.format.dialect import Dialect
from wireproto.testing.generators.trials import Trial
from wireproto.values.model import Message
from wireproto.values.policy import Policy
from wireproto.values.quoting import escaped

if TYPE_CHECKING:
    from wireproto.testing.decoded import Decoded

_SHOWN: Final = 300  # characters of a text or a value that an error quotes
Check = Callable[["Decoded"], Union[bool, None]]


@dataclass(frozen=True, slots=True)
class Law:
    """A law of decoding or encoding, and how one output is held to it.

    `number` and `name` are those of docs/explanation/design.md, `sentence` says what holds. `check(found)` holds one
    output to it (`Decoded(dialect, trial)`): it raises `LawBroken`, and returns False where the law says nothing of
    this output, such as of a value that `encode` refuses. A run over many outputs checks a cheap law on each and a
    dear one on every `every`-th.
    """

    number: int
    name: str
    sentence: str
    check: Check = field(repr=False, compare=False)
    every: int = 1

    def __str__(self) -> str:
        return f"law {self.number}, {self.name}"


class LawBroken(AssertionError):
    """A law is broken: which, by what text, and how.

    `law`: the `Law`. `problem`: in what respect, in a few words. `expected` and `got`: any values. `trial`: the output
    and the circumstances of its decoding; `text`, `chunks` and `tools` are those of the trial. `dialect`: its name.
    """

    def __init__(
        self, law: Law, problem: str, expected: Any, got: Any, trial: Trial, dialect: str | Dialect = ""
    ) -> None:
        name = dialect.name if isinstance(dialect, Dialect) else dialect
        super().__init__(law, problem, expected, got, trial, name)
        self.law, self.problem, self.expected, self.got, self.trial = law, problem, expected, got, trial
        self.dialect = name

    @property
    def text(self) -> str:
        """The output that breaks the law."""
        return self.trial.text

    @property
    def chunks(self) -> tuple[str, ...]:
        """How the output arrives; empty for one piece."""
        return self.trial.chunks

    @property
    def tools(self) -> Any:
        """What is declared."""
        return self.trial.tools

    def __str__(self) -> str:
        trial = self.trial
        shown = {
            "expected": self.expected,
            "got": self.got,
            "dialect": self.dialect,
            "text": self.text,
            "message": "" if trial.text or trial.message is None else content(trial.message),
            "chunks": "" if trial.chunks in ((), (trial.text,)) else list(trial.chunks),
            "tools": trial.tools,
            "finish_reason": trial.finish_reason,
            "reasoning_open": trial.reasoning_open,
            "policy": _unusual(trial.policy),
            "forced": trial.forced,
        }
        always = ("expected", "got", "text")
        lines = [f"  {key}: {escaped(repr(value), _SHOWN)}" for key, value in shown.items() if value or key in always]
        return "\n".join([f"{self.law}: {self.problem} ({self.law.sentence})", *lines])


def content(message: Message) -> tuple[Any, ...]:
    """Return what has to come back of a message: text, reasoning, and each call's name, arguments, completeness."""
    return message.text, message.reasoning, [(call.name, call.arguments, call.complete) for call in message.calls]


def _unusual(policy: Policy | None) -> dict[str, Any]:
    """Return the fields of a policy that are not as usual."""
    usual = Policy()
    shown = {each.name: getattr(policy or usual, each.name) for each in fields(Policy)}
    return {name: value for name, value in shown.items() if value != getattr(usual, name)}
