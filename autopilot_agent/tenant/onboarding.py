"""Answers before sign-in: connectivity, time, the Autopilot profile, activation, Windows Update, log upload."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.network import (
    Activate,
    CloudAssignedProfile,
    DownloadProfile,
    GetDeviceTicket,
    NetworkTime,
    ProbeConnectivity,
    ScanForUpdates,
    SynchronizeTime,
    UpdatesFound,
    UploadDiagnostics,
)
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile, WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.registration import attention_required, groups_of, profile_of
from autopilot_agent.tenant.state import OTHER_TENANT, Handlers, TenantState

INTUNE = "0000000a-0000-0000-c000-000000000000"
OTHER_DOMAIN = "former-owner.example"
DONE = Done()
USER_SELECTS = ("", "user-select", "user_select")


def download_profile(state: TenantState, call: DownloadProfile, now: int) -> CloudAssignedProfile:
    """The profile of a registered device (flows.md 2.1 and 2.6; formats.md 1.4)."""
    conditions = state.conditions
    identity = state.find_identity(call.serial_number)
    mismatch = _mismatch(state, call, identity)
    if mismatch:
        state.mismatched.add(call.serial_number)
        raise ServiceFault("908", mismatch, "F-05")
    state.mismatched.discard(call.serial_number)
    if conditions.registered_elsewhere:
        return _of_another_tenant(state)
    if identity is None:
        state.explain("REQ-REGISTRATION", f"Nobody registered {call.serial_number}: there is no profile for it.")
        raise ServiceFault("807", "ZtdDeviceIsNotRegistered", "F-02")
    if not state.fits(call.serial_number, call.hardware_hash):
        attention_required(state, call.serial_number)
        raise ServiceFault("908", "SerialNumberMismatch: the board is not the registered one", "F-89")
    if identity.remediation_state in ("automaticRemediationRequired", "manualRemediationRequired"):
        raise ServiceFault("908", "the hardware changed: it must be registered again", "F-89")
    if conditions.profile_missing:
        raise ServiceFault("815", "ZtdDeviceHasNoAssignedProfile", "F-03")
    if conditions.profile_deleted:
        raise ServiceFault("809", "ZtdDeviceHasNoAssignedProfile: the assigned profile no longer exists", "F-04")
    pending = conditions.profile_pending_until
    if (pending is not None and now < pending) or identity.deployment_profile_assignment_status == "pending":
        return CloudAssignedProfile()
    registration = state.registrations.get(call.serial_number)
    if registration is not None and now < registration.wiped_until:
        state.explain("RST-HYBRID-WAIT", "The device was wiped less than 24 hours ago: the service has no profile for it yet.")
        raise ServiceFault("815", "ZtdDeviceHasNoAssignedProfile", "F-03")
    grouping = (
        registration is not None
        and now < registration.assigned_at
        and identity.deployment_profile_assignment_status == "notAssigned"
    )
    groups = groups_of(state, identity)
    profile, explicit = (None, False) if grouping else profile_of(state, identity, groups)
    if profile is None:
        raise ServiceFault("815", "ZtdDeviceHasNoAssignedProfile", "F-03")
    _explain_choice(state, profile, identity, groups, explicit=explicit)
    return as_downloaded(state, profile, identity, explicit=explicit)


def _mismatch(state: TenantState, call: DownloadProfile, identity: WindowsAutopilotDeviceIdentity | None) -> str:
    """What of the firmware's data is not as it was registered, in the service's word; "" for nothing."""
    if state.conditions.registration_mismatch:
        return "SerialNumberMismatch"
    other_key = identity is not None and identity.product_key and call.product_key and identity.product_key != call.product_key
    return "ProductKeyIdMismatch" if other_key else ""


def _of_another_tenant(state: TenantState) -> CloudAssignedProfile:
    """What a device gets that its former owner never released: that owner's profile, of which we know only whose it is."""
    return CloudAssignedProfile(
        ztd_registration_id=state.guid("registration of another tenant"),
        cloud_assigned_tenant_id=OTHER_TENANT,
        cloud_assigned_tenant_domain=OTHER_DOMAIN,
        cloud_assigned_mdm_id=INTUNE,
        cloud_assigned_oobe_config=8 + 256,
        cloud_assigned_forced_enrollment=1,
        deployment_profile_name="The former owner's profile",
    )



