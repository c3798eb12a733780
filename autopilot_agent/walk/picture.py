"""What stands on the PC's screen, as plain data: one ``Picture``, whoever draws it."""

from __future__ import annotations

import msgspec

PAGE, WAIT, STATUS, ERROR, TECHNICIAN, LOGON, DESKTOP, OFF, TOOL = (
    "page", "wait", "status", "error", "technician", "logon", "desktop", "off", "tool",
)  # fmt: skip
"""The kinds of screens; each has one drawing function (``drawing.DRAW``)."""

WORDS = {
    "succeeded": "Complete",
    "inProgress": "Working on it...",
    "failed": "Error",
    "notStarted": "Waiting for the previous step to finish",
    "failedFromPreviousSubcategory": "Previous step failed",
}
"""What Windows says of a row or a part of the Enrollment Status Page."""


class Row(msgspec.Struct):
    """One row of the Enrollment Status Page; ``note`` is what stands behind its title: a count, a code."""

    title: str
    state: str = "notStarted"
    note: str = ""


class Phase(msgspec.Struct):
    """One part of the Enrollment Status Page."""

    title: str
    state: str = "notStarted"
    rows: list[Row] = []


class Picture(msgspec.Struct):
    """One screen. ``tone`` colours it (blue, green, red, grey), ``open_phase`` is the part whose rows a small screen shows.

    ``elapsed`` and ``limit`` are milliseconds of the page's own timer; ``at`` is virtual time since power-on.
    """

    kind: str
    screen: str
    title: str
    brand: str = ""
    text: list[str] = []
    facts: list[tuple[str, str]] = []
    message: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    field: str = ""
    suggestion: str = ""
    secret: bool = False
    phases: list[Phase] = []
    open_phase: str = ""
    elapsed: int | None = None
    limit: int | None = None
    tone: str = "blue"
    at: int = 0
