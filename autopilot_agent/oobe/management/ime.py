"""The Intune Management Extension ("Sidecar"): learns which apps the ESP waits for, installs them one by one, reports.

protocols.md 15; the app rules are flows.md 5.4 and 5.7.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.storage import InstalledApp
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.management.detection import detected, unmet_requirement
from autopilot_agent.oobe.management.msi import NOT_APPROVED
from autopilot_agent.oobe.management.patience import patiently
from autopilot_agent.oobe.management.win32 import COMPLETED, IN_PROGRESS, NO_REBOOT, NOT_INSTALLED, Win32Installs
from autopilot_agent.oobe.world import PLAIN_INSTALLER, World
from autopilot_agent.service.ime import (
    IME_PRODUCT,
    Apps,
    GetRequiredApps,
    GetScripts,
    GetSelectedApps,
    Win32App,
)
from autopilot_agent.service.uris import PROVIDERS, SIDECAR, app_provider, tracked_app

NOT_APPLICABLE = "0x87D00213"
DEPENDENCY_FAILED = "0x87D00215"
CHECK_IN = 3 * MINUTE
"""Between two attempts to get the list of apps."""

NOT_COMPUTED = "0x87D1041C"
"""The code that stands for a detection that could not be worked out; the catalogue names only the word (rule F-55)."""

EARLIEST = 90 * MINUTE
"""Least pause between the technician's part and the user's (rule PU0)."""

IME_NODE = quote(IME_PRODUCT, safe="")
"""How the job that brings the extension names it."""

FINAL = ("installed", "failed", "not applicable")


class IntuneManagementExtension(Win32Installs):
    """One boot of the extension."""

    def __init__(self, device: Device, world: World, changed: Callable[[], None]) -> None:
        super().__init__(device, world, changed)
        self.running = ""
        self.halted = False
        self.no_list = ""
        self._apps: dict[str, Win32App] = {}
        self._waiting_for: list[str] = []

    def ready(self) -> None:
        """The agent is installed and says so to the ESP."""
        if self.device.disk.csp.exists(f"{PROVIDERS}/{SIDECAR}"):
            self.world.set_node(f"{PROVIDERS}/{SIDECAR}/InstallationState", "3", "MDM-SIDECAR")
        self.world.log("Autopilot", 288, "policy provider Sidecar: installation completed", "A-EST")

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
        while not device.disk.ime_installed and any(IME_NODE in uri for uri in device.disk.jobs):
            await world.sleep(15_000)  # it comes only now, with the first user who has any use for it
        if enrolment is None or not device.disk.ime_installed:
            return
        await self._token(phase)
        listed = await self._list(GetSelectedApps(enrolment.enrolment_id, phase, user_id))
        csp = device.disk.csp
        tracked = [(app, self._node(phase, app)) for app in listed.apps]
        for app, node in tracked:
            if csp.read(node + "/InstallationState") != COMPLETED:
                csp.write(node + "/InstallationState", NOT_INSTALLED)
                csp.write(node + "/RebootRequired", NO_REBOOT)
                device.disk.apps.setdefault(app.id, InstalledApp(app.id, app.name, "pending"))
        world.set_node(app_provider(phase, SIDECAR) + "/TrackingPoliciesCreated", "true", "A-TRACKING")
        world.log("Autopilot", 293, f"policy provider Sidecar: list of {len(listed.apps)}", "ESP-SELECTED-APPS")
        self.changed()
        for app, node in tracked:
            if self.restart or self.halted:
                return
            if csp.read(node + "/InstallationState") == COMPLETED:
                continue
            if not await self._install(app, phase, node):
                world.note("APP-STOP", f"{app.name} failed: no further app is started in this phase.")
                return
        if device.disk.technician or world.chosen("Q-15") == "during the status page":
            await self._untracked(GetRequiredApps(enrolment.enrolment_id, user_id), phase)
        await self._scripts(enrolment.enrolment_id, phase, user_id)

    async def _untracked(self, call: GetRequiredApps, phase: str) -> None:
        """Required apps that the page does not wait for, begun beside it: in the technician's part always (Q-15)."""
        disk = self.device.disk
        try:
            found = await patiently(self.world, call)
        except CallFailed:
            return
        self._apps.update({app.id: app for app in found.apps + found.others})
        for app in found.apps:
            known = disk.apps.get(app.id)
            begun_here = app.target == phase and not (app.untracked and disk.technician)
            if begun_here and (known is None or known.state not in FINAL) and not (self.restart or self.halted):
                why = "" if disk.technician else " (Q-15)"
                self.world.note("APP-DEFERRED", f"{app.name} is installed now, and the page does not wait for it{why}.")
                await self._install(app, phase, self._node(phase, app))

    async def _token(self, phase: str) -> None:
        """Too soon after the technician's part the user's token is not renewed: the list of the user's apps waits (F-54)."""
        disk, world = self.device.disk, self.world
        if phase != "account" or not disk.resealed or world.now >= disk.resealed_at + EARLIEST:
            return
        self.no_list = "F-54"
        world.note("F-54", "The user flow began within 90 minutes of the technician's part: there is no token for Intune yet.")
        while world.now < disk.resealed_at + EARLIEST:
            await world.sleep(min(CHECK_IN, disk.resealed_at + EARLIEST - world.now))
        self.no_list = ""

    def _certificate_expired(self) -> bool:
        """Half a year after the technician's part the extension's certificates have run out (rule F-55)."""
        disk = self.device.disk
        return disk.resealed and self.world.now > disk.resealed_at + self.world.maximum("technician-gap")

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
            world.note(self._rule_of_late(app, why), f"{app.name} is installed only now, after the Enrollment Status Page.")
            await self._install(app, app.target, self._node(app.target, app))

    def _rule_of_late(self, app: Win32App, why: str) -> str:
        """Why an app comes after the page; that Account setup was left out is no reason for what is for the device."""
        enrolment = self.device.disk.enrolment
        if app.untracked:
            return "APP-HYBRID-USER"
        if app.target != "device" or why not in ("APP-DEFERRED", "ESP-SKIP-USER"):
            return why
        return "F-50" if enrolment is not None and enrolment.esp_target == "user" else "APP-DEFERRED"

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
        if self._certificate_expired():
            world.note("F-55", f"The extension's certificate has expired: the detection of {app.name} is NotComputed.")
            await self.end(app, node, "failed", NOT_COMPUTED, "F-55")
            return False
        if detected(app, device):
            await self.end(app, node, "installed", "0", "APP-DETECTION")
            return True
        unmet = unmet_requirement(app, device, installer)
        if unmet:
            world.note("APP-REQUIREMENT", f"{app.name} does not apply: it {unmet}.")
            await self.end(app, node, "not applicable", NOT_APPLICABLE, "APP-REQUIREMENT")
            return True
        if device.windows.se and not installer.approved:
            world.note("EDU-APPS-WHEN", f"{app.name} is not approved for Windows 11 SE: nothing of it is downloaded.")
            await self.end(app, node, "failed", NOT_APPROVED, "EDU-APPS")
            return False
        self._waiting_for.append(app.id)
        try:
            for wanted, kind in app.dependencies:
                if not await self._dependency(app, wanted, kind, phase):
                    await self.end(app, node, "failed", DEPENDENCY_FAILED, "APP-DEPENDENCY")
                    return False
        finally:
            self._waiting_for.remove(app.id)
        if self.restart:
            return True  # a dependency restarts Windows first; this app is begun again afterwards
        if device.disk.csp.exists(node):
            device.disk.csp.write(node + "/InstallationState", IN_PROGRESS)
        self.state(app, "downloading")
        code = await self.download(app, installer)
        if code:
            await self.end(app, node, "failed", code, "NET-CONTENT")
            return False
        return await self.execute(app, installer, phase, node)

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
