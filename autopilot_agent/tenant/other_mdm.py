"""An MDM that is not Intune: it enrols the device, and holds and releases the status page, or does not (protocols.md 14.3)."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from autopilot_agent.service.enrolment import Enrolled, EnrollMdm
from autopilot_agent.service.management import Command, Commands, ManagementMessage
from autopilot_agent.service.uris import PROVIDERS, first_sync
from autopilot_agent.tenant.commands import Maker
from autopilot_agent.tenant.graph.directory import MobilityManagementPolicy, User
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.graph.scopes import INTUNE_APP_ID
from autopilot_agent.tenant.state import EnrolledDevice, OtherMdm, TenantState, build_of
from autopilot_agent.tenant.targeting import Assigned

HOLD_MINUTES = 180
"""The time-out that the one published server of this kind gives the page."""
MANAGEMENT_PATH = "/ManagementServer/MDM.svc"
"""Where such servers are managed from; the discovery address is another (protocols.md 18.2)."""
NO_PAGE = EspConfiguration(id="other", display_name="none: another MDM")


def other_mdm_of(state: TenantState, user: User) -> MobilityManagementPolicy | None:
    """The MDM of a user, if it is neither Intune nor a part of Microsoft's cloud."""
    mdm = state.targeting.mdm_for(user)
    if mdm is None or mdm.id == INTUNE_APP_ID or not mdm.discovery_url or ".microsoft.com" in mdm.discovery_url:
        return None
    return mdm


def enrol(state: TenantState, call: EnrollMdm, mdm: MobilityManagementPolicy, user: User) -> Enrolled:
    """Its provisioning document brings an account and nothing about the status page."""
    enrolment_id, dm_id = state.unique("enrolment").upper(), state.unique("managed device")
    provider = mdm.display_name or "OtherMDM"
    device = EnrolledDevice(
        enrolment_id,
        dm_id,
        call.device_id,
        call.device_name,
        call.serial_number,
        user.id,
        build_of(call.os_version),
        frozenset(),
        frozenset(),
        Assigned(NO_PAGE, "other", [], [], {}),
        None,
        primary_user=user.id,
        registration_id=call.registration_id,
        other_mdm=provider,
    )
    state.enrolled[enrolment_id] = device
    state.history.append(device)
    thumbprint = state.unique("mdm certificate").replace("-", "").upper() + "00000000"
    root = first_sync(provider).rpartition("/")[0]
    account = ((root + "/EntDMID", dm_id),)
    host = host_of(mdm.discovery_url or "")
    return Enrolled(enrolment_id, provider, dm_id, thumbprint, f"https://{host}{MANAGEMENT_PATH}", account, esp_target="other")


def host_of(url: str) -> str:
    """The host of an MDM's address, with its port; "" for a text that is no address."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def manage(state: TenantState, device: EnrolledDevice, message: ManagementMessage) -> Commands:
    """One message pair: hold at once, release at the next check-in, as far as this server does either."""
    if message.message > 1:
        for status in message.statuses:
            uri = device.asked.pop(status.command, None)
            if uri is not None and status.code >= 400 and status.code != 418:
                device.failed_commands[uri] = status.code
        return Commands()
    device.sessions += 1
    ways = state.conditions.other_mdm or OtherMdm()
    make = Maker(device)
    commands = _for_user(device, make, ways) if message.user_id else _for_device(device, make, ways)
    for command in commands:
        device.asked[command.id] = command.uri
    return Commands(tuple(commands))


def _for_device(device: EnrolledDevice, make: Maker, ways: OtherMdm) -> list[Command]:
    root, provider = first_sync(device.other_mdm), f"{PROVIDERS}/{quote(device.other_mdm, safe='')}"
    commands: list[Command] = []
    if ways.hold and "finished" not in device.sent:
        commands.append(make.add(provider, "", "node"))
        commands.append(make.add(provider + "/InstallationState", "1", "int"))
        if "hold" not in device.sent:
            commands += [
                make.replace(root + "/SkipDeviceStatusPage", "false", "bool"),
                make.replace(root + "/SkipUserStatusPage", "false", "bool"),
                make.replace(root + "/TimeOutUntilSyncFailure", str(HOLD_MINUTES), "int"),
                make.replace(root + "/BlockInStatusPage", "1", "int"),
                make.replace(root + "/AllowCollectLogsButton", "true", "bool"),
            ]
    if "hold" in device.sent and "finished" not in device.sent:
        if ways.ready and ways.hold:
            commands.append(make.replace(provider + "/InstallationState", "3", "int"))
        if ways.finishes:
            device.sent.add("finished")
            commands.append(make.replace(root + "/ServerHasFinishedProvisioning", "true", "bool"))
    device.sent.add("hold")
    return commands


def _for_user(device: EnrolledDevice, make: Maker, ways: OtherMdm) -> list[Command]:
    root = first_sync(device.other_mdm, user=True)
    commands = [make.add(root.rpartition("/")[0], "", "node")]
    if ways.finishes and "user finished" not in device.sent:
        device.sent.add("user finished")
        commands.append(make.replace(root + "/ServerHasFinishedProvisioning", "true", "bool"))
    return commands
