"""U5 to U7: Entra join, MDM enrolment, local rights."""

from __future__ import annotations

from functools import lru_cache
from struct import unpack
from uuid import UUID

from msgspec import structs

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import CORRELATIONS, ENROLLMENTS, JOIN_INFO, REBOOT_REQUIRED
from autopilot_agent.device.storage import Account, Enrolment, JoinState
from autopilot_agent.device.windows import PRODUCT_INFO
from autopilot_agent.errors import CallFailed, Defect, Unreachable
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.client import ManagementClient
from autopilot_agent.oobe.management.ime import EARLIEST
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.self_description import describe
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.service.enrolment import DiscoverEnrolment, EnrollMdm
from autopilot_agent.service.entra import JoinDevice, SignedIn

OK = StepResult(Outcome.OK)

JOIN_RECORDS = (
    (102, "join request initialised"),
    (103, "sent"),
    (104, "answered"),
    (105, "join completed"),
    (106, "post-join tasks done"),
)
"""What a good join writes to the log of device registration after its discovery (diagnostics.md 2.4)."""

NOBODY = "fooUser"
"""Whom an enrolment without a user is entered for (diagnostics.md 1.6)."""
NO_MDM_SERVER = "0x80180010"
"""What Windows shows when the enrolment service cannot be reached (flows.md 6.2)."""


async def entra_join(device: Device, world: World) -> StepResult:
    """U5. Device key, certificate and device id from the Device Registration Service."""
    memory, disk, profile = device.memory, device.disk, device.memory.profile
    token = _token(device)
    if is_hybrid(device) and not _assigned_user_joins(device, world):
        return StepResult(Outcome.SKIPPED, "a hybrid device does not join Entra here", "SET-JOIN-TYPE")
    if disk.join is not None:
        if not disk.join.user_name:  # the technician's join, where it is kept
            disk.join = structs.replace(disk.join, user_name=token.user_name)
        memory.administrator_by_role = disk.join.administrator_by_role
        return StepResult(Outcome.SKIPPED, "already joined")
    if "join" in device.windows.provisioning_package:
        failed: CallFailed = CallFailed("0x801C0003", "a provisioning package has joined this device already", "F-91")
        return _failed(world, State.ENTRA_JOIN, failed, "F-91")
    if device.windows.join_needs_restart:
        failed = CallFailed("0x801C000F", "Windows must restart before it can be registered", "F-103")
        world.log("UserDeviceRegistration", 204, f"{failed.code}: {failed.reason}", failed.rule)
        return _failed(world, State.ENTRA_JOIN, failed, "F-103")
    world.show("PLEASEWAIT", "U5", "Joining your organization.")
    world.log("UserDeviceRegistration", 101, "discovery answered", "EVT-UDR")
    try:
        joined = await world.call(
            JoinDevice(
                token.user_id,
                token.tenant_id,
                disk.computer_name,
                device.windows.build,
                profile.ztd_registration_id if profile is not None else "",
                not _standard_user(device),
            )
        )
    except CallFailed as error:
        world.log("UserDeviceRegistration", 204, f"{error.code}: {error.reason}", error.rule)
        return _failed(world, State.ENTRA_JOIN, error, "F-10" if isinstance(error, Unreachable) else "U5")
    for number, text in JOIN_RECORDS:
        world.log("UserDeviceRegistration", number, text, "EVT-UDR")
    role = joined.user_is_administrator_by_role
    disk.join = JoinState(joined.device_id, token.tenant_id, token.user_name, joined.certificate_thumbprint, role)
    disk.certificates[joined.certificate_thumbprint] = f"CN={joined.device_id} (MS-Organization-Access)"
    disk.registry.update(
        rf"{JOIN_INFO}\{joined.certificate_thumbprint}", {"TenantId": token.tenant_id, "UserEmail": token.user_name}
    )
    memory.administrator_by_role = role
    disk.administrator_sids = joined.administrator_sids
    world.note("A-DEVICE-CERT", f"Joined to Entra as device {joined.device_id}.")
    return OK


def _assigned_user_joins(device: Device, world: World) -> bool:
    """Q-05: one source lets an assigned user do no harm, the other says that the device is joined to Entra then (F-38)."""
    profile = device.memory.profile
    assigned = profile is not None and bool(profile.cloud_assigned_tenant_upn)
    return assigned and world.assumptions.get("Q-05") == "Entra join"


