"""A picture drawn with rich: one function per kind of screen, at any width; data from a tenant is text, never markup."""

from __future__ import annotations

from collections.abc import Callable

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autopilot_agent.reports.style import clean
from autopilot_agent.reports.words import clock
from autopilot_agent.walk import picture as kinds
from autopilot_agent.walk.picture import WORDS, Phase, Picture
from autopilot_agent.walk.plain import row_words

COLOURS = {"blue": "bright_blue", "green": "green", "red": "red", "grey": "white"}
MARKS = {
    "succeeded": ("✓", "green"),
    "inProgress": ("●", "cyan"),
    "failed": ("✗", "bold red"),
    "notStarted": ("○", "bright_black"),
    "failedFromPreviousSubcategory": ("\u2013", "bright_black"),
}
PLAIN_MARKS = {"succeeded": "+", "inProgress": "*", "failed": "x", "notStarted": "o", "failedFromPreviousSubcategory": "-"}
WIDEST = 100
TALL = 34
"""Rows from which every part of the Enrollment Status Page stands open."""


def draw(picture: Picture, width: int, height: int, *, ascii_only: bool = False) -> RenderableType:
    """The screen in a frame, not wider than ``width``; a tall one is cut by whoever prints it."""
    inside = min(width, WIDEST) - 6
    body = DRAW[picture.kind](picture, inside, height, ascii_only)
    colour = COLOURS[picture.tone]
    panel = Panel(
        Padding(body, (0, 1)),
        title=_corner(picture),
        title_align="right",
        border_style=colour,
        box=box.ASCII if ascii_only else box.DOUBLE if picture.tone in ("green", "red") else box.ROUNDED,
        width=min(width, WIDEST),
        padding=(1 if height >= 22 else 0, 1),
    )
    return Align.center(panel, width=width)


def lines_of(picture: Picture, console: Console, height: int, *, ascii_only: bool = False) -> list[str]:
    """The drawn screen as lines with escapes, for a live terminal."""
    drawn = draw(picture, console.width, height, ascii_only=ascii_only)
    with console.capture() as captured:
        console.print(drawn, end="")
    return captured.get().rstrip("\n").split("\n")


def _corner(picture: Picture) -> Text | None:
    if picture.kind == kinds.OFF:
        return None
    return _line(picture.screen if picture.kind == kinds.TOOL else f"{picture.screen} {clock(picture.at)}", "bright_black")


def _line(text: str, style: str = "") -> Text:
    return Text(clean(text), style=style)


def _page(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    parts: list[RenderableType] = []
    if picture.brand:
        parts.append(_line(picture.brand, "bold"))
    parts += [_line(picture.title, f"bold {COLOURS[picture.tone]}"), Text("")]
    parts += [_line(part) for part in picture.text]
    parts += _facts(picture)
    parts += _message(picture)
    parts += _form(picture, inside, ascii_only)
    return Group(*parts)


def _wait(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    dots = "." * (picture.at // 1000 % 4)
    spinner = "-\\|/"[picture.at // 1000 % 4] if ascii_only else "◐◓◑◒"[picture.at // 1000 % 4]
    parts: list[RenderableType] = [Text(""), Align.center(Text(spinner, style="bright_cyan"))]
    parts.append(Align.center(_line(picture.title, "bold")))
    parts += [Align.center(_line(part, "dim")) for part in picture.text]
    parts += [Align.center(Text(dots.ljust(3)))]
    return Group(*parts, *_message(picture))


def _status(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    parts: list[RenderableType] = []
    if picture.brand:
        parts.append(_line(picture.brand, "bold"))
    parts += [_line(picture.title, f"bold {COLOURS[picture.tone]}")]
    parts += [_line(part, "bold red" if picture.tone == "red" else "") for part in picture.text]
    if height >= 24:
        parts.append(Text(""))
    for phase in picture.phases:
        parts += _phase(phase, height >= TALL or phase.title == picture.open_phase, ascii_only)
    if picture.limit:
        elapsed = picture.elapsed or 0
        shown = f"{clock(elapsed)} of {clock(picture.limit)}"
        wide = max(10, min(40, inside - 30))
        done = min(wide, wide * elapsed // picture.limit)
        full, empty = "#-" if ascii_only else "█░"
        bar = Text("Elapsed ", "bright_black").append(full * done, "cyan").append(empty * (wide - done)).append(f" {shown}")
        parts += [Text(""), bar]
    return Group(*parts, *_message(picture), *_form(picture, inside, ascii_only))


def _phase(phase: Phase, is_open: bool, ascii_only: bool) -> list[RenderableType]:
    mark, style = MARKS.get(phase.state, ("○", ""))
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    mark = PLAIN_MARKS.get(phase.state, "o") if ascii_only else mark
    table.add_row(Text(mark, style), _line(phase.title, "bold"), _line(WORDS.get(phase.state, phase.state), style))
    if is_open:
        for row in phase.rows:
            mark, style = MARKS.get(row.state, ("○", ""))
            mark = PLAIN_MARKS.get(row.state, "o") if ascii_only else mark
            title = Text("  ").append(mark, style).append(" ").append(clean(row.title))
            table.add_row(Text(""), title, _line(row_words(row.state, row.note), style))
    return [table]


def _error(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    return _page(picture, inside, height, ascii_only)


def _technician(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    return _page(picture, inside, height, ascii_only)


def _logon(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    big = Align.center(_line(clock(picture.at), "bold bright_white"))
    return Group(big, _page(picture, inside, height, ascii_only))


def _desktop(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    parts: list[RenderableType] = [_line(picture.title, "bold green")]
    parts += [_line(part) for part in picture.text]
    return Group(*parts, Text(""), *_facts(picture), *_message(picture), *_form(picture, inside, ascii_only))


def _off(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    return Group(Text(""), Align.center(_line(picture.title, "bright_black")), Text(""))


def _tool(picture: Picture, inside: int, height: int, ascii_only: bool) -> RenderableType:
    parts: list[RenderableType] = [_line(picture.title, "bold"), Text("")]
    return Group(*parts, *[_line(part) for part in picture.text], *_facts(picture))


DRAW: dict[str, Callable[[Picture, int, int, bool], RenderableType]] = {
    kinds.PAGE: _page,
    kinds.WAIT: _wait,
    kinds.STATUS: _status,
    kinds.ERROR: _error,
    kinds.TECHNICIAN: _technician,
    kinds.LOGON: _logon,
    kinds.DESKTOP: _desktop,
    kinds.OFF: _off,
    kinds.TOOL: _tool,
}


def _facts(picture: Picture) -> list[RenderableType]:
    if not picture.facts:
        return []
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in picture.facts:
        table.add_row(_line(name, "bright_black"), _line(value))
    return [table]


def _message(picture: Picture) -> list[RenderableType]:
    return [Text(""), _line(picture.message, "bold yellow")] if picture.message else []


def _form(picture: Picture, inside: int, ascii_only: bool) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if picture.field:
        typed = "" if picture.secret else clean(picture.suggestion)
        fill = "_" if ascii_only else "▁"
        wide = max(20, min(40, inside - len(picture.field) - 4))
        field = Text(f"{picture.field}  ", "bright_black").append(typed.ljust(wide, fill)[: max(wide, len(typed))], "underline")
        parts += [Text(""), field]
    if picture.choices:
        row = Text("")
        for number, choice in enumerate(picture.choices, 1):
            style = "reverse" if choice == picture.default else "bold"
            button = f"[ {number} {clean(choice)} ]"
            row.append(button if ascii_only else button.replace(" ", "\u00a0"), style).append("  ")  # a button is not broken
        parts += [Text(""), row]
    return parts
