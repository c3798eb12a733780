"""Line-of-business MSI packages, and the Intune Management Extension itself, installed by OMA-DM (protocols.md 13.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from html import unescape
from urllib.parse import unquote

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import DESKTOP_APPS
from autopilot_agent.device.storage import InstalledApp
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.management.patience import patiently, transfer
from autopilot_agent.oobe.world import PLAIN_INSTALLER, World
from autopilot_agent.service.content import DownloadMsi
from autopilot_agent.service.ime import IME_PRODUCT
from autopilot_agent.service.management import Alert
from autopilot_agent.service.uris import CONFIGMGR_NAME, CONFIGMGR_PRODUCT

DEVICE_OWNER = "S-0-0-00-0000000000-0000000000-000000000-000"
LEAST_PROCESSORS, LEAST_MEMORY_MB = 2, 4096
"""A virtual machine below this never gets the extension ready (rules F-88 and REQ-VM)."""

BOOTSTRAP = 20_000
"""Milliseconds that ccmsetup.msi takes; the client that it fetches takes its own time (estimate)."""
NOT_APPROVED = "0x87D300D9"
INSTALL_ALERT = "Reversed-Domain-Name:com.microsoft.mdm.win32csp_install"
GOOD_CODES = (0, 1707, 3010, 1641)
DOWNLOADING, DOWNLOAD_LATER, DOWNLOAD_FAILED, INSTALLING, INSTALL_LATER, INSTALL_FAILED, DONE = 20, 25, 30, 50, 55, 60, 70
"""Values of Status (protocols.md 13.7)."""


class Package:
    """One job: which product, under which node, how often it is tried again, and the rule its records cite."""

    def __init__(self, device: Device, uri: str, job: str) -> None:
        self.node = uri.rsplit("/", 1)[0]
        self.product = unquote(self.node.rsplit("/", 1)[1])
        self.ime = self.product == IME_PRODUCT
        self.configmgr = self.product == CONFIGMGR_PRODUCT
        per_machine = uri.casefold().startswith("./device")
        agent = "MDM-IME" if self.ime else "COMANAGE" if self.configmgr else ""
        self.rule = agent or ("APP-LOB-MACHINE" if per_machine else "APP-LOB-USER")
        self.owner = DEVICE_OWNER if per_machine else device.disk.csp.user_sid
        names = device.disk.app_names
        known = {IME_PRODUCT: "Intune Management Extension", CONFIGMGR_PRODUCT: f"bootstrap of the {CONFIGMGR_NAME}"}
        self.name = known.get(self.product) or names.get(self.product, self.product)
        self.approved = False
        self.url, self.retries, self.pause = job_fields(job)


def device_blocks(device: Device, package: Package) -> bool:
    """Whether Windows 11 SE refuses the package; the agents of management itself are always let in."""
    return device.windows.se and not (package.ime or package.configmgr or package.approved)


class MsiInstalls:
    """The installer of OMA-DM; it never runs beside another Windows Installer transaction."""

    def __init__(self, device: Device, world: World, changed: Callable[[], None]) -> None:
        self.device = device
        self.world = world
        self.changed = changed
        self.busy = False
        self.finished: list[Alert] = []
        """What the server is still to be told, in package 1 of the next session (protocols.md 12.5)."""

    async def never_ready(self, uri: str) -> bool:
        """Whether this is the extension on a virtual machine that is too small for it (F-88)."""
        hardware = self.device.hardware
        if not hardware.virtual_machine:
            return False
        package = Package(self.device, uri, "")
        enough = hardware.processors >= LEAST_PROCESSORS and hardware.memory_mb >= LEAST_MEMORY_MB
        if not package.ime or enough:
            return False
        self._state(package, INSTALLING, "installing", package.rule)
        self.world.note("F-88", "The virtual machine has less than 2 processors or 4 GB: the extension never gets ready.")
        return True

    async def install(self, uri: str, job: str) -> tuple[int, Callable[[], None]]:
        """Download and install with the job's retries; the final status, and what puts it on record."""
        package = Package(self.device, uri, job)
        package.approved = self.world.installers.get(package.product, PLAIN_INSTALLER).approved
        if device_blocks(self.device, package):
            end = partial(self._end, package, INSTALL_FAILED, NOT_APPROVED, "EDU-APPS-WHEN")
            return INSTALL_FAILED, end
        if not package.ime and package.product in self.device.disk.products:
            return DONE, partial(self._end, package, DONE, "0", "APP-DETECTION")
        failed = await self._download(package)
        if failed is not None:
            return DOWNLOAD_FAILED, partial(self._end, package, DOWNLOAD_FAILED, failed.code, failed.rule or package.rule)
        for attempt in range(package.retries + 1):
            code = await self._run(package)
            if code in GOOD_CODES:
                return DONE, partial(self._installed, package, code)
            if attempt < package.retries:
                self._state(package, INSTALL_LATER, "waiting to try again", "APP-RETRY")
                await self.world.sleep(package.pause)
        return INSTALL_FAILED, partial(self._end, package, INSTALL_FAILED, f"0x{0x80070000 | (code & 0xFFFF):08X}", "F-41")

    async def _download(self, package: Package) -> CallFailed | None:
        """Fetch the package; the last failure, or None."""
        world, product = self.world, package.product
        installer = world.installers.get(product, PLAIN_INSTALLER)
        last: CallFailed | None = None
        for attempt in range(package.retries + 1):
            self._state(package, DOWNLOADING, "downloading", package.rule)
            world.log("DeviceManagement", 1905, f"{product}: download started", "EVT-MSI")
            try:
                content = await patiently(world, DownloadMsi(package.url))
                if installer.download_fails:
                    raise CallFailed("0x80072EE2", "the content cannot be downloaded", "NET-CONTENT")
            except CallFailed as failed:
                last = failed
                if attempt < package.retries:
                    self._state(package, DOWNLOAD_LATER, "waiting to download again", package.rule)
                    await world.sleep(package.pause)
                continue
            await transfer(world, installer.size or content.size)
            world.log("DeviceManagement", 1906, f"{product}: download finished", "EVT-MSI")
            return None
        return last

    async def _run(self, package: Package) -> int:
        """One run of the package, when Windows Installer is free; its exit code."""
        world, memory, product = self.world, self.device.memory, package.product
        await self._windows_installer_free(package.name)
        installer = PLAIN_INSTALLER if package.configmgr else world.installers.get(product, PLAIN_INSTALLER)
        codes = installer.return_codes
        code = codes[min(world.count(f"installer {product}"), len(codes) - 1)]
        memory.installer_owner = package.name
        self._state(package, INSTALLING, "installing", package.rule)
        world.log("DeviceManagement", 1920, f"{product}: install started", "EVT-MSI")
        if installer.milliseconds is not None:
            await world.sleep(installer.milliseconds)
        elif package.configmgr:
            await world.sleep(BOOTSTRAP)
        else:
            await world.spend("ime-install" if package.ime else "lob-msi", product)
        memory.installer_owner = ""
        return code

    async def _windows_installer_free(self, name: str) -> None:
        """OMA-DM's installer waits for the other engine, but its arrival makes the other one fail (rule APP-1618)."""
        memory = self.device.memory
        if memory.installer_owner:
            memory.installer_clash = name
        while memory.installer_owner:
            await self.world.sleep(5000)

    def _installed(self, package: Package, code: int) -> None:
        disk = self.device.disk
        if not package.configmgr:  # the client itself follows (management/configmgr.py)
            disk.products.add(package.product)
        if package.ime:
            disk.ime_installed = True
        if code in (3010, 1641):
            self.device.memory.reboot_reasons.append(f"{package.name} returned {code}")
        self._end(package, DONE, str(code), package.rule)

    def _end(self, package: Package, status: int, code: str, rule: str) -> None:
        good = status == DONE
        self.world.log("DeviceManagement", 1922 if good else 1924, f"{package.product}: {code}", "A-EDAM" if good else rule)
        error = "0" if good or not code.startswith("0x") else str(int(code, 0))
        if not good:
            self.device.disk.csp.write(package.node + "/LastError", error)
        self.finished.append(Alert(1224, INSTALL_ALERT, error, package.node, "int", "informational"))
        self._state(package, status, "installed" if good else "failed", package.rule if package.ime else rule, code)

    def _state(self, package: Package, status: int, state: str, rule: str, code: str = "") -> None:
        disk, product = self.device.disk, package.product
        disk.csp.write(package.node + "/Status", str(status))
        key = rf"{DESKTOP_APPS}\{package.owner}\MSI\{product}"
        disk.registry.update(key, {"Status": status, "CurrentDownloadUrl": package.url, "ProductCode": product})
        if not (package.ime or package.configmgr):
            disk.apps[product] = InstalledApp(product, package.name, state, code)
        self.world.app(product, package.name, state, code, rule)
        self.changed()


@lru_cache(maxsize=1024)
def job_fields(job: str) -> tuple[str, int, int]:
    """Content URL, retries, and milliseconds between them of an MsiInstallJob; the same packages come again and again."""
    return field(job, "ContentURL"), int(field(job, "RetryCount") or 0), int(field(job, "RetryInterval") or 0) * MINUTE


def field(document: str, name: str) -> str:
    """The text of one element of a small XML document, or "" (the documents are flat and bounded)."""
    found = re.search(rf"<{name}[^>]*>([^<]*)</{name}>", document[:65536])
    return unescape(found.group(1)) if found else ""
