"""One page of HTML without any other file: what reports of outputs have in common.

It must not know what is reported. Law: whatever a model, a tool's name or a path holds is text in the page: escaped,
controls spelled out; and no script can run, since the page allows nothing but its own style.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from wireproto.text.visible import visible

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse } td, th { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid #bbb } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
pre { background: #f6f6f6; padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem;
      overflow-y: auto }
mark { background: #ffd9b3 } .bad { color: #b00020 } .good { color: #1b6e2e } .dim { color: #777 }
.bar { display: flex; width: 22rem; height: .9rem; background: #eee } .bar span { height: 100% }
.bar .bad { background: #cf5b6c } .bar .good { background: #7fb98c } .bar .rest { background: #c9c9c9 }
"""


def page(title: str, body: str) -> str:
    """Return the page of this title; the body is HTML already."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{text(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{text(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Return any value as escaped text; halves of surrogate pairs, which UTF-8 cannot carry, become U+FFFD."""
    return escape(visible(str(value)).encode(errors="replace").decode())


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; numbers are aligned to the right, and a cell of the type `Html` is not escaped again."""
    lines = ["<table>", "<tr>" + "".join(f"<th>{text(head)}</th>" for head in heads) + "</tr>"]
    for row in rows:
        lines.append("<tr>" + "".join(map(_cell, row)) + "</tr>")
    return "\n".join([*lines, "</table>"])


class Html(str):
    """A part of a page that is escaped already."""

    __slots__ = ()


def _cell(value: object) -> str:
    if isinstance(value, Html):
        return f"<td>{value}</td>"
    number = isinstance(value, int)
    return f"<td{' class=n' if number else ''}>{f'{value:,}' if number else text(value)}</td>"
