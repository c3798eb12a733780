"""The Intune Management Extension ("Sidecar"): learns which apps the ESP waits for, installs them one by one, reports.

protocols.md 15; the app rules are flows.md 5.4 and 5.7.
"""

from __future__ import annotations

from collections.abc import Callable

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import WIN32_APPS
from autopilot_agent.device.storage import InstalledApp
from autopilot_agent.errors import CallFailed, Unreachable
from autopilot_agent.oobe.management.detection import detected, leave_traces, unmet_requirement
from autopilot_agent.oobe.management.patience import patiently, transfer
from autopilot_agent.oobe.world import PLAIN_INSTALLER, Installer, World
from autopilot_agent.service.content import DownloadContent
from autopilot_agent.service.ime import (
    Apps,
    GetContentInfo,
    GetRequiredApps,
    GetScripts,
    GetSelectedApps,
    ReportAppResult,
    Win32App,
)
from autopilot_agent.service.uris import PROVIDERS, SIDECAR, app_provider, tracked_app

NOT_INSTALLED, IN_PROGRESS, COMPLETED, ERROR = "1", "2", "3", "4"
NO_REBOOT, SOFT_REBOOT, HARD_REBOOT = "1", "2", "3"
ATTEMPTS = 3
ALREADY_RUNNING = 1618

NOT_DETECTED = "0x87D1041C"
OVER_TIME = "0x87D01101"
NOT_APPLICABLE = "0x87D00213"
DEPENDENCY_FAILED = "0x87D00215"
DOWNLOAD_FAILED = "0x87D30068"
CHECK_IN = 3 * MINUTE
"""Between two attempts to get the list of apps."""

FINAL = ("installed", "failed", "not applicable")


