"""The registry: keys and values that tools and support staff look at. Names compare without case, as in Windows."""

from __future__ import annotations

Value = str | int

DIAGNOSTICS = r"HKLM\SOFTWARE\Microsoft\Provisioning\Diagnostics\AutoPilot"
CORRELATIONS = DIAGNOSTICS + r"\EstablishedCorrelations"
POLICY_CACHE = r"HKLM\SOFTWARE\Microsoft\Provisioning\AutopilotPolicyCache"
SETTINGS = r"HKLM\SOFTWARE\Microsoft\Provisioning\AutopilotSettings"
ENROLLMENTS = r"HKLM\SOFTWARE\Microsoft\Enrollments"
TRACKING = r"HKLM\SOFTWARE\Microsoft\Windows\Autopilot\EnrollmentStatusTracking"
TRACKING_INFO = TRACKING + r"\ESPTrackingInfo\Diagnostics"
NODE_CACHE = r"HKLM\SOFTWARE\Microsoft\Provisioning\NodeCache\CSP\Device\MS DM Server\Nodes"
REBOOT_REQUIRED = r"HKLM\SOFTWARE\Microsoft\Provisioning\OMADM\SyncML\RebootRequired"
DESKTOP_APPS = r"HKLM\SOFTWARE\Microsoft\EnterpriseDesktopAppManagement"
OFFICE = r"HKLM\SOFTWARE\Microsoft\OfficeCSP"
WIN32_APPS = r"HKLM\SOFTWARE\Microsoft\IntuneManagementExtension\Win32Apps"
JOIN_INFO = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo"
ODJ_APPLIED = r"HKLM\SOFTWARE\Microsoft\Provisioning\OMADM\SyncML\ODJApplied"
DOMAIN = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
CDJ = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ"


def _spelling(values: dict[str, Value], name: str) -> str | None:
    """How the value of that name is written in a key; None when there is none."""
    if name in values:
        return name
    folded = name.casefold()
    return next((known for known in values if known.casefold() == folded), None)


class Registry:
    """Keys by path; each key holds named values."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, dict[str, Value]]] = {}

    def dump(self) -> dict[str, dict[str, Value]]:
        """Everything as plain data, in the order of writing; ``load`` makes it again."""
        return {path: dict(values) for path, values in self._keys.values()}

    @classmethod
    def load(cls, data: dict[str, dict[str, Value]]) -> Registry:
        """A registry from what ``dump`` gave."""
        found = cls()
        for key, values in data.items():
            found.create(key)
            found.update(key, values)
        return found

    def set(self, key: str, name: str, value: Value) -> None:
        """Write one value, creating the key."""
        self.update(key, {name: value})

    def update(self, key: str, values: dict[str, Value]) -> None:
        """Write several values of one key; what was spelt in another way is spelt as it is written last."""
        known = self._values(key)
        if known and not values.keys() <= known.keys():
            for name in values:
                spelling = _spelling(known, name)
                if spelling is not None and spelling != name:
                    del known[spelling]
        known.update(values)

    def create(self, key: str) -> None:
        """Create an empty key."""
        self._values(key)

    def get(self, key: str, name: str) -> Value | None:
        """One value, or None."""
        entry = self._keys.get(key.casefold())
        if entry is None:
            return None
        values = entry[1]
        spelling = _spelling(values, name)
        return values[spelling] if spelling is not None else None

    def has(self, key: str) -> bool:
        """Whether the key, or a key below it, exists."""
        folded = key.casefold()
        return folded in self._keys or any(k.startswith(folded + "\\") for k in self._keys)

    def delete(self, key: str) -> None:
        """Remove a key with everything below it."""
        folded = key.casefold()
        for k in [k for k in self._keys if k == folded or k.startswith(folded + "\\")]:
            del self._keys[k]

    def remove(self, key: str, name: str) -> None:
        """Remove one value."""
        entry = self._keys.get(key.casefold())
        if entry is not None:
            entry[1].pop(_spelling(entry[1], name) or name, None)

    def copy(self, key: str, target: str) -> None:
        """Copy a key with everything below it."""
        folded = key.casefold()
        for k in [k for k in self._keys if k == folded or k.startswith(folded + "\\")]:
            path, values = self._keys[k]
            self.update(target + path[len(key) :], values)

    def copy_from(self, other: Registry, key: str) -> None:
        """Take over a key of another registry with everything below it."""
        folded = key.casefold()
        for k, (path, values) in other._keys.items():
            if k == folded or k.startswith(folded + "\\"):
                self._keys[k] = (path, dict(values))

    def keys(self) -> dict[str, dict[str, Value]]:
        """Everything, by key path as first written, sorted."""
        return {path: dict(values) for path, values in (self._keys[k] for k in sorted(self._keys))}

    def _values(self, key: str) -> dict[str, Value]:
        folded = key.casefold()
        entry = self._keys.get(folded)
        if entry is None:
            entry = self._keys[folded] = (key, {})
        return entry[1]
