"""What a scenario's texts must mean: durations, times, and names of faults, calls, states, screens, rules and codes."""

from __future__ import annotations

import re

from autopilot_agent import rulebook
from autopilot_agent.errors import InputError
from autopilot_agent.oobe.person import DOES_NOTHING, folded
from autopilot_agent.scenario.act_specs import ACTS, NOTHING, ActSpec, Admin, items_of
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.expected import ExpectChecker
from autopilot_agent.scenario.faults import FOR_GOOD
from autopilot_agent.scenario.happenings import admin_act
from autopilot_agent.scenario.known import ids, known_calls, known_injections, known_live_states, known_states
from autopilot_agent.scenario.model import Answer, AnswerSpec, FaultSpec, Happening, NetworkSpec, Scenario
from autopilot_agent.scenario.problems import Steps, refusal, suggestion
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
_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NAME = re.compile(r"[A-Za-z0-9-]{1,15}")
_SERIAL = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?")


def wrong_computer_name(name: str) -> str:
    """Why an administrator cannot give a computer this name, or ""."""
    if _NAME.fullmatch(name) and not name.isdigit():
        return ""
    return f"{name[:60]!r} is no name of a computer; write 1 to 15 letters, digits and hyphens, not digits alone."


def check_names(scenario: Scenario, document: Document) -> None:
    """Raise ``InputError`` when anything written in a scenario names what does not exist."""
    found = _Check()
    found.scenario(scenario)
    written = document.value
    if "expect" in written:
        found.empty(written["expect"], ("expect",))
    for index, act in enumerate(written.get("acts") or ()):
        if isinstance(act, dict) and "expect" in act:
            found.empty(act["expect"], ("acts", index, "expect"))
    if found.problems:
        raise refusal(document, found.problems)


def check_happening(one: Happening) -> None:
    """Raise ``InputError`` for something that cannot befall a PC or a tenant."""
    found = _Check()
    found.happening((), one, timed=False)
    if found.problems:
        raise InputError(" ".join(problem.sentence for problem in found.problems))


