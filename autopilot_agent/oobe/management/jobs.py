"""Work that CSP commands start: MSI and modern apps, SCEP certificates, Microsoft 365 Apps; each reports in its own nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from html import unescape
from typing import Any
from urllib.parse import quote, unquote

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import OFFICE
from autopilot_agent.device.storage import InstalledApp
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.management.configmgr import FAILED, INSTALLING, install_client
from autopilot_agent.oobe.management.configmgr import NODE as CLIENT_NODE
from autopilot_agent.oobe.management.msi import NOT_APPROVED, MsiInstalls
from autopilot_agent.oobe.management.patience import patiently, transfer
from autopilot_agent.oobe.world import PLAIN_INSTALLER, Installer, World
from autopilot_agent.service.content import DownloadMsi, DownloadOffice, IssueCertificate
from autopilot_agent.service.management import Alert
from autopilot_agent.service.uris import CONFIGMGR, CONFIGMGR_PRODUCT

CONFIGMGR_KEY = f"/{quote(CONFIGMGR_PRODUCT, safe='')}/".casefold()
FOR_USER_BLOCKED = "0x800711C7"
"""What Windows 11 SE says to a Store app in the context of the user (rule EDU-PACKAGES)."""
APPX_FAILED, GENERIC_FAILURE = "0x80073CF9", "0x80004005"


class Jobs:
    """Jobs of one boot; what was not finished stands on disk and is taken up again after a restart.

    ``blame`` is the rule of a job that hangs or waits for something that will not come.
    """

    def __init__(
        self, device: Device, world: World, beside: Callable[[Coroutine[Any, Any, Any]], Any], changed: Callable[[], None]
    ) -> None:
        self.device = device
        self.world = world
        self.beside = beside
        self.changed = changed
        self.blame = ""
        self._running: set[str] = set()
        self._hung: set[str] = set()
        self._msi = MsiInstalls(device, world, changed)

    @property
    def finished(self) -> list[Alert]:
        """Packages that have ended since the server heard of it; who tells it takes them out."""
        return self._msi.finished

    @property
    def busy(self) -> bool:
        """Whether a job goes on that can still end."""
        return bool(self._running - self._hung)

    def resume(self) -> None:
        """Take up what a restart interrupted."""
        for uri, job in list(self.device.disk.jobs.items()):
            if uri not in self._running:
                self._start(uri, job)
        if self.device.disk.configmgr == INSTALLING and CONFIGMGR not in self._running:
            self._start_client()

    def _start_client(self) -> None:
        """The Configuration Manager client, after its bootstrap."""
        self._running.add(CONFIGMGR)
        self.beside(self._client())

    async def _client(self) -> None:
        await install_client(self.device, self.world, self.changed)
        self._running.discard(CONFIGMGR)

    def retry(self) -> None:
        """Attempt once more what failed."""
        failed = self.device.disk.failed_jobs
        if self.device.disk.configmgr == FAILED:
            self.device.disk.csp.write(CLIENT_NODE + "/InstallationState", "1")
            self._start_client()
        for uri, job in list(failed.items()):
            del failed[uri]
            self.device.disk.jobs[uri] = job
            self._start(uri, job)

    def _start(self, uri: str, job: str) -> None:
        self._running.add(uri)
        lowered = uri.casefold()
        node = uri.rsplit("/", 1)[0]
        if "/enterprisedesktopappmanagement/" in lowered:
            self.device.disk.csp.write(node + "/Status", "10")
            self.device.memory.msi_queue.append((uri, job))
            if not self._msi.busy:
                self._msi.busy = True
                self.beside(self._install_packages())
        elif "/clientcertificateinstall/" in lowered:
            self.device.disk.csp.write(node.rsplit("/", 1)[0] + "/Status", "2")
            self.beside(self._scep(uri))
        elif "/office/" in lowered:
            self.device.disk.csp.write(node + "/Status", "10")
            self.beside(self._office(uri))
        else:
            self.device.disk.csp.write(node + "/Status", "1")
            self.beside(self._modern(uri))

    def _accept(self, verb: str, uri: str, value: str) -> None:
        if verb == "Exec" and uri not in self._running:
            self.device.disk.jobs[uri] = value
            self._start(uri, value)

    def _done(self, uri: str, *, good: bool) -> None:
        job = self.device.disk.jobs.pop(uri, "")
        self._running.discard(uri)
        if not good:
            self.device.disk.failed_jobs[uri] = job

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

    def _installer(self, name: str) -> tuple[Installer, int]:
        """What the installer does, and the code that it returns this time."""
        installer = self.world.installers.get(name, PLAIN_INSTALLER)
        codes = installer.return_codes
        return installer, codes[min(self.world.count(f"installer {name}"), len(codes) - 1)]

    async def _install_packages(self) -> None:
        """MSI packages, one after the other."""
        queue = self.device.memory.msi_queue
        while queue:
            uri, job = queue.pop(0)
            if await self._msi.never_ready(uri):
                self._hung.add(uri)
                self.blame = "F-88"
                continue
            status, report = await self._msi.install(uri, job)
            self._done(uri, good=status == 70)
            report()
            if status == 70 and CONFIGMGR_KEY in uri.casefold():
                self._start_client()
        self._msi.busy = False

    async def _modern(self, uri: str) -> None:
        device, world = self.device, self.world
        node = uri.rsplit("/", 1)[0]
        package = unquote(node.rsplit("/", 1)[1])
        name = device.disk.app_names.get(package, package)
        store = uri.casefold().endswith("/storeinstall")
        rule = "APP-STORE" if store else "APP-MSIX"
        device.disk.apps[package] = InstalledApp(package, name, "installing")
        world.app(package, name, "installing", "", rule)
        installer, exit_code = self._installer(package)
        good, code = True, "0"
        blocked = ""
        if device.windows.se and not installer.approved:
            good, blocked = False, "EDU-PACKAGES"
            code = FOR_USER_BLOCKED if store and uri.casefold().startswith("./user/") else NOT_APPROVED
        while good:
            address = f"ms-windows-store:{package}" if store else _package_uri(device.disk.jobs.get(uri, "")) or package
            try:
                content = await patiently(world, DownloadMsi(address))
                await transfer(world, installer.size or content.size)
            except CallFailed as failed:
                if failed.rule == "F-44":
                    self.blame = "F-44"
                    self._hung.add(uri)
                    await world.sleep(5 * MINUTE)
                    continue
                good, code = False, failed.code
            break
        if not blocked:
            wanted = installer.milliseconds
            await world.sleep(wanted if wanted is not None else world.duration("lob-msi", package))
        if good and (exit_code != 0 or installer.download_fails):
            good, code = False, APPX_FAILED if exit_code in (0, 1) else f"0x{exit_code & 0xFFFFFFFF:08X}"
        self._done(uri, good=good)
        device.disk.csp.write(node + "/Status", "3" if good else "2")
        device.disk.apps[package] = InstalledApp(package, name, "installed" if good else "failed", code)
        world.app(package, name, "installed" if good else "failed", code, rule if good else blocked or "F-41")
        self.changed()

    async def _scep(self, uri: str) -> None:
        device, world = self.device, self.world
        node = uri.rsplit("/", 2)[0]
        unique = unquote(node.rsplit("/", 1)[1])
        try:
            await patiently(world, IssueCertificate(device.disk.csp.read(node + "/Install/ServerURL") or "", unique))
        except CallFailed as failed:
            code = failed.code if failed.code.startswith("0x") else GENERIC_FAILURE
            device.disk.csp.write(node + "/ErrorCode", str(int(code, 16)))
            device.disk.csp.write(node + "/Status", "16")
            world.note("ESP-ROW-CERTIFICATES", f"The certificate {unique} was not issued: {failed}.")
            self._done(uri, good=False)
        else:
            await world.spend("scep-certificate", unique)
            device.disk.csp.write(node + "/Status", "1")
            thumbprint = world.clock.guid("scep", unique).replace("-", "").upper()
            device.disk.certificates[thumbprint] = f"SCEP {unique}"
            device.disk.csp.write(node + "/CertThumbprint", thumbprint)
            world.note("ESP-ROW-CERTIFICATES", f"The certificate {unique} was issued.")
            self._done(uri, good=True)
        self.changed()

    async def _office(self, uri: str) -> None:
        """Microsoft 365 Apps; its Teams installer, where it is one, takes Windows Installer without telling anybody (F-114)."""
        device, world, memory = self.device, self.world, self.device.memory
        node = uri.rsplit("/", 1)[0]
        product = unquote(node.rsplit("/", 1)[1])
        name = device.disk.app_names.get(product, "Microsoft 365 Apps")
        self._office_state(node, product, name, 20, "downloading")
        try:
            content = await patiently(world, DownloadOffice(product))
        except CallFailed as failed:
            self._done(uri, good=False)
            self._office_state(node, product, name, 30, "failed", failed.code)
            return
        await transfer(world, content.size)
        self._office_state(node, product, name, 50, "installing")
        if memory.win32_installing:
            self._hung.add(uri)
            self.blame = "F-49"
            world.note("F-49", f"{name} started while {memory.win32_installing} was being installed: it never reports an end.")
            return
        installer, exit_code = self._installer(product)
        milliseconds = installer.milliseconds
        if milliseconds is None:
            milliseconds = world.duration("microsoft-365-apps", product)
        if installer.windows_installer and not memory.installer_owner:
            memory.installer_owner = "Teams"
        await world.sleep(milliseconds)
        if memory.installer_owner == "Teams":
            memory.installer_owner = ""
        good = exit_code == 0 and not installer.download_fails
        code = "0" if good else f"0x{0x80070000 | (exit_code & 0xFFFF):08X}"
        self._done(uri, good=good)
        self._office_state(node, product, name, 70 if good else 60, "installed" if good else "failed", code)

    def _office_state(self, node: str, product: str, name: str, status: int, state: str, code: str = "") -> None:
        device = self.device
        device.disk.csp.write(node + "/Status", str(status))
        if status >= 60 or status == 30:
            device.disk.csp.write(node + "/FinalStatus", str(status))
            device.disk.registry.set(rf"{OFFICE}\{product}", "FinalStatus", status)
        device.disk.registry.set(rf"{OFFICE}\{product}", "Status", status)
        device.disk.apps[product] = InstalledApp(product, name, state, code)
        rule = "F-41" if state == "failed" else "A-OFFICECSP" if status < 50 else "APP-M365"
        self.world.app(product, name, state, code, rule)
        self.changed()


def _package_uri(job: str) -> str:
    """Where the package of a HostedInstall job lies; "" where the job does not say."""
    found = re.search(r'PackageUri\s*=\s*"([^"]*)"', job)
    return unescape(found[1]) if found else ""
