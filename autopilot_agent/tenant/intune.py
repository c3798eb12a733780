"""Answers of Intune's enrolment service: who may enrol, with which page and which groups."""

from __future__ import annotations

from msgspec import structs

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, Enrolled, EnrollMdm, EnrolmentService
from autopilot_agent.service.uris import first_sync
from autopilot_agent.tenant import other_mdm
from autopilot_agent.tenant.commands import PROVIDER
from autopilot_agent.tenant.directory import blocked_by
from autopilot_agent.tenant.explanations import explain_enrolment
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.graph.enrollment import EspConfiguration, PlatformRestriction
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile, WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.graph.reach import FilterFacts
from autopilot_agent.tenant.registration import groups_of, profile_of
from autopilot_agent.tenant.state import EnrolledDevice, Handlers, TenantState, build_of, enrollment_profile_name
from autopilot_agent.tenant.targeting import Assigned

MANAGEMENT_URL = "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx"
ENROLMENT_PATH = "/EnrollmentServer/DeviceEnrollmentWebService.svc"
ENROLMENT_URL = f"https://enrollment.manage.microsoft.com{ENROLMENT_PATH}"
HOME_EDITIONS = (100, 101)
SKU_NAMES = {
    48: "Professional", 4: "Enterprise", 121: "Education", 101: "Core", 125: "EnterpriseS", 164: "ProfessionalEducation",
}  # fmt: skip

NOT_ROUTABLE = (".local", ".lan", ".internal", ".corp", ".intranet")


def discover(state: TenantState, call: DiscoverEnrolment, now: int) -> EnrolmentService:
    """MS-MDE2 discovery; a sign-in name of a domain that exists inside the organisation only leads nowhere (F-29)."""
    if call.user_name.casefold().endswith(NOT_ROUTABLE):
        raise ServiceFault("0x8018002B", f"{call.user_name} is not routable: no MDM can be found for it", "F-29")
    host = other_mdm.host_of(call.discovery_url)
    if not host or host.endswith(".microsoft.com"):
        return EnrolmentService(ENROLMENT_URL)
    return EnrolmentService(f"https://{host}{ENROLMENT_PATH}")  # another MDM enrols at its own host


def enrol(state: TenantState, call: EnrollMdm, now: int) -> Enrolled:
    """Automatic enrolment with an Entra token (flows.md U6); every refusal has its code (section 9)."""
    user = state.user(call.user_id) if call.user_id else None
    if user is not None:
        other = other_mdm.other_mdm_of(state, user)
        if other is not None:
            return other_mdm.enrol(state, call, other, user)
        _refuse(state, call, user)
    elif call.user_id:
        raise ServiceFault("0x80180002", "the user of the token is not known", "F-97")
    _name_object(state, call)
    device_groups = _device_groups(state, call)
    identity = state.find_identity(call.serial_number, call.hardware_hash) if call.registration_id else None
    profile = None
    if identity is not None:
        profile, _ = profile_of(state, identity, device_groups)
    if user is None:
        _refuse_device(state, call, identity, profile)
        state.used_registrations.add(call.registration_id)
    user_groups = state.targeting.user_groups(user) if user is not None else None
    facts = FilterFacts(
        os_version=call.os_version,
        operating_system_sku=SKU_NAMES.get(call.edition, "Enterprise"),
        enrollment_profile_name=enrollment_profile_name(profile, call.offline_correlation),
        model=call.model,
        manufacturer=call.manufacturer,
        device_name=call.device_name,
        device_ownership="Corporate" if _owned(state, call) else "Personal",
    )
    assigned = state.targeting.assigned(device_groups, user_groups, facts)
    owner = state.user(identity.user_principal_name or "") if call.preprovisioning and identity is not None else None
    if owner is not None:  # the technician's part brings apps of the assigned user, but no policies
        apps = state.targeting.assigned_apps(device_groups, state.targeting.user_groups(owner), facts)
        assigned = Assigned(assigned.esp, assigned.esp_target, apps, assigned.policies, {})
    esp = assigned.esp
    enrolment_id, dm_id = state.unique("enrolment").upper(), state.unique("managed device")
    device = EnrolledDevice(
        enrolment_id,
        dm_id,
        call.device_id,
        call.device_name,
        call.serial_number,
        call.user_id,
        build_of(call.os_version),
        device_groups,
        user_groups or frozenset(),
        assigned,
        profile,
        primary_user=call.user_id,
        technician=call.preprovisioning,
        registration_id=call.registration_id,
        facts_for_filters=facts,
        offline_correlation=call.offline_correlation,
        userless=user is None,
        preprovisioned=call.preprovisioning,
        domain_join=call.domain_join,
        enrolled_by=call.user_id,
    )
    device.first_apps = device.apps
    state.enrolled[enrolment_id] = device
    state.history.append(device)
    explain_enrolment(state, device)
    return Enrolled(
        enrolment_id,
        PROVIDER,
        dm_id,
        state.unique("mdm certificate").replace("-", "").upper() + "00000000",
        MANAGEMENT_URL,
        esp_settings(esp, dm_id, first_sign_in_only=not call.oobe),
        install_quality_updates=esp.install_quality_updates and esp.settings_known,
        esp_target=assigned.esp_target,
    )


