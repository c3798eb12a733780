"""Answers of Intune's OMA-DM server: the commands of each session, and what the device reports."""

from __future__ import annotations

from collections.abc import Callable

from autopilot_agent.errors import ServiceFault
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
from autopilot_agent.tenant.commands import PROVIDER
from autopilot_agent.tenant.state import EnrolledDevice, Handlers, TenantState

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
        uri = asked.pop(status.command, None)
        if uri is None:  # never sent, answered before, or a part of an Atomic
            continue
        if status.value is not None:
            device.facts[uri] = status.value
            _result(device, uri, status.value)
            _first_user_only(state, device, uri)
        elif status.code >= 400 and uri not in FIRST_GETS and status.code != 418:
            device.failed_commands[uri] = status.code
        if device.actions:  # something was ordered
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


HANDLERS: Handlers = {ManagementMessage: manage}
