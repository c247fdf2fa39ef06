"""The public surface: what users hold, and what they are told when they hold it wrong."""

from __future__ import annotations

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
