"""The nesting matrix: a document or a call of one format as the content of an argument, in every dialect.

The failure that started the project was one cell of it: a declaration document inside a DSML `write_file`.
"""

from __future__ import annotations

import pytest
from effort import some_dialects

import wireproto as wp
from wireproto.testing import Trial, laws

TOOLS = [
    {
        "name": name,
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}},
    }
    for name in ("write_file", "run")
]
DOCUMENTS = {
    "xml document": '<?xml version="1.0"?>\n<familiar wire="2">\n  <arg name="a">x &amp; y</arg>\n</familiar>\n',
    "html document": '<!doctype html>\n<form toolname="f"><p>1 &lt; 2<textarea name="content">x</textarea>\n</form>\n',
    "toml document": "+++ plan\n[[call]]\nname = 'run'\ntext = '''\na\n'''\n+++\n",
    "json document": '{"name": "run", "arguments": {"content": "</arg>\\n"}, "list": [1, null]}\n',
}
INNER = ("xml", "html", "toml", "dsml_v4", "qwen3_coder", "hermes")
CALL = wp.Call("run", {"path": "in.py", "content": "if a < b:\n    c\n"})
CONTENTS = DOCUMENTS | {f"{name} call": wp.encode([CALL, CALL], name, tools=TOOLS) for name in INNER}
OUTER = {name: wp.dialect(name) for name in some_dialects()}
OUTER |= {f"{name}-salted": it.salted("k7q2") for name, it in OUTER.items() if it.salt}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("outer", OUTER.values(), ids=OUTER)
def test_a_document_or_call_in_an_argument_is_content(outer: wp.Dialect, content: str) -> None:
    call = wp.Call("write_file", {"path": "a", "content": content})
    text = wp.encode([call], outer, tools=TOOLS)
    whole = wp.parse(text, outer, tools=TOOLS)
    assert [(found.name, found.arguments, found.complete) for found in whole.calls] == [
        ("write_file", call.arguments, True)
    ]
    assert (whole.text, whole.candidates) == ("", ())
    laws.check_trial(outer, Trial(text, tuple(text), TOOLS))
    for cut in range(len(text) % 3 + 1, len(text), 3):
        decoder = wp.Decoder(outer, tools=TOOLS)
        for part in (text[:cut], text[cut:]):
            decoder.feed(part)
        decoder.close()
        assert decoder.message == whole, f"cut at {cut}"
