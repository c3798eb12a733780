"""A run leaves no reference cycles: its memory is free at once, and the garbage collector finds nothing to do."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.plan import make_plan
from autopilot_agent.scenario.run import play_plan

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["benchmarks/five_apps.yaml", "scenarios/self-deploying/kiosk.yaml"])
def test_a_run_leaves_nothing_to_the_collector(name: str) -> None:
    loaded = load_scenario(ROOT / name)
    play_plan(make_plan(loaded))  # what is remembered for the next run stays
    gc.collect()
    gc.disable()
    try:
        play_plan(make_plan(loaded))
        assert gc.collect() == 0
    finally:
        gc.enable()
