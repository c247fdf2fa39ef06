"""Formats that models call in and no dialect here reads: how each begins, who taught it, and what it holds, as data.

A call in one of them is never a call; it is a candidate, and the diagnosis names the format. It must not run anything:
arguments are read as JSON or as literals, or not at all. Law: each format reads a character at most twice, once to
find where its calls begin and once in one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, Union

from wireproto.decode.hypotheses import is_quotation
from wireproto.format.dialect import ARGUMENT_ALIASES, NAME_ALIASES, WRAPPERS
from wireproto.text import json_repair
from wireproto.text.literals import LiteralReader, NotLiteral
from wireproto.text.scan import BLANK, Literals, skip_blank
from wireproto.tools.toolset import Tool, Toolset
from wireproto.values.model import Call, Span

Body = Literal["calls", "arguments", "records", "input", "bracket"]
_NAME: Final = r"(?P<name>[\w.:/$-]{1,128}?)"
_TITLE: Final = r"(?P<name>[^\s`\[\]{}<>\"][^\n`\[\]{}<>\"]{0,127}?)"  # a declared name may hold blanks
_MOST: Final = 100_000  # characters of one call that are read
_TRIES: Final = 128  # more calls in one format are no slip of a model, and each costs time
_NEAR: Final = 160  # how far before a call it is looked where it stands


@dataclass(frozen=True, slots=True)
class Habit:
    """One way to write calls. `name` is how a sentence names it, `source` whoever teaches it.

    `needle` is in every text that holds one. `opener` is what a call begins with; its group `name` is the tool, if it
    is named there. `body` is what follows: Python `calls`, a JSON object of `arguments`, JSON `records` with name and
    arguments, the `input` of a tool that may be plain text, or such text up to a `bracket`. `line`: it counts only at
    the start of a line, behind a tag, or in a code span. `bare`: nothing but the tool's name tells it from other text.
    """

    name: str
    source: str
    needle: str
    opener: str
    body: Body
    line: bool = False
    bare: bool = False


HABITS: Final = (
    Habit("Gemma's `tool_code` blocks", "Google's guides to function calling with Gemma 3 and Gemini", "tool_code",
          r"(?:```|~~~)[ \t]*tool_code[ \t]*\n", "calls", line=True),
    Habit("a `tool_code` without its fence", "what Gemma falls back to", "tool_code", r"tool_code[ \t]*=[ \t]*",
          "calls", line=True),
    Habit("Llama 4's Python calls", "Meta's prompt format of Llama 4", "<|python_start|>", r"<\|python_start\|>",
          "calls"),
    Habit("Llama's calls of built-in tools", "Meta's prompt format of Llama 3.1", "<|python_tag|>",
          r"<\|python_tag\|>", "calls"),
    Habit("harmony's channels", "OpenAI's harmony format, of gpt-oss", "<|message|>",
          rf"to=(?:functions\.)?{_NAME}\s*(?:<\|channel\|>\s*\w+\s*)?(?:<\|constrain\|>\s*)?(?:json|code)?\s*"
          r"<\|message\|>\s*", "arguments"),
    Habit("harmony's channels, whose special tokens are missing", "OpenAI's harmony format", "to=functions.",
          rf"to=functions\.{_NAME}(?:commentary|analysis)?\s*(?:json|code)?\s*(?=\{{)", "arguments"),
    Habit("ReAct's `Action:` and `Action Input:`", "Yao et al., ReAct; LangChain's ReAct agent", "Action",
          rf"Action:?\**:?[ \t]*`?{_TITLE}`?[ \t]*\n+[ \t]*\**Action[ _]Input:?\**:?[ \t]*", "input", line=True),
    Habit("ReAct's `Action: tool[…]`", "Yao et al., ReAct", "Action", rf"Action(?: \d+)?:\**[ \t]*{_TITLE}\[",
          "bracket", line=True),
    Habit("the `tool_calls` of an API's answer", "OpenAI's chat completions, and the servers that follow them",
          '"tool_calls"', r'\{\s*(?:"(?:role|content|id|type|refusal|reasoning_content|finish_reason)"\s*:\s*'
          r'(?:null|"(?:[^"\\]|\\.){0,400}")\s*,\s*){0,6}"tool_calls"\s*:\s*(?=\[)', "records", line=True),
    Habit("the `function_call` of an API's answer", "OpenAI's chat completions until 2023; Gemini's API", '"function',
          r'\{\s*"(?:function_call|functionCall)"\s*:\s*(?=\{)', "records", line=True),
    Habit("the typed blocks of an API's answer", "Anthropic's messages; OpenAI's responses", '"type"',
          r'(?=\{\s*"type"\s*:\s*"(?:tool_use|tool_call|function|function_call)"\s*,)', "records", line=True),
    Habit("a JSON object with `action` and `action_input`", "LangChain's structured chat agent", '"action"',
          r'(?=\{\s*"action"\s*:)', "records", line=True),
    Habit("a JSON object with `tool` or `tool_name`", "Cohere's prompt format of Command R; home-made prompts", '"tool',
          r'(?=\{\s*"(?:tool|tool_name|tool_call_id)"\s*:)', "records", line=True),
    Habit("LM Studio's `[TOOL_REQUEST]`", "LM Studio's prompt for models without tool calls", "[TOOL_REQUEST]",
          r"\[TOOL_REQUEST\]\s*(?=\{)", "records"),
    Habit("Functionary's `>>>`", "prompt format of Functionary v2 and v3", ">>>", rf">>>{_NAME}\n(?=\{{)", "arguments",
          line=True),
    Habit("a list of Python calls", "Meta's prompt formats of Llama 3.2 and 4; Gemma 3; OLMo 3", "(",
          r"\[\s*(?=[^\W\d][\w.]{0,127}\()", "calls", line=True, bare=True),
    Habit("a Python call", "what models fall back to", "(",
          r"\A\s*(?:print\(\s*)?(?=[^\W\d][\w.]{0,127}\([^\n]*\)\s*\Z)", "calls", bare=True),
)  # fmt: skip

# The formats by a character of their needles that prose has seldom. Where it stands, one look finds whether any needle
# that begins with it does; the others are looked for one by one.
_BY_SIGN: Final[dict[str, list[Habit]]] = {}
for _habit in HABITS:
    _BY_SIGN.setdefault(next((c for c in _habit.needle if not c.isalnum()), _habit.needle), []).append(_habit)
_NEEDLES: Final = {
    sign: Literals(frozenset(each.needle if each.needle.startswith(sign) else sign for each in habits)).find
    for sign, habits in _BY_SIGN.items()
}
_LEAD: Final = re.compile(r"(?:[\s,;\[]|print\(|await\s|[^\W\d]\w{0,63}[ \t]*=(?!=)[ \t]*|#[^\n]*\n){0,64}")
_CALL: Final = re.compile(r"((?:[^\W\d]\w{0,63}\.){0,8}[^\W\d]\w{0,127})\(")
# A bracket, or a string: one that never ends takes the rest, so that no quotation mark in it is looked at again.
_JSON: Final = re.compile(
    r"""[\[\]{}]|"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|'[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?\Z)""", re.DOTALL
)
_NAMES: Final = ("name", *NAME_ALIASES, "action")
_ARGUMENTS: Final = (*ARGUMENT_ALIASES, "action_input", "tool_input")
_WRAPPED: Final = (*WRAPPERS, "functionCall")
_FENCE: Final = re.compile(r"(?:```|~~~)\w*[ \t]*\n\s*")

