"""Answers of Intune's enrolment service and OMA-DM server: who may enrol, and the commands of each session."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, Enrolled, EnrollMdm, EnrolmentService
from autopilot_agent.service.management import (
    DOMAIN_JOIN_ALERT,
    RESEALED_ALERT,
    RESTORED_ALERT,
    RESULT_ALERT,
    Command,
    Commands,
    ManagementMessage,
)
from autopilot_agent.service.uris import first_sync
from autopilot_agent.tenant import commands, domain, other_mdm, remote_actions
from autopilot_agent.tenant.directory import blocked_by
from autopilot_agent.tenant.explanations import explain_enrolment
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.graph.enrollment import EspConfiguration, PlatformRestriction
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile, WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.graph.reach import FilterFacts
from autopilot_agent.tenant.registration import groups_of, profile_of
from autopilot_agent.tenant.state import EnrolledDevice, Handlers, TenantState, enrollment_profile_name
from autopilot_agent.tenant.targeting import Assigned

PROVIDER = "MS DM Server"
MANAGEMENT_URL = "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx"
ENROLMENT_URL = "https://enrollment.manage.microsoft.com/EnrollmentServer/DeviceEnrollmentWebService.svc"
HOME_EDITIONS = (100, 101)
SKU_NAMES = {
    48: "Professional", 4: "Enterprise", 121: "Education", 101: "Core", 125: "EnterpriseS", 164: "ProfessionalEducation",
}  # fmt: skip

FINAL = ("success", "failure")
NO_COMMANDS = Commands()
MOST_REMEMBERED = 256
"""Parts of sessions kept for the devices of one assignment; ids that differ from run to run must not pile up."""
FIRST_GETS = (
    "./DevDetail/SwV",
    "./DevDetail/Ext/DeviceHardwareData",
    "./Vendor/MSFT/WindowsLicensing/Edition",
    "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/EntDMID",
    "./Vendor/MSFT/DeviceStatus/OS/Mode",
    "./Vendor/MSFT/WindowsAutopilot/HardwareMismatchRemediationData",
)
"""A few of the nodes that Intune reads first (protocols.md 12.8); a 404 is tolerated."""


NOT_ROUTABLE = (".local", ".lan", ".internal", ".corp", ".intranet")


def discover(state: TenantState, call: DiscoverEnrolment, now: int) -> EnrolmentService:
    """MS-MDE2 discovery; a sign-in name of a domain that exists inside the organisation only leads nowhere (F-29)."""
    if call.user_name.casefold().endswith(NOT_ROUTABLE):
        raise ServiceFault("0x8018002B", f"{call.user_name} is not routable: no MDM can be found for it", "F-29")
    return EnrolmentService(ENROLMENT_URL)


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
        int(call.os_version.split(".")[2]),
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
        (root + "/AllowCollectLogsButton", "true" if esp.allow_log_collection_on_install_failure else "false"),
        (root + "/CustomErrorText", esp.custom_error_message or ""),
    )


def manage(state: TenantState, message: ManagementMessage, now: int) -> Commands:
    """One message pair of a session: take the statuses, hand out the next commands."""
    device = state.enrolled.get(message.enrolment_id)
    if device is None:
        raise ServiceFault("0x80190193", "this enrolment is not known (any more)", "MDM-UNKNOWN")
    if device.other_mdm:
        return other_mdm.manage(state, device, message)
    if message.message == 1:
        if message.user_id and message.user_id != device.user_id:
            _user_arrived(state, device, message.user_id)
        device.sessions += 1
        if RESEALED_ALERT in message.alerts and device.technician:
            _resealed(state, device)
        # What a broken session left undelivered comes first.
        device.pending += _plan(state, device, message, now)
    asked = device.asked
    for status in message.statuses:
        uri = asked.pop(status.command, "")
        if status.value is not None:
            device.facts[uri] = status.value
            _result(device, uri, status.value)
            _first_user_only(state, device, uri)
        elif status.code >= 400 and uri not in FIRST_GETS and status.code != 418:
            device.failed_commands[uri] = status.code
        remote_actions.answered(state, device, uri, status.code, now)
    batch = device.pending.pop(0) if device.pending else NO_COMMANDS
    for command in batch.commands:
        asked[command.id] = command.uri
    if DOMAIN_JOIN_ALERT in message.alerts:
        return Commands(batch.commands, domain.standing(state, device, now))
    return batch


def _resealed(state: TenantState, device: EnrolledDevice) -> None:
    """The user flow begins: device setup is sent again with what is assigned to the device by now (rule PU3)."""
    device.technician, device.compliance = False, "noncompliant"
    found = state.targeting.assigned(device.device_groups, None, device.facts_for_filters)
    device.assigned = found.with_page_of(device.assigned)
    device.pending = []
    device.sent.discard("device")


def _user_arrived(state: TenantState, device: EnrolledDevice, user_id: str) -> None:
    """Somebody else is at work on the device: from now on it gets what is assigned to that person too (S7, PU3, R7).

    The first one becomes the primary user, unless the device is a shared one. The ESP stays as it was at enrolment (I-14).
    """
    user = state.user(user_id)
    if user is None:
        return
    device.user_id = user_id
    shared = device.profile is not None and device.profile.self_deploying
    if not device.primary_user and not shared:
        device.primary_user = state.owners[device.device_id] = user.id
    device.first_apps = [*device.first_apps, *device.apps]
    device.user_groups = state.targeting.user_groups(user)
    found = state.targeting.assigned(device.device_groups, device.user_groups, device.facts_for_filters)
    device.assigned = found.with_page_of(device.assigned)


def _plan(state: TenantState, device: EnrolledDevice, message: ManagementMessage, now: int) -> tuple[Commands, ...]:
    """The batches of one session. What was sent once is not sent again; results are asked for once they can be there."""
    if DOMAIN_JOIN_ALERT in message.alerts:
        return domain.blob_commands(state, device, commands.Maker(device), now)
    sent = device.sent
    if "first" not in sent:
        sent.add("first")
        return _made(state, device, "first")
    if RESTORED_ALERT in message.alerts:
        return remote_actions.restore(state, device)
    phase, setup = ("account", device.account_setup) if message.user_id else ("device", device.device_setup)
    batches: tuple[Commands, ...] = ()
    part = f"account {message.user_id}" if message.user_id else phase
    if part not in sent:
        sent.add(part)
        if phase == "account":
            setup = device.account_setup = "inProgress"
        batches = _made(state, device, phase)
    if RESULT_ALERT in message.alerts and setup not in FINAL:
        batches += _made(state, device, f"result of {phase}")
    return batches + remote_actions.deliver(device) if device.orders and not message.user_id else batches


def _made(state: TenantState, device: EnrolledDevice, what: str) -> tuple[Commands, ...]:
    """The batches of commands for ``what``; a message without commands would end the session, so none is empty.

    A command is data that nobody changes, so devices that are assigned the same get the same objects. What is made of other
    things than the assignments (the user, the tenant, the ids given so far) is in the key.
    """
    remembered = device.assigned.remembered
    minutes, by = state.assumptions.get("Q-21", ""), state.conditions.registered_by
    late = what == "account" and commands.extension_is_late(state, device)
    kind = (device.technician, device.userless, device.preprovisioned, device.domain_join, late)
    key = (what, device.next_command, device.user_id, state.tenant_id, *kind, minutes, by)
    found: tuple[tuple[Commands, ...], int] | None = remembered.get(key)
    if found is None:
        make = commands.Maker(device)
        batches = MAKERS[what](state, device, make)
        if len(remembered) > MOST_REMEMBERED:
            remembered.clear()
        found = remembered[key] = (tuple(Commands(tuple(batch)) for batch in batches if batch), device.next_command)
    device.next_command = found[1]
    return found[0]


def _first(state: TenantState, device: EnrolledDevice, make: commands.Maker) -> list[list[Command]]:
    return [[make.get(uri) for uri in FIRST_GETS], commands.preparation(state, device, make)]


def _ask_result(make: commands.Maker, *, user: bool) -> list[list[Command]]:
    return [[make.get(first_sync(PROVIDER, user=user) + "/WasDeviceSuccessfullyProvisioned")]]


MAKERS: dict[str, Callable[[TenantState, EnrolledDevice, commands.Maker], list[list[Command]]]] = {
    "first": _first,
    "device": commands.device,
    "account": commands.account,
    "result of device": lambda state, device, make: _ask_result(make, user=False),
    "result of account": lambda state, device, make: _ask_result(make, user=True),
}
"""What a session is made of, part by part."""


def _result(device: EnrolledDevice, uri: str, value: str) -> None:
    """The deployment report keeps the first result: a failure never becomes a success (I-30)."""
    if not uri.endswith("/WasDeviceSuccessfullyProvisioned"):
        return
    word = {"0": "failure", "1": "success"}.get(value)
    if word is None:
        return
    if uri.startswith("./User"):
        if device.account_setup in ("notAttempted", "inProgress"):
            device.account_setup = word
            device.compliance = "compliant" if word == "success" else device.compliance
    elif device.device_setup == "inProgress":
        device.device_setup = word
        device.compliance = "compliant" if word == "success" else device.compliance


def _first_user_only(state: TenantState, device: EnrolledDevice, uri: str) -> None:
    """Later users see no account page where the ESP is for the first one only (Q-14: which value says so)."""
    if not uri.startswith("./User") or device.account_setup not in FINAL or "first user only" in device.sent:
        return
    esp = device.esp
    said = esp.disable_user_status_tracking_after_first_user or esp.track_install_progress_for_autopilot_only
    older = state.assumptions.get("Q-14") == "older text"
    if said == older:
        return
    device.sent.add("first user only")
    state.explain("ESP-OOBE-ONLY", "The page is for the first user: later ones will not see account setup (Q-14).")
    make = commands.Maker(device)
    device.pending.append(Commands((make.replace(first_sync(PROVIDER) + "/SkipUserStatusPage", "true", "bool"),)))


HANDLERS: Handlers = {DiscoverEnrolment: discover, EnrollMdm: enrol, ManagementMessage: manage}
