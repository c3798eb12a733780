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
from autopilot_agent.oobe.world import PLAIN_INSTALLER, Installer, World
from autopilot_agent.service.content import DownloadContent
from autopilot_agent.service.ime import Apps, GetContentInfo, GetScripts, GetSelectedApps, ReportAppResult, Win32App
from autopilot_agent.service.uris import PROVIDERS, SIDECAR, app_provider, tracked_app

NOT_INSTALLED, IN_PROGRESS, COMPLETED, ERROR = "1", "2", "3", "4"
NO_REBOOT, SOFT_REBOOT, HARD_REBOOT = "1", "2", "3"
ATTEMPTS = 3

NOT_DETECTED = "0x87D1041C"
OVER_TIME = "0x87D01101"
DEPENDENCY_FAILED = "0x87D00215"
DOWNLOAD_FAILED = "0x87D30068"


class IntuneManagementExtension:
    """One boot of the extension. ``restart`` is set when an installer wants, or has forced, a reboot right now."""

    def __init__(self, device: Device, world: World, changed: Callable[[], None]) -> None:
        self.device = device
        self.world = world
        self.changed = changed
        self.stopped = False
        self.running = ""
        self.restart: tuple[str, str] | None = None
        self.no_list = False
        self.no_end = False
        self._apps: dict[str, Win32App] = {}

    def ready(self) -> None:
        """The agent is installed and says so to the ESP."""
        if self.device.disk.csp.exists(f"{PROVIDERS}/{SIDECAR}"):
            self.world.set_node(f"{PROVIDERS}/{SIDECAR}/InstallationState", "3", "MDM-SIDECAR")
        self.world.log("Autopilot", 288, "policy provider Sidecar: installation completed", "MDM-SIDECAR")

    async def run(self, phase: str, user_id: str = "") -> None:
        """One ESP phase: list the apps to track, then install them in order. Ends early on a failure or a hard reboot."""
        while self.running and not self.stopped:
            await self.world.sleep(1000)
        self.running = phase
        try:
            await self._run(phase, user_id)
        finally:
            self.running = ""

    async def _run(self, phase: str, user_id: str) -> None:
        device, world = self.device, self.world
        enrolment = device.disk.enrolment
        if enrolment is None or not device.disk.ime_installed:
            return
        try:
            listed = await self._patiently(GetSelectedApps(enrolment.enrolment_id, phase, user_id))
        except CallFailed as failed:
            self.no_list = True
            world.note("ESP-IDENTIFYING", f"The Intune Management Extension got no app list: {failed}.")
            return
        self._apps = {app.id: app for app in listed.apps + listed.others}
        csp = device.disk.csp
        for app in listed.apps:
            node = self._node(phase, app)
            if csp.read(node + "/InstallationState") not in (COMPLETED,):
                csp.write(node + "/InstallationState", NOT_INSTALLED)
                csp.write(node + "/RebootRequired", NO_REBOOT)
                device.disk.apps.setdefault(app.id, InstalledApp(app.id, app.name, "pending"))
        world.set_node(app_provider(phase, SIDECAR) + "/TrackingPoliciesCreated", "true", "MDM-SIDECAR")
        world.log("Autopilot", 293, f"policy provider Sidecar: list of {len(listed.apps)}", "MDM-SIDECAR")
        self.changed()
        for app in listed.apps:
            if self.stopped or self.restart:
                return
            if csp.read(self._node(phase, app) + "/InstallationState") == COMPLETED:
                continue
            if not await self._install(app, phase, self._node(phase, app)):
                world.note("APP-STOP", f"{app.name} failed: no further app is started in this phase.")
                return
        await self._scripts(enrolment.enrolment_id, user_id)

    async def _patiently(self, call: GetSelectedApps) -> Apps:
        while True:
            try:
                return await self.world.call(call)
            except Unreachable as failed:
                if failed.rule != "F-13" or self.stopped:
                    raise
                await self.world.sleep(MINUTE)

    async def _scripts(self, enrolment_id: str, user_id: str) -> None:
        try:
            found = await self.world.call(GetScripts(enrolment_id, user_id))
        except CallFailed:
            return
        for script in found.scripts:
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
            await self._end(app, node, "not applicable", "0x87D00213", "APP-REQUIREMENT")
            return True
        for wanted, kind in app.dependencies:
            if not await self._dependency(app, wanted, kind, phase):
                await self._end(app, node, "failed", DEPENDENCY_FAILED, "APP-DEPENDENCY")
                return False
        device.disk.csp.write(node + "/InstallationState", IN_PROGRESS)
        self._state(app, "downloading")
        code = await self._download(app, installer)
        if code:
            await self._end(app, node, "failed", code, "NET-CONTENT")
            return False
        return await self._execute(app, installer, node)

    async def _dependency(self, app: Win32App, wanted: str, kind: str, phase: str) -> bool:
        other = self._apps.get(wanted)
        if other is None:
            self.world.note("APP-DEPENDENCY", f"{app.name} depends on {wanted}, which the service does not offer.")
            return False
        if detected(other, self.device):
            return True
        if kind != "autoInstall":
            self.world.note("APP-DEPENDENCY", f"{app.name} depends on {other.name}, which is not there.")
            return False
        self.world.note("APP-DEPENDENCY", f"{other.name} is installed first: {app.name} depends on it.")
        return await self._install(other, phase, self._node(phase, other))

    async def _download(self, app: Win32App, installer: Installer) -> str:
        """Fetch the package; "" or the code of the failure. A lost link is waited out (F-13)."""
        enrolment = self.device.disk.enrolment
        while True:
            try:
                info = await self.world.call(GetContentInfo(enrolment.enrolment_id if enrolment else "", app.id))
                size = installer.size or info.size or app.size
                await self.world.call(DownloadContent(app.id, size))
                if installer.download_fails:
                    return DOWNLOAD_FAILED
            except CallFailed as failed:
                if failed.rule == "F-13" and not self.stopped:
                    await self.world.sleep(MINUTE)
                    continue
                return DOWNLOAD_FAILED if isinstance(failed, Unreachable) else failed.code
            await self.world.sleep(self.device.network.milliseconds(size))
            return ""

    async def _execute(self, app: Win32App, installer: Installer, node: str) -> bool:
        """Run the installer, up to three times for a retry code; then detect again."""
        device, world, memory = self.device, self.world, self.device.memory
        meanings = dict(app.return_codes)
        code, meaning = 0, "failed"
        uses_msi = app.msi if installer.windows_installer is None else installer.windows_installer
        for attempt in range(ATTEMPTS):
            self._state(app, "installing")
            memory.win32_installing = app.name
            exit_code = await self._attempt(app, installer, attempt, uses_msi=uses_msi)
            memory.win32_installing = ""
            if self.stopped:
                return True
            if exit_code is None:
                world.note("TIME-APP", f"{app.name} ran longer than {app.milliseconds // MINUTE} min; its process goes on.")
                await self._end(app, node, "failed", OVER_TIME, "APP-LIMIT")
                return False
            code = exit_code
            meaning = meanings.get(code, "failed")
            if meaning == "retry" and attempt + 1 < ATTEMPTS:
                world.app(app.id, app.name, "waiting to try again", str(code), "APP-RETRY")
                await world.spend("retry-interval", app.id, attempt)
                continue
            break
        if installer.restarts_windows:
            if installer.leaves:
                leave_traces(app, device)
            self.restart = (f"the installer of {app.name} restarted Windows by itself", "REBOOT-UNMANAGED")
            self.changed()
            return True
        if meaning in ("failed", "retry"):
            shown = str(code) if code == 1618 else hresult(code)
            rule = "F-42" if code == 1618 else "F-41"
            await self._end(app, node, "failed", shown, rule)
            return False
        if installer.leaves:
            leave_traces(app, device)
        if not detected(app, device):
            await self._end(app, node, "failed", NOT_DETECTED, "APP-NOT-DETECTED")
            return False
        self._reboot(app, node, meaning, code)
        await self._end(app, node, "installed", str(code), "APP-RETURN-CODES")
        return True

    async def _attempt(self, app: Win32App, installer: Installer, attempt: int, *, uses_msi: bool) -> int | None:
        """One run of the installer: its exit code, or None when the time limit ended it."""
        world, memory = self.world, self.device.memory
        if uses_msi and memory.installer_owner:
            world.note("APP-1618", f"{memory.installer_owner} is being installed: {app.name} ends with 1618.")
            return 1618
        codes = installer.return_codes
        code = codes[min(attempt, len(codes) - 1)]
        milliseconds = installer.milliseconds
        if milliseconds is None:
            milliseconds = world.duration("win32-app", app.id)
        if uses_msi:
            memory.installer_owner, memory.installer_clash = app.name, ""
        await world.sleep(min(milliseconds, app.milliseconds))
        if uses_msi:
            memory.installer_owner = ""
            if memory.installer_clash:
                world.note("APP-1618", f"{memory.installer_clash} began meanwhile: {app.name} ends with 1618.")
                memory.installer_clash = ""
                return 1618
        if milliseconds > app.milliseconds:
            return None
        return code

    def _reboot(self, app: Win32App, node: str, meaning: str, code: int) -> None:
        """Return code and restart behaviour decide; only what the provider reports makes the ESP reboot."""
        behaviour = app.restart_behavior
        hard = meaning == "hardReboot" or behaviour == "force"
        soft = meaning == "softReboot"
        if behaviour in ("suppress", "allow") or not (hard or soft):
            if hard or soft:
                self.world.note("REBOOT-UNREPORTED", f"{app.name} returned {code}, but its restart behaviour is {behaviour}.")
            return
        self.device.disk.csp.write(node + "/RebootRequired", HARD_REBOOT if hard else SOFT_REBOOT)
        if hard:
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
        tracked = device.disk.csp.exists(node)
        if tracked:
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
