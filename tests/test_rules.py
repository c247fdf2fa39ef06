"""The page of rules is whole and true: every cited rule has its section, and its examples are cases of the fixtures."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from judging import CASES, REALITY

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "explanation" / "rules.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "explanation" / "glossary.md").read_text(encoding="utf-8")
RULE = re.compile(r"\bR-[A-Z0-9]+")
SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)
CASE_ID = re.compile(r"`([a-z]+-[0-9]+|(?:own|real)-[a-z0-9-]+)`")
EXAMPLE = re.compile(r"^Example `([^`]+)`[^\n]*:\n\n```text\n(.*?)\n```$", re.MULTILINE | re.DOTALL)

SECTIONS = dict(SECTION.findall(PAGE))
TEXTS = {case["id"]: case["text"] for case in (*CASES, *REALITY)}
READ = (".py", ".toml", ".jsonl", ".json", ".md", ".txt")


def cited() -> dict[str, str]:
    """Return the rules that code, tests and fixtures cite, each with a file that does."""
    files = [path for name in ("wireproto", "tests", "fixtures") for path in sorted((ROOT / name).rglob("*"))]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in READ}
    return {rule: path.name for path, text in texts.items() for rule in RULE.findall(text)}


def test_every_cited_rule_has_its_section() -> None:
    defined = {title.partition(":")[0] for title in SECTIONS}
    rules = cited()
    assert len(rules) > 15
    assert {rule: place for rule, place in rules.items() if rule not in defined} == {}


def test_every_rule_that_the_page_names_has_its_section() -> None:
    # The two ends of reasoning have names of their own in the cases; their section is R-THINK.
    assert set(RULE.findall(PAGE)) == {title.partition(":")[0] for title in SECTIONS if title.startswith("R-")}


def test_every_rule_has_one_place_in_the_code() -> None:
    places = dict(re.findall(r"^\| (R-[A-Z0-9]+) \| `(wireproto/\S+\.py)`, `\w+` \|$", PAGE, re.MULTILINE))
    assert places.keys() == {title.partition(":")[0] for title in SECTIONS if title.startswith("R-")}
    for rule, path, name in re.findall(r"^\| (R-\S+) \| `(\S+)`, `(\w+)` \|$", PAGE, re.MULTILINE):
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(?:class|def) {name}\b|^{name}\b.* = ", source, re.MULTILINE), rule


@pytest.mark.parametrize("title", SECTIONS)
def test_every_section_names_cases_that_exist(title: str) -> None:
    named = CASE_ID.findall(SECTIONS[title])
    assert named
    assert [name for name in named if name not in TEXTS] == []


def test_examples_are_the_texts_of_their_cases() -> None:
    examples = EXAMPLE.findall(PAGE)
    assert len(examples) == PAGE.count("\nExample `") == PAGE.count("\n```text\n")
    assert [name for name, text in examples if text not in TEXTS[name]] == []


def test_the_glossary_is_in_order() -> None:
    words = re.findall(r"^- \*\*(.+?)\*\*:", GLOSSARY, re.MULTILINE)
    assert len(words) > 30
    assert [pair for pair in pairwise(words) if pair[0] >= pair[1]] == []
