"""Product keys and firmware settings: which way an edition goes, when it is there, and which PC takes DFCI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from autopilot_agent.device import Device
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.firmware_edition import STATUS, finish_upgrade, take_firmware_settings, take_key
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.world import World
from autopilot_agent.testing import small_device
from autopilot_agent.testing.steps import StepDriver, StepRun

ENTERPRISE = "ENTER-00000-00000-00000-00000"


def played(device: Device, do: Callable[[Device, World], Any]) -> tuple[StepRun, Any]:
    found: list[Any] = []

    async def step(device: Device, world: World) -> StepResult:
        found.append(do(device, world))
        return StepResult(Outcome.OK)

    return StepDriver(device).run(step), found[0]


@pytest.mark.parametrize(
    ("edition", "key", "status"),
    [
        ("Pro", ENTERPRISE, "1"),
        ("Pro", "EDUCA-00000-00000-00000-00000", "1"),
        ("Enterprise", ENTERPRISE, "3"),
        ("Enterprise", "PROED-00000-00000-00000-00000", "0"),
        ("Education", ENTERPRISE, "0"),
        ("Pro", "ENTER-00000", "0"),
        ("Pro", "OTHER-00000-00000-00000-00000", "0"),
        ("Pro", "", "0"),
    ],
)
def test_a_key_leads_where_its_path_leads(edition: str, key: str, status: str) -> None:
    device = small_device()
    device.windows.edition = edition
    _, waits = played(device, lambda device, world: take_key(device, world, key))
    assert device.disk.csp.read(STATUS) == status
    assert waits is (status == "1")
    assert device.windows.edition == edition, "nothing changes before the restart"


def test_a_restart_completes_the_upgrade_once() -> None:
    device = small_device()
    played(device, lambda device, world: take_key(device, world, ENTERPRISE))
    assert finish_upgrade(device) == "Enterprise"
    assert (device.windows.edition, device.disk.csp.read(STATUS)) == ("Enterprise", "3")
    assert finish_upgrade(device) == ""


@pytest.mark.parametrize(
    ("dfci", "build", "edition", "rule", "restart"),
    [
        (True, "10.0.26100.4349", "Pro", "C-DFCI", True),
        (False, "10.0.26100.4349", "Pro", "C-DFCI", False),
        (True, "10.0.26100.2314", "Pro", "F-94", False),
        (True, "10.0.26100.2314", "Enterprise", "C-DFCI", True),
        (True, "10.0.22631.100", "Pro", "C-DFCI", True),
    ],
)
def test_firmware_settings_want_a_restart_where_the_firmware_can(
    dfci: bool, build: str, edition: str, rule: str, restart: bool
) -> None:
    device = small_device()
    device.hardware = structs.replace(device.hardware, dfci=dfci)
    device.windows.build, device.windows.edition = build, edition
    run, wanted = played(device, take_firmware_settings)
    assert wanted is restart
    assert run.rules == {rule}
