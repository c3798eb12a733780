"""What a preflight finds: severities, the resources that a finding is about, and the moments that show it."""

from __future__ import annotations

from enum import Enum

import msgspec

from autopilot_agent.errors import Place


class Severity(Enum):
    """How bad a finding is: a device or a user does not get on, something comes out otherwise than meant, or worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def order(self) -> int:
        """0 is the worst."""
        return tuple(Severity).index(self)


class Resource(msgspec.Struct, frozen=True):
    """A resource of the export: what kind of thing, its display name, and where it stands."""

    kind: str
    name: str
    place: Place = Place("")


class Moment(msgspec.Struct, frozen=True):
    """What was seen in one rehearsal: which one, when (virtual milliseconds; None: as a whole), and what."""

    rehearsal: str
    at: int | None
    text: str


class Found(msgspec.Struct, kw_only=True):
    """What a check says of one rehearsal, or of the tenant; findings with one ``key`` are joined.

    Empty ``rule``, ``title``, ``fix`` and ``severity`` are those of the check.
    """

    what: str
    about: tuple[Resource, ...] = ()
    moments: tuple[Moment, ...] = ()
    seen: tuple[str, ...] = ()
    key: str = ""
    rule: str = ""
    title: str = ""
    fix: str = ""
    severity: Severity | None = None

    @property
    def identity(self) -> tuple[str, ...]:
        """By what findings of one check are the same."""
        return (self.rule, self.key) if self.key else (self.rule, *(f"{one.kind} {one.name} {one.place}" for one in self.about))


class Finding(msgspec.Struct, kw_only=True):
    """One row of the table. ``seen`` names the rehearsals that show it; ``moments`` are the evidence of the first few."""

    check: str
    severity: Severity
    title: str
    what: str
    about: list[Resource]
    rule: str
    statement: str
    grade: str
    source: str
    fix: str
    moments: list[Moment]
    seen: list[str]


MOST_EVIDENCE = 6
"""Moments that one finding shows; what other rehearsals add is the same again."""
