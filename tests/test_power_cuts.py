"""The power goes in the waits of every scenario: the device starts again, goes on by what its disk says, and ends well.

Every eighth wait is tried, beginning with another one in each scenario, and two other seeds; ``make thorough`` tries all waits
and more seeds.

A run that was cut keeps every invariant (nothing joins or enrols twice, nothing is claimed that was not done: monitors) and
ends in an end of its flow. Where the scripted person has answers for one visit of a page only, or a fault strikes at a fixed
time, the end may be another one than without the cut; the table below says which, and nothing else is allowed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopilot_agent.oobe.states import ENDS, State
from autopilot_agent.scenario.loader import find_scenarios, load_scenario, load_scenario_text
from autopilot_agent.scenario.run import run_scenario

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = find_scenarios([ROOT / "scenarios"])
GROUPS = 24
THOROUGH = bool(os.environ.get("AUTOPILOT_AGENT_THOROUGH"))
EVERY = 1 if THOROUGH else 8
STUCK_OR_FAILED = frozenset(state.value for state, outcome in ENDS.items() if outcome != "completed")

TENANT = """
scenario: A laptop for the desk
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso user-driven, assignments: [all devices]}
"""


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_device_that_loses_its_power_goes_on(group: int) -> None:
    wrong: dict[str, str] = {}
    for number, path in enumerate(SCENARIOS[group::GROUPS]):
        loaded = load_scenario(path)
        whole = run_scenario(loaded)
        assert whole.plan is not None
        for wait in range(1 + number % EVERY, whole.plan.clock.timeouts + 1, EVERY):
            result = run_scenario(loaded, cut_at=wait).result
            where = f"{path.relative_to(ROOT).as_posix()} cut at wait {wait}"
            if result.exit_code == 2 and "is impossible here" in result.problem:
                continue  # the act before ended otherwise, and what was to follow is refused with a sentence
            if result.verdict == "error":
                wrong[where] = result.problem
            elif not _allowed(whole.result.end_state, result.end_state):
                wrong[where] = f"ends in {result.end_state}, without the cut in {whole.result.end_state}"
    assert wrong == {}


def _allowed(whole: str, cut: str) -> bool:
    """The same end; or, for want of another answer or of time, one in which somebody has to come and help."""
    if cut == whole:
        return True
    if State(whole) not in ENDS:  # the act is left on the way: it may get there or end before
        return True
    return cut in STUCK_OR_FAILED or whole in STUCK_OR_FAILED


def test_most_runs_end_as_they_would_have_without_the_cut() -> None:
    same = total = 0
    for path in SCENARIOS[::17]:
        loaded = load_scenario(path)
        whole = run_scenario(loaded)
        assert whole.plan is not None
        for wait in range(1, whole.plan.clock.timeouts + 1, 3):
            total += 1
            same += run_scenario(loaded, cut_at=wait).result.end_state == whole.result.end_state
    assert same >= 0.9 * total


@pytest.mark.parametrize("seed", [2, 3, 5, 8, 13] if THOROUGH else [2, 13])
def test_another_seed_ends_alike(seed: int) -> None:
    """Durations differ by the seed; what the device does must not, or only where time itself decides."""
    broken: dict[str, str] = {}
    for path in SCENARIOS:
        result = run_scenario(load_scenario(path), seed=seed).result
        if result.exit_code in (2, 4):
            broken[path.relative_to(ROOT).as_posix()] = result.problem
    assert broken == {}


def test_a_cut_is_on_record_and_loses_what_memory_held() -> None:
    loaded = load_scenario_text(TENANT + "faults: [{in_state: entra_join, power_cut: 5m, times: 1}]\n", ROOT / "x.yaml")
    run = run_scenario(loaded)
    assert run.result.end_state == "desktop"
    assert run.plan is not None
    assert run.plan.device.disk.power_losses == 1
    assert [event.off for event in run.events if event.__class__.__name__ == "PowerLost"] == [300_000]
    assert run.result.screens.count("PWD") == 2


def test_a_cut_in_the_enrollment_status_page_resumes_there() -> None:
    loaded = load_scenario(ROOT / "scenarios/user-driven/standard-user-wired.yaml")
    whole = run_scenario(loaded)
    assert whole.plan is not None
    states = []
    for wait in range(1, whole.plan.clock.timeouts + 1):
        result = run_scenario(loaded, cut_at=wait).result
        if "device_setup" in result.states:
            at = result.states.index("device_setup")
            if "boot" in result.states[at:]:
                states.append(result.states[at + 1 : at + 3])
    assert ["boot", "device_setup"] in states
