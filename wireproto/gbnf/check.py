"""What is wrong with a GBNF text, or unexpected: what llama.cpp refuses, and what it accepts silently.

It knows the traps, and no engine: nothing is run. Law: there is an error exactly if llama.cpp refuses the text, or
would hang or crash on it; warnings and notes never stop a grammar from being used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wireproto.gbnf import nodes as tree
from wireproto.gbnf.analysis import left_recursive, reachable, references
from wireproto.gbnf.hazards import MAX_EMPTY_REPEAT, empty_repetitions
from wireproto.gbnf.match import Matcher, merged
from wireproto.gbnf.syntax import MAX_DEPTH, read
from wireproto.gbnf.verdict import Problem, problems

Severity = Literal["error", "warning", "note"]

# Each alternative with the same beginning is a stack in llama.cpp. The grammars printed here stay below this.
SHARED_PREFIX = 32
_IN_NAME = re.compile("[A-Za-z0-9-][.][A-Za-z0-9-]")
_SURROGATES = (0xD800, 0xDFFF)

CODES: dict[str, tuple[Severity, str]] = {
    "beyond-unicode": ("warning", "An escape above U+10FFFF: no text holds such a character."),
    "byte-order-mark": ("error", "The text begins with a byte-order mark, which is not a name."),
    "deep-nesting": ("error", f"Deeper than {MAX_DEPTH} groups and repetitions; the engine crashes at some thousands."),
    "dotted-name": ("warning", "`a.b` is three items: the dot matches any character."),
    "duplicate-rule": ("warning", "A rule is defined twice; the last definition counts, silently."),
    "empty-class": ("warning", "`[]` or `[^]` matches the empty string, not nothing and not anything."),
    "empty-range": ("warning", "A range ends before it begins and matches nothing."),
    "escape": ("error", "An escape that GBNF does not have (`\\/`, `\\b`, `\\d` and `\\0` among them)."),
    "left-recursion": ("error", "A rule begins with itself: refused, or not seen, and then an endless loop."),
    "lone-surrogate": ("error", "The text itself holds half of a surrogate pair and cannot be encoded."),
    "missing-root": ("error", "There is no rule `root`."),
    "nothing-to-repeat": ("error", 'What is repeated is empty, such as `""*`.'),
    "nul-escape": ("warning", "A NUL can be written and is never generated."),
    "nul-in-text": ("warning", "A NUL in the text ends the grammar; what follows is not read."),
    "nullable-repetition": ("warning", f"What may be empty is repeated; an error above {MAX_EMPTY_REPEAT} times."),
    "repetition-limit": ("error", f"More than {tree.MAX_REPEAT} repetitions, or copies of a group's rules."),
    "repetition-order": ("error", "The maximum is below the minimum: the engine runs out of memory."),
    "rule-name": ("error", "A rule name has a character other than letters, digits and hyphens."),
    "shared-prefix": ("warning", f"{SHARED_PREFIX} or more alternatives begin alike: as many stacks, and slow masks."),
    "surrogate-escape": ("warning", "An escape names half of a surrogate pair, which never matches."),
    "swallowed-rule": ("error", "A `|` or `::=` at the end of a line reads on over it, into the next rule."),
    "syntax": ("error", "The text is not GBNF."),
    "token-number": ("error", "A token number above 4294967295."),
    "token-text": ("note", "A token by its text: the whole grammar fails unless the vocabulary has it as one token."),
    "too-many-stacks": ("error", "The beginning of a text can be read in too many ways; the engine hangs."),
    "unbounded-repetition": ("warning", f"A maximum above {tree.MAX_REPEAT} is dropped silently: there is no bound."),
    "undefined-rule": ("error", "A rule is used and not defined; a warning if the engine does not mind."),
    "unguarded-class": ("note", "`.` or a negated class also takes NUL and half surrogates."),
    "unused-rule": ("warning", "The root does not lead to this rule."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a grammar: `line` and `column` from 1, a sentence, and a `hint`, maybe empty."""

    code: str
    severity: Severity
    line: int
    column: int
    message: str
    hint: str = ""


def check(text: str) -> tuple[Finding, ...]:
    """Return all findings in the order of the text; a text that cannot be read has one error and no more."""
    found: list[Finding] = []
    read_text, nul, _ = text.partition("\0")
    if nul:
        found.append(_finding(text, Problem("nul-in-text", len(read_text), CODES["nul-in-text"][1])))
    try:
        grammar = read(read_text)
    except tree.GbnfError as error:
        code = "byte-order-mark" if text.startswith("\ufeff") else error.code
        found.append(Finding(code, "error", error.line, error.column, error.message, error.hint))
        return tuple(found)
    refused = problems(grammar)
    found += (_finding(text, problem) for problem in refused)
    found += (_finding(text, problem) for problem in _notes(text, grammar))
    found += _rules(text, grammar, {problem.message for problem in refused})
    found += _loops(text, grammar, bool(refused))
    return tuple(sorted(found, key=lambda finding: (finding.line, finding.column, finding.code)))


def _finding(text: str, problem: Problem, severity: Severity | None = None) -> Finding:
    line, column = tree.place(text, problem.at)
    level = severity or CODES[problem.code][0]
    return Finding(problem.code, level, line, column, problem.message, problem.hint)


