"""Pictures of the walk for documents: SVG and HTML by rich; the same walk gives the same bytes."""

from __future__ import annotations

import io
import os
import re
import sys
from html import unescape
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.style import clean
from autopilot_agent.walk.drawing import draw
from autopilot_agent.walk.picture import Picture

WIDTH = 100
HEIGHT = 40
THEME = TerminalTheme(
    (24, 26, 31),
    (214, 218, 226),
    [
        (24, 26, 31),
        (240, 113, 120),
        (152, 209, 121),
        (236, 196, 110),
        (97, 175, 239),
        (198, 146, 233),
        (104, 201, 210),
        (214, 218, 226),
    ],
    [
        (110, 117, 130),
        (255, 130, 135),
        (170, 225, 140),
        (250, 212, 130),
        (120, 190, 250),
        (215, 165, 245),
        (125, 215, 225),
        (255, 255, 255),
    ],
)
SPACE = "&#160;"
_INDENTED = re.compile(
    r'(?P<head><text class="[^"]*") x="(?P<x>[^"]*)" y="(?P<y>[^"]*)" textLength="(?P<length>[^"]*)"(?P<tail>[^>]*)>'
    rf"(?P<spaces>(?:{SPACE})+)(?P<text>[^<]*)</text>"
)
ENDINGS = (".svg", ".html")


def make_console(colour: str = "auto") -> Console:
    """The console of a live terminal; colour ``always``, ``never``, or as NO_COLOR and the terminal allow."""
    no_colour = {"always": False, "never": True}.get(colour, True if os.environ.get("NO_COLOR") else None)
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, no_color=no_colour)


def recording_console(width: int = WIDTH) -> Console:
    """A console that shows nothing and remembers everything."""
    return Console(
        record=True,
        width=width,
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=False,
        _environ={},
    )


def check_target(path: Path) -> None:
    """Raise ``InputError`` for a file that no picture can be written to."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError("a picture is written as .svg or .html; give the file one of these endings.", Place(str(path)))
    if not path.parent.is_dir():
        raise InputError("the folder of this file does not exist; make it first.", Place(str(path)))


def write(path: Path, pictures: list[Picture], title: str) -> None:
    """Write pictures one below the other."""
    console = recording_console()
    for picture in pictures:
        console.print(draw(picture, WIDTH, HEIGHT))
    if path.suffix.lower() == ".svg":
        text = moved(console.export_svg(title=clean(title), theme=THEME, unique_id="autopilot-agent-walk"))
    else:
        text = console.export_html(theme=THEME, inline_styles=True)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"the file cannot be written ({error.strerror}); choose another place.", Place(str(path))) from None


def moved(svg: str) -> str:
    """Leading spaces as a position: some viewers drop them."""
    return _INDENTED.sub(_moved, svg)


def _moved(found: re.Match[str]) -> str:
    spaces = len(found["spaces"]) // len(SPACE)
    x, length = float(found["x"]), float(found["length"])
    cell = length / (spaces + len(unescape(found["text"])))
    return (
        f'{found["head"]} x="{x + spaces * cell:g}" y="{found["y"]}" textLength="{length - spaces * cell:g}"'
        f"{found['tail']}>{found['text']}</text>"
    )
