"""What a rule says of a text's shape, in every dialect: calls in fences, thoughts, without a marker, cut off, and so on.

A shape is a text that is made of what `encode` writes and the dialect's own markers, and what must come of it by
docs/explanation/rules.md; where a format differs, the shape says so. It must not hold a test. Law: what is expected
follows from a rule, and never from what the decoder does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import wireproto as wp
from wireproto.format.spelling import is_distinctive, spellings
from wireproto.text.json_safe import identical

TOOLS: list[dict[str, Any]] = [
    {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}},
    },
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
            "required": ["path"],
        },
    },
    {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
]
READ = wp.Call("read_file", {"path": "a.txt", "limit": 3})
WRITE = wp.Call("write_file", {"path": "b.txt", "content": "one\ntwo"})
TIME = wp.Call("get_time", {})
Shape = dict[str, Any]

# Formats whose header is a name where a block begins, and nothing elsewhere.
HEADS = {name for name in wp.dialects() if wp.dialect(name).framing and wp.dialect(name).call.open.name_only} & {
    name for name in wp.dialects() if wp.dialect(name).call.open.nodes
}
# Formats without any marker: text before an object makes it no call.
MARKERLESS = {name for name in wp.dialects() if spellings(wp.dialect(name))[0].markerless} | HEADS
# Formats whose call marker ends reasoning.
ENDS_REASONING = {name for name in wp.dialects() if (of := wp.dialect(name).reasoning) and of.ends_at_call}
# Formats whose header is the tool's name alone: what nobody declared is no call and no argument.
NAME_ONLY = {"cline"} | HEADS
# Formats whose values have no type on the wire.
RAW = {
    name
    for name in wp.dialects()
    if wp.dialect(name).codec == "tagged" and {"type", "string"}.isdisjoint(wp.dialect(name).argument.open.roles)
}
# Formats whose call begins with the tool's name, behind a marker, and has keys behind it.
PAIRED = {"glm45", "glm47"}
# What ends a whole value, and what is the call's own closer; the arguments' object, where there is no closer.
ENDS = {
    "anthropic_invoke": ("</parameter>", "</invoke>"),
    "cline": ("</content>", "</write_file>"),
    "deepseek_v3": ('"}', "<｜tool▁call▁end｜>"),
    "deepseek_v31": ('"}', "<｜tool▁call▁end｜>"),
    "dsml_v32": ("</｜DSML｜parameter>", "</｜DSML｜invoke>"),
    "dsml_v4": ("</｜DSML｜parameter>", "</｜DSML｜invoke>"),
    "glm45": ("</arg_value>", "</tool_call>"),
    "glm47": ("</arg_value>", "</tool_call>"),
    "hermes": ('"}', "</tool_call>"),
    "html": ("</textarea>", "</form>"),
    "kimi_k2": ('"}', "<|tool_call_end|>"),
    "gemma3_pythonic": ('"zq2"', ")"),
    "lfm2": ("'zq2'", ")"),
    "llama4_pythonic": ('"zq2"', ")"),
    "llama3_json": ('"}', '"}}'),
    "minimax_m2": ("</parameter>", "</invoke>"),
    "mistral": ('"}', '"}}'),
    "mistral_v11": ('"}', '"}'),
    "olmo3": ('"zq2"', ")"),
    "pythonic": ("'zq2'", ")"),
    "qwen3_coder": ("</parameter>", "</function>"),
    "seed_oss": ("</parameter>", "</function>"),
    "step3": ("</steptml:parameter>", "</steptml:invoke>"),
    "step3p5": ("</parameter>", "</function>"),
    "toml": ('"zq2"', "\n+++"),
    "xml": ("</arg>", "</call>"),
}


def ends(dialect: str) -> tuple[str, str]:
    """Return what ends a whole value, and the call's own closer."""
    if dialect in ENDS:
        return ENDS[dialect]
    spec = wp.dialect(dialect)
    value = (spec.argument.close.literals or ('"}',))[0]
    bare = value if spec.call.open.roles else value + "}"
    return value, (spec.call.close.literals or (bare,))[0]


def as_text(dialect: str, text: str) -> str:
    """Return what is shown of a call that is none: a closer that ends the turn is no text."""
    for token in wp.dialect(dialect).ends:
        text = text.removesuffix(token)
    return text.strip()


def written(dialect: str, *calls: wp.Call, tools: Any = TOOLS) -> str:
    """Return what the dialect writes for calls."""
    return wp.encode(calls, dialect, tools=tools)


