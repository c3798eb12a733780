"""Answers of Active Directory and its links to the cloud: the connector's blob, domain logon, hybrid registration, VPN."""

from __future__ import annotations

from autopilot_agent.device.domain_blob import DomainBlob, pack
from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.domain import (
    ComputerObject,
    ConnectionPoint,
    ConnectVpn,
    ControllerFound,
    FindDomainController,
    GetUserToken,
    HybridRegistered,
    LoggedOn,
    LogOnToDomain,
    ReadConnectionPoint,
    RegisterHybridDevice,
    WriteUserCertificate,
)
from autopilot_agent.service.entra import SignedIn
from autopilot_agent.service.management import Commands, DomainJoinStanding
from autopilot_agent.service.uris import DOMAIN_JOIN_BLOB
from autopilot_agent.tenant.active_directory import MACHINE_QUOTA, Computer, wrong_unit
from autopilot_agent.tenant.commands import Maker
from autopilot_agent.tenant.directory import WRONG_PASSWORD, token_of
from autopilot_agent.tenant.graph.directory import EntraDevice, User
from autopilot_agent.tenant.graph.policies import DeviceConfiguration
from autopilot_agent.tenant.state import EnrolledDevice, Handlers, TenantState

DOMAIN_SID = "S-1-5-21-1004336348-1177238915-682003330"
LONGEST_NAME = 15
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def domain_join_profile(device: EnrolledDevice) -> DeviceConfiguration | None:
    """The Domain Join profile that reaches a device; one that is for its user does not count."""
    for assigned in device.policies:
        policy = assigned.policy
        if assigned.target != "device" or not isinstance(policy, DeviceConfiguration):
            continue
        if policy.kind == "windowsDomainJoinConfiguration":
            return policy
    return None


def blob_commands(state: TenantState, device: EnrolledDevice, make: Maker, now: int) -> tuple[Commands, ...]:
    """A check-in with the OdjSync alert: the hardware data is read first; the blob comes once the connector has made it."""
    if device.blob_asked_at is None:
        device.blob_asked_at = now
        return (Commands((make.get("./DevDetail/Ext/DeviceHardwareData"),)),)
    computer = _computer(state, device, now)
    if computer is None:
        return ()
    device.device_name = computer.name
    blob = DomainBlob(state.active_directory.domain, computer.name, computer.password)
    return (Commands((make.execute(DOMAIN_JOIN_BLOB, pack(blob), "b64"),)),)


def standing(state: TenantState, device: EnrolledDevice, now: int) -> DomainJoinStanding:
    """Whether a Domain Join profile reaches the device, and what keeps its blob back if anything does."""
    profile = domain_join_profile(device)
    if profile is None:
        return DomainJoinStanding(False, "F-34", "no Domain Join profile reaches the device")
    rule, reason = _hindrance(state, profile, now)
    return DomainJoinStanding(True, rule, reason)


def _hindrance(state: TenantState, profile: DeviceConfiguration, now: int) -> tuple[str, str]:
    directory = state.active_directory
    wanted = str(profile.settings.get("activeDirectoryDomainName") or "")
    connector = directory.connector_at(now)
    if connector in ("down", "inactive"):
        return "F-31", f"the connector is {connector}"
    if wanted.casefold() != directory.domain.casefold():
        return "H4", f"the profile names {wanted or 'no domain'}, the connector works in {directory.domain}"
    unit = str(profile.settings.get("organizationalUnit") or "")
    wrong = wrong_unit(unit, directory.organizational_units)
    if wrong:
        return "F-34", wrong
    if connector == "no_rights":
        return "F-32", "30132: error 5, the connector may not create computer objects in the OU"
    if connector == "quota" and directory.computers_made >= MACHINE_QUOTA:
        return "F-32", f"30132: error 5, the connector has used up its quota of {MACHINE_QUOTA} computers"
    return "", ""


def _computer(state: TenantState, device: EnrolledDevice, now: int) -> Computer | None:
    """The computer object of an enrolment; made when the connector has had its time since the device asked."""
    directory = state.active_directory
    known = directory.computers.get(device.enrolment_id)
    if known is not None:
        return known
    profile = domain_join_profile(device)
    asked = device.blob_asked_at
    if profile is None or asked is None:
        return None
    rule, reason = _hindrance(state, profile, now)
    if rule:
        if reason.startswith("30132") and reason not in directory.log:
            directory.log.append(reason)
        device.blob_asked_at = now  # the request is taken up anew when what hindered it is gone
        return None
    if now - asked < directory.connector_takes:
        return None
    name = computer_name(state, profile, device.enrolment_id)
    unit = str(profile.settings.get("organizationalUnit") or "")
    number = len(directory.computers) + 1
    made = Computer(
        name, unit, state.unique("computer", name), f"{DOMAIN_SID}-{2100 + number}", state.guid("machine password", name), now
    )
    directory.computers[device.enrolment_id] = made
    directory.computers_made += 1
    return made


