"""One tenant during one run: what administrators configured (never changed) and what happened to it since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from autopilot_agent.device.hardware_hash import WrongHash, read_hash
from autopilot_agent.service.base import Answer, Call
from autopilot_agent.service.management import Commands
from autopilot_agent.service.network import Update
from autopilot_agent.tenant.active_directory import ActiveDirectory
from autopilot_agent.tenant.graph.data import TenantData
from autopilot_agent.tenant.graph.directory import EntraDevice, User
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile, WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.targeting import Assigned, AssignedApp, AssignedPolicy, FilterFacts, Targeting

RESET_STATUS = "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/Status"
RESET_ERROR = "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/LastError"

OTHER_TENANT = "0ffed0de-0000-4000-8000-000000000001"
"""Tenant id of everybody whose domain is not this tenant's."""


Handlers = dict[type[Call[Any]], Callable[["TenantState", Any, int], Answer]]
"""Which function answers which call."""


class OtherMdm(msgspec.Struct, frozen=True):
    """How an MDM that is not Intune treats the status page; see ``OtherMdmSpec`` in scenario/parts.py."""

    hold: bool = True
    ready: bool = True
    finishes: bool = True


class Conditions(msgspec.Struct, frozen=True):
    """State that no export shows; see ``CloudSpec`` in scenario/model.py. ``profile_pending_until`` in milliseconds."""

    joined_devices: int = 0
    enrolled_devices: int = 0
    federated: bool = False
    mfa: bool = False
    terms_of_use: str = ""
    terms_of_use_broken: bool = False
    licence_lost_after_enrolment: bool = False
    profile_deleted: bool = False
    profile_pending_until: int | None = None
    registration_mismatch: bool = False
    device_already_enrolled: bool = False
    profile_missing: bool = False
    stale_registered_object: bool = False
    registered_elsewhere: bool = False
    autopilot_update_node: bool = False
    registered_by: str = "administrator"
    other_mdm: OtherMdm | None = None


class Registration(msgspec.Struct):
    """One device of the Autopilot service as it stands now. Times are virtual milliseconds.

    ``hardware_hash`` is "" where any hardware with the serial number will do (an export does not show the hash);
    ``listed_at`` and ``assigned_at`` are when the service knows the device, and when it has a profile for it. ``groups`` are
    those that the service still goes by while a change is on its way (None: the present ones); ``profile_id`` is a profile
    that an administrator assigned to this device by itself.
    """

    identity: WindowsAutopilotDeviceIdentity
    hardware_hash: str = ""
    listed_at: int = 0
    assigned_at: int = 0
    wiped_until: int = 0
    groups: frozenset[str] | None = None
    profile_id: str = ""


class EnrolledDevice(msgspec.Struct):
    """What Intune knows about one enrolment. ``user_id`` is who is at work there, ``primary_user`` whose device it is.

    ``orders`` are remote actions that wait for the device, ``actions`` what became of each (pending, done, failed, canceled,
    notSupported). ``cleared`` counts how often a reset took the primary user away; ``first_apps`` were for those who were at
    work before.
    """

    enrolment_id: str
    ent_dm_id: str
    device_id: str
    device_name: str
    serial_number: str
    user_id: str
    os_build: int
    device_groups: frozenset[str]
    user_groups: frozenset[str]
    assigned: Assigned
    profile: WindowsAutopilotDeploymentProfile | None
    sent: set[str] = msgspec.field(default_factory=set)
    pending: list[Commands] = msgspec.field(default_factory=list)
    asked: dict[int, str] = msgspec.field(default_factory=dict)
    facts: dict[str, str] = msgspec.field(default_factory=dict)
    next_command: int = 1
    sessions: int = 0
    failed_commands: dict[str, int] = msgspec.field(default_factory=dict)
    app_results: dict[str, str] = msgspec.field(default_factory=dict)
    device_setup: str = "inProgress"
    account_setup: str = "notAttempted"
    user_phase_began: bool = False
    primary_user: str = ""
    technician: bool = False
    registration_id: str = ""
    facts_for_filters: FilterFacts | None = None
    offline_correlation: str = ""
    other_mdm: str = ""
    orders: list[str] = msgspec.field(default_factory=list)
    actions: dict[str, str] = {}
    enrolled_by: str = ""
    cleared: int = 0
    domain_join: bool = False
    blob_asked_at: int | None = None
    userless: bool = False
    preprovisioned: bool = False
    first_apps: list[AssignedApp] = []
    compliance: str = "unknown"

    @property
    def esp(self) -> EspConfiguration:
        """The Enrollment Status Page that applies."""
        return self.assigned.esp

    @property
    def esp_target(self) -> str:
        """By what it applies: device, user or default."""
        return self.assigned.esp_target

    @property
    def apps(self) -> list[AssignedApp]:
        """The apps that reach the device or its user."""
        return self.assigned.apps

    @property
    def policies(self) -> list[AssignedPolicy]:
        """The policies that reach the device or its user."""
        return self.assigned.policies


