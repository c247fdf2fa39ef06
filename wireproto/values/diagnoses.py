"""The codes of all diagnoses, with how bad each is and what it means: the one table that code and documentation share.

`defect`: the caller should look (the command line exits with 1). `repaired`: the call is good, but its text was not
canonical. `note`: nothing is wrong with the call.
"""

from __future__ import annotations

from wireproto.values.model import Diagnosis, Severity, Span
from wireproto.values.quoting import SENTENCE, escaped

CODES: dict[str, tuple[Severity, str]] = {
    "alias-key": (
        "repaired",
        "A JSON member does not have the name that the format gives it (parameters for arguments).",
    ),
    "ambiguous-boundary": ("note", "The text alone does not show where a value ends; the plain reading was chosen."),
    "broken-closer": ("repaired", "A closing marker has a slip in it; taken for the marker."),
    "cut-marker": ("defect", "The output breaks off inside the markers that would begin a call."),
    "damaged-opener": ("repaired", "A part of a call's opener is missing, or other text stands in it."),
    "document-invalid": ("defect", "A document does not match the schema of its type."),
    "document-malformed": ("defect", "A document is not well formed, or is nested too deeply; it has no value."),
    "draft-call": ("note", "A call in closed reasoning is a draft; reported as a candidate."),
    "draft-document": ("note", "A document in reasoning is a draft; left there."),
    "duplicate-argument": ("defect", "An argument or member was given twice; the first value was kept."),
    "duplicate-closer": ("repaired", "A closing marker was written twice; one was dropped."),
    "duplicate-opener": ("repaired", "An opening marker was written twice; one was dropped."),
    "empty-arguments": ("repaired", "A call's arguments are missing or empty; read as no arguments."),
    "empty-block": ("note", "Call markers with nothing between them; left in the text."),
    "end-of-turn": ("note", "The output holds a token with which the model ends its turn; dropped."),
    "fence-not-closed": ("repaired", "A Markdown fence is never closed and ends in a complete call; taken as a call."),
    "flattened-arguments": (
        "repaired",
        "Arguments stand beside the tool's name instead of in an object of their own.",
    ),
    "foreign-element": ("repaired", "An element that no call has stands behind an argument; skipped."),
    "forced-call": ("note", "JSON without markers is a call, since a call was forced."),
    "foreign-call": ("defect", "A call in another dialect than the configured one; reported as a candidate."),
    "foreign-dialect": ("repaired", "The call is written in a dialect that is related to the configured one."),
    "html-escaped": ("defect", "The markup of a call is HTML-escaped: something behind the model escaped its output."),
    "invalid-value": (
        "note",
        "A value is not what the schema allows (enum, bounds, pattern, nested types); a defect with Policy.validate.",
    ),
    "json-invalid": ("defect", "The arguments are not JSON and cannot be repaired safely; the call is incomplete."),
    "json-repaired": ("repaired", "The arguments are JSON after repairs, which the message names."),
    "leaked-call": ("defect", "Text has the shape of a call but lacks its markers; reported as a candidate."),
    "lone-surrogate": ("repaired", "An escape is half of a surrogate pair; replaced by U+FFFD."),
    "looping": ("defect", "The same passage or the same call was written over and over (Policy.loops says how often)."),
    "marker-mentioned": ("note", "The text mentions markers of calls but holds no call."),
    "marker-variant": ("repaired", "A marker is spelled in a known variant."),
    "mismatched-closer": ("repaired", "A value is closed by a tag of its own name instead of the format's closer."),
    "missing-argument": (
        "note",
        "An argument that the schema requires was not given; a defect with Policy.validate.",
    ),
    "missing-key-opener": ("repaired", "The marker before a declared key is missing."),
    "missing-value-opener": ("repaired", "The value's opening marker is missing after its key."),
    "missing-wrapper": ("repaired", "A call's opening marker or wrapper is missing."),
    "nested-call": ("defect", "A call is inside a document, or a document is where a call belongs."),
    "nested-document": ("note", "An argument holds a document of a registered type."),
    "no-dialect": ("defect", "A call in a format that no dialect has; the message names the format."),
    "no-tools": ("note", "The text holds a call, but no tools were offered in this request."),
    "noncanonical-id": ("repaired", "The call id is not in the format's form; the tool's name was recovered from it."),
    "not-well-formed": ("defect", "The call is not well-formed XML (Policy.strict)."),
    "number-rounded": (
        "note",
        "A number has more digits than a float keeps; Policy.decimals keeps them all.",
    ),
    "orphan-closer": ("repaired", "A closing marker that closes nothing; dropped."),
    "padded-name": ("repaired", "The tool's name has white space around it; it was dropped."),
    "positional-argument": ("defect", "An argument stands without its name; the call is incomplete."),
    "promoted": ("note", "A candidate became a call because Policy.promote or Policy.foreign allows it."),
    "python-invalid": ("defect", "A value is no literal of Python; the call is incomplete."),
    "python-repaired": ("repaired", "The arguments are Python after repairs, which the message names."),
    "quoted-call": (
        "note",
        "A call in a closed Markdown fence or in quotation marks is a quotation; reported as a candidate.",
    ),
    "quoted-value": ("repaired", "A string stands in quotes that the schema does not allow; read without them."),
    "reasoning-not-closed": ("repaired", "Reasoning is never closed and ends in a complete call; taken as a call."),
    "reasoning-only-call": (
        "repaired",
        "Closed reasoning ends in a complete call and nothing follows; taken as a call.",
    ),
    "record-variant": (
        "repaired",
        "The object of a call has members that the format does not know, or stands inside another object.",
    ),
    "several-calls": ("repaired", "Several calls stand between markers that the format has for one."),
    "special-tokens-stripped": (
        "defect",
        "The special tokens of a call are missing: the server decoded it with skip_special_tokens.",
    ),
    "stray-members": (
        "defect",
        "A call has no arguments, but members that its tool does not declare; the call is incomplete.",
    ),
    "suspicious-entities": ("note", "A value holds character entities, which this format does not decode."),
    "toml-invalid": ("defect", "The call is not TOML; it is incomplete from there on."),
    "toml-repaired": ("repaired", "The call is TOML after repairs, which the message names."),
    "truncated-call": ("defect", "The output ends inside a call; the call is incomplete."),
    "truncated-document": ("defect", "The text ends inside a document; it is incomplete."),
    "truncated-value": ("defect", "The output ends inside an argument; the call is incomplete."),
    "type-conflict": ("note", "The type that the call states is not the schema's; the schema's was used."),
    "type-mismatch": ("defect", "A value does not have the type that the schema declares; kept as written."),
    "unclosed-call": ("repaired", "The closing marker of a call or wrapper is missing."),
    "unclosed-value": ("repaired", "A value's closing marker is missing; it ends at the next marker."),
    "unknown-argument": ("defect", "The tool does not declare this argument."),
    "unknown-finish-reason": (
        "note",
        "The finish reason is none that is known; it may mean a cut, so a call without its closers is incomplete.",
    ),
    "unknown-tool": ("defect", "No tool of this name was declared."),
    "unreadable-block": ("defect", "What is between the markers of a call is not a call."),
    "value-not-json": ("repaired", "A value that JSON cannot express (a date, NaN) was turned into a string."),
    "value-repaired": (
        "repaired",
        "A raw value was read after repairs, which the message names (Python spelling, one array per line).",
    ),
    "wrapped-arguments": ("repaired", "The arguments stand in an argument that the tool does not declare; unwrapped."),
    "wrong-dialect": ("defect", "All calls are in another dialect than the configured one."),
}