def shapes(dialect: str) -> Iterator[Shape]:
    """Yield every shape of one dialect, in the form of the cases of fixtures/reality, with all `codes` that are said."""
    yield from _plain(dialect)
    yield from _quoted_turn(dialect)
    if dialect not in MARKERLESS:
        yield from _fences(dialect)
        yield from _thoughts(dialect)
    yield from _unknown(dialect)
    yield from _markers(dialect)
    yield from _candidates(dialect)
    if wp.dialect(dialect).section is not None:
        yield from _sections(dialect)


def _shape(
    name: str,
    dialect: str,
    text: str,
    calls: Sequence[wp.Call] = (),
    codes: Sequence[str] | None = (),
    *,
    candidates: Sequence[wp.Call] | None = (),
    incomplete: Sequence[wp.Call] = (),
    shown: str | None = "",
    thought: str | None = "",
    tools: Any = TOOLS,
    **circumstances: Any,
) -> Shape:
    expect: dict[str, Any] = {"calls": [*map(told, calls)], "incomplete": [*map(told, incomplete)]}
    expect |= {"candidates": candidates if candidates is None else [*map(told, candidates)]}
    expect |= {"text": shown, "reasoning": thought, "codes": codes if codes is None else sorted(codes)}
    given = {"id": f"real-shape-{name}-{dialect}", "dialect": dialect, "tools": tools, "text": text, "expect": expect}
    return {**given, "auto": False, **circumstances}


def told(call: wp.Call) -> dict[str, Any]:
    """Return a call as the cases tell of it."""
    return {"name": call.name, "arguments": dict(call.arguments)}


def _plain(dialect: str) -> Iterator[Shape]:
    one, two, all_three = written(dialect, READ), written(dialect, WRITE), written(dialect, READ, WRITE, TIME)
    for finish, codes in {"stop": (), "length": (), "tool_calls": (), "what?": ("unknown-finish-reason",)}.items():
        yield _shape(f"finish-{finish}", dialect, all_three, [READ, WRITE, TIME], codes, finish_reason=finish)
    # With no tools offered nothing is a call (R-OPEN); what looks like one may be a candidate.
    yield _shape("no-tools", dialect, one, (), None, candidates=None, shown=as_text(dialect, one), tools=[])
    yield _shape("blank", dialect, " \n\n ", shown=None)
    yield _shape("prose", dialect, "a < b, c > d [1] {2}\n- x\n", shown="a < b, c > d [1] {2}\n- x")
    if dialect not in MARKERLESS:
        yield _shape("before", dialect, f"Sure.\n\n{one}", [READ], shown="Sure.")
        yield _shape("behind", dialect, f"{one}\n\nDone.", [READ], shown="Done.")
        yield _shape("between", dialect, f"{one}\n\nthen\n\n{two}", [READ, WRITE], shown="then")
        if dialect not in NAME_ONLY and dialect != "toml" and one[0].strip():  # where more of the sign is a rule
            yield _shape("behind-sign", dialect, one[0] + one, [READ], shown=one[0])
        # R-OPEN: an opener directly behind a backtick is quoted.
        if dialect not in NAME_ONLY and dialect != "toml" and one[0].strip():
            quoted = f"Write `{one}` for it."
            yield _shape("backtick", dialect, quoted, (), ["quoted-call"], candidates=[READ], shown=quoted)
    for at, token in enumerate(wp.dialect(dialect).ends):
        # R-CUT: an end-of-turn token is markup at the end and directly behind a call.
        yield _shape(f"turn-{at}", dialect, one + token, [READ], ["end-of-turn"])
        yield _shape(f"turn-text-{at}", dialect, f"Hi.{token}", (), ["end-of-turn"], shown="Hi.")
        yield _shape(f"no-turn-{at}", dialect, f"Hi{token}there", shown=f"Hi{token}there")


def _quoted_turn(dialect: str) -> Iterator[Shape]:
    """R-CUT: an end-of-turn token that is quoted is text; a line of backticks alone closes a fence and quotes nothing."""
    for token in wp.dialect(dialect).ends[:1]:
        for name, text in {"": f"`{token}", "-two": f"``{token}", "-mark": f"Hi '{token}"}.items():
            yield _shape(f"turn-quoted{name}", dialect, text, shown=text)
        for name, fence in {"": "```", "-tildes": "~~~"}.items():
            fenced = f"{fence}\nx\n{fence}"
            yield _shape(f"turn-fenced{name}", dialect, fenced + token, (), ["end-of-turn"], shown=fenced)


