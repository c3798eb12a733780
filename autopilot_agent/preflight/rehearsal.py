"""Playing the devices of a preflight: a scenario for each device, mode and user, in memory, with what it showed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from autopilot_agent.errors import Defect, InputError
from autopilot_agent.events import ActBegan, AppChanged, Event, Noted, StateEntered, StateLeft
from autopilot_agent.preflight.devices import Candidate, Fleet
from autopilot_agent.preflight.findings import Moment
from autopilot_agent.preflight.inputs import Subject
from autopilot_agent.reports.sentences import sentence
from autopilot_agent.scenario.act_specs import Provision, Reseal, Ship, Technician
from autopilot_agent.scenario.act_specs import User as UserAct
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import CloudSpec, DeviceSpec, Mode, NetworkSpec, Scenario, WindowsUpdateSpec
from autopilot_agent.scenario.parts import ActiveDirectorySpec, InstallerSpec, QualityUpdateSpec, VpnSpec
from autopilot_agent.scenario.run import ErrorReport, Run, run_scenario
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.state import EnrolledDevice
from autopilot_agent.text.yaml_text import Document

PHASES = {
    "device": (("device_preparation", "secure_hardware"), "device_setup"),
    "account": (("hybrid_registration", "account_setup"), "account_setup"),
}
"""The states with which each part of the status page begins, and the one that it ends with."""


UPDATES_IN_OOBE = "10.0.26200.6584"
"""Windows 11 25H2, in which the page's quality updates are built in (rule QU-OS)."""


class Rehearsal(msgspec.Struct):
    """One device that was played: in which mode, for whom, and what came of it.

    ``away`` is a device outside the organisation's network; ``special`` says what else a check asked for.
    """

    candidate: Candidate
    mode: Mode
    user: User | None
    run: Run
    away: bool = False
    special: str = ""

    @property
    def label(self) -> str:
        """The rehearsal in a few words: what evidence is told of."""
        who = f", {self.user.user_principal_name}" if self.user is not None else ""
        where = ", away from the office" if self.away else ""
        return f"{self.mode}: {self.candidate.label}{who}{where}" + (f", {self.special}" if self.special else "")

    @property
    def events(self) -> list[Event]:
        """What happened."""
        return self.run.events

    @property
    def scenario(self) -> Scenario:
        """What was played, without the tenant."""
        assert self.run.plan is not None and self.run.plan.loaded is not None
        return self.run.plan.loaded.scenario

    @property
    def error(self) -> ErrorReport | None:
        """Why the device did not get on."""
        return self.run.result.error

    @property
    def completed(self) -> bool:
        """Whether it came to a good end."""
        return self.run.result.outcome == "completed"

    @property
    def enrolled(self) -> EnrolledDevice | None:
        """What Intune knows of the device; the last enrolment counts."""
        history = self.run.plan.state.history if self.run.plan is not None else []
        return history[-1] if history else None

    @property
    def page(self) -> EspConfiguration | None:
        """The status page that applied."""
        return self.enrolled.esp if self.enrolled is not None else None

    def citing(self, *rules: str) -> list[Event]:
        """The events that cite one of these rules."""
        return [event for event in self.events if event.rule in rules]

    def noted(self, *rules: str) -> list[Noted]:
        """Those of them that are remarks."""
        return [event for event in self.citing(*rules) if isinstance(event, Noted)]

    def moment(self, event: Event) -> Moment:
        """An event as evidence."""
        return Moment(self.label, event.at, sentence(event))

    def end(self) -> Moment:
        """How it ended, as evidence."""
        result = self.run.result
        code = f", {result.error.code}" if result.error is not None and result.error.code else ""
        return Moment(self.label, int(result.virtual_seconds * 1000), f"ends at {result.end_state} ({result.outcome}{code})")

    def phase(self, name: str) -> tuple[int, int] | None:
        """When a part of the status page began and ended; None when it did not come. The time-out counts from there."""
        starts, last = PHASES[name]
        found: list[tuple[int, int]] = []
        begun: int | None = None
        for event in self.events:
            if isinstance(event, ActBegan):
                begun = None
            elif isinstance(event, StateEntered) and event.state in starts and begun is None:
                begun = event.at
            elif isinstance(event, StateLeft) and event.state == last and begun is not None:
                if not event.skipped:
                    found.append((begun, event.at))
                if event.outcome != "reboot":
                    begun = None
        return max(found, key=lambda one: one[1] - one[0], default=None)

    def apps(self) -> dict[str, list[AppChanged]]:
        """What happened to each app, by its key."""
        found: dict[str, list[AppChanged]] = {}
        for event in self.events:
            if isinstance(event, AppChanged):
                found.setdefault(event.app, []).append(event)
        return found