# The rules of docs/explanation/rules.md that diagnoses come from; those about documents, ids and loops come from none.
_OF_RULES: dict[str, tuple[str, ...]] = {
    "R-OPEN": (
        "empty-block",
        "unreadable-block",
        "marker-mentioned",
    ),
    "R-MISSING": (
        "damaged-opener",
        "missing-key-opener",
        "missing-value-opener",
        "missing-wrapper",
        "duplicate-opener",
    ),
    "R-RECORD": (
        "alias-key",
        "flattened-arguments",
        "marker-variant",
        "padded-name",
        "record-variant",
        "several-calls",
        "stray-members",
    ),
    "R-JSON": ("json-invalid",),
    "R-HOLD": ("ambiguous-boundary",),
    "R-CLOSE2": ("duplicate-closer",),
    "R-NOCLOSE": (
        "broken-closer",
        "foreign-element",
        "mismatched-closer",
        "unclosed-value",
    ),
    "R-TYPE": (
        "number-rounded",
        "quoted-value",
        "type-conflict",
        "type-mismatch",
    ),
    "R-VALID": (
        "invalid-value",
        "missing-argument",
    ),
    "R-ENT": (
        "suspicious-entities",
        "html-escaped",
    ),
    "R-DUP": ("duplicate-argument",),
    "R-REPAIR": (
        "empty-arguments",
        "json-repaired",
        "toml-repaired",
        "value-repaired",
        "lone-surrogate",
    ),
    "R-PY": (
        "positional-argument",
        "python-invalid",
        "python-repaired",
    ),
    "R-CUT": (
        "cut-marker",
        "truncated-call",
        "truncated-document",
        "truncated-value",
        "unclosed-call",
        "unknown-finish-reason",
    ),
    "R-TEXT": (
        "end-of-turn",
        "orphan-closer",
    ),
    "R-THINK": (
        "draft-call",
        "draft-document",
        "reasoning-not-closed",
        "reasoning-only-call",
    ),
    "R-FENCE": (
        "fence-not-closed",
        "quoted-call",
    ),
    "R-UNK": (
        "unknown-argument",
        "unknown-tool",
        "no-tools",
        "wrapped-arguments",
    ),
    "R-FOREIGN": (
        "foreign-call",
        "foreign-dialect",
        "leaked-call",
        "wrong-dialect",
    ),
}
RULES: dict[str, str] = {code: rule for rule, codes in _OF_RULES.items() for code in codes}

# The label of a candidate in `Policy.promote`, by the diagnosis that says why it is not a call.
KINDS: dict[str, str] = {
    "draft-call": "draft",
    "foreign-call": "foreign",
    "leaked-call": "leaked",
    "quoted-call": "quoted",
}


def diagnose(code: str, span: tuple[int, int], message: str = "", severity: Severity | None = None) -> Diagnosis:
    """Return a diagnosis; where no severity or no message is given, with those of its code."""
    usual, meaning = CODES[code]
    return Diagnosis(code, Span(*span), escaped(message, SENTENCE) or meaning, severity or usual)