def _explain_choice(
    state: TenantState,
    profile: WindowsAutopilotDeploymentProfile,
    identity: WindowsAutopilotDeviceIdentity,
    groups: frozenset[str],
    *,
    explicit: bool,
) -> None:
    """Say what decided between profiles, where there was something to decide."""
    if identity.display_name and not profile.hybrid:
        state.explain("SET-DEVICE-NAME", f"The registration itself names the device: {identity.display_name}.")
    if profile.setting_in_force != profile.out_of_box_experience_setting:
        state.explain("SET-LOCKS", f"{profile.display_name} is self-deploying: pages stay hidden and users are standard users.")
    rivals = state.targeting.rivals(groups)
    if len(rivals) > 1:
        state.explain("SET-CONFLICT", f"{len(rivals)} profiles reach the device; the oldest, {profile.display_name}, counts.")
    lines = profile.assignments
    if not explicit and any(line.kind == "exclusionGroup" for line in lines):
        state.explain("SET-EXCLUSIONS", f"{profile.display_name} is for all devices: its excluded groups do not count.")


def as_downloaded(
    state: TenantState,
    profile: WindowsAutopilotDeploymentProfile,
    identity: WindowsAutopilotDeviceIdentity,
    *,
    explicit: bool,
) -> CloudAssignedProfile:
    """A deployment profile as the device receives it (flows.md 2.4 and 2.5)."""
    forced = int(profile.setting_in_force.escape_link_hidden)
    name = "" if profile.hybrid else identity.display_name or profile.device_name_template or ""
    upn = identity.user_principal_name or ""
    config = {
        "CloudAssignedTenantUpn": upn,
        "CloudAssignedDeviceName": name,
        "ForcedEnrollment": forced,
        "CloudAssignedTenantDomain": state.domain,
    }
    return CloudAssignedProfile(
        autopilot_service_correlation_id=state.guid("service correlation"),
        ztd_registration_id=identity.id,
        aad_device_id=identity.azure_active_directory_device_id or state.guid("entra device"),
        cloud_assigned_tenant_id=state.tenant_id,
        cloud_assigned_tenant_domain=state.domain,
        cloud_assigned_tenant_upn=upn,
        cloud_assigned_mdm_id=INTUNE,
        cloud_assigned_oobe_config=oobe_config(profile) | (TPM_REQUIRED if profile.self_deploying else 0),
        cloud_assigned_domain_join_method=int(profile.hybrid),
        cloud_assigned_forced_enrollment=forced,
        cloud_assigned_device_name=name,
        cloud_assigned_language="" if profile.locale in USER_SELECTS else profile.locale,
        cloud_assigned_region="" if profile.locale in USER_SELECTS else profile.locale,
        cloud_assigned_autopilot_update_disabled=int(not state.conditions.autopilot_update_node),
        cloud_assigned_aad_server_data=msgspec.json.encode({"ZeroTouchConfig": config}).decode(),
        hybrid_join_skip_dc_connectivity_check=int(profile.hybrid_azure_ad_join_skip_connectivity_check),
        deployment_profile_name=profile.display_name or "",
        is_explicit_profile_assignment=explicit,
    )


TPM_REQUIRED = 128
"""Only the service sets this bit: its self-deploying profiles are 510 and 1534 where they are seen (diagnostics.md 1.1.1)."""


def oobe_config(profile: WindowsAutopilotDeploymentProfile) -> int:
    """The bit field of ``CloudAssignedOobeConfig`` as exporters write it (formats.md 2.3): bits 8 and 256 are always set."""
    setting = profile.setting_in_force
    bits = 8 + 256
    bits += 2 if setting.user_type == "standard" else 0
    bits += 4 if setting.privacy_settings_hidden else 0
    bits += 16 if setting.eula_hidden else 0
    bits += 1024 if setting.keyboard_selection_page_skipped else 0
    bits += 32 + 64 if profile.self_deploying else 0
    return bits


def scan(state: TenantState, call: ScanForUpdates, now: int) -> UpdatesFound:
    """What Windows Update offers and the device does not have."""
    offered = {"critical": state.critical, "quality": state.quality, "autopilot": state.autopilot}.get(call.kind, ())
    return UpdatesFound(tuple(update for update in offered if update.kb not in call.installed))


def upload(state: TenantState, call: UploadDiagnostics, now: int) -> Done:
    """Keep count of uploaded logs."""
    state.diagnostics += 1
    return DONE


def done(state: TenantState, call: Any, now: int) -> Done:
    """Calls that have nothing to decide."""
    return DONE


HANDLERS: Handlers = {
    ProbeConnectivity: done,
    SynchronizeTime: lambda state, call, now: NetworkTime(),
    GetDeviceTicket: done,
    DownloadProfile: download_profile,
    Activate: done,
    ScanForUpdates: scan,
    UploadDiagnostics: upload,
}
