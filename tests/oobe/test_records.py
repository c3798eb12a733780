"""What a device leaves behind for tools: values whose place or default is easy to get wrong (diagnostics.md 1.6, 1.11)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from autopilot_agent.device import Device
from autopilot_agent.device.registry import ENROLLMENTS
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import run_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@cache
def after(name: str) -> Device:
    """The device at the end of a scenario."""
    run = run_scenario(load_scenario(SCENARIOS / name))
    assert run.plan is not None
    return run.plan.device


def test_an_enrolment_without_a_user_is_entered_for_a_placeholder() -> None:
    disk = after("self-deploying/amd.yaml").disk
    assert disk.enrolment is not None
    assert disk.registry.get(rf"{ENROLLMENTS}\{disk.enrolment.enrolment_id}", "UPN") == "fooUser@fabrikam.example"
    assert disk.csp.read("./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/UPN") is None


def test_reseal_renames_the_lists_in_their_own_folder() -> None:
    disk = after("pre-provisioned/all-required-apps-tried.yaml").disk
    assert disk.enrolment is not None
    folder = rf"%ProgramData%\Microsoft\DMClient\{disk.enrolment.enrolment_id}\FirstSync"
    assert rf"{folder}\WhiteGlove_PreReseal_Backup_ExpectedPolicies" in disk.files