def _fences(dialect: str) -> Iterator[Shape]:
    """R-FENCE: a call in a closed fence is quoted; one that ends an open fence is a call."""
    one = written(dialect, READ)
    for name, fence in {
        "closed": ("```", "```"),
        "longer": ("```", "`````"),
        "tildes": ("~~~~xml", "~~~~"),
        "indented-3": ("   ```", "  ```"),
        "info": ("```text and more", "``` "),
        "not-yet-closed": ("~~~~", "~~~\n~~~~"),
        "other": ("```", "~~~\n```"),
        "not-with-info": ("```", "```x\n```"),
    }.items():
        text = f"As in\n\n{fence[0]}\n{one}\n{fence[1]}\n\nhere."
        yield _shape(f"fence-{name}", dialect, text, (), ["quoted-call"], candidates=[READ], shown=text)
    text = f"As in\n\n```\n{one}"
    yield _shape("fence-open", dialect, text, [READ], ["fence-not-closed"], shown="As in\n\n```")
    text = f"As in\n\n```\n{one}\nhere."
    yield _shape("fence-open-text", dialect, text, (), ["quoted-call"], candidates=[READ], shown=text)
    text = f"```\nx\n```\n\n{one}"
    yield _shape("fence-before", dialect, text, [READ], (), shown="```\nx\n```")
    for name, no_fence in {"indented-4": "    ```", "inline": "```x```", "two": "``", "mid-line": "x ```"}.items():
        # Which line breaks around a call are its markup is the format's own affair.
        text = f"As in\n\n{no_fence}\n{one}\n{no_fence}\n\nhere."
        yield _shape(f"no-fence-{name}", dialect, text, [READ], None, shown=None)
    text = f"As in\n\n```\n{one}\n```\n\nhere."
    yield _shape("fence-calls", dialect, text, [READ], None, shown=None, policy={"fenced_calls": "call"})


def _thoughts(dialect: str) -> Iterator[Shape]:
    """R-THINK: closed reasoning holds drafts, but a run of calls that ends it and the output; open reasoning, calls."""
    reasoning = wp.dialect(dialect).reasoning
    if reasoning is None:
        return
    opened, closed, one = reasoning.open.format(), reasoning.close.format(), written(dialect, READ)
    two = written(dialect, READ, WRITE)
    yield _shape("thought", dialect, f"{opened}Hm.{closed}\n\n{one}", [READ], thought="Hm.")
    yield _shape("thought-late", dialect, f"So: {opened}Hm.{closed}\n\n{one}", [READ], thought="Hm.", shown="So:")
    yield _shape("thought-open", dialect, f"Hm.{closed}\n\n{one}", [READ], thought="Hm.", reasoning_open=True)
    yield _shape("thought-only", dialect, f"{opened}Hm.", thought="Hm.")
    twice = f"{opened}Hm.{closed}\n{opened}So.{closed}\n{one}"
    yield _shape("thought-twice", dialect, twice, [READ], thought=None)
    quoted = f"Between `{opened}` and `{closed}` it thinks."
    yield _shape("thought-quoted", dialect, quoted, shown=quoted)
    fenced = f"```\n{opened}x{closed}\n```\n"
    yield _shape("thought-fenced", dialect, fenced, shown=fenced.strip())
    text = f"{opened}Hm.{closed}\n"
    yield _shape("thought-none", dialect, text, shown=None, thought="", policy={"reasoning": "none"})
    if dialect in ENDS_REASONING:
        yield _shape("thought-ends", dialect, f"{opened}Hm.\n{one}", [READ], ["reasoning-not-closed"], thought="Hm.")
        return
    never = {"policy": {"reasoning_calls": "never"}}
    always = {"policy": {"reasoning_calls": "always"}}
    draft = f"Maybe\n{one}\nor not."
    text = f"{opened}{draft}{closed}\n\nNo."
    yield _shape("draft", dialect, text, (), ["draft-call"], candidates=[READ], shown="No.", thought=draft)
    yield _shape("draft-always", dialect, text, [READ], None, shown="No.", thought=None, **always)
    yield _shape(
        "draft-never", dialect, text, (), ["draft-call"], candidates=[READ], shown="No.", thought=draft, **never
    )
    text = f"{opened}Now\n{one}\n{closed}\n\nNo."
    yield _shape("draft-last", dialect, text, (), ["draft-call"], candidates=[READ], shown="No.", thought=f"Now\n{one}")
    for name, around in {"": "", "-blank": "\n \n"}.items():
        text = f"{opened}Now\n{two}{around}{closed}{around}"
        yield _shape(f"only-calls{name}", dialect, text, [READ, WRITE], ["reasoning-only-call"], thought="Now")
    text = f"{opened}Now\n{one}{closed}"
    yield _shape("only-never", dialect, text, (), ["draft-call"], candidates=[READ], thought=f"Now\n{one}", **never)
    yield _shape("not-closed", dialect, f"{opened}Now\n{two}\n", [READ, WRITE], ["reasoning-not-closed"], thought="Now")
    text = f"Now\n{one}"
    yield _shape("not-closed-open", dialect, text, [READ], ["reasoning-not-closed"], thought="Now", reasoning_open=True)
    text = f"{opened}Now\n{one}\nor so"
    yield _shape("not-closed-text", dialect, text, (), ["draft-call"], candidates=[READ], thought=f"Now\n{one}\nor so")


