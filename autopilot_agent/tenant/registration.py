"""What administrators, resellers and makers do to the registrations of a tenant, by the service's rules (flows.md 7)."""

from __future__ import annotations

import msgspec
from msgspec import structs

from autopilot_agent.tenant.graph.profiles import (
    AssignmentStatus,
    RemediationState,
    WindowsAutopilotDeploymentProfile,
    WindowsAutopilotDeviceIdentity,
)
from autopilot_agent.tenant.hash_csv import NAMES
from autopilot_agent.tenant.state import EnrolledDevice, Registration, TenantState

NOT_FOUND = "ZtdDeviceNotFound"


class Refused(Exception):
    """The service does not do it: its code ("" if none), and why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code} {NAMES.get(code, '')}".strip() + f": {why}" if code else why)
        self.code = f"{code} {NAMES[code]}" if code in NAMES else code


class NewDevice(msgspec.Struct, frozen=True):
    """What a registration says about a device. ``source`` is administrator, partner, oem or conversion."""

    serial_number: str
    product_key: str
    manufacturer: str
    model: str
    hardware_hash: str
    source: str = "administrator"
    group_tag: str = ""
    assigned_user: str = ""
    repaired: bool = False


def register(state: TenantState, device: NewDevice, now: int) -> Registration:
    """Put a device into the Autopilot service, and its object into Entra. Raises ``Refused``."""
    serial = device.serial_number
    if state.conditions.registered_elsewhere:
        raise Refused("808", "the device belongs to another tenant, which has to release it first")
    if known_registration(state, serial) is not None and state.fits(serial, device.hardware_hash):
        raise Refused("806", "the device is in this tenant already")
    if device.source in ("partner", "oem") and device.repaired:
        raise Refused(NOT_FOUND, "make, model and serial number do not find a repaired board; its hash has to be imported")
    if device.assigned_user:
        check_user(state, device.assigned_user)
    identity = WindowsAutopilotDeviceIdentity(
        id=state.unique("registration", serial),
        serial_number=serial,
        product_key=device.product_key or None,
        manufacturer=device.manufacturer,
        model=device.model,
        group_tag=device.group_tag or None,
        user_principal_name=device.assigned_user or None,
        azure_active_directory_device_id=state.unique("registration object", serial),
        deployment_profile_assignment_status="notAssigned",
    )
    found = Registration(identity, device.hardware_hash, listed_at=now)
    state.registrations[serial] = found
    state.unregistered.discard(serial)
    return found


def known_registration(state: TenantState, serial_number: str) -> Registration | None:
    """The registration of a serial number, taken over from the tenant's export if need be; None without."""
    found = state.registrations.get(serial_number)
    if found is None and serial_number not in state.unregistered:
        for one in state.data.windows_autopilot_device_identities:
            if one.serial_number == serial_number:
                found = state.registrations[serial_number] = Registration(one)
    return found


def identities(state: TenantState) -> list[WindowsAutopilotDeviceIdentity]:
    """Every registration as it stands now: those that changed, and the rest of the tenant's export."""
    found = [one.identity for one in dict.values(state.registrations)]  # only read: no row of the data file is touched
    known = {one.serial_number for one in found} | state.unregistered
    return found + [one for one in state.data.windows_autopilot_device_identities if one.serial_number not in known]


def deregister(state: TenantState, registration: Registration) -> None:
    """Take a device out of the Autopilot service; its Entra object goes with the next sync, or when it is no longer in use."""
    identity = registration.identity
    serial = identity.serial_number or ""
    state.registrations.pop(serial, None)
    state.unregistered.add(serial)
    state.used_registrations.discard(identity.id)
    if identity.azure_active_directory_device_id:
        state.left_over.append(identity.azure_active_directory_device_id)


def check_user(state: TenantState, user_name: str) -> None:
    """The one check of an assigned user: its domain belongs to the tenant. Raises ``Refused``."""
    domain = user_name.rpartition("@")[2].casefold()
    if "@" not in user_name or domain not in state.domains:
        raise Refused("", f"{user_name} is in no domain of this tenant")


def groups_of(state: TenantState, identity: WindowsAutopilotDeviceIdentity) -> frozenset[str]:
    """The groups that a registered device is known to be in; a change takes a while to get there."""
    found = state.registrations.get(identity.serial_number or "")
    if found is not None and found.groups is not None:
        return found.groups
    return state.targeting.device_groups(identity, state.entra_object(identity))


def profile_of(
    state: TenantState, identity: WindowsAutopilotDeviceIdentity, groups: frozenset[str]
) -> tuple[WindowsAutopilotDeploymentProfile | None, bool]:
    """The profile of a registered device, and whether it was assigned to it (False: the tenant's default, or none)."""
    found = state.registrations.get(identity.serial_number or "")
    if found is not None and found.profile_id:
        for one in state.data.windows_autopilot_deployment_profiles:
            if one.id == found.profile_id:
                return one, True
    profile, explicit = state.targeting.deployment_profile(identity, groups)
    if not explicit and state.assumptions.get("Q-01") == "ordinary OOBE":
        return None, False
    return profile, explicit


def set_status(registration: Registration, status: AssignmentStatus) -> None:
    """How far the assignment of a profile is."""
    registration.identity = structs.replace(registration.identity, deployment_profile_assignment_status=status)


def attention_required(state: TenantState, serial_number: str, *, automatic: bool = False) -> None:
    """The hardware is not the one that was registered: no profile until it is registered again (Q-11)."""
    found = state.registrations.get(serial_number)
    if found is not None and found.identity.remediation_state != "automaticRemediationRequired":
        wanted: RemediationState = "automaticRemediationRequired" if automatic else "manualRemediationRequired"
        found.identity = structs.replace(found.identity, remediation_state=wanted)


def registered_again(state: TenantState, serial_number: str, hardware_hash: str) -> None:
    """The service has put the new hash into the registration by itself (Q-11, the older pages)."""
    found = state.registrations.get(serial_number)
    if found is not None:
        found.hardware_hash = hardware_hash
        found.identity = structs.replace(found.identity, remediation_state="noRemediationRequired")


def managed(state: TenantState, serial_number: str) -> EnrolledDevice | None:
    """The Intune record of a device: that of its last enrolment."""
    return next((one for one in reversed(list(state.enrolled.values())) if one.serial_number == serial_number), None)


def delete_managed_device(state: TenantState, device: EnrolledDevice) -> None:
    """Delete the Intune record; with it goes what blocks another enrolment without a user (flows.md 7.4)."""
    state.enrolled.pop(device.enrolment_id, None)
    state.used_registrations.discard(device.registration_id)


def synchronize(state: TenantState, now: int, runs: int, pause: int) -> int:
    """The Sync button: 204, 409 while one runs, 429 too soon after the last; objects of removed registrations go with it."""
    if state.synced_at is not None and now < state.synced_at + runs:
        return 409
    if state.synced_at is not None and now < state.synced_at + pause:
        return 429
    state.synced_at = now
    in_use = {one.device_id for one in state.enrolled.values()}
    for one in [one for one in state.left_over if one not in in_use]:
        state.left_over.remove(one)
        state.joined.pop(one, None)
        state.deleted_objects.add(one)
    return 204
