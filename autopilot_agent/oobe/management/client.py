"""The OMA-DM client: sessions with the MDM server, each command applied to the CSP tree, with what follows from it."""

from __future__ import annotations

from autopilot_agent import rulebook
from autopilot_agent.clock import HOUR, MINUTE, SECOND
from autopilot_agent.device import Device
from autopilot_agent.device.csp_values import OK
from autopilot_agent.device.nodes import key_of, resolve
from autopilot_agent.device.registry import NODE_CACHE
from autopilot_agent.errors import CallFailed, Unreachable
from autopilot_agent.oobe.management.background import Background
from autopilot_agent.oobe.management.effects import EFFECTS, Effects
from autopilot_agent.oobe.management.esp import EspSettings
from autopilot_agent.oobe.management.ime import IntuneManagementExtension
from autopilot_agent.oobe.management.jobs import Jobs
from autopilot_agent.oobe.management.patience import patiently
from autopilot_agent.oobe.management.remote_wipe import take_order
from autopilot_agent.oobe.management.statuses import node_format, rolled_back
from autopilot_agent.oobe.world import World
from autopilot_agent.service.enrolment import Retries
from autopilot_agent.service.management import (
    DOMAIN_JOIN_ALERT,
    RESEALED_ALERT,
    RESTORED_ALERT,
    RESULT_ALERT,
    Alert,
    Command,
    Commands,
    DomainJoinStanding,
    ManagementMessage,
    Status,
)

MOST_MESSAGES = 60
"""Message pairs after which a session is broken off; a server that never runs out of commands is not a server."""

CLOCK_TOLERANCE = 5 * MINUTE
"""How far the clock may be off before TLS refuses certificates (assumed; rule F-30)."""

SETTLED_AFTER = 4 * HOUR
"""How long the desktop is watched for work in the background (a limit of this simulation)."""
CLOCK_TICK = 15 * SECOND
SERVER_ERRORS = ("0x801901F4", "0x80190257")
"""HTTP 500 to 599, as Windows shows them."""

OPENING = {
    who: (Alert(1201), Alert(1224, "com.microsoft/MDM/LoginStatus", login), Alert(1224, "com.microsoft/MDM/BootstrapSync", who))
    for who, login in (("device", "others"), ("user", "user"))
}
"""The alerts of package 1, for a session of the device and one of its user (protocols.md 12.5)."""

JOBS = {
    "enterprisedesktopappmanagement": "desktop_app",
    "enterprisemodernappmanagement": "modern_app",
    "clientcertificateinstall": "certificate",
    "office": "office",
}
"""The same, as a method of the jobs."""


