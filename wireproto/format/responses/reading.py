"""A dialect out of a response template of Hugging Face's transformers.

A template says what opens and closes each member of a message by texts or regular expressions. Those of texts, white
space and named groups are markers with slots; any other is refused by the name of its field. A template does not say
what white space a model writes; a line break stands for what may be any. It must not know any format. Law: the dialect
reads the calls that the template reads, or there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from wireproto.format.dialect import Dialect
from wireproto.format.loading import load_text
from wireproto.format.plugins import BUILT_IN_CODECS, codec_facts
from wireproto.format.writing import to_toml
from wireproto.values.errors import DialectError

_THOUGHTS: Final = ("thinking", "reasoning_content", "reasoning")
_KEYS: Final = frozenset(("version", "defaults", "fields", "start_anchor", "start_anchor_pattern"))
# One piece of a pattern: a named group, white space, a character, or a part that may be missing in front.
_PIECES: Final = re.compile(
    r"\(\?:(?P<words>\[0-9\]\+|true\|false|\[a-z\]\+)\)|\(\?P<(?P<group>\w+)>(?:[^()\\]|\\.)*\)[*+?]*|\(\?P=(?P<again>\w+)\)|(?P<blank>\\s[*+]|\\n\?)"
    r"|\\(?P<escaped>[^A-Za-z0-9]|n)|(?P<plain>[^\\.^$*+?{}()|\[\]])"
)
_WORDS: Final = {"[0-9]+": "index", "true|false": "string", "[a-z]+": "type"}
_PLAIN: Final = r"(?:[^()\\]|\\.)*"
# What the prompt may have written, or what may stand before a block; and what may stand behind a call.
_LEADING: Final = re.compile(rf"\(\?:\^\|(?P<begun>{_PLAIN})\)|\(\?:(?P<lead>{_PLAIN})\)\?")
_TRAILING: Final = re.compile(rf"\(\?:({_PLAIN})\)\?\Z")
# Where a call ends without a closer of its own: before the next, or with the output.
_NO_MARKER: Final = re.compile(rf"\(\?={_PLAIN}\)|\\Z|\$")
_WHOLE: Final = re.compile(r"\{(\w+(?:\.\w+)*)\}")
Table = dict[str, "str | list[str] | bool"]


def from_response_template(template: Mapping[str, Any], name: str) -> Dialect:
    """Read a response template; see `Dialect.from_response_template`."""
    return _Reader(template, name).dialect()


class _Reader:
    """Turns the fields of one template into the tables of a dialect file."""

    def __init__(self, template: Mapping[str, Any], name: str) -> None:
        self.name = name
        if not isinstance(template, Mapping):
            self._refuse("response_template", f"must be a dict, not {type(template).__name__}")
        if template.get("version", 1) != 1:
            self._refuse("version", "must be 1")
        for key in sorted(set(template) - _KEYS):
            self._refuse(key, "unknown key")
        fields = template.get("fields")
        if not isinstance(fields, Mapping) or not isinstance(fields.get("tool_calls"), Mapping):
            self._refuse("fields.tool_calls", "is missing, and a dialect says how calls are written")
        self.fields: Mapping[str, Mapping[str, Any]] = fields
        self.tables: dict[str, Table] = {}
        self.leads: dict[str, list[str]] = {}  # what may stand before the opener of a field, or behind its closer

    def dialect(self) -> Dialect:
        """Return the dialect."""
        for name, field in self.fields.items():
            if name not in ("content", "tool_calls", *_THOUGHTS) or not isinstance(field, Mapping):
                self._refuse(f"fields.{name}", "a message of a dialect has no such part")
        ends = self._content()
        self._reasoning()
        self._calls(ends)
        own: dict[str, Any] = {"name": self.name, "summary": "From a response template"}
        own |= {"ends": ends} if ends else {}
        return load_text(to_toml(own | self.tables, {}), self.name)

    def _content(self) -> list[str]:
        """Read what is around visible text; return the tokens that end a turn."""
        field = self.fields.get("content", {})
        if "open" not in field and "open_pattern" not in field:
            return [text for text in self._markers("content", field, "close") if text.strip()]
        openers, closers = (self._markers("content", field, key) for key in ("open", "close"))
        table: Table = {"open": openers[0], "close": closers[0] if closers else ""}
        if len(openers) > 1:
            table["also"] = [[opener, closers[0] if closers else ""] for opener in openers[1:]]  # type: ignore[misc]
        self.tables["content"] = table
        return []

    def _reasoning(self) -> None:
        name = next((name for name in _THOUGHTS if name in self.fields), "")
        if not name:
            return
        openers, closers = (self._markers(name, self.fields[name], key) for key in ("open", "close"))
        if len(openers) != 1 or len(closers) != 1:
            self._refuse(f"fields.{name}", "reasoning has one opener and one closer")
        opener = openers[0] if "open" in self.fields[name] else openers[0].rstrip() or openers[0]
        self.tables["reasoning"] = {"open": opener, "close": closers[0]}

    def _calls(self, ends: list[str]) -> None:
        """Read how calls are written."""
        where, field = "fields.tool_calls", self.fields["tool_calls"]
        parser, args = field.get("content", "text"), dict(field.get("content_args", {}))
        name, arguments = self._function(field.get("transform"))
        codec = self._codec(parser, args)
        openers = self._markers("tool_calls", field, "open")
        closers = [text for text in self._markers("tool_calls", field, "close") if text not in ends]
        if not openers or len(closers) > 1:
            self._refuse(where, "calls have an opener, and at most one closer that does not end the turn")
        opener, closer, argument = openers[0], "".join(closers), Table(codec=codec)
        before, behind = self._around()
        begins = codec_facts(codec).begins is not None
        if field.get("transform_each") or begins:
            self.tables["section"] = {"open": opener + "[", "close": "]" + closer}
            self.tables["call"] = {"open": "{name}(", "close": ")", "join": ", "} if begins else {"join": ", "}
            argument |= {"open": "{key}="} if begins else {}
        else:
            self.tables["call"] = {"open": before * (not behind) + opener, "close": closer}
            self.tables["call"] |= {"also": openers[1:]} if openers[1:] else {}
            if behind:
                self.tables["section"] = {"open": before, "close": behind}
        if (name, arguments) != ("{name}", "{content}") and not begins:
            self.tables["record"] = {"name": [name.strip("{}")], "arguments": [arguments.strip("{}")]}
        elif not begins and "{name}" not in opener:
            self._refuse(f"{where}.open_pattern", "has no group for the name that `transform` takes from it")
        self.tables["argument"] = argument | self._values(parser, args)

    def _around(self) -> tuple[str, str]:
        """Return what may stand before a call and behind one, besides what joins two blocks."""
        join = next(iter(self.leads.get("fields.content.open_pattern", [])), "")
        if join:
            self.tables["message"] = {"join": join}
        leads, tails = (self.leads.get(f"fields.tool_calls.{key}_pattern", []) for key in ("open", "close"))
        return "".join(lead for lead in leads if lead != join), "".join(tails)

    def _codec(self, parser: str, args: Mapping[str, Any]) -> str:
        """Return the codec that writes what a parser reads."""
        quoted = bool(args.get("string_delims"))
        for codec in BUILT_IN_CODECS:
            facts = codec_facts(codec)
            if facts.response == parser and facts.has_quote is quoted:
                return codec
        self._refuse("fields.tool_calls.content", f"no codec writes what {parser!r} reads")

    def _function(self, transform: Any) -> tuple[str, str]:
        """Return where the name and the arguments of a call come from."""
        where = "fields.tool_calls.transform"
        function = transform.get("function") if isinstance(transform, Mapping) else None
        if function == "{content}":
            return "name", "arguments"
        if not isinstance(function, Mapping):
            self._refuse(where, "must have a `function` with a name and arguments")
        found = [_WHOLE.fullmatch(str(function.get(key))) for key in ("name", "arguments")]
        if None in found:
            self._refuse(where, "name and arguments must each be one place, such as {name} and {content}")
        name, arguments = (match[1] for match in found if match is not None)
        if (name, arguments) == ("name", "content"):
            return "{name}", "{content}"
        name, arguments = name.removeprefix("content."), arguments.removeprefix("content.")
        if "." in name + arguments or "content" in (name, arguments):
            self._refuse(where, "the name and the arguments stand in one object, or the name before it")
        return name, arguments

    def _values(self, parser: str, args: dict[str, Any]) -> Table:
        """Return how arguments are written."""
        where = "fields.tool_calls.content_args"
        delims, bare = args.pop("string_delims", None), args.pop("unquoted_keys", False)
        pattern, values = args.pop("tag_pattern", None), args.pop("value_parser", None)
        if args:
            self._refuse(f"{where}.{min(args)}", "a dialect has nothing for it")
        if delims:
            if len(delims) != 1 or delims[0][0] != delims[0][1] or not bare:
                self._refuse(f"{where}.string_delims", "one mark stands before and behind a string, and keys are bare")
            return {"quote": delims[0][0]}
        if bare:
            self._refuse(f"{where}.unquoted_keys", "bare keys go with marks around strings")
        if pattern is None:
            return {}
        if values not in (None, {"name": "text"}, {"name": "json", "args": {"allow_non_json": True}}):
            self._refuse(f"{where}.value_parser", "values are text, or JSON where that is what they are")
        opener, found, closer = self._template(f"{where}.tag_pattern", pattern).partition("{value}")
        if not found or "{key}" not in opener:
            self._refuse(f"{where}.tag_pattern", "needs a group `key`, and one `value` behind it")
        padded = opener.endswith("\n") and closer.startswith("\n")
        table: Table = {"open": opener[:-1] if padded else opener, "close": closer[1:] if padded else closer}
        return table | ({"pad": "\n"} if padded else {})

    def _markers(self, field: str, given: Mapping[str, Any], key: str) -> list[str]:
        """Return the texts of an opener or a closer; a pattern is one, with its groups as slots."""
        where = f"fields.{field}.{key}"
        if key in given:
            texts = given[key] if isinstance(given[key], list) else [given[key]]
            if not texts or not all(isinstance(text, str) and text for text in texts):
                self._refuse(where, "must be a text, or a list of texts")
            return list(texts)
        if f"{key}_pattern" not in given:
            return []
        return self._alternatives(f"{where}_pattern", given[f"{key}_pattern"])

    def _alternatives(self, where: str, pattern: str) -> list[str]:
        """Return the markers of a pattern, of which any may stand there; what may be missing is kept as a lead."""
        found = self.leads[where] = []
        while (lead := _LEADING.match(pattern)) is not None:
            pattern = (lead["begun"] or "") + pattern[lead.end() :]
            found += [self._template(where, lead["lead"]).strip()] if lead["lead"] else []
        tail = _TRAILING.search(pattern)
        if tail is not None and where.endswith("close_pattern"):
            pattern = pattern[: tail.start()]
            found.append(self._template(where, tail[1]).strip())
        whole = _split(pattern)
        if len(whole) == 1 and pattern.startswith("(?:") and pattern.endswith(")"):
            whole = _split(pattern[3:-1])
        return [self._template(where, each) for each in whole if _NO_MARKER.fullmatch(each) is None]

    def _template(self, where: str, pattern: str) -> str:
        """Return a pattern as a marker with slots."""
        out, at = "", 0
        while at < len(pattern):
            piece = _PIECES.match(pattern, at)
            if piece is None:
                self._refuse(where, f"{pattern[at:]!r} is neither text, white space nor a named group")
            at = piece.end()
            group = piece["group"] or piece["again"] or _WORDS.get(piece["words"] or "")
            escaped = "\n" if piece["escaped"] == "n" else piece["escaped"]
            out += "{" + group + "}" if group else "\n" if piece["blank"] else escaped or piece["plain"]
        return out

    def _refuse(self, where: str, why: str) -> NoReturn:
        raise DialectError(f"{self.name}: {where}: {why}")


def _split(pattern: str) -> list[str]:
    """Return the alternatives of a pattern; what stands in parentheses is not taken apart."""
    pieces, depth, at = [""], 0, 0
    while at < len(pattern):
        width = 2 if pattern[at] == "\\" else 1
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        if pattern[at] == "|" and not depth:
            pieces.append("")
        else:
            pieces[-1] += pattern[at : at + width]
        at += width
    return pieces
