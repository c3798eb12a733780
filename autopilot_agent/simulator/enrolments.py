"""The tenant's enrolments in the data file: a row each, written when something of it changed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from autopilot_agent.scenario.saved_cloud import KeptEnrolment, enrolment_again, kept_enrolment
from autopilot_agent.simulator.parts import Watched
from autopilot_agent.simulator.store import Row
from autopilot_agent.tenant.state import EnrolledDevice, TenantState


class _KeptDevice(msgspec.Struct):
    """The row of an enrolment: its number in the history, whether it stands, and what it is."""

    number: int
    stands: bool
    device: KeptEnrolment


class Enrolments:
    """The history of enrolments and those that stand: a row each. See ``Part``."""

    kind = "enrolment"

    def __init__(self, state: TenantState) -> None:
        self.state = state
        self._numbers: dict[str, int] = {}
        self._known = 0
        self._last: dict[str, int] = {}

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        state = self.state
        if rows is not None:
            read = sorted((msgspec.json.decode(row, type=_KeptDevice) for row in rows.values()), key=lambda one: one.number)
            state.history = [enrolment_again(state, one.device) for one in read]
            pairs = zip(read, state.history, strict=True)
            state.enrolled = Watched((device.enrolment_id, device) for one, device in pairs if one.stands)
            self._last = {name: hash(row) for name, row in rows.items()}
            self._numbers, self._known = {}, 0
            self._count()
        else:
            state.enrolled = Watched(state.enrolled.items())
        self._watched().touched.clear()

    def _watched(self) -> Watched:
        found = self.state.enrolled
        if not isinstance(found, Watched):
            found = self.state.enrolled = Watched(found.items())
        return found

    def _count(self) -> set[str]:
        """The enrolments that were added since the last time."""
        new = self.state.history[self._known :]
        self._numbers.update({one.enrolment_id: number for number, one in enumerate(new, self._known)})
        self._known += len(new)
        return {one.enrolment_id for one in new}

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        enrolled = self._watched()
        touched = enrolled.touched | self._count()
        for name in sorted(touched & self._numbers.keys()):
            number = self._numbers[name]
            device: EnrolledDevice = self.state.history[number]
            row = msgspec.json.encode(_KeptDevice(number, name in enrolled, kept_enrolment(device)))
            if self._last.get(name) != hash(row):
                self._last[name] = hash(row)
                yield self.kind, name, row
        enrolled.touched.clear()
