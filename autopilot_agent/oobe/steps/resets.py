"""R1 to R6: Autopilot Reset, local and remote; wipes, fresh starts and retirements take the same way as far as they can."""

from __future__ import annotations

from autopilot_agent import rulebook
from autopilot_agent.device import Device
from autopilot_agent.device.resetting import OTHER_DRIVE, apply_reset
from autopilot_agent.errors import CallFailed, ServiceFault, Unreachable
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.management.remote_wipe import COMPLETE, REMOTE_RESET, STATUS, WAITING_FOR_RESTART
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.steps.later_sign_in import go_online
from autopilot_agent.oobe.steps.logon import ask_name, entra_password, local_password
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.rulebook import Reset
from autopilot_agent.service.entra import SignedIn
from autopilot_agent.service.management import RemoteAction

OK = StepResult(Outcome.OK)

LOCAL_RESET = "autopilot-reset-local"
POLICY = "./Device/Vendor/MSFT/Policy/Config/CredentialProviders/DisableAutomaticReDeploymentCredentials"
NO_RECOVERY = "0x80070032"
FIRST_LOCAL = 16299
"""Windows 10 1709, the first with an Autopilot Reset at the lock screen (rule RST-OS)."""
MOST_CHECK_INS = 3
"""Check-ins after which nobody waits any more for an order that does not arrive."""
MOST_NAMES = 3


async def reset_ordered(device: Device, world: World) -> StepResult:
    """R1. Somebody at the lock screen, or an order that waits for the device's next check-in."""
    disk = device.disk
    local = world.order is None
    if disk.reset_order and not local:
        return StepResult(Outcome.REMOTE, "the order had arrived before the power went", "E-POWER")
    autopilot = local or world.order is RemoteAction.AUTOPILOT_RESET
    if autopilot and disk.domain is not None:
        return _refused(world, State.RESET_ORDERED, "F-82", "a device in a domain cannot have an Autopilot Reset: wipe it")
    if autopilot and disk.join is None:
        return _refused(world, State.RESET_ORDERED, "R1", "an Autopilot Reset needs a device that is joined to Entra")
    await world.spend("power-on", "reset", world.count("reset"))
    online = await go_online(device, world, somebody=local)
    if local:
        return StepResult(Outcome.LOCAL)
    if not online:
        world.note("RST-ORDER", "The device has no network: the order waits.")
    return await _await_order(device, world)


async def _await_order(device: Device, world: World) -> StepResult:
    """Check in until the order is there; how soon that is depends on what was ordered."""
    row = rulebook.resets()[world.order.value]
    failed: CallFailed | None = None
    for attempt in range(MOST_CHECK_INS):
        if row.propagation == "push" and attempt == 0:
            await world.sleep(int(world.maximum("wipe-pickup") * world.clock.draw("wipe-pickup", row.id)))
        else:
            await world.spend("check-in", row.id, attempt)
        if not device.network.connected and not await go_online(device, world, somebody=False):
            failed = failed or Unreachable("0x80072EE7", "the device has no network", "F-13")
            continue
        try:
            await start_management(device, world).session()
        except CallFailed as error:
            failed = error
            world.note(error.rule or "NET-INTUNE", f"The management session failed: {error}.")
            continue
        if device.memory.order_refused:
            why = f"Windows {device.windows.build} is older than 1809 and has no such node"
            return _refused(world, State.RESET_ORDERED, device.memory.order_refused, why)
        if device.disk.reset_order:
            return StepResult(Outcome.REMOTE, rulebook.resets()[device.disk.reset_order].title, "RST-ORDER")
    rule = failed.rule if failed is not None and failed.rule.startswith("F-") else "RST-ORDER"
    why = "the order never reached the device"
    return _refused(world, State.RESET_ORDERED, rule, why, failed.code if failed is not None else "")


