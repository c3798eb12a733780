"""U12, U13, U15, U16: first sign-in, privacy page, Windows Hello, desktop with BitLocker."""

from __future__ import annotations

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed, ServiceFault
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.client import SETTLED_AFTER
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.steps.logon import entra_password, local_password
from autopilot_agent.oobe.steps.policies_in_force import step_up, tell_policies
from autopilot_agent.oobe.steps.sign_in import MOST_ATTEMPTS
from autopilot_agent.oobe.steps.updates import install_quality_updates
from autopilot_agent.oobe.world import World
from autopilot_agent.service.entra import EscrowRecoveryKey, RegisterHelloKey, SignedIn

OK = StepResult(Outcome.OK)

LOGON_BREAKERS = {
    "./device/vendor/msft/policy/config/authentication/preferredaadtenantdomainname": "PreferredAadTenantDomainName is set",
    "./vendor/msft/policy/config/authentication/preferredaadtenantdomainname": "PreferredAadTenantDomainName is set",
}
"""Policies besides DeviceLock that break the automatic sign-in (rule U12); AutoAdminLogon is a registry value."""

XTS_AES_256 = 'EncryptionMethodWithXtsOsDropDown_Name" value="7"'
"""What EncryptionMethodByDriveType says when system drives shall use XTS-AES 256; 6 is 128, the default."""

WINLOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"


async def first_sign_in(device: Device, world: World) -> StepResult:
    """U12. Automatic with the credentials of U2, unless a restart lost them or a policy is in the way."""
    memory, disk = device.memory, device.disk
    disk.resume = ""
    obstacle = _obstacle(device)
    if memory.credentials and not obstacle:
        if memory.credentials == "local":
            world.note("U12", "The local account is signed in.")
        else:
            world.note("U12", f"{memory.user_name} is signed in automatically with the credentials of the first sign-in.")
            disk.signed_in_user = memory.user_name
        memory.credentials = ""
        world.show("FSIA", "U12")
        await world.spend("fsia")
        return StepResult(Outcome.OK, "automatic sign-in")
    local = disk.accounts.get(disk.signed_in_user)
    if disk.join is None and (local is None or local.kind != "local"):
        return StepResult(Outcome.STUCK, "nobody can sign in")
    rule, why = _why_by_hand(device, obstacle)
    world.note(rule, why)
    if disk.resealed and disk.device_lock:
        world.note("F-57", "The device password policy hides web sign-in: no Temporary Access Pass can be used here.")
    result = await _logon(device, world, rule)
    if result is None:
        if memory.pass_refused:
            return StepResult(Outcome.STUCK, "a Temporary Access Pass needs web sign-in", memory.pass_refused)
        return StepResult(Outcome.STUCK, "nobody signed in", rule)
    disk.signed_in_user = result
    memory.user_name = result
    world.show("FSIA", "U12")
    await world.spend("fsia")
    return StepResult(Outcome.OK, "manual sign-in", rule)


def _why_by_hand(device: Device, obstacle: str) -> tuple[str, str]:
    memory, disk = device.memory, device.disk
    if memory.credentials:
        return ("REBOOT-PASSWORD-POLICY" if disk.device_lock else "U12"), obstacle
    if memory.token is not None:
        return "U12", "The sign-in page of another identity provider leaves no credentials behind: somebody has to sign in."
    rule = "F-93" if disk.restart_rule == "F-93" else "REBOOT-CREDENTIALS"
    return rule, "The restart lost the cached credentials: somebody has to sign in."


async def _logon(device: Device, world: World, rule: str) -> str | None:
    """Who signs in on the sign-on screen after a restart lost the credentials: the joining user, or the local account."""
    disk = device.disk
    if disk.join is None:
        return disk.signed_in_user if await local_password(world, "LOGON", rule, "sign-in") else None
    name = disk.join.user_name
    try:
        token = await entra_password(device, world, name, "LOGON", rule, takes="sign-in")
    except ServiceFault:
        return None
    if isinstance(token, SignedIn):
        device.memory.user_id = token.user_id
        device.memory.subscription = token.windows_edition
        return token.user_name
    return token


def _obstacle(device: Device) -> str:
    if device.disk.device_lock:
        return "A device password policy asks for credentials: no automatic sign-in."
    for uri in device.disk.policies:
        reason = LOGON_BREAKERS.get(uri.casefold())
        if reason:
            return f"{reason}: no automatic sign-in."
    if device.disk.registry.get(WINLOGON, "AutoAdminLogon") in ("0", 0):
        return "AutoAdminLogon is 0: no automatic sign-in."
    return ""


async def privacy(device: Device, world: World) -> StepResult:
    """U13. At the start of account setup; hidden by the profile."""
    disk = device.disk
    if disk.signed_in_user in disk.users:
        return StepResult(Outcome.SKIPPED, "answered at the first sign-in", "SIGNIN-LATER")
    if disk.reset:
        return StepResult(Outcome.SKIPPED, "no page of setup after a reset in place", "R6")
    profile = device.memory.profile or disk.profile
    if disk.late_updates:
        return StepResult(Outcome.SKIPPED, "answered before the restart", "QU-POSITION")
    if profile is not None and profile.cloud_assigned_oobe_config & 4:
        return StepResult(Outcome.SKIPPED, "the profile hides the privacy page", "SET-PRIVACY")
    await world.ask(Question("PRIVACY", ("Accept",), "Accept"), "SET-PRIVACY" if profile else "U13")
    return OK


