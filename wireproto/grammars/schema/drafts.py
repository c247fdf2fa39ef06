"""The drafts of JSON Schema: which keywords each of them knows, and what it means otherwise than 2020-12.

It must not know what keywords do. Law: a keyword that a draft does not know says nothing in its schemas.
Sources: json-schema.org/specification-links; the appendices "ChangeLog" of drafts 6, 7, 2019-09 and 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SINCE_2020: Final = frozenset({"prefixItems", "$dynamicRef"})
_SINCE_2019: Final = frozenset({
    "minContains", "maxContains", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_SINCE_7: Final = frozenset({"if", "then", "else"})
_SINCE_6: Final = frozenset({"const", "contains", "propertyNames"})
_UNTIL_7: Final = frozenset({"dependencies"})


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft: its name, its keyword for identifiers, and the keywords of other drafts.

    `alone`: nothing beside a `$ref` counts. `flags`: `exclusiveMinimum` and `exclusiveMaximum` are booleans, and an
    integer is a number that is written without a fraction. `anchors`: names stand in `$anchor`, not in identifiers.
    """

    name: str
    unknown: frozenset[str]
    identifier: str = "$id"
    alone: bool = False
    flags: bool = False
    anchors: bool = True

    def known(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the keywords of a schema that count."""
        if self.alone and "$ref" in schema:
            return {"$ref": schema["$ref"]}
        if self.unknown.isdisjoint(schema):
            return schema
        return {keyword: value for keyword, value in schema.items() if keyword not in self.unknown}


_BEFORE_2019: Final = _SINCE_2020 | _SINCE_2019
DRAFT_4: Final = Draft("draft-04", _BEFORE_2019 | _SINCE_7 | _SINCE_6, "id", alone=True, flags=True, anchors=False)
DRAFT_6: Final = Draft("draft-06", _BEFORE_2019 | _SINCE_7, alone=True, anchors=False)
DRAFT_7: Final = Draft("draft-07", _BEFORE_2019, alone=True, anchors=False)
DRAFT_2019: Final = Draft("2019-09", _SINCE_2020 | _UNTIL_7)
DRAFT_2020: Final = Draft("2020-12", _UNTIL_7)
_DRAFTS: Final = {
    "http://json-schema.org/draft-04/schema": DRAFT_4,
    "http://json-schema.org/draft-06/schema": DRAFT_6,
    "http://json-schema.org/draft-07/schema": DRAFT_7,
    "https://json-schema.org/draft/2019-09/schema": DRAFT_2019,
    "https://json-schema.org/draft/2020-12/schema": DRAFT_2020,
}
NAMES: Final = {draft.name: draft for draft in _DRAFTS.values()}


def named(name: str) -> Draft | None:
    """Return the draft of a name such as "draft-07" or "2020-12"."""
    return NAMES.get(name)


def said_by(schema: Mapping[str, Any]) -> Draft | None:
    """Return the draft that `$schema` names; None for one that is not read."""
    said = (
        str(schema["$schema"]).rstrip("#").replace("https://json-schema.org/draft-0", "http://json-schema.org/draft-0")
    )
    return _DRAFTS.get(said)