def _refuse(state: TenantState, call: EnrollMdm, user: User) -> None:
    """The checks of the enrolment service, in the order that gives each its own code."""
    conditions = state.conditions
    if call.edition in HOME_EDITIONS:
        raise ServiceFault("0x80180022", "Windows Home cannot be managed", "F-87")
    if call.serial_number in state.mismatched:
        state.explain("E-MISMATCH", "The registration of this hardware is for other firmware data: the enrolment is refused.")
        raise ServiceFault("0x80180014", "the device does not match its registration", "F-05")
    if conditions.device_already_enrolled:
        raise ServiceFault("0x8018000A", "the device is enrolled already", "F-28")
    blocking = blocked_by(state, user)
    if blocking is not None:
        raise ServiceFault("0x80180003", f"Conditional Access policy {blocking.display_name!r} blocks the enrolment", "F-19")
    if not user.licensed:
        raise ServiceFault("0x80180018", f"{user.user_principal_name} has no Intune licence", "F-27")
    restriction = state.targeting.platform_restriction(user)
    if restriction.platform_blocked:
        raise ServiceFault("0x80180014", "enrolment of Windows devices is blocked", "F-26")
    outside = _outside(restriction, call)
    if outside:
        raise ServiceFault("0x80180014", f"the enrolment restriction does not allow {outside}", "F-26")
    if restriction.personal_device_enrollment_blocked:
        if not _corporate(state, call):
            rule = "F-86" if call.offline_correlation else "F-77"
            raise ServiceFault("0x80180014", "personal Windows devices are blocked, and nobody registered this one", rule)
        state.explain("REQ-PERSONAL", "Personal devices are blocked; this one is registered and counts as corporate.")
    if conditions.enrolled_devices >= state.targeting.enrollment_limit(user):
        raise ServiceFault("0x80180013", f"{user.user_principal_name} has reached the device limit", "F-25")


def _refuse_device(
    state: TenantState,
    call: EnrollMdm,
    identity: WindowsAutopilotDeviceIdentity | None,
    profile: WindowsAutopilotDeploymentProfile | None,
) -> None:
    """The same where the device enrols by itself: no user is asked for a licence, but each registration may do it only once."""
    if call.edition in HOME_EDITIONS:
        raise ServiceFault("0x80180022", "Windows Home cannot be managed", "F-87")
    if identity is None:
        raise ServiceFault("0x80180002", "no registration of this tenant vouches for the device", "F-97")
    if call.preprovisioning and not (profile is not None and profile.preprovisioning_allowed):
        state.explain("SET-PREPROVISIONING", "The profile does not allow pre-provisioning; only the service enforces that.")
        raise ServiceFault("0x80180005", "the deployment profile does not allow pre-provisioning", "F-51")
    if state.conditions.device_already_enrolled:
        raise ServiceFault("0x8018000A", "the device is enrolled already", "F-28")
    if userless_blocked(state, identity):
        reason = "the device has enrolled without a user before: unblock it, or delete its record in Intune"
        raise ServiceFault("0x80180014", reason, "REG-ONE-TIME")
    restriction = state.targeting.restriction_without_user()
    if restriction.platform_blocked:
        raise ServiceFault("0x80180014", "enrolment of Windows devices is blocked", "F-26")
    outside = _outside(restriction, call)
    if outside:
        raise ServiceFault("0x80180014", f"the enrolment restriction does not allow {outside}", "F-26")


