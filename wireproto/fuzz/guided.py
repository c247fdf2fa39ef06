"""Runs that coverage guides: atheris mutates bytes, outputs are drawn from them, and what reaches new code is kept.

Source: the README of google/atheris, and the options of LLVM's libFuzzer, which is inside it. It must not know laws.
Law: as in any run, a process that dies or hangs is replaced, and what it was at is judged again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from wireproto.format.dialect import Dialect
from wireproto.fuzz.children import Child, FuzzError, Say, Work
from wireproto.fuzz.codecs import use_codec
from wireproto.fuzz.plan import Plan, loaded
from wireproto.fuzz.runner import Runner
from wireproto.fuzz.work import Trying, judge
from wireproto.testing.generators.values import foreign_markers
from wireproto.testing.laws import TRIAL_LAWS

INSTALL: Final = "--engine atheris needs atheris: pip install atheris (it has wheels for Linux)"
LONGEST: Final = 4_096  # bytes of one input
_SEEDS: Final = 4  # outputs of each subject to begin with
_SHOWN: Final = 128  # of the circumstances that bytes can name
# What decoding is made of; to measure all of the package takes twice as long to begin.
_MEASURED: Final = tuple(f"wireproto.{name}" for name in ("decode", "codecs", "engine", "format", "text", "documents"))
# It has to be there before what it measures is imported.
_FIRST: Final = "import atheris; atheris.instrument_imports(include={!r}).__enter__()"


@dataclass(frozen=True)
class Guide:
    """A task that never ends: to try what is in the folder, and what grows from it."""

    folder: str
    seed: int


class GuidedRunner(Runner):
    """Runs a plan under atheris in so many processes, which share a folder of inputs.

    Raises:
        FuzzError: atheris is not installed.
    """

    def __init__(self, plan: Plan, jobs: int, folder: Path) -> None:
        super().__init__(plan, jobs)
        try:
            import atheris  # noqa: F401
        except ImportError:
            raise FuzzError(INSTALL) from None
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(_inputs(plan)):
            (folder / f"seed-{number}").write_bytes(data)

    def _every(self, runs: int | None) -> Iterator[tuple[int, int]]:
        return ((number, number) for number in count(1))

    def _start(self, start: int, stop: int) -> Child:
        own = [self.plan.codec.partition(":")[0]] if self.plan.codec is not None else []
        child = Child(self._inbox, begin, self.plan, _FIRST.format([*_MEASURED, *own]))
        child.send(Guide(str(self._folder), start))
        return child


def begin(plan: Plan) -> Work:
    """Return what a child works with."""
    use_codec(plan.codec)
    return lambda task, say: _fuzz(plan, task, say)


def _fuzz(plan: Plan, guide: Guide, say: Say) -> None:
    """Hand the process over to atheris, which does not give it back."""
    import atheris

    def try_one(data: bytes) -> None:
        if len(data) > 2:
            say(Trying(data))
            say(judge(plan.draw(data), plan.limit, TRIAL_LAWS))

    with tempfile.NamedTemporaryFile("w", suffix=".dict", delete=False) as words:
        words.write("".join(_entries(plan)))
    # Time is watched from outside; a decoder that fills the memory dies, which is a finding.
    options = {
        "max_len": LONGEST,
        "timeout": 86_400,
        "rss_limit_mb": 4096,
        "seed": guide.seed,
        "verbosity": 0,
        "reload": 1,
    }
    artifacts = f"-artifact_prefix={tempfile.gettempdir()}/"
    flags = [*(f"-{name}={value}" for name, value in options.items()), f"-dict={words.name}", artifacts]
    atheris.Setup(["wireproto", *flags, guide.folder], try_one)
    atheris.Fuzz()


def _inputs(plan: Plan) -> Iterator[bytes]:
    """Yield what to begin with: outputs of each subject, and the user's own as each subject's."""
    for subject in range(len(plan.subjects)):
        for number in range(_SEEDS):
            yield plan.spelled(subject, number)
    for number, case in enumerate(plan.corpus):
        head = bytes((number % len(plan.subjects), number % _SHOWN))
        yield head + case["text"].encode("utf-8", "replace")[: LONGEST - 2]


def _entries(plan: Plan) -> Iterator[str]:
    """Yield a libFuzzer dictionary of the markers."""
    known = (loaded(subject.name, subject.salt) for subject in plan.subjects)
    markers = [marker for found in known if isinstance(found, Dialect) for marker in found.markers]
    for marker in dict.fromkeys(markers or foreign_markers()):
        escaped = "".join(f"\\x{byte:02x}" for byte in marker.encode("utf-8")[:64])
        if escaped:
            yield f'"{escaped}"\n'