async def mdm_enrolment(device: Device, world: World) -> StepResult:
    """U6. The discovery address comes from Entra; the provisioning document brings the ESP's first settings."""
    disk, profile = device.disk, device.memory.profile
    token = _token(device)
    if disk.enrolment is not None:
        disk.enrolment = structs.replace(disk.enrolment, user_id=token.user_id, user_name=token.user_name)
        start_management(device, world)
        if is_hybrid(device):
            return StepResult(Outcome.HYBRID, "enrolled already", "H2", skipped=True)
        if disk.resealed:
            note_user_flow(device, world)
        return StepResult(Outcome.SKIPPED, "enrolled already", "PU3" if disk.resealed else "")
    if "enrol" in device.windows.provisioning_package:
        failed: CallFailed = CallFailed("0x8018000A", "a provisioning package has enrolled this device already", "F-91")
        return _failed(world, State.MDM_ENROLMENT, failed, "F-91")
    if device.windows.enrolled_before:
        failed = CallFailed("0x8018000A", "the image carries an earlier enrolment", "F-28")
        world.log("DeviceManagement", 71, f"MDM enrolment failed: {failed.code}", failed.rule)
        return _failed(world, State.MDM_ENROLMENT, failed, "F-28")
    if not token.mdm_discovery_url:
        if is_hybrid(device) or (profile is not None and profile.cloud_assigned_forced_enrollment):
            world.log("DeviceManagement", 76, "automatic MDM enrolment failed: 0x8018002B", "F-29")
            failed = CallFailed("0x8018002B", "no MDM is configured for this user", "F-29")
            return _failed(world, State.MDM_ENROLMENT, failed, "F-29")
        return StepResult(Outcome.NO_MDM, "the MDM user scope does not cover the user", "REQ-LICENCE")
    try:
        await enrol(device, world, token.user_id, token.user_name, token.tenant_id, token.mdm_discovery_url)
    except CallFailed as error:
        return _failed(world, State.MDM_ENROLMENT, error, "U6")
    if is_hybrid(device):
        return StepResult(Outcome.HYBRID, rule="H2")
    return OK if profile is not None else StepResult(Outcome.OK, "automatic enrolment", "O5")


def note_user_flow(device: Device, world: World) -> None:
    """What the first user of a resealed device brings about (rules PU2A, F-54 and F-112)."""
    disk = device.disk
    world.note("PU2A", "The device joins Entra for its user; the enrolment of the technician's part stays.")
    world.note("F-112", "The compliance state in Entra starts anew.")
    if world.now < disk.resealed_at + EARLIEST:
        minutes = (world.now - disk.resealed_at) // MINUTE
        world.note("F-54", f"Only {minutes} minutes after the technician's part: tokens may not be renewed.")


