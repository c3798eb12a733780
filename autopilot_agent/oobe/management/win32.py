"""One Win32 or Store app: download, run with its retries and limit, detect, report, and say which restart it wants."""

from __future__ import annotations

from collections.abc import Callable

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import WIN32_APPS
from autopilot_agent.device.storage import InstalledApp
from autopilot_agent.errors import CallFailed, Unreachable
from autopilot_agent.oobe.management.detection import detected, leave_traces
from autopilot_agent.oobe.management.patience import patiently, transfer
from autopilot_agent.oobe.world import Installer, World
from autopilot_agent.service.content import DownloadContent
from autopilot_agent.service.ime import GetContentInfo, ReportAppResult, Win32App

NOT_INSTALLED, IN_PROGRESS, COMPLETED, ERROR = "1", "2", "3", "4"
NO_REBOOT, SOFT_REBOOT, HARD_REBOOT = "1", "2", "3"
ATTEMPTS = 3
ALREADY_RUNNING = 1618

EVERYBODY = "00000000-0000-0000-0000-000000000000"
"""Under whom results of the device's apps are kept; those of a user's apps are kept under the user's object id."""

NOT_DETECTED = "0x87D1041C"
OVER_TIME = "0x87D01101"
DOWNLOAD_FAILED = "0x87D30068"


class Win32Installs:
    """Installs apps of one boot. ``restart`` is set when an installer wants, or has forced, a reboot right now.

    ``failed_rule`` is the rule of the first failure.
    """

    def __init__(self, device: Device, world: World, changed: Callable[[], None]) -> None:
        self.device = device
        self.world = world
        self.changed = changed
        self.restart: tuple[str, str] | None = None
        self.failed_rule = ""

    async def download(self, app: Win32App, installer: Installer) -> str:
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
        if not self.world.passes("FindPeers", "kv501.prod.do.dsp.mp.microsoft.com", "NET-DO"):
            self.world.note("NET-DO", f"No peers for {app.name}: everything comes from the cloud.")
        await transfer(self.world, size)
        return ""

    async def execute(self, app: Win32App, installer: Installer, phase: str, node: str) -> bool:
        """Run the installer, up to three times for a retry code; then detect again."""
        device, world, memory = self.device, self.world, self.device.memory
        meanings = dict(app.return_codes)
        code, meaning = 0, "failed"
        uses_msi = app.msi if installer.windows_installer is None else installer.windows_installer
        for attempt in range(ATTEMPTS):
            self.state(app, "installing")
            memory.win32_installing = app.name
            exit_code, clash = await self._attempt(app, installer, uses_msi=uses_msi)
            memory.win32_installing = ""
            if clash:
                self.failed_rule = clash
                await self.end(app, node, "failed", str(ALREADY_RUNNING), clash)
                return False
            if exit_code is None:
                world.note("TIME-APP", f"{app.name} ran longer than {app.milliseconds // MINUTE} min; its process goes on.")
                await self.end(app, node, "failed", OVER_TIME, "APP-LIMIT")
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
            world.note("REBOOT-UNMANAGED", f"{app.name} restarts Windows by itself: the page does not expect it.")
            self.restart = (f"the installer of {app.name} restarted Windows by itself", "F-46")
            self.changed()
            return True
        if meaning in ("failed", "retry"):
            rule = "F-42" if code == ALREADY_RUNNING else "F-41"
            await self.end(app, node, "failed", str(code) if code == ALREADY_RUNNING else hresult(code), rule)
            return False
        if installer.leaves:
            leave_traces(app, device)
        if not detected(app, device):
            await self.end(app, node, "failed", NOT_DETECTED, "APP-DETECTION")
            return False
        self._reboot(app, phase, node, meaning, code)
        await self.end(app, node, "installed", str(code), "APP-RETURN-CODES")
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

    def state(self, app: Win32App, state: str) -> None:
        """An app moved on."""
        found = self.device.disk.apps.setdefault(app.id, InstalledApp(app.id, app.name, state))
        found.state = state
        self.world.app(app.id, app.name, state, "", "APP-WIN32" if app.kind == "win32LobApp" else "APP-WINGET")

    async def end(self, app: Win32App, node: str, state: str, code: str, rule: str) -> None:
        """Put the final state of an app on record and report it."""
        device, world = self.device, self.world
        enrolment = device.disk.enrolment
        failed = state == "failed"
        if failed:
            self.failed_rule = self.failed_rule or {"APP-DETECTION": "F-41"}.get(rule, rule)
        if device.disk.csp.exists(node):
            device.disk.csp.write(node + "/InstallationState", ERROR if failed else COMPLETED)
        device.disk.apps[app.id] = InstalledApp(app.id, app.name, state, code)
        owner = enrolment.user_id if app.target == "account" and enrolment else EVERYBODY
        device.disk.registry.set(rf"{WIN32_APPS}\{owner}\{app.id}_{app.version}", "ExitCode", code)
        world.app(app.id, app.name, state, code, rule)
        world.log("Autopilot", 298 if failed else 296, f"{app.name}: {state}", "A-WIN32APPS")
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
