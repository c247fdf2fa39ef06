"""A dialect as a response template of Hugging Face's transformers: regular expressions around regions of an output.

A template has a field for each member of the message: what opens and closes it, and which parser reads what stands
between. It is what the canonical spelling and `also` say; repairs have no place in it. The facts come from the parser
of transformers 5.24 (`transformers.utils.chat_parsing`). It must not know any format. Law: what that parser makes of
what `encode` writes, with this template, are the same calls, but for `None` in the place of null; what cannot be said
is refused, by its key.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from wireproto.format.dialect import Dialect
from wireproto.format.plugins import codec_facts
from wireproto.format.spelling import is_distinctive
from wireproto.format.template import Gap, Lit, Slot, Template
from wireproto.values.errors import DialectError

_SLOTS: Final = {
    "name": r"[A-Za-z0-9_.-]+",
    "key": r"[A-Za-z0-9_.-]+",
    "id": r"[A-Za-z0-9_.:-]+",
    "index": "[0-9]+",
    "string": "true|false",
    "type": "[a-z]+",
}
_CAPTURED: Final = ("name", "key", "id")
Field = dict[str, Any]


def response_template(dialect: Dialect, start_anchor: str) -> dict[str, Any]:
    """Write a dialect as a response template; see `Dialect.to_response_template`."""
    framing = dialect.framing
    anchor = start_anchor or (framing.join if framing is not None else "")
    if not anchor:
        _refuse(dialect, "start_anchor", "the file does not say how a prompt begins the model's turn; give it")
    fields: dict[str, Field] = {}
    if dialect.reasoning is not None:
        thought = dialect.reasoning
        opener = _opener(dialect, [thought.open.lstrip()])
        fields["thinking"] = {**opener, "close": thought.close, "content": "text"}
    fields["tool_calls"] = _calls(dialect)
    fields["content"] = _content(dialect)
    return {"version": 1, "defaults": {"role": "assistant"}, "start_anchor": anchor, "fields": fields}


def _content(dialect: Dialect) -> Field:
    framing = dialect.framing
    found: Field = {"content": "text"}
    closers = list(dialect.ends)
    if framing is not None and framing.bare:
        _refuse(dialect, "content.also", "text has markers or none; a field has one opener, or none at all")
    if framing is not None and framing.content:
        openers = [opener.lstrip() for opener, _ in framing.content]
        found |= _opener(dialect, openers)
        found |= {"content_args": {"strip": False}, "repeats": True, "join": ""}
        closers = [*(closer for _, closer in framing.content), *framing.joins, *closers]
    closers = list(dict.fromkeys(filter(None, closers)))
    return found | ({"close": closers[0] if len(closers) == 1 else closers} if closers else {})


def _opener(dialect: Dialect, openers: list[str]) -> Field:
    """Return what opens a block of text or reasoning: what joins two blocks may stand before it."""
    join = _join(dialect)
    if not join:
        return {"open": openers[0] if len(openers) == 1 else openers}
    every = "|".join(map(re.escape, openers))
    return {"open_pattern": join + (f"(?:{every})" if len(openers) > 1 else every)}


def _join(dialect: Dialect) -> str:
    join = dialect.framing.join if dialect.framing is not None else ""
    return rf"(?:{re.escape(join)}\s*)?" if join else ""


def _calls(dialect: Dialect) -> Field:
    """Return the field of the calls."""
    call, argument = dialect.call, dialect.argument
    parser = codec_facts(dialect.codec).response
    if not parser:
        _refuse(dialect, "argument.codec", f"no parser of response templates reads what {dialect.codec} writes")
    for key, given in (("markup", dialect.markup), ("argument.escape", argument.escape)):
        if given:
            _refuse(dialect, key, "a response template has nothing for it")
    if codec_facts(dialect.codec).body == "arguments" and argument.literals in ("python", "python-lists"):
        _refuse(dialect, "argument.literals", "values that are no strings are read as JSON")
    if argument.member is not None or argument.strings == "cdata":
        _refuse(dialect, "argument.member" if argument.member else "argument.strings", "values are raw, or JSON")
    if _is_array(dialect) and ("name" not in call.open.roles or codec_facts(dialect.codec).begins is not None):
        return _array(dialect, parser)
    if codec_facts(dialect.codec).begins is not None:
        _refuse(dialect, "section.open", "calls of this kind are read as a list in brackets alone")
    headers = (call.open, *(also for also in call.also if _captures(dialect, also) >= {"name"}))
    for header in headers[: 1 if call.open.nodes else 0]:
        if not is_distinctive(header.first):
            _refuse(dialect, "call.open", "no marker tells a call from text")
    if not call.open.nodes:
        _refuse(dialect, "call.open", "no marker tells a call from text")
    named = "name" in _captures(dialect, call.open)
    pieces = list(dict.fromkeys(_pattern(dialect, header) for header in headers))
    opener = pieces[0] if len(pieces) == 1 else f"(?:{'|'.join(pieces)})"
    found: Field = {"open_pattern": _optional(dialect, opens=True) + opener, "repeats": True, "content": parser}
    found["close_pattern"] = _close(dialect, opener)
    found |= _values(dialect, parser)
    function: Field = {"name": "{content." + dialect.record.name[0] + "}"}
    function["arguments"] = "{content." + dialect.record.arguments[0] + "}"
    if named:
        function = {"name": "{name}", "arguments": "{content}"}
    has_id = named and all("id" in _captures(dialect, header) for header in headers)
    found["transform"] = {"type": "function", **({"id": "{id}"} if has_id else {}), "function": function}
    return found


def _values(dialect: Dialect, parser: str) -> Field:
    """Return what the parser of the arguments has to know."""
    argument, facts = dialect.argument, codec_facts(dialect.codec)
    if facts.has_quote:
        return {"content_args": {"unquoted_keys": True, "string_delims": [[argument.quote, argument.quote]]}}
    if facts.body != "arguments":
        return {}
    pad = r"\n?" if argument.pad else ""
    closer = _pattern(dialect, Template(argument.close.trimmed), repeated=True)
    args: Field = {"tag_pattern": _pattern(dialect, argument.open) + rf"{pad}(?P<value>.*?){pad}" + closer}
    if argument.strings == "json":
        args["value_parser"] = {"name": "json", "args": {"allow_non_json": True}}
    return {"content_args": args}


def _is_array(dialect: Dialect) -> bool:
    section = dialect.section
    return section is not None and section.open.format().rstrip().endswith("[")


def _array(dialect: Dialect, parser: str) -> Field:
    """Return the field of calls that stand in one array."""
    assert dialect.section is not None
    opener = dialect.section.open.format().rstrip()[:-1].rstrip()
    closer = dialect.section.close.format().lstrip().removeprefix("]").strip()
    if not is_distinctive(opener):
        _refuse(dialect, "section.open", "no marker tells a call from text")
    closers = [closer] if closer else list(dialect.ends)
    name, arguments = ("name", "arguments") if "name" in dialect.call.open.roles else _members(dialect)
    function = {"name": "{" + name + "}", "arguments": "{" + arguments + "}"}
    found: Field = {"open": opener, "content": parser, "transform_each": True}
    found["transform"] = {"type": "function", "function": function}
    return found | ({"close": closers[0] if len(closers) == 1 else closers} if closers else {})


def _members(dialect: Dialect) -> tuple[str, str]:
    return dialect.record.name[0], dialect.record.arguments[0]


def _optional(dialect: Dialect, opens: bool) -> str:
    """Return the marker of a section around single calls, which may or may not stand there."""
    section = dialect.section
    text = "" if section is None else (section.open if opens else section.close).format().strip()
    if not text:
        return _join(dialect) if opens else ""
    return _join(dialect) * opens + rf"(?:{re.escape(text)}\s*)?" if opens else rf"(?:\s*{re.escape(text)})?"


def _close(dialect: Dialect, opener: str) -> str:
    """Return what ends a call; without a closer that is the next call, or the end of the turn."""
    close = dialect.call.close
    if close.trimmed:
        if close.roles:
            _refuse(dialect, "call.close", "holds a slot")
        return _pattern(dialect, Template(close.trimmed)) + _optional(dialect, opens=False)
    first = re.escape(dialect.call.open.first) if is_distinctive(dialect.call.open.first) else opener
    return "|".join((f"(?={first})", *map(re.escape, dialect.ends), r"\Z"))


def _captures(dialect: Dialect, header: Template) -> set[str]:
    """Return what a header tells: an id may hold the name."""
    forms = dialect.call.id[:1] if "id" in header.roles and "name" not in header.roles else ()
    return {*header.roles, *(role for form in forms for role in form.roles)}


def _pattern(dialect: Dialect, template: Template, repeated: bool = False) -> str:
    """Return the pattern of a marker, without the white space at its ends; `repeated`: its key is one already given."""
    found = ""
    for node in template.trimmed:
        if isinstance(node, Lit):
            found += re.escape(node.text)
        elif isinstance(node, Gap):
            found += r"\s*"
        elif isinstance(node, Slot):
            found += _slot(dialect, node, template, repeated)
        else:
            _refuse(dialect, "markup", "a response template has nothing for it")
    return found


def _slot(dialect: Dialect, node: Slot, template: Template, repeated: bool) -> str:
    around = node.quotes[0] if node.quotes else ""
    inner = _SLOTS[node.role]
    if node.role == "id" and dialect.call.id and "name" not in template.roles:
        inner = _pattern(dialect, dialect.call.id[0])
    if repeated and node.role == "key":
        inner = "(?P=key)"
    elif node.role in _CAPTURED:
        inner = f"(?P<{node.role}>{inner})"
    else:
        inner = f"(?:{inner})"
    return re.escape(around[:1]) + inner + re.escape(around[1:])


def _refuse(dialect: Dialect, key: str, why: str) -> NoReturn:
    raise DialectError(f"{dialect.name}: {key}: cannot be said in a response template: {why}")
