"""Writes the parts of the documentation that are tables of the package; run it with `make docs`.

A test runs it too and fails if anything changes, so that what is documented is what the code says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import wireproto as wp
from docs import api, dialect_pages, house
from wireproto.values.diagnoses import CODES
from wireproto.values.finish_reasons import CUT, ENDED

ROOT = house.ROOT
SEVERITIES = {
    "defect": "The caller should look. The command line exits with 1.",
    "repaired": "The call is good; only its text was not canonical.",
    "note": "Nothing is wrong with the call.",
}


def table(*rows: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a Markdown table; the first row is its head."""
    head, *body = rows
    yield "| " + " | ".join(head) + " |"
    yield "|" + "--|" * len(head)
    for row in body:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def diagnoses() -> str:
    """Return the reference page of all diagnoses."""
    lines = [
        "# Diagnoses",
        "",
        "A diagnosis reports that something differs from the format: a stable `code`, a `span` (start and end, in",
        "characters of the input), a `severity` and a sentence. This page is written by `make docs` from",
        "`wireproto/values/diagnoses.py`.",
        "",
        "Run a call only if `complete` is true: then it was written to its end and each of its arguments could be",
        "read; whether its name and values are what the tool declares is said by its `diagnoses`.",
    ]
    for severity, meaning in SEVERITIES.items():
        rows = [(f"`{code}`", text) for code, (level, text) in sorted(CODES.items()) if level == severity]
        lines += ["", f"## {severity}", "", meaning, "", *table(("code", "meaning"), *rows)]
    return "\n".join(lines) + "\n"


def finish_reasons() -> str:
    """Return the reference page of what servers say about the end of an output."""
    lines = [
        "# Finish reasons",
        "",
        "`finish_reason` takes the server's own word for why an output ended. It decides whether a call without its",
        "closers is complete. Case, `-`, `_` and blanks do not matter, nor does the name of an enumeration before the",
        "word (`FinishReason.STOP`). This page is written by `make docs` from `wireproto/values/finish_reasons.py`.",
        "",
        "- None, or nothing: the output ended by itself. A harness whose connection dropped passes `abort`;",
        "  `iter_events` does so when the stream that it reads raises.",
        "- A word that is not listed may mean a cut, so it counts as one, with the note `unknown-finish-reason`.",
    ]
    for title, words in (("It ended by itself", ENDED), ("It was cut", CUT)):
        rows = [(f"`{word}`", where) for word, where in words.items()]
        lines += ["", f"## {title}", "", *table(("word", "who says it"), *rows)]
    return "\n".join(lines) + "\n"


def dialects() -> str:
    """Return the table of all dialects."""
    rows = []
    for name in wp.dialects():
        dialect = wp.dialect(name)
        models = ", ".join(f"`{model}`" for model in dialect.models)
        aliases = ", ".join(f"`{alias}`" for alias in dialect.aliases)
        rows.append((f"[`{name}`](docs/dialects/{name}.md)", aliases, dialect.codec, models))
    return "\n".join(table(("name", "aliases", "codec", "models"), *rows)) + "\n"


def machines() -> str:
    """Return the reference page that says how to read the drawings of machines."""
    lines = [
        "# Machines",
        "",
        "What each dialect makes of its markers, context by context. Decoder and grammar follow the same machine.",
        "`wireproto show D --machine` prints it as a table, `--format dot` and `--format mermaid` draw it, and a file",
        "of your own may take the place of `D`. This page is written by `make docs`.",
        "",
        "In a raw value every marker has a letter, and a context is named by the letters that are held: markers that",
        "are content or the end of the value, as what follows says. A marker that no arrow has there makes the first",
        "of them content, and the others are read again; so does text. A whole call in a value is content. The",
        "[rules](../explanation/rules.md) say which markers count where.",
        "",
        "Each drawing stands on the page of its dialect:",
        "",
        *(f"- [{name}](../dialects/{name}.md#its-grammar-and-its-machine)" for name in wp.dialects()),
    ]
    return "\n".join(lines) + "\n"


def folders() -> str:
    """Return the table of the package's folders, from the top."""
    rows = [(f"`wireproto/{'' if name == '.' else name + '/'}`", house.summary(name)) for name in house.FOLDERS]
    return "\n".join(table(("folder", "what lives there"), *rows)) + "\n"


def between(text: str, mark: str, content: str) -> str:
    """Return the text with `content` between the two comments of this mark."""
    opener, closer = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, rest = text.split(opener)
    return before + opener + content + closer + rest.split(closer)[1]


def pages() -> dict[Path, str]:
    """Return every file that is written here, or partly, with its content."""
    docs = ROOT / "docs"
    readme, design = ROOT / "README.md", docs / "explanation" / "design.md"
    dialects_of_their_own = {dialect_pages.FOLDER / f"{name}.md": dialect_pages.page(name) for name in wp.dialects()}
    return {
        dialect_pages.FOLDER / "README.md": dialect_pages.index(),
        **dialects_of_their_own,
        docs / "reference" / "api.md": api.page(),
        docs / "reference" / "testing.md": api.testing_page(),
        docs / "reference" / "adapters.md": api.adapters_page(),
        docs / "reference" / "diagnoses.md": diagnoses(),
        docs / "reference" / "finish-reasons.md": finish_reasons(),
        docs / "reference" / "machines.md": machines(),
        docs / "explanation" / "house.svg": house.svg(),
        design: between(design.read_text(encoding="utf-8"), "house", folders()),
        readme: between(readme.read_text(encoding="utf-8"), "dialects", dialects()),
    }


if __name__ == "__main__":
    dialect_pages.FOLDER.mkdir(exist_ok=True)
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8", newline="\n")
