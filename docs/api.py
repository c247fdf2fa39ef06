"""The reference page of the public names, from their signatures and docstrings.

griffe reads the sources without importing them. Law: every public name is on the page, with its docstring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Final

import griffe

import wireproto as wp
from docs.house import ROOT
from wireproto import adapters, fuzz, testing
from wireproto.adapters import history

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Decode": ("parse", "iter_events", "aiter_events", "Decoder", "prefix_state"),
    "What a message is made of": ("Message", "Call", "Segment", "Document", "Diagnosis", "Span"),
    "Events": (
        "Event",
        "TextDelta",
        "ReasoningDelta",
        "CallStart",
        "CallIdentified",
        "ArgumentStart",
        "ArgumentDelta",
        "ArgumentEnd",
        "CallEnd",
        "DocumentStart",
        "DocumentDelta",
        "DocumentEnd",
        "Diagnosed",
    ),
    "Policy": ("Policy", "Limits", "Loops"),
    "Tools and dialects": ("Tools", "Toolset", "Dialect", "dialect", "dialects", "dialect_for", "learn"),
    "Write": ("encode", "convert", "prompt", "render_results", "ToolResult", "new_id"),
    "Judge": ("classify", "Verdict", "Candidate"),
    "Grammars": ("grammar", "Grammar"),
    "Documents": ("DocumentType", "document"),
    "Errors": (
        "WireprotoError",
        "DialectError",
        "SchemaError",
        "PolicyError",
        "ShapeError",
        "EncodeError",
        "GrammarError",
        "LimitExceeded",
        "MissingExtra",
    ),
}
INTRODUCTION: Final = """# Python API

Every public name, from its signature and its docstring; this page is written by `make docs`. All of them are in
`wireproto`, by convention `import wireproto as wp`. What starts with an underscore, and what is only in a module below
`wireproto`, may change without notice.
"""
TESTING: Final[dict[str, ModuleType]] = {"The laws: wireproto.testing": testing, "Strategies: wireproto.fuzz": fuzz}
TESTING_INTRODUCTION: Final = """# Testing and fuzzing, in Python

What tests of dialects, codecs, parsers and agents use, from signatures and docstrings; this page is written by
`make docs`. The laws need no other package, but for grammars (the extras `gbnf` and `documents`). The strategies are
those of hypothesis, and need the extra `fuzz`. How to begin: [write a codec](../how-to/write-a-codec.md).
"""
ADAPTERS: Final[dict[str, tuple[str, ...]]] = {
    "Writers": ("AnswerWriter", "ChatWriter", "ResponsesWriter", "MessagesWriter", "Written", "NativeDelta"),
    "Whole answers": ("chat_completion", "chat_choice", "response_object", "message_object", "own_text"),
    "Ids and numbers": ("Ids", "wire_id", "IdSource", "Numbering"),
    "Ends and fragments": ("Usage", "Ending", "Fragments"),
}
ADAPTERS_INTRODUCTION: Final = """# Adapters, in Python

