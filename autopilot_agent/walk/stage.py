"""Where the walk is seen: as plain lines, or drawn on a terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Protocol

import msgspec

from autopilot_agent.reports.style import clean
from autopilot_agent.walk import plain
from autopilot_agent.walk.keyboard import Keyboard, Keys, say
from autopilot_agent.walk.picture import TOOL, Picture

if TYPE_CHECKING:
    from rich.console import Console

ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h\x1b[H\x1b[2J", "\x1b[?25h\x1b[?1049l"


class Stage(Protocol):
    """What shows pictures and takes lines."""

    keyboard: Keyboard
    moves: bool
    """Whether progress is drawn over and over."""

    def show(self, picture: Picture) -> None:
        """A screen that asks nothing."""
        ...

    def news(self, text: str) -> None:
        """One thing that changed on the screen."""
        ...

    def tick(self, picture: Picture, hint: str) -> None:
        """Time has passed."""
        ...

    def ask(self, picture: Picture, hints: list[str], prompt: str, *, secret: bool) -> str | None:
        """Show a screen and take a line; None at the end of the input."""
        ...

    def tell(self, title: str, lines: list[str]) -> None:
        """Something that the simulator says, apart from what Windows shows."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class PlainStage:
    """Lines, one after the other."""

    moves = False

    def __init__(self, keyboard: Keyboard) -> None:
        self.keyboard = keyboard
        self._last: Picture | None = None

    def show(self, picture: Picture) -> None:
        """Print the screen."""
        lines = plain.lines_of(picture)
        quiet = msgspec.structs.replace(picture, at=0, message="", elapsed=0)
        if quiet == self._last:  # the same screen: only what is new on it
            say(f"\n{clean(picture.message)}\n" if picture.message else "\n")
            return
        self._last = quiet
        say("\n" + "\n".join(lines) + "\n")

    def news(self, text: str) -> None:
        """Print it."""
        say(clean(text) + "\n")

    def tick(self, picture: Picture, hint: str) -> None:
        """Nothing moves."""

    def ask(self, picture: Picture, hints: list[str], prompt: str, *, secret: bool) -> str | None:
        """Print the screen and the keys, read a line."""
        self.show(picture)
        say("\n".join(clean(hint) for hint in hints) + "\n")
        return self.keyboard.line(f"{clean(prompt)}> ", secret)

    def tell(self, title: str, lines: list[str]) -> None:
        """Print it with a mark that Windows does not use."""
        say("\n".join(f"# {clean(line)}" for line in ([title] if title else []) + lines) + "\n")

    def close(self) -> None:
        """Put the keyboard back."""
        self.keyboard.close()


class DrawnStage:
    """The whole terminal, drawn anew each time; what was on it before comes back at the end."""

    moves = True

    def __init__(self, keyboard: Keyboard | None = None, colour: str = "auto") -> None:
        from autopilot_agent.walk.export import make_console

        self.console: Console = make_console(colour)
        self.ascii = (self.console.encoding or "").lower().replace("-", "") not in ("utf8", "utf16", "utf32", "cp65001")
        self.keyboard = keyboard or Keys()
        self._said: list[str] = []
        if sys.platform == "win32":
            os.system("")
        say(ENTER_SCREEN)

    def show(self, picture: Picture) -> None:
        """Draw it."""
        self._draw(picture, [], "")

    def news(self, text: str) -> None:
        """The next drawing shows it."""

    def tick(self, picture: Picture, hint: str) -> None:
        """Draw it with the hint below."""
        self._draw(picture, [hint], "")

    def ask(self, picture: Picture, hints: list[str], prompt: str, *, secret: bool) -> str | None:
        """Draw it, take a line below it."""
        said = self._said
        line = self.keyboard.line(
            prompt, secret, lambda typed: self._draw(picture, said + hints, f"{clean(prompt)}> ", clean(typed))
        )
        self._said = []
        return line

    def tell(self, title: str, lines: list[str]) -> None:
        """A few lines stand above the prompt; more than that take the screen until Enter."""
        if len(lines) <= 3:
            self._said = [f"# {line}" for line in ([title] if title else []) + lines][-4:]
            return
        rows = max(5, shutil.get_terminal_size((80, 24)).lines - 8)
        pages = [lines[at : at + rows] for at in range(0, len(lines), rows)]
        for number, page in enumerate(pages, 1):
            picture = Picture(TOOL, "SIMULATOR", title, text=page, tone="grey")
            more = f"page {number} of {len(pages)}; Enter shows the next, q goes back" if len(pages) > 1 else "Enter goes back"
            answer = self.ask(picture, [more], "#", secret=False)
            if answer is None or answer.strip().lower() == "q":
                return

    def close(self) -> None:
        """Leave the screen as it was."""
        say(LEAVE_SCREEN)
        self.keyboard.close()

    def _draw(self, picture: Picture, below: list[str], prompt: str, typed: str = "") -> None:
        from autopilot_agent.walk.drawing import lines_of

        size = shutil.get_terminal_size((80, 24))
        width, height = max(20, size.columns), max(8, size.lines)
        self.console.width = width
        shown = [wrapped for line in below for wrapped in _wrapped(line, width)]
        room = height - len(shown) - (1 if prompt else 0) - 1
        lines = lines_of(picture, self.console, height, ascii_only=self.ascii)
        lines = _fitting(lines, room)
        out = ["\x1b[?25l\x1b[H"]
        out += [line + "\x1b[K\r\n" for line in lines]
        gap = height - len(lines) - len(shown) - (1 if prompt else 0)
        out += ["\x1b[K\r\n"] * max(0, gap)
        dim, off = ("", "") if self.console.no_color else ("\x1b[2m", "\x1b[0m")
        rows = [f"{dim}{line}{off}\x1b[K" for line in shown]
        if prompt:
            end = typed[-(width - len(prompt) - 1) :] if typed else ""
            rows.append(prompt + end + "\x1b[K\x1b[?25h")
        say("".join(out) + "\r\n".join(rows) + "\x1b[J")


def _fitting(lines: list[str], room: int) -> list[str]:
    """Lines that fit: first the empty ones go, then some of the middle; the buttons at the end stay."""
    spare = len(lines) - room
    if spare <= 0 or room < 6:
        return lines[: max(1, room)]
    kept: list[str] = []
    for line in lines:
        if spare > 0 and not re.sub(r"\x1b\[[0-9;]*m|[\s│║|]", "", line):
            spare -= 1
        else:
            kept.append(line)
    if spare > 0:
        half = len(kept) - 6 - spare
        kept = [*kept[: max(1, half)], "   ... (a taller terminal shows the rest)", *kept[max(1, half) + spare + 1 :]]
    return kept


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(clean(text), width) or [""]
