"""Cases: an output, all that a decoder was told, and the law that it broke, as JSON lines like those of `fixtures/`.

`fixtures/reality/README.md` has the fields. A case of a fuzz run also has `chunks`, `salt`, the `message` that was
written, the `law` (number and name), `where` it broke, and what was `expected` and `got`. Law: a case read again is the
same trial.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from wireproto.testing.generators.trials import Trial
from wireproto.values.document_types import DocumentType
from wireproto.values.model import Message
from wireproto.values.policy import Limits, Loops, Policy

Case = dict[str, Any]
FILE: Final = "findings.jsonl"
# What a finding says of a trial that broke a law.
_FOUND: Final = ("law", "where", "expected", "got")


class CaseError(Exception):
    """A file that holds no cases: one line that says where and why."""


def case_of(trial: Trial) -> Case:
    """Return a trial as plain data; what is as by default is left out."""
    case: Case = {"text": trial.text}
    if trial.chunks not in ((), (trial.text,)):
        case["chunks"] = list(trial.chunks)
    if trial.tools is not None:
        case["tools"] = list(trial.tools)
    if trial.finish_reason is not None:
        case["finish_reason"] = trial.finish_reason
    if trial.reasoning_open:
        case["reasoning_open"] = True
    if policy := policy_data(trial.policy):
        case["policy"] = policy
    if trial.forced is not None:
        case["forced"] = trial.forced
    if trial.message is not None:
        case["message"] = trial.message.to_dict()
    return case


def trial_of(case: Mapping[str, Any]) -> Trial:
    """Return the trial that plain data says.

    Raises:
        PolicyError, SchemaError, ShapeError: its policy, a type of documents, or its message is none.
    """
    return Trial(
        case["text"],
        tuple(case.get("chunks") or ()),
        case.get("tools"),
        case.get("finish_reason"),
        case.get("reasoning_open", False),
        policy_from(case["policy"]) if case.get("policy") else None,
        case.get("forced"),
        Message.from_dict(case["message"], "message") if "message" in case else None,
    )


def size_of(case: Case) -> tuple[int, int, str]:
    """Return what makes one case smaller than another: the text first, then all around it."""
    around = json.dumps({key: case[key] for key in case if key not in ("text", *_FOUND)}, sort_keys=True)
    return len(case["text"]), len(around), case["text"] + around


def label_of(case: Mapping[str, Any]) -> str:
    """Return what tables call the dialect of a case."""
    name = Path(case["dialect"]).name if case["dialect"].endswith(".toml") else case["dialect"]
    return f"{name} (salted)" if case.get("salt") else name


def policy_data(policy: Policy | None) -> dict[str, Any]:
    """Return the fields of a policy that are not as by default, as plain data."""
    found = _changed(policy, Policy()) if policy is not None else {}
    for name, default in (("limits", Limits()), ("loops", Loops())):
        if name in found:
            found[name] = _changed(found[name], default)
    if "documents" in found:
        found["documents"] = [_document_data(kind) for kind in found["documents"]]
    if "promote" in found:
        found["promote"] = {name: sorted(labels) for name, labels in found["promote"].items()}
    return found


def policy_from(data: Mapping[str, Any]) -> Policy:
    """Return the policy of plain data.

    Raises:
        PolicyError: a field has a wrong value.
        TypeError: there is no field of this name.
    """
    given = dict(data)
    if isinstance(given.get("limits"), dict):
        given["limits"] = Limits(**given["limits"])
    if isinstance(given.get("loops"), dict):
        given["loops"] = Loops(**given["loops"])
    if "documents" in given:
        given["documents"] = [DocumentType(**kind) for kind in given["documents"]]
    return Policy(**given)


def _changed(value: Any, default: Any) -> dict[str, Any]:
    names = (each.name for each in fields(value))
    return {name: getattr(value, name) for name in names if getattr(value, name) != getattr(default, name)}


def _document_data(kind: DocumentType) -> dict[str, Any]:
    members = ("name", "format", "root", "fence", "schema")
    return {name: getattr(kind, name) for name in members if getattr(kind, name) is not None}


# --- files ------------------------------------------------------------------------------------------------------------


def saved(case: Case) -> Case:
    """Return a finding in the order and with the fields of a file."""
    law, where = case["law"], case["where"]
    key = sha256(f"{law['number']}\n{label_of(case)}\n{where}".encode("utf-8", "backslashreplace")).hexdigest()[:8]
    head = {"id": f"fuzz-{law['number']}-{Path(case['dialect']).stem}-{key}", "class": "fuzz"}
    return {**head, "law": law, "where": where, **case, "tools": case.get("tools"), "expect": {}}


def save(folder: Path, cases: Iterable[Case]) -> Path:
    """Add cases to the file of a folder; of those with one id the smallest stays. Return the file.

    Raises:
        OSError: it cannot be written.
        CaseError: what is there holds no cases.
    """
    path = folder / FILE
    known = {case["id"]: case for case in (load(path) if path.exists() else ())}
    for case in map(saved, cases):
        before = known.get(case["id"])
        known[case["id"]] = case if before is None else min(before, case, key=size_of)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(case)}\n" for case in known.values()), encoding="utf-8", newline="\n")
    return path


def load(path: Path) -> list[Case]:
    """Return the cases of a file, those of `fixtures/` too.

    Raises:
        OSError: it cannot be read.
        CaseError: a line is no case.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            raise CaseError(f"{path}:{number}: not JSON: {error}") from None
        if not (isinstance(case, dict) and all(isinstance(case.get(key), str) for key in ("text", "dialect"))):
            raise CaseError(f'{path}:{number}: expected an object with a "dialect" and a "text"')
        found.append(case)
    return found
