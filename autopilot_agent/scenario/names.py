"""What a scenario's texts must mean: durations, times, and names of faults, calls, states, screens, rules and codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any

from autopilot_agent import rulebook
from autopilot_agent.scenario.act_specs import ACTS, ActSpec
from autopilot_agent.scenario.durations import parse_duration, parse_signed_duration
from autopilot_agent.scenario.faults import FOR_GOOD
from autopilot_agent.scenario.model import Answer, AnswerSpec, ExpectSpec, FaultSpec, NetworkSpec, Scenario
from autopilot_agent.scenario.problems import Problem, Steps, path_text, refusal, suggestion
from autopilot_agent.text.yaml_text import Document

ASSUMPTIONS = {
    "Q-01": ("default profile", "ordinary OOBE"),
    "Q-02": ("a timer for each phase", "one timer"),
    "Q-03": ("before the first sign-in", "after the status page"),
    "Q-05": ("allowed", "Entra join"),
    "Q-06": ("join dropped", "join kept"),
    "Q-11": ("attention required", "fix pending"),
    "Q-12": ("10 minutes", "15 minutes"),
    "Q-14": ("current text", "older text"),
    "Q-15": ("after the status page", "during the status page"),
    "Q-17": ("restart", "no reboot"),
    "Q-21": ("30 minutes", "60 minutes", "15 minutes"),
    "Q-23": ("until available", "each restart"),
    "Q-25": ("50 devices", "20 devices"),
}
"""Open questions whose model a scenario may choose, with what it may choose; the first is what counts without a choice."""
_HRESULT = re.compile(r"0x[0-9A-F]{8}")
_MESSAGE = re.compile(r"AADSTS[0-9]+|OOBEIDPS|rejectedTermsOfUse")
"""What the pages before the ESP show instead of a HRESULT."""
_KEY = re.compile(r"(HKLM|HKCU|HKU|HKCR)\\[^\\]", re.IGNORECASE)
_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NOT_EMPTY = ("visits", "never", "apps", "accounts", "states", "registry", "csp", "cloud", "events", "no_events", "rules")
"""Expectations that would expect nothing if they were empty."""
_EVENT = re.compile(r"[^/]*[^/\s]/[0-9]+")


def check_names(scenario: Scenario, document: Document) -> None:
    """Raise ``InputError`` when anything written in a scenario names what does not exist."""
    found = _Check()
    found.scenario(scenario)
    if found.problems:
        raise refusal(document, found.problems)


@cache
def known_states() -> frozenset[str]:
    """Names that ``visits``, ``never``, ``states`` and ``in_state`` take: states and screens."""
    from autopilot_agent.oobe.states import State

    return frozenset(state.value for state in State) | _ids(rulebook.screens)


@cache
def known_ends() -> frozenset[str]:
    """Names that ``end_state`` takes."""
    from autopilot_agent.oobe.states import ENDS

    return frozenset(state.value for state in ENDS)


@cache
def known_live_states() -> frozenset[str]:
    """Names that ``until`` takes: states that an act can be left in."""
    from autopilot_agent.oobe.states import ENDS, State

    return frozenset(state.value for state in State if state not in ENDS)


@cache
def known_calls() -> frozenset[str]:
    """Names that a fault's ``on`` takes."""
    from autopilot_agent.service import CALLS

    return frozenset(CALLS)


@cache
def known_injections() -> frozenset[str]:
    """Faults that can be brought about by name."""
    return _ids(rulebook.injections) or _ids(rulebook.faults)


@cache
def known_codes() -> frozenset[str]:
    """Error codes of the rulebook, normalised."""
    named = frozenset(rulebook.normalised_code(row.code) for row in _rows(rulebook.faults) if row.code)
    return _ids(rulebook.codes) | named


@cache
def known_events() -> frozenset[str]:
    """Windows events as ``Channel/id``."""
    return frozenset(f"{row.channel}/{row.id}" for row in _rows(rulebook.windows_events))


def _rows(table: Callable[[], dict[Any, Any]]) -> Collection[Any]:
    try:
        return table().values()
    except FileNotFoundError:
        return ()


