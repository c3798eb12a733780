"""How fast the walk goes: virtual time against the wall clock, with a look at the keyboard while the PC is busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.walk import words
from autopilot_agent.walk.keyboard import monotonic

if TYPE_CHECKING:
    from autopilot_agent.walk.session import Session

FRAME = 0.15
"""Seconds between two drawings while something moves."""
PAGE = 1.5
"""Seconds that a page of a film stands at least, at any speed but max."""
HINT = "space skips ahead; + and -: faster, slower; ':' the simulator; Ctrl+C leaves"
FASTEST, SLOWEST = 1e6, 0.1


class Pacer:
    """The clock's ``pace``. ``skipping`` runs ahead to the next page that asks, ``until`` to a virtual time."""

    def __init__(self, session: Session, speed: float | None) -> None:
        self.session = session
        self.speed = speed
        self.skipping = False
        self.until = 0

    def stand(self) -> None:
        """Something new is on the screen: a film lets it stand for a moment, whatever the speed."""
        if self.speed is None or not self.session.auto:
            return
        self.skipping = False
        now, began = self.session.plan.world.now, monotonic()
        while (left := PAGE - (monotonic() - began)) > 0:
            self._draw(now)
            key = self.session.stage.keyboard.poll(min(FRAME, left))
            if key in (" ", "\r", "\n"):
                return
            if key:
                self._pressed(key, now, now)

    def __call__(self, now: int, due: int) -> None:
        """Let the wall clock catch up with the time that is about to pass."""
        while self._wait(now, due):
            pass

    def _wait(self, now: int, due: int) -> bool:
        """Wait for it; whether to wait once more, at another speed."""
        session = self.session
        if self.speed is None or self.skipping or session.resuming or session.desk.off:
            return False
        if session.desk.asking and not session.auto:  # the time that a person takes: here somebody takes it really
            return False
        start = max(now, self.until)
        seconds = (due - start) / 1000 / self.speed
        began = monotonic()
        while (left := seconds - (monotonic() - began)) > 0:
            share = (monotonic() - began) / seconds
            moment = start + int((due - start) * share)
            self._draw(moment)
            key = session.stage.keyboard.poll(min(FRAME, left))
            if key and self._pressed(key, max(moment, now + 1), due):
                return key in ("+", "-")
        return False

    def _draw(self, moment: int) -> None:
        session = self.session
        if session.stage.moves:
            question = session.shown if session.desk.asking else None
            if question is not None:
                question = words.spoken(question)
            hint = HINT.replace("':' the simulator; ", "") if session.auto else HINT
            session.stage.tick(session.desk.picture(moment, question), hint)

    def _pressed(self, key: str, moment: int, due: int) -> bool:
        """What a key does while the PC is busy; whether the waiting is over."""
        session = self.session
        if key in (" ", "\r", "\n"):
            self.skipping = True
            return True
        if key in "+-" and self.speed is not None:
            self.speed = min(FASTEST, self.speed * 2) if key == "+" else max(SLOWEST, self.speed / 2)
            self.until = moment
            return True
        if key == ":" and not session.auto and moment < due:
            session.plan.clock.alarm_at(moment, lambda: session.simulator.interrupted(moment))
            self.until = moment  # so far it has been waited for
            return True
        return False
