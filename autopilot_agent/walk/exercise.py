"""Exercises: a hidden fault, found by what the device shows; the diagnosis is scored and explained."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.errors import InputError
from autopilot_agent.reports.words import RETRIES
from autopilot_agent.rulebook import Exercise, FaultRow
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import FaultSpec
from autopilot_agent.scenario.problems import suggestion
from autopilot_agent.walk import control, ready
from autopilot_agent.walk.picture import TOOL, Picture
from autopilot_agent.walk.session import Session
from autopilot_agent.walk.simulator import Left

CAUSE, FIX, HINT = 6, 4, 1
"""Points for the right cause and the right fix, and what a hint costs."""


class Training:
    """One exercise on its way."""

    def __init__(self, row: Exercise, seed: int) -> None:
        self.row, self.seed = row, seed
        plain = ready.ready(row.mode)
        scenario = msgspec.structs.replace(plain.scenario, scenario=row.story, faults=[FaultSpec(fault=row.fault)], teaches="")
        self.loaded: LoadedScenario = msgspec.structs.replace(plain, scenario=scenario)
        self.fault: FaultRow = rulebook.faults()[row.fault]
        self.hints = 0
        self.points = 0
        self.said: list[str] = []
        self._session: Session | None = None

    def attach(self, session: Session) -> None:
        """Take part in a walk."""
        self._session = session
        session.secretive = True
        session.extra = self._command
        session.at_end = self.diagnose
        lines = [self.row.story, "Go through setup, look at what the device shows (shift+f10, ctrl+shift+d), find the cause."]
        lines += [":hint gives a hint and costs a point.", ":answer gives your diagnosis, at any page."]
        session.stage.tell(f"Exercise {self.row.id}", lines)

    def _command(self, command: control.Command) -> bool:
        if command.name == "answer":
            self.diagnose()
            raise Left(False)
        if command.name != "hint":
            return False
        if self.hints == len(self.row.hints):
            raise InputError("there are no more hints.")
        self.hints += 1
        assert self._session is not None
        self._session.stage.tell("", [f"Hint {self.hints} of {len(self.row.hints)}: {self.row.hints[self.hints - 1]}"])
        return True

    def diagnose(self) -> None:
        """Ask for cause and fix, and score them."""
        if self.said:
            return
        cause = self._choose("What is the cause?", lambda row: row.cause)
        fix = self._choose("What helps?", lambda row: row.fix)
        self.points = (CAUSE if cause else 0) + (FIX if fix else 0)
        self.points = max(0, self.points - self.hints * HINT)
        self.said = [f"The cause: {'right' if cause else 'wrong'}. The fix: {'right' if fix else 'wrong'}."]

    def _choose(self, question: str, words: Callable[[FaultRow], str]) -> bool:
        session = self._session
        assert session is not None
        draw = session.plan.clock.draw
        rows = [self.fault, *(rulebook.faults()[other] for other in self.row.others)]
        rows.sort(key=lambda row: draw("exercise", question, row.id))
        text = [f"{number}  {words(row)}" for number, row in enumerate(rows, 1)]
        picture = Picture(TOOL, "EXERCISE", question, text=text)
        while True:
            line = session.stage.ask(picture, [f"1-{len(rows)}"], "Your diagnosis", secret=False)
            if line is None or line.strip() in (":quit", ":q"):
                raise Left(line is None)
            chosen = line.strip()
            if chosen in [str(number) for number in range(1, len(rows) + 1)]:
                return words(rows[int(chosen) - 1]) == words(self.fault)
            session.stage.tell("", [f"{chosen[:40]!r} is none of the numbers."])

    def verdict(self) -> list[str]:
        """What came of it, and why; without a diagnosis nothing is given away."""
        again = f"The same once more: autopilot-agent walk --exercise {self.row.id} --seed {self.seed}"
        if not self.said:
            return ["No diagnosis yet.", again]
        row = self.fault
        hints = f", {self.hints} of {len(self.row.hints)} hints used" if self.hints else ""
        lines = [*self.said, f"Points: {self.points} of {CAUSE + FIX}{hints}.", f"It was {row.id}: {row.symptom}."]
        lines += [f"Cause: {row.cause}.", f"Fix: {row.fix}", f"Trying again: {RETRIES[row.retry]}."]
        lines.append(f"Source: {row.source}, {row.grade}")
        lines += [f"  {key}: {where}" for key, where in rulebook.cited_sources(row.source)]
        return [*lines, again]


def choose(name: str, seed: int | None) -> Training:
    """The exercise of that id, or one by the seed; without a seed, any. Raises ``InputError``."""
    table = rulebook.exercises()
    if name:
        row = table.get(name.upper())
        if row is None:
            raise InputError(f"{name[:40]!r} is not an exercise; {suggestion(name.upper(), table, 20)}")
        return Training(row, seed if seed is not None else 1)
    if seed is None:
        import secrets

        seed = secrets.randbelow(10_000)  # which exercise comes is chance; what happens in it is not
    return Training(list(table.values())[seed % len(table)], seed)
