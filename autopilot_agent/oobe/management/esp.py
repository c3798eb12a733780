"""The Enrollment Status Page: what it was told to wait for, read from the CSP tree, and what its rows show.

Behaviour: flows.md 5, protocols.md 14. Nothing here installs anything; the page only looks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from autopilot_agent.clock import MINUTE
from autopilot_agent.device.nodes import key_of
from autopilot_agent.device.registry import SETTINGS
from autopilot_agent.service.uris import LIST_SEPARATOR, SIDECAR, first_sync, scope
from autopilot_agent.service.uris import TRACKING as TRACKING_ROOT

if TYPE_CHECKING:
    from autopilot_agent.device import Device
    from autopilot_agent.oobe.world import World

RESET, TRY_AGAIN, CONTINUE = 1, 2, 4
BUTTONS = ((RESET, "Reset device"), (TRY_AGAIN, "Try again"), (CONTINUE, "Continue anyway"))

TITLES = {
    "tpm": "Securing your hardware",
    "join": "Joining your organization's network",
    "enrol": "Registering your device for mobile management",
    "prepare": "Preparing your device for mobile management",
    "policies": "Security policies",
    "certificates": "Certificates",
    "network": "Network connections",
    "apps": "Apps",
    "registration": "Joining your organization's network",
}
PREPARATION_ROWS = ("tpm", "join", "enrol", "prepare")
SETUP_ROWS = ("policies", "certificates", "network", "apps")
ROW_RULES = {
    "tpm": "ESP-ROW-TPM",
    "join": "ESP-ROW-JOIN",
    "enrol": "ESP-ROW-ENROLL",
    "prepare": "ESP-ROW-PREPARE",
    "policies": "ESP-ROW-POLICIES",
    "certificates": "ESP-ROW-CERTIFICATES",
    "network": "ESP-ROW-NETWORK",
    "apps": "ESP-ROW-APPS",
    "registration": "H11",
}
CATEGORIES = {"preparation": "DevicePreparation", "device": "DeviceSetup", "account": "AccountSetup"}
SUBCATEGORIES = {
    "tpm": "TpmAttestationSubcategory",
    "join": "AadjSubcategory",
    "enrol": "MdmEnrollmentSubcategory",
    "prepare": "EspProviderInstallationSubcategory",
    "policies": "SecurityPoliciesSubcategory",
    "certificates": "CertificatesSubcategory",
    "network": "NetworkConnectionsSubcategory",
    "apps": "AppsSubcategory",
    "registration": "WaitingForAadRegistrationSubcategory",
}
SILENT_ROWS = {
    "preparation": ("InitiateSyncSessions", "SetContinueAnywayButtonVisibility"),
    "device": ("RebootCoalescing", "SendResultsToMdmServer", "SaveWhiteGloveSuccessResult"),
    "account": ("SendResultsToMdmServer",),
}
"""Steps of a category that the page does not show (diagnostics.md 1.3.1)."""

EXPECTED = (
    "ExpectedPolicies",
    "ExpectedNetworkProfiles",
    "ExpectedSCEPCerts",
    "ExpectedPFXCerts",
    "ExpectedMSIAppPackages",
    "ExpectedModernAppPackages",
)
"""The lists by which the server says what to wait for."""

PROVIDER_TIMEOUT_MINUTES = 15

HYBRID_EXTRA = 40 * MINUTE
"""What a device that joins a domain gets on top of the profile's time (rule TIME-HYBRID)."""


class EspSettings(msgspec.Struct, frozen=True, gc=False):
    """FirstSyncStatus as the device holds it; ``timeout`` in milliseconds, ``block`` the bits of BlockInStatusPage.

    ``extra`` is the part of the time-out that comes from joining a domain and stands in no node.
    """

    device_page_shown: bool = False
    user_page_shown: bool = False
    timeout: int = 60 * MINUTE
    block: int = 0
    collect_logs: bool = False
    message: str = ""
    install_quality_updates: bool = False
    target: str = "default"
    extra: int = 0

    @property
    def device_targeted(self) -> bool:
        """Whether a device-targeted ESP profile rules."""
        return self.target == "device"

    @property
    def buttons(self) -> tuple[str, ...]:
        """The choices of the error page: exactly the bits, or just leaving when the page does not block (I-29)."""
        if not self.block:
            return ("Leave the page",)
        return tuple(label for bit, label in BUTTONS if self.block & bit)

    @classmethod
    def read(cls, device: Device) -> EspSettings:
        """Read the nodes; without an enrolment nothing is shown (CSP defaults)."""
        enrolment = device.disk.enrolment
        if enrolment is None:
            return cls()
        extra = HYBRID_EXTRA if device.disk.domain is not None else 0
        skip_device, skip_user, timeout, block, logs, text = device.disk.csp.read_all(_settings(enrolment.provider_id))
        return cls(
            skip_device == "false",
            skip_user == "false",
            int(timeout or 60) * MINUTE + extra,
            int(block or 0),
            logs == "true",
            text or "",
            enrolment.install_quality_updates,
            enrolment.esp_target,
            extra,
        )


