"""How text looks: width, colour, and data from elsewhere made harmless. Only characters that every console has."""

from __future__ import annotations

import textwrap

import msgspec

from autopilot_agent.reports.printable import printable

COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2", "alarm": "1;31"}
_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2026": "...",
        "\u00a0": " ",
        "\u2192": "->",
        "\u2265": ">=",
        "\u2264": "<=",
    }
)


class Style(msgspec.Struct, frozen=True):
    """``width`` in columns; ``name_width`` is that of the file column in a list of many runs."""

    colour: bool = False
    width: int = 100
    name_width: int = 0

    def paint(self, colour: str, text: str) -> str:
        """The text in a colour, or as it is where colour is off or ``colour`` is ""."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.colour and colour else text

    def block(self, head: str, text: str, colour: str = "", *, hang: int = -1, head_colour: str = "") -> list[str]:
        """A head and a text wrapped beside it; later lines are indented by the head, or by ``hang``."""
        indent = len(head) if hang < 0 else hang
        room = max(24, self.width - len(head))
        parts = textwrap.wrap(
            text, room, break_on_hyphens=False, break_long_words=False, subsequent_indent=" " * (indent - len(head))
        ) or [""]
        first = self.paint(head_colour, head) + self.paint(colour, parts[0])
        return [first.rstrip(), *(" " * len(head) + self.paint(colour, part) for part in parts[1:])]


def clean(text: object) -> str:
    """Data as one harmless line: control and invisible characters become visible, typographic ones plain."""
    return printable(str(text).translate(_PLAIN))