def _unknown(dialect: str) -> Iterator[Shape]:
    """R-UNK, R-DUP, R-TYPE, R-VALID: what nobody declared, what stands twice, what does not fit, what is not there."""

    def tools(**types: str) -> list[dict[str, Any]]:
        properties = {key: {"type": kind} for key, kind in types.items()}
        return [{"name": "read_file", "parameters": {"type": "object", "properties": properties}}]

    def call(**arguments: Any) -> wp.Call:
        return wp.Call("read_file", arguments)

    twice = written(dialect, call(path="a", pth="b"), tools=tools(path="string", pth="string"))
    doubled = twice.replace("pth", "path")
    yield _shape("twice", dialect, doubled, [call(path="a")], ["duplicate-argument"], tools=tools(path="string"))
    text = written(dialect, call(limit="many"), tools=tools(limit="string"))
    yield _shape("mismatch", dialect, text, [call(limit="many")], ["type-mismatch"], tools=tools(limit="integer"))
    text = written(dialect, wp.Call("write_file", {"content": "x"}))
    yield _shape("missing", dialect, text, [wp.Call("write_file", {"content": "x"})], ["missing-argument"])
    yield _shape("unjudged", dialect, text, [wp.Call("write_file", {"content": "x"})], policy={"validate": "off"})
    if dialect in NAME_ONLY:
        return
    yield _shape(
        "unknown-key", dialect, twice, [call(path="a", pth="b")], ["unknown-argument"], tools=tools(path="string")
    )
    strange = wp.Call("nobody", {"path": "a"})
    text = written(dialect, strange, tools=[{**tools(path="string")[0], "name": "nobody"}])
    if dialect not in MARKERLESS:
        yield _shape("unknown-tool", dialect, text, [strange], ["unknown-tool"])
        yield _shape("any-tool", dialect, text, [strange], (), tools=None)
    if dialect not in ("mistral", "toml"):
        policy = {"unknown_tools": "text"}
        yield _shape(
            "unknown-text", dialect, text, (), None, candidates=None, shown=as_text(dialect, text), policy=policy
        )


def _candidates(dialect: str) -> Iterator[Shape]:
    """R-FOREIGN, R-MISSING: a call of a dialect that shares nothing with this one; JSON without any marker."""
    text = f"Look.\n{written('html' if dialect != 'html' else 'kimi_k2', READ)}"
    yield _shape("foreign", dialect, text, (), ["foreign-call"], candidates=[READ], shown=text)
    yield _shape("foreign-text", dialect, text, shown=text, policy={"foreign": "text"})
    codes = ["foreign-call", "promoted"]
    yield _shape("foreign-call", dialect, text, [READ], codes, shown=text, policy={"foreign": "call"})
    if dialect != "cline":
        text = f"Look.\n{written('cline', READ)}"
        yield _shape("foreign-tag", dialect, text, (), ["foreign-call"], candidates=[READ], shown=text)
    record = json.dumps({"name": READ.name, "arguments": dict(READ.arguments)})
    for name, text in {"": f"Look.\n{record}", "-text": f"Look.\n{record}\nSo.", "-two": f"{record}\n\nThen."}.items():
        if dialect not in MARKERLESS or text[0] == "L":
            yield _shape(f"leaked{name}", dialect, text, (), ["leaked-call"], candidates=[READ], shown=text)
    undeclared = text.replace(READ.name, "nobody")
    if dialect not in MARKERLESS:
        yield _shape("leaked-unknown", dialect, undeclared, shown=undeclared)


