"""Pictures: one drawing for each kind of screen, at any width, and the same in plain lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autopilot_agent import rulebook
from autopilot_agent.walk import drawing, export, picture, plain
from autopilot_agent.walk.desk import KINDS
from autopilot_agent.walk.picture import Phase, Picture, Row
from autopilot_agent.walk.stage import _fitting

EVIL = "[bold]Evil[/bold] \x1b[31mred :smile: \u202egnp"
FULL: dict[str, Any] = {
    "brand": EVIL,
    "text": [EVIL, "A long text " * 20],
    "facts": [("Organization", EVIL)],
    "message": EVIL,
    "choices": (EVIL, "Back"),
    "default": "Back",
    "field": "user name",
    "suggestion": EVIL,
    "phases": [Phase("Device setup", "failed", [Row("Apps", "failed", "0x80070001"), Row("Certificates", "succeeded")])],
    "open_phase": "Device setup",
    "elapsed": 5000,
    "limit": 60000,
}
ALL_KINDS = sorted(drawing.DRAW)


def drawn(shown: Picture, width: int, *, ascii_only: bool = False) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=False, legacy_windows=False, file=None)
    return drawing.lines_of(shown, console, 24, ascii_only=ascii_only)


@pytest.mark.parametrize("width", [20, 60, 80, 160])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_is_drawn_at_any_width_and_takes_data_literally(kind: str, width: int) -> None:
    lines = drawn(Picture(kind, "SIGNIN", EVIL, **FULL), width)
    assert max(len(line) for line in lines) <= width
    text = "\n".join(lines)
    assert "\x1b" not in text and "\u202e" not in text
    if width >= 80:
        assert "[bold]Evil[/bold]" in text and ":smile:" in text


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_console_without_unicode_gets_letters_only(kind: str) -> None:
    assert "\n".join(drawn(Picture(kind, "SIGNIN", "Sign in", **{**FULL, "phases": []}), 80, ascii_only=True)).isascii()


def test_plain_lines_say_everything_that_is_drawn() -> None:
    lines = "\n".join(plain.lines_of(Picture(picture.STATUS, "ESP", "Setting up", **FULL)))
    rows = ("Apps: Error 0x80070001", "Certificates: Complete")
    for part in ("Setting up", "Organization: ", *rows, "0:00:05 of 0:01:00", "2 Back"):
        assert part in lines
    assert "\x1b" not in lines


def test_a_secret_is_in_no_picture() -> None:
    shown = Picture(picture.PAGE, "PWD", "Password", field="password", suggestion="right password", secret=True)
    assert "right password" not in "\n".join(plain.lines_of(shown) + drawn(shown, 80))


def test_every_screen_of_the_rulebook_has_a_kind_that_can_be_drawn() -> None:
    assert {KINDS.get(screen, picture.PAGE) for screen in rulebook.screens()} <= set(drawing.DRAW)
    assert set(KINDS) <= set(rulebook.screens())


def test_what_does_not_fit_loses_its_empty_lines_first_and_never_its_buttons() -> None:
    lines = ["top", "", "a", "", "b", "c", "d", "e", "f", "", "[ 1 Yes ]", "", "bottom"]
    fitted = _fitting(list(lines), 9)
    assert len(fitted) == 9 and "" not in fitted[:4] and "[ 1 Yes ]" in fitted
    tight = _fitting(list(lines), 7)
    assert len(tight) == 7 and "[ 1 Yes ]" in tight and tight[-1] == "bottom"
    assert any("taller terminal" in line for line in tight)


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_a_picture_in_a_file_is_the_same_every_time(tmp_path: Path, ending: str) -> None:
    pictures = [Picture(kind, "SIGNIN", "Sign in", **FULL) for kind in ALL_KINDS]
    for name in ("one", "two"):
        export.write(tmp_path / f"{name}.{ending}", pictures, EVIL)
    one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
    assert one == two and len(one) > 2000 and b"\x1b" not in one
