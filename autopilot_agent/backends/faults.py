"""Faults in front of any backend: calls that are refused, dropped, delayed or answered with rubbish, as a scenario asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from autopilot_agent.errors import ServiceFault, Throttled, Unreachable
from autopilot_agent.service import Backend
from autopilot_agent.service.base import Answer, Call

A = TypeVar("A", bound=Answer)
DROPPED = "0x80072EE2"
UNREADABLE = "0x8007000D"
"""ERROR_INVALID_DATA: what a device shows for an answer that it cannot make sense of."""
ANY = "*"


class CallFault(msgspec.Struct):
    """One fault on calls. Times in milliseconds; ``nth`` counts matching calls from 1; ``times`` None means for ever.

    ``name`` is the fault it belongs to ("F-26" or the scenario's own words), ``struck`` how often it hit, ``seen`` how many
    calls matched. ``uri`` makes it a fault of SyncML commands that begin with that LocURI: they get ``status``.
    ``on`` "*" is any call, "" none: then it is a fault of the state ``in_state`` and strikes ``after`` that was entered.

    ``retry_after`` says when a throttled device may come back. ``network_lost`` (-1: for good), ``clock_skew`` and
    ``power_cut`` (how long the PC stays off) happen to the PC itself in the moment when the fault strikes.
    """

    name: str
    on: str
    code: str = ""
    status: int = 0
    drop: bool = False
    delay: int = 0
    nth: int = 1
    times: int | None = None
    since: int | None = None
    until: int | None = None
    in_state: str = ""
    uri: str = ""
    app: str = ""
    retry_after: int = 0
    malformed: bool = False
    network_lost: int = 0
    clock_skew: int = 0
    power_cut: int = 0
    after: int = 0
    probability: float = 1.0
    seen: int = 0
    struck: int = 0

    @property
    def rule(self) -> str:
        """The row of the rulebook, for faults that have one."""
        return self.name if self.name.startswith("F-") else ""

    @property
    def refuses(self) -> bool:
        """Whether the call that it strikes gets no good answer."""
        return bool(self.code or self.status or self.drop or self.malformed)

    @property
    def disturbs(self) -> bool:
        """Whether it does something to the PC itself."""
        return bool(self.network_lost or self.clock_skew or self.power_cut)

    def hits(self, call: Call[Any], now: int, state: str, chance: float = 0.0) -> bool:
        """Count this call and say whether the fault strikes it; ``chance`` is a number in [0, 1)."""
        if self.app and getattr(call, "app_id", "") != self.app:
            return False
        return self.due(now, state, chance)

    def due(self, now: int, state: str, chance: float = 0.0) -> bool:
        """Count one opportunity and say whether the fault takes it; ``chance`` is a number in [0, 1)."""
        if (self.since is not None and now < self.since) or (self.until is not None and now >= self.until):
            return False
        if self.in_state and state != self.in_state:
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.struck >= self.times) or chance >= self.probability:
            return False
        self.struck += 1
        return True


class FaultPlan:
    """The call faults of one run; tells ``report`` whenever one strikes.

    ``disturb`` does to the PC what a fault does to it; ``draw`` gives numbers in [0, 1) by names, from the seed.
    """

    def __init__(
        self,
        faults: list[CallFault],
        state: Callable[[], str],
        report: Callable[[str, str], None],
        disturb: Callable[[CallFault], None] | None = None,
        draw: Callable[..., float] | None = None,
    ) -> None:
        self.faults = faults
        self._disturb = disturb
        self._draw = draw
        self._by_call: dict[str, list[CallFault]] = {}
        self._commands: list[CallFault] = []
        self._state = state
        self._report = report
        self._refusing: dict[int, CallFault] = {}
        for fault in faults:
            self._place(fault)

    def add(self, fault: CallFault) -> None:
        """One more fault, from now on."""
        self.faults.append(fault)
        self._place(fault)

    def remove(self, name: str | None) -> None:
        """Faults of that name spoil nothing any more (None: all); what they did stays counted."""
        for faults in (*self._by_call.values(), self._commands):
            faults[:] = [one for one in faults if name is not None and one.name != name]

    def _place(self, fault: CallFault) -> None:
        if fault.uri:
            self._commands.append(fault)
        elif fault.on:
            self._by_call.setdefault(fault.on, []).append(fault)

    def delay(self, call: Call[Any], now: int) -> int:
        """Extra milliseconds for this call; decides as well whether it will be refused, so that each call counts once."""
        self._refusing.pop(id(call), None)
        extra = 0
        name = type(call).__name__
        for fault in (*self._by_call.get(name, ()), *self._by_call.get(ANY, ())):
            if id(call) in self._refusing or not fault.hits(call, now, self._state(), self._chance(fault)):
                continue
            extra += fault.delay
            if fault.refuses:
                self._refusing[id(call)] = fault
            elif fault.delay:
                self._report(fault.name, f"{name} takes {fault.delay // 1000} s longer")
            if fault.disturbs and self._disturb is not None:
                self._report(fault.name, name)
                self._disturb(fault)
        return extra

    def _chance(self, fault: CallFault) -> float:
        if fault.probability >= 1 or self._draw is None:
            return 0.0
        return self._draw("fault", fault.name, fault.seen)

    def refusing(self, call: Call[Any]) -> CallFault | None:
        """The fault that refuses this call, once; calls overlap, so each keeps its own."""
        return self._refusing.pop(id(call), None)

    def command_status(self, uri: str) -> int:
        """The status that a fault forces on a SyncML command, or 0."""
        for fault in self._commands:
            if uri.startswith(fault.uri) and (fault.times is None or fault.struck < fault.times):
                fault.struck += 1
                self._report(fault.name, uri)
                return fault.status or 500
        return 0

    def refuse(self, fault: CallFault, call: Call[Any]) -> None:
        """Raise what the device sees of a refusal or of silence."""
        where = type(call).__name__
        self._report(fault.name, where)
        if fault.drop:
            raise Unreachable(fault.code or DROPPED, "no answer (fault)", fault.rule)
        if fault.malformed:
            raise ServiceFault(fault.code or UNREADABLE, "the answer could not be read (fault)", fault.rule)
        code = fault.code or f"0x8019{fault.status:04X}"
        if fault.retry_after:
            reason = f"asked too often{f': HTTP {fault.status}' if fault.status else ''} (fault)"
            raise Throttled(code, reason, fault.rule, fault.retry_after)
        raise ServiceFault(code, f"refused by a fault{f' with HTTP {fault.status}' if fault.status else ''}", fault.rule)


class FaultyBackend:
    """A backend with a fault plan in front."""

    def __init__(self, inner: Backend, plan: FaultPlan) -> None:
        self.inner = inner
        self.plan = plan

    def send(self, call: Call[A], *, now: int) -> A:
        """Strike, or pass the call on."""
        fault = self.plan.refusing(call)
        if fault is not None:
            self.plan.refuse(fault, call)
        return self.inner.send(call, now=now)