class Page:
    """One phase of the page on screen: ``look`` reads the tree and records rows that changed."""

    def __init__(self, device: Device, world: World, phase: str) -> None:
        self.device = device
        self.world = world
        self.phase = phase
        self.rows: dict[str, tuple[str, str]] = {}
        self.code = ""
        self.failed_row = ""
        self.find()
        self._complete = False
        self._told: set[str] = set()
        self._lists: dict[str, tuple[str, ...]] = {}
        self._open = list(SETUP_ROWS)
        self._tracked: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = ()
        self._tracked_shape = -1

    def find(self) -> None:
        """Look where the management server writes: it is not known before the device is enrolled."""
        enrolment = self.device.disk.enrolment
        provider = enrolment.provider_id if enrolment else ""
        found = _addresses(provider, self.phase)
        self.root, self._dummy, self._apps_key = found.root, found.dummy, found.apps_key
        self._finished_key, self._list_keys = found.finished_key, found.list_keys

    def show(self, row: str, state: str, text: str, rule: str = "") -> None:
        """Put a row into a state; recorded only when it is news."""
        shown = (state, text)
        if self.rows.get(row) != shown or (rule == "ESP-FOREIGN-MDM" and rule not in self._told):
            self.rows[row] = shown
            self._told.add(rule)
            self.world.row(self.phase, TITLES[row], state, text, rule or ROW_RULES[row])

    def look(self) -> str:
        """``done``, ``failed`` or ``waiting``; a finished row is not looked at again.

        No row is finished before the server has said that its lists are complete: until then even an empty list may grow.
        """
        complete = self._complete
        if not complete:
            complete = self.device.disk.csp.values.get(self._finished_key) == "true"
            self._complete = complete
        for row in list(self._open):
            state, text, rule = self._row(row)
            if state == "succeeded" and not complete:
                state, text, rule = "inProgress", text.replace("No setup needed", "Identifying"), "ESP-SERVER-DONE"
            self.show(row, state, text, rule)
            if state == "succeeded":
                self._open.remove(row)
            elif state == "failed":
                self.fail(row)
                return "failed"
        return "done" if complete and not self._open else "waiting"

    def fail(self, row: str, code: str = "", rule: str = "") -> None:
        """A row failed: the rows after it show that a previous step did."""
        self.failed_row = row
        if code:
            self.code = code
            self.show(row, "failed", f"{TITLES[row]} ({code})", rule)
        rows = PREPARATION_ROWS if self.phase == "preparation" else ("registration", *SETUP_ROWS)
        for later in rows[rows.index(row) + 1 :]:
            if self.rows.get(later, ("", ""))[0] != "succeeded":
                self.show(later, "failedFromPreviousSubcategory", f"{TITLES[later]} (Previous step failed)", "ESP-ROW-STATES")

    def first_open(self) -> str:
        """The row that a time-out is blamed on."""
        return self._open[0] if self._open else "apps"

    def store(self, state: str) -> None:
        """Write the category's status as the page keeps it in the registry (diagnostics.md 1.3.1)."""
        category = CATEGORIES[self.phase]
        status = _category_status(self.phase, state, tuple(self.rows.items()))
        registry = self.device.disk.registry
        registry.set(SETTINGS, f"{category}Category.Status", status)
        if state == "failed":
            for later in tuple(CATEGORIES.values())[tuple(CATEGORIES).index(self.phase) + 1 :]:
                registry.set(SETTINGS, f"{later}Category.Status", '{"categoryState":"failedFromPreviousCategory"}')

    # One method a row: (state, text, rule).

    def _row(self, row: str) -> tuple[str, str, str]:
        if row == "apps":
            return self._apps()
        if row == "policies":
            wanted = self._list("ExpectedPolicies") or (self._dummy,)
            done = sum(1 for uri in wanted if self.device.disk.csp.exists(uri))
            return _progress(row, done, len(wanted), "applied")
        if row == "network":
            wanted = self._list("ExpectedNetworkProfiles")
            return _progress(row, sum(1 for uri in wanted if self.device.disk.csp.exists(uri)), len(wanted), "added")
        return self._certificates()

    def _certificates(self) -> tuple[str, str, str]:
        read = self.device.disk.csp.read
        done, wanted = 0, 0
        for uri in self._list("ExpectedSCEPCerts"):
            wanted += 1
            status = read(uri + "/Status")
            done += status == "1"
            if status == "16":
                self.code = f"0x{int(read(uri + '/ErrorCode') or 0) & 0xFFFFFFFF:08X}"
                return "failed", f"Certificates ({self.code})", ""
        for uri in self._list("ExpectedPFXCerts"):
            wanted += 1
            done += read(uri + "/Status") == "0"
        return _progress("certificates", done, wanted, "applied")

    def _apps(self) -> tuple[str, str, str]:
        csp = self.device.disk.csp
        done, wanted = 0, 0
        for item in self._list("ExpectedMSIAppPackages"):
            wanted += 1
            node = item.partition(";")[0]
            status = csp.read(node)
            done += status == "70"
            if status in ("60", "30"):
                return self._app_failed(node.rsplit("/", 2)[1])
        for item in self._list("ExpectedModernAppPackages"):
            wanted += 1
            node = item.partition(";")[0]
            status = csp.read(node)
            done += status == "3"
            if status == "2":
                return self._app_failed(node.rsplit("/", 2)[1])
        values, providers = csp.values, self._providers()
        for created, _, apps in providers:
            if values.get(created) != "true":
                return "inProgress", "Apps (Identifying)", "ESP-IDENTIFYING"
            wanted += len(apps)
            for key, app in apps:
                state = values.get(key)
                if state == "3":
                    done += 1
                elif state == "4":
                    return self._app_failed(app.removeprefix("Win32App_").rpartition("_")[0])
        if providers and all(provider != SIDECAR for _, provider, _ in providers):
            return "inProgress", "Apps (Identifying)", "ESP-FOREIGN-MDM"
        return _progress("apps", done, wanted, "installed")

    def _providers(self) -> tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]:
        """Each provider: the key that says its list is there, its name, and key of the state and name of each of its apps.

        Found again only after nodes came or went; the states themselves change far more often.
        """
        csp = self.device.disk.csp
        if csp.shape != self._tracked_shape:
            self._tracked_shape = csp.shape
            self._tracked = tuple(
                (
                    key + "/trackingpoliciescreated",
                    provider,
                    tuple(
                        (app_key + "/installationstate", app)
                        for app_key, app in csp.child_keys(f"{self._apps_key}/tracking/{provider.casefold()}")
                    ),
                )
                for key, provider in csp.child_keys(self._apps_key + "/policyproviders")
            )
        return self._tracked

    def _app_failed(self, app: str) -> tuple[str, str, str]:
        """The code that the row shows is the one of the app that failed."""
        found = self.device.disk.apps.get(unquote(app))
        code = found.code if found is not None else ""
        self.code = f"0x{0x80070000 | int(code):08X}" if code.isdigit() else code or "0x80004005"
        return "failed", f"Apps ({self.code})", "APP-STOP"

    def _list(self, name: str) -> tuple[str, ...]:
        """An Expected list; it cannot change any more once the server has finished (protocols.md 13.4)."""
        found = self._lists.get(name)
        if found is None:
            value = self.device.disk.csp.values.get(self._list_keys[name])
            found = tuple(part for part in value.split(LIST_SEPARATOR) if part) if value else ()
            if self._complete:
                self._lists[name] = found
        return found


