"""`wireproto show D --machine`: the machine of a dialect as a table, as JSON, or drawn.

It must not know how a machine is made. Law: the table has every arrow, and nothing that a dialect's file holds acts on
a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from wireproto.cli.io import print_json, print_text
from wireproto.cli.shared import ShowFormat
from wireproto.machine.drawing import dot, mermaid
from wireproto.machine.table import Arrow


def print_machine(arrows: Sequence[Arrow], form: ShowFormat) -> None:
    """Print the arrows of a machine."""
    if form is ShowFormat.json:
        print_json([arrow._asdict() for arrow in arrows])
    elif form is ShowFormat.dot:
        print_text(dot(arrows))
    elif form is ShowFormat.mermaid:
        print_text(mermaid(arrows))
    else:
        # What draws tables takes as long to load as all that decodes.
        from wireproto.cli import terminal

        terminal.print_arrows(arrows)
