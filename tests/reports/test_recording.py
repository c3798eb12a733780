"""A recording tells the same of a run in every form."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from autopilot_agent.events import to_json_lines
from autopilot_agent.reports.difference import compare
from autopilot_agent.reports.plain_json import as_document
from autopilot_agent.reports.recording import Recording, read_events, read_json, recording_of
from autopilot_agent.scenario.loader import find_scenarios, load_scenario, load_scenarios
from autopilot_agent.scenario.run import Run, run_scenario

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
RUNS = {
    "without events": lambda run: read_json(as_document([run.result]), "a.json")[0],
    "events": lambda run: read_events(to_json_lines(run.events), "a.jsonl")[0],
    "played": recording_of,
}


def forms(run: Run) -> dict[str, Recording]:
    return {name: make(run) for name, make in RUNS.items()}


@pytest.mark.parametrize("folder", ["reset", "pre-provisioned", "user-driven"])
def test_all_forms_of_a_run_are_alike(folder: str) -> None:
    for path in find_scenarios([SCENARIOS / folder]):
        for loaded in load_scenarios(path):
            run = run_scenario(loaded)
            if run.result.problem or run.result.verdict == "skipped":
                continue
            found = forms(run)
            for one in found.values():
                for other in found.values():
                    assert compare(one, other).equal, path
            # the facts themselves, not only that the traces are one
            events = msgspec.structs.replace(found["events"], trace_hash="")
            assert compare(found["without events"], events).equal, path
            assert compare(events, found["without events"]).equal, path


def test_an_app_that_nothing_was_done_about_is_no_difference_between_forms() -> None:
    late = run_scenario(load_scenario(SCENARIOS / "user-driven" / "fault-f40-too-little-time.yaml"))
    good = run_scenario(load_scenario(SCENARIOS / "user-driven" / "fault-f40-too-little-time.yaml", ["faults=[]"]))
    assert late.result.apps["Editor"] == "pending" and good.result.apps["Editor"] == "installed"
    for form, was in (("without events", "pending"), ("events", None)):
        (app,) = [one for one in compare(forms(late)[form], forms(good)["without events"]).apps if one.name == "Editor"]
        assert (app.a, app.b) == (was, "installed")
    assert all(one.name != "Editor" for one in compare(forms(late)["events"], forms(late)["without events"]).apps)
