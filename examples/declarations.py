"""The failure that started the project, end to end; run it with `make demo`.

A planner was to hand over a declaration document, `<familiar wire="2">…</familiar>`, and wrote it inside
`write_file(content=…)`. The parser saw both kinds of markers and gave the whole output back as text. Here the harness
registers the document type, and every way to place the declaration is decoded a few characters at a time: inside an
argument, in three wire formats and under each policy; alone; inside reasoning; and twice.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import wireproto as wp

RECORDED = Path(__file__).resolve().parent.parent / "fixtures" / "recorded"
CHUNK = 4
FAMILIAR = wp.DocumentType("familiar", "xml", root="familiar")
TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string"},
                "overwrite": {"type": "boolean"},
            },
            "required": ["path", "content"],
        },
    }
]


@dataclass(frozen=True)
class Story:
    """One output, how it is to be read, and how many calls, nested and delivered documents must come out."""

    title: str
    dialect: str
    wire: str
    policy: wp.Policy
    calls: int
    nested: int
    documents: int
    reasoning: bool = False


def policy(nested: str = "lift") -> wp.Policy:
    """Return the policy of a harness that knows the declaration."""
    return wp.Policy(documents=[FAMILIAR], nested=nested)  # type: ignore[arg-type]


def stories() -> list[Story]:
    """Return all placements of the declaration."""
    recorded = (RECORDED / "planner-familiar.txt").read_bytes().decode()
    call = wp.parse(recorded, "dsml_v4", tools=TOOLS).calls[0]
    declaration = call.arguments["content"].split("?>\n")[1].strip()
    wires = {"dsml_v4": recorded}
    # The same turn as the planner would have written it in the protocols of our own.
    wires |= {name: wp.convert(recorded, "dsml_v4", name, tools=TOOLS) for name in ("toml", "html", "xml")}
    found = []
    for name, wire in wires.items():
        for nested, reported, delivered in (("keep", 0, 0), ("report", 1, 0), ("lift", 1, 1)):
            title = f"inside write_file, {name}, nested = {nested!r}"
            found.append(Story(title, name, wire, policy(nested), 1, reported, delivered))
    both = f"{declaration}\n\n{recorded.split('</think>')[1]}"
    thought = f"<think>It should read\n{declaration}\n</think>Done."
    return [
        *found,
        Story("alone, at top level", "dsml_v4", f"Here it is.\n{declaration}\n", policy(), 0, 0, 1),
        Story("inside reasoning", "dsml_v4", thought, policy(), 0, 0, 0, reasoning=True),
        Story("two: one at top level, one in an argument", "dsml_v4", both, policy(), 1, 1, 2),
    ]


def decode(story: Story) -> tuple[wp.Message, int]:
    """Stream a story's output; return the message and how many characters were held back at most."""
    decoder = wp.Decoder(story.dialect, tools=TOOLS, policy=story.policy)
    held = 0
    for start in range(0, len(story.wire), CHUNK):
        decoder.feed(story.wire[start : start + CHUNK])
        held = max(held, len(decoder.pending))
    decoder.close("stop")
    return decoder.message, held


def problems(story: Story, message: wp.Message) -> list[str]:
    """Say what is not as it should be."""
    nested = [document for call in message.calls for document in call.nested]
    documents = message.documents
    found = [*nested, *documents]
    checks = {
        f"{len(message.calls)} calls": len(message.calls) == story.calls,
        f"{len(nested)} nested documents": len(nested) == story.nested,
        f"{len(documents)} delivered documents": len(documents) == story.documents,
        "an incomplete call": all(call.complete for call in message.calls),
        "a document that is not the declaration": all(
            document.value["name"] == "familiar" and document.value["attributes"] == {"wire": "2"} for document in found
        ),
        "markup in the text": "familiar" not in message.text and "invoke" not in message.text,
        "the declaration is not in the reasoning": not story.reasoning or "</familiar>" in message.reasoning,
    }
    return [what for what, holds in checks.items() if not holds]


def main() -> int:
    """Tell all stories; 0 if each ended as it must."""
    if sys.stdout.encoding.lower() != "utf-8" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    print("\n=== A declaration document where a call, text or reasoning was expected\n")
    print(f"{'where the declaration stands':<48} calls nested delivered  held back")
    failed = False
    for story in stories():
        message, held = decode(story)
        nested = sum(len(call.nested) for call in message.calls)
        counts = f"{len(message.calls):>5} {nested:>6} {len(message.documents):>9} {held:>10}"
        wrong = problems(story, message)
        failed = failed or bool(wrong)
        print(f"{story.title:<48} {counts}" + "".join(f"\n  WRONG: {line}" for line in wrong))
    print()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
