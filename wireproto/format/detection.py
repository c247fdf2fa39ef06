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
from wireproto.format.rendering import HOLE, rendered
from wireproto.format.spelling import is_distinctive, spellings
from wireproto.format.tag import Tag
from wireproto.format.template import Slot, Template
from wireproto.values.errors import DialectError
from wireproto.values.quoting import quoted

# What is put behind a model's name when its weights are packed: file types, quantisations, parts of a split file.
_PACKING: Final = re.compile(
    r"(?:[-.](?:gguf|safetensors|ggml|mlx|awq|gptq|bnb|exl[23]|hqq|ud|imat(?:rix)?|dynamic|latest|unsloth"
    r"|(?:i?q|tq|mxfp|nvfp|fp|bf|f|int|w)\d[\w.]*)|-(?:i1|\d*bits?|[\d.]+bpw|k|[0-8]|x{0,2}[sml]|\d{5}-of-\d{5}))\Z"
)
_FILE_TYPES: Final = re.compile(r"\.(?:gguf|safetensors|bin|ggml|llamafile|gz|mlx)\Z")
_PACKER: Final = re.compile(r"--|_(?=[a-z])")
# A marker is cut into tags, bracketed words and the rest: a template may write these one by one.
_ATOM: Final = re.compile(r"</?[^<>]+>?|\[/?[^\[\]]+\]|`{3}\w*|[^<>\[\]`]+")
_HALF: Final = 0.5
_MAX_NAME: Final = 512
_NEAR: Final = 0.5


def by_name(model: str) -> Dialect:
    """Return the dialect of a model: path, case, file type and quantisation of its name do not matter.

    If several fit the name, it is the one whose glob is the most specific.

    Raises:
        DialectError: none fits; the message says what would help.
    """
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
    """Yield the model's name, and then without who packed it: `Qwen_Qwen3-8B`, `models--Qwen--Qwen3-8B`.

    Words before a hyphen are part of a name: what is tuned from a model and named after it may write anything.
    """
    name = _last(model).lower()
    while (file_type := _FILE_TYPES.search(name)) is not None:
        name = name[: file_type.start()]
    starts = [0, *(packer.end() for packer in _PACKER.finditer(name))]
    yield from (_plain(name[start:]) for start in starts)


def _stems(name: str) -> Iterator[str]:
    """Yield a name, and then with what its packing put behind it cut off, one piece at a time."""
    yield name
    while (packing := _PACKING.search(name)) is not None:
        name = name[: packing.start()]
        yield name


def _specificity(glob: str) -> int:
    """Return how many characters of a name a glob settles."""
    return len(re.sub(r"\[[^\]]*\]", "x", glob).replace("*", ""))


def by_markers(template: str) -> Dialect:
    """Return the dialect whose markers a chat template holds: nothing of it is run.

    If several fit, it is the one whose markers are held most completely, then the one of which most is held, white
    space and results included.

    Raises:
        DialectError: none fits, or the nearest one would write other white space between two arguments.
    """
    text = rendered(template)
    known = [dialect(name) for name in dialects()]
    # What holds equally much of two is the one that more models write; then the name decides, so that something does.
    scored = [(_score(each, text), len(each.models), each) for each in known if _is_written(each, text)]
    best = max(scored, key=lambda found: found[:2], default=None)
    if best is not None and best[0][0] >= _HALF:
        if _joins_otherwise(best[2], text):
            near = best[2].name
            raise DialectError(
                f"the chat template writes calls as {near} does, but with other white space between two arguments: "
                f"{near} decodes them, and to write them a file of their own is needed"
            )
        return best[2]
    bare = [each for each in known if spellings(each)[0].markerless and not _atoms(each)]
    found = [each for each in bare if _is_taught(each, text)]
    if found:
        guards = [each.result.guard if each.result is not None else () for each in found]
        held = [sum(guard in text for guard in some) for some in guards]
        return max(zip(held, [len(each.models) for each in found], found, strict=True), key=lambda one: one[:2])[2]
    raise DialectError("the chat template holds no call markers of a known dialect; name the dialect or give model=")


def _members(spec: Dialect) -> tuple[str, ...]:
    """Return what a format without markers is known by: how its object begins, and what ends a result."""
    guard = spec.result.guard if spec.result is not None else ()
    return (f'{{"{spec.record.name[0]}":', f'"{spec.record.arguments[0]}":', *guard)