class _Check(ExpectChecker):
    """Checks one scenario."""

    def scenario(self, it: Scenario) -> None:
        for name in ("skip", "xfail"):
            if getattr(it, name) is not None and not getattr(it, name).strip():
                self.add((name,), f"say why: {name} is a reason, such as '{name}: waits for the new status page'.")
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
        for index, one in enumerate(it.happenings):
            self.happening(("happenings", index), one, timed=True)
        self.expect(it.expect, ("expect",))

    def act(self, path: Steps, act: str | ActSpec) -> None:
        if isinstance(act, str):
            self.name(path, act, frozenset(ACTS), "an act")
            return
        if isinstance(act, Admin) and not items_of(act):
            self.add(path, NOTHING)
        self.duration((*path, "after"), act.after)
        for field, key in (("duration", "for"), ("off_for", "off_for"), ("at", "at")):
            self.duration((*path, key), getattr(act, field, None))
        until = getattr(act, "until", None)
        if until is not None:
            self.name((*path, "until"), until, known_live_states(), "a state of the flow")
        self.person((*path, "person"), getattr(act, "person", {}))
        self.serial((*path, "serial_number"), getattr(act, "serial_number", None))
        network = getattr(act, "network", None)
        if isinstance(network, NetworkSpec):
            self.network((*path, "network"), network)
        if act.expect is not None:
            self.expect(act.expect, (*path, "expect"))

    def person(self, path: Steps, script: dict[str, Answer | list[Answer]]) -> None:
        for screen, answer in script.items():
            self.name((*path, screen), screen, ids(rulebook.screens), "a screen", key=True)
            if answer == []:
                self.add((*path, screen), "the list is empty; write an answer for each visit of the page.")
            for index, one in enumerate(answer if isinstance(answer, list) else [answer]):
                place: Steps = (*path, screen, index) if isinstance(answer, list) else (*path, screen)
                row = rulebook.screens().get(screen)
                if isinstance(one, AnswerSpec):
                    self.answer(place, screen, one)
                    if row is not None and one.choice:
                        self.choice((*place, "choice"), row, one.choice, field=False)
                elif row is not None:
                    said = ("Yes" if one else "nothing") if isinstance(one, bool) else str(one)
                    self.choice(place, row, said, field=bool(row.fields))

    def choice(self, path: Steps, screen: rulebook.Screen, said: str, *, field: bool) -> None:
        """What somebody does on a page: press a button that some version of it has, type into its field, or nothing."""
        wanted = folded(said)
        if field or not wanted or wanted in DOES_NOTHING or screen.id == "LANG":
            return
        offered = screen.choices + screen.actions
        if all(folded(one) != wanted for one in offered):
            hint = suggestion(said, offered) if offered else "it only waits for somebody."
            self.add(path, f"{said[:60]!r} is not a choice of {screen.id}; {hint}")

    def assumption(self, path: Steps, question: str, choice: str) -> None:
        self.name(path, question, ids(rulebook.questions), "an open question", key=True)
        choices = ASSUMPTIONS.get(question)
        if choices is not None and choice not in choices:
            self.add(path, f"{choice[:60]!r} is not an answer to {question}; {suggestion(choice, choices)}")
        elif choices is None and question in ids(rulebook.questions):
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

        for index, one in enumerate(it.happens):
            self.happening((*path, "happens", index), one, timed=False)

    def happening(self, path: Steps, it: Happening, *, timed: bool) -> None:
        written = [name for name in it.__struct_fields__ if name != "at" and getattr(it, name) is not None]
        if len(written) != 1:
            self.add(path, "write one of network, power_off, inject, clear, admin, or (beside an answer) wait.")
        if timed and it.at is None:
            self.add(path, "say when it happens; add 'at', counted from power-on of the first act.")
        elif not timed and it.at is not None:
            self.add((*path, "at"), "what happens beside an answer happens then; remove it.")
        if timed and it.wait is not None:
            self.add((*path, "wait"), "nobody waits here; it belongs beside an answer.")
        for name in ("at", "power_off", "wait"):
            self.duration((*path, name), getattr(it, name))
        if it.inject is not None:
            self.fault((*path, "inject"), it.inject)
        if it.admin is not None:
            try:
                self.act((*path, "admin"), admin_act(it.admin))
            except InputError as error:
                self.add((*path, "admin"), error.message)

    def device(self, it: Scenario) -> None:
        device = it.device
        self.serial(("device", "serial_number"), device.serial_number)
        if device.device_name and (wrong := wrong_computer_name(device.device_name)):
            self.add(("device", "device_name"), wrong)
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

    def serial(self, path: Steps, serial: str | None) -> None:
        """A serial number as firmware has it."""
        if serial is not None and not _SERIAL.fullmatch(serial):
            self.add(path, f"{serial[:60]!r} is no serial number; write 1 to 64 visible ASCII characters.")

    def order(self, path: Steps, first: str | None, then: str | None, sentence: str) -> None:
        """Two durations of which the second has to be the longer one."""
        try:
            wrong = bool(first and then) and parse_duration(then or "") <= parse_duration(first or "")
        except InputError:
            return  # told where the duration stands
        if wrong:
            self.add(path, sentence)

    def network(self, path: Steps, network: NetworkSpec) -> None:
        self.duration((*path, "lost_at"), network.lost_at)
        self.duration((*path, "back_at"), network.back_at)
        sentence = "the link comes back before it is lost; write a later time."
        self.order((*path, "back_at"), network.lost_at, network.back_at, sentence)
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
            if it.fault in ids(rulebook.faults):
                cause = rulebook.faults()[it.fault].cause.rstrip(".")
                said = f"{it.fault} comes by itself where its cause is there ({cause}); let the scenario bring that about"
                self.add((*path, "fault"), f"{said}, and expect rules: [{it.fault}].")
            else:
                self.name((*path, "fault"), it.fault, known_injections(), "a fault")
        disturbs = it.network_lost or it.clock_skew or it.power_cut
        if it.on:
            self.name((*path, "on"), it.on, known_calls() | {"*"}, "a call")
            if not (it.fault or it.code or it.status or it.drop or it.delay or it.malformed or disturbs):
                self.add(path, "nothing would happen to the call; add one of code, status, drop: true, malformed: true, delay.")
        if on_state:
            self.state_fault(path, it)
        self.code((*path, "code"), it.code)
        if it.fault and it.code:
            self.row_code((*path, "code"), it.fault, it.code)
        if it.in_state:
            self.name((*path, "in_state"), it.in_state, known_states(), "a state or a screen")
        for name in ("delay", "since", "until", "retry_after", "power_cut", "after"):
            self.duration((*path, name), getattr(it, name))
        if it.network_lost != FOR_GOOD:
            self.duration((*path, "network_lost"), it.network_lost)
        self.duration((*path, "clock_skew"), it.clock_skew, signed=True)
        self.order((*path, "until"), it.since, it.until, "the fault is over before it begins; write a time after 'since'.")
        instead = [name for name in ("drop", "malformed") if getattr(it, name)] + ["status"] * bool(it.status or it.code)
        if len(instead) > 1:
            self.add(path, f"{' and '.join(instead)} cannot all be what a call gets instead of its answer; keep one.")
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

    def row_code(self, path: Steps, fault: str, code: str) -> None:
        """A named fault takes only the codes of its own row."""
        codes = rulebook.codes_of_fault(fault)
        if codes and rulebook.normalised_code(code) not in codes:
            its = f"its code is {codes[0]}" if len(codes) == 1 else f"its codes are {', '.join(codes)}"
            self.add(path, f"{code[:60]!r} is not a code of {fault}; {its}.")

    def state_fault(self, path: Steps, it: FaultSpec) -> None:
        self.name((*path, "in_state"), it.in_state, known_live_states(), "a state")
        wrong = [name for name in ("code", "status", "drop", "malformed", "app", "retry_after") if getattr(it, name)]
        if wrong:
            self.add(path, f"{', '.join(wrong)} can only happen to a call; add 'on'.")
        elif not (it.delay or it.network_lost or it.clock_skew or it.power_cut):
            self.add(path, "nothing would happen in the state; add one of delay, network_lost, clock_skew, power_cut.")
