"""Expectations: each field of ``expect`` is one check, with what was expected, what came, and where the file says so."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from autopilot_agent.errors import Place
from autopilot_agent.events import (
    AppChanged,
    Event,
    LogWritten,
    Noted,
    Rebooted,
    ScreenShown,
    StateEntered,
    StateLeft,
    happened,
)
from autopilot_agent.rulebook import normalised_code
from autopilot_agent.scenario.branch import flow_played
from autopilot_agent.scenario.durations import format_duration, parse_duration
from autopilot_agent.scenario.expected import ERROR_PAGES, NOT_TRACKED, in_words

if TYPE_CHECKING:
    from autopilot_agent.device import Device
    from autopilot_agent.scenario.loader import LoadedScenario
    from autopilot_agent.scenario.parts import ExpectSpec
    from autopilot_agent.scenario.plan import Plan

UNKNOWN_CLOUD = "not known: the server does not show its records (give --admin-token)"
WELL = ("completed", "interrupted", "")
"""Outcomes of a run or an act without an error ("" for an act that plays nothing)."""


class Check(msgspec.Struct):
    """One expectation and how it went; ``at`` virtual seconds of the moment it is about, ``place`` the line that asks.

    ``detail`` are lines that say more, such as the difference from a snapshot.
    """

    name: str
    expected: Any
    actual: Any
    passed: bool
    at: float = 0.0
    place: str = ""
    detail: list[str] = []


class Seen(msgspec.Struct, dict=True):
    """What expectations are held against: a whole run, or one act of it. ``trace`` are its events; milliseconds."""

    plan: Plan
    trace: list[Event]
    end_state: str
    outcome: str
    error: str
    error_step: str
    milliseconds: int
    began: int = 0

    @cached_property
    def happened(self) -> list[StateEntered]:
        """The states that were entered and not skipped, in order."""
        return happened(self.trace)

    @property
    def screens(self) -> list[str]:
        """Ids of the pages that were shown, in order."""
        return [event.screen for event in self.trace if isinstance(event, ScreenShown)]

    @property
    def rules(self) -> set[str]:
        """Every rule that an event cites."""
        return {event.rule for event in self.trace if event.rule}

    def fact(self, name: str) -> object:
        """What a plain expectation is about."""
        disk = self.plan.device.disk
        if name == "join":
            from autopilot_agent.scenario.playing import join_of

            return join_of(self.plan)
        if name == "flow":
            return flow_played(self.trace, self.plan.world.trace)
        if name == "reboots":
            return sum(1 for event in self.trace if isinstance(event, Rebooted))
        if name == "mdm_enrolled":
            return disk.enrolment is not None
        return disk.computer_name if name == "device_name" else getattr(self, name)


class Expectations:
    """Holds what was seen against what a file expects."""

    def __init__(self, loaded: LoadedScenario, seen: Seen, expect: ExpectSpec, path: tuple[str | int, ...], who: str) -> None:
        self.loaded = loaded
        self.seen = seen
        self.expect = expect
        self.path = path
        self.who = who
        self.plan = seen.plan
        self.checks: list[Check] = []

    def add(self, name: str, expected: object, actual: object, passed: bool, *path: str | int, at: int | None = None) -> None:
        place: Place = self.loaded.document.place((*self.path, *path)) if not passed else Place("")
        seconds = (self.plan.world.now if at is None else at) / 1000
        self.checks.append(Check(self.who + name, expected, actual, passed, seconds, str(place) if not passed else ""))

    def equal(self, name: str, expected: object, actual: object, *path: str | int, at: int | None = None) -> None:
        self.add(name, expected, actual, expected == actual, *(path or (name,)), at=at)

    def run(self) -> None:
        expect, seen, device = self.expect, self.seen, self.plan.device
        for name in ("end_state", "outcome", "join", "mdm_enrolled", "flow", "device_name", "reboots"):
            wanted = getattr(expect, name)
            if wanted is not None:
                self.equal(name, wanted, actual := seen.fact(name), at=self._named(actual) if name == "device_name" else None)
        if expect.error is None:
            well = seen.outcome in WELL
            self.add("error", "no error", "none" if well else seen.error or f"{seen.outcome}: {seen.end_state}", well, "error")
        elif expect.error is not UNSET:
            same = normalised_code(expect.error) == normalised_code(seen.error)
            self.add("error", expect.error, seen.error, same, "error")
        if expect.error_step is not None:
            self.equal("error_step", expect.error_step, seen.error_step)
        if expect.local_rights is not None:
            self.equal("local_rights", expect.local_rights, local_rights(self.plan.device))
        self._order()
        self._times()
        for name, state in (expect.apps or {}).items():
            found = [app.state for key, app in device.disk.apps.items() if name in (key, app.name)]
            actual = ", ".join(dict.fromkeys(found)) or NOT_TRACKED
            self.add(f"app {name}", state, actual, in_words(state) == in_words(actual), "apps", name, at=self._moment(app=name))
        for name, group in (expect.accounts or {}).items():
            account = device.disk.accounts.get(name)
            self.equal(f"account {name}", group, account.group if account else "no such account", "accounts", name)
        for index, check in enumerate(expect.registry or ()):
            value = device.disk.registry.get(check.key, check.name)
            name = f"registry {check.key}\\{check.name}"
            if check.absent:
                self.add(name, "absent", value, value is None, "registry", index)
            elif check.value is None:
                self.add(name, "present", value, value is not None, "registry", index)
            else:
                self.equal(name, check.value, value, "registry", index)
        for uri, wanted_value in (expect.csp or {}).items():
            self._node(uri, wanted_value)
        self._events()
        if expect.rules:
            rules = seen.rules
            for rule in expect.rules:
                self.add(f"rule {rule}", "fires", "fired" if rule in rules else "never", rule in rules, "rules")
        for name, wanted_value in (expect.cloud or {}).items():
            recorded = self.plan.state.recorded().get(name) if self.plan.cloud_known else UNKNOWN_CLOUD
            self.equal(f"cloud {name}", wanted_value, recorded, "cloud", name)

    def _moment(self, *, app: str = "", seen: str = "") -> int | None:
        """When an app changed last, or when a state or screen came first; None if it never did."""
        moment: int | None = None
        for event in self.seen.trace:
            if app and isinstance(event, AppChanged) and event.name == app:
                moment = event.at
            elif seen and isinstance(event, StateEntered | ScreenShown) and seen in _names(event):
                return event.at
        return moment

    def _named(self, name: object) -> int | None:
        """When the device was first said to have this name; None where nothing says so."""
        for event in self.seen.trace:
            if isinstance(event, Noted | Rebooted) and str(name) in (event.text if isinstance(event, Noted) else event.reason):
                return event.at
        return None

    def _node(self, uri: str, wanted: str | int | bool | None) -> None:
        actual = self.plan.device.disk.csp.read(uri)
        text = None if wanted is None else str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
        self.add(f"csp {uri}", text, actual, text == actual, "csp", uri)

    def _order(self) -> None:
        expect, result = self.expect, self.seen
        if expect.visits is not None:
            seen = self._timeline()
            position, missing = 0, ""
            for wanted in expect.visits:
                try:
                    position = seen.index(wanted, position) + 1
                except ValueError:
                    missing = wanted
                    break
            actual = "in this order"
            if missing:
                actual = f"{missing} did not come after what stands before it; seen: {', '.join(seen)}"
            self.add("visits", expect.visits, actual, not missing, "visits")
        came = {event.state for event in self.seen.happened} | set(result.screens) if expect.never else set()
        for index, unwanted in enumerate(expect.never or ()):
            seen_it = unwanted in came
            at = self._moment(seen=unwanted) if seen_it else None
            self.add(f"never {unwanted}", "never", "seen" if seen_it else "never", not seen_it, "never", index, at=at)
        if expect.screens is not None:
            self.equal("screens", expect.screens, result.screens)
        if expect.error_choices is not None:
            shown = [
                event.choices
                for event in self.seen.trace
                if isinstance(event, ScreenShown) and event.choices and event.screen in ERROR_PAGES
            ]
            self.equal("error_choices", expect.error_choices, list(shown[-1]) if shown else [], "error_choices")

    def _timeline(self) -> list[str]:
        """States and screens in the order in which they came; a state that was skipped did not come."""
        found: list[str] = []
        came = {event.seq for event in self.seen.happened}
        for event in self.seen.trace:
            if isinstance(event, StateEntered):
                if event.seq in came:
                    found.append(event.state)
            else:
                screen = getattr(event, "screen", "")
                if screen and (not found or found[-1] != screen):
                    found.append(screen)
        return found

    def _times(self) -> None:
        expect = self.expect
        self._limits("", self.seen.milliseconds, expect.within, expect.at_least)
        if expect.states:
            spent = time_in_states(self.seen.trace)
            for state, limits in expect.states.items():
                self._limits(state, spent.get(state), limits.within, limits.at_least, "states", state)
        for what, limits in (expect.reached or {}).items():
            self._limits(f"{what} reached", self._reached(what), limits.within, limits.at_least, "reached", what)

    def _reached(self, what: str) -> int | None:
        """How long after power-on, or after the beginning of the act, a state or screen came first; None if it did not."""
        first = [event.at for event in self.seen.happened if event.state == what]
        first += [event.at for event in self.seen.trace if isinstance(event, ScreenShown) and event.screen == what]
        return min(first) - self.seen.began if first else None

    def _limits(self, what: str, actual: int | None, within: str | None, at_least: str | None, *path: str) -> None:
        prefix = f"{what} " if what else ""
        said = format_duration(actual) if actual is not None else "it never came"
        if within is not None:
            soon = actual is not None and actual <= parse_duration(within)
            self.add(f"{prefix}within", within, said, soon, *path, "within")
        if at_least is not None:
            enough = actual is not None and actual >= parse_duration(at_least)
            self.add(f"{prefix}at_least", at_least, said, enough, *path, "at_least")

    def _events(self) -> None:
        expect = self.expect
        if not expect.events and not expect.no_events:
            return
        written = [f"{event.channel}/{event.id}" for event in self.seen.trace if isinstance(event, LogWritten)]
        position = 0
        for wanted in expect.events or ():
            try:
                position = written.index(wanted, position) + 1
                self.add(f"event {wanted}", "in order", "in order", True, "events")
            except ValueError:
                actual = "before another one of the list" if wanted in written else "never written"
                self.add(f"event {wanted}", "in order", actual, False, "events")
        for unwanted in expect.no_events or ():
            there = unwanted in written
            self.add(f"no event {unwanted}", "never", "written" if there else "never", not there, "no_events")


def local_rights(device: Device) -> str:
    """What the signed-in user may do: administrator or standard."""
    account = device.disk.accounts.get(device.disk.signed_in_user)
    if account is None:
        return "nobody is signed in"
    return "administrator" if account.group == "administrators" else "standard"


def time_in_states(trace: list[Event]) -> dict[str, int]:
    """Virtual milliseconds spent in each state, summed over its visits; what was skipped has no entry."""
    spent: dict[str, int] = {}
    began = 0
    for event in trace:
        if isinstance(event, StateEntered):
            began = event.at
        elif isinstance(event, StateLeft) and not event.skipped:
            spent[event.state] = spent.get(event.state, 0) + event.at - began
    return spent


def _names(event: StateEntered | ScreenShown) -> tuple[str]:
    return (event.state,) if isinstance(event, StateEntered) else (event.screen,)