@cache
def _ids(table: Callable[[], dict[str, Any]]) -> frozenset[str]:
    try:
        return frozenset(table())
    except FileNotFoundError:
        return frozenset()


class _Check:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: Steps, sentence: str, key: bool = False) -> None:
        self.problems.append(Problem(path, f"{path_text(path[:-1] if key else path)}: {sentence}", key=key))

    def duration(self, path: Steps, text: str | None, signed: bool = False) -> None:
        if text is not None:
            try:
                (parse_signed_duration if signed else parse_duration)(text)
            except ValueError as error:
                self.add(path, f"{error}.")

    def name(self, path: Steps, name: str, known: frozenset[str], what: str, key: bool = False) -> None:
        if known and name not in known:
            self.add(path, f"{name[:60]!r} is not {what}; {suggestion(name, sorted(known))}", key=key)

    def least(self, path: Steps, number: int | None, least: int) -> None:
        if number is not None and number < least:
            self.add(path, f"{number} is too small; expected {least} or more.")

    def scenario(self, it: Scenario) -> None:
        if it.acts == []:
            self.add(("acts",), "nothing would be done; write an act such as provision, or remove the key.")
        for index, act in enumerate(it.acts or ()):
            self.act(("acts", index), act)
        for question, choice in it.assumptions.items():
            self.assumption(("assumptions", question), question, choice)
        self.device(it)
        for name, installer in it.installers.items():
            self.duration(("installers", name, "duration"), installer.duration)
            self.least(("installers", name, "size_mb"), installer.size_mb, 0)
            if not installer.return_codes:
                self.add(("installers", name, "return_codes"), "the list is empty; write a code for each attempt, such as [0].")
        for index, update in enumerate(it.windows_update.critical):
            self.duration(("windows_update", "critical", index, "duration"), update.duration)
        if it.windows_update.autopilot is not None:
            self.duration(("windows_update", "autopilot", "duration"), it.windows_update.autopilot.duration)
        if it.windows_update.quality is not None:
            self.duration(("windows_update", "quality", "duration"), it.windows_update.quality.duration)
        self.person(("person",), it.person)
        for index, fault in enumerate(it.faults):
            self.fault(("faults", index), fault)
        self.expect(it.expect, ("expect",))

    def act(self, path: Steps, act: str | ActSpec) -> None:
        if isinstance(act, str):
            self.name(path, act, frozenset(ACTS), "an act")
            return
        self.duration((*path, "after"), act.after)
        for field, key in (("duration", "for"), ("off_for", "off_for"), ("at", "at")):
            self.duration((*path, key), getattr(act, field, None))
        until = getattr(act, "until", None)
        if until is not None:
            self.name((*path, "until"), until, known_live_states(), "a state of the flow")
        self.person((*path, "person"), getattr(act, "person", {}))
        network = getattr(act, "network", None)
        if isinstance(network, NetworkSpec):
            self.network((*path, "network"), network)
        if act.expect is not None:
            self.expect(act.expect, (*path, "expect"))

    def person(self, path: Steps, script: dict[str, Answer | list[Answer]]) -> None:
        for screen, answer in script.items():
            self.name((*path, screen), screen, _ids(rulebook.screens), "a screen", key=True)
            if answer == []:
                self.add((*path, screen), "the list is empty; write an answer for each visit of the page.")
            for index, one in enumerate(answer if isinstance(answer, list) else [answer]):
                if isinstance(one, AnswerSpec):
                    self.answer((*path, screen, index) if isinstance(answer, list) else (*path, screen), screen, one)

    def assumption(self, path: Steps, question: str, choice: str) -> None:
        self.name(path, question, _ids(rulebook.questions), "an open question", key=True)
        choices = ASSUMPTIONS.get(question)
        if choices is not None and choice not in choices:
            self.add(path, f"{choice[:60]!r} is not an answer to {question}; {suggestion(choice, choices)}")
        elif choices is None and question in _ids(rulebook.questions):
            able = ", ".join(ASSUMPTIONS)
            self.add(path, f"{question} has one model in this version; only {able} can be chosen.", key=True)

    def answer(self, path: Steps, screen: str, it: AnswerSpec) -> None:
        self.duration((*path, "after"), it.after)
        row = rulebook.screens().get(screen)
        fields = frozenset(row.fields) if row is not None else frozenset()
        for name in it.fields:
            if row is not None and name not in fields:
                known = f"expected {' or '.join(sorted(fields))}." if fields else "it has no fields."
                self.add((*path, "fields", name), f"{name[:60]!r} is not a field of {screen}; {known}", key=True)
        if len(it.fields) > 1:
            self.add((*path, "fields"), "one field of a page is filled in; keep one.")

    def key(self, path: Steps, key: str, is_key: bool = False) -> None:
        if not _KEY.match(key):
            self.add(path, f"{key[:60]!r} is not a key of the registry; write it as HKLM\\SOFTWARE\\...", key=is_key)

    def device(self, it: Scenario) -> None:
        device = it.device
        self.duration(("device", "clock_skew"), device.clock_skew, signed=True)
        for name, number, least in (
            ("processors", device.processors, 1),
            ("processor_mhz", device.processor_mhz, 1),
            ("memory_mb", device.memory_mb, 1),
            ("free_disk_mb", device.free_disk_mb, 0),
        ):
            self.least(("device", name), number, least)
        self.least(("device", "windows", "oobe_restarts"), device.windows.oobe_restarts, 0)
        if isinstance(device.network, NetworkSpec):
            self.network(("device", "network"), device.network)
        if device.vpn is not None:
            self.duration(("device", "vpn", "drops_after"), device.vpn.drops_after)
            self.duration(("device", "vpn", "back_after"), device.vpn.back_after)
            if device.vpn.back_after and not device.vpn.drops_after:
                self.add(("device", "vpn", "back_after"), "a connection that never drops does not come back; add drops_after.")
        self.on_premises(it)
        for key in device.registry:
            self.key(("device", "registry", key), key, is_key=True)

    def on_premises(self, it: Scenario) -> None:
        cloud = it.cloud
        for name in ("odj_connector", "entra_connect"):
            written = getattr(cloud, name)
            for field in ("until", "takes", "every", "first_at"):
                text = getattr(written, field, None)
                self.duration(("cloud", name, field), text)
                if field == "every" and text in ("0s", "0m", "0h"):
                    self.add(("cloud", name, field), "a cycle takes time; write 30m.")
        self.least(("cloud", "active_directory", "computers"), cloud.active_directory.computers, 0)
        if "." not in cloud.active_directory.domain:
            sentence = f"{cloud.active_directory.domain!r} is not a DNS name; write corp.contoso.example."
            self.add(("cloud", "active_directory", "domain"), sentence)

    def network(self, path: Steps, network: NetworkSpec) -> None:
        self.duration((*path, "lost_at"), network.lost_at)
        self.duration((*path, "back_at"), network.back_at)
        self.least((*path, "megabits"), network.megabits, 1)
        for index, host in enumerate(network.blocked):
            if not _HOST.fullmatch(host):
                sentence = f"{host[:60]!r} is not a host; write login.live.com, or *.live.com, in small letters."
                self.add((*path, "blocked", index), sentence)

    def fault(self, path: Steps, it: FaultSpec) -> None:
        on_state = bool(it.in_state and not it.fault and not it.on and not it.uri)
        if not on_state and bool(it.fault) == bool(it.on):
            self.add(
                path,
                "write one of 'fault' (a named fault, F-26), 'on' (a call, EnrollMdm), 'in_state' alone (a state).",
            )
        if it.fault and it.fault not in known_injections():
            if it.fault in _ids(rulebook.faults):
                self.add((*path, "fault"), f"{it.fault} is in the catalogue but cannot be injected in this version; use 'on'.")
            else:
                self.name((*path, "fault"), it.fault, known_injections(), "a fault")
        disturbs = it.network_lost or it.clock_skew or it.power_cut
        if it.on:
            self.name((*path, "on"), it.on, known_calls() | {"*"}, "a call")
            if not (it.fault or it.code or it.status or it.drop or it.delay or it.malformed or disturbs):
                self.add(path, "nothing would happen to the call; add one of code, status, drop: true, malformed: true, delay.")
        if on_state:
            self.state_fault(path, it)
        if it.in_state:
            self.name((*path, "in_state"), it.in_state, known_states(), "a state or a screen")
        for name in ("delay", "since", "until", "retry_after", "power_cut", "after"):
            self.duration((*path, name), getattr(it, name))
        if it.network_lost != FOR_GOOD:
            self.duration((*path, "network_lost"), it.network_lost)
        self.duration((*path, "clock_skew"), it.clock_skew, signed=True)
        if it.retry_after and not (it.status or it.code):
            self.add((*path, "retry_after"), "throttling needs an answer that says so; add status: 429.")
        if it.after and not on_state:
            self.add((*path, "after"), "only a fault of a state has a time after it; use 'since', which counts from power-on.")
        if it.probability is not None and not 0 < it.probability <= 1:
            self.add((*path, "probability"), f"{it.probability} is not a share of the times; expected more than 0, at most 1.")
        self.least((*path, "nth"), it.nth, 1)
        self.least((*path, "times"), it.times, 1)
        if it.status and not 300 <= it.status <= 599:
            self.add((*path, "status"), f"{it.status} is not an HTTP status of a failure; expected 300 to 599.")

    def state_fault(self, path: Steps, it: FaultSpec) -> None:
        self.name((*path, "in_state"), it.in_state, known_live_states(), "a state")
        wrong = [name for name in ("code", "status", "drop", "malformed", "app", "retry_after") if getattr(it, name)]
        if wrong:
            self.add(path, f"{', '.join(wrong)} can only happen to a call; add 'on'.")
        elif not (it.delay or it.network_lost or it.clock_skew or it.power_cut):
            self.add(path, "nothing would happen in the state; add one of delay, network_lost, clock_skew, power_cut.")

    def expect(self, it: ExpectSpec, path: Steps) -> None:
        if it.end_state is not None:
            self.name((*path, "end_state"), it.end_state, known_ends(), "an end of the flow")
        self.names((*path, "visits"), it.visits, known_states(), "a state or a screen")
        self.names((*path, "never"), it.never, known_states(), "a state or a screen")
        self.names((*path, "screens"), it.screens, _ids(rulebook.screens), "a screen")
        self.names((*path, "rules"), it.rules, _ids(rulebook.rules), "a rule")
        self.duration((*path, "within"), it.within)
        self.duration((*path, "at_least"), it.at_least)
        self.least((*path, "reboots"), it.reboots, 0)
        for state, limits in (it.states or {}).items():
            self.name((*path, "states", state), state, known_states(), "a state or a screen", key=True)
            self.duration((*path, "states", state, "within"), limits.within)
            self.duration((*path, "states", state, "at_least"), limits.at_least)
        if it.error is not None:
            code = rulebook.normalised_code(it.error)
            if code not in known_codes() and not _HRESULT.fullmatch(code) and not _MESSAGE.fullmatch(code):
                self.add((*path, "error"), f'{it.error[:60]!r} is not a code; write it as "0x80180014", in quotes.')
        self.events((*path, "events"), it.events)
        self.events((*path, "no_events"), it.no_events)
        for index, check in enumerate(it.registry or ()):
            self.key((*path, "registry", index, "key"), check.key)
            if check.absent and check.value is not None:
                self.add((*path, "registry", index), "what is absent has no value; keep 'absent' or 'value'.")
        for field in _NOT_EMPTY:
            if getattr(it, field) in ([], {}):
                self.add((*path, field), "nothing is expected here; write something or remove the key.")

    def names(self, path: Steps, names: Iterable[str] | None, known: frozenset[str], what: str) -> None:
        for index, name in enumerate(names or ()):
            self.name((*path, index), name, known, what)

    def events(self, path: Steps, events: list[str] | None) -> None:
        for index, text in enumerate(events or ()):
            if not _EVENT.fullmatch(text):
                self.add((*path, index), f'{text[:60]!r} is not an event; write channel and id as "Autopilot/161".')
            else:
                self.name((*path, index), text, known_events(), "an event of the rulebook")