def _markers(dialect: str) -> Iterator[Shape]:
    """R-OPEN, R-TEXT: markers that are only mentioned; closers that close nothing."""
    spec, one = wp.dialect(dialect), written(dialect, READ)
    for at, marker in enumerate(spec.markers):
        if spec.reasoning is not None and marker in (spec.reasoning.open.format(), spec.reasoning.close.format()):
            continue
        for name, text in {"line": f"Use\n{marker}\nfor it.", "mid": f"Use {marker} for it."}.items():
            yield _shape(f"mention-{name}-{at}", dialect, text, shown=text)
    if dialect in PAIRED:  # R-MISSING: the closer is enough where no arguments are needed
        bare = written(dialect, TIME).removeprefix(spec.call.open.literals[0])
        yield _shape("bodiless", dialect, bare, [TIME], ["missing-wrapper"])
        yield _shape("bodiless-line", dialect, f"Now:\n{bare}", [TIME], ["missing-wrapper"], shown="Now:")
        yield _shape("bodiless-mid", dialect, f"Now {bare}", (), None, candidates=None, shown=f"Now {bare}")
    closer = spec.call.close.format(name="read_file") if spec.call.close.literals else ""
    closer = closer.strip().splitlines()[-1] if closer.strip() else ""
    if is_distinctive(closer) and dialect not in ("deepseek_v3", "toml"):
        text = f"{one}\n{closer}"
        yield _shape("orphan", dialect, text, [READ], ["end-of-turn" if closer in spec.ends else "orphan-closer"])


def _sections(dialect: str) -> Iterator[Shape]:
    """R-MISSING, R-CUT: the markers around all calls, missing, twice, empty."""
    section = wp.dialect(dialect).section
    assert section is not None
    opener, closer = section.open.format().strip(), section.close.format().strip()
    text, both = written(dialect, READ, WRITE), [READ, WRITE]
    bare = text.replace(opener, "", 1).lstrip()
    if wp.dialect(dialect).call.open.first:  # else nothing is left to tell the calls from text
        yield _shape("no-section", dialect, bare, both, ["missing-wrapper", "orphan-closer"])
        yield _shape(
            "no-section-line", dialect, f"Now:\n{bare}", both, ["missing-wrapper", "orphan-closer"], shown="Now:"
        )
    open_ended = text[: text.rindex(closer)]
    yield _shape("no-end", dialect, open_ended, both, ["unclosed-call"])
    yield _shape("no-end-stop", dialect, open_ended, both, ["unclosed-call"], finish_reason="stop")
    if dialect != "toml":  # where the section's closer ends the last call
        yield _shape("no-end-cut", dialect, open_ended, both, ["unclosed-call"], finish_reason="length")
    if dialect != "toml" and dialect not in MARKERLESS:  # brackets with nothing in them are text like any other
        text_of = opener + closer
        yield _shape("empty", dialect, text_of, (), ["empty-block"], shown=text_of)
        yield _shape(
            "empty-blank", dialect, f"{opener}\n\n{closer}", (), ["empty-block"], shown=f"{opener}\n\n{closer}"
        )
    if dialect not in MARKERLESS:
        yield _shape("section-twice", dialect, text.replace(opener, opener * 2, 1), both, ["duplicate-opener"])
    text = f"Now {opener} text {closer}"
    yield _shape("section-text", dialect, text, shown=text)


