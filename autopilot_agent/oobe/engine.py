"""The engine: walks a flow, runs the step of each state, follows the edge of its outcome, until an end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from autopilot_agent.clock import PowerCut
from autopilot_agent.device import Device
from autopilot_agent.errors import Defect, Endless
from autopilot_agent.oobe.flow import Flow
from autopilot_agent.oobe.management.firmware_edition import finish_upgrade
from autopilot_agent.oobe.states import CHECKPOINTS, ENDS, RULES, Outcome, State
from autopilot_agent.oobe.world import World

MOST_STATES = 600
"""A flow that visits more states than this does not end: a defect of a table or a script, not of Windows."""


class StepResult(msgspec.Struct, frozen=True):
    """How a step ended; ``rule`` explains the outcome where it is not the state's own, ``detail`` is for the reader.

    ``skipped`` says that there was nothing to do, where the outcome does not say it itself because it leads elsewhere.
    """

    outcome: Outcome
    detail: str = ""
    rule: str = ""
    skipped: bool = False


SKIPPED = Outcome.SKIPPED
Step = Callable[[Device, World], Awaitable[StepResult]]


def elsewhere(outcome: Outcome, result: StepResult) -> StepResult:
    """The same end of a step on another way: a step that was skipped stays one."""
    return StepResult(outcome, result.detail, result.rule, result.outcome is SKIPPED or result.skipped)


async def play(
    flow: Flow,
    steps: Mapping[State, Step],
    device: Device,
    world: World,
    *,
    start: State | None = None,
    until: State | None = None,
) -> State:
    """Play one flow from its start, or from ``start``, to an end, which is returned; or to ``until``, which is not played.

    Raises ``Defect`` for a missing step or edge, ``Endless`` for a flow that goes round in circles.
    """
    state = start or flow.start
    world.flow = flow
    table = flow.table
    for _ in range(MOST_STATES):
        if not world.powered:
            raise PowerCut  # something beside the flow met the end of the power first
        rule = RULES.get(state, "")
        world.entered(state, rule)
        if state is until:
            return state
        if world.disturb is not None:
            await world.disturb(state)
        checkpoint = CHECKPOINTS.get(state)
        if checkpoint is not None:
            device.disk.checkpoint = checkpoint
        step = steps.get(state)
        if state in ENDS:
            if step is not None:
                await step(device, world)
            world.finished(state, ENDS[state], rule)
            return state
        if step is None:
            raise Defect(f"state {state.value} has no step")
        result = await step(device, world)
        outcome = result.outcome
        world.left(state, outcome._value_, result.rule or rule, result.detail, outcome is SKIPPED or result.skipped)
        following = table[state].get(outcome)
        state = following if following is not None else flow.next(state, outcome)
    raise Endless(f"flow {flow.name}: still no end after {MOST_STATES} states, last in {state.value}")


def reboot(device: Device, world: World, reason: str, rule: str) -> None:
    """Restart Windows: memory is lost, the disk stays, work in the background is gone."""
    switch_off(device, world)
    device.disk.reboots += 1
    device.disk.restart_kind = rule
    world.rebooted(reason, rule)
    if device.disk.edition_key:
        world.note("EDITION-RESTART", f"The restart completes the edition upgrade: Windows is {finish_upgrade(device)} now.")


def switch_off(device: Device, world: World) -> None:
    """What the end of power means: memory is lost, work in the background is gone, the disk stays as it is."""
    device.lose_memory()
    device.disk.restart_kind = ""
    if world.management is not None:
        world.management.stop()
        world.management = None
    world.page = None
