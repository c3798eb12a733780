"""Work that CSP commands start: MSI and modern apps, SCEP certificates, Microsoft 365 Apps. Each reports in its own nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import unquote

from autopilot_agent.device import Device
from autopilot_agent.device.registry import DESKTOP_APPS, OFFICE
from autopilot_agent.device.storage import InstalledApp
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.world import PLAIN_INSTALLER, World
from autopilot_agent.service.content import DownloadMsi, DownloadOffice, IssueCertificate
from autopilot_agent.service.ime import IME_PRODUCT

SCOPES = {"D": "S-0-0-00-0000000000-0000000000-000000000-000"}


class Jobs:
    """Jobs of one boot; what was not finished stands on disk and is taken up again after a restart."""

    def __init__(self, device: Device, world: World, changed: Callable[[], None]) -> None:
        self.device = device
        self.world = world
        self.changed = changed
        self.stopped = False
        self._msi_busy = False

    def resume(self) -> None:
        """Take up what a restart interrupted."""
        for uri, job in list(self.device.disk.jobs.items()):
            self._start(uri, job)

    def _start(self, uri: str, job: str) -> None:
        lowered = uri.casefold()
        if "/enterprisedesktopappmanagement/" in lowered:
            self.device.memory.msi_queue.append((uri, job))
            if not self._msi_busy:
                self._msi_busy = True
                self.world.beside(self._msi_worker())
        elif "/clientcertificateinstall/" in lowered:
            self.world.beside(self._scep(uri))
        elif "/office/" in lowered:
            self.world.beside(self._office(uri))
        else:
            self.world.beside(self._modern(uri))

    def _accept(self, verb: str, uri: str, value: str) -> None:
        if verb == "Exec":
            self.device.disk.jobs[uri] = value
            self._start(uri, value)

    def desktop_app(self, verb: str, uri: str, key: str, value: str) -> None:
        """EnterpriseDesktopAppManagement: an Exec of DownloadInstall is a job."""
        if key.endswith("/downloadinstall"):
            self._accept(verb, uri, value)

    def modern_app(self, verb: str, uri: str, key: str, value: str) -> None:
        """EnterpriseModernAppManagement: an Exec of HostedInstall or StoreInstall is a job."""
        if key.endswith(("/hostedinstall", "/storeinstall")):
            self._accept(verb, uri, value)

    def certificate(self, verb: str, uri: str, key: str, value: str) -> None:
        """ClientCertificateInstall: an Exec of SCEP's Enroll is a job; a PFX blob is imported at once."""
        if key.endswith("/install/enroll"):
            self._accept(verb, uri, value)
        elif key.endswith("/pfxcertblob"):
            self.device.disk.csp.write(uri.rsplit("/", 1)[0] + "/Status", "0")

    def office(self, verb: str, uri: str, key: str, value: str) -> None:
        """Office: an Exec of Install is a job."""
        if key.endswith("/install"):
            self._accept(verb, uri, value)

    # MSI by OMA-DM: one after the other, never beside another Windows Installer transaction.

    async def _msi_worker(self) -> None:
        queue = self.device.memory.msi_queue
        while queue and not self.stopped:
            uri, job = queue.pop(0)
            await self._msi(uri, job)
        self._msi_busy = False

    async def _msi(self, uri: str, job: str) -> None:
        device, world = self.device, self.world
        node = uri.rsplit("/", 1)[0]
        product = unquote(node.rsplit("/", 1)[1])
        url = field(job, "ContentURL")
        ime = product == IME_PRODUCT
        rule = "MDM-IME" if ime else "APP-LOB-MACHINE"
        name = "Intune Management Extension" if ime else device.disk.app_names.get(product, product)
        installer = world.installers.get(product, PLAIN_INSTALLER)
        self._msi_state(node, product, name, 20, "downloading", rule)
        world.log("DeviceManagement", 1905, f"{product}: download started", "EVT-MSI")
        try:
            content = await world.call(DownloadMsi(url))
            if installer.download_fails:
                raise CallFailed("0x80072EE2", "the content cannot be downloaded")
        except CallFailed as failed:
            self._msi_end(uri, node, product, name, 30, failed.code, failed.rule or rule)
            return
        await world.sleep(device.network.milliseconds(installer.size or content.size))
        world.log("DeviceManagement", 1906, f"{product}: download finished", "EVT-MSI")
        await self._windows_installer_free(name)
        if self.stopped:
            return
        device.memory.installer_owner = name
        self._msi_state(node, product, name, 50, "installing", rule)
        world.log("DeviceManagement", 1920, f"{product}: install started", "EVT-MSI")
        if installer.milliseconds is not None:
            await world.sleep(installer.milliseconds)
        else:
            await world.spend("ime-install" if ime else "lob-msi", product)
        device.memory.installer_owner = ""
        code = installer.return_codes[0]
        if code in (0, 1707, 3010, 1641):
            device.disk.products.add(product)
            if ime:
                device.disk.ime_installed = True
            if code in (3010, 1641):
                device.memory.reboot_reasons.append(f"{name} returned {code}")
            self._msi_end(uri, node, product, name, 70, str(code), rule)
        else:
            self._msi_end(uri, node, product, name, 60, f"0x{0x80070000 | (code & 0xFFFF):08X}", "F-41")

    async def _windows_installer_free(self, name: str) -> None:
        """OMA-DM's installer waits for the other engine, but its arrival makes the other one fail (rule APP-1618)."""
        memory = self.device.memory
        if memory.installer_owner:
            memory.installer_clash = name
        while memory.installer_owner and not self.stopped:
            await self.world.sleep(5000)

    def _msi_state(self, node: str, product: str, name: str, status: int, state: str, rule: str) -> None:
        csp, registry = self.device.disk.csp, self.device.disk.registry
        csp.write(node + "/Status", str(status))
        registry.set(rf"{DESKTOP_APPS}\{SCOPES['D']}\MSI\{product}", "Status", status)
        if product != IME_PRODUCT:
            self.device.disk.apps[product] = InstalledApp(product, name, state)
        self.world.app(product, name, state, "", rule)
        self.changed()

    def _msi_end(self, uri: str, node: str, product: str, name: str, status: int, code: str, rule: str) -> None:
        self.device.disk.jobs.pop(uri, None)
        good = status == 70
        self.world.log("DeviceManagement", 1922 if good else 1924, f"{product}: {code}", rule)
        if not good:
            self.device.disk.csp.write(node + "/LastError", str(int(code, 0) if code.startswith("0x") else 0))
        self._msi_state(node, product, name, status, "installed" if good else "failed", rule)
        if product in self.device.disk.apps:
            self.device.disk.apps[product].code = code

    # The others.

    async def _modern(self, uri: str) -> None:
        device, world = self.device, self.world
        node = uri.rsplit("/", 1)[0]
        package = unquote(node.rsplit("/", 1)[1])
        name = device.disk.app_names.get(package, package)
        installer = world.installers.get(package, PLAIN_INSTALLER)
        device.disk.csp.write(node + "/Status", "1")
        device.disk.apps[package] = InstalledApp(package, name, "installing")
        world.app(package, name, "installing", "", "APP-MSIX")
        good, code = True, "0"
        try:
            await world.call(DownloadMsi(package))
        except CallFailed as failed:
            good, code = False, failed.code
        await world.sleep(installer.milliseconds if installer.milliseconds is not None else world.duration("lob-msi", package))
        if installer.return_codes[0] != 0 or installer.download_fails:
            good, code = False, "0x80073CF9"
        device.disk.csp.write(node + "/Status", "3" if good else "2")
        device.disk.apps[package] = InstalledApp(package, name, "installed" if good else "failed", code)
        world.app(package, name, "installed" if good else "failed", code, "APP-MSIX" if good else "F-41")
        device.disk.jobs.pop(uri, None)
        self.changed()

    async def _scep(self, uri: str) -> None:
        device, world = self.device, self.world
        node = uri.rsplit("/", 2)[0]
        unique = unquote(node.rsplit("/", 1)[1])
        device.disk.csp.write(node + "/Status", "2")
        try:
            await world.call(IssueCertificate(device.disk.csp.read(node + "/Install/ServerURL") or "", unique))
        except CallFailed as failed:
            device.disk.csp.write(node + "/Status", "16")
            device.disk.csp.write(node + "/ErrorCode", str(int(failed.code, 16) if failed.code.startswith("0x") else 0))
            world.note("ESP-ROW-CERTIFICATES", f"The certificate {unique} was not issued: {failed}.")
        else:
            await world.spend("scep-certificate", unique)
            device.disk.csp.write(node + "/Status", "1")
            thumbprint = world.clock.guid("scep", unique).replace("-", "").upper()
            device.disk.certificates[thumbprint] = f"SCEP {unique}"
            device.disk.csp.write(node + "/CertThumbprint", thumbprint)
            world.note("ESP-ROW-CERTIFICATES", f"The certificate {unique} was issued.")
        device.disk.jobs.pop(uri, None)
        self.changed()

    async def _office(self, uri: str) -> None:
        device, world = self.device, self.world
        node = uri.rsplit("/", 1)[0]
        product = unquote(node.rsplit("/", 1)[1])
        name = device.disk.app_names.get(product, "Microsoft 365 Apps")
        installer = world.installers.get(product, PLAIN_INSTALLER)
        self._office_state(node, product, name, 20, "downloading")
        try:
            await world.call(DownloadOffice(product))
        except CallFailed as failed:
            self._office_state(node, product, name, 30, "failed", failed.code)
            device.disk.jobs.pop(uri, None)
            return
        self._office_state(node, product, name, 50, "installing")
        if device.memory.win32_installing:
            device.memory.office_hung = True
            world.note(
                "F-49", f"{name} started while {device.memory.win32_installing} was being installed: it never reports an end."
            )
            return
        if installer.milliseconds is not None:
            await world.sleep(installer.milliseconds)
        else:
            await world.spend("microsoft-365-apps", product)
        good = installer.return_codes[0] == 0
        code = "0" if good else f"0x{0x80070000 | (installer.return_codes[0] & 0xFFFF):08X}"
        self._office_state(node, product, name, 70 if good else 60, "installed" if good else "failed", code)
        device.disk.jobs.pop(uri, None)

    def _office_state(self, node: str, product: str, name: str, status: int, state: str, code: str = "") -> None:
        device = self.device
        device.disk.csp.write(node + "/Status", str(status))
        if status >= 60 or status == 30:
            device.disk.csp.write(node + "/FinalStatus", str(status))
        device.disk.registry.set(rf"{OFFICE}\{product}", "Status", status)
        device.disk.apps[product] = InstalledApp(product, name, state, code)
        self.world.app(product, name, state, code, "F-41" if state == "failed" else "APP-M365")
        self.changed()


def field(document: str, name: str) -> str:
    """The text of one element of a small XML document, or "" (the documents are flat and bounded)."""
    found = re.search(rf"<{name}[^>]*>([^<]*)</{name}>", document[:65536])
    return unescape(found.group(1)) if found else ""
