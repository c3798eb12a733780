"""The engine: it follows the table, and a hole in a table or a flow without end is a defect that says where."""

from __future__ import annotations

import pytest

from autopilot_agent.device import Device
from autopilot_agent.errors import Defect
from autopilot_agent.events import Finished, Rebooted, StateEntered, StateLeft
from autopilot_agent.oobe.engine import MOST_STATES, Step, StepResult, play, reboot
from autopilot_agent.oobe.flow import Edge, Flow
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.world import World
from autopilot_agent.testing import StepDriver

S, O = State, Outcome  # noqa: E741  as in oobe/modes.py
SHORT = Flow("short", S.BOOT, (Edge(S.BOOT, O.OK, S.HELLO), Edge(S.HELLO, O.OK, S.DESKTOP), Edge(S.HELLO, O.REBOOT, S.BOOT)))


async def fine(device: Device, world: World) -> StepResult:
    await world.sleep(1000)
    return StepResult(O.OK, "fine")


def played(flow: Flow, steps: dict[State, Step]) -> tuple[State, World]:
    driver = StepDriver()
    end: State = driver.world.clock.run(play(flow, steps, driver.device, driver.world))
    return end, driver.world


def test_a_flow_is_followed_to_its_end() -> None:
    end, world = played(SHORT, {S.BOOT: fine, S.HELLO: fine})
    assert end is S.DESKTOP
    assert [event.state for event in world.trace if isinstance(event, StateEntered)] == ["boot", "hello", "desktop"]
    assert [event.outcome for event in world.trace if isinstance(event, StateLeft)] == ["ok", "ok"]
    assert isinstance(world.trace[-1], Finished)
    assert world.now == 2000


def test_events_are_numbered_in_their_order() -> None:
    _, world = played(SHORT, {S.BOOT: fine, S.HELLO: fine})
    assert [event.seq for event in world.trace] == list(range(len(world.trace)))
    assert [event.at for event in world.trace] == sorted(event.at for event in world.trace)


def test_the_step_of_an_end_runs_before_the_end_is_recorded() -> None:
    async def arrival(device: Device, world: World) -> StepResult:
        world.note("U16", "here")
        return StepResult(O.OK)

    _, world = played(SHORT, {S.BOOT: fine, S.HELLO: fine, S.DESKTOP: arrival})
    assert [type(event).__name__ for event in world.trace[-3:]] == ["StateEntered", "Noted", "Finished"]


def test_a_state_without_a_step_is_a_defect() -> None:
    with pytest.raises(Defect, match=r"^state hello has no step$"):
        played(SHORT, {S.BOOT: fine})


def test_an_outcome_without_an_edge_is_a_defect() -> None:
    async def odd(device: Device, world: World) -> StepResult:
        return StepResult(O.FAILED)

    with pytest.raises(Defect, match=r"^flow short: hello has no edge for FAILED$"):
        played(SHORT, {S.BOOT: fine, S.HELLO: odd})


def test_a_flow_that_does_not_end_is_a_defect() -> None:
    async def again(device: Device, world: World) -> StepResult:
        return StepResult(O.REBOOT)

    with pytest.raises(Defect, match=f"^flow short: still no end after {MOST_STATES} states, last in boot$"):
        played(SHORT, {S.BOOT: fine, S.HELLO: again})


def test_what_a_step_raises_comes_out_as_itself() -> None:
    async def broken(device: Device, world: World) -> StepResult:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError, match="division by zero"):
        played(SHORT, {S.BOOT: broken})


def test_a_reboot_takes_the_memory_and_stops_the_background() -> None:
    stopped: list[str] = []

    class Background:
        def stop(self) -> None:
            stopped.append("stopped")

    driver = StepDriver()
    driver.device.memory.credentials = "cached"
    driver.world.management = Background()
    reboot(driver.device, driver.world, "because", "C9")
    assert (stopped, driver.world.management, driver.device.memory.credentials) == (["stopped"], None, "")
    assert driver.device.disk.reboots == 1
    assert isinstance(driver.world.trace[-1], Rebooted)