Events and messages in the shapes of Chat Completions, Responses and Anthropic's Messages, and back, from signatures and
docstrings; this page is written by `make docs`. No other package is needed. How to begin:
[embed wireproto in a harness](../how-to/embed-in-a-harness.md#answer-in-the-shape-of-an-api).

The methods that all writers share are those of `AnswerWriter`.
"""
WIDTH: Final = 100
OTHERS: Final = "Names in signatures"


def page() -> str:
    """Return the page of `wireproto` itself."""
    named = sorted(name for names in GROUPS.values() for name in names)
    if named != sorted(wp.__all__):
        raise SystemExit(f"docs/api.py: GROUPS and wireproto.__all__ differ: {sorted({*named} ^ {*wp.__all__})}")
    return _page(INTRODUCTION, {group: ("wireproto", names) for group, names in GROUPS.items()})


def testing_page() -> str:
    """Return the page of what tests use: `wireproto.testing` and `wireproto.fuzz`."""
    groups = {title: (module.__name__, tuple(module.__all__)) for title, module in TESTING.items()}
    return _page(TESTING_INTRODUCTION, groups)


def adapters_page() -> str:
    """Return the page of `wireproto.adapters` and the way back in `wireproto.adapters.history`."""
    groups = {group: (adapters.__name__, names) for group, names in ADAPTERS.items()}
    if sorted(name for names in ADAPTERS.values() for name in names) != sorted(adapters.__all__):
        raise SystemExit("docs/api.py: ADAPTERS and wireproto.adapters.__all__ differ")
    back = {"The way back: wireproto.adapters.history": (history.__name__, tuple(history.__all__))}
    return _page(ADAPTERS_INTRODUCTION, groups | back)


def _page(introduction: str, groups: Mapping[str, tuple[str, tuple[str, ...]]]) -> str:
    """Return a page of names in groups, each with the module that they are public in."""
    package = griffe.load("wireproto", search_paths=[ROOT], docstring_parser="google", resolve_aliases=True)
    assert isinstance(package, griffe.Module)
    lines, contents = [], [f"- [{OTHERS}](#{_anchor(OTHERS)})"]
    others: dict[str, str] = {}
    for group, (_, members) in reversed(list(groups.items())):
        contents.insert(0, f"- [{group}](#{_anchor(group)}): {', '.join(f'`{name}`' for name in members)}")
    for group, (module, members) in groups.items():
        lines += ["", f"## {group}"]
        for name in members:
            found = _target(package[f"{module}.{name}".removeprefix("wireproto.")])
            lines += ["", f"### `{name}`", "", *_described(found)]
            others |= _mentioned(found, package)
    lines += [
        "",
        f"## {OTHERS}",
        "",
        "These names are not public; they are explained here because signatures use them.",
        "",
    ]
    shown = {path: note for path, note in others.items() if not _is_named(path, groups)}
    lines += [f"- {shown[path]}" for path in sorted(shown, key=lambda path: path.rpartition(".")[2])]
    return "\n".join([introduction, *contents, *lines]) + "\n"


def _is_named(path: str, groups: Mapping[str, tuple[str, tuple[str, ...]]]) -> bool:
    return any(path.rpartition(".")[2] in names for _, names in groups.values())


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _target(found: griffe.Object | griffe.Alias) -> griffe.Object:
    return found.final_target if isinstance(found, griffe.Alias) else found


def _described(found: griffe.Object) -> Iterator[str]:
    """Yield the lines about a name: its signature, its docstring, and the public members of a class."""
    yield from ("```py", _signature(found), "```", "", *_docstring(found))
    for member in _members(found):
        if isinstance(member, griffe.Function) or "property" in member.labels:
            heading = ("", f"#### `{found.name}.{member.name}`", "")
            yield from (*heading, "```py", _signature(member), "```", "", *_docstring(member))


def _members(found: griffe.Object) -> list[griffe.Object]:
    """Return what a class itself has for its users."""
    members = found.members.values() if isinstance(found, griffe.Class) else ()
    return [each for each in members if isinstance(each, griffe.Object) and not each.name.startswith("_")]


def _signature(found: griffe.Object) -> str:
    """Return how a function is called, or an object made, in lines that are not too long."""
    prefix = "classmethod " if "classmethod" in found.labels else "property " if "property" in found.labels else ""
    if isinstance(found, griffe.Attribute):
        line = f"{prefix}{found.name} -> {found.annotation}" if prefix else f"{found.name} = {found.value}"
        if len(line) <= WIDTH:
            return line
        if found.annotation is not None:
            return f"{found.name}: {found.annotation}"
        head, _, items = line.removesuffix("]").partition("[")  # a long union of plain names
        return "\n".join([f"{head}[", *(f"    {item}," for item in items.split(", ")), "]"])
    assert isinstance(found, (griffe.Class, griffe.Function))
    if isinstance(found, griffe.Class) and found.bases and not [*_parameters(found)]:
        return f"class {found.name}({', '.join(map(str, found.bases))})"
    parameters = list(_parameters(found))
    returns = f" -> {found.returns}" if isinstance(found, griffe.Function) else ""
    line = f"{prefix}{found.name}({', '.join(parameters)}){returns}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{prefix}{found.name}(", *(f"    {each}," for each in parameters), f"){returns}"])


def _parameters(found: griffe.Class | griffe.Function) -> Iterator[str]:
    if isinstance(found, griffe.Class) and not found.parameters:  # a named tuple
        yield from (f"{each.name}: {each.annotation}" for each in _members(found) if isinstance(each, griffe.Attribute))
    keywords = False
    for each in found.parameters:
        if each.name.startswith("_") or each.name in ("self", "cls"):
            continue
        if each.kind is griffe.ParameterKind.keyword_only and not keywords:
            keywords = True
            yield "*"
        yield f"{each.name}: {each.annotation}" + (f" = {each.default}" if each.default is not None else "")


def _docstring(found: griffe.Object) -> Iterator[str]:
    if found.docstring is None:
        raise SystemExit(f"docs/api.py: {found.path} has no docstring")
    for section in found.docstring.parsed:
        if isinstance(section, griffe.DocstringSectionText):
            yield section.value
        elif isinstance(section, griffe.DocstringSectionAdmonition) and section.value.kind == "example":
            yield from ("", "```py", section.value.contents, "```")
        elif isinstance(section, griffe.DocstringSectionRaises):
            yield from ("", "Raises:", "")
            for each in section.value:
                names = ", ".join(f"`{name}`" for name in re.findall(r"\w+", str(each.annotation)))
                yield f"- {names}: {' '.join(each.description.split())}"
        else:
            raise SystemExit(f"docs/api.py: {found.path} has a section that is not known here: {section.kind.value}")


def _mentioned(found: griffe.Object, package: griffe.Module) -> dict[str, str]:
    """Return what the package's own names in signatures stand for, by their paths, without those that are public."""
    notes: dict[str, str] = {}
    for each in (found, *_members(found)):
        parameters = [*each.parameters] if isinstance(each, (griffe.Class, griffe.Function)) else []
        shown = [parameter for parameter in parameters if not parameter.name.startswith("_")]
        written = [part for parameter in shown for part in (parameter.annotation, parameter.default)]
        for expression in written if not isinstance(each, griffe.Function) else [*written, each.returns]:
            if isinstance(expression, griffe.Expr):
                notes |= _spelled(expression, package)
    return notes


def _spelled(expression: griffe.Expr, package: griffe.Module) -> dict[str, str]:
    notes: dict[str, str] = {}
    for name in expression.iterate(flat=True):
        path = name.canonical_path if isinstance(name, griffe.ExprName) else ""
        if not path.startswith("wireproto.") or path.rpartition(".")[2] in wp.__all__:
            continue
        found = _target(package.modules_collection[path])
        if isinstance(found, griffe.Attribute):
            notes[path] = f"`{found.name}`: `{found.value}`"
        elif found.docstring is not None:
            notes[path] = f"`{found.name}`: {found.docstring.value.splitlines()[0]}"
    return notes
