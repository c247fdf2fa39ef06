"""llama.cpp's server on the tiny model, in this process: the grammars that it makes of tools, and how fast it writes.

The two chat templates are the least that its template analysis takes for Hermes 2 Pro's and Qwen3-Coder's formats; they
are no model's own. They only count the tools, since a prompt with a thousand of them would not fit.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wireproto.testing.engines import EngineError, tinyserver
from wireproto.testing.engines.tinymodel import CONTEXT

_AROUND = """\
{%%- if tools %%}
<|im_start|>system
# Tools
<tools>
{{ tools | length }}
</tools>
%s<|im_end|>
{%% endif %%}
{%%- for message in messages %%}
{%%- if message.role == "assistant" %%}
{{- '<|im_start|>assistant\\n' }}{{ message.content or '' }}
{%%- for tool_call in message.tool_calls or [] %%}
{%%- if tool_call.function %%}{%%- set tool_call = tool_call.function %%}{%%- endif %%}
%s
{%%- endfor %%}
{{- '<|im_end|>\\n' }}
{%%- elif message.role == "tool" %%}
{{- '<|im_start|>user\\n<tool_response>\\n' }}{{ message.content }}{{- '\\n</tool_response><|im_end|>\\n' }}
{%%- else %%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%%- endif %%}
{%%- endfor %%}
{%%- if add_generation_prompt %%}{{- '<|im_start|>assistant\\n' }}{%%- endif %%}
"""
_HERMES = (
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>',
    '{{- \'\\n<tool_call>\\n{"name": "\' }}{{ tool_call.name }}'
    "{{- '\", \"arguments\": ' }}{{ tool_call.arguments | tojson }}{{- '}\\n</tool_call>' }}",
)
_QWEN3_CODER = (
    "<tool_call>\n<function=example>\n<parameter=key>\nvalue\n</parameter>\n</function>\n</tool_call>",
    "{{- '\\n<tool_call>\\n<function=' + tool_call.name + '>\\n' }}\n"
    "{%- for key, value in tool_call.arguments | items %}\n"
    "{{- '<parameter=' + key + '>\\n' }}{{ value if value is string else value | tojson }}"
    "{{- '\\n</parameter>\\n' }}\n"
    "{%- endfor %}\n"
    "{{- '</function>\\n</tool_call>' }}",
)
TEMPLATES = {"hermes": _AROUND % _HERMES, "qwen3_coder": _AROUND % _QWEN3_CODER}
_ROOT = re.compile(r"^root ::= .* (tool-call[a-z-]*)$", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """A completion: its tokens, the seconds that the server counts for them, and all seconds of the request."""

    tokens: int
    predicted: float
    total: float


def start(model: Path, template: str = "") -> Any:
    """Start a server on a model file."""
    return tinyserver.start(str(model), CONTEXT, template)


def own_grammar(model: Path, template: str, tools: Sequence[Mapping[str, Any]]) -> str:
    """Return the server's own grammar of calls of these tools.

    Its root begins with the prompt's end and text, which a request to `/completion` does not replay: it is cut down to
    the calls. Nothing else is changed.
    """
    server = start(model, template)
    body = {
        "messages": [{"role": "user", "content": "x"}],
        "tools": [{"type": "function", "function": dict(tool)} for tool in tools],
        "tool_choice": "required",
        "parallel_tool_calls": True,
        "max_tokens": 1,
        "verbose": True,
    }
    answer = _checked(server.handle_chat_completions(body))
    grammar = str(answer["__verbose"]["generation_settings"]["grammar"])
    found, count = _ROOT.subn(r"root ::= \1", grammar)
    if count != 1:
        raise EngineError("the server's grammar does not look as it did in b11549")
    return found


def write(server: Any, grammar: str, seed: int, tokens: int) -> Written:
    """Return how a completion under a grammar went."""
    body = {
        **tinyserver.SAMPLING,
        "temperature": 1.0,
        "prompt": "x",
        "grammar": grammar,
        "seed": seed,
        "n_predict": tokens,
    }
    started = time.perf_counter()
    answer = _checked(server.handle_completions(body))
    total = time.perf_counter() - started
    timings = answer["timings"]
    return Written(int(timings["predicted_n"]), timings["predicted_ms"] / 1000, total)


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise EngineError(str(answer["error"]))
    return answer
