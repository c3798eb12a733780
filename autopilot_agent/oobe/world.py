"""The only door of a step: now, sleep, call, ask, beside, and the records it leaves."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from autopilot_agent import events, rulebook
from autopilot_agent.device.network import DOMAIN_CONTROLLER, EVERYTHING
from autopilot_agent.errors import CallFailed, Unreachable
from autopilot_agent.oobe.person import MOST_WAYS_BACK, Reply
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.service.base import Answer, Call

if TYPE_CHECKING:
    from autopilot_agent.clock import Clock
    from autopilot_agent.device import Device
    from autopilot_agent.oobe.flow import Flow
    from autopilot_agent.oobe.person import Person, Question
    from autopilot_agent.service import Backend

A = TypeVar("A", bound=Answer)

ROUND_TRIP = 250
"""Milliseconds of a call that names no duration (estimate)."""
PATIENCE = 600_000
"""Milliseconds after which a device gives up on a service that lets it wait (estimate)."""
MOST_THROTTLED = 5
"""How often a device comes back to a service that asks it to wait, before it gives up (rule E-THROTTLE)."""
TIMED_OUT = 30_000
"""Milliseconds until a call to a closed host gives up (estimate)."""


class Failure(msgspec.Struct, frozen=True):
    """What went wrong last: the code the device shows, in which state, the rule, what was said, and the row if any."""

    code: str
    state: State
    rule: str
    reason: str = ""
    row: str = ""


class Installer(msgspec.Struct, frozen=True):
    """What an app's installer does when it runs (times in milliseconds, None: as the rulebook says)."""

    milliseconds: int | None = None
    return_codes: tuple[int, ...] = (0,)
    leaves: bool = True
    requirement_script: str | None = None
    restarts_windows: bool = False
    windows_installer: bool | None = None
    size: int | None = None
    download_fails: bool = False
    approved: bool = False


PLAIN_INSTALLER = Installer()
NO_ANSWER = Reply()


