"""Autopilot deployment profiles and device registrations, as Graph shows them (formats.md 1.1, 1.5, 1.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from .base import Assignable, Base64, Entity, Graph, KeptEmpty

DeviceType = Literal["windowsPc", "surfaceHub2", "holoLens", "surfaceHub2S", "virtualMachine", "unknownFutureValue"]
AssignmentStatus = Literal[
    "unknown", "assignedInSync", "assignedOutOfSync", "assignedUnkownSyncState", "notAssigned", "pending", "failed"
]
EnrollmentState = Literal["unknown", "enrolled", "pendingReset", "failed", "notContacted", "blocked"]
RemediationState = Literal[
    "unknown", "noRemediationRequired", "automaticRemediationRequired", "manualRemediationRequired", "unknownFutureValue"
]


class OutOfBoxExperienceSetting(Graph, frozen=True, kw_only=True):
    """What the setup pages show; the defaults are Graph's."""

    privacy_settings_hidden: bool = False
    eula_hidden: bool = False
    user_type: Literal["administrator", "standard", "unknownFutureValue"] = "administrator"
    device_usage_type: Literal["singleUser", "shared", "unknownFutureValue"] = "singleUser"
    keyboard_selection_page_skipped: bool = False
    escape_link_hidden: bool = False


class WindowsAutopilotDeploymentProfile(Assignable, frozen=True, kw_only=True):
    """A deployment profile; ``hybrid`` tells an activeDirectory... profile from an azureAD... one."""

    hybrid: bool = False
    locale: KeptEmpty = "os-default"
    """A language tag, ``os-default``, or "" when the person chooses."""
    out_of_box_experience_setting: OutOfBoxExperienceSetting = OutOfBoxExperienceSetting()
    hardware_hash_extraction_enabled: bool = False
    device_name_template: str | None = None
    device_type: DeviceType = "windowsPc"
    preprovisioning_allowed: bool = False
    management_service_app_id: str | None = None
    hybrid_azure_ad_join_skip_connectivity_check: bool = msgspec.field(
        default=False, name="hybridAzureADJoinSkipConnectivityCheck"
    )

    @property
    def self_deploying(self) -> bool:
        """Whether nobody signs in during setup (``deviceUsageType`` is ``shared``)."""
        return self.out_of_box_experience_setting.device_usage_type == "shared"

    @property
    def setting_in_force(self) -> OutOfBoxExperienceSetting:
        """What the setup pages really show: self-deploying locks four of the settings (flows.md 3.3 and 4)."""
        saved = self.out_of_box_experience_setting
        if not self.self_deploying:
            return saved
        return msgspec.structs.replace(
            saved, privacy_settings_hidden=True, eula_hidden=True, escape_link_hidden=True, user_type="standard"
        )


class ProfileReference(Graph, frozen=True, kw_only=True):
    """An expanded deploymentProfile of a registration: enough to find the profile."""

    id: str = ""
    display_name: str = ""


class WindowsAutopilotDeviceIdentity(Entity, frozen=True, kw_only=True):
    """A registered device; ``id`` is what ``[ZTDID]`` holds in Entra."""

    group_tag: str | None = None
    purchase_order_identifier: str | None = None
    serial_number: str | None = None
    product_key: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    sku_number: str | None = None
    system_family: str | None = None
    user_principal_name: str | None = None
    addressable_user_name: str | None = None
    display_name: str | None = None
    resource_name: str | None = None
    enrollment_state: EnrollmentState = "unknown"
    last_contacted_date_time: datetime | None = None
    azure_active_directory_device_id: str | None = None
    """The Entra ``deviceId``; also read from ``azureAdDeviceId``; None for the all-zero id."""
    managed_device_id: str | None = None
    """The Intune device; None for the all-zero id, which means not enrolled."""
    deployment_profile_assignment_status: AssignmentStatus = "unknown"
    deployment_profile_assignment_detailed_status: str = "none"
    deployment_profile_assigned_date_time: datetime | None = None
    remediation_state: RemediationState = "unknown"
    remediation_state_last_modified_date_time: datetime | None = None
    userless_enrollment_status: Literal["unknown", "allowed", "blocked", "unknownFutureValue"] = "unknown"
    device_account_upn: str | None = None
    device_friendly_name: str | None = None
    deployment_profile: ProfileReference | None = None
    intended_deployment_profile: ProfileReference | None = None


class ImportState(Graph, frozen=True, kw_only=True):
    """How far an imported record got."""

    device_import_status: Literal["unknown", "pending", "partial", "complete", "error"] = "unknown"
    device_registration_id: str | None = None
    device_error_code: int = 0
    device_error_name: str | None = None


class ImportedWindowsAutopilotDeviceIdentity(Entity, frozen=True, kw_only=True):
    """A record that somebody uploaded to register a device."""

    group_tag: str | None = None
    """Also read from ``orderIdentifier``, its name in older exports."""
    serial_number: str | None = None
    product_key: str | None = None
    import_id: str | None = None
    assigned_user_principal_name: str | None = None
    hardware_identifier: Base64 | None = None
    state: ImportState = ImportState()
