"""Whether the arguments of a call are what the tool's schema asks for, each fault with its code and a sentence.

It must not know how the arguments were written. Law: the same arguments have the same faults, in the order of the
schema and then of the call; the steps are bounded by the size of the call's text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from wireproto.tools.judge import CONSTRAINS, UNSURE, Fault, Judge
from wireproto.values.quoting import escaped, quoted

if TYPE_CHECKING:
    from wireproto.tools.toolset import Tool

MISSING: Final = "missing-argument"
INVALID: Final = "invalid-value"
FAULTS: Final = (MISSING, INVALID)
# A hostile schema may ask for any number of steps: so many for each character of the call, and some for all.
_STEPS: Final = 2_000
_STEPS_PER_CHARACTER: Final = 16
_OF_ROOT: Final = CONSTRAINS - {"properties", "required", "type"}


def required(schema: object) -> list[str]:
    """Return the arguments that a schema asks for, as far as its root says."""
    asked = schema.get("required") if isinstance(schema, (dict, Mapping)) else None
    return [name for name in asked if isinstance(name, str)] if isinstance(asked, (list, tuple)) else []


def is_constrained(schema: object, declared: Mapping[str, Any]) -> bool:
    """Whether a schema asks for more than types and required arguments."""
    if not isinstance(schema, (dict, Mapping)):
        return False
    if not _OF_ROOT.isdisjoint(schema):
        asked = schema.keys() & _OF_ROOT
        if len(asked) > 1 or not isinstance(schema.get("additionalProperties"), bool):
            return True
    # Most are plain dicts: those are asked without a call, since every argument of every tool is asked.
    return any(not _OF_VALUE.isdisjoint(each) if type(each) is dict else constrains(each) for each in declared.values())


def constrains(declared: object) -> bool:
    """Whether the schema of an argument asks for more than a type."""
    if isinstance(declared, (dict, Mapping)):
        return not _OF_VALUE.isdisjoint(declared)
    return declared is False


_OF_VALUE: Final = CONSTRAINS - {"type"}


def faults(tool: Tool, arguments: Mapping[str, Any], size: int, values: bool) -> Iterator[tuple[str, str]]:
    """Yield the code and the sentence of everything that is wrong with the arguments of a call of `size` characters.

    `values`: not only what is missing is looked at, but what is there, too.
    """
    missing = [name for name in required(tool.schema) if name not in arguments] if tool.required else []
    for name in missing:
        yield MISSING, _lacks(tool, name)
    if not values:
        return
    steps = _STEPS + _STEPS_PER_CHARACTER * size
    found = list(_of_arguments(tool, arguments, Judge(tool.resolver, steps)))
    known = [(key, fault) for key, fault in found if fault is not UNSURE]
    for key, fault in known:
        yield INVALID, _says(fault._replace(path=(key, *fault.path)))
    if missing or known:
        return
    whole = _of_whole(tool, arguments, steps)
    if whole is UNSURE or (whole is None and found):
        for fault in _first_of_each(tool.judge_fully(arguments, steps)):
            yield INVALID, _says(fault)
    elif whole is not None and whole.missing is not None and not whole.path:
        yield MISSING, _lacks(tool, whole.missing)
    elif whole is not None:
        yield INVALID, _says(whole)


def _of_arguments(tool: Tool, arguments: Mapping[str, Any], judge: Judge) -> Iterator[tuple[str, Fault]]:
    for key, value in arguments.items():
        declared = tool.declared(key)
        fault = judge.fault(declared, value) if constrains(declared) else None
        # That it has not even the type is said elsewhere.
        if fault is not None and (fault is UNSURE or tool.mismatch(key, value) is None):
            yield key, fault


def _of_whole(tool: Tool, arguments: Mapping[str, Any], steps: int) -> Fault | None:
    """Return what the rest of the schema refuses; that an argument is unknown is said elsewhere."""
    asked = tool.schema.keys() & _OF_ROOT
    if not asked - {"additionalProperties", "patternProperties"}:
        return None
    rest = {keyword: tool.schema[keyword] for keyword in asked - {"additionalProperties"}}
    return Judge(tool.resolver, steps).fault(rest, dict(arguments))


def _first_of_each(found: list[Fault]) -> list[Fault]:
    return list({fault.path[:1]: fault for fault in reversed(found)}.values())[::-1]


def _says(fault: Fault) -> str:
    return f"{fault.pointer or '/'}: {fault.what}"


def _lacks(tool: Tool, name: str) -> str:
    return f'{quoted(tool.name)} needs the argument "{escaped(name)}", which was not given'