async def enrol(
    device: Device, world: World, user_id: str, user_name: str, tenant_id: str, discovery_url: str, *, technician: bool = False
) -> None:
    """Enrol in the MDM and keep what it sends; ``user_id`` "" enrols the device by itself. Raises ``CallFailed``, on record."""
    memory, disk, profile = device.memory, device.disk, device.memory.profile
    try:
        await world.call(DiscoverEnrolment(user_name, discovery_url))
        answer = await world.call(
            EnrollMdm(
                user_id,
                user_name,
                disk.join.device_id if disk.join else "",
                disk.computer_name,
                profile.ztd_registration_id if profile is not None else "",
                PRODUCT_INFO[device.windows.edition],
                device.windows.build,
                device.hardware.serial_number,
                device.hardware.manufacturer,
                device.hardware.model,
                device.hardware.hash,
                True,
                memory.terms_accepted,
                technician,
                is_hybrid(device),
                profile.ztd_correlation_id if profile is not None else "",
            )
        )
    except CallFailed as error:
        if isinstance(error, Unreachable) and error.rule != "F-13":
            error = CallFailed(NO_MDM_SERVER, error.reason, "F-96")
        world.log("DeviceManagement", 71, f"MDM enrolment failed: {error.code}", error.rule)
        raise error from None
    if profile is not None and profile.offline:
        world.note("X5", f"The enrolment names the offline profile {profile.ztd_correlation_id}.")
    for number, rule in ((4, ""), (6, ""), (8, ""), (10, "A-MDM-CERT"), (16, "A-CORRELATIONS"), (58, "A-FIRSTSYNC")):
        world.log("DeviceManagement", number, "", rule)
    world.log("DeviceManagement", 72, "MDM enrolment succeeded", "EVT-72")
    disk.enrolment = Enrolment(
        answer.enrolment_id,
        answer.provider_id,
        answer.ent_dm_id,
        answer.management_url,
        user_id,
        user_name,
        answer.install_quality_updates,
        answer.esp_target,
        answer.retries,
    )
    disk.certificates[answer.certificate_thumbprint] = f"CN={answer.ent_dm_id} (Microsoft Intune MDM Device CA)"
    describe(device, answer)
    disk.registry.set(CORRELATIONS, "EntDMID", answer.ent_dm_id)
    disk.registry.update(
        rf"{ENROLLMENTS}\{answer.enrolment_id}",
        {
            "ProviderID": answer.provider_id,
            "EnrollmentType": 6,
            "EnrollmentState": 1,
            "UPN": user_name or f"{NOBODY}@{profile.cloud_assigned_tenant_domain if profile is not None else ''}",
            "AADTenantID": tenant_id,
            "DiscoveryServiceFullURL": discovery_url,
            "DMPCertThumbPrint": answer.certificate_thumbprint,
        },
    )
    disk.registry.delete(REBOOT_REQUIRED)
    start_management(device, world)


def is_hybrid(device: Device) -> bool:
    """Whether the profile asks for a hybrid join: the device joins Active Directory, not Entra, after its enrolment."""
    profile = device.memory.profile
    return profile is not None and bool(profile.cloud_assigned_domain_join_method)


def start_management(device: Device, world: World) -> ManagementClient:
    """The OMA-DM client of this boot; made anew after every restart because it lives in memory."""
    if world.management is None:
        world.management = ManagementClient(device, world)
    client: ManagementClient = world.management
    return client


async def local_rights(device: Device, world: World) -> StepResult:
    """U7. Bit 2 makes the joining user a standard user; directory roles win over it (I-34)."""
    memory, disk = device.memory, device.disk
    standard = _standard_user(device) and not memory.administrator_by_role
    if device.windows.se:
        standard = True
        world.note("EDU-RIGHTS", f"{memory.user_name} becomes a standard user: Windows 11 SE has no local administrators.")
    elif memory.administrator_by_role:
        world.note("U7", f"{memory.user_name} holds a directory role that makes local administrators.")
    group = "users" if standard else "administrators"
    disk.accounts[memory.user_name] = Account(memory.user_name, "entra", group, entra_sid(memory.user_id))
    return StepResult(Outcome.OK, "standard user" if standard else "administrator", "SET-USER-TYPE")


def _token(device: Device) -> SignedIn:
    """What sign-in gave; the flow never reaches a join without it."""
    token = device.memory.token
    if token is None:
        raise Defect("a join was tried before anybody signed in")
    return token


def _standard_user(device: Device) -> bool:
    profile = device.memory.profile
    return profile is not None and bool(profile.cloud_assigned_oobe_config & 2)


def entra_sid(user_id: str) -> str:
    """The SID of an account of Entra: its object id in four numbers."""
    return "S-1-12-1-" + "-".join(str(part) for part in _words(user_id))


@lru_cache(maxsize=256)
def _words(guid: str) -> tuple[int, ...]:
    """A GUID as four little-endian numbers, the way a SID of Entra carries it (protocols.md 4.3)."""
    try:
        raw = UUID(guid).bytes_le
    except ValueError:  # ids of a hand-written tenant need not be GUIDs
        raw = guid.encode().ljust(16, b"0")[:16]
    return unpack("<4I", raw)


def _failed(world: World, state: State, failed: CallFailed, fallback: str) -> StepResult:
    rule = failed.rule if failed.rule.startswith("F-") else fallback
    world.failure = Failure(failed.code, state, rule, failed.reason)
    return StepResult(Outcome.FAILED, f"{failed.code}: {failed.reason}", rule)
