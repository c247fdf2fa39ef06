"""The laws of a codec: those of a dialect that uses it, and that its grammar agrees with its reader and its writer.

It must not know any codec. Law: without llama.cpp our own matcher decides; no check is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Union

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wireproto import gbnf
from wireproto.engine.codec import Codec
from wireproto.format.dialect import Dialect
from wireproto.format.plugins import TEMPORARY_CODECS, codec_facts, codec_names
from wireproto.format.registry import dialect as find_dialect
from wireproto.grammars.api.api import grammar
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.testing.engines import llamacpp
from wireproto.testing.laws import check_dialect
from wireproto.testing.strategies import calls_of
from wireproto.text.json_repair import dumps
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call
from wireproto.write.encoder import encode
from wireproto.write.prompt import prompt

# Each kind of value, optional keys (no more than a grammar allows in any order), free keys, and no arguments.
TOOLS: list[dict[str, Any]] = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string", "maxLength": 12},
                "content": {"type": "string"},
                "mode": {"type": "integer"},
                "force": {"type": "boolean"},
                "note": {"type": ["string", "null"]},
                "lines": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["path"],
        },
    },
    {"name": "set", "parameters": {"type": "object", "additionalProperties": {"type": "integer"}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]


@contextmanager
def registered_codec(codec: Codec) -> Iterator[Codec]:
    """Register a codec for the length of a test, as an entry point would; a built-in one is there already.

    Raises:
        ValueError: another codec has this name.
    """
    if codec.name not in codec_names():
        TEMPORARY_CODECS[codec.name] = codec
        try:
            yield codec
        finally:
            del TEMPORARY_CODECS[codec.name]
    elif codec_facts(codec.name) is codec:
        yield codec
    else:
        raise ValueError(f"there is another codec named {codec.name!r}")


def check_codec(codec: Codec, dialect: Union[str, Path, Dialect], max_examples: int = 100) -> None:
    """Hold a codec to every law in a dialect that uses it: a known one by name, or the path of a file.

    Those are the laws of `check_dialect`; that a prompt can be written; and if it has a grammar, that this accepts what
    `encode` writes (on llama.cpp's engine if that is installed) and that what it accepts is a valid call.
    """
    with registered_codec(codec):
        loaded = Dialect.load(dialect) if isinstance(dialect, Path) else dialect
        spec = find_dialect(loaded) if isinstance(loaded, str) else loaded
        assert spec.codec == codec.name, f"{spec.name} uses the codec {spec.codec}, not {codec.name}"
        check_dialect(spec, max_examples=max_examples)
        assert prompt(spec, TOOLS)
        if codec.grammar:
            law_grammar(spec, max_examples)


def law_grammar(dialect: Dialect, max_examples: int = 100) -> None:
    """Law 6, grammar agrees: the grammar accepts what `encode` writes, and what it accepts is a valid call."""
    rules = str(grammar(dialect, TOOLS, choice="required"))
    read = gbnf.parse(rules)
    engine = llamacpp.LlamaCpp.compile(rules) if llamacpp.available() else None

    def accepts(text: str) -> bool:
        if engine is not None:
            return engine.accepts(text)
        matcher = gbnf.Matcher(read)
        return matcher.accept(text) and matcher.finished

    written = 0

    @settings(max_examples=max_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(calls_of(_strings(dialect), TOOLS).filter(bool))
    def is_accepted(drawn: tuple[Call, ...]) -> None:
        nonlocal written
        if not all(map(_is_written, drawn)):
            return
        drawn = tuple(replace(call, id=None) for call in drawn)  # a server gives ids; no grammar asks a model for one
        try:
            text = encode(drawn, dialect, tools=TOOLS)
        except EncodeError:
            return
        written += 1
        assert accepts(text), f"the grammar refuses {text!r}"

    is_accepted()
    assert written, f"{dialect.name}: encode refused every call"
    trial = CheckSettings(dialect, TOOLS, choice="required").run(max_examples)
    assert not trial.invalid, f"the grammar accepts {trial.invalid[0].text!r}: {trial.invalid[0].problem}"


def _strings(dialect: Dialect) -> st.SearchStrategy[str]:
    """Text, markers and their halves; no whole calls, which a value may hold in more ways than a grammar writes."""
    markers = (*dialect.markers, *(marker[: len(marker) // 2] for marker in dialect.markers))
    pieces = st.sampled_from((*markers, "\n", " ", '"', "\\", "<", "&lt;", "null", "5", "é", "😀"))
    return st.one_of(st.text(max_size=12), st.lists(pieces, max_size=4).map("".join))


def _is_written(call: Call) -> bool:
    """Whether a grammar means to hold this call: it fits the schema, and has no NUL and no number beyond 20 digits."""
    path = call.arguments.get("path", "" if call.name != "write_file" else None)
    numbers = all(abs(value) < 10**20 for value in call.arguments.values() if isinstance(value, int))
    return isinstance(path, str) and len(path) <= 12 and numbers and "\\u0000" not in dumps(call.arguments)