OPTED_IN = ("dell", "dynabook", "hp", "hewlett", "lenovo", "microsoft")
"""OEMs whose devices may enrol without a user again and again (rule REG-ONE-TIME); Surface reports Microsoft Corporation."""


def userless_blocked(state: TenantState, identity: WindowsAutopilotDeviceIdentity) -> bool:
    """Whether the one enrolment without a user is used up: in this run, or by what the export says of the registration."""
    if identity.id not in state.used_registrations:
        return identity.userless_enrollment_status == "blocked" and not _opted_in(identity)
    return not _opted_in(identity)


def _opted_in(identity: WindowsAutopilotDeviceIdentity) -> bool:
    return (identity.manufacturer or "").casefold().startswith(OPTED_IN)


def _corporate(state: TenantState, call: EnrollMdm) -> bool:
    """A registered device counts as corporate, even when its profile did not arrive (I-26)."""
    return bool(call.registration_id) or state.find_identity(call.serial_number, call.hardware_hash) is not None


def _owned(state: TenantState, call: EnrollMdm) -> bool:
    """Whether the device counts as the company's afterwards; a hybrid one with a file does, although a block of personal
    devices refuses it too (formats.md 2.1)."""
    return _corporate(state, call) or bool(call.offline_correlation and call.domain_join)


def _name_object(state: TenantState, call: EnrollMdm) -> None:
    """Entra's object of a device with a profile file gets the name that dynamic groups go by (rule X5)."""
    known = state.joined.get(call.device_id)
    if known is not None and call.offline_correlation:
        name = enrollment_profile_name(None, call.offline_correlation)
        state.joined[call.device_id] = structs.replace(known, enrollment_profile_name=name)


def _outside(restriction: PlatformRestriction, call: EnrollMdm) -> str:
    """What about the device an enrolment restriction shuts out (formats.md 1.3), in words, or ""."""
    version = _version(call.os_version)
    if restriction.os_minimum_version and version < _version(restriction.os_minimum_version):
        return f"Windows {call.os_version}: the minimum is {restriction.os_minimum_version}"
    if restriction.os_maximum_version and version > _version(restriction.os_maximum_version):
        return f"Windows {call.os_version}: the maximum is {restriction.os_maximum_version}"
    if any(call.manufacturer.casefold() == one.casefold() for one in restriction.blocked_manufacturers):
        return f"devices made by {call.manufacturer}"
    sku = SKU_NAMES.get(call.edition, "")
    return f"the edition {sku}" if sku and sku in restriction.blocked_skus else ""


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _device_groups(state: TenantState, call: EnrollMdm) -> frozenset[str]:
    identity = state.find_identity(call.serial_number, call.hardware_hash)
    if identity is None or not call.registration_id:
        return state.targeting.device_groups(None, state.joined.get(call.device_id))
    return groups_of(state, identity)


def esp_settings(esp: EspConfiguration, dm_id: str, *, first_sign_in_only: bool) -> tuple[tuple[str, str], ...]:
    """An ESP configuration as FirstSyncStatus values (formats.md 1.3).

    A page that does not block has BlockInStatusPage 0; a blocking one offers Try again (bit 2) with the buttons allowed.
    Where progress is not shown no other setting counts (rule ESP-PROGRESS).
    """
    root = first_sync(PROVIDER)
    provider = root.rpartition("/")[0]
    shown = esp.show_installation_progress and esp.settings_known
    blocking = shown and not esp.block_device_setup_retry_by_user
    bits = 0
    if blocking:
        bits = 2 + int(esp.allow_device_reset_on_install_failure) + 4 * int(esp.allow_device_use_on_install_failure)
    skip_device = not shown or first_sign_in_only
    return (
        (provider + "/EntDMID", dm_id),
        (root + "/SkipDeviceStatusPage", "true" if skip_device else "false"),
        (root + "/SkipUserStatusPage", "false" if shown else "true"),
        (root + "/TimeOutUntilSyncFailure", str(max(1, esp.install_progress_timeout_in_minutes) if shown else 60)),
        (root + "/BlockInStatusPage", str(bits)),
        (root + "/AllowCollectLogsButton", "true" if shown and esp.allow_log_collection_on_install_failure else "false"),
        (root + "/CustomErrorText", (esp.custom_error_message or "") if shown else ""),
    )


HANDLERS: Handlers = {DiscoverEnrolment: discover, EnrollMdm: enrol}
