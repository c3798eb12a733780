"""What a device says about the commands inside an Atomic (protocols.md 12.3)."""

from __future__ import annotations

import pytest

from autopilot_agent.device import Device
from autopilot_agent.device.storage import Enrolment
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.client import ManagementClient
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.world import World
from autopilot_agent.service.management import Command, Commands, ManagementMessage, Status
from autopilot_agent.testing import StepDriver, small_device

ROOT = "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server"


async def one_session(device: Device, world: World) -> StepResult:
    await ManagementClient(device, world).session()
    return StepResult(Outcome.OK)


def statuses(*commands: Command) -> tuple[Status, ...]:
    device = small_device()
    host, user = "https://r.manage.microsoft.com", "user1@contoso.example"
    device.disk.enrolment = Enrolment("E1", "MS DM Server", "dm1", host, "u1", user)
    driver = StepDriver(device, answers={ManagementMessage: [Commands(commands), Commands()]})
    run = driver.run(one_session)
    return run.backend.calls[-1][1].statuses  # type: ignore[attr-defined, no-any-return]


def add(number: int, name: str) -> Command:
    return Command(number, "Add", f"{ROOT}/{name}", "x")


GOOD, OTHER, MISSING = add(2, "EntDMID"), add(4, "UPN"), Command(3, "Replace", "./Device/Vendor/MSFT/Nothing", "x")


def test_when_all_went_well_each_says_so() -> None:
    inner = (Status(2, 200), Status(4, 200))
    assert statuses(Command(1, "Atomic", "", children=(GOOD, OTHER))) == (Status(1, 200, children=inner),)


def test_what_was_before_the_failure_is_rolled_back_and_what_is_behind_was_not_tried() -> None:
    inner = (Status(2, 216), Status(3, 404), Status(4, 215))
    assert statuses(Command(1, "Atomic", "", children=(GOOD, MISSING, OTHER))) == (Status(1, 507, children=inner),)


@pytest.mark.parametrize("child", [Command(3, "Get", "./DevDetail/SwV"), Command(3, "Atomic", "", children=(add(5, "UPN"),))])
def test_a_get_and_an_atomic_inside_fail_with_500(child: Command) -> None:
    inner = tuple(Status(one.id, 215) for one in child.children)
    (found,) = statuses(Command(1, "Atomic", "", children=(GOOD, child)))
    assert (found.code, found.children) == (507, (Status(2, 216), Status(3, 500, children=inner)))


def test_a_get_tells_the_format_of_its_node() -> None:
    (found,) = statuses(Command(1, "Get", "./Device/Vendor/MSFT/EnrollmentStatusTracking"))
    assert found.format == "node"