class ManagementClient:
    """One boot's management."""

    def __init__(self, device: Device, world: World) -> None:
        self.device = device
        self.world = world
        self.background = background = Background(world)
        self.changed = background.changed
        self.beside = background.beside
        self.jobs = Jobs(device, world, background.beside, background.touched)
        self.ime = IntuneManagementExtension(device, world, background.touched)
        self.effects = Effects(device, world, background)
        self.generation = 0
        self.last_failure = ""
        self.left = False
        self.domain_join: DomainJoinStanding | None = None
        self._talking = False
        self._told_resealed = False
        self._esp: EspSettings | None = None
        self._information: tuple[tuple[str, str], ...] = ()
        self._nodes = 0

    @property
    def esp(self) -> EspSettings:
        """What the device was told about the ESP; read again after commands came, because only they change it."""
        if self._esp is None:
            self._esp = EspSettings.read(self.device)
        return self._esp

    def stop(self) -> None:
        """The power is gone: nothing in the background goes on."""
        self.background.stopped = True

    def retry(self) -> None:
        """Try again on the error page: what did not succeed is attempted once more."""
        self.last_failure = ""
        self.ime.restart = self.effects.restart = None
        self.jobs.retry()

    async def session(
        self,
        user_id: str = "",
        *,
        patient: bool = False,
        result: bool = False,
        domain_join: bool = False,
        restored: bool = False,
    ) -> None:
        """One OMA-DM session (MS-MDM): package 1, then commands and statuses until the server has no more commands.

        Sessions come one after the other. A ``patient`` one waits out a lost link, as the ESP does (F-13); one with a
        ``result`` tells the server that the ESP has ended, one for the ``domain_join`` asks for the blob, and a ``restored``
        one tells that the device was reset in place.
        Raises ``CallFailed`` when the server cannot be talked to.
        """
        while self._talking:
            if not patient and not self.device.network.link(self.world.now):
                raise Unreachable("0x80072EE7", "the network link is down", "F-13")
            await self.world.sleep(SECOND)
        self._talking = True
        try:
            extra = (RESULT_ALERT,) * result + (DOMAIN_JOIN_ALERT,) * domain_join + (RESTORED_ALERT,) * restored
            await self._tried_again(user_id, extra, patient=patient)
        finally:
            self._talking = False

    async def _tried_again(self, user_id: str, extra: tuple[Alert, ...], *, patient: bool) -> None:
        """A session, and again after a pause where the server fails or keeps silent (rule MDM-RETRY)."""
        enrolment = self.device.disk.enrolment
        retries = enrolment.retries if enrolment is not None else Retries()
        for attempt in range(1, retries.times + 2):
            try:
                await self._session(user_id, extra, patient=patient)
            except CallFailed as failed:
                if attempt > retries.times or not _passing(failed):
                    raise
                pause = retries.pause(attempt)
                again = f"{failed.code}; it is tried again in {pause // SECOND} s"
                self.world.note("MDM-RETRY", f"The session broke off with {again} ({attempt} of {retries.times}).")
                await self.world.sleep(pause)
            else:
                self._told_resealed = self._told_resealed or self.device.disk.resealed
                return

    async def _session(self, user_id: str, extra: tuple[Alert, ...], *, patient: bool) -> None:
        device, world = self.device, self.world
        enrolment = device.disk.enrolment
        if enrolment is None:
            return
        if abs(device.windows.clock_error) > CLOCK_TOLERANCE:
            await world.sleep(SECOND)
            raise Unreachable("0x80072F8F", "the clock is wrong: the server's certificate is not valid for it", "F-30")
        device.disk.sessions += 1
        number = device.disk.sessions
        world.log("DeviceManagement", 208, f"session {number} started", "MDM-FIRST-SESSION" if number == 1 else "MDM-STATUS")
        nodes = self._nodes
        told = tuple(self.jobs.finished)
        alerts = OPENING["user" if user_id else "device"] + extra + told
        if device.disk.resealed and not self._told_resealed:
            alerts += (RESEALED_ALERT,)
        information = self._information or self._describe(enrolment.ent_dm_id)
        statuses: tuple[Status, ...] = ()
        for message in range(1, MOST_MESSAGES + 1):
            package = ManagementMessage(enrolment.enrolment_id, number, message, alerts, information, statuses, user_id)
            answer: Commands = await (patiently(world, package) if patient else world.call(package))
            self.domain_join = answer.domain_join or self.domain_join
            if not answer.commands:
                break
            statuses = tuple([self.apply(command) for command in answer.commands])
            alerts, information = (), ()
        del self.jobs.finished[: len(told)]
        learned = "A-NODECACHE" if self._nodes > nodes else "MDM-SESSION-END"
        world.log("DeviceManagement", 209, f"session {number} ended", learned)
        if statuses:  # a session without commands moves nothing
            self._esp = None
            self.background.touched()

    def _describe(self, ent_dm_id: str) -> tuple[tuple[str, str], ...]:
        """DevInfo as package 1 carries it (protocols.md 13.1); the same all boot long."""
        self._information = (
            ("./DevInfo/DevId", ent_dm_id),
            ("./DevInfo/Man", self.device.hardware.manufacturer),
            ("./DevInfo/Mod", self.device.hardware.model),
            ("./DevInfo/DmV", "1.3"),
            ("./DevInfo/Lang", self.device.disk.language or "en-US"),
        )
        return self._information

    def apply(self, command: Command) -> Status:
        """Carry out one command and what follows from it."""
        if command.verb == "Atomic":
            return self._atomic(command)
        code, value = self._apply(command)
        if code in (200, 202) and command.verb != "Get":
            self._follow(command)
        if value is None:
            return Status(command.id, code)
        return Status(command.id, code, value, node_format(command.uri))

    def _apply(self, command: Command) -> tuple[int, str | None]:
        world = self.world
        forced = world.command_status(command.uri)
        if forced:
            world.applied(command.verb, command.uri, forced, "MDM-STATUS", "refused by a fault")
            return forced, None
        code, value = self.device.disk.csp.apply(command.verb, command.uri, command.value, command.format)
        if command.verb == "Exec" and code == OK:
            code = take_order(self.device, world, key_of(command.uri))
        rule = _STATUS_RULES.get(code, "MDM-STATUS")
        if "/FirstSyncStatus/" in command.uri or "/EnrollmentStatusTracking/" in command.uri:
            rule = _FIRST_SYNC_RULES.get(code, rule)
        world.applied(command.verb, command.uri, code, rule)
        return code, value

    def _atomic(self, command: Command) -> Status:
        """All or nothing; what follows from the children happens only when all went well (MS-MDM, protocols.md 12.3)."""
        tree = self.device.disk.csp
        before = tree.snapshot()
        codes: list[int] = []
        for child in command.children:
            code, _ = (500, None) if child.verb in ("Get", "Atomic") else self._apply(child)
            codes.append(code)
            if code not in (200, 202):
                tree.restore(before)
                self.world.applied("Atomic", "", 507, "MDM-ATOMIC", f"rolled back: {child.uri} gave {code}")
                return Status(command.id, 507, children=rolled_back(command, codes))
        for child in command.children:
            self._follow(child)
        done = tuple(Status(child.id, code) for child, code in zip(command.children, codes, strict=True))
        return Status(command.id, 200, children=done)

    def _follow(self, command: Command) -> None:
        resolved = resolve(command.uri)
        if resolved is None:
            return
        name = resolved.provider
        if name in EFFECTS:
            getattr(self.effects, EFFECTS[name])(command.verb, command.uri, resolved.key, command.value)
        elif name in JOBS:
            getattr(self.jobs, JOBS[name])(command.verb, command.uri, resolved.key, command.value)
        if command.value and not resolved.user:
            self.device.disk.registry.update(
                rf"{NODE_CACHE}\{self._nodes}", {"NodeUri": command.uri, "ExpectedValue": command.value}
            )
            self._nodes += 1

    async def settle(self, why: str = "") -> None:
        """After the ESP: finish what it did not wait for, or what it was not shown for; ``why`` is the rule to cite."""
        jobs, done = self.jobs, False
        deadline = self.world.now + SETTLED_AFTER

        async def finish() -> None:
            nonlocal done
            if self.device.disk.left_page:
                await self.report()  # what the device was not sent yet
            jobs.resume()
            while jobs.busy:
                await self.world.sleep(CLOCK_TICK)
            await self.ime.after_esp(self._user_id(), why or self._why_late())
            done = True
            self.changed.fire()

        self.beside(finish())
        self.world.clock.alarm(SETTLED_AFTER, self.changed.fire)
        while not done and self.world.now < deadline:
            await self.changed.wait()

    def _user_id(self) -> str:
        enrolment = self.device.disk.enrolment
        return enrolment.user_id if enrolment is not None else ""

    def _why_late(self) -> str:
        reset = self.device.disk.reset
        if reset:
            row = rulebook.resets()[reset]
            return "F-107" if row.esp_tracks_apps == "no" else row.rule
        if self.device.disk.left_page:
            return "ERR-CONTINUE" if self.world.failure is not None else "ERR-NOT-BLOCKING"
        settings = self.esp
        if settings.device_page_shown:
            return "APP-DEFERRED" if settings.user_page_shown else "ESP-SKIP-USER"
        return {"default": "ESP-DEFAULT-HIDDEN", "other": "ESP-CSP-DEFAULTS"}.get(settings.target, "ESP-SKIP-DEVICE")

    async def report(self, user_id: str = "") -> None:
        """Send the result of the ESP in a session of its own; a server that cannot be reached loses it."""
        try:
            await self.session(user_id, result=True)
        except CallFailed as failed:
            self.world.note("ESP-SYNC-DONE", f"The result could not be reported ({failed.code}).")


def _passing(failed: CallFailed) -> bool:
    """Whether a failure may pass by itself: no answer from the server, or HTTP 5xx. A lost link and a wrong clock do not."""
    if isinstance(failed, Unreachable):
        return failed.rule not in ("F-13", "F-30")
    return SERVER_ERRORS[0] <= failed.code <= SERVER_ERRORS[1]


_FIRST_SYNC_RULES = {200: "MDM-FIRST-SYNC-NODES", 405: "MDM-FIRST-SYNC-NODES", 418: "ESP-418"}
_STATUS_RULES = {404: "MDM-404", 405: "MDM-405", 418: "MDM-418"}
