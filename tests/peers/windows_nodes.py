"""The nodes of a small Windows: enough to answer Add, Replace, Delete, Get and Exec with the codes of protocols.md 12.3."""

from __future__ import annotations

from urllib.parse import unquote

PERMANENT = (
    "TimeOutUntilSyncFailure", "ServerHasFinishedProvisioning", "IsSyncDone", "WasDeviceSuccessfullyProvisioned",
    "BlockInStatusPage", "AllowCollectLogsButton", "SkipDeviceStatusPage", "SkipUserStatusPage",
)  # fmt: skip
"""Nodes of FirstSyncStatus that cannot be added (13.4)."""
JOBS = ("/DownloadInstall", "/HostedInstall", "/StoreInstall")


class NodeTree:
    """Values by decoded LocURI, in which ``./Vendor`` is ``./Device/Vendor``."""

    def __init__(self, device_id: str) -> None:
        self.values: dict[str, str] = {
            "./DevInfo/DevId": device_id,
            "./DevDetail/SwV": "10.0.26100.1742",
            "./DevDetail/Ext/DeviceHardwareData": "aGFzaA==",
            "./Device/Vendor/MSFT/WindowsLicensing/Edition": "48",
            "./Device/Vendor/MSFT/DeviceStatus/OS/Mode": "1",
        }
        self.user_is_here = False
        self.complaints: list[str] = []
        self.jobs: list[tuple[str, str]] = []
        self.finished: set[str] = set()

    def apply(self, settings: dict[str, str]) -> None:
        """What a provisioning document sets."""
        self.values.update({plain(uri): value for uri, value in settings.items()})

    def run(self, verb: str, uri: str, data: str) -> tuple[int, str | None]:
        """The code of a command and the data of a Get."""
        node = plain(uri)
        if not uri.startswith("./"):
            self.complaints.append(f"12.3: {uri} is not relative")
            return 404, None
        if node.startswith("./User/") and not self.user_is_here:
            self.complaints.append(f"18.1(8): {uri} is addressed while nobody is signed in")
            return 500, None
        if verb == "Get":
            return (200, self.values[node]) if node in self.values else (404, None)
        if verb == "Add" and node in self.values:
            return 418, None
        if verb == "Add" and "/FirstSyncStatus/" in node and node.rpartition("/")[2] in PERMANENT:
            self.complaints.append(f"18.1(9): Add of the permanent node {uri}")
            return 405, None
        if verb == "Replace" and node.count("/PolicyProviders/") and node.rpartition("/")[0] not in self.values:
            self.complaints.append(f"18.1(9): {uri} is set before its provider was added")
            return 404, None
        root = node.rpartition("/")[0]
        if verb in ("Add", "Replace", "Delete") and root in self.finished and not node.endswith("/IsSyncDone"):
            self.complaints.append(f"18.1(10): {uri} is changed after ServerHasFinishedProvisioning")
            return 405, None
        if verb == "Delete":
            gone = [one for one in self.values if one == node or one.startswith(node + "/")]
            for one in gone:
                del self.values[one]
            return (200 if gone else 404), None
        if verb == "Exec":
            if node.endswith(JOBS):
                self.jobs.append((uri, data))
                return 202, None
            return 200, None
        self.values[node] = data
        if node.endswith("/ServerHasFinishedProvisioning") and data == "true":
            self.finished.add(root)
        return 200, None


def plain(uri: str) -> str:
    """A LocURI as a key."""
    found = unquote(uri)
    return "./Device/" + found[2:] if found.startswith("./Vendor/") else found