def computer_name(state: TenantState, profile: DeviceConfiguration, enrolment_id: str) -> str:
    """Prefix and random part, together at most 15 characters."""
    prefix = str(profile.settings.get("computerNameStaticPrefix") or "")
    count = profile.settings.get("computerNameSuffixRandomCharCount")
    room = LONGEST_NAME - len(prefix)
    wanted = count if isinstance(count, int) and 0 < count < room else room
    number = int(state.guid("computer name", enrolment_id).replace("-", ""), 16)
    return prefix + "".join(LETTERS[number // 36**place % 36] for place in range(wanted))


def controller(state: TenantState, call: FindDomainController, now: int) -> ControllerFound:
    """A controller of the one domain that is here."""
    if call.domain.casefold() != state.active_directory.domain.casefold():
        raise ServiceFault("0x8007054B", f"there is no domain {call.domain} in this network", "NET-DC")
    return ControllerFound(f"dc1.{state.active_directory.domain}")


def log_on(state: TenantState, call: LogOnToDomain, now: int) -> LoggedOn:
    """A logon with AD credentials; everybody of the tenant has an account of the same name in the directory."""
    if _by_name(state, call.computer_name) is None:
        raise ServiceFault("0x800706FC", f"the domain has no trust with {call.computer_name}", "NET-DC")
    user = state.user(call.user_name)
    if user is None or not user.account_enabled or not call.password or call.password.casefold().startswith(WRONG_PASSWORD):
        raise ServiceFault("0x8007052E", "the user name or password is incorrect", "F-18")
    return LoggedOn(user.user_principal_name, _sid(state, user))


def _sid(state: TenantState, user: User) -> str:
    number = int(state.guid("domain account", user.id).replace("-", "")[:6], 16)
    return f"{DOMAIN_SID}-{1_100_000 + number % 900_000}"


def connection_point(state: TenantState, call: ReadConnectionPoint, now: int) -> ConnectionPoint:
    """The service connection point, unless nobody configured one."""
    if not state.active_directory.connection_point:
        raise ServiceFault("0x801C001D", "the forest has no service connection point", "H11")
    return ConnectionPoint(state.tenant_id, state.domain, state.conditions.federated)


def user_certificate(state: TenantState, call: WriteUserCertificate, now: int) -> ComputerObject:
    """The computer's own object; the moment counts for the sync."""
    computer = _by_name(state, call.computer_name)
    if computer is None:
        raise ServiceFault("0x800706FC", f"the domain has no computer {call.computer_name}", "NET-DC")
    if computer.certificate_at is None:
        computer.certificate_at = now
    return ComputerObject(computer.object_guid, computer.sid)


def register(state: TenantState, call: RegisterHybridDevice, now: int) -> HybridRegistered:
    """Hybrid registration: by claims of AD FS at once, else when the sync has brought the computer object."""
    computer = _by_name(state, call.computer_name)
    if computer is None or computer.object_guid != call.device_id:
        raise ServiceFault("error_missing_device", f"no device {call.device_id} is known", "H11")
    if not state.conditions.federated and not state.active_directory.synced(computer, now):
        raise ServiceFault("error_missing_device", "the directory sync has not brought the computer object yet", "H11")
    state.hybrid[call.device_id] = EntraDevice(id=call.device_id, device_id=call.device_id, display_name=call.computer_name)
    thumbprint = state.guid("device certificate", call.device_id).replace("-", "").upper() + "00000000"
    return HybridRegistered(call.device_id, thumbprint)


def user_token(state: TenantState, call: GetUserToken, now: int) -> SignedIn:
    """Single sign-on of a user on a registered device."""
    user = state.user(call.user_name)
    if user is None or call.device_id not in state.hybrid:
        raise ServiceFault("AADSTS50034", f"{call.user_name} has no token on this device", "H12")
    return token_of(state, user)


def _by_name(state: TenantState, name: str) -> Computer | None:
    return next((one for one in state.active_directory.computers.values() if one.name == name), None)


HANDLERS: Handlers = {
    FindDomainController: controller,
    LogOnToDomain: log_on,
    ReadConnectionPoint: connection_point,
    WriteUserCertificate: user_certificate,
    RegisterHybridDevice: register,
    GetUserToken: user_token,
    ConnectVpn: lambda state, call, now: Done(),
}
