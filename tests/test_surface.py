"""The public surface: what users hold, and what they are told when they hold it wrong."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wireproto as wp

TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}},
            "required": ["path"],
        },
    }
]
PLAN = wp.DocumentType("plan", "xml", root="plan")
OUTPUT = """I will.
<plan><step></plan>
<tool_call>
{"name": "write_file", "arguments": {"path": "<plan/>", "size": 3}}
</tool_call>
`<tool_call>{"name": "write_file", "arguments": {"path": "b"}}</tool_call>`
"""


def test_every_span_has_a_start_and_an_end() -> None:
    message = wp.parse(OUTPUT, "hermes", tools=TOOLS, policy=wp.Policy(documents=[PLAN], nested="lift"))
    calls = [*message.calls, *message.candidates]
    documents = [*message.documents, *(document for call in calls for document in call.nested)]
    diagnoses = [*message.diagnoses, *(found for holder in (*calls, *documents) for found in holder.diagnoses)]
    spans = [holder.span for holder in (*calls, *documents, *message.segments, *diagnoses)]
    assert len(calls) == 2 and len(documents) == 3 and len(diagnoses) > 4
    assert all(isinstance(span, wp.Span) for span in [*spans, *(document.input_span for document in documents)])
    assert spans[0] == (spans[0].start, spans[0].end) and OUTPUT[slice(*spans[0])] == calls[0].raw


# --- the policy -------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, str, Any, str]] = [
    (wp.Policy, "reasoning_calls", "sometimes", 'expected "terminal", "never" or "always"'),
    (wp.Policy, "reasoning_calls", None, "Policy.reasoning_calls"),
    (wp.Policy, "fenced_calls", True, 'expected "quote" or "call", not True'),
    (wp.Policy, "foreign", ["call"], 'expected "candidate", "call" or "text"'),
    (wp.Policy, "unknown_tools", "drop", 'expected "forward" or "text"'),
    (wp.Policy, "nested", "raise", 'expected "keep", "report" or "lift"'),
    (wp.Policy, "coerce", 1, "expected True or False, not 1"),
    (wp.Policy, "strict", "yes", "expected True or False"),
    (wp.Policy, "second_look", None, "expected True or False"),
    (wp.Policy, "documents", PLAN, "expected a list of wp.DocumentType"),
    (wp.Policy, "documents", "plan", "expected a list of wp.DocumentType"),
    (wp.Policy, "documents", [PLAN, "plan"], r"Policy.documents\[1\]: expected a wp.DocumentType, not 'plan'"),
    (wp.Policy, "promote", "leaked", "expected a dict of sets"),
    (wp.Policy, "promote", {"*": "leaked quoted"}, r'Policy.promote\[\'\*\'\].*write {"leaked", "quoted"}, not'),
    (wp.Policy, "promote", {"*": "never"}, r"write set\(\) for never"),
    (wp.Policy, "promote", {"*": {"leak"}}, '"leaked", "quoted", "draft" or "foreign"'),
    (wp.Policy, "promote", {"*": [[]]}, '"leaked", "quoted", "draft" or "foreign"'),
    (wp.Policy, "promote", {1: {"leaked"}}, "names of tools"),
    (wp.Policy, "limits", {"max_calls": 1}, r"wp.Limits\(max_calls=20\)"),
    (wp.Policy, "loops", None, r"wp.Loops\(max_repeated_calls=3\)"),
    (wp.Limits, "max_value_chars", -1, "an integer from 0 or None, not -1"),
    (wp.Limits, "max_calls", True, "an integer from 0 or None, not True"),
    (wp.Limits, "max_depth", 2.0, "an integer from 0 or None, not 2.0"),
    (wp.Loops, "max_repeated_calls", 1, "an integer from 2 or None, not 1"),
    (wp.Loops, "max_repeated_passages", 2, "an integer from 3 or None, not 2"),
    (wp.Loops, "max_period", None, "an integer from 1, not None"),
    (wp.Loops, "max_period", "9" * 200, "…"),
]


@pytest.mark.parametrize(("group", "field", "value", "said"), WRONG, ids=[f"{row[1]}={row[2]!r:.20}" for row in WRONG])
def test_a_wrong_policy_names_the_field_the_value_and_what_is_allowed(
    group: Any, field: str, value: Any, said: str
) -> None:
    with pytest.raises(wp.PolicyError, match=said) as caught:
        group(**{field: value})
    assert f"{group.__name__}.{field}" in str(caught.value) and isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 250


def test_every_field_of_a_policy_is_validated() -> None:
    for group in (wp.Policy, wp.Limits, wp.Loops):
        assert {row[1] for row in WRONG if row[0] is group} == {*group.__dataclass_fields__}


def test_a_policy_keeps_what_it_was_given() -> None:
    promote: dict[str, Any] = {"*": ["leaked", "quoted"], "f": set()}
    policy = wp.Policy(promote=promote, documents=[PLAN], limits=wp.Limits(max_calls=0))
    promote["*"].append("draft")
    assert policy.promote == {"*": {"leaked", "quoted"}, "f": set()} and policy.documents == (PLAN,)
    assert pickle.loads(pickle.dumps(wp.Policy(promote=promote))).promote["*"] == {"leaked", "quoted", "draft"}
    assert wp.Policy() == wp.Policy() and hash(wp.Policy()) == hash(wp.Policy())


def test_a_limit_that_was_passed_says_which() -> None:
    policy = wp.Policy(limits=wp.Limits(max_calls=0))
    with pytest.raises(wp.LimitExceeded, match=r"Limits\.max_calls") as caught:
        wp.parse(OUTPUT, "hermes", tools=TOOLS, policy=policy)
    assert caught.value.limit == "max_calls" and pickle.loads(pickle.dumps(caught.value)).limit == "max_calls"


# --- tools and signatures ---------------------------------------------------------------------------------------------


def test_types_are_what_editors_show() -> None:
    path = Path(__file__).with_name("typed_use.py")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=path.parent.parent, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)
    assert path.read_text(encoding="utf-8").count('"nope")  # type: ignore') >= 6


@pytest.mark.parametrize(
    "name", ["Decoder", "classify", "convert", "encode", "grammar", "parse", "prompt", "render_results"]
)
def test_arguments_have_one_order_and_the_optional_ones_names(name: str) -> None:
    parameters = [*inspect.signature(getattr(wp, name)).parameters.values()]
    positional = [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    orders = {"convert": ["text", "source", "target", "tools"], "render_results": ["results", "dialect"]}
    content = [] if name in ("Decoder", "grammar", "prompt") else ["message" if name == "encode" else "text"]
    assert positional == orders.get(name, [*content, "dialect", "tools"])
    assert all(each.default is not inspect.Parameter.empty for each in parameters[len(positional) :])


def test_a_toolset_is_validated_once_and_goes_wherever_tools_go() -> None:
    toolset = wp.Toolset.of(TOOLS)
    assert wp.Toolset.of(toolset) is toolset and toolset.names == ("write_file",)
    call = wp.parse(OUTPUT, "hermes", toolset).calls[0]
    assert wp.parse(wp.encode([call], "hermes", toolset), "hermes", TOOLS).calls[0].arguments == call.arguments
    assert wp.prompt("xml", toolset) == wp.prompt("xml", TOOLS)
    assert str(wp.grammar("hermes", toolset)) == str(wp.grammar("hermes", TOOLS))
    assert wp.classify(OUTPUT, tools=toolset) == wp.classify(OUTPUT, tools=TOOLS)
