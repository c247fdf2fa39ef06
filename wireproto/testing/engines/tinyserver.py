"""llama.cpp's server in a process of its own, behind `tinymodel.TinyServer`: one JSON object a line in, one a line out.

It knows nothing of grammars, and ends with its input. Law: only answers are written to standard output; what the engine
logs goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from wireproto.testing.engines import EngineError

# Sampling without any filter, so that every string of a grammar can come.
SAMPLING = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0, "cache_prompt": False}


def start(path: str, context: int, template: str = "") -> Any:
    """Return llama.cpp's server on a model file, in this process; EngineError where it is not installed.

    `context`: its size in tokens; `template`: a chat template in place of the model's own.
    """
    try:
        import xllamacpp
    except ImportError:
        raise EngineError("xllamacpp is not installed: pip install 'wireproto[engines]'") from None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_ctx = context
    parameters.n_parallel = 1
    parameters.n_batch = 256
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.cache_ram_mib = 0
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    if template:
        parameters.use_jinja = True
        parameters.chat_template = template
    return xllamacpp.Server(parameters)


def _complete(server: Any, fields: dict[str, Any]) -> dict[str, Any]:
    answer = server.handle_completions({**SAMPLING, **fields})
    if "error" in answer:
        return {"error": answer["error"]}
    choice = answer["choices"][0]
    return {"text": choice["text"], "finished": choice["finish_reason"] == "stop"}


def main() -> None:
    """Serve the model of the first argument, with the context of the second."""
    os.environ["GGML_NO_BACKTRACE"] = "1"  # else an abort starts a debugger, if there is one
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = None
    try:
        server = start(sys.argv[1], int(sys.argv[2]))
        first: dict[str, Any] = {}
    except (EngineError, RuntimeError) as error:
        first = {"error": str(error)}
    print(json.dumps(first), file=answers, flush=True)
    for line in sys.stdin if server is not None else ():
        print(json.dumps(_complete(server, json.loads(line))), file=answers, flush=True)
    answers.flush()
    # The engine's threads need no farewell, and have been seen to wait for one.
    os._exit(0)