def _is_taught(spec: Dialect, text: str) -> bool:
    """Return whether a template shows how the calls of a format without markers begin: as it writes one, or says."""
    if codec_facts(spec.codec).body == "object":
        return all(piece in text for piece in _members(spec))
    call = "".join(map(_holed, (*_openers(spec), spec.argument.open)))
    shown = re.escape(call).replace(re.escape(HOLE), rf"(?:\w+|{HOLE})")
    return spec.section is not None and re.search(shown, text) is not None


def _is_written(spec: Dialect, text: str) -> bool:
    """Return whether a call's object may follow its opener: a template may also speak of a marker and write another.

    A marker that stands behind a bracket is a part of a longer one.
    """
    openers = "".join(map(_holed, _openers(spec)))
    atoms = [atom for atom in _ATOM.findall(openers.replace(HOLE, " ")) if _is_evidence(atom.strip())]
    if codec_facts(spec.codec).body != "object" or not atoms or openers + _holed(spec.call.close) in text:
        return True
    return re.search(rf"(?<![\[<]){re.escape(atoms[-1].strip())}\s*[{{\[{HOLE}]", text) is not None


def _score(spec: Dialect, text: str) -> tuple[float, int, int, int, int]:
    """Return how much of a dialect a text holds: markers (share, number), stretches of a call, results, reasoning."""
    atoms = _atoms(spec)
    held = sum(atom in text for atom in atoms)
    thinking = spec.reasoning
    thoughts = sum(marker in text for marker in (thinking.open, thinking.close)) if thinking is not None else 0
    stretches = sum(stretch in text for stretch in _stretches(spec))
    result = spec.result is not None and re.sub(r"\{\w+\}", HOLE, spec.result.each) in text
    return held / len(atoms) if atoms else 0.0, held, stretches, int(result), thoughts


def _joins_otherwise(spec: Dialect, text: str) -> bool:
    """Return whether a template writes two arguments in a row, and with other white space between than the dialect."""
    argument = spec.argument
    if not argument.open.roles or argument.close.roles:
        return False
    joint = (argument.pad + _holed(argument.close) + _holed(argument.open)).split(HOLE)[0].strip()
    marks = "".join(joint.split())
    written = {piece.strip() for piece in text.split(HOLE)[1:-1] if "".join(piece.split()) == marks}
    return bool(written) and joint not in written


def _openers(spec: Dialect) -> tuple[Template, ...]:
    return (*((spec.section.open,) if spec.section is not None else ()), spec.call.open)


def _atoms(spec: Dialect) -> frozenset[str]:
    closers = (spec.call.close, *((spec.section.close,) if spec.section is not None else ()))
    markers = (*_openers(spec), *closers, spec.argument.open, spec.argument.close)
    found = (atom for template in markers for literal in template.literals for atom in _ATOM.findall(literal))
    return frozenset(filter(_is_evidence, found))


def _is_evidence(atom: str) -> bool:
    """Return whether an atom tells anything: a word without punctuation may stand in any template."""
    return is_distinctive(atom) and not re.fullmatch(r"[\w\s]+", atom)


def _stretches(spec: Dialect) -> frozenset[str]:
    """Return what stands between two slots of a call, white space included: all that tells some formats apart."""
    if codec_facts(spec.codec).body == "object":
        body = HOLE
    else:
        argument = spec.argument
        body = f"{_holed(argument.open)}{argument.pad}{HOLE}{argument.pad}{_holed(argument.close)}" * 2
    call = "".join(map(_holed, _openers(spec))) + body + _holed(spec.call.close)
    return frozenset(stretch for stretch in call.split(HOLE) if is_distinctive(stretch.strip()))


def _holed(template: Template) -> str:
    """Return what a template writes, with a hole for each slot and without what is optional."""
    out = []
    for node in template.nodes:
        if isinstance(node, Tag):
            out.append(node.format({role: HOLE for _, role, optional in node.attributes if not optional}))
        elif isinstance(node, Slot):
            out.append(HOLE.join(node.quotes[0]) if node.quotes else HOLE)
        else:
            out.append(node.text)
    return "".join(out)