_Given = Union[dict[str, Any], None]
_Read = tuple[str, _Given, int, int]  # name, arguments if they could be read, where it begins and ends
_Reads = tuple[list[_Read], int]  # and how far was read


def habitual(text: str, tools: Toolset) -> Iterator[tuple[Call, Habit, bool]]:
    """Yield the calls in a text that are in a format without a dialect, and whether each is in a code span."""
    signs = [sign for sign, find in _NEEDLES.items() if sign in text and find(text) is not None]
    for habit in [habit for sign in signs for habit in _BY_SIGN[sign] if habit.needle in text]:
        floor, tries = 0, 0
        for found in re.finditer(habit.opener, text):
            start = found.end() - len(found.group().lstrip(BLANK))
            before = text[max(0, start - _NEAR) : start].rstrip(" \t[*")
            inline = habit.line and before and before[-1] not in "\n>`"
            # With no names to go by, a list of calls must be what the output begins with.
            if start < floor or inline or (habit.bare and tools.any_name and (before or not habit.line)):
                continue
            tries += 1
            if tries > _TRIES:
                break
            calls, reached = _READERS[habit.body](text, found, habit, tools)
            floor = max(reached, found.end())
            for i, (name, arguments, begin, end) in enumerate(calls):
                span = Span(begin if i else min(begin, start), end)
                call = Call(name, arguments or {}, complete=arguments is not None, span=span)
                yield call, habit, is_quotation(before)


def _resolved(name: str, tools: Toolset) -> str:
    """Return the declared tool that a name means, its namespace left out; any name where all count, else ""."""
    pieces = name.removesuffix(".call").split(".")
    known = (".".join(pieces[i:]) for i in range(len(pieces)))
    word = pieces[-1] if tools.any_name and name.split() == [name] else ""
    return next((each for each in (name, *known) if each in tools.by_name), word)


def _calls(text: str, found: re.Match[str], habit: Habit, tools: Toolset) -> _Reads:
    """Read Python calls, one behind another; the first that is none ends it."""
    calls: list[_Read] = []
    at, end = found.end(), min(len(text), found.end() + _MOST)
    while (lead := _LEAD.match(text, at, end)) is not None:
        head = _CALL.match(text, lead.end(), end)
        if head is None:
            break
        reader = LiteralReader(text, head.end(), end)
        name = _resolved(head[1], tools)
        try:
            given = _in_order(*reader.members(")", "="), tools.get(name))
        except NotLiteral:
            given = None
        at = reader.position
        calls += [(name, given, head.start(), at)] if name else []
        if given is None:
            break
        at += text.startswith(")", at)
    closed = skip_blank(text, at, end)
    over = closed == len(text) or text.startswith("]", closed)
    if habit.bare:  # what cannot be read, or goes on, is a program
        over = over and all(given if tools.any_name else given is not None for _, given, _, _ in calls)
    return (calls if over or not habit.bare else []), at