@lru_cache(maxsize=256)
def _category_status(phase: str, state: str, rows: tuple[tuple[str, tuple[str, str]], ...]) -> str:
    """A category's status as JSON; pages of different devices end alike."""
    category = CATEGORIES[phase]
    status: dict[str, object] = {
        "categoryState": state,
        "categoryStatusText": {"succeeded": "Complete", "failed": "Failed"}.get(state, "Working on it..."),
    }
    for row, (row_state, text) in rows:
        status[f"{category}.{SUBCATEGORIES[row]}"] = {"subcategoryState": row_state, "subcategoryStatusText": text}
    for row in SILENT_ROWS[phase]:
        text = f"{category}.{row} (Previous step failed)" if state == "failed" else state
        silent = "failedFromPreviousSubcategory" if state == "failed" else state
        status[f"{category}.{row}"] = {"subcategoryState": silent, "subcategoryStatusText": text}
    return msgspec.json.encode(status).decode()


@lru_cache(maxsize=64)
def _settings(provider: str) -> tuple[str, ...]:
    """The nodes that ``EspSettings`` reads, in its order."""
    names = (
        "SkipDeviceStatusPage",
        "SkipUserStatusPage",
        "TimeOutUntilSyncFailure",
        "BlockInStatusPage",
        "AllowCollectLogsButton",
        "CustomErrorText",
    )
    return tuple(f"{first_sync(provider)}/{name}" for name in names)


class _Addresses(msgspec.Struct, frozen=True):
    """Where a page looks: FirstSyncStatus, the node that stands in for a missing list of policies, and keys of the tree."""

    root: str
    dummy: str
    apps_key: str
    finished_key: str
    list_keys: dict[str, str]


@lru_cache(maxsize=64)
def _addresses(provider: str, phase: str) -> _Addresses:
    root = first_sync(provider, user=phase == "account")
    key = key_of(root)
    return _Addresses(
        root,
        first_sync(provider).rpartition("/")[0] + "/EntDMID",
        key_of(f"{scope(phase)}/{TRACKING_ROOT}/Setup/Apps"),
        key + "/serverhasfinishedprovisioning",
        {name: f"{key}/{name.casefold()}" for name in EXPECTED},
    )


def _progress(row: str, done: int, wanted: int, word: str) -> tuple[str, str, str]:
    title = TITLES[row]
    if not wanted:
        return "succeeded", f"{title} (No setup needed)", ""
    state = "succeeded" if done >= wanted else "inProgress"
    return state, f"{title} ({done} of {wanted} {word})", ""
