"""The PC that visits: its tree of nodes, and how it answers what a server wants done to them."""

from __future__ import annotations

from urllib.parse import quote

from autopilot_agent.device.csp import ALREADY_EXISTS, NOT_FOUND, CspTree
from autopilot_agent.service.management import Command, Status
from autopilot_agent.service.uris import PROVIDERS, SIDECAR, app_provider, first_sync

FACTS = {
    "./DevInfo/Man": "Contoso",
    "./DevInfo/Mod": "Lab One",
    "./DevInfo/DmV": "1.3",
    "./DevInfo/Lang": "en-US",
    "./DevDetail/SwV": "10.0.26100.1742",
    "./DevDetail/OEM": "Contoso",
    "./DevDetail/DevTyp": "Lab One",
    "./DevDetail/HwV": "1.0",
    "./DevDetail/FwV": "1.0",
    "./DevDetail/Ext/Microsoft/DeviceName": "LAB-4711",
    "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber": "5CG0004711",
    "./Device/Vendor/MSFT/DeviceStatus/OS/Mode": "0",
    "./Device/Vendor/MSFT/WindowsLicensing/Edition": "48",
}
"""What the PC knows of itself; everything else is as its nodes' descriptions say, or 404."""
GOOD = (200, 202)
ROLLED_BACK, NOT_EXECUTED, ATOMIC_FAILED, CSP_FAILED, BAD = 216, 215, 507, 500, 400
OBSERVED_EARLY = "./user/vendor/msft/dmclient/provider/"
"""User scope that Windows takes before anybody signs in; seen with a third-party server (protocols.md 14.3)."""
INSTALLED = "70"


class Pc:
    """One PC. An ``obstinate`` one has every node that is added, and none that is asked for."""

    def __init__(self, provider: str, settings: list[tuple[str, str]], *, obstinate: bool = False) -> None:
        self.tree = CspTree()
        self.obstinate = obstinate
        for uri, value in FACTS.items():
            self.tree.write(uri, value)
        self.provider = provider
        self.tree.create(f"./Device/Vendor/MSFT/DMClient/Provider/{quote(provider, safe='')}")
        self.tree.create(first_sync(provider))
        for uri, value in settings:
            self.tree.write(uri, value)

    def information(self, device_id: str) -> tuple[tuple[str, str], ...]:
        """DevInfo for package 1."""
        names = ("Man", "Mod", "DmV", "Lang")
        return (("./DevInfo/DevId", device_id), *((f"./DevInfo/{one}", FACTS[f"./DevInfo/{one}"]) for one in names))

    def sign_in(self) -> None:
        """A user is there from now on, with what Windows makes for the account in user scope."""
        self.tree.user_sid = "S-1-12-1-1"
        self.tree.create(first_sync(self.provider, user=True))

    def agents_work(self) -> None:
        """The agents that a server may send do what they are there for: installed, apps listed, packages installed."""
        for uri in (f"{PROVIDERS}/{SIDECAR}", app_provider("device", SIDECAR)):
            if self.tree.exists(uri):
                name = "InstallationState" if uri.startswith(PROVIDERS) else "TrackingPoliciesCreated"
                self.tree.write(f"{uri}/{name}", "3" if name == "InstallationState" else "true")
        packages = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI"
        for name in self.tree.children(packages):
            self.tree.write(f"{packages}/{quote(name, safe='')}/Status", INSTALLED)

    def finished(self, *, user: bool) -> bool:
        """Whether the server has said that it has sent everything."""
        return self.tree.read(first_sync(self.provider, user=user) + "/ServerHasFinishedProvisioning") == "true"

    def answer(self, command: Command) -> Status:
        """Carry out one command, honestly."""
        if command.verb == "Atomic":
            return self._atomic(command)
        code, value = self._apply(command)
        if value is None:
            return Status(command.id, code)
        return Status(command.id, code, value, "chr")

    def _apply(self, command: Command) -> tuple[int, str | None]:
        if self.obstinate and command.verb in ("Add", "Get"):
            return (ALREADY_EXISTS if command.verb == "Add" else NOT_FOUND), None
        tree = self.tree
        known, early = tree.user_sid, command.uri.casefold().startswith(OBSERVED_EARLY)
        if early and not known:
            tree.user_sid = "S-1-5-18"
        try:
            return tree.apply(command.verb, command.uri, command.value, command.format)
        finally:
            tree.user_sid = known

    def _atomic(self, command: Command) -> Status:
        """All or nothing: the child that failed has its own code, those before 216, those after 215, the whole 507."""
        before = self.tree.snapshot()
        codes: list[int] = []
        for child in command.children:
            codes.append(CSP_FAILED if child.verb in ("Get", "Atomic") else self._apply(child)[0])
            if codes[-1] not in GOOD:
                break
        if not codes or codes[-1] in GOOD:
            done = tuple(Status(one.id, code) for one, code in zip(command.children, codes, strict=True))
            return Status(command.id, 200, children=done)
        self.tree.restore(before)
        codes = [ROLLED_BACK] * (len(codes) - 1) + codes[-1:]
        codes += [NOT_EXECUTED] * (len(command.children) - len(codes))
        undone = tuple(Status(one.id, code) for one, code in zip(command.children, codes, strict=True))
        return Status(command.id, ATOMIC_FAILED, children=undone)