class IntuneManagementExtension:
    """One boot of the extension. ``restart`` is set when an installer wants, or has forced, a reboot right now."""

    def __init__(self, device: Device, world: World, changed: Callable[[], None]) -> None:
        self.device = device
        self.world = world
        self.changed = changed
        self.running = ""
        self.halted = False
        self.restart: tuple[str, str] | None = None
        self.failed_rule = ""
        self.no_list = ""
        self._apps: dict[str, Win32App] = {}
        self._waiting_for: list[str] = []

    def ready(self) -> None:
        """The agent is installed and says so to the ESP."""
        if self.device.disk.csp.exists(f"{PROVIDERS}/{SIDECAR}"):
            self.world.set_node(f"{PROVIDERS}/{SIDECAR}/InstallationState", "3", "MDM-SIDECAR")
        self.world.log("Autopilot", 288, "policy provider Sidecar: installation completed", "MDM-SIDECAR")

    async def run(self, phase: str, user_id: str = "") -> None:
        """One ESP phase: list the apps to track, then install them in order. Ends early on a failure or a hard reboot."""
        while self.running:
            await self.world.sleep(15_000)
        self.running, self.halted, self.failed_rule = phase, False, ""
        try:
            await self._run(phase, user_id)
        finally:
            self.running = ""
            self.changed()

    async def _run(self, phase: str, user_id: str) -> None:
        device, world = self.device, self.world
        enrolment = device.disk.enrolment
        if enrolment is None or not device.disk.ime_installed:
            return
        listed = await self._list(GetSelectedApps(enrolment.enrolment_id, phase, user_id))
        csp = device.disk.csp
        for app in listed.apps:
            node = self._node(phase, app)
            if csp.read(node + "/InstallationState") != COMPLETED:
                csp.write(node + "/InstallationState", NOT_INSTALLED)
                csp.write(node + "/RebootRequired", NO_REBOOT)
                device.disk.apps.setdefault(app.id, InstalledApp(app.id, app.name, "pending"))
        world.set_node(app_provider(phase, SIDECAR) + "/TrackingPoliciesCreated", "true", "MDM-SIDECAR")
        world.log("Autopilot", 293, f"policy provider Sidecar: list of {len(listed.apps)}", "MDM-SIDECAR")
        self.changed()
        for app in listed.apps:
            if self.restart or self.halted:
                return
            if csp.read(self._node(phase, app) + "/InstallationState") == COMPLETED:
                continue
            if not await self._install(app, phase, self._node(phase, app)):
                world.note("APP-STOP", f"{app.name} failed: no further app is started in this phase.")
                return
        await self._scripts(enrolment.enrolment_id, phase, user_id)

    async def _list(self, call: GetSelectedApps) -> Apps:
        """The list of the phase; asked for again and again, because without it the page stays in Identifying."""
        while True:
            try:
                listed = await patiently(self.world, call)
            except CallFailed as failed:
                self.no_list = failed.rule if failed.rule.startswith("F-") else "F-96"
                self.world.note("ESP-IDENTIFYING", f"The Intune Management Extension got no app list: {failed}.")
                await self.world.sleep(CHECK_IN)
                continue
            self.no_list = ""
            self._apps.update({app.id: app for app in listed.apps + listed.others})
            return listed

    async def after_esp(self, user_id: str, why: str) -> None:
        """What is required and not there yet, tracked or not, once the ESP is out of the way; ``why`` is the rule."""
        device, world = self.device, self.world
        enrolment = device.disk.enrolment
        while self.running:
            await world.sleep(15_000)
        if enrolment is None or not device.disk.ime_installed:
            return
        try:
            found = await patiently(world, GetRequiredApps(enrolment.enrolment_id, user_id))
        except CallFailed as failed:
            world.note("NET-INTUNE", f"The list of required apps did not come: {failed}.")
            return
        self._apps.update({app.id: app for app in found.apps + found.others})
        self.halted = False
        for app in found.apps:
            known = device.disk.apps.get(app.id)
            if known is not None and known.state in FINAL:
                continue
            ignored = why == "APP-DEFERRED" and app.target == "device" and enrolment.esp_target == "user"
            world.note("F-50" if ignored else why, f"{app.name} is installed only now, after the Enrollment Status Page.")
            await self._install(app, app.target, self._node(app.target, app))

    async def _scripts(self, enrolment_id: str, phase: str, user_id: str) -> None:
        """Platform scripts, once each; those in user context wait until there is a user."""
        try:
            found = await self.world.call(GetScripts(enrolment_id, user_id))
        except CallFailed:
            return
        ran = self.device.disk.scripts
        for script in found.scripts:
            if script.id in ran or (script.context == "user" and phase == "device"):
                continue
            ran.add(script.id)
            self.world.note("APP-SCRIPTS", f"Ran the script {script.name} ({script.context}); the page does not track scripts.")

    @staticmethod
    def _node(phase: str, app: Win32App) -> str:
        return tracked_app(phase, SIDECAR, f"Win32App_{app.id}_{app.version}")

    async def _install(self, app: Win32App, phase: str, node: str) -> bool:
        """Install one app with its dependencies; True unless it failed."""
        device, world = self.device, self.world
        installer = world.installers.get(app.id) or world.installers.get(app.name, PLAIN_INSTALLER)
        if detected(app, device):
            await self._end(app, node, "installed", "0", "APP-DETECTION")
            return True
        unmet = unmet_requirement(app, device, installer)
        if unmet:
            world.note("APP-REQUIREMENT", f"{app.name} does not apply: it {unmet}.")
            await self._end(app, node, "not applicable", NOT_APPLICABLE, "APP-REQUIREMENT")
            return True
        self._waiting_for.append(app.id)
        try:
            for wanted, kind in app.dependencies:
                if not await self._dependency(app, wanted, kind, phase):
                    await self._end(app, node, "failed", DEPENDENCY_FAILED, "APP-DEPENDENCY")
                    return False
        finally:
            self._waiting_for.remove(app.id)
        if self.restart:
            return True  # a dependency restarts Windows first; this app is begun again afterwards
        if device.disk.csp.exists(node):
            device.disk.csp.write(node + "/InstallationState", IN_PROGRESS)
        self._state(app, "downloading")
        code = await self._download(app, installer)
        if code:
            await self._end(app, node, "failed", code, "NET-CONTENT")
            return False
        return await self._execute(app, installer, phase, node)

    async def _dependency(self, app: Win32App, wanted: str, kind: str, phase: str) -> bool:
        """Whether what the app needs is there; installed first where the dependency says so. It is not tracked itself."""
        other = self._apps.get(wanted)
        if other is None or wanted in self._waiting_for:
            why = "which needs it in turn" if other is not None else "which the service does not offer"
            self.world.note("APP-DEPENDENCY", f"{app.name} depends on {other.name if other else wanted}, {why}.")
            return False
        if detected(other, self.device):
            return True
        if kind != "autoInstall":
            self.world.note("APP-DEPENDENCY", f"{app.name} depends on {other.name}, which is not there.")
            return False
        self.world.note("APP-DEPENDENCY", f"{other.name} is installed first: {app.name} depends on it.")
        installed = await self._install(other, phase, self._node(phase, other))
        return installed and (detected(other, self.device) or self.restart is not None)

    async def _download(self, app: Win32App, installer: Installer) -> str:
        """Fetch the package; "" or the code of the failure. A lost link is waited out (F-13)."""
        enrolment = self.device.disk.enrolment
        try:
            info = await patiently(self.world, GetContentInfo(enrolment.enrolment_id if enrolment else "", app.id))
            size = installer.size or info.size or app.size
            await patiently(self.world, DownloadContent(app.id, size))
        except CallFailed as failed:
            self.failed_rule = failed.rule
            return DOWNLOAD_FAILED if isinstance(failed, Unreachable) else failed.code
        if installer.download_fails:
            return DOWNLOAD_FAILED
        await transfer(self.world, size)
        return ""

    async def _execute(self, app: Win32App, installer: Installer, phase: str, node: str) -> bool:
        """Run the installer, up to three times for a retry code; then detect again."""
        device, world, memory = self.device, self.world, self.device.memory
        meanings = dict(app.return_codes)
        code, meaning = 0, "failed"
        uses_msi = app.msi if installer.windows_installer is None else installer.windows_installer
        for attempt in range(ATTEMPTS):
            self._state(app, "installing")
            memory.win32_installing = app.name
            exit_code, clash = await self._attempt(app, installer, uses_msi=uses_msi)
            memory.win32_installing = ""
            if clash:
                self.failed_rule = clash
                await self._end(app, node, "failed", str(ALREADY_RUNNING), clash)
                return False
            if exit_code is None:
                world.note("TIME-APP", f"{app.name} ran longer than {app.milliseconds // MINUTE} min; its process goes on.")
                await self._end(app, node, "failed", OVER_TIME, "APP-LIMIT")
                return False
            code = exit_code
            meaning = meanings.get(code, "failed")
            if installer.restarts_windows or meaning != "retry" or attempt + 1 == ATTEMPTS:
                break
            world.app(app.id, app.name, "waiting to try again", str(code), "APP-RETRY")
            await world.spend("retry-interval", app.id, attempt)
        if installer.restarts_windows:
            if installer.leaves:
                leave_traces(app, device)
            self.restart = (f"the installer of {app.name} restarted Windows by itself", "F-46")
            self.changed()
            return True
        if meaning in ("failed", "retry"):
            rule = "F-42" if code == ALREADY_RUNNING else "F-41"
            await self._end(app, node, "failed", str(code) if code == ALREADY_RUNNING else hresult(code), rule)
            return False
        if installer.leaves:
            leave_traces(app, device)
        if not detected(app, device):
            await self._end(app, node, "failed", NOT_DETECTED, "APP-DETECTION")
            return False
        self._reboot(app, phase, node, meaning, code)
        await self._end(app, node, "installed", str(code), "APP-RETURN-CODES")
        return True

    async def _attempt(self, app: Win32App, installer: Installer, *, uses_msi: bool) -> tuple[int | None, str]:
        """One run of the installer: its exit code, or None when the time limit ended it; and the rule of a clash.

        Two engines drive Windows Installer and neither knows of the other: where they overlap this one fails (I-18).
        """
        world, memory = self.world, self.device.memory
        if uses_msi and memory.installer_owner:
            return ALREADY_RUNNING, self._clash(app, memory.installer_owner)
        codes = installer.return_codes
        code = codes[min(world.count(f"installer {app.id}"), len(codes) - 1)]
        milliseconds = installer.milliseconds
        if milliseconds is None:
            milliseconds = world.duration("win32-app", app.id)
        if uses_msi:
            memory.installer_owner, memory.installer_clash = app.name, ""
        await world.sleep(min(milliseconds, app.milliseconds))
        if uses_msi:
            memory.installer_owner = ""
            if memory.installer_clash:
                owner, memory.installer_clash = memory.installer_clash, ""
                return ALREADY_RUNNING, self._clash(app, owner)
        return (None if milliseconds > app.milliseconds else code), ""

    def _clash(self, app: Win32App, owner: str) -> str:
        self.world.note("APP-1618", f"{owner} and {app.name} overlap: another installation is in progress.")
        return "F-114" if owner == "Teams" else "F-42"

    def _reboot(self, app: Win32App, phase: str, node: str, meaning: str, code: int) -> None:
        """Return code and restart behaviour decide; only what the provider reports makes the ESP reboot."""
        behaviour = app.restart_behavior
        hard = meaning == "hardReboot" or behaviour == "force"
        if not hard and meaning != "softReboot":
            return
        if behaviour in ("suppress", "allow") or not self.device.disk.csp.exists(node):
            self.world.note("REBOOT-UNREPORTED", f"{app.name} returned {code}; the page does not learn of it ({behaviour}).")
            return
        self.device.disk.csp.write(node + "/RebootRequired", HARD_REBOOT if hard else SOFT_REBOOT)
        if phase == "account":
            self.world.note("REBOOT-ACCOUNT", f"{app.name} returned {code}: no restart in account setup.")
        elif hard:
            self.restart = (f"{app.name} returned {code}", "REBOOT-HARD")
        else:
            self.device.memory.reboot_reasons.append(f"{app.name} returned {code}")
            self.world.note("REBOOT-SOFT", f"{app.name} returned {code}: one restart at the end of device setup.")

    def _state(self, app: Win32App, state: str) -> None:
        found = self.device.disk.apps.setdefault(app.id, InstalledApp(app.id, app.name, state))
        found.state = state
        self.world.app(app.id, app.name, state, "", "APP-WIN32" if app.kind == "win32LobApp" else "APP-WINGET")

    async def _end(self, app: Win32App, node: str, state: str, code: str, rule: str) -> None:
        device, world = self.device, self.world
        enrolment = device.disk.enrolment
        failed = state == "failed"
        if failed:
            self.failed_rule = self.failed_rule or {"APP-DETECTION": "F-41"}.get(rule, rule)
        if device.disk.csp.exists(node):
            device.disk.csp.write(node + "/InstallationState", ERROR if failed else COMPLETED)
        device.disk.apps[app.id] = InstalledApp(app.id, app.name, state, code)
        device.disk.registry.set(rf"{WIN32_APPS}\00000000-0000-0000-0000-000000000000\{app.id}_{app.version}", "ExitCode", code)
        world.app(app.id, app.name, state, code, rule)
        world.log("Autopilot", 298 if failed else 296, f"{app.name}: {state}", rule)
        self.changed()
        try:
            await world.call(
                ReportAppResult(enrolment.enrolment_id if enrolment else "", app.id, state.replace("not a", "notA"), code)
            )
        except CallFailed:
            world.note("NET-INTUNE", f"The result of {app.name} could not be reported.")


def hresult(code: int) -> str:
    """An installer's exit code as a HRESULT: small codes are Win32 errors, negative ones are HRESULTs already."""
    return f"0x{0x80070000 | (code & 0xFFFF) if 0 <= code <= 0xFFFF else code & 0xFFFFFFFF:08X}"
