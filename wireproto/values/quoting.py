"""How a message quotes text that a model or a tool file wrote: short, on one line, and with no effect where it lands.

A message is printed to terminals and sent back to models. A control character or a direction mark would change what a
terminal shows, a line break or a special token (`<|im_start|>`, `</s>`, `[INST]`) what a model takes for its prompt. It
must not know why anything is quoted. Law: whatever the text, the result is bounded, printable, one line, and holds no
special token; what was quoted once stays as it is if it is quoted again.
"""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 60  # of a name or a value: enough to recognise it by
SENTENCE: Final = 400  # of a whole message
# Tags and special tokens begin with these: `<|user|>`, `</s>`, `<<SYS>>`, `[INST]`, `[/TOOL_CALLS]`, `]~b]`, `[e~[`. No
# list of them would be complete, so that every tag is taken for one.
_SPECIAL: Final = re.compile(r"<(?=[^\s\d<=>]|0x)|\[(?=/?(?:[A-Z][A-Z_]+|gMASK)\])|~(?=!?b?[\[\]])")


def escaped(text: str, limit: int = LIMIT) -> str:
    """Return a text without its end if it is longer than `limit`, and with an escape for every character that acts."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if not text.isprintable():
        text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return _SPECIAL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def quoted(value: object, limit: int = LIMIT) -> str:
    """Return a text, `escaped` and in quotation marks; of any other value its `repr`."""
    if not isinstance(value, str):
        return escaped(repr(value), limit)
    text = escaped(value, limit)
    mark = '"' if "'" in text and '"' not in text else "'"
    return mark + text.replace(mark, "\\" + mark) + mark