async def lock_screen(device: Device, world: World) -> StepResult:
    """R2. Ctrl+Win+R opens the reset only where the policy, off by default, has arrived on the device."""
    world.show("LOGON", "R2", "Ctrl+Win+R")
    if device.windows.number < FIRST_LOCAL:
        why = f"nothing happens: Windows {device.windows.build} is older than 1709"
        return _refused(world, State.LOCK_SCREEN, "RST-OS", why)
    value = device.disk.csp.read(POLICY)
    if value == "0":
        return OK
    found = "was never set" if value is None else f"is {value}"
    return _refused(world, State.LOCK_SCREEN, "F-81", f"nothing happens: DisableAutomaticReDeploymentCredentials {found}")


async def reset_credentials(device: Device, world: World) -> StepResult:
    """R2. A local administrator signs in; a provisioning package on a USB drive is announced beside it."""
    packages = _packages(device)
    text = f"The provisioning package {packages[0]} will be used." if packages else ""
    if packages:
        world.note("RST-PACKAGE", text)
    if not await _administrator(device, world, "R2", text):
        return _refused(world, State.RESET_CREDENTIALS, "R2", "nobody with a local administrator's credentials")
    device.disk.reset_order = LOCAL_RESET
    return OK


async def reset_check(device: Device, world: World) -> StepResult:
    """R3. Everything that lays Windows out anew needs the recovery environment."""
    row = _row(device)
    rule = "R3"
    autopilot = row.id in (LOCAL_RESET, REMOTE_RESET)
    if row.winre == "needed" and not device.windows.winre:
        device.disk.reset_order = ""
        why = "the recovery environment is switched off"
        if not autopilot:
            return _refused(world, State.RESET_CHECK, "RST-WIPE-WINRE", f"{row.title} cannot begin: {why}")
        text = "There was a problem when resetting this PC. Ask an administrator."
        if row.id == LOCAL_RESET:
            world.show("RESETLOGON", "F-80", text)
        else:
            world.note("F-80", text)
        return _refused(world, State.RESET_CHECK, "F-80", why, NO_RECOVERY)
    if autopilot and row.winre == "needed" and device.windows.winre_lost:
        world.note("F-83", "The recovery environment could not be found.")
        if not await _administrator(device, world, "F-83", "Could not find the recovery environment."):
            device.disk.reset_order = ""
            return _refused(world, State.RESET_CHECK, "F-83", "nobody entered an administrator's credentials")
        rule = "F-83"
    if row.id == REMOTE_RESET:
        world.set_node(STATUS, WAITING_FOR_RESTART, "RST-STATUS")
    return StepResult(Outcome.OK, row.title, rule)


async def resetting(device: Device, world: World) -> StepResult:
    """R4. What the row of the reset says happens to the disk; the restart comes with a new Windows."""
    row = _row(device)
    packages = _packages(device)
    await world.spend("retire" if row.windows == "same" else "autopilot-reset", row.id)
    apply_reset(device, row)
    if row.windows == "new":
        if row.entra_join == "removed":
            world.disk_erased(row.title, row.rule)
            world.note("A-DISCARDED", "The cached profile went with the disk; the next setup asks for the profile anew.")
        reboot(device, world, row.title, row.rule)
    world.note(row.rule, _in_words(row))
    if row.id == LOCAL_RESET and packages:
        device.disk.packages += packages
        world.note("RST-PACKAGE", f"The provisioning package {packages[0]} was applied.")
    if row.mdm_enrolment == "removed":
        world.note("RST-RECORD", "The device does not know its management any more; its registration is in the cloud.")
    if row.windows == "same":
        world.note("RST-RETIRE-COMMAND", "The order came as an Exec of Unenroll.")
        return StepResult(Outcome.RETIRED, rule=row.rule)
    return StepResult(Outcome.WIPED if row.oobe_afterwards == "yes" else Outcome.OK, rule=row.rule)


