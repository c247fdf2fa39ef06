"""All that the end of a raw value depends on: the spelling, and what the tools declare.

It must not know markers as characters. Law: values whose automata are equal have equal sites.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Union

from wireproto.automata.charset import Ranges, char_set, union
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.spelling import Spelling
from wireproto.machine.value_machine import ValueMachine, value_machine
from wireproto.tools.names import unusual
from wireproto.tools.toolset import Toolset

# Where closers spell keys, each argument has an automaton of its own (10 to 15 kB of rules): only up to this many.
_MAX_SITES: Final = 12
# One automaton tells declared keys apart up to here; with more of them every key counts as declared, to keep it small.
_MAX_KEYS: Final = 64
# And names or keys beyond the alphabet up to here; of more, every word of their characters counts as declared.
MAX_UNUSUAL: Final = 8
Word = Union[str, Ranges, None]  # what stands in a slot: this word, a word of these characters, or of the alphabet


@dataclass(frozen=True, slots=True)
class ValueSite:
    """All that the end of a value depends on: the spelling, whether there are sections, and the declared keys.

    `name`, `key`: of the call and of the value, where closers spell them, else empty. `tools`: names and keys, where a
    header is only a tool's name. `coarse`: there are too many keys for an automaton each; values hold no tag of them.
    `unusual`: the tools with a name or with keys beyond the alphabet, and those keys.
    """

    spelling: Spelling
    sectioned: bool
    keys: tuple[str, ...] = ()
    tools: tuple[tuple[str, tuple[str, ...]], ...] = ()
    name: str = ""
    key: str = ""
    coarse: bool = False
    unusual: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, spelling: Spelling, tools: Toolset) -> ValueSite:
        """Return the site of values in a spelling, with these tools."""
        # A key that the format cannot spell is never the key of an argument.
        holds = spelling.keys[0].holds
        of_tool = {tool.name: sorted(key for key in tool.keys if holds("key", key)) for tool in tools.tools}
        header = spelling.headers[0]
        named = [(tool.name, unusual((), of_tool[tool.name]).keys) for tool in tools.tools]
        odd = [(name, tuple(sorted(keys))) for name, keys in named if keys or name in tools.unusual.names]
        keys = sorted({key for found in of_tool.values() for key in found})
        bare = any(header.name_only for header in spelling.headers)
        return cls(
            spelling,
            bool(spelling.sections),
            tuple(keys) if len(keys) <= _MAX_KEYS or spelling.key_is_tag else (),
            tuple((name, tuple(of_tool[name])) for name in tools.names if bare and header.holds("name", name)),
            coarse=bool(spelling.value_closer.roles) and sum(map(len, of_tool.values())) > _MAX_SITES,
            unusual=() if bare else tuple(each for each in odd if header.holds("name", each[0])),
        )

    @property
    def words(self) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """What may be the name in a header, and the key in an argument's opener: usual words, and unusual ones."""
        found = unusual([name for name, _ in self.unusual], [key for _, keys in self.unusual for key in keys])
        names, keys = (
            (None, *sorted(each)) if len(each) <= MAX_UNUSUAL else (union(alphabet("key"), char_set("".join(each))),)
            for each in found
        )
        return names, keys

    def at(self, name: str, key: str) -> ValueSite:
        """Return the site of one value; values whose automata are equal have equal sites."""
        spelling = self.spelling
        return replace(
            self, name=name if spelling.fixed_close is None else "", key=key if spelling.value_closer.roles else ""
        )

    @property
    def machine(self) -> ValueMachine:
        """The machine of a whole call's values: the decoder holds the same object."""
        spelling = self.spelling
        return value_machine(spelling, spelling.call_close(self.name), spelling.wrapper is not None, self.sectioned)


@lru_cache(maxsize=16)
def alphabet(role: str) -> Ranges:
    """Return the characters of a slot: those that it may consist of alone; letters where the slot is a word."""
    single = "".join(chr(point) for point in range(128) if ALPHABETS[role].fullmatch(chr(point)))
    return char_set(single or "abcdefghijklmnopqrstuvwxyz")
