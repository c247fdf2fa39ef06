"""A tool as the blank form that a call fills in, after the declarative API of WebMCP.

Source: the WebMCP explainer (`toolname` and `tooldescription` of a form, `toolparamdescription` of a control) and the
HTML Standard for the controls. Law: whatever characters a schema has, they cannot leave the
attribute or the option that they are written in.
"""

from __future__ import annotations

import re
from html import escape

from wireproto.codecs.html.vocabulary import AREA, CHOICE, JSON, NUMBER, OPTION, SWITCH, Control
from wireproto.format.dialect import Dialect
from wireproto.tools.parameters import Parameter, parameters
from wireproto.tools.toolset import Tool

# U+0085 is missing, since a reference to it means another character.
_BREAK = re.compile("[\n\v\f\r\x1c-\x1e\u2028\u2029]")
_NUMBERS = (("integer",), ("number",), ("integer", "number"))


def blank_form(dialect: Dialect, tool: Tool) -> str:
    """Write the form of a tool: a control for each argument, nothing filled in."""
    opener = dialect.call.open.format(name=tool.name, id="").rstrip()
    described = f' tooldescription="{_quoted(tool.description.strip())}"' if tool.description.strip() else ""
    controls = [_control(dialect, parameter) for parameter in parameters(tool)]
    return "\n".join([f"{opener[:-1]}{described}>", *controls, dialect.call.close.format(name=tool.name)])


def _control(dialect: Dialect, parameter: Parameter) -> str:
    """Write the control that fits the types: what only JSON can say stands in a script."""
    types = parameter.types
    if parameter.choices and not {"array", "object"} & set(types):
        return _element(dialect, CHOICE, parameter, "".join(map(_option, _texts(parameter))))
    if types in _NUMBERS:
        return _start(dialect, NUMBER, parameter, "1" if types == ("integer",) else "any")
    if types == ("boolean",):
        return _start(dialect, SWITCH, parameter)
    return _element(dialect, AREA if not types or "string" in types else JSON, parameter)


def _texts(parameter: Parameter) -> tuple[str, ...]:
    pairs = zip(parameter.choices, parameter.spelled, strict=True)
    return tuple(choice if isinstance(choice, str) else spelled for choice, spelled in pairs)


def _option(text: str) -> str:
    # A browser strips the text of an option and joins its white space, but not its value.
    plain = text == " ".join(text.split())
    return f"<{OPTION}>{escape(text)}</{OPTION}>" if plain else f'<{OPTION} value="{_quoted(text)}"></{OPTION}>'


def _quoted(text: str) -> str:
    """Spell the value of an attribute on one line, so that it begins no line of the prompt."""
    return _BREAK.sub(lambda found: f"&#{ord(found[0])};", escape(text))


def _element(dialect: Dialect, control: Control, parameter: Parameter, content: str = "") -> str:
    return _start(dialect, control, parameter) + content + control.closer(dialect)


def _start(dialect: Dialect, control: Control, parameter: Parameter, step: str = "") -> str:
    attributes = {
        "step": step,
        "toolparamdescription": parameter.description.strip(),
        "data-schema": parameter.rest,
    }
    given = "".join(f' {attribute}="{_quoted(value)}"' for attribute, value in attributes.items() if value)
    required = " required" if parameter.required else ""
    return f"{control.before_name(dialect)}{_quoted(parameter.key)}{control.after_name}{given}{required}>"
