"""Quality updates in OOBE: the first revision of each Windows 11 that can do them."""

from __future__ import annotations

import pytest

from autopilot_agent.events import ScreenShown
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.testing.small import SMALL, small_scenario

RELEASE = {"quality": {"title": "Monthly security release", "kb": "KB5063878", "duration": "30m"}}


@pytest.mark.parametrize(
    ("build", "installed"),
    [
        ("10.0.26100.4483", False),
        ("10.0.26100.4484", True),  # KB5060829
        ("10.0.22631.5548", False),
        ("10.0.22631.5549", True),  # KB5060826
        ("10.0.22621.5548", False),
        ("10.0.22621.5549", True),  # the same
        ("10.0.22000.3260", False),
        ("10.0.26200.1", True),
    ],
)
def test_the_updates_of_june_2025_bring_it(build: str, installed: bool) -> None:
    page = {**SMALL["tenant"]["deviceEnrollmentConfigurations"][0], "installQualityUpdates": True}
    changes = {
        "device.windows.build": build,
        "windows_update": RELEASE,
        "tenant.deviceEnrollmentConfigurations": [page],
    }
    run = run_scenario(small_scenario(changes))
    assert any(isinstance(event, ScreenShown) and event.screen == "QU" for event in run.events) is installed
