"""Formats of strings as patterns, for those who want them asserted.

It must not know schemas. Law: a pattern accepts nothing that the format's own standard refuses; it may refuse rare
spellings. Sources: RFC 3339 (dates and times), RFC 4122 (uuid), RFC 2673 (ipv4), RFC 4291 (ipv6), RFC 5321 (email),
RFC 1123 (hostname), RFC 3986 (uri), RFC 3987 (iri), RFC 6570 (uri-template), RFC 6901 (json-pointer).
"""

from __future__ import annotations

from typing import Final

_SHORT: Final = r"(0[1-9]|1[0-9]|2[0-8])"
# 29 February is left out of no leap year: those divisible by 4 and not by 100, and those by 400.
_LEAP: Final = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
_DATE: Final = rf"([0-9]{{4}}-((0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31|(0[1-9]|1[0-2])-{_SHORT})|{_LEAP})"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([zZ]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_BYTE: Final = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = rf"({_BYTE}\.){{3}}{_BYTE}"
_HEX: Final = "[0-9a-fA-F]"
_H16: Final = f"{_HEX}{{1,4}}"
_LS32: Final = f"({_H16}:{_H16}|{_IPV4})"


def _ipv6() -> str:
    """Return eight groups, or fewer around `::`; the last two may be written as an IPv4 address."""
    rows = [f"({_H16}:){{6}}{_LS32}"]
    for after in range(7):
        # Groups after "::", and at most so many before it that at least one is left out.
        behind = f"({_H16}:){{{after - 2}}}{_LS32}" if after >= 2 else (_H16 if after else "")
        rows.append(f"(({_H16}:){{0,{6 - after}}}{_H16})?::{behind}")
    return f"({'|'.join(rows)})"


_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"


def _domain(first: str, last: int) -> str:
    """Return labels of at most 255 characters together: few long ones, or more short ones.

    `last` is the most characters of the last one.
    """
    few = f"({_label(first, 63)}\\.){{0,3}}"
    many = f"({_label(first, 23)}\\.){{0,8}}"
    return f"({few}|{many}){_label(first, last)}"


def _label(first: str, most: int) -> str:
    return f"{first}[A-Za-z0-9]([A-Za-z0-9-]{{0,{most - 2}}}[A-Za-z0-9])?"


# Labels with hyphens in the third and fourth place are encoded ones, which have rules of their own.
_HOST: Final = _domain("(?!..--)", 60)
_MAIL: Final = _domain("", 63)
_INNER: Final = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(0x10000 * plane)}-{chr(0x10000 * plane + 0xFFFD)}" for plane in range(1, 14)
)
_PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


def _identifiers(more: str, private: str) -> tuple[str, str]:
    """Return the patterns of an identifier with its scheme, and of one with or without it.

    `more`: characters beyond ASCII that may stand anywhere; `private`: those that may stand in a query.
    """
    coded = f"%{_HEX}{{2}}"
    plain = rf"A-Za-z0-9\-._~!$&'()*+,;={more}"
    user, name = f"([{plain}:]|{coded})*", f"([{plain}]|{coded})*"
    future = r"[vV][0-9a-fA-F]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+"
    authority = rf"({user}@)?(\[({_ipv6()}|{future})\]|{name})(:[0-9]*)?"
    segment = f"([{plain}:@]|{coded})"
    unscoped = f"([{plain}@]|{coded})+"
    rooted = f"//{authority}(/{segment}*)*|/({segment}+(/{segment}*)*)?"
    tail = rf"(\?([{plain}:@/?{private}]|{coded})*)?(#([{plain}:@/?]|{coded})*)?"
    scheme = r"[A-Za-z][A-Za-z0-9+\-.]*:"
    absolute = rf"{scheme}({rooted}|({segment}+(/{segment}*)*)?){tail}"
    relative = rf"({rooted}|({unscoped}(/{segment}*)*)?){tail}"
    return f"^{absolute}$", f"^({absolute}|{relative})$"


_URI, _URI_REFERENCE = _identifiers("", "")
_IRI, _IRI_REFERENCE = _identifiers(_INNER, _PRIVATE)
_VARIABLE: Final = rf"([A-Za-z0-9_]|%{_HEX}{{2}})(\.?([A-Za-z0-9_]|%{_HEX}{{2}}))*(:[1-9][0-9]{{0,3}}|\*)?"
_VERBATIM: Final = rf"[!#$&(-;=?-\[\]_a-z~{_INNER}{_PRIVATE}]|%{_HEX}{{2}}"
_POINTER: Final = "(/([^~/]|~[01])*)*"

FORMATS: Final = {
    "date": rf"^{_DATE}$",
    "time": rf"^{_TIME}$",
    "date-time": rf"^{_DATE}[tT]{_TIME}$",
    "duration": r"^P(?!$)([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)?"
    r"(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?)$",
    "uuid": r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
    "ipv4": rf"^{_IPV4}$",
    "ipv6": f"^{_ipv6()}$",
    "email": rf"^(?=[^@]{{1,64}}@){_ATOM}+(\.{_ATOM}+)*@{_MAIL}$",
    "hostname": f"^{_HOST}$",
    "uri": _URI,
    "uri-reference": _URI_REFERENCE,
    "iri": _IRI,
    "iri-reference": _IRI_REFERENCE,
    "uri-template": rf"^({_VERBATIM}|\{{[+#./;?&]?{_VARIABLE}(,{_VARIABLE})*\}})*$",
    "json-pointer": f"^{_POINTER}$",
    "relative-json-pointer": f"^(0|[1-9][0-9]*)(#|{_POINTER})$",
}
# Defined by the standard, and not followed here.
UNCHECKED: Final = frozenset({"idn-email", "idn-hostname", "regex"})
