"""Measure the grammars of JSON Schema against the JSON-Schema-Test-Suite, through llama.cpp's own engine.

python -m benchmarks.jsonschema_suite [FOLDER] [--draft draft-07] [--lax] [--reasons]

FOLDER holds the suite's files of one draft (tests/draft2020-12). Without it the sdist of `jsonschema`, which carries
the suite, is fetched with pip. Each file runs in a process of its own: a grammar that hangs or kills the engine costs
its file's results, which then count as crashed. An instance is written by `json.dumps` and must match exactly if valid.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wireproto.grammars.schema.rules import schema_grammar
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.values.errors import GrammarError

OUTCOMES = ("right", "accepts invalid", "rejects valid", "refused", "crashed")
SECONDS = 120
FOLDERS = {"2020-12": "draft2020-12", "draft-07": "draft7"}
NAMES = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft-07": "http://json-schema.org/draft-07/schema",
}


@dataclass(frozen=True)
class Options:
    """How the schemas are read."""

    draft: str
    strict: bool

    def arguments(self) -> list[str]:
        return ["--draft", self.draft, *([] if self.strict else ["--lax"])]


def measured(group: dict[str, Any], options: Options) -> Iterator[tuple[str, str]]:
    """Yield the outcome of each test of one schema, with what explains it."""
    schema = group["schema"]
    if isinstance(schema, dict):
        schema = {"$schema": NAMES[options.draft], **schema}
    try:
        rules = schema_grammar(schema, strict=options.strict).rules
        gbnf = "" if rules.is_empty else to_gbnf(rules)
    except GrammarError as error:
        yield from (("refused", str(error)) for _ in group["tests"])
        return
    # A schema without instances has no grammar, and so accepts nothing.
    engine = LlamaCpp.compile(gbnf) if gbnf else None
    for test in group["tests"]:
        text = json.dumps(test["data"], ensure_ascii=False)
        accepted = engine is not None and engine.accepts(text)
        outcome = "right" if accepted == test["valid"] else "accepts invalid" if accepted else "rejects valid"
        yield outcome, f"{group['description']}: {test['description']}"
    if engine is not None:
        engine.close()


def one_file(path: Path, options: Options) -> list[tuple[str, str]]:
    """Return the outcomes of one file's tests."""
    groups = json.loads(path.read_text(encoding="utf-8"))
    return [outcome for group in groups for outcome in measured(group, options)]


def apart(path: Path, options: Options) -> list[tuple[str, str]]:
    """Return the outcomes of one file, measured in another process."""
    command = [sys.executable, "-m", "benchmarks.jsonschema_suite", str(path), *options.arguments()]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
        return [(outcome, why) for outcome, why in json.loads(run.stdout)]
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        groups = json.loads(path.read_text(encoding="utf-8"))
        return [("crashed", str(error)) for group in groups for _ in group["tests"]]


def fetched(into: Path, draft: str) -> Path:
    """Return the folder of a draft's tests out of the sdist of `jsonschema`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps", "jsonschema"]
    subprocess.run([*pip, "--dest", str(into)], check=True)
    archive = next(into.glob("jsonschema-*.tar.gz"))
    with tarfile.open(archive) as opened:
        names = [each for each in opened.getmembers() if each.isfile() and "/json/tests/" in each.name]
        opened.extractall(into, names, filter="data")
    return next(into.glob(f"jsonschema-*/json/tests/{FOLDERS[draft]}"))


def table(folder: Path, options: Options, reasons: bool) -> Counter[str]:
    """Print one line for each file and return all outcomes."""
    total: Counter[str] = Counter()
    print(f"{'keyword':24}" + "".join(f"{name:>17}" for name in OUTCOMES))
    for path in sorted(folder.glob("*.json")):
        outcomes = apart(path, options)
        counts = Counter(outcome for outcome, _ in outcomes)
        total += counts
        print(f"{path.stem:24}" + "".join(f"{counts[name] or '':>17}" for name in OUTCOMES), flush=True)
        if reasons:
            for outcome, why in dict.fromkeys(each for each in outcomes if each[0] != "right"):
                print(f"    {outcome}: {why}")
    print(f"{'all ' + str(total.total()):24}" + "".join(f"{total[name]:>17}" for name in OUTCOMES))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    parser.add_argument("--draft", choices=sorted(FOLDERS), default="2020-12")
    parser.add_argument("--lax", action="store_true", help="widen what strict refuses")
    parser.add_argument("--reasons", action="store_true", help="say why a test is not right")
    arguments = parser.parse_args()
    options = Options(arguments.draft, not arguments.lax)
    if arguments.folder is not None and arguments.folder.is_file():
        print(json.dumps(one_file(arguments.folder, options)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or fetched(Path(temporary), options.draft)
        total = table(folder, options, arguments.reasons)
    # What a strict grammar accepts is valid: anything else is a defect.
    sys.exit(bool(options.strict and total["accepts invalid"] + total["crashed"]))


if __name__ == "__main__":
    main()
