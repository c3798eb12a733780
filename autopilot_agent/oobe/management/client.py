"""The OMA-DM client: sessions with the MDM server, each command applied to the CSP tree, with what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from autopilot_agent import rulebook
from autopilot_agent.clock import HOUR, MINUTE, SECOND
from autopilot_agent.device import Device
from autopilot_agent.device.csp import OK
from autopilot_agent.device.nodes import key_of, resolve
from autopilot_agent.device.registry import NODE_CACHE, REBOOT_REQUIRED
from autopilot_agent.errors import CallFailed, Unreachable
from autopilot_agent.oobe.management.domain import apply_blob
from autopilot_agent.oobe.management.esp import EspSettings
from autopilot_agent.oobe.management.firmware_edition import restart_for_edition, take_firmware_settings, take_key
from autopilot_agent.oobe.management.ime import IntuneManagementExtension
from autopilot_agent.oobe.management.jobs import Jobs
from autopilot_agent.oobe.management.lasting import note_policy, set_up_kiosk, set_up_laps
from autopilot_agent.oobe.management.patience import patiently
from autopilot_agent.oobe.management.remote_wipe import take_order
from autopilot_agent.oobe.world import World
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

DEVICE_LOCK = "D/vendor/msft/policy/config/devicelock/"
NO_PASSWORD = DEVICE_LOCK + "devicepasswordenabled", "1"
"""The one DeviceLock setting that asks for nothing: 1 switches device passwords off."""


OPENING = {
    who: (Alert(1201), Alert(1224, "com.microsoft/MDM/LoginStatus", login), Alert(1224, "com.microsoft/MDM/BootstrapSync", who))
    for who, login in (("device", "others"), ("user", "user"))
}
"""The alerts of package 1, for a session of the device and one of its user (protocols.md 12.5)."""

EFFECTS = {
    "policy": "_policy",
    "applocker": "_reboot_only",
    "uefi": "_uefi",
    "windowslicensing": "_licensing",
    "wifi": "_wifi",
    "vpnv2": "_vpn",
    "rootcatrustedcertificates": "_trusted_root",
    "assignedaccess": "_kiosk",
    "laps": "_laps",
    "reboot": "_reboot_now",
    "offlinedomainjoin": "_domain_join",
}
"""What follows from a command on a CSP: a method of the client."""
JOBS = {
    "enterprisedesktopappmanagement": "desktop_app",
    "enterprisemodernappmanagement": "modern_app",
    "clientcertificateinstall": "certificate",
    "office": "office",
}
"""The same, as a method of the jobs."""


@cache
def _reboot_prefixes() -> tuple[str, ...]:
    return tuple(key_of(row.uri) for row in rulebook.reboot_uris())


class _WhilePowered:
    """Work of one boot: it goes on only as long as that boot's background does. What SimPy wants of a process, no more."""

    __slots__ = ("_background", "_work")

    def __init__(self, background: Background, work: Coroutine[Any, Any, Any]) -> None:
        self._background, self._work = background, work

    def send(self, value: Any) -> Any:
        """Go on, or end where it stands because the power is gone."""
        if self._background.stopped:
            self._work.close()
            raise StopIteration
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception."""
        return self._work.throw(*error)

    def close(self) -> None:
        """End it."""
        self._work.close()


class Background:
    """What goes on behind the pages of one boot, and whom it tells.

    ``changed`` wakes who waits for the ESP's next decision; ``watcher`` looks at every change and says whether it is one.
    Jobs and the extension know this and not the client that knows them: a run without reference cycles gives its memory
    back at once, and the next one finds it warm in the processor's cache.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.changed = world.clock.signal()
        self.watcher: Callable[[], bool] | None = None
        self.stopped = False

    def touched(self) -> None:
        """Something may have moved: let the page look at once, and wake its process only when that has to decide."""
        if self.watcher is None or self.watcher():
            self.changed.fire()

    def beside(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Start work in the background of this boot; it ends where it stands when the power goes."""
        return self._world.beside(_WhilePowered(self, work))  # type: ignore[arg-type]  # it has all that is asked of a coroutine


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
        self.restart: tuple[str, str] | None = None
        self.generation = 0
        self.last_failure = ""
        self.phase = "device"
        self.left = False
        self.domain_join: DomainJoinStanding | None = None
        self.obstacle = ""
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
        self.ime.restart = self.restart = None
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
            await self._session(user_id, extra, patient=patient)
        finally:
            self._talking = False

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
        alerts = OPENING["user" if user_id else "device"] + extra
        if device.disk.resealed and not self._told_resealed:
            alerts += (RESEALED_ALERT,)
            self._told_resealed = True
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
        return Status(command.id, code, value)

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
        for child in command.children:
            code, _ = (500, None) if child.verb in ("Get", "Atomic") else self._apply(child)
            if code not in (200, 202):
                tree.restore(before)
                self.world.applied("Atomic", "", 507, "MDM-ATOMIC", f"rolled back: {child.uri} gave {code}")
                return Status(command.id, 507)
        for child in command.children:
            self._follow(child)
        return Status(command.id, 200)

    def _follow(self, command: Command) -> None:
        resolved = resolve(command.uri)
        if resolved is None:
            return
        name = resolved.provider
        if name in EFFECTS:
            getattr(self, EFFECTS[name])(command.verb, command.uri, resolved.key, command.value)
        elif name in JOBS:
            getattr(self.jobs, JOBS[name])(command.verb, command.uri, resolved.key, command.value)
        if command.value and not resolved.user:
            self.device.disk.registry.update(
                rf"{NODE_CACHE}\{self._nodes}", {"NodeUri": command.uri, "ExpectedValue": command.value}
            )
            self._nodes += 1

    # What follows from single CSPs.

    def _policy(self, verb: str, uri: str, key: str, value: str) -> None:
        if key.startswith(DEVICE_LOCK) and (key, value) != NO_PASSWORD and verb != "Delete":
            self.device.disk.device_lock = True
            self.world.note("REBOOT-PASSWORD-POLICY", f"{uri} asks for a password: automatic sign-in will not happen.")
        self.device.disk.policies[uri] = value
        self.obstacle = note_policy(self.device, self.world, uri, key, value) or self.obstacle
        self._reboot_only(verb, uri, key, value)

    def _reboot_only(self, verb: str, uri: str, key: str, value: str) -> None:
        if verb == "Exec" or not key.startswith(_reboot_prefixes()):
            return
        if self.phase != "device":
            self.world.note("REBOOT-USER-TARGETING", f"{uri} came with the user: it asks for no restart in device setup.")
            return
        self.device.memory.reboot_reasons.append(uri)
        self.device.disk.registry.set(REBOOT_REQUIRED, uri, 1)
        self.world.log("DeviceManagement", 2800, f"{uri} asks for a reboot", "EVT-2800")

    def _uefi(self, verb: str, uri: str, key: str, value: str) -> None:
        if take_firmware_settings(self.device, self.world):
            self._reboot_only(verb, uri, key, value)

    def _licensing(self, verb: str, uri: str, key: str, value: str) -> None:
        if verb == "Exec" and key.endswith("/upgradeeditionwithproductkey") and take_key(self.device, self.world, value):
            self.beside(restart_for_edition(self.device, self.world, self._restart_for))

    def _restart_for(self, reason: str, rule: str) -> None:
        self.restart = (reason, rule)
        self.background.touched()

    def _wifi(self, verb: str, uri: str, key: str, value: str) -> None:
        name = key.split("/")[5] if key.count("/") >= 5 else uri
        self.device.disk.wifi_profiles[name] = "MDM"

    def _vpn(self, verb: str, uri: str, key: str, value: str) -> None:
        self.device.disk.vpn_profiles[key.split("/")[4]] = "MDM"

    def _trusted_root(self, verb: str, uri: str, key: str, value: str) -> None:
        if key.endswith("/encodedcertificate"):
            self.device.disk.certificates[key.split("/")[-2]] = "trusted root"

    def _kiosk(self, verb: str, uri: str, key: str, value: str) -> None:
        set_up_kiosk(self.device, self.world, value)

    def _laps(self, verb: str, uri: str, key: str, value: str) -> None:
        set_up_laps(self.device, self.world, uri, value)

    def _reboot_now(self, verb: str, uri: str, key: str, value: str) -> None:
        if verb == "Exec":
            self.restart = ("the MDM server asked for a restart", "REBOOT-POLICY")

    def _domain_join(self, verb: str, uri: str, key: str, value: str) -> None:
        if verb == "Exec":
            apply_blob(self.device, self.world, value)

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


_FIRST_SYNC_RULES = {200: "MDM-FIRST-SYNC-NODES", 405: "MDM-FIRST-SYNC-NODES", 418: "ESP-418"}
_STATUS_RULES = {404: "MDM-404", 405: "MDM-405", 418: "MDM-418"}
