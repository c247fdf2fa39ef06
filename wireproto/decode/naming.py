"""Which dialects a text is written in, where several read the same calls from it.

Some differ in white space alone, or in a section that a call may lack. Which of them a model wrote shows at the ends of
its calls and between them; one call may not be enough. It must not decide what is a call. Law: the names depend on the
text and the calls alone, and a bounded number of calls is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from wireproto.engine.codec import Codec, WriteCall, loaded
from wireproto.engine.further_calls import inside
from wireproto.format.declared import holding
from wireproto.format.dialect import Dialect
from wireproto.format.plugins import codec_facts
from wireproto.format.registry import by_use
from wireproto.format.spelling import CACHED, is_distinctive, spellings
from wireproto.format.template import Gap, Lit, Template
from wireproto.text.buffer import Buffer
from wireproto.text.scan import BLANK, NO, Match, skip_blank
from wireproto.tools.names import NAME
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

_CALLS = 64  # a model that wrote so many in one way does not change it
_HEAD = 512  # longer than any header and what begins an argument
_BEHIND = 64  # how much white space before a section's closer is looked at


def names_of(read_as: Dialect, found: Sequence[Call] | Sequence[int], buffer: Buffer) -> tuple[str, ...]:
    """Return the names of the dialects that would write these calls as they stand, `read_as` first among equals.

    `found`: calls, or while there are none, where the first begins. If none writes all of it exactly so, those count
    that come closest.
    """
    kin = _kin(read_as)
    if len(kin) == 1:
        return (read_as.name,)
    start = found[0] if isinstance(found[0], int) else found[0].span[0]
    before = buffer.slice(max(0, start - _HEAD), start)
    kin = tuple(spec for spec in kin if _opens(spec, before)) or kin
    # Some write their values otherwise: then it tells whether a call is what one would write.
    spelled = len({(spec.argument.literals, spec.argument.json) for spec in kin}) > 1
    scores = [_score(spec, found[:_CALLS], buffer, spelled) for spec in kin]
    return tuple(spec.name for spec, score in zip(kin, scores, strict=True) if score == max(scores))


@lru_cache(maxsize=CACHED)
def _kin(spec: Dialect) -> tuple[Dialect, ...]:
    """Return the dialect and all others whose calls have the same markers inside, white space aside."""
    same = inside(spellings(spec)[0])
    return (spec, *(each for each in by_use() if each is not spec and inside(spellings(each)[0]) == same))


def _opens(spec: Dialect, before: str) -> bool:
    """Return whether a text ends as what stands before a call may: with the opener of its section, blanks aside."""
    spelling = spellings(spec)[0]
    if spelling.sections:
        text, openers = "".join(before.split()), {"".join(section.format().split()) for section, _ in spelling.sections}
        return any(text.endswith(each) if is_distinctive(each) else text == each for each in openers)
    return bool(spec.call.open.nodes) or not before[-1:].strip(BLANK)


def _score(spec: Dialect, found: Sequence[Call] | Sequence[int], buffer: Buffer, spelled: bool) -> int:
    """Return in how many places more the text has what this dialect writes than it has something else."""
    marks = [*_marks(spec, found, buffer)]
    if spelled:
        marks += [_writes(spec, call) for call in found if isinstance(call, Call) and call.complete and call.arguments]
    return 2 * sum(marks) - len(marks)


def _marks(spec: Dialect, found: Sequence[Call] | Sequence[int], buffer: Buffer) -> Iterator[bool]:
    """Yield for each place where dialects may differ whether the text there is what this one writes."""
    closing = _written(spec.argument.close) + _written(spec.call.close)
    last = closing.rstrip(BLANK)
    joint = closing[len(last) :] + spec.call.join
    end = -1
    for each in found:
        start = each if isinstance(each, int) else each.span[0]
        between = buffer.slice(end, start) if end >= 0 else ""
        if end >= 0 and not between.strip(BLANK):
            yield between == joint
        elif end < 0 and spec.section is not None:
            opener = spec.section.open.format()
            at = max(0, start - len(opener))
            # A bracket alone is no opener where it is the end of a longer one.
            alone = is_distinctive(opener) or not buffer.slice(max(0, at - 1), at).strip(BLANK)
            yield alone and buffer.slice(at, start) == opener
        unusual = each.name if isinstance(each, Call) and NAME.fullmatch(each.name) is None else ""
        head = buffer.slice(start, start + _HEAD + len(unusual))
        yield _begins(spec, head, unusual)
        if spec.argument.open.first:
            yield from _argument_marks(spec, head)
        if isinstance(each, Call):
            end = each.span[1]
            if each.complete and each.arguments:
                yield buffer.slice(max(start, end - len(last)), end) == last
    if spec.section is not None and end >= 0:
        yield buffer.slice(end, end + _BEHIND).startswith(closing[len(last) :] + spec.section.close.format())


def _argument_marks(spec: Dialect, text: str) -> Iterator[bool]:
    """Yield whether the first argument begins, ends and is joined to the next one as this dialect does it."""
    opener, closer, pad = spec.argument.open, spec.argument.close, spec.argument.pad
    start = text.find(opener.first)
    found = opener.match(text, start, len(text)) if start >= 0 else NO
    # A key may be one that no alphabet holds: then the opener's last literal ends it.
    last = opener.literals[-1]
    value = found.end if isinstance(found, Match) else text.find(last, start + len(opener.first)) + len(last)
    if start < 0 or value < start + len(last) or (closer.roles and not isinstance(found, Match)):
        return
    breaks = text[value : value + 1] in ("\r", "\n")
    canonical = not isinstance(found, Match) or found.canonical
    yield canonical and (text.startswith(pad, value) if pad else not breaks)
    close = pad + (closer.fill(**found.slots) if isinstance(found, Match) and closer.roles else closer.format())
    mark = close.strip(BLANK)
    if not mark:
        return
    before, _, behind = close.partition(mark)
    at = text.find(mark, value)
    after = skip_blank(text, at + len(mark), len(text))
    if at >= 0 and text.startswith(opener.first, after):
        yield text.endswith(before, value, at)
        yield text[at + len(mark) : after] == behind


def _writes(spec: Dialect, call: Call) -> bool:
    """Return whether the text of a call is what the dialect writes for it, as far as no schema is needed for that."""
    codec = codec_facts(spec.codec)
    assert isinstance(codec, Codec), f"{codec.name} has facts, and neither reader nor writer"
    try:
        write: WriteCall = loaded(codec.write)
        return write(spec, call, Tool(call.name), 0, False) == call.raw
    except ValueError:
        return False


def _begins(spec: Dialect, text: str, unusual: str) -> bool:
    """Return whether a text begins with a header as the dialect writes it, and then an argument or the call's end.

    `unusual`: the name in it, where the alphabet does not hold that.
    """
    words = frozenset((unusual,)) if unusual else frozenset[str]()
    found = holding(spec.call.open, "name", words).match(text, 0, len(text))
    if found is NO and (keyed := next((also for also in spec.call.also if "id" in also.roles), None)) is not None:
        found = holding(keyed, "name", words).match(text, 0, len(text))  # it writes that for a call with an id
    if not isinstance(found, Match) or not found.canonical or "id" in found.slots:
        return isinstance(found, Match)
    try:
        head = spec.call.open.format(**found.slots)
    except ValueError:
        return False  # a name that can be read and not written
    return text.startswith((head + _written(spec.argument.open), head + _written(spec.call.close)))


def _written(template: Template) -> str:
    """Return the fixed text that a template begins with."""
    text = ""
    for node in template.nodes:
        if not isinstance(node, (Lit, Gap)):
            break
        text += node.text
    return text
