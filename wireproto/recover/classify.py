"""The label of a whole output: one word, the reasons for it, and the calls that could be recovered.

It asks the decoder for calls, candidates and diagnoses, and looks for markers in the rest of the text. It must not
parse a call. Law: a label depends on the text, the tools, the policy and the finish reason alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from wireproto.decode.decoder import Decoder, parse
from wireproto.engine.call_builder import End
from wireproto.engine.regions import fences
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, named, plain_record
from wireproto.format.registry import dialect as find_dialect
from wireproto.recover.markers import (
    Decoding,
    cut_marker,
    failed_block,
    holds_document,
    markers_of,
    nested_call,
    without_section,
)
from wireproto.recover.repetition import repeated_words
from wireproto.recover.retry import Failure, retry_message
from wireproto.text.scan import BLANK
from wireproto.tools.arguments import FAULTS
from wireproto.tools.toolset import Tools, Toolset
from wireproto.values.diagnoses import KINDS, diagnose
from wireproto.values.model import Call, Diagnosis, Message
from wireproto.values.policy import Policy, policy_of

Label = Literal[
    "plain",
    "calls",
    "recovered",
    "truncated",
    "malformed",
    "nested",
    "foreign",
    "quoted",
    "draft",
    "leaked",
    "mention",
    "looping",
]
LABELS: tuple[Label, ...] = get_args(Label)

# How likely it is that a candidate was meant as a call, before other facts are counted.
_CONFIDENCE: dict[str, float] = {"foreign": 0.8, "leaked": 0.6, "malformed": 0.4, "quoted": 0.1, "draft": 0.1}
# If the text was damaged on its way from the model, the model more likely wrote a good call.
_CAUSES = frozenset(("html-escaped", "no-tools", "special-tokens-stripped"))
_DOUBTS = frozenset(("unknown-argument", "type-mismatch", "json-repaired", *FAULTS))
_CUT = frozenset(("truncated-call", "truncated-value"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call that could be made of the text.

    `label` is what it is now: "leaked", "quoted", "draft", "foreign" or "malformed". `confidence`, from 0 to 1, is how
    likely it was meant as a call. `assumes` are the codes of what has to be assumed for it.
    """

    call: Call
    label: Label
    confidence: float
    assumes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an output is.

    `label` is one word; docs/reference/labels.md lists them. `message` is what was decoded. `reasons` are the diagnoses
    that explain the label, with all those of the message. `dialect` is the name of the one that was found, empty if
    none was. `saw_start` and `saw_end` count the opening and the closing markers of calls in the whole text: of that
    dialect, or of all if none was found. `text_len` is its length in characters. `candidates` are calls that could be
    promoted, the likeliest first. `tools` and `expected` are what the retry message is written for.
    """

    label: Label
    message: Message
    reasons: tuple[Diagnosis, ...]
    dialect: str
    saw_start: int
    saw_end: int
    text_len: int
    candidates: tuple[Candidate, ...]
    tools: Toolset = field(repr=False, compare=False)
    expected: Dialect = field(repr=False, compare=False)

    def retry_message(self) -> str:
        """Return a message to the model that says what was wrong and shows the right form; empty if nothing was.

        It is written for the configured dialect; with "auto" for the one that was found, or else for Hermes.
        """
        calls = tuple(candidate.call for candidate in self.candidates)
        return retry_message(Failure(self.label, self.message, self.reasons, calls, self.tools, self.expected))


def classify(
    text: str,
    dialect: str | Dialect = AUTO,
    tools: Tools = None,
    *,
    policy: Policy | None = None,
    finish_reason: str | None = None,
    reasoning_open: bool = False,
) -> Verdict:
    """Return the label of a whole output, and the calls that could be recovered; the arguments are those of `parse`.

    Raises:
        DialectError, SchemaError: as `Decoder` does.
        LimitExceeded: a limit that is set in the policy was passed.
        TypeError: `text` is no string.
    """
    known = Toolset.of(tools)
    decoder = Decoder(dialect, known, policy=policy, reasoning_open=reasoning_open)
    decoder.feed(text)
    pending = decoder.pending
    decoder.close(finish_reason)
    message = decoder.message
    configured = find_dialect(dialect) if dialect != AUTO else None
    spec = configured or named(message.dialect)
    cut, kinds = End.of(finish_reason) is End.CUT, (*policy_of(policy).documents,)
    found = Decoding(text, message, known, spec, markers_of(spec), pending, cut, kinds)
    label, more = _label(found)
    seen = _dialect_of(found)
    other = named(seen) if seen and (spec is None or seen != spec.name) else None
    markers = markers_of(other) if other is not None else found.markers
    wrong = _wrong_dialect(message, configured)
    return Verdict(
        label=label,
        message=message,
        reasons=(*message.diagnoses, *more, *wrong),
        dialect=seen,
        saw_start=markers.count(markers.openers, text),
        saw_end=markers.count(markers.closers, text),
        text_len=len(text),
        candidates=tuple(_candidates(found)),
        tools=known,
        expected=spec or plain_record(),
    )


def _label(found: Decoding) -> tuple[Label, list[Diagnosis]]:
    """Return the label, and the diagnoses for it that the message does not have."""
    message = found.message
    if any(diagnosis.code == "looping" for diagnosis in message.diagnoses):
        return "looping", []
    stuck = repeated_words(message)
    if stuck is not None:
        return "looping", [diagnose("looping", stuck)]
    nested = nested_call(found)
    if nested is not None:
        return "nested", [diagnose("nested-call", nested)]
    if message.calls:
        return _label_of_calls(found), []
    kinds = {KINDS[diagnosis.code] for diagnosis in message.diagnoses if diagnosis.code in KINDS}
    if "foreign" in kinds:
        return "foreign", []
    cut = cut_marker(found)
    if cut is not None:
        return "truncated", [diagnose("cut-marker", cut)]
    block = failed_block(found) if not found.tools.empty else None
    if block is not None and holds_document(found, block):
        return "nested", [diagnose("nested-call", block)]
    if block is not None and not _is_explained(found, block):
        return "malformed", [diagnose("unreadable-block", block)]
    if "leaked" in kinds or ("quoted" in kinds and _is_all_fence(message)):
        return "leaked", []
    if "quoted" in kinds:
        return "quoted", []
    if "draft" in kinds:
        return "draft", []
    mention = found.markers.first(found.text)
    return ("mention", [diagnose("marker-mentioned", mention)]) if mention is not None else ("plain", [])


def _label_of_calls(found: Decoding) -> Label:
    message = found.message
    broken = [call for call in message.calls if not call.complete]
    if not broken:
        slips = any(diagnosis.severity == "repaired" for diagnosis in message.diagnoses)
        return "recovered" if slips or any(diagnosis.code == "promoted" for diagnosis in message.diagnoses) else "calls"
    last = broken[-1]
    cut = any(diagnosis.code in _CUT for diagnosis in last.diagnoses)
    at_end = not found.text[last.span[1] :].strip(BLANK)
    return "truncated" if cut and at_end and without_section(found, last) is None else "malformed"


def _is_explained(found: Decoding, block: tuple[int, int]) -> bool:
    """Return whether the markers are those of a call in a format that no dialect has."""
    return any(each.code == "no-dialect" and each.span[0] == block[0] for each in found.message.diagnoses)


def _is_all_fence(message: Message) -> bool:
    """Return whether the whole text is one fenced block; around a quotation there would be other text."""
    text = message.text.strip(BLANK)
    return [*fences(text)] == [(0, len(text))]


def _candidates(found: Decoding) -> list[Candidate]:
    calls = [*found.message.candidates]
    for call in found.message.calls:
        repaired = without_section(found, call)
        calls += [repaired] if repaired is not None else []
    made = [_candidate(found, call) for call in calls]
    return sorted(made, key=lambda candidate: (-candidate.confidence, candidate.call.span))


def _candidate(found: Decoding, call: Call) -> Candidate:
    codes = tuple(dict.fromkeys(diagnosis.code for diagnosis in call.diagnoses))
    kinds = [KINDS[code] for code in codes if code in KINDS]
    label: Label = next((name for name in LABELS if name in kinds), "malformed")
    confidence = _CONFIDENCE[label]
    start, end = call.span
    if label in ("foreign", "leaked"):
        alone = not (found.text[:start] + found.text[end:]).strip(BLANK)
        confidence += 0.1 * (alone + bool(_CAUSES & {*codes}))
    confidence -= 0.1 * len(_DOUBTS & {*codes})
    return Candidate(call, label, round(max(0.0, confidence) * (1.0 if call.complete else 0.5), 2), codes)


def _wrong_dialect(message: Message, configured: Dialect | None) -> list[Diagnosis]:
    """Return the diagnosis `wrong-dialect` if all calls are in another dialect than the configured one."""
    codes = [diagnosis for diagnosis in message.diagnoses if diagnosis.code in ("foreign-call", "foreign-dialect")]
    own = [call for call in message.calls if not any(each.code == "foreign-dialect" for each in call.diagnoses)]
    if configured is None or own or not codes:
        return []
    return [diagnose("wrong-dialect", codes[0].span)]


def _dialect_of(found: Decoding) -> str:
    """Return the name of the dialect of the calls, or of what looks like calls; empty if there are none."""
    message = found.message
    if message.calls:
        return message.dialect
    for call in message.candidates:
        dialect = parse(call.raw, AUTO, None if found.tools.empty else found.tools).dialect
        if dialect:
            return dialect
    seen = found.dialect is not None and found.markers.first(found.text) is not None
    return found.dialect.name if found.dialect is not None and seen else ""
