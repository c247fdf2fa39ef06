"""Law 6: a grammar accepts what `encode` writes, and what it accepts decodes to valid calls.

It must not know how grammars are written. Law: our own matcher decides, and llama.cpp's engine too where it is there.

Between raw tags a grammar may refuse a value that holds markup of calls, though the decoder takes it: not all that
follows a mention is written as rules (docs/reference/grammars.md, "Limits"). Such values are not held to the law. Nor
are calls that are incomplete since a free key of an object may have been written twice: no grammar can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final
from zlib import crc32

from wireproto.codecs import codec
from wireproto.format.dialect import Dialect
from wireproto.testing.decoded import Decoded
from wireproto.testing.generators.tools import Tools
from wireproto.testing.generators.trials import Trial
from wireproto.testing.law import Law, LawBroken
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import EncodeError, GrammarError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode

_MAX_NUMBER: Final = 10**20  # no grammar writes a number of more than 20 digits
_MIN_NUMBER: Final = 1e-307  # nor one that is nearer to zero
_MAX_FRACTION: Final = 1e307  # nor a larger one with an exponent
_DRAWN: Final = 4


def _grammar_agrees(found: Decoded) -> bool:
    spec, trial = found.spec, found.trial
    if spec is None or not trial.tools or not codec(spec.codec).grammar or not _is_installed():
        return False
    calls = trial.message.calls if trial.message is not None else ()
    with found.total("a grammar", 60):
        try:
            return check_grammar(spec, trial.tools, [calls], _DRAWN, crc32(trial.text.encode(errors="replace"))) > 0
        except GrammarError:
            return False


def check_grammar(dialect: Dialect, tools: Tools, written: Iterable[Sequence[Call]], drawn: int, seed: int = 0) -> int:
    """Hold the grammar of some tools to law 6: with calls that `encode` writes, and with texts drawn from it.

    Return how many of the former could be tried. Needs the extras `gbnf` and `documents`.

    Raises:
        LawBroken: the grammar refuses a text, or accepts one that is no valid call.
        GrammarError: there is no such grammar.
    """
    # Most outputs are not held to this law, and what makes grammars takes as long to load as all that decodes.
    from wireproto.grammars.api.api import grammar
    from wireproto.grammars.api.selfcheck import CheckSettings

    known, accepts, tried = Toolset.of(tools), accepts_text(str(grammar(dialect, tools, choice="required"))), 0
    markup = (dialect.call.open.first, dialect.call.close.first) if dialect.argument.close.trimmed else ()
    for each in written:
        calls = [replace(call, id=None) for call in each]  # a server gives ids; no grammar asks a model for one
        if not calls or not all(_is_held(call, known, markup) for call in calls):
            continue
        try:
            text = encode(calls, dialect, known)
        except EncodeError:
            continue
        tried += 1
        if not accepts(text):
            problem = "the grammar refuses what encode writes"
            trial = Trial(text, (), tools, message=Message(calls=tuple(calls)))
            raise LawBroken(GRAMMAR_AGREES, problem, text, "refused", trial, dialect)
    settings = CheckSettings(dialect, tools, choice="required", size=400)
    may_repeat = any(_has_free_keys(tool.schema) for tool in known.tools)
    for wrong in settings.run(drawn, seed).invalid:
        if may_repeat and not all(call.complete for call in wrong.calls):
            continue
        problem = "the grammar accepts what is no valid call"
        raise LawBroken(GRAMMAR_AGREES, problem, "valid calls", wrong.problem, Trial(wrong.text, (), tools), dialect)
    return tried


def _is_installed() -> bool:
    return all(find_spec(package) is not None for package in ("lark", "jsonschema"))


@lru_cache(8)
def accepts_text(rules: str) -> Callable[[str], bool]:
    """Return whether a text is one of a grammar: by llama.cpp's own engine where it is installed."""
    from wireproto import gbnf
    from wireproto.testing.engines import llamacpp

    read = gbnf.parse(rules)
    engine = llamacpp.LlamaCpp.compile(rules) if llamacpp.available() else None

    def accepts(text: str) -> bool:
        if engine is not None:
            return engine.accepts(text)
        matcher = gbnf.Matcher(read)
        return matcher.accept(text) and matcher.finished

    return accepts


def _is_held(call: Call, known: Toolset, markup: Sequence[str]) -> bool:
    """Whether a grammar means to hold this call: its schema does not refuse it, no value is extreme or holds markup."""
    tool = known.get(call.name)
    if tool is None or not tool.required <= call.arguments.keys():
        return False
    if not all(tool.takes(key) and tool.may_be(key, value) for key, value in call.arguments.items()):
        return False
    written = dumps(call.arguments)
    if any(dumps(marker)[1:-1] in written for marker in markup):
        return False
    # An engine reads UTF-8, which has no half of a surrogate pair.
    is_utf8 = not any("\ud800" <= char <= "\udfff" for char in written)
    return is_utf8 and "\\u0000" not in written and all(map(_is_moderate, call.arguments.values()))


def _has_free_keys(schema: Any) -> bool:
    """Whether there is an object in a schema that declares none of its keys."""
    if isinstance(schema, list):
        return any(map(_has_free_keys, schema))
    if not isinstance(schema, Mapping):
        return False
    free = "object" in (schema.get("type"), *(schema.get("type") or ())) and not schema.get("properties")
    return free or any(map(_has_free_keys, schema.values()))


def _is_moderate(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return all(map(_is_moderate, value.values() if isinstance(value, dict) else value))
    if isinstance(value, float):
        return not value or _MIN_NUMBER <= abs(value) <= _MAX_FRACTION
    return not isinstance(value, int) or abs(value) < _MAX_NUMBER


GRAMMAR_AGREES: Final = Law(
    6,
    "grammar agrees",
    "A grammar accepts what `encode` writes; what it accepts, the decoder reads as complete and valid calls.",
    _grammar_agrees,
    every=1_000,
)