async def hello(device: Device, world: World) -> StepResult:
    """U15, and before it the quality updates where they come after the status page (Q-03)."""
    disk = device.disk
    late = world.chosen("Q-03") == "after the status page" and disk.domain is None and world.offers(Outcome.REBOOT)
    if late and disk.enrolment is not None and not disk.late_updates:
        result = await install_quality_updates(device, world)
        disk.late_updates = True
        if result.outcome is not Outcome.SKIPPED:
            world.note("QU-POSITION", "The quality updates came after the status page, with the user signed in (Q-03).")
        if result.outcome is Outcome.REBOOT:
            return result
    return await _hello(device, world)


async def _hello(device: Device, world: World) -> StepResult:
    """If the tenant asks for it and the device can; the person may get out of it with an error."""
    disk = device.disk
    if disk.domain is not None:
        return StepResult(Outcome.SKIPPED, "Windows Hello for Business of domain members is not simulated")
    if disk.enrolment is None or disk.join is None:
        return StepResult(Outcome.SKIPPED, "no Windows Hello for Business outside management")
    if disk.signed_in_user in disk.users:
        return StepResult(Outcome.SKIPPED, "offered at the first sign-in", "SIGNIN-LATER")
    prefix = f"D/vendor/msft/passportforwork/{disk.join.tenant_id.casefold()}/policies/"
    if disk.csp.values.get(prefix + "usepassportforwork") != "true":
        return StepResult(Outcome.SKIPPED, "the tenant does not ask for Windows Hello")
    if disk.csp.values.get(prefix + "requiresecuritydevice") == "true" and not device.hardware.tpm.present:
        return StepResult(Outcome.SKIPPED, "Windows Hello needs a TPM here", "REQ-TPM")
    minimum = int(disk.csp.values.get(prefix + "pincomplexity/minimumpinlength", "4"))
    pin = "135792".ljust(minimum, "4")
    for _ in range(MOST_ATTEMPTS):
        reply = await world.ask(Question("WHFB", ("Set up", "Cancel"), "Set up", "PIN", pin, secret=True), "U15", "hello")
        if reply.choice != "Cancel" and len(reply.value) >= minimum:
            break
        if reply.choice == "Cancel":
            world.log("Hello", 6045, "0x801C044F", "U15")
            return StepResult(Outcome.FAILED, "0x801C044F: the person cancelled")
        world.show("WHFB", "U15", f"The PIN must have at least {minimum} characters.")
    else:
        return StepResult(Outcome.FAILED, "no PIN that the policy accepts")
    try:
        await world.call(RegisterHelloKey(device.memory.user_id, disk.join.device_id))
    except CallFailed as failed:
        world.log("UserDeviceRegistration", 301, failed.code, "U15")
        return StepResult(Outcome.FAILED, f"{failed.code}: the key could not be registered")
    world.log("UserDeviceRegistration", 300, "Hello key registered", "U15")
    return OK


async def desktop(device: Device, world: World) -> StepResult:
    """U16: what becomes true when the user is there; then the background finishes what the ESP did not wait for."""
    disk = device.disk
    disk.oobe_complete, disk.late_updates = True, False
    if disk.enrolment is not None and not world.passes("OpenPushChannel", "client.wns.windows.com", "NET-WNS"):
        world.note("NET-WNS", "No push channel: the device learns of orders at its next check-in only.")
    disk.accounts.pop("defaultuser0", None)
    step_up(device, world)
    if disk.resealed:
        world.note("PU4", "The user flow of a pre-provisioned device has come to its desktop.")
    world.show("DESKTOP", "U16", f"Signed in as {disk.signed_in_user or 'nobody'}")
    if disk.signed_in_user and disk.signed_in_user not in disk.users:
        disk.users.append(disk.signed_in_user)
    if device.hardware.tpm.present and disk.join is not None and disk.bitlocker != "encrypting":
        await encrypt(device, world)
    account = disk.accounts.get(disk.signed_in_user)
    if account is not None and account.kind != "local":
        tell_policies(device, world)
    if disk.enrolment is not None and account is not None and account.kind != "local":
        await start_management(device, world).settle()
        disk.reset = ""
    if disk.domain is not None:
        await _registered_later(device, world)
    return OK


async def _registered_later(device: Device, world: World) -> None:
    """Without a page that waited, the hourly task registers a domain member in the background."""
    deadline = world.now + SETTLED_AFTER
    while device.disk.domain is not None and not device.disk.domain.registration and world.now < deadline:
        await world.sleep(MINUTE)


async def encrypt(device: Device, world: World) -> None:
    """Automatic device encryption: after device setup, so that a registered device knows the policy's cipher by then."""
    disk = device.disk
    assert disk.join is not None
    try:
        await world.call(EscrowRecoveryKey(disk.join.device_id, "C:"))
    except CallFailed as failed:
        disk.bitlocker = f"not encrypted: {failed.code}"
        return
    disk.bitlocker = "encrypting"
    wanted = disk.csp.read("./Device/Vendor/MSFT/BitLocker/EncryptionMethodByDriveType") or ""
    if disk.profile is None and XTS_AES_256 in wanted:
        world.note("F-95", "Encryption began with XTS-AES 128 before the policy arrived, which asks for 256.")
    else:
        cipher = " with XTS-AES 256" if XTS_AES_256 in wanted else ""
        world.note("U16", f"BitLocker began to encrypt the drive{cipher} after device setup; the recovery key is in Entra.")
