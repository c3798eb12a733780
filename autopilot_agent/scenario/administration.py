"""What an administrator does in the tenant, at once or when its virtual time comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.scenario.act_specs import Admin

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan


def administer(plan: Plan, index: int, act: Admin) -> None:
    """Carry out one act of an administrator."""
    data = plan.changes.get(index)
    if data is not None:
        from autopilot_agent.scenario.plan import targeting_of

        plan.state.replace_data(data, targeting_of(data))
        plan.world.cloud_changed(f"changed: {', '.join(act.tenant)}", "SET-LATE-CHANGE")
