"""Every scenario of the repository takes the same course in memory, over HTTP in one process, and over a socket with TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import Run, run_scenario
from autopilot_agent.testing.in_process import in_process_backend

ROOT = Path(__file__).parent.parent
SCENARIOS = find_scenarios([ROOT / "scenarios"])


def first_difference(found: Run, wanted: Run) -> str:
    for mine, theirs in zip(found.events, wanted.events, strict=False):
        if mine != theirs:
            return f"{mine!r} instead of {theirs!r}"
    return f"{len(found.events)} events instead of {len(wanted.events)}"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_scenario_over_http_is_the_scenario_in_memory(path: Path) -> None:
    wanted = run_scenario(load_scenario(path))
    found = run_scenario(load_scenario(path), backend=in_process_backend)
    assert found.result.trace_hash == wanted.result.trace_hash, first_difference(found, wanted)
    assert (found.result.verdict, found.result.problem) == (wanted.result.verdict, wanted.result.problem)
