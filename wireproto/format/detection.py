"""Which dialect a model writes: by the model's name, or by the markers in its chat template.

It must not know any model or format: the dialect files have the names (`models`) and the markers. Law: the
same name or template gives the same dialect as long as the known dialects are the same.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from wireproto.format.dialect import Dialect
from wireproto.format.plugins import codec_facts
from wireproto.format.registry import dialect, dialects
from wireproto.format.spelling import is_distinctive
from wireproto.format.template import Gap, Template
from wireproto.values.errors import DialectError
from wireproto.values.quoting import quoted

# What is put behind a model's name when its weights are packed: file types, quantisations, parts of a split file.
_PACKING: Final = re.compile(
    r"(?:[-.](?:gguf|safetensors|ggml|mlx|awq|gptq|bnb|exl[23]|hqq|ud|imat(?:rix)?|dynamic|latest|unsloth"
    r"|(?:i?q|tq|mxfp|nvfp|fp|bf|f|int|w)\d[\w.]*)|-(?:i1|\d*bits?|[\d.]+bpw|k|[0-8]|x{0,2}[sml]|\d{5}-of-\d{5}))\Z"
)
_FILE_TYPES: Final = re.compile(r"\.(?:gguf|safetensors|bin|ggml|llamafile|gz|mlx)\Z")
_PIECE: Final = re.compile(r"[^-]+")
# A marker is cut into tags, bracketed words and the rest: a template may write these one by one.
_ATOM: Final = re.compile(r"</?[^<>]+>?|\[/?[^\[\]]+\]|`{3}\w*|[^<>\[\]`]+")
# Templates name their markers and join them: {% set token = "<a>" %}, then '<' + token + 'b>' or <{{ token }}b>.
_CONSTANT: Final = re.compile(r"""\bset\s+(?P<name>\w+)\s*=\s*(?P<quote>['"])(?P<text>[^'"\n]{1,128})(?P=quote)""")
_USE: Final = re.compile(r"""['"]\s*[+~]\s*(?P<joined>\w+)\s*[+~]\s*['"]|\{\{-?\s*(?P<shown>\w+)\s*-?\}\}""")
_HALF: Final = 0.5
_MAX_NAME: Final = 512
_NEAR: Final = 0.5


def dialect_for(*, model: str | None = None, chat_template: str | None = None) -> Dialect:
    """Return the dialect of a model, by its name or by the text of its chat template.

    Of a name, path, case, file type and quantisation do not matter. If several dialects fit the name, it is the one
    whose glob is the most specific; if several fit the template, the one whose markers it holds most completely, then
    the one of which it holds most.

    Raises:
        DialectError: none fits; the message says what would help.
        TypeError: not exactly one of `model` and `chat_template` is given.
    """
    if (model is None) == (chat_template is None):
        raise TypeError("give either model= or chat_template=")
    return _by_name(model) if model is not None else _by_template(chat_template or "")


def _by_name(model: str) -> Dialect:
    known = [dialect(name) for name in dialects()]
    globs = [(glob, each) for each in known for glob in each.models]
    for tail in _tails(model):
        stems = list(_stems(tail))
        fitting = [(glob, each) for glob, each in globs if any(fnmatchcase(stem, _plain(glob)) for stem in stems)]
        if fitting:
            return max(fitting, key=lambda found: _specificity(found[0]))[1]
    near = difflib.get_close_matches(_plain(_last(model)), [_plain(glob) for glob, _ in globs], 1, _NEAR)
    hint = f"the nearest known is {near[0]}; " if near else ""
    raise DialectError(
        f"no dialect is known for the model {quoted(model)}; {hint}pass its chat_template=, or name a dialect"
    )


def _last(model: str) -> str:
    """Return the last part of a path: organisations and folders stand before it."""
    return re.split(r"[/\\]", model.strip().rstrip("/\\"))[-1][:_MAX_NAME]


def _plain(name: str) -> str:
    """Return a name or a glob without case, with one kind of separator."""
    return re.sub(r"[_:@\s]", "-", name.lower())


def _tails(model: str) -> Iterator[str]:
    """Yield the model's name, and then without its first word, two words, and so on: makers put theirs in front."""
    name = _last(model).lower()
    while (file_type := _FILE_TYPES.search(name)) is not None:
        name = name[: file_type.start()]
    name = _plain(name)
    yield from (name[word.start() :] for word in _PIECE.finditer(name))


def _stems(name: str) -> Iterator[str]:
    """Yield a name, and then with what its packing put behind it cut off, one piece at a time."""
    yield name
    while (packing := _PACKING.search(name)) is not None:
        name = name[: packing.start()]
        yield name


def _specificity(glob: str) -> int:
    """Return how many characters of a name a glob settles."""
    return len(re.sub(r"\[[^\]]*\]", "x", glob).replace("*", ""))


def _by_template(text: str) -> Dialect:
    text = _spelled_out(text)
    scored = [(_score(dialect(name), text), name) for name in dialects()]
    best, name = max(scored, key=lambda found: found[0])  # the first of equals, in the order of their names
    if best[0] >= _HALF:
        return dialect(name)
    bare = [each for each in map(dialect, dialects()) if codec_facts(each.codec).body == "object" and not _atoms(each)]
    found = [each for each in bare if all(piece in text for piece in _members(each))]
    if found:
        return found[0]
    raise DialectError("the chat template holds no call markers of a known dialect; name the dialect or give model=")


def _spelled_out(template: str) -> str:
    """Return a template with its constants in place, and with line breaks and quotes for their escapes."""
    constants = {found["name"]: found["text"] for found in _CONSTANT.finditer(template)}

    def value(found: re.Match[str]) -> str:
        return constants.get(found["joined"] or found["shown"], found.group())

    return _USE.sub(value, template).replace("\\n", "\n").replace('\\"', '"')


def _members(spec: Dialect) -> tuple[str, ...]:
    """Return what a format without markers is known by: how its object begins, and what ends a result."""
    guard = spec.result.guard if spec.result is not None else ()
    return (f'{{"{spec.record.name[0]}":', f'"{spec.record.arguments[0]}":', *guard)


def _score(spec: Dialect, text: str) -> tuple[float, int, int, int]:
    """Return how much of a dialect's markers a text holds: their share, their number, whole stretches, reasoning."""
    atoms = _atoms(spec)
    held = sum(atom in text for atom in atoms)
    thinking = spec.reasoning
    thoughts = sum(marker in text for marker in (thinking.open, thinking.close)) if thinking is not None else 0
    stretches = sum(stretch in text for stretch in _stretches(spec))
    return held / len(atoms) if atoms else 0.0, held, stretches, thoughts


def _markers(spec: Dialect) -> tuple[Template, ...]:
    around = (spec.section.open, spec.section.close) if spec.section is not None else ()
    return (*around, spec.call.open, spec.call.close, spec.argument.open, spec.argument.close)


def _atoms(spec: Dialect) -> frozenset[str]:
    found = (atom for template in _markers(spec) for literal in template.literals for atom in _ATOM.findall(literal))
    return frozenset(atom for atom in found if is_distinctive(atom))


def _stretches(spec: Dialect) -> frozenset[str]:
    """Return what stands between two slots, white space included: all that tells some formats apart."""
    found: list[str] = [""]
    for template in _markers(spec):
        for node in template.nodes:
            literals = (node.text,) if isinstance(node, Gap) else Template((node,)).literals
            found[-1] += "".join(literals)
            if len(literals) != 1:
                found.append("")
        found.append("")
    return frozenset(stretch.strip() for stretch in found if is_distinctive(stretch.strip()))
