"""S1 to S3 and S6: the device proves itself, joins and enrols without a user; how a deployment without one ends."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.device.registry import JOIN_INFO
from autopilot_agent.device.storage import JoinState
from autopilot_agent.errors import CallFailed, Defect, Unreachable
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.esp import PREPARATION_ROWS, TITLES, Page
from autopilot_agent.oobe.management.lasting import KIOSK_USER
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.desktop import encrypt
from autopilot_agent.oobe.steps.join import JOIN_RECORDS, enrol, is_hybrid, start_management
from autopilot_agent.oobe.steps.status_error import fail
from autopilot_agent.oobe.steps.tpm_attestation import attest
from autopilot_agent.oobe.world import World
from autopilot_agent.service.attestation import DeviceToken
from autopilot_agent.service.entra import JoinDevice

PLACEHOLDER = "autopilot"
"""The name that stands in the registry where nobody joined (diagnostics.md 1.8)."""

STAGES = {State.SECURE_HARDWARE: "AADConfigure", State.DEVICE_JOIN: "AADEnroll", State.DEVICE_ENROLMENT: "MDMEnrolling"}
"""How the event log calls the steps (diagnostics.md 2.2)."""

SEVERAL_REBOOTS = 2
"""Restarts after the kiosk policy that remove the values of its automatic sign-in; "repeated" has no number (rule F-60)."""


async def secure_hardware(device: Device, world: World) -> StepResult:
    """S1. The first row: attest the TPM and get the device's own token. A failure stops here (I-33)."""
    page = world.page = _begin(device, world, 0)
    rule = "P5" if device.disk.technician else "S1"
    assigned = device.memory.profile.cloud_assigned_tenant_upn if device.memory.profile is not None else ""
    if assigned and not device.disk.technician:
        world.note("S1", f"{assigned} is assigned to this device, which counts for nothing here.")
    world.log("Autopilot", 178, f"device enrolment began: {STAGES[State.SECURE_HARDWARE]}", rule)
    try:
        await attest(device, world)
    except CallFailed as failed:
        cited = failed.rule or "F-63"
        world.log("Autopilot", 171, f"TPM identity could not be confirmed: {failed.code}", "EVT-171")
        world.log("Autopilot", 172, f"the profile could not be marked available: {failed.code}", "EVT-171")
        return await _failed(device, world, page, State.SECURE_HARDWARE, failed, cited)
    _done(page, "tpm")
    return StepResult(Outcome.OK, "attested", rule)


async def device_join(device: Device, world: World) -> StepResult:
    """S2. The second row: Entra join with the device's token; complete at once for a device that will join a domain."""
    disk, memory = device.disk, device.memory
    page = world.page = _begin(device, world, 1)
    if is_hybrid(device):
        _done(page, "join")
        return StepResult(Outcome.SKIPPED, "a hybrid device does not join Entra here", "P5")
    if disk.join is not None:
        _done(page, "join")
        return StepResult(Outcome.SKIPPED, "already joined")
    token = _token(device)
    world.log("UserDeviceRegistration", 101, "discovery answered", "EVT-UDR")
    profile = memory.profile
    registration = profile.ztd_registration_id if profile is not None else ""
    try:
        joined = await world.call(
            JoinDevice(
                "",
                token.tenant_id,
                disk.computer_name,
                device.windows.build,
                registration,
                False,
                token.token,
                memory.aik_certificate,
            )
        )
    except CallFailed as failed:
        world.log("UserDeviceRegistration", 204, f"{failed.code}: {failed.reason}", failed.rule)
        rule = "F-23" if isinstance(failed, Unreachable) else "S2"
        return await _failed(device, world, page, State.DEVICE_JOIN, failed, rule)
    for number, text in JOIN_RECORDS:
        world.log("UserDeviceRegistration", number, text, "EVT-UDR")
    disk.join = JoinState(joined.device_id, token.tenant_id, "", joined.certificate_thumbprint)
    disk.certificates[joined.certificate_thumbprint] = f"CN={joined.device_id} (MS-Organization-Access)"
    domain = profile.cloud_assigned_tenant_domain if profile is not None else ""
    disk.registry.update(
        rf"{JOIN_INFO}\{joined.certificate_thumbprint}",
        {"TenantId": token.tenant_id, "UserEmail": f"{PLACEHOLDER}@{domain}"},
    )
    disk.administrator_sids = joined.administrator_sids
    world.note("A-DEVICE-CERT", f"Joined to Entra as device {joined.device_id}, by the device itself.")
    _done(page, "join")
    return StepResult(Outcome.OK, "joined by the device's own token")


