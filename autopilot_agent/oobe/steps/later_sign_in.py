"""S7 and R7: somebody signs in to Windows once setup is over, perhaps somebody whom this PC has never seen."""

from __future__ import annotations

from msgspec import structs

from autopilot_agent.device import Device
from autopilot_agent.device.storage import Account
from autopilot_agent.errors import ServiceFault
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.acquisition import check_connectivity
from autopilot_agent.oobe.steps.join import entra_sid
from autopilot_agent.oobe.steps.logon import ask_name, entra_password, local_password
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.service.entra import SignedIn

MOST_NAMES = 3
"""Names that a person tries before walking away."""


async def windows_sign_in(device: Device, world: World) -> StepResult:
    """The sign-on screen: any user of the tenant on a joined device, local accounts on every one."""
    disk = device.disk
    await world.spend("power-on", "sign-in", world.count("sign-on screen"))
    await go_online(device, world, somebody=True)
    if disk.domain is not None and disk.domain.joined:
        return StepResult(Outcome.DOMAIN, "an account of the domain is needed")
    rule = _rule(device)
    why = "nobody signed in"
    for _ in range(MOST_NAMES):
        name = await ask_name(world, "LOGON", rule, _suggestion(device))
        if not name:
            break
        account = _account(device, name)
        if account is not None and account.kind != "entra":
            if await local_password(world, "LOGON", rule):
                return await _arrived(device, world, account, rule)
            break
        if disk.join is None:
            why = f"{name} has no account on this PC, which is not joined to Entra"
            world.show("LOGON", rule, why)
            continue
        try:
            token = await entra_password(device, world, account.name if account else name, "LOGON", rule)
        except ServiceFault as fault:
            why = fault.reason
            world.show("LOGON", "F-18", f"The sign-in failed ({fault.code}).")
            continue
        if token is None:
            rule, why = "F-18", f"{name} could not sign in"
            break
        if isinstance(token, SignedIn):
            if token.tenant_id != disk.join.tenant_id:
                why = f"{name} belongs to another tenant"
                world.show("LOGON", "F-15", why)
                continue
            account = _entra_account(device, world, token)
            device.memory.token = token
        assert account is not None  # kept credentials belong to an account of this PC
        return await _arrived(device, world, account, rule)
    world.failure = Failure("", State.WINDOWS_SIGN_IN, rule, why)
    return StepResult(Outcome.STUCK, why, rule)


async def go_online(device: Device, world: World, *, somebody: bool) -> bool:
    """Whether the PC has internet; with ``somebody`` in front of it a Wi-Fi that it does not know is chosen."""
    network, disk = device.network, device.disk
    network.connected = False
    if not network.link(world.now):
        return False
    if network.kind == "wifi" and network.ssid not in disk.wifi_profiles:
        if not somebody:
            world.note("SIGNIN-NETWORK", f"Nobody is there to choose {network.ssid}: the PC has no network.")
            return False
        world.note("SIGNIN-NETWORK", f"The Wi-Fi {network.ssid} is chosen on the sign-on screen.")
        await world.spend("network-page", "sign-on screen")
        disk.wifi_profiles[network.ssid] = "sign-on screen"
    return await check_connectivity(device, world)


def _rule(device: Device) -> str:
    enrolment = device.disk.enrolment
    if device.disk.reset:
        return "R7"
    return "S7" if enrolment is not None and not enrolment.user_id else "SIGNIN-LATER"


def _suggestion(device: Device) -> str:
    """Whom Windows shows on a PC that is not joined: its own accounts."""
    disk = device.disk
    local = [one.name for one in disk.accounts.values() if one.kind == "local"]
    return local[0] if disk.join is None and local else ""


def _account(device: Device, name: str) -> Account | None:
    wanted = name.casefold()
    return next((one for one in device.disk.accounts.values() if one.name.casefold() == wanted and one.kind != "system"), None)


def _entra_account(device: Device, world: World, token: SignedIn) -> Account:
    """The account of a user of Entra, made at the first sign-in (rule SIGNIN-RIGHTS)."""
    disk = device.disk
    account = disk.accounts.get(token.user_name)
    if account is None:
        owner = disk.join is not None and disk.join.user_name == token.user_name
        standard = disk.profile is not None and bool(disk.profile.cloud_assigned_oobe_config & 2)
        able = (token.administrator_by_role or (owner and not standard)) and not device.windows.se
        group = "administrators" if able else "users"
        account = disk.accounts[token.user_name] = Account(token.user_name, "entra", group, entra_sid(token.user_id))
        world.note("SIGNIN-RIGHTS", f"{token.user_name} is in {group}.")
    elif token.administrator_by_role and not device.windows.se:
        account.group = "administrators"
    device.memory.user_id, device.memory.user_name = token.user_id, token.user_name
    device.memory.subscription = token.windows_edition
    if disk.enrolment is not None:
        disk.enrolment = structs.replace(disk.enrolment, user_id=token.user_id, user_name=token.user_name)
    return account


async def _arrived(device: Device, world: World, account: Account, rule: str) -> StepResult:
    disk = device.disk
    if disk.signed_in_user != account.name:
        disk.csp.drop_user()
        disk.esp_started.pop("account", None)
        disk.left_page = False
    disk.signed_in_user = account.name
    if account.name not in disk.users:
        world.show("FSIA", rule)
        await world.spend("fsia")
        return StepResult(Outcome.OK, f"{account.name} for the first time", rule)
    return StepResult(Outcome.OK, f"{account.name} again", rule)
