"""The codes of all diagnoses, with how bad each is and what it means: the one table that code and documentation share.

`defect`: the caller should look (the command line exits with 1). `repaired`: the call stands, the text was not
canonical. `note`: nothing is wrong with the call.
"""

from __future__ import annotations

from wireproto.values.model import Diagnosis, Severity, Span

CODES: dict[str, tuple[Severity, str]] = {
    "alias-key": ("repaired", "A JSON member has another name than the format gives it (parameters for arguments)."),
    "ambiguous-boundary": (
        "note",
        "Where a value ends could not be told from the text alone; the plain reading was taken.",
    ),
    "cut-marker": ("defect", "The output breaks off in the markers that would begin a call."),
    "document-invalid": ("defect", "A document does not fit the schema of its type."),
    "document-malformed": ("defect", "A document is not well formed, or nested too deeply; delivered without a value."),
    "draft-call": ("note", "A call stands in closed reasoning: a draft, reported as a candidate."),
    "draft-document": ("note", "A document stands in reasoning: a draft, left there."),
    "duplicate-argument": ("defect", "An argument or member was given twice; the first value stands."),
    "duplicate-closer": ("repaired", "A closing marker was written twice; one was dropped."),
    "empty-arguments": ("repaired", "A call's arguments are missing or empty; read as no arguments."),
    "empty-block": ("note", "Call markers with nothing between them; left in the text."),
    "fence-not-closed": ("repaired", "A call ends an unclosed Markdown fence; taken as a call."),
    "foreign-call": ("defect", "A call of another dialect than the configured one; reported as a candidate."),
    "foreign-dialect": ("repaired", "The call is written in a relative of the configured dialect."),
    "html-escaped": (
        "defect",
        "The markup of a call is HTML-escaped: something between the model and here escaped it.",
    ),
    "json-invalid": ("defect", "The arguments are not JSON and no safe repair applies; the call is incomplete."),
    "json-repaired": ("repaired", "The arguments are JSON after a named repair."),
    "leaked-call": ("defect", "Text has the shape of a call and lacks its markers; reported as a candidate."),
    "lone-surrogate": ("repaired", "Half of a surrogate pair in an escape; replaced by U+FFFD."),
    "looping": ("defect", "The same passage or the same call was written over and over (Policy.loops says how often)."),
    "marker-mentioned": ("note", "Markers of calls stand in the text, around no call."),
    "marker-variant": ("repaired", "A marker has a variant spelling."),
    "mismatched-closer": ("repaired", "A value is closed by the closer of its own name instead of the format's."),
    "missing-value-opener": ("repaired", "The value's opening marker is missing after its key."),
    "missing-wrapper": ("repaired", "A call's opening marker or wrapper is missing."),
    "nested-call": ("defect", "A call or a document stands where the other belongs."),
    "nested-document": ("note", "An argument holds a document of a registered type."),
    "no-tools": ("note", "There is a call in the text, but no tools were offered in this request."),
    "noncanonical-id": (
        "repaired",
        "The call id does not have the format's form; the tool's name was recovered from it.",
    ),
    "not-well-formed": ("defect", "The call is not well-formed XML (Policy.strict)."),
    "orphan-closer": ("repaired", "A closing marker that closes nothing; dropped."),
    "promoted": ("note", "A candidate became a call, since Policy.promote or Policy.foreign says so."),
    "quoted-call": (
        "note",
        "A call stands in a closed Markdown fence or in quotation marks: a quote, reported as a candidate.",
    ),
    "reasoning-not-closed": ("repaired", "Reasoning never closed and ends in a complete call; taken as a call."),
    "reasoning-only-call": (
        "repaired",
        "Closed reasoning ends in a complete call and nothing follows; taken as a call.",
    ),
    "special-tokens-stripped": (
        "defect",
        "What is left of a call whose special tokens are gone: the server decoded it with skip_special_tokens.",
    ),
    "suspicious-entities": ("note", "A value holds character entities that this format does not decode."),
    "toml-invalid": ("defect", "The call is not TOML; it is incomplete from there on."),
    "toml-repaired": ("repaired", "The call is TOML after a named repair."),
    "truncated-call": ("defect", "The output ends inside a call; the call is incomplete."),
    "truncated-document": ("defect", "The text ends inside a document; it is incomplete."),
    "truncated-value": ("defect", "The output ends inside an argument; the call is incomplete."),
    "type-conflict": ("note", "The type written on the wire is not the schema's; the schema's was taken."),
    "type-mismatch": ("defect", "A value does not have the type that the schema declares; kept as written."),
    "unclosed-call": ("repaired", "A call's or wrapper's closing marker is missing."),
    "unclosed-value": ("repaired", "A value's closing marker is missing; it ends at the next marker."),
    "unknown-argument": ("defect", "The tool does not declare this argument."),
    "unknown-tool": ("defect", "No tool of this name was declared."),
    "unreadable-block": ("defect", "What stands between the markers of a call is none."),
    "value-not-json": ("repaired", "A value that JSON has no word for (a date, NaN); told as a string."),
    "value-repaired": ("repaired", "A raw value was read after a named repair (Python spelling, one array per line)."),
    "wrong-dialect": ("defect", "All calls are written in another dialect than the configured one."),
}

# What a candidate is called in `Policy.promote`, by the diagnosis that says why it is no call.
KINDS: dict[str, str] = {
    "draft-call": "draft",
    "foreign-call": "foreign",
    "leaked-call": "leaked",
    "quoted-call": "quoted",
}


def diagnose(code: str, span: tuple[int, int], message: str = "") -> Diagnosis:
    """Return a diagnosis with the severity of its code; the code's own sentence where no other is given."""
    severity, meaning = CODES[code]
    return Diagnosis(code, Span(*span), message or meaning, severity)