RECORDED = frozenset((
    "joined_devices", "join_type", "managed_devices", "hello_keys", "recovery_keys", "diagnostics_uploads", "sign_ins",
    "registered_devices", "import_errors", "sync_answers", "device_name", "enrollmentType", "enrollmentProfileName",
    "windowsAutopilotDeploymentProfileDisplayName", "windows10EnrollmentCompletionPageConfigurationDisplayName",
    "deviceSetupStatus", "accountSetupStatus", "deploymentState", "app_results", "failed_commands", "sessions",
    "primaryUser", "owner", "report_rows", "remote_actions", "reset_status", "reset_error", "complianceState",
    "deploymentProfileAssignmentStatus", "remediationState", "groupTag", "userPrincipalName", "hybrid_devices",
    "computer_objects", "organizational_units", "odj_connector_log",
))  # fmt: skip
"""Everything that ``TenantState.recorded`` can name."""


class TenantState:
    """The cloud of one run. ``guid(*names)`` makes ids from the run's seed."""

    def __init__(
        self,
        data: TenantData,
        targeting: Targeting,
        *,
        guid: Callable[..., str],
        conditions: Conditions = Conditions(),
        identity: WindowsAutopilotDeviceIdentity | None = None,
        hardware_hash: str = "",
        unregistered: str = "",
        users: tuple[User, ...] = (),
        critical: tuple[Update, ...] = (),
        quality: tuple[Update, ...] = (),
        autopilot: tuple[Update, ...] = (),
        assumptions: dict[str, str] | None = None,
    ) -> None:
        self.data = data
        self.targeting = targeting
        self.guid = guid
        self.conditions = conditions
        self.registrations: dict[str, Registration] = {}
        if identity is not None and identity.serial_number:
            self.registrations[identity.serial_number] = Registration(identity, hardware_hash)
        self.unregistered = {unregistered} - {""}
        self.mismatched: set[str] = set()
        self.deleted_objects: set[str] = set()
        self.used_registrations: set[str] = set()
        self.left_over: list[str] = []
        self.synced_at: int | None = None
        self.sync_answers: list[int] = []
        self.import_errors: list[str] = []
        self.history: list[EnrolledDevice] = []
        self.made: dict[tuple[str, ...], int] = {}
        self.critical = critical
        self.quality = quality
        self.autopilot = autopilot
        self.assumptions = assumptions or {}
        self.tell: Callable[[str, str], None] = _nobody
        self.told: set[str] = set()
        self.joined: dict[str, EntraDevice] = {}
        self.owners: dict[str, str] = {}
        self.hybrid: dict[str, EntraDevice] = {}
        self.active_directory = ActiveDirectory()
        self.enrolled: dict[str, EnrolledDevice] = {}
        self.hello_keys = 0
        self.recovery_keys = 0
        self.diagnostics = 0
        self.sign_ins: list[str] = []
        self._extra = {name.casefold(): user for user in users for name in (user.id, user.user_principal_name)}
        organization = data.organization
        self.tenant_id = organization.id if organization and organization.id else self.guid("tenant")
        self.domain, self.domains = _domains(data, users) if users else _known_domains(data)
        self.display_name = organization.display_name if organization else ""

    def user(self, name: str) -> User | None:
        """A user by id or user principal name."""
        return self._extra.get(name.casefold()) or self.targeting.user(name)

    def everybody(self) -> tuple[User, ...]:
        """All users: the tenant's, and those that the run brought along."""
        return (*self.data.users, *dict.fromkeys(self._extra.values()))

    def find_identity(self, serial_number: str, hardware_hash: str = "") -> WindowsAutopilotDeviceIdentity | None:
        """The registration that this hardware matches: the run's own, or one of the tenant by serial number; None without."""
        if serial_number in self.unregistered or self.conditions.registration_mismatch:
            return None
        known = self.registrations.get(serial_number)
        if known is not None:
            return known.identity if self.fits(serial_number, hardware_hash) else None
        for one in self.data.windows_autopilot_device_identities:
            if one.serial_number == serial_number:
                return one
        return None

    def fits(self, serial_number: str, hardware_hash: str) -> bool:
        """Whether a hash comes from the board that was registered with this serial number; true where nothing is known."""
        known = self.registrations.get(serial_number)
        if known is None or not known.hardware_hash or not hardware_hash or known.hardware_hash == hardware_hash:
            return True
        try:
            return read_hash(known.hardware_hash).same_board(read_hash(hardware_hash))
        except WrongHash:
            return True

    @property
    def identity(self) -> WindowsAutopilotDeviceIdentity | None:
        """The registration that the run began with, as it stands now; None without."""
        return next((one.identity for one in self.registrations.values()), None)

    def replace_data(self, data: TenantData, targeting: Targeting) -> None:
        """An administrator changed resources; what devices hold already stays as it is."""
        self.data, self.targeting = data, targeting

    def explain(self, rule: str, text: str) -> None:
        """Say why the cloud decides as it does, once; whoever reads the run along sees it."""
        if text not in self.told:
            self.told.add(text)
            self.tell(rule, text)

    def unique(self, *names: str) -> str:
        """An id by its names; the second and later ones of the same names differ."""
        found = self.made.get(names, 0)
        self.made[names] = found + 1
        return self.guid(*names, found) if found else self.guid(*names)

    def entra_object(self, identity: WindowsAutopilotDeviceIdentity) -> EntraDevice | None:
        """The Entra device object that the registration made, if an export shows it."""
        wanted = identity.azure_active_directory_device_id
        if not wanted:
            return None
        return next((one for one in self.data.devices if wanted in (one.device_id, one.id)), None)

    def recorded(self) -> dict[str, object]:
        """What an administrator would find in the portal afterwards; the vocabulary is flows.md 7.7."""
        device = self.history[-1] if self.history else None
        found: dict[str, object] = {
            "joined_devices": len(self.joined),
            "join_type": self._join_type(),
            "managed_devices": len(self.enrolled),
            "hello_keys": self.hello_keys,
            "recovery_keys": self.recovery_keys,
            "diagnostics_uploads": self.diagnostics,
            "sign_ins": list(self.sign_ins),
            "registered_devices": len(self.registrations),
            "import_errors": list(self.import_errors),
            "sync_answers": list(self.sync_answers),
        }
        identity = self.identity
        if identity is not None:
            found["deploymentProfileAssignmentStatus"] = identity.deployment_profile_assignment_status
            found["remediationState"] = identity.remediation_state
            found["groupTag"] = identity.group_tag or ""
            found["userPrincipalName"] = identity.user_principal_name or ""
        if self.active_directory.computers or self.active_directory.log:
            made = self.active_directory.computers.values()
            found["hybrid_devices"] = len(self.hybrid)
            found["computer_objects"] = [one.name for one in made]
            found["organizational_units"] = [one.organizational_unit for one in made]
            found["odj_connector_log"] = list(self.active_directory.log)
        if device is not None:
            found.update(
                {
                    "device_name": device.device_name,
                    "enrollmentType": enrollment_type(device),
                    "enrollmentProfileName": enrollment_profile_name(device.profile, device.offline_correlation) or "",
                    "windowsAutopilotDeploymentProfileDisplayName": device.profile.display_name if device.profile else "",
                    "windows10EnrollmentCompletionPageConfigurationDisplayName": device.esp.display_name,
                    "deviceSetupStatus": device.device_setup,
                    "accountSetupStatus": device.account_setup,
                    "deploymentState": deployment_state(device),
                    "app_results": dict(device.app_results),
                    "failed_commands": dict(device.failed_commands),
                    "sessions": device.sessions,
                    "primaryUser": self._name_of(device.primary_user),
                    "owner": self._name_of(self.owners.get(device.device_id, "")),
                    "report_rows": len(self.history),
                    "remote_actions": dict(device.actions),
                    "reset_status": device.facts.get(RESET_STATUS, ""),
                    "reset_error": device.facts.get(RESET_ERROR, ""),
                    "complianceState": device.compliance,
                }
            )
        return found

    def _name_of(self, user_id: str) -> str:
        user = self.user(user_id) if user_id else None
        return user.user_principal_name if user is not None else "none"

    def _join_type(self) -> str:
        """What the portal shows; a registered object that was kept hides the join (rule F-110)."""
        if not self.joined:
            return "hybrid" if self.hybrid else "none"
        return "registered" if self.conditions.stale_registered_object else "joined"


