"""What an administrator orders for a managed device: how the order travels, and what its answer changes in the cloud."""

from __future__ import annotations

from functools import cache

from autopilot_agent import rulebook
from autopilot_agent.clock import HOUR
from autopilot_agent.errors import InputError
from autopilot_agent.service.management import Commands, RemoteAction
from autopilot_agent.tenant import commands
from autopilot_agent.tenant.state import RESET_ERROR, RESET_STATUS, EnrolledDevice, TenantState

HYBRID_WAIT = 24 * HOUR
"""A wiped hybrid device can be deployed again after up to this long, unless somebody registers it anew (flows.md 8)."""


def order(state: TenantState, enrolment_id: str, action: RemoteAction) -> None:
    """Put an order beside the device's record, where it waits for the next check-in.

    Raises ``InputError`` when Intune has no record of that enrolment.
    """
    device = state.enrolled.get(enrolment_id)
    if device is None:
        raise InputError("Intune has no record of this device any more; provision it again first.")
    row = rulebook.resets()[action.value]
    if row.hybrid == "refused" and device.profile is not None and device.profile.hybrid:
        device.actions[row.id] = "notSupported"
        return
    device.orders.append(row.id)
    device.actions[row.id] = "pending"


def withdraw(state: TenantState, enrolment_id: str) -> None:
    """Take back what the device has not fetched yet."""
    device = state.enrolled.get(enrolment_id)
    if device is not None:
        device.actions.update(dict.fromkeys(device.orders, "canceled"))
        device.orders.clear()


def deliver(device: EnrolledDevice) -> tuple[Commands, ...]:
    """Every order that waits, as the Exec that its row names; last in a session, because not much may come after it."""
    orders, device.orders = device.orders, []
    make = commands.Maker(device)
    return tuple(Commands((make.execute(rulebook.resets()[one].command),)) for one in orders)


def restore(state: TenantState, device: EnrolledDevice) -> tuple[Commands, ...]:
    """What a device gets once more that was reset in place; nothing is tracked, and its users come later (rule R8)."""
    device.sent = {"first", "device"}
    remote = RemoteAction.AUTOPILOT_RESET.value
    if device.actions.get(remote) == "pending":  # the power went before the device could answer
        _carried_out(state, device, rulebook.resets()[remote], 0)
    make = commands.Maker(device)
    again = [one for one in commands.device(state, device, make)[0] if one.verb != "Atomic"]  # certificates were kept
    batches = [commands.preparation(state, device, make), again]
    if remote in device.actions:
        batches.append([make.get(RESET_STATUS), make.get(RESET_ERROR)])
    return tuple(Commands(tuple(batch)) for batch in batches if batch)


def answered(state: TenantState, device: EnrolledDevice, uri: str, code: int, now: int) -> None:
    """The status of a command came back: of an order, it says whether the device will do it."""
    row = _orders().get(uri)
    if row is None:
        return
    if code >= 400:
        device.actions[row.id] = "failed"
    else:
        _carried_out(state, device, row, now)


def _carried_out(state: TenantState, device: EnrolledDevice, row: rulebook.Reset, now: int) -> None:
    device.actions[row.id] = "done"
    if row.primary_user == "cleared":
        device.primary_user = device.user_id = ""
        device.cleared += 1
        state.owners.pop(device.device_id, None)
    if row.entra_record == "removed":
        state.joined.pop(device.device_id, None)
        state.owners.pop(device.device_id, None)
    if row.mdm_enrolment == "removed":
        state.enrolled.pop(device.enrolment_id, None)
        registration = state.registrations.get(device.serial_number)
        if registration is not None and device.profile is not None and device.profile.hybrid:
            registration.wiped_until = now + HYBRID_WAIT


@cache
def _orders() -> dict[str, rulebook.Reset]:
    """Every order by the node that carries it out."""
    return {row.command: row for row in rulebook.resets().values() if row.command}
