"""A report: many runs as one file for programs or people. Each kind is a module of this room, or somebody's entry point."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any, Protocol, runtime_checkable

import msgspec

from autopilot_agent.events import Event, to_json_lines
from autopilot_agent.scenario.run import Result, Run
from autopilot_agent.scenario.verdicts import FINE


class Need(Enum):
    """Of which runs a report wants the events; what no report wants is not kept."""

    NOTHING = 0
    FAILURES = 1
    EVERYTHING = 2


class Played(msgspec.Struct, frozen=True):
    """What a report gets of one run, in the order of the runs.

    ``packed`` are the events, small enough to travel between processes and to wait for thousands of others; ``device`` and
    ``tenant`` are a sentence each, "" where nothing was kept.
    """

    result: Result
    packed: bytes = b""
    device: str = ""
    tenant: str = ""

    @property
    def bad(self) -> bool:
        """Whether it was played, or should have been, and did not go as it was expected to."""
        return self.result.verdict not in FINE and self.result.verdict != "not_run"

    def lines(self) -> bytes:
        """The events as JSON Lines; empty where they were not asked for."""
        import zlib

        return zlib.decompress(self.packed) if self.packed else b""

    def events(self) -> list[Event]:
        """The events; none where they were not asked for."""
        return event_decoder().decode_lines(self.lines()) if self.packed else []


@cache
def event_decoder() -> msgspec.json.Decoder[Any]:
    """Reads an event of any kind."""
    from autopilot_agent.scenario.saving import AnyEvent

    return msgspec.json.Decoder(AnyEvent)


class About(msgspec.Struct, frozen=True):
    """The call as a whole. ``date`` is that of SOURCE_DATE_EPOCH (ISO 8601, UTC), "" without one: reports have no clock."""

    version: str
    exit_code: int = 0
    date: str = ""


@runtime_checkable
class Report(Protocol):
    """One kind of report."""

    name: str
    needs_events: Need

    def render(self, played: list[Played], about: About) -> bytes:
        """The whole file. The same runs give the same bytes."""
        ...


@runtime_checkable
class Announcing(Report, Protocol):
    """A report that can be printed for a CI system that reads along (``KIND=-``).

    ``appended_to`` names the variable of the environment that holds a file to which ``render`` is appended, or "".
    """

    appended_to: str

    def announce(self, played: list[Played], about: About) -> str:
        """What is printed, in whole lines; "" for nothing."""
        ...


def pack(run: Run, need: Need) -> Played:
    """Keep of a run what is needed."""
    result = run.result
    if need is Need.NOTHING or (need is Need.FAILURES and result.verdict in FINE):
        return Played(result)
    import zlib

    packed = zlib.compress(to_json_lines(run.events), 1) if run.events else b""
    if run.plan is None:
        return Played(result, packed)
    from autopilot_agent.reports.text import device_line, tenant_line

    return Played(result, packed, device_line(run.plan), tenant_line(run.plan))
