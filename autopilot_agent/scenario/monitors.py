"""Invariants of flows.md 12 as monitors: each looks at a finished run; a broken one is a defect of the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan
    from autopilot_agent.scenario.run import Result


def broken_invariants(plan: Plan, result: Result) -> list[str]:
    """The invariants that the run broke, as "I-10: what happened"."""
    return []
