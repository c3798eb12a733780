"""What every scenario of the house must hold to, seen from outside: pages, records of the cloud, words about failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent import rulebook
from autopilot_agent.device.storage import APP_STATES
from autopilot_agent.events import AppChanged, ScreenShown
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import Run, run_scenario
from autopilot_agent.tenant.state import RECORDED

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.name for path in (ROOT / "scenarios").iterdir() if path.is_dir() and path.name != "tenants")


@pytest.fixture(scope="module", params=FOLDERS)
def runs(request: pytest.FixtureRequest) -> list[Run]:
    return [run_scenario(load_scenario(path)) for path in find_scenarios([ROOT / "scenarios" / request.param])]


def test_scenarios_hold_to_the_rulebook(runs: list[Run]) -> None:
    screens = rulebook.screens()
    for run in runs:
        file = run.result.file
        shown = [event for event in run.events if isinstance(event, ScreenShown)]
        unknown = {(one.screen, choice) for one in shown for choice in one.choices if choice not in screens[one.screen].choices}
        assert {pair for pair in unknown if pair[0] != "LANG"} == set(), file  # the choices of LANG are languages
        assert {event.state for event in run.events if isinstance(event, AppChanged)} <= set(APP_STATES), file
        assert run.plan is not None
        assert run.plan.state.recorded().keys() <= RECORDED, file
        error = run.result.error
        assert error is None or (error.meaning and error.fix), f"{file}: {error}"
