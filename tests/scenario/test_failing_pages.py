"""Pages that fail: what the record says of their rows, and that it says it once."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent import events as e
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import run_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def events_of(name: str) -> list[e.Event]:
    run = run_scenario(load_scenario(SCENARIOS / f"{name}.yaml"))
    assert run.result.verdict == "passed", run.result.problem
    return run.events


def test_a_policy_that_breaks_pre_provisioning_fails_the_page_once_and_leaves_nothing_done() -> None:
    events = events_of("pre-provisioned/fault-f56-legal-notice")
    rows = [(row.row, row.state) for row in events if isinstance(row, e.RowChanged) and row.phase == "device"]
    last = {row: state for row, state in rows}
    assert [row for row, state in rows if state == "failed"] == ["Security policies"]
    assert "succeeded" not in [state for _, state in rows]
    assert {state for row, state in last.items() if row != "Security policies"} == {"failedFromPreviousSubcategory"}
    assert sum(1 for event in events if isinstance(event, e.CallAnswered) and event.call == "UploadDiagnostics") == 1