class Stage:
    """Plays rehearsals for one subject; ``played`` has all of them, also those that a check asked for."""

    def __init__(self, subject: Subject, fleet: Fleet) -> None:
        self.subject, self.fleet = subject, fleet
        self.played: list[Rehearsal] = []

    def modes(self, candidate: Candidate) -> tuple[Mode, ...]:
        """What a device's profile lets it go through."""
        profile = candidate.profile
        if candidate.identity is None:
            return ("ordinary-oobe",)
        if profile is None:
            return ("user-driven",)
        if profile.self_deploying:
            return ("self-deploying",)
        whole: Mode = "hybrid" if profile.hybrid else "user-driven"
        return (whole, "pre-provisioned") if profile.preprovisioning_allowed else (whole,)

    def play_all(self, people: list[User]) -> Iterator[Rehearsal]:
        """Every device in every mode that it can take, with those who could sit in front of it."""
        for candidate in self.fleet.candidates:
            for mode in self.modes(candidate):
                for user in self._users(candidate, mode, people):
                    yield self.play(candidate, mode, user)

    def _users(self, candidate: Candidate, mode: str, people: list[User]) -> list[User | None]:
        identity = candidate.identity
        if mode == "self-deploying":
            return [None]
        if identity is not None and identity.user_principal_name:
            owner = self.fleet.targeting.user(identity.user_principal_name)
            if owner is not None:
                return [owner]
        if mode in ("pre-provisioned", "ordinary-oobe"):
            return list(people[:1]) or [None]
        return list(people) or [None]

    def play(
        self,
        candidate: Candidate,
        mode: Mode,
        user: User | None,
        *,
        away: bool = False,
        vpn: VpnSpec | None = None,
        slow: str = "",
        monthly: bool = False,
    ) -> Rehearsal:
        """One rehearsal. ``slow`` is the id of an app whose installer takes all its time; with ``monthly`` Windows Update has
        the month's security release, which restarts. Raises ``InputError`` for a
        tenant that cannot be played, ``Defect`` where the simulator is wrong.
        """
        scenario = self._scenario(candidate, mode, user, away=away, vpn=vpn)
        special = ""
        if slow:
            app = self.fleet.targeting.app(slow)
            scenario.installers = {slow: InstallerSpec(duration=f"{max(1, self._limit(slow))}m")}
            special = f"{app.display_name if app is not None else slow} at its limit"
        if monthly:
            scenario.windows_update = WindowsUpdateSpec(quality=QualityUpdateSpec(restart=True))
            windows = msgspec.structs.replace(scenario.device.windows, build=UPDATES_IN_OOBE)
            scenario.device = msgspec.structs.replace(scenario.device, windows=windows)
            special = "with the month's security release"
        run = self._run(scenario)
        if run.result.exit_code == 2 and mode == "pre-provisioned":  # a red page is not resealed
            scenario.acts = [Technician()]
            run = self._run(scenario)
        if run.result.exit_code == 2:
            raise InputError(run.result.problem.partition(": ")[2] or run.result.problem)
        if run.result.exit_code == 4:
            raise Defect(f"{scenario.scenario}: {run.result.problem}")
        self.played.append(Rehearsal(candidate, mode, user, run, away, special))
        return self.played[-1]

    def _limit(self, app_id: str) -> int:
        experience = getattr(self.fleet.targeting.app(app_id), "install_experience", None)
        return experience.minutes if experience is not None else 60

    def _run(self, scenario: Scenario) -> Run:
        path = Path(self.subject.name)
        loaded = LoadedScenario(scenario, Document(self.subject.name, {}), path)
        return run_scenario(loaded, tenant=self.fleet.data)

    def _scenario(
        self, candidate: Candidate, mode: Mode, user: User | None, *, away: bool, vpn: VpnSpec | None
    ) -> Scenario:
        name = user.user_principal_name if user is not None else ""
        acts = [Provision()]
        if mode == "pre-provisioned":
            acts = [Technician(), Reseal(), Ship(duration="7d"), UserAct(name=name)]  # type: ignore[list-item]  # acts of many kinds
        return Scenario(
            scenario=f"{mode}: {candidate.label}",
            mode=mode,
            device=self._device(candidate, away=away, vpn=vpn),
            cloud=self._cloud(candidate),
            person={"SIGNIN": name} if name else {},
            acts=list(acts),
            assumptions=self.subject.assumptions,
        )

    def _device(self, candidate: Candidate, *, away: bool, vpn: VpnSpec | None) -> DeviceSpec:
        identity, spec = candidate.identity, self.subject.device
        if away:
            network = spec.network if isinstance(spec.network, NetworkSpec) else NetworkSpec(kind=spec.network)
            spec = msgspec.structs.replace(spec, network=msgspec.structs.replace(network, domain=False), vpn=vpn or spec.vpn)
        spec = msgspec.structs.replace(
            spec, registered=identity is not None, group_tag="", purchase_order="", assigned_user="", device_name=""
        )
        if identity is None:
            return msgspec.structs.replace(spec, serial_number="UNREGISTERED1")
        return msgspec.structs.replace(
            spec,
            serial_number=identity.serial_number or "",
            manufacturer=identity.manufacturer or spec.manufacturer,
            model=identity.model or spec.model,
            product_key=identity.product_key or "",
        )

    def _cloud(self, candidate: Candidate) -> CloudSpec:
        """The subject's cloud; an export does not show which domain the connector serves: that of the Domain Join profile."""
        cloud = self.subject.cloud
        if candidate.profile is None or not candidate.profile.hybrid or cloud.active_directory != ActiveDirectorySpec():
            return cloud
        for one in self.fleet.targeting.assigned_policies(candidate.groups, None):
            settings = getattr(one.policy, "settings", {})
            domain = settings.get("activeDirectoryDomainName") if isinstance(settings, dict) else None
            if isinstance(domain, str) and domain:
                return msgspec.structs.replace(cloud, active_directory=ActiveDirectorySpec(domain=domain))
        return cloud


