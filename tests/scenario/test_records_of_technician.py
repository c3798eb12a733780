"""The technician's part leaves the records that tools look for (diagnostics.md 2.6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.events import LogWritten
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import run_scenario

FOLDER = Path(__file__).resolve().parents[2] / "scenarios" / "pre-provisioned"
PREFIX = "CommercialOOBE_ESPProgress_"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("technician-part", ["WhiteGloveMode_True", "WhiteGlove_Success"]),
        ("blocking-app-fails", ["WhiteGloveMode_True", "WhiteGlove_Failed"]),
    ],
)
def test_the_shell_says_how_the_technicians_part_went(name: str, wanted: list[str]) -> None:
    run = run_scenario(load_scenario(FOLDER / f"{name}.yaml"))
    texts = [event.text for event in run.events if isinstance(event, LogWritten) and event.channel == "ShellCore"]
    said = [text.removeprefix(PREFIX) for text in texts if "WhiteGlove" in text or "ErrorButtons" in text]
    assert said == wanted


def test_a_join_ends_with_its_post_join_tasks() -> None:
    run = run_scenario(load_scenario(FOLDER / "technician-part.yaml"))
    numbers = [event.id for event in run.events if isinstance(event, LogWritten) and event.channel == "UserDeviceRegistration"]
    assert numbers == [101, 102, 103, 104, 105, 106]
