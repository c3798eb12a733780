"""What is done to a PC in a workshop: a new motherboard, a task sequence that images it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.scenario.act_specs import ReplaceMotherboard, TaskSequence

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan


def replace_motherboard(plan: Plan, act: ReplaceMotherboard) -> None:
    """Another board: another TPM, another hash."""
    raise NotImplementedError


def run_task_sequence(plan: Plan, act: TaskSequence) -> None:
    """Image the PC and put the profile file onto it."""
    raise NotImplementedError