# Strings that some format or other has a sign in, and values of every type: `encode` has to write them.
STRINGS = [
    *(
        "",
        "x",
        " ",
        "\n",
        "\n\n",
        " x ",
        "\tx\t",
        "\nx\n",
        "x\n",
        "\r\n",
        "a\r\nb",
        "a\rb",
        "\t",
        "\x0b",
        "\x1b",
        "\x7f",
    ),
    *(
        "null",
        "true",
        "True",
        "False",
        "None",
        "5",
        "5.0",
        "-1",
        "1e5",
        "[1]",
        "{}",
        "null\n",
        "\nnull",
        " null",
        "true\n",
    ),
    *('"q"', "'q'", '"', "'", "\\", "\\n", '\\"', "x\\", "a\\b", "C:\\new\\t", "x'", 'x"', "'x", '"x', "''''", '""""'),
    *("<", "<a", "</", "<a>", "</a>", "<b/>", "&", "&lt;", "&amp;lt;", "&#60;", "]]>", "<![CDATA[x]]>", "<!--", "-->"),
    *(
        "'''",
        '"""',
        "+++",
        "\n+++\n",
        "[[call]]",
        "\n[[call]]\n",
        "x = 1",
        "# c",
        "```",
        "\n```\n",
        "~~~",
        "`x`",
        "a: b",
    ),
    *(
        "é",
        "😀",
        "\u2028",
        "\u00a0x\u00a0",
        "\x85",
        "\ufeff",
        "- a",
        '{"a": 1}',
        '{"a": 1',
        "[",
        "]",
        "}",
        "{",
        "|",
        "｜",
    ),
    *("<|", "<｜", "%s", "${x}", "{{x}}", "<think>", "</think>", "<tool_call>", "</tool_call>", "</parameter>"),
    *(
        "</function>",
        "</invoke>",
        "</arg>",
        "</call>",
        "</textarea>",
        "</form>",
        "</field>",
        "</item>",
        "<field>",
        "<item>",
    ),
]
VALUES: dict[str, list[Any]] = {
    "integer": [0, -1, 420, 10**25],
    "number": [0, 1.5, -0.25, 1e300, 5, 1e-7],
    "boolean": [True, False],
    "null": [None],
    "array": [[], ["a"], ["a", "b"], ["a\nb", "<x>", "]"], [1, [2, []]], [None, True], [{"a": 1}]],
    "object": [
        *({}, {"k": "v"}, {"a": {"b": [1, None, True, "s", 1.5]}}, {"": ""}, {"k k": "<>"}, {"a": "x\ny"}),
        *({"a": []}, {"a": {}}),
    ],
}


def values(dialect: str) -> Iterator[tuple[str, Any, bool]]:
    """Yield (the type that is declared, a value of it, whether the dialect may have to refuse it)."""
    for value in STRINGS:
        yield from ((kind, value, False) for kind in ('{"type": "string"}', "{}"))
        yield '{"type": ["string", "null"]}', value, dialect in RAW and value == "null"
    for kind, examples in VALUES.items():
        for value in examples:
            yield f'{{"type": "{kind}"}}', value, False
            yield f'{{"type": ["{kind}", "null"]}}', value, False
            yield from ((some, value, dialect in RAW) for some in ("{}", f'{{"type": ["string", "{kind}"]}}'))


def cuts(dialect: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield (an output that is cut off, its finish reason, whether a call is there, whether it is complete): R-CUT."""
    call = wp.Call("write_file", {"path": "zq1", "content": "zq2"})
    text = written(dialect, call)
    value, closer = ends(dialect)
    # The first argument alone is a finished value too, where a call may end behind it.
    first, last = text.index("zq1"), text.index("zq2")
    own = text.index(closer, last) + len(closer)
    whole = text.index(value, last - 1) + len(value)
    for at in range(len(text) + 1):
        yield text[:at], "length", at > first, at >= own
        if at > last or value.startswith('"}'):
            yield text[:at], "stop", at > first, at >= whole


def wrong_value(dialect: str) -> str | None:
    """Return what is wrong with the first value that is refused, or does not come back as it was written."""
    for declared, value, may_refuse in values(dialect):
        tools = [{"name": "f", "parameters": {"type": "object", "properties": {"x": json.loads(declared)}}}]
        try:
            text = written(dialect, wp.Call("f", {"x": value}), tools=tools)
        except wp.EncodeError as error:
            if not may_refuse:
                return f"{value!r} for {declared}: {error}"
            continue
        message = wp.parse(text, dialect, tools)
        got = [call.arguments for call in message.calls if call.complete]
        if not identical(got, [{"x": value}]) or message.text or message.candidates:
            return f"{value!r} for {declared} is read as {got}: {text!r}"
    return None


def wrong_cut(dialect: str) -> str | None:
    """Return what is wrong with the first output that was cut off and gives another call than it should."""
    whole = {"path": "zq1", "content": "zq2"}
    for text, finish, is_there, is_complete in cuts(dialect):
        calls = wp.parse(text, dialect, TOOLS, finish_reason=finish).calls
        arguments = dict(calls[0].arguments) if calls else {}
        prefixes = all(whole.get(key, "").startswith(value) for key, value in arguments.items())
        fits = (
            [call.complete for call in calls] == [is_complete] and prefixes and (not is_complete or arguments == whole)
        )
        if not fits if is_there else any(call.complete for call in calls):
            return f"{text!r}, {finish}: {calls}"
    return None