def build_of(os_version: str) -> int:
    """The build in a version such as 10.0.26100.1; 0 where there is none."""
    parts = os_version.split(".")
    return int(parts[2][:9]) if len(parts) > 2 and parts[2].isascii() and parts[2].isdecimal() else 0


OFFLINE_NAME = "OfflineAutopilotprofile-"


def enrollment_profile_name(profile: WindowsAutopilotDeploymentProfile | None, correlation: str) -> str | None:
    """What Entra and Intune show as the device's enrollmentProfileName: the assigned profile wins over a file (rule X5)."""
    if profile is not None:
        return profile.display_name
    return OFFLINE_NAME + correlation if correlation else None


def deployment_state(device: EnrolledDevice) -> str:
    """How the deployment report sums up the two setups."""
    states = (device.device_setup, device.account_setup)
    return "failure" if "failure" in states else "success" if "success" in states else "inProgress"


def enrollment_type(device: EnrolledDevice) -> str:
    """How the deployment report names the enrolment (flows.md 7.7)."""
    if device.offline_correlation:
        join = "offlineDomainJoined" if device.domain_join else "azureADJoined"
        return join + "WithOfflineAutopilotProfile"
    if device.profile is None:
        return "azureADJoinedUsingDeviceAuthWithoutAutopilotProfile" if device.userless else "unknown"
    if device.preprovisioned:
        return "offlineDomainJoinedWithWhiteGlove" if device.domain_join else "azureADJoinedWithWhiteGlove"
    if device.userless:
        return "azureADJoinedUsingDeviceAuthWithAutopilotProfile"
    return "offlineDomainJoined" if device.domain_join else "azureADJoinedWithAutopilotProfile"


def _nobody(rule: str, text: str) -> None:
    pass


_remembered: dict[int, tuple[TenantData, tuple[str, frozenset[str]]]] = {}


def _known_domains(data: TenantData) -> tuple[str, frozenset[str]]:
    """``_domains`` of a tenant that many runs share, worked out once."""
    found = _remembered.get(id(data))
    if found is None or found[0] is not data:
        if len(_remembered) > 256:
            _remembered.clear()
        found = _remembered[id(data)] = (data, _domains(data, ()))
    return found[1]


def _domains(data: TenantData, users: tuple[User, ...]) -> tuple[str, frozenset[str]]:
    """The tenant's main domain, and all it owns; from its users when no organization was exported."""
    organization = data.organization
    if organization and organization.verified_domains:
        names = [one.name.casefold() for one in organization.verified_domains]
        return organization.default_domain or names[0], frozenset(names)
    found = [user.user_principal_name.rpartition("@")[2].casefold() for user in (*data.users, *users)]
    names = list(dict.fromkeys(name for name in found if name))
    return (names[0] if names else "contoso.example"), frozenset(names)