async def device_enrolment(device: Device, world: World) -> StepResult:
    """S3. The third row: enrolment without a user, which each registration may do only once."""
    disk = device.disk
    page = world.page = _begin(device, world, 2)
    before = disk.enrolment
    if before is None:
        token = _token(device)
        if token.mdm_count != 1:
            world.log("Autopilot", 115, f"{token.mdm_count} MDMs are configured", "F-68")
            several = CallFailed("0xC1036501", f"{token.mdm_count} MDMs are configured in Entra: which one?", "F-68")
            return await _failed(device, world, page, State.DEVICE_ENROLMENT, several, "F-68")
        try:
            await enrol(
                device, world, "", "", token.tenant_id, token.mdm_discovery_url, technician=device.disk.technician
            )
        except CallFailed as failed:
            if failed.rule == "REG-ONE-TIME":
                world.note("REG-ONE-TIME", f"{failed.reason}.")
            rule = "F-26" if failed.code == "0x80180014" else "S3"
            return await _failed(device, world, page, State.DEVICE_ENROLMENT, failed, rule)
        world.log("Autopilot", 303, "device enrolment succeeded", "S3")
    else:
        start_management(device, world)
    _done(page, "enrol")
    if is_hybrid(device) and disk.domain is None:
        return StepResult(Outcome.HYBRID, "the domain join profile comes next", "P5")
    if before is not None:
        return StepResult(Outcome.SKIPPED, "enrolled already")
    return StepResult(Outcome.OK, "enrolled without a user", "P5" if disk.technician else "")


async def deployment_done(device: Device, world: World) -> StepResult:
    """S6. Nobody was needed: the sign-in screen, or the kiosk account that signs in by itself. No Account setup."""
    disk = device.disk
    disk.resume = ""
    disk.accounts.pop("defaultuser0", None)
    if device.hardware.tpm.present and disk.join is not None and disk.bitlocker != "encrypting":
        await encrypt(device, world)
    client = start_management(device, world)
    if client.esp.user_page_shown:
        world.note("S7", "What the page did not wait for comes only when the first user has been through Account setup.")
    else:
        await client.settle()
    disk.oobe_complete = True
    if not disk.kiosk_app:
        world.show("LOGON", "S6", "Any user of the organisation can sign in.")
        return StepResult(Outcome.OK, "the sign-in screen")
    rule, why = _why_no_kiosk(device)
    if rule:
        world.note(rule, why)
        world.show("LOGON", rule, f"{KIOSK_USER} does not sign in by itself.")
        return StepResult(Outcome.STUCK, why, rule)
    disk.signed_in_user = KIOSK_USER
    world.note("S7", f"{KIOSK_USER} is a local account: it gets no Account setup.")
    world.show("KIOSK", "S6", f"{KIOSK_USER} uses {disk.kiosk_app}")
    return StepResult(Outcome.KIOSK, disk.kiosk_app)


def _why_no_kiosk(device: Device) -> tuple[str, str]:
    """The rule and the reason why the kiosk's account does not sign in by itself, or nothing."""
    disk = device.disk
    if disk.device_lock:
        return "F-92", "A device password policy (EAS) stops the automatic sign-in."
    if disk.restart_rule == "F-93":
        return "F-93", "A quality update restarted the device: the automatic sign-in is lost."
    restarts, losses = disk.reboots - disk.kiosk_since[0], disk.power_losses - disk.kiosk_since[1]
    if disk.auto_logon_lost or losses or restarts >= SEVERAL_REBOOTS:
        why = disk.auto_logon_lost or ("the power went" if losses else f"{restarts} restarts")
        return "F-60", f"Unexpected or repeated restarts removed the values of the automatic sign-in: {why}."
    return "", ""


def _token(device: Device) -> DeviceToken:
    """What attestation gave; the flow never reaches a join without it."""
    token = device.memory.device_token
    if token is None:
        raise Defect("a join was tried before the device had proved itself")
    return token


def _begin(device: Device, world: World, number: int) -> Page:
    """The page with one row at work: those before it are complete, those after it wait."""
    page: Page | None = world.page
    if page is None or number == 0:
        world.show("ESP", "ESP-PROGRESS", "Device preparation")
        page = Page(device, world, "preparation")
    for row in PREPARATION_ROWS[:number]:
        _done(page, row)
    row = PREPARATION_ROWS[number]
    page.show(row, "inProgress", f"{TITLES[row]} (Working on it...)")
    for later in PREPARATION_ROWS[number + 1 :]:
        page.show(later, "notStarted", f"{TITLES[later]} (Waiting for previous step)")
    return page


def _done(page: Page, row: str) -> None:
    page.show(row, "succeeded", f"{TITLES[row]} (Complete)")


async def _failed(
    device: Device, world: World, page: Page, state: State, failed: CallFailed, fallback: str
) -> StepResult:
    """The row fails, the later ones say that a previous step did, and the error page comes."""
    rule = failed.rule if failed.rule.startswith("F-") else fallback
    if state is State.SECURE_HARDWARE:
        rule = failed.rule or fallback
    world.log("Autopilot", 302, f"device enrolment failed at {STAGES[state]}: {failed.code}", rule)
    row = PREPARATION_ROWS[list(STAGES).index(state)]
    page.fail(row, failed.code, rule)
    page.store("failed")
    return await fail(device, world, state, failed.code, rule, failed.reason, page)
