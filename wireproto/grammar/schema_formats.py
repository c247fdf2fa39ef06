"""Formats of strings as patterns, for those who want them asserted.

It must not know schemas. Law: a pattern accepts nothing that the format's own standard refuses; it may refuse rare
spellings. Sources: RFC 3339 (dates and times), RFC 4122 (uuid), RFC 2673 (ipv4), RFC 5321 (email), RFC 6901.
"""

from __future__ import annotations

from typing import Final

_SHORT: Final = r"(0[1-9]|1[0-9]|2[0-8])"
# 29 February is left out of no leap year: those divisible by 4 and not by 100, and those by 400.
_LEAP: Final = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
_DATE: Final = rf"([0-9]{{4}}-((0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31|(0[1-9]|1[0-2])-{_SHORT})|{_LEAP})"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([zZ]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_BYTE: Final = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

FORMATS: Final = {
    "date": rf"^{_DATE}$",
    "time": rf"^{_TIME}$",
    "date-time": rf"^{_DATE}[tT]{_TIME}$",
    "duration": r"^P(?!$)([0-9]+W|([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)$",
    "uuid": r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
    "ipv4": rf"^({_BYTE}\.){{3}}{_BYTE}$",
    "email": rf"^{_ATOM}{{1,32}}(\.{_ATOM}{{1,31}})?@({_LABEL}\.){{1,3}}[A-Za-z]{{2,63}}$",
    "json-pointer": r"^(/([^~/]|~[01])*)*$",
}
