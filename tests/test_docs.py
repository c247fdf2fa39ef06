"""The documentation is true: its Python blocks run, its tables are generated, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wireproto as wp
from docs import api
from docs.generate import pages

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("fixtures/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_blocks_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "docs"}
    for block in BLOCK.finditer(text):
        # Line breaks in front let a traceback point to the line of the page.
        source = "\n" * text.count("\n", 0, block.start(1)) + block.group(1)
        exec(compile(source, str(page), "exec"), names)


def test_there_are_blocks_to_run() -> None:
    assert sum(len(BLOCK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


def test_readme_begins_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("make demo") < text.index("make test") < text.index("```python")


def test_generated_parts_are_up_to_date() -> None:
    for path, content in pages().items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name} is out of date; run make docs"


def test_the_api_reference_has_every_public_name(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^### `(\w+)`$", text, re.MULTILINE)) == wp.__all__
    assert "#### `Call.from_dict`" in text and "#### `Decoder.feed`" in text and "- `Label`: `Literal[" in text
    monkeypatch.setattr(wp, "__all__", [*wp.__all__, "__version__"])
    with pytest.raises(SystemExit, match="__version__"):
        api.page()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(other), f"{page.name} links to {target}"


def test_the_package_docstring_runs() -> None:
    import doctest

    import wireproto

    assert doctest.testmod(wireproto).failed == 0
    assert doctest.testmod(wireproto).attempted > 0


PLACE = re.compile(r"`(wireproto/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_paths_lead_somewhere(page: Path) -> None:
    named = PLACE.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