class World:
    """What a step can see and do. One per run."""

    def __init__(
        self,
        *,
        clock: Clock,
        device: Device,
        backend: Backend,
        person: Person,
        installers: dict[str, Installer] | None = None,
        assumptions: dict[str, str] | None = None,
        sink: Callable[[events.Event], None] | None = None,
    ) -> None:
        self.clock = clock
        self.device = device
        self.backend = backend
        self.person = person
        self.installers = installers or {}
        self.assumptions = assumptions or {}
        self.trace: list[events.Event] = []
        self.failure: Failure | None = None
        self.failed_before_error_page: State | None = None
        self.state = State.BOOT
        self.screens: list[str] = []
        self.management: Any = None
        self.page: Any = None
        self.flow: Flow | None = None
        self.order: Any = None
        self.question: Question | None = None
        """The question whose page is being put up; whoever is told of events sees by it that an answer is wanted."""
        self.disturb: Callable[[State], Coroutine[Any, Any, None]] | None = None
        self.off_for = 0
        self._delays: Callable[[Call[Any], int], int] | None = None
        self.command_status: Callable[[str], int] = _no_fault
        self._recorder = self._record = self.trace.append if sink is None else _both(self.trace.append, sink)
        self._env = clock.environment
        self._durations = _durations()
        self.counts: dict[str, int] = {}
        self._went_back: dict[str, int] = {}
        self.powered = True
        """False once the power is gone, until ``unmute``."""

    def use_faults(self, delays: Callable[[Call[Any], int], int], command_status: Callable[[str], int]) -> None:
        """Let faults delay calls (``delays``) and spoil SyncML commands (``command_status``, 0 for none)."""
        self._delays = delays
        self.command_status = command_status

    # Time.

    @property
    def now(self) -> int:
        """Virtual milliseconds since power-on."""
        return self._env._now

    async def sleep(self, milliseconds: int) -> None:
        """Let virtual time pass."""
        if not self.clock.skip(milliseconds):
            await self.clock.pause(milliseconds)

    def duration(self, name: str, *key: str | int) -> int:
        """Milliseconds that something takes: the typical value, 15 % up or down by the seed, inside its bounds."""
        typical, least, most = self._durations[name]
        seconds = typical * (0.85 + 0.3 * self.clock.draw(name, *key))
        return int((least if seconds < least else most if seconds > most else seconds) * 1000)

    def maximum(self, name: str) -> int:
        """The upper bound of a duration, in milliseconds."""
        row = rulebook.durations()[name]
        return int((row.maximum if row.maximum is not None else row.typical or 0) * 1000)

    async def spend(self, name: str, *key: str | int) -> None:
        """Sleep as long as something takes."""
        await self.clock.sleep(self.duration(name, *key))

    def beside(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Start work that runs beside the step."""
        return self.clock.spawn(work)

    # The cloud.

    async def call(self, call: Call[A]) -> A:
        """Ask a service. Raises ``ServiceFault`` or ``Unreachable``; both are on record then."""
        name, host, rule, takes = _FACTS.get(type(call)) or _facts(type(call))
        network = self.device.network
        now = self._env._now
        try:
            if network.lost_at is not None and not network.link(now):
                await self.clock.sleep(ROUND_TRIP)
                raise Unreachable("0x80072EE7", "the network link is down", "F-13")
            if network.blocked or host == DOMAIN_CONTROLLER:
                await self._pass_network(host, rule)
            duration = self.duration(takes, name, self.count(takes)) if takes else ROUND_TRIP
            if self._delays is not None:
                duration += self._delays(call, now)
                patience = self.maximum(takes) if takes == "profile-download" else PATIENCE
                if duration > patience and not call.patient:
                    await self.clock.sleep(patience)
                    raise Unreachable("0x80072EE2", f"no answer within {patience // 1000} s", rule)
            if not self.clock.skip(duration):
                await self.clock.pause(duration)
            if network.lost_at is not None and not network.link(self._env._now):
                raise Unreachable("0x80072EE7", "the network link is down", "F-13")
            answer = self.backend.send(call, now=self._env._now)
        except CallFailed as failed:
            refused = (failed.rule or rule, name, host, failed.code, failed.reason)
            self._record(events.CallRefused(len(self.trace), self._env._now, *refused))
            if failed.retry_after and self.count(f"throttled {name}") < MOST_THROTTLED:
                seconds = failed.retry_after // 1000
                self.note("E-THROTTLE", f"{host} asks to come back in {seconds} s; the device waits and asks again.")
                await self.clock.sleep(failed.retry_after)
                return await self.call(call)
            raise
        self._record(events.CallAnswered(len(self.trace), self._env._now, rule, name, host))
        return answer

    async def _pass_network(self, host: str, rule: str) -> None:
        """Raise ``Unreachable`` for a host that the network closes, as late as the device notices it."""
        network = self.device.network
        pattern = network.closed(host)
        if pattern is None:
            return
        if pattern == EVERYTHING:
            await self.clock.sleep(ROUND_TRIP)
            raise Unreachable("0x80072EE7", f"the name {host} cannot be resolved", network.blocked[pattern] or rule)
        await self.clock.sleep(TIMED_OUT)
        reason = f"{host} cannot be reached: the network closes {pattern}"
        raise Unreachable("0x80072EE2", reason, network.blocked.get(pattern) or rule)

    def passes(self, what: str, host: str, rule: str) -> bool:
        """Whether a host that only matters when it is closed can be reached; a closed one is on record."""
        network = self.device.network
        pattern = network.closed(host) if network.blocked else None
        if pattern is None:
            return True
        reason = f"{host} cannot be reached: the network closes {pattern}"
        self._record(events.CallRefused(len(self.trace), self._env._now, rule, what, host, "0x80072EE2", reason))
        return False

    def count(self, name: str) -> int:
        """How often this was asked before; keeps draws of repeated things apart."""
        found = self.counts.get(name, 0)
        self.counts[name] = found + 1
        return found

    # The person.

    def show(self, screen: str, rule: str = "", text: str = "", choices: tuple[str, ...] = ()) -> None:
        """Put a page in front of the person."""
        self.screens.append(screen)
        self._record(events.ScreenShown(len(self.trace), self._env._now, rule, screen, text, choices))

    async def ask(self, question: Question, rule: str, takes: str = "") -> Reply:
        """Show a page and wait for the answer; ``takes`` names how long a person needs for it."""
        self.question = question
        self.show(question.screen, rule, question.text, question.choices)
        self.question = None
        if takes:
            await self.clock.sleep(self.duration(takes, question.screen, self.count(question.screen)))
        reply = self.person.answer(question, now=self.now)
        while reply.again:
            await self.clock.sleep(reply.after)
            reply = self.person.answer(question, now=self.now)
        if reply.after:
            await self.clock.sleep(reply.after)
        if reply.choice and reply.choice in question.back:
            reply = self._patient(question.screen, reply)
        said = "***" if question.secret and reply.value else reply.value
        words = " / ".join(part for part in (said, reply.choice) if part)
        self._record(events.Answered(len(self.trace), self.now, rule, question.screen, words or "(no answer)"))
        return reply

    def chosen(self, question: str) -> str:
        """What the scenario chose where sources disagree (``assumptions:``), "" for the usual model."""
        return self.assumptions.get(question, "")

    def _patient(self, screen: str, reply: Reply) -> Reply:
        """A way back, as often as a person takes it; then that person walks away and does nothing."""
        times = self._went_back.get(screen, 0)
        self._went_back[screen] = times + 1
        if times < MOST_WAYS_BACK:
            return reply
        self.note("E-PATIENCE", f"After {times} times {reply.choice!r} on this page the person walks away.")
        return NO_ANSWER

    def offers(self, outcome: Outcome) -> bool:
        """Whether the flow that is played knows what to do with an outcome in the present state."""
        return self.flow is not None and outcome in self.flow.table.get(self.state, ())

    # Records.

    def mute(self) -> None:
        """The power is gone: nothing beside the step goes on, and what is still being cleaned up leaves no record."""
        self._record, self.powered = _nothing, False
        if self.management is not None:
            self.management.stop()

    def unmute(self) -> None:
        """Records are kept again."""
        self._record, self.powered = self._recorder, True

    def began(self, act: str, detail: str, rule: str, flow: str = "", start: str = "") -> None:
        """Record that an act begins."""
        self._went_back.clear()
        self._record(events.ActBegan(len(self.trace), self._env._now, rule, act, detail, flow, start))

    def power_lost(self, reason: str, off: int, rule: str) -> None:
        """Record a power cut."""
        self._record(events.PowerLost(len(self.trace), self._env._now, rule, reason, off))

    def disk_erased(self, reason: str, rule: str) -> None:
        """Record that Windows begins anew on an empty disk."""
        self._record(events.DiskErased(len(self.trace), self._env._now, rule, reason))

    def cloud_changed(self, text: str, rule: str, at: int | None = None) -> None:
        """Record a change in the tenant."""
        self._record(events.CloudChanged(len(self.trace), self._env._now if at is None else at, rule, text))

    def note(self, rule: str, text: str) -> None:
        """Say why the device did what it did."""
        self._record(events.Noted(len(self.trace), self._env._now, rule, text))

    def log(self, channel: str, number: int, text: str = "", rule: str = "") -> None:
        """Write a record into a Windows event log."""
        self._record(events.LogWritten(len(self.trace), self._env._now, rule, channel, number, text))

    def applied(self, verb: str, uri: str, status: int, rule: str = "MDM-STATUS", detail: str = "") -> None:
        """Record what a SyncML command did."""
        self._record(events.CommandApplied(len(self.trace), self._env._now, rule, verb, uri, status, detail))

    def set_node(self, uri: str, value: str, rule: str = "") -> None:
        """Write a CSP node from inside the device, on record."""
        self.device.disk.csp.write(uri, value)
        self._record(events.NodeSet(len(self.trace), self._env._now, rule, uri, value))

    def row(self, phase: str, row: str, state: str, text: str, rule: str = "") -> None:
        """Record a change of a row on the Enrollment Status Page."""
        self._record(events.RowChanged(len(self.trace), self._env._now, rule, phase, row, state, text))

    def app(self, app: str, name: str, state: str, code: str = "", rule: str = "") -> None:
        """Record a change of an app."""
        self._record(events.AppChanged(len(self.trace), self._env._now, rule, app, name, state, code))

    def rebooted(self, reason: str, rule: str) -> None:
        """Record a restart."""
        self._record(events.Rebooted(len(self.trace), self._env._now, rule, reason))

    def entered(self, state: State, rule: str) -> None:
        """Record that a state begins."""
        self.state = state
        self._record(events.StateEntered(len(self.trace), self._env._now, rule, state._value_))

    def left(self, state: State, outcome: str, rule: str, detail: str, skipped: bool = False) -> None:
        """Record that a state ended."""
        self._record(events.StateLeft(len(self.trace), self._env._now, rule, state._value_, outcome, detail, skipped))

    def finished(self, state: State, outcome: str, rule: str) -> None:
        """Record the end of the run."""
        self._record(events.Finished(len(self.trace), self._env._now, rule, state._value_, outcome))

    def injected(self, fault: str, where: str) -> None:
        """Record that a fault struck."""
        rule = fault if fault.startswith("F-") else ""
        self._record(events.FaultInjected(len(self.trace), self._env._now, rule, fault, where))


@cache
def _durations() -> dict[str, tuple[float, float, float]]:
    """Typical, least and most seconds of everything that takes time; an open bound is infinite."""
    return {
        name: (
            row.typical if row.typical is not None else row.minimum or 0.0,
            row.minimum if row.minimum is not None else -inf,
            row.maximum if row.maximum is not None else inf,
        )
        for name, row in rulebook.durations().items()
    }


def _both(
    append: Callable[[events.Event], None], sink: Callable[[events.Event], None]
) -> Callable[[events.Event], None]:
    """Keep the event, then show it."""

    def record(event: events.Event) -> None:
        append(event)
        sink(event)

    return record


def _nothing(_event: events.Event) -> None:
    pass


def _no_fault(_uri: str) -> int:
    return 0


_FACTS: dict[type[Call[Any]], tuple[str, str, str, str]] = {}
"""Name, host, rule and duration of each call type; class attributes of Structs are slow to reach."""


def _facts(kind: type[Call[Any]]) -> tuple[str, str, str, str]:
    found = _FACTS[kind] = (kind.__name__, kind.host, kind.rule, kind.takes)
    return found
