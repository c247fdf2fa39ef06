"""Dialects learned from chat templates: small ones of our own, hostile ones, and templates written from dialects."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from effort import rounds
from hypothesis import given, settings
from hypothesis import strategies as st

import wireproto as wp
from benchmarks import templates
from wireproto.format.loading import load_text
from wireproto.format.writing import to_toml
from wireproto.learning.findings import Unlearnable
from wireproto.learning.templates.sources import read_template

FRAME = """
{%%- for message in messages %%}
{{- '<|im_start|>' + message.role + '\\n' }}
{%%- if message.role == 'tool' %%}
{{- '<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%%- else %%}
{{- message.content or '' }}
{%%- if message.tool_calls %%}%s{%%- endif %%}
{%%- endif %%}
{{- '<|im_end|>\\n' }}
{%%- endfor %%}
{%%- if add_generation_prompt %%}{{- '<|im_start|>assistant\\n' }}{%%- endif %%}
"""


@dataclass(frozen=True)
class Form:
    """A dialect as far as a template shows it."""

    tables: dict[str, Any]

    @property
    def template(self) -> str:
        section, call, argument = (self.tables.get(name, {}) for name in ("section", "call", "argument"))
        record = {"name": ["name"], "arguments": ["arguments"]} | self.tables.get("record", {})
        opener, closer = call.get("open", ""), call.get("close", "")
        if argument["codec"] == "json" and "{name}" not in opener:
            opener += f'{{"{record["name"][0]}": "{{name}}", "{record["arguments"][0]}": '
            closer = "}" + closer
        name = "' + call.function.name + '"
        parts = [f"{{{{- '{quoted(section.get('open', ''))}' }}}}{{%- for call in message.tool_calls %}}"]
        parts += [f"{{%- if not loop.first %}}{{{{- '{quoted(call.get('join', ''))}' }}}}{{%- endif %}}"]
        parts += [f"{{{{- '{quoted(opener).replace('{name}', name)}' }}}}"]
        if argument["codec"] == "json":
            parts.append("{{- call.function.arguments | tojson }}")
        else:
            pad = quoted(argument.get("pad", ""))
            open_, close = quoted(argument["open"]).replace("{key}", "' + key + '"), quoted(argument["close"])
            spelled = "(value if value is string else value | tojson)"
            parts.append("{%- for key, value in call.function.arguments.items() %}")
            parts.append(f"{{{{- '{open_}{pad}' + {spelled} + '{pad}{close}' }}}}{{%- endfor %}}")
        parts.append(f"{{{{- '{quoted(closer)}' }}}}{{%- endfor %}}{{{{- '{quoted(section.get('close', ''))}' }}}}")
        return FRAME % "".join(parts)


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")


HERMES = FRAME % (
    "{%- for call in message.tool_calls %}{%- if not loop.first %}{{- '\\n' }}{%- endif %}"
    '{{- \'<tool_call>\\n{"name": "\' + call.function.name + \'", "arguments": \' + call.function.arguments | tojson'
    " + '}\\n</tool_call>' }}{%- endfor %}"
)
WORDS = st.sampled_from(["call", "tool_use", "do", "fn", "x:call", "invoke"])
BRACKETS = st.sampled_from(["<%s>", "<|%s|>", "[%s]"])


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """Draw a dialect: its codec, its markers, what is between calls, and whether there is a section."""
    word, blank = draw(WORDS), draw(st.sampled_from(["", "\n"]))
    tables: dict[str, Any] = {"name": "drawn", "summary": "drawn"}
    shape = draw(BRACKETS)
    if shape == "[%s]":
        word = word.upper().replace(":", "_")
    opener, closer = shape % word, shape % ("/" + word)
    if draw(st.booleans()):
        many = shape % (word + ("S" if word.isupper() else "s"))
        tables["section"] = {"open": many + blank, "close": many[0] + "/" + many[1:]}
    kind = draw(st.sampled_from(["record", "header", "tagged"]))
    join = draw(st.sampled_from(["", "\n"]))
    tables["call"] = {"join": join} if join else {}
    if kind == "tagged":
        tables["call"] |= {"open": f"<{word}={{name}}>" + blank, "close": f"</{word}>"}
        pad = draw(st.sampled_from(["", "\n"]))
        tables["argument"] = {"codec": "tagged", "open": "<arg={key}>", "close": "</arg>" + blank}
        tables["argument"] |= {"pad": pad} if pad else {}
        return Form(tables)
    tables["argument"] = {"codec": "json"}
    if kind == "header":
        tables["call"] |= {
            "open": f"{opener}{{name}}{shape % 'with' if '[' not in shape else '[ARGS]'}",
            "close": closer,
        }
    else:
        tables["call"] |= {"open": opener + blank, "close": blank + closer}
        names = draw(st.sampled_from([("name", "arguments"), ("name", "parameters"), ("tool_name", "args")]))
        tables["record"] = {"name": [names[0]], "arguments": [names[1]]}
    return Form(tables)


CALLS = [
    [wp.Call("get_time", {"tz": "UTC"})],
    [wp.Call("get_time", {}), wp.Call("write", {"path": "a\nb", "deep": {"x": [1, None, "é"]}, "flag": True})],
]
TOOLS = [
    {"name": "get_time", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}},
    {"name": "write", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "deep": {"type": "object"}, "flag": {"type": "boolean"}}}},
]  # fmt: skip


@settings(max_examples=rounds(12, 300))
@given(forms())
def test_what_a_dialect_writes_is_learned_back(form: Form) -> None:
    drawn = load_text(to_toml(form.tables, {}), "drawn")
    learned = wp.learn(form.template)
    assert learned.score.label == "exact", (learned.score, learned.gaps)
    for calls in CALLS:
        assert wp.encode(calls, learned.dialect, TOOLS) == wp.encode(calls, drawn, TOOLS)


VALUES = (
    "{%- for call in message.tool_calls %}{{- '<do=' + call.function.name + '>' }}"
    "{%- for key, value in call.function.arguments.items() %}{{- '<arg=' + key + '>' }}VALUE{{- '</arg>' }}{%- endfor %}"
    "{{- '</do>' }}{%- endfor %}"
)
CDATA = (
    "{%- if value is string and ('<' in value or '&' in value or '\\n' in value) %}{{- '<![CDATA[' + value + ']]>' }}"
    "{%- elif value is string %}{{- value }}{%- else %}{{- value | tojson }}{%- endif %}"
)
ELEMENTS = (
    "{%- macro inner(value) %}{%- if value is mapping %}{%- for key, each in value.items() %}"
    "{{- '<|m|>' + key + '<|of|>' }}{{- inner(each) }}{{- '<|/m|>' + key + '<|of|>' }}{%- endfor %}"
    "{%- elif value is string %}{{- value }}{%- elif value is iterable %}{%- for each in value %}"
    "{{- '<|m|>each<|of|>' }}{{- inner(each) }}{{- '<|/m|>each<|of|>' }}{%- endfor %}"
    "{%- else %}{{- value | tojson }}{%- endif %}{%- endmacro %}"
)


def test_strings_in_cdata_sections_are_learned() -> None:
    learned = wp.learn(FRAME % VALUES.replace("VALUE", CDATA))
    assert learned.score.label == "exact" and learned.dialect.argument.strings == "cdata"
    call = wp.Call("f", {"a": "x\n", "b": "x"})
    assert wp.encode(call, learned.dialect, None) == "<do=f><arg=a><![CDATA[x\n]]></arg><arg=b>x</arg></do>"


@pytest.mark.parametrize("null", [True, False])
def test_nested_elements_are_learned(null: bool) -> None:
    value = "{{- inner(value) }}"
    calls = VALUES.replace("<arg=' + key + '>", "<|m|>' + key + '<|of|>").replace("</arg>'", "<|/m|>' + key + '<|of|>'")
    calls = calls.replace("VALUE", value).replace(".items()", ".items()" if null else ".items() if value is not none")
    learned = wp.learn(ELEMENTS + FRAME % calls)
    assert learned.score.label == ("exact" if null else "corners"), (learned.score, learned.gaps)
    assert learned.faults == (() if null else ("null is left out: it is written as if there were no argument",))
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"l": {"type": "array", "items": {
        "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}}}}}]  # fmt: skip
    call = wp.Call("f", {"l": [{"a": 1, "b": "1"}, {}]})
    text = wp.encode(call, learned.dialect, tools)
    inner = "<|m|>each<|of|><|m|>a<|of|>1<|/m|>a<|of|><|m|>b<|of|>1<|/m|>b<|of|><|/m|>each<|of|>"
    assert text == f"<do=f><|m|>l<|of|>{inner}<|m|>each<|of|><|/m|>each<|of|><|/m|>l<|of|></do>"


def test_a_known_dialect_is_named() -> None:
    learned = wp.learn(HERMES)
    assert learned.same_as == "hermes" and learned.score.label == "exact"
    assert learned.lead == "<|im_end|>\n<|im_start|>assistant\n" and learned.end == "<|im_end|>\n"


CHANNELS = """
{%- for message in messages %}
{{- '<|start|>' + message.role }}
{%- if message.reasoning_content %}{{- '<|why|>' + message.reasoning_content + '<|/why|><|start|>assistant' }}{%- endif %}
{%- if message.tool_calls %}
{{- '<|calls|>[' }}
{%- for call in message.tool_calls %}
{{- '{"' + call.function.name + '": ' + (call.function.arguments | tojson) + '}' + (', ' if not loop.last else '') }}
{%- endfor %}
{{- ']<|/calls|>' }}
{%- else %}
{{- '<|say|>' + message.content + '<|/say|>' }}
{%- endif %}
{{- '<|end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}
"""


def test_the_markers_between_blocks_and_around_text_are_learned() -> None:
    learned = wp.learn(CHANNELS, name="channels")
    assert learned.score.label == "exact" and learned.score.reasoning.good == 1
    dialect = learned.dialect
    assert dialect.ends == ("<|end|>",) and dialect.framing is not None
    assert (dialect.framing.content, dialect.framing.joins) == ((("<|say|>", "<|/say|>"),), ("<|start|>assistant",))
    assert wp.encode([wp.Call("f", {"x": 1})], dialect, None) == '<|calls|>[{"f": {"x": 1}}]<|/calls|>'
    message = wp.parse("<|why|>so<|/why|><|start|>assistant<|say|>Hi.<|/say|><|end|>", dialect)
    assert (message.text, message.reasoning) == ("Hi.", "so")


PHRASES = """
{%- for message in messages %}
{{- '<|open|>message role="' + message.role + '"<|sep|>' }}
{%- if message.role == 'assistant' %}
{{- '<|open|>think<|sep|>' + (message.reasoning_content or '') + '<|close|>think<|sep|>' }}
{{- '<|open|>say<|sep|>' + (message.content or '') + '<|close|>say<|sep|>' }}
{%- if message.tool_calls %}
{{- '<|open|>calls<|sep|>' }}
{%- for call in message.tool_calls %}
{{- '<|open|>call tool="' + call.function.name + '" index="' + loop.index|string + '"<|sep|>' }}
{{- (call.function.arguments | tojson) + '<|close|>call<|sep|>' }}
{%- endfor %}
{{- '<|close|>calls<|sep|>' }}
{%- endif %}
{%- else %}
{{- message.content }}
{%- endif %}
{{- '<|close|>message<|sep|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|open|>message role="assistant"<|sep|>' }}{%- endif %}
"""


def test_tags_of_several_tokens_are_not_cut() -> None:
    learned = wp.learn(PHRASES)
    assert learned.score.label == "exact", learned.score
    dialect = learned.dialect
    assert dialect.reasoning is not None and dialect.framing is not None and dialect.section is not None
    assert (dialect.reasoning.open, dialect.section.open.format()) == ("<|open|>think<|sep|>", "<|open|>calls<|sep|>")
    assert (dialect.framing.content, dialect.framing.empty) == ((("<|open|>say<|sep|>", "<|close|>say<|sep|>"),), True)


HEADERS = """
{%- for message in messages %}
{{- '<|start|>' + message.role }}
{%- if message.role == 'assistant' %}
{%- if message.reasoning_content %}{{- ' to=self<|message|>' + message.reasoning_content + '<|eom|><|start|>assistant' }}{%- endif %}
{%- if message.tool_calls %}{%- for call in message.tool_calls %}
{%- if not loop.first %}{{- '<|eom|><|start|>assistant' }}{%- endif %}
{{- ' to=' + call.function.name + '<|message|><do>' + call.function.name + '(' + (call.function.arguments | tojson) + ')</do>' }}
{%- endfor %}{%- else %}{{- ' to=user<|message|>' + message.content }}{%- endif %}
{%- else %}{{- '<|message|>' + message.content }}{%- endif %}
{{- '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}
"""  # fmt: skip


def test_a_message_for_each_call_whose_header_the_prompt_begins() -> None:
    learned = wp.learn(HEADERS)
    assert learned.score.label == "exact" and learned.score.reasoning.good == 1, learned.score
    dialect = learned.dialect
    assert dialect.framing is not None and dialect.framing.joins == ("<|start|>assistant",)
    calls = [wp.Call("f", {"x": 1}), wp.Call("g", {})]
    text = wp.encode(calls, dialect, None)
    assert text == ' to=f<|message|><do>f({"x": 1})</do><|eom|><|start|>assistant to=g<|message|><do>g({})</do>'
    back = wp.parse(" to=self<|message|>so<|eom|><|start|>assistant" + text + "<|eot|>", dialect)
    assert (back.reasoning, back.text, [call.name for call in back.calls]) == ("so", "", ["f", "g"])


def test_a_relative_gives_its_tolerances() -> None:
    learned = wp.learn(HERMES, name="mine", like="hermes")
    assert set(learned.dialect.ends) == set(wp.dialect("hermes").ends) and '"hermes"' not in learned.text


def test_markers_of_reasoning_in_square_brackets_are_learned_whole() -> None:
    thinking = "{%- if message.reasoning_content %}{{- '[MULL]' + message.reasoning_content + '[/MULL]' }}{%- endif %}"
    template = HERMES.replace("<tool_call>", "[CALL]").replace("</tool_call>", "[/CALL]")
    learned = wp.learn(template.replace("{{- message.content or", thinking + "{{- message.content or"))
    assert learned.dialect.reasoning is not None and learned.score.reasoning.good == 1
    assert (learned.dialect.reasoning.open, learned.dialect.reasoning.close) == ("[MULL]", "[/MULL]")


def test_a_guess_is_a_comment() -> None:
    learned = wp.learn(HERMES.replace("'<|im_start|>assistant\\n' }}", "'<|im_start|>assistant\\n<think>\\n' }}"))
    assert set(learned.guessed) == {"reasoning.close"}
    assert "\n# guessed: no turn of the template shows it" in learned.text and 'close = "</think>"' in learned.text
    given = wp.learn(HERMES, reasoning=("<why>", "</why>"))
    assert given.dialect.reasoning is not None and given.dialect.reasoning.close == "</why>" and not given.guessed


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "writes no tool calls"),
        ("{{ raise_exception('no tools here') }}", "raises TemplateError: no tools here"),
        ("{% for x in", "cannot be rendered: TemplateSyntaxError"),
        (FRAME % "{%- for call in message.tool_calls %}{{- call.function.name + '{k:1}' }}{%- endfor %}", "writes no tool calls"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_says_why(template: str, why: str) -> None:
    with pytest.raises(Unlearnable, match=why):
        wp.learn(template)


HOSTILE = {
    "endless": "{% set ns = namespace(i=0) %}{% for a in range(99999) %}{% for b in range(99999) %}{% set ns.i = ns.i + 1 %}{% endfor %}{% endfor %}",
    "much": "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
    "huge": "{{ ('x' * 100000000) * 100000 }}",
    "deep": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "attributes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ raise_exception.__globals__['sys'].exit(3) }}",
    "cycler": "{{ cycler.__init__.__globals__.os.system('echo bad') }}",
    "format": "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception) }}",
    "files": "{% include '/etc/passwd' %}",
    "imports": "{{ self.__init__.__globals__.__builtins__.__import__('os').system('echo bad') }}",
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_templates_end(kind: str) -> None:
    before = time.monotonic()
    with pytest.raises(wp.DialectError):
        wp.learn(HOSTILE[kind] + HERMES if kind != "files" else HOSTILE[kind])
    assert time.monotonic() - before < 20


def test_the_process_reaches_nothing() -> None:
    script = (
        "import sys; from wireproto.learning.templates import sandbox; import jinja2, socket; sys.addaudithook(sandbox._refuse)\n"
        "for act in (lambda: open('x'), lambda: socket.socket(), lambda: __import__('os').system('true')):\n"
        "    try: act()\n"
        "    except PermissionError: print('refused')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["refused"] * 3


# --- which dialect a template writes ------------------------------------------------------------------------------------

GLM = FRAME % (
    "{%- for call in message.tool_calls %}{%- if not loop.first %}{{- 'JOIN' }}{%- endif %}{{- '<tool_call>' + call.function.name"
    " + 'BREAK' }}{%- for key, value in call.function.arguments.items() %}{{- '<arg_key>' + key + '</arg_key>BREAK<arg_value>' + "
    "(value if value is string else value | tojson) + '</arg_value>BREAK' }}{%- endfor %}{{- '</tool_call>' }}{%- endfor %}"
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (HERMES, "hermes"),
        # Two that differ in white space alone, which the text of a template need not show.
        (GLM.replace("BREAK", "").replace("JOIN", ""), "glm47"),
        (GLM.replace("BREAK", "\\n").replace("JOIN", "\\n"), "glm45"),
        # Other white space between calls: it is read, and each call is written so.
        (HERMES.replace("{{- '\\n' }}{%- endif", "{{- ' ' }}{%- endif"), "hermes"),
        # No call is rendered: the text of the template is all there is.
        ("{# <tool_call>\n{{ tool_call | tojson }}\n</tool_call> #}<tool_call>\n{'name': ''}\n</tool_call>", "hermes"),
    ],
)
def test_the_dialect_of_a_template(template: str, name: str) -> None:
    assert wp.dialect_for(chat_template=template).name == name


RECORDS = FRAME % (
    "{{- '<tool_calls>[' }}{%- for call in message.tool_calls %}{%- if not loop.first %}{{- ', ' }}{%- endif %}"
    '{{- \'{"name": "\' + call.function.name + \'", "arguments": \' + call.function.arguments | tojson + "}" }}'
    "{%- endfor %}{{- ']</tool_calls>' }}"
)


@pytest.mark.parametrize(
    ("told", "name"), [("<tool_response>%</tool_response>", "hunyuan_a13b"), ("%\\n\\n", "apriel")]
)
def test_of_dialects_that_write_the_same_calls_it_is_the_one_that_tells_results_so(told: str, name: str) -> None:
    opener, closer = told.split("%")
    template = RECORDS.replace("<tool_response>\\n", opener).replace("\\n</tool_response>", closer)
    between = wp.render_results([wp.ToolResult("f", "", "i"), wp.ToolResult("f", "", "j")], name)
    header = between.removeprefix(opener + closer).removesuffix(opener + closer)
    template = template.replace("'<|im_start|>' + message.role + '\\n'", f"'{quoted(header)}'").replace(
        "<|im_end|>\\n", ""
    )
    assert wp.dialect_for(chat_template=template).name == name


def test_a_known_dialect_is_the_same_though_it_reads_markers_that_no_template_shows() -> None:
    assert wp.dialect("hunyuan_a13b").framing is not None
    template = RECORDS.replace("<tool_response>\\n", "<tool_response>").replace(
        "\\n</tool_response>", "</tool_response>"
    )
    assert wp.learn(template).same_as == "hunyuan_a13b"


def test_the_dialect_of_a_template_that_leaves_null_out() -> None:
    written = "(call.function.arguments | tojson)"
    assert written.strip("()") in HERMES
    without = HERMES.replace(
        "{%- for call in message.tool_calls %}",
        "{%- for call in message.tool_calls %}{%- set given = namespace(d={}) %}"
        "{%- for key, value in call.function.arguments.items() if value is not none %}"
        "{%- set given.d = dict(given.d, **{key: value}) %}{%- endfor %}",
    ).replace("call.function.arguments | tojson", "given.d | tojson")
    assert wp.dialect_for(chat_template=without).name == "hermes"


def test_a_template_that_speaks_of_a_marker_and_writes_another_has_no_dialect() -> None:
    template = HERMES.replace("<tool_call>", "<do>").replace("</tool_call>", "</do>")
    assert "<do>" in template
    with pytest.raises(wp.DialectError, match=r"wp\.learn makes a file of it"):
        wp.dialect_for(chat_template="Write calls within <tool_call>\n</tool_call>." + template)


def test_a_hostile_template_has_the_dialect_of_its_markers() -> None:
    assert wp.dialect_for(chat_template=HOSTILE["endless"] + HERMES).name == "hermes"


# --- where templates are ----------------------------------------------------------------------------------------------


def gguf(entries: dict[str, Any]) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    for key, value in entries.items():
        if isinstance(value, str):
            out += text(key) + struct.pack("<I", 8) + text(value)
        elif isinstance(value, list):
            out += text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        else:
            out += text(key) + struct.pack("<II", 4, value)
    return out


def test_a_template_is_found_in_every_kind_of_file(tmp_path: Path) -> None:
    plain = tmp_path / "chat_template.jinja"
    plain.write_text(HERMES, encoding="utf-8")
    one = tmp_path / "tokenizer_config.json"
    one.write_text(json.dumps({"chat_template": HERMES}), encoding="utf-8")
    several = tmp_path / "several.json"
    named = [{"name": "default", "template": "x"}, {"name": "tool_use", "template": HERMES}]
    several.write_text(json.dumps({"chat_template": named}), encoding="utf-8")
    packed = tmp_path / "model.gguf"
    packed.write_bytes(gguf({"n": 7, "tokens": ["a", "bc"], "tokenizer.chat_template": HERMES}) + b"tensors")
    assert {read_template(path) for path in (plain, one, several, packed)} == {HERMES}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jinja", b" "), ("a.json", b"{}"), ("a.json", b"["), ("b.jinja", b"\xff\xfe"), ("m.gguf", b"GGUF\x03"),
        ("m.gguf", gguf({"n": 7})), ("m.gguf", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 60)),
    ],
)  # fmt: skip
def test_a_file_without_a_template_says_so(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(Unlearnable, match=name):
        read_template(path)


# --- the command ------------------------------------------------------------------------------------------------------


def command(path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wireproto", "learn", str(path), *args], capture_output=True, text=True, check=False
    )


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "new-model.jinja"
    path.write_text(HERMES, encoding="utf-8")
    known = command(path)
    assert (known.returncode, known.stdout) == (0, "") and "this is hermes" in known.stderr
    path.write_text(HERMES.replace("tool_call>", "new_call>"), encoding="utf-8")
    output = tmp_path / "output.txt"
    output.write_text('<new_call>\n{"name": "f", "arguments": {"x": 1}}\n</new_call>', encoding="utf-8")
    new = command(path, "--check", str(output))
    assert new.returncode == 0 and "check    1 calls, 1 complete; 0 characters of text" in new.stderr
    mine = tmp_path / "mine.toml"
    mine.write_text(new.stdout, encoding="utf-8")
    assert wp.Dialect.load(mine).name == "new_model"
    assert command(path, "--variable", "nothing").returncode == 2
    assert command(tmp_path / "none.jinja").returncode == 2


def test_a_file_that_does_not_hold_everywhere_is_written_with_1(tmp_path: Path) -> None:
    path = tmp_path / "loud.jinja"
    path.write_text(HERMES.replace("arguments | tojson", "arguments | tojson(sort_keys=true)"), encoding="utf-8")
    found = command(path, "--name", "loud")
    assert found.returncode == 1 and 'name    = "loud"' in found.stdout
    assert "missing  sorted JSON" in found.stderr


# --- templates as judges ------------------------------------------------------------------------------------------------


def test_templates_judge_dialects_and_what_is_learned(tmp_path: Path) -> None:
    (tmp_path / "known.jinja").write_text(HERMES, encoding="utf-8")
    (tmp_path / "new.jinja").write_text(HERMES.replace("tool_call>", "new_call>"), encoding="utf-8")
    (tmp_path / "plain.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}", encoding="utf-8")
    found = {path.stem: templates.rows(path, 0) for path in tmp_path.glob("*.jinja")}
    known, new = found["known"], found["new"]
    assert (known.dialect, known.learned, known.same_as, known.grammar) == ("hermes", "exact", "hermes", "6/6")
    assert all(known.read.values()) and all(known.written.values())
    assert known.results is False  # a turn for each, which is the template's own
    assert known.skipped == {"reasoning": "dropped"} and len(known.read) == 7
    assert (new.dialect, new.learned, new.same_as, new.grammar) == ("", "exact", "", "6/6")
    assert not found["plain"].calls
    assert "2 write calls; 1 have a known dialect" in "\n".join(templates.lines([*found.values()]))


def test_the_judge_names_what_a_template_does_to_a_message(tmp_path: Path) -> None:
    path = tmp_path / "own.jinja"
    said = HERMES.replace(
        "{{- message.content or '' }}", "{{- message.content + '<|im_end|>\\n<|im_start|>' if message.content }}"
    )
    path.write_text(said, encoding="utf-8")
    row = templates.rows(path, 0)
    assert row.skipped["text"] == "text is a turn of its own", row
    assert "fault of the template: text: text is a turn of its own" in "\n".join(templates.lines([row]))