def _in_order(named: dict[str, Any], listed: list[Any], tool: Tool | None) -> _Given:
    """Return the arguments; one without a name is that of a tool that needs only one."""
    if not listed:
        return named
    key = _only_key(tool)
    return {key: listed[0]} if key and len(listed) == 1 and not named else None


def _only_key(tool: Tool | None) -> str | None:
    """Return the argument of a tool that has only one, or requires only one."""
    keys = tool.keys if tool is not None else frozenset()
    required = tool.schema.get("required") if tool is not None else None
    if len(keys) != 1 and isinstance(required, list):
        keys = keys.intersection(name for name in required if isinstance(name, str))
    return next(iter(keys)) if len(keys) == 1 else None


def _arguments(text: str, found: re.Match[str], _habit: Habit, tools: Toolset) -> _Reads:
    """Read a JSON object behind the name."""
    name = _resolved(found["name"], tools)
    value, end = _json(text, found.end())
    return ([(name, value if isinstance(value, dict) else None, found.end(), end)] if name else []), end


def _records(text: str, found: re.Match[str], _habit: Habit, tools: Toolset) -> _Reads:
    """Read JSON objects with a name and arguments, alone or in an array."""
    start = found.end()
    before = text[max(0, found.start() - _NEAR) : found.start()]
    if not found.group() and before.rstrip(BLANK).endswith("["):
        start = found.start() - len(before) + before.rindex("[")
    value, end = _json(text, start)
    items = value if isinstance(value, list) else [value]
    places = [*_objects(text, start + 1, end)] if isinstance(value, list) and len(items) > 1 else [(start, end)]
    calls: list[_Read] = []
    for item, place in zip(items, places, strict=len(items) == len(places)):
        name, given = _record(item)
        resolved = _resolved(name, tools) if name else ""
        calls += [(resolved, given, *place)] if resolved else []
    return calls, end


def _objects(text: str, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the objects in an array stand."""
    while (at := text.find("{", at, end)) >= 0:
        close = _balanced(text, at, end)
        yield at, close
        at = close


def _record(item: object) -> tuple[str, _Given]:
    """Return the name and the arguments of an object that holds both, perhaps one level further in."""
    if not isinstance(item, dict):
        return "", None
    inner = next((item[key] for key in _WRAPPED if isinstance(item.get(key), dict)), item)
    name = next((inner[key] for key in _NAMES if isinstance(inner.get(key), str)), "")
    given: Any = next((inner[key] for key in _ARGUMENTS if key in inner), None if inner is item else {})
    if given is None:
        return "", None  # an object that is about a tool, and calls none
    if isinstance(given, str):
        given = _json(given, 0)[0] if given.strip(BLANK) else {}
    return name, given if isinstance(given, dict) else None


def _input(text: str, found: re.Match[str], _habit: Habit, tools: Toolset) -> _Reads:
    """Read what a tool is given: an object, in a fence or not, or a line of text for a tool that needs one argument."""
    name, start = _resolved(found["name"], tools), found.end()
    fence = _FENCE.match(text, start)
    body = fence.end() if fence is not None else start
    if text.startswith("{", body):
        value, end = _json(text, body)
        given = value if isinstance(value, dict) else None
    else:
        line = text.find("\n", start)
        end = line if line >= 0 else len(text)
        given = _in_order({}, [text[start:end].strip(BLANK + '"')], tools.get(name))
    return ([(name, given, start, end)] if name else []), end


def _bracket(text: str, found: re.Match[str], _habit: Habit, tools: Toolset) -> _Reads:
    """Read a line of text up to the bracket that ends it."""
    name, start = _resolved(found["name"], tools), found.end()
    line = text.find("\n", start)
    close = text.rfind("]", start, line if line >= 0 else len(text))
    if not name or close < 0:
        return [], start
    return [(name, _in_order({}, [text[start:close].strip('"')], tools.get(name)), start, close + 1)], close + 1


def _json(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value at `start` and where it ends; None if there is none."""
    end = _balanced(text, start, min(len(text), start + _MOST))
    try:
        reading = json_repair.loads(text[start:end])
    except json_repair.Unreadable:
        return None, end
    return None if "missing-bracket" in reading.repairs else reading.value, end


def _balanced(text: str, start: int, end: int) -> int:
    """Return where the brackets that open at `start` are closed, or `end`."""
    depth = 0
    for found in _JSON.finditer(text, start, end):
        depth += (found.group() in ("[", "{")) - (found.group() in ("]", "}"))
        if depth <= 0:
            return found.end()
    return end


_READERS: Final[dict[Body, Callable[[str, re.Match[str], Habit, Toolset], _Reads]]] = {
    "calls": _calls,
    "arguments": _arguments,
    "records": _records,
    "input": _input,
    "bracket": _bracket,
}
