"""One step without a flow: a device, a scripted person, scripted services, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from autopilot_agent.clock import Clock
from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed
from autopilot_agent.events import Event, ScreenShown
from autopilot_agent.oobe.engine import Step, StepResult
from autopilot_agent.oobe.person import Person, Reply, ScriptedPerson
from autopilot_agent.oobe.world import Installer, World
from autopilot_agent.service import Backend
from autopilot_agent.service.base import Answer, Call, answer_type
from autopilot_agent.testing.small import small_device

A = TypeVar("A", bound=Answer)

OneAnswer = Answer | CallFailed | Callable[[Any], Answer]
"""An answer, a refusal to raise, or a function of the call that gives or raises one."""
Answers = Mapping[type[Call[Any]], OneAnswer | Sequence[OneAnswer]]
"""What a service says to each type of call: the same every time, or one after the other where it is a sequence."""


class ScriptedBackend:
    """Answers from a script, and from nothing else.

    ``calls`` are the (virtual milliseconds, call) pairs that came. A call that the script does not know, or knows no more,
    is an ``AssertionError`` with its name, and so is an answer of the wrong type.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = {kind: list(one) if isinstance(one, Sequence) else one for kind, one in answers.items()}
        self._given: set[str] = set()
        self.calls: list[tuple[int, Call[Any]]] = []

    def send(self, call: Call[A], *, now: int) -> A:
        """The scripted answer; raises what the script says."""
        kind = type(call)
        self.calls.append((now, call))
        scripted = self._answers.get(kind)
        if scripted is None:
            known = ", ".join(sorted(one.__name__ for one in self._answers)) or "none"
            raise AssertionError(f"the step calls {kind.__name__}, which the script does not answer (answered: {known})")
        if isinstance(scripted, list):
            if not scripted:
                raise AssertionError(f"the step calls {kind.__name__} more often than the script answers it")
            found = scripted.pop(0)
        else:
            found = scripted
        self._given.add(kind.__name__)
        if isinstance(found, CallFailed):
            raise type(found)(*found.args)
        answer = found(call) if callable(found) else found
        wanted = answer_type(kind)
        if not isinstance(answer, wanted):
            raise AssertionError(f"the script answers {kind.__name__} with {type(answer).__name__}, not {wanted.__name__}")
        return cast(A, answer)

    def unused(self) -> tuple[str, ...]:
        """Names of calls whose answers were never, or not all, given."""
        left = {kind.__name__ for kind, one in self._answers.items() if isinstance(one, list) and one}
        return tuple(sorted(left | {kind.__name__ for kind in self._answers} - self._given))


class StepRun(msgspec.Struct):
    """What came of the steps. ``milliseconds`` of virtual time passed; ``results`` has one entry per step, in order."""

    results: tuple[StepResult, ...]
    events: list[Event]
    device: Device
    world: World
    backend: Backend
    milliseconds: int

    @property
    def result(self) -> StepResult:
        """The result of the last step."""
        return self.results[-1]

    @property
    def screens(self) -> tuple[str, ...]:
        """Ids of the pages that were shown, in order."""
        return tuple(event.screen for event in self.events if isinstance(event, ScreenShown))

    @property
    def rules(self) -> frozenset[str]:
        """Every rule that an event cites, and those of the results."""
        cited = {event.rule for event in self.events} | {result.rule for result in self.results}
        return frozenset(cited - {""})


class StepDriver:
    """Plays steps one after the other in one world, without a flow. A driver is used once.

    ``answers`` scripts the services (or give a ``backend``); ``person`` maps screen ids to what is pressed or typed, as text,
    a ``Reply`` or a list of them; what is not scripted is answered as the page suggests. ``seed`` decides every duration.
    """

    def __init__(
        self,
        device: Device | None = None,
        *,
        answers: Answers | None = None,
        backend: Backend | None = None,
        person: Mapping[str, str | Reply | list[str | Reply]] | Person | None = None,
        seed: int = 1,
        installers: dict[str, Installer] | None = None,
        assumptions: dict[str, str] | None = None,
    ) -> None:
        self.device = small_device() if device is None else device
        self.backend: Backend = ScriptedBackend(answers or {}) if backend is None else backend
        self.world = World(
            clock=Clock(seed),
            device=self.device,
            backend=self.backend,
            person=ScriptedPerson(_script(person or {})) if isinstance(person, Mapping) or person is None else person,
            installers=installers,
            assumptions=assumptions,
        )
        self._used = False

    def run(self, *steps: Step) -> StepRun:
        """Play the steps. What a step raises comes out as itself; a second use is a ``RuntimeError``."""
        if self._used:
            raise RuntimeError("a StepDriver is used once: give run() all steps, or make a new driver")
        self._used = True

        async def all_of_them() -> tuple[StepResult, ...]:
            return tuple([await step(self.device, self.world) for step in steps])

        results = self.world.clock.run(all_of_them())
        return StepRun(results, self.world.trace, self.device, self.world, self.backend, self.world.now)


def run_step(
    step: Step,
    device: Device | None = None,
    *,
    answers: Answers | None = None,
    person: Mapping[str, str | Reply | list[str | Reply]] | Person | None = None,
    backend: Backend | None = None,
    seed: int = 1,
) -> StepRun:
    """Play one step; see ``StepDriver`` for the arguments. Every scripted answer must be asked for (``AssertionError``)."""
    run = StepDriver(device, answers=answers, backend=backend, person=person, seed=seed).run(step)
    if isinstance(run.backend, ScriptedBackend) and run.backend.unused():
        raise AssertionError(f"the step never asked for: {', '.join(run.backend.unused())}")
    return run


def _script(person: Mapping[str, str | Reply | list[str | Reply]]) -> dict[str, list[Reply] | Reply]:
    def reply(one: str | Reply) -> Reply:
        return one if isinstance(one, Reply) else Reply(one)

    return {screen: [reply(part) for part in one] if isinstance(one, list) else reply(one) for screen, one in person.items()}
