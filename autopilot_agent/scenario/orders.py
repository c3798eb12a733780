"""Orders of an administrator: given before the act in which the device may get them, and withdrawn after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.service.management import RemoteAction
from autopilot_agent.tenant import remote_actions

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan


def give_order(plan: Plan, action: RemoteAction) -> None:
    """Order something for the managed device; raises ``InputError`` when Intune does not know it."""
    enrolment = plan.device.disk.enrolment
    remote_actions.order(plan.state, enrolment.enrolment_id if enrolment is not None else "", action)
    plan.world.cloud_changed(f"ordered: {action.value}", "RST-ORDER")


def withdraw_orders(plan: Plan) -> None:
    """An order that did not reach the device by the end of its act is withdrawn, so that it cannot surprise a later act."""
    enrolment = plan.device.disk.enrolment
    if enrolment is not None:
        remote_actions.withdraw(plan.state, enrolment.enrolment_id)