def _notes(text: str, grammar: tree.GbnfGrammar) -> Iterator[Problem]:
    """Yield the findings about single nodes."""
    leading = _leading(grammar)
    for rule in grammar.rules:
        for node, _ in tree.walk(rule.body):
            if isinstance(node, (tree.GbnfLiteral, tree.CharClass)):
                yield from _codes(node)
            if isinstance(node, tree.AnyChar) and _IN_NAME.match(text, node.at - 1):
                message = "the dot matches any character here, and is not part of a name"
                yield Problem("dotted-name", node.at, message, "write blanks around it, or a hyphen")
            if isinstance(node, (tree.CharClass, tree.AnyChar)):
                yield from _class(node)
            elif isinstance(node, tree.Alternatives):
                yield from _prefixes(node, leading)
            elif isinstance(node, tree.Token) and node.number is None:
                yield Problem("token-text", node.at, f"{node.text} must be one token of the vocabulary")
            elif isinstance(node, tree.Repetition) and node.maximum != node.bound:
                message = f"the maximum {node.maximum} is above {tree.MAX_REPEAT} and is dropped: there is no bound"
                yield Problem("unbounded-repetition", node.at, message, "repeat a repetition, or leave the bound out")


def _codes(node: tree.GbnfLiteral | tree.CharClass) -> Iterator[Problem]:
    """Yield code points that never match, unless a range holds them (one that excludes them has to)."""
    ranges = tuple((code, code) for code in node.codes) if isinstance(node, tree.GbnfLiteral) else node.ranges
    negated = isinstance(node, tree.CharClass) and node.negated
    singles = [low for low, high in ranges if low == high]
    if any(_SURROGATES[0] <= code <= _SURROGATES[1] for code in singles) and not negated:
        hint = r"write the character itself, or \UHHHHHHHH"
        yield Problem("surrogate-escape", node.at, "half of a surrogate pair never matches", hint)
    if any(code > tree.MAX_CODE for code in singles):
        yield Problem("beyond-unicode", node.at, "no character is above U+10FFFF")
    if 0 in singles and not negated:
        yield Problem("nul-escape", node.at, "a NUL is never generated")


def _class(node: tree.CharClass | tree.AnyChar) -> Iterator[Problem]:
    if isinstance(node, tree.CharClass) and not node.ranges:
        sign = "[^]" if node.negated else "[]"
        yield Problem(
            "empty-class", node.at, f"{sign} matches the empty string", 'write . for anything, "" for nothing'
        )
        return
    ranges = node.ranges if isinstance(node, tree.CharClass) else ()
    if any(low > high for low, high in ranges):
        yield Problem("empty-range", node.at, "a range ends before it begins and matches nothing")
    guards = ((0, 0), _SURROGATES)
    excluded = merged(ranges)
    guarded = all(any(low <= first and last <= high for low, high in excluded) for first, last in guards)
    if (isinstance(node, tree.AnyChar) or node.negated) and not guarded:
        message = "also takes NUL and half surrogates, which invalid UTF-8 decodes to"
        yield Problem("unguarded-class", node.at, message, r"exclude \x00\uD800-\uDFFF")


def _leading(grammar: tree.GbnfGrammar) -> dict[str, int]:
    """Return the first character of each rule that has one option and begins with a literal."""
    found = {}
    for name, rule in grammar.effective().items():
        code = _first(rule.body.options[0], {}) if len(rule.body.options) == 1 else None
        if code is not None:
            found[name] = code
    return found


def _first(option: tree.Sequence, leading: dict[str, int]) -> int | None:
    item: tree.Node | None = option.items[0] if option.items else None
    if isinstance(item, tree.GbnfLiteral) and item.codes:
        return item.codes[0]
    return leading.get(item.name) if isinstance(item, tree.Reference) else None


def _prefixes(node: tree.Alternatives, leading: dict[str, int]) -> Iterator[Problem]:
    if len(node.options) < SHARED_PREFIX:
        return
    counts = Counter(code for code in (_first(option, leading) for option in node.options) if code is not None)
    for code, count in counts.most_common(1):
        if count >= SHARED_PREFIX:
            message = f"{count} alternatives begin with {chr(min(code, tree.MAX_CODE))!r}: as many stacks"
            yield Problem("shared-prefix", node.at, message, "factor the common beginnings into one")


def _rules(text: str, grammar: tree.GbnfGrammar, known: set[str]) -> Iterator[Finding]:
    """Yield the findings about rules: defined twice, unused, undefined."""
    effective, used = grammar.effective(), reachable(grammar)
    for rule in grammar.rules:
        if effective[rule.name] is not rule:
            message = f"the rule {rule.name} is defined again below; this definition does not hold"
            yield _finding(text, Problem("duplicate-rule", rule.at, message))
        elif "root" in effective and rule.name not in used:
            yield _finding(text, Problem("unused-rule", rule.at, f"the rule {rule.name} is never used"))
        for reference in references(rule.body):
            message = f"the rule {reference.name} is used and not defined"
            if reference.name not in effective and message not in known:
                known.add(message)
                yield _finding(text, Problem("undefined-rule", reference.at, message), "warning")


def _loops(text: str, grammar: tree.GbnfGrammar, refused: bool) -> Iterator[Finding]:
    """Yield where the engine hangs or slows down, unless it refuses the grammar anyway."""
    for node in empty_repetitions(grammar):
        endless = node.bound is not None and node.bound > MAX_EMPTY_REPEAT
        hint = "let the item match at least one character"
        problem = Problem("nullable-repetition", node.at, "what is repeated may be empty", hint)
        yield _finding(text, problem, "error" if endless else None)
    name = left_recursive(grammar)
    if refused:
        return
    if name is not None:
        at = grammar.effective()[name].at
        message = f"the rule {name} begins with itself behind what may be empty: the engine loops without end"
        yield _finding(text, Problem("left-recursion", at, message, "write the recursion at the end"))
        return
    try:
        Matcher(grammar)
    except tree.GbnfError as error:
        yield _finding(text, Problem(error.code, grammar.effective()["root"].at, error.message, error.hint))