async def restoring(device: Device, world: World) -> StepResult:
    """R5 and R6. Nobody gets to the desktop before a session has brought everything back; then the sign-on screen."""
    disk = device.disk
    row = rulebook.resets()[disk.reset]
    await world.spend("power-on", "restore", world.count("restore"))
    if row.id == REMOTE_RESET:
        world.set_node(STATUS, COMPLETE, "RST-STATUS")
    failed: CallFailed | None = None
    for attempt in range(MOST_CHECK_INS if row.sync_before_desktop == "enforced" else 1):
        if attempt:
            await world.spend("check-in", "restore", attempt)
        failed = await _sync(device, world)
        if failed is None or isinstance(failed, ServiceFault):
            break
    if failed is not None and row.sync_before_desktop == "enforced":
        world.failure = Failure(failed.code, State.RESTORING, "R5", f"no management session after the reset: {failed.reason}")
        return StepResult(Outcome.STUCK, "the sign-in is closed until a management session has finished", "R5")
    world.note("R6", "The sign-on screen appears; no page of setup was shown.")
    world.show("LOGON", "R6")
    if row.primary_user != "unstated":
        kept = "stay as they are" if row.primary_user == "kept" else "are cleared; the next user becomes both"
        world.note("R7", f"Primary user and owner {kept}.")
    return StepResult(Outcome.OK, rule="R5" if row.sync_before_desktop == "enforced" else row.rule)


async def _sync(device: Device, world: World) -> CallFailed | None:
    """One session in which the server brings back policies and apps; what went wrong, or None."""
    if not await go_online(device, world, somebody=False):
        return Unreachable("0x80072EE7", "the device has no network", "R5")
    try:
        await start_management(device, world).session(restored=True)
    except CallFailed as failed:
        world.note(failed.rule or "NET-INTUNE", f"The management session failed: {failed}.")
        return failed
    world.note("RST-RESTORED", "The server sent policies and apps once more.")
    return None


async def _administrator(device: Device, world: World, rule: str, text: str) -> bool:
    """Whether somebody signs in who is a local administrator of this PC."""
    disk = device.disk
    able = [one.name for one in disk.accounts.values() if one.group == "administrators"]
    for _ in range(MOST_NAMES):
        name = await ask_name(world, "RESETLOGON", rule, able[0] if able else "", text)
        if not name:
            return False
        account = next((one for one in disk.accounts.values() if one.name.casefold() == name.casefold()), None)
        if account is not None and account.kind != "entra":
            right, role = await local_password(world, "RESETLOGON", rule), False
        else:
            try:
                token = await entra_password(device, world, account.name if account else name, "RESETLOGON", rule)
            except ServiceFault as fault:
                world.show("RESETLOGON", "F-18", f"The sign-in failed ({fault.code}).")
                continue
            right = token is not None
            role = isinstance(token, SignedIn) and token.administrator_by_role
        if right and (role or (account is not None and account.group == "administrators")):
            world.note(rule, f"{name} is a local administrator.")
            return True
        if right:
            world.show("RESETLOGON", rule, f"{name} is no local administrator.")
    return False


def _row(device: Device) -> Reset:
    return rulebook.resets()[device.disk.reset_order]


def _packages(device: Device) -> list[str]:
    """Provisioning packages on drives that are not the system's."""
    return [path for path in device.disk.files if OTHER_DRIVE.match(path) and path.casefold().endswith(".ppkg")]


def _in_words(row: Reset) -> str:
    """What stays and what goes, for the reader."""
    names = ("user_accounts", "user_files", "wifi", "locale", "packages", "entra_join", "mdm_enrolment", "scep_certificates")
    return f"{row.title}: " + ", ".join(f"{name.replace('_', ' ')} {getattr(row, name)}" for name in names) + "."


def _refused(world: World, state: State, rule: str, why: str, code: str = "") -> StepResult:
    world.failure = Failure(code, state, rule, why)
    return StepResult(Outcome.FAILED, f"{code}: {why}" if code else why, rule)
