"""What a run is about: which dialects, from which seed, and so which output has which number.

It must not judge. Law: an output depends on the plan and on its number alone, whoever draws it and when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from zlib import crc32

from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, dialect, dialects
from wireproto.fuzz.cases import Case, case_of, label_of, policy_data, policy_from
from wireproto.testing.generators.choices import ByteChoices, Choices, RandomChoices
from wireproto.testing.generators.damage import mutate
from wireproto.testing.generators.tools import Tools, draw_tools
from wireproto.testing.generators.trials import draw_chunks, draw_trial

SALT: Final = "k7q2"
ALL: Final = "all"
GROUP: Final = 8  # outputs in a row that are of one subject
# The number of an output, or the bytes from which an engine has it drawn.
Key = int | bytes


@dataclass(frozen=True)
class Subject:
    """What is fuzzed: a dialect by its name or the path of its file, with a salt or without, or "auto"."""

    name: str
    salt: str | None = None

    @property
    def label(self) -> str:
        """What tables call it."""
        return label_of(self.mark({}))

    def mark(self, case: Case) -> Case:
        """Return a case that says which dialect it is of."""
        return {"dialect": self.name} | ({} if self.salt is None else {"salt": self.salt}) | case


@cache
def loaded(name: str, salt: str | None = None) -> str | Dialect:
    """Return what a decoder takes for the dialect of a case.

    Raises:
        DialectError: there is no such dialect.
    """
    if name == AUTO:
        return AUTO
    found = Dialect.load(name) if name.endswith(".toml") else dialect(name)
    return found if salt is None else found.salted(salt)


def subjects(name: str) -> tuple[Subject, ...]:
    """Return what a name stands for; `all` is every known dialect, each that can be salted also with a salt, and auto.

    Raises:
        DialectError: there is no such dialect.
    """
    if name != ALL:
        return (Subject(name),)
    known = dialects()
    salted = (Subject(each, SALT) for each in known if dialect(each).salt)
    return (*map(Subject, known), *salted, Subject(AUTO))


@dataclass(frozen=True)
class Plan:
    """What is drawn. `corpus`: the user's outputs as cases; half of what is drawn is one of them, damaged.

    `tools`: what is declared; drawn if None. `policy`: the fields that are the same in every output. `codec`: where to
    import a codec that is not installed, as "module:object". `limit`: how many seconds of CPU one decoding may take.
    """

    subjects: tuple[Subject, ...]
    seed: str = "0"
    corpus: tuple[Case, ...] = ()
    tools: Any = None
    policy: dict[str, Any] = field(default_factory=dict)
    codec: str | None = None
    limit: float = 5.0

    def subject(self, key: Key) -> int:
        """Return the number of the subject that an output is of."""
        return (key // GROUP if isinstance(key, int) else key[0]) % len(self.subjects)

    def has_turn(self, key: int, every: int) -> bool:
        """Return whether an output is one of those that a dear law is held to: one in so many, of all subjects."""
        return every == 1 or crc32(b"%d" % key) % every == 0

    def draw(self, key: Key) -> Case:
        """Return an output and its circumstances."""
        if isinstance(key, bytes) and key[1:2] < b"\x80":
            return self._spelled(key)
        choices: Choices = ByteChoices(key[2:]) if isinstance(key, bytes) else RandomChoices(f"{self.seed}:{key}")
        subject = self.subjects[self.subject(key)]
        found = loaded(subject.name, subject.salt)
        case = case_of(draw_trial(choices, found, self._tools(key)))
        if self.corpus and choices.one_in(2):
            for name in ("chunks", "message"):
                case.pop(name, None)
            case |= choices.choice(self.corpus)
            case["text"] = mutate(choices, case["text"], found)
            case["chunks"] = list(draw_chunks(choices, case["text"]))
        if self.policy:
            case["policy"] = policy_data(policy_from(case.get("policy", {}) | self.policy))
        return subject.mark(case)

    def _tools(self, key: Key) -> Tools:
        """Return what is declared in an output; None where that is drawn with it.

        Most of a group share their tools: what is worked out for declared names is then worked out once.
        """
        given: Tools = self.tools
        if given is not None or isinstance(key, bytes):
            return given
        choices = RandomChoices(f"{self.seed}:tools:{key // GROUP}")
        return draw_tools(choices) if choices.integer(0, 4) and key % GROUP else None

    def _spelled(self, key: bytes) -> Case:
        """Return the case whose text the bytes spell, behind one for the subject and one for the circumstances."""
        subject = self.subjects[self.subject(key)]
        choices = RandomChoices(f"{self.seed}:{key[:2]!r}")
        case = self.draw(GROUP * (self.subject(key) + len(self.subjects) * key[1]))
        case["text"] = key[2:].decode("utf-8", "replace")
        case["chunks"] = list(draw_chunks(choices, case["text"]))
        return subject.mark(case)

    def spelled(self, subject: int, circumstances: int) -> bytes:
        """Return bytes from which an output of the subject is drawn, and whose end is its text."""
        text: str = self.draw(GROUP * (subject + len(self.subjects) * circumstances))["text"]
        return bytes((subject, circumstances)) + text.encode("utf-8", "replace")
