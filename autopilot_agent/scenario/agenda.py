"""What will happen in the cloud at a virtual time: due changes, in their order, each at its own moment."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopilot_agent.clock import Clock

Change = Callable[[int], None]
"""What is done when its moment comes; it gets that moment (virtual milliseconds)."""


class Agenda:
    """Changes that wait for their time. ``wanted`` ones were asked for by the scenario and have to come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, bool, Change]] = []
        self._count = 0

    def add(self, due: int, change: Change, *, wanted: bool = False) -> None:
        """Let a change happen at ``due``."""
        self._count += 1
        heappush(self._waiting, (due, self._count, wanted, change))

    def apply(self, now: int) -> None:
        """Let everything happen whose time has come, also what that brings about."""
        while self._waiting and self._waiting[0][0] <= now:
            due, _, _, change = heappop(self._waiting)
            change(due)

    def arm(self, clock: Clock) -> None:
        """Wake up in the next run of the clock whenever something is due."""
        for due, _, _, _ in self._waiting:
            if due > clock.now:
                clock.alarm(due - clock.now, lambda: self._wake(clock))

    def _wake(self, clock: Clock) -> None:
        before = self._count
        self.apply(clock.now)
        for due, count, _, _ in list(self._waiting):
            if count > before and due > clock.now:
                clock.alarm(due - clock.now, lambda: self._wake(clock))

    @property
    def next_due(self) -> int | None:
        """When the next change comes; None when none is left."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def missed(self) -> int | None:
        """When the first change that the scenario asked for would have come; None if none is left."""
        return min((due for due, _, wanted, _ in self._waiting if wanted), default=None)
