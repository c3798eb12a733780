"""Acts: one after the other on one device and one tenant, each only where it is possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.events import ActBegan, CloudChanged, Finished
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

TENANT = """
scenario: Acts
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso user-driven, assignments: [all devices], outOfBoxExperienceSetting: {eulaHidden: true}}
"""


def run_of(more: str) -> Run:
    return run_scenario(load_scenario_text(TENANT + more, Path("acts.yaml")))


def test_an_act_that_is_left_is_gone_on_with_by_the_next() -> None:
    run = run_of("acts: [{act: provision, until: authenticate}, {act: wait, for: 2h}, provision]\n")
    assert run.result.verdict == "passed", run.result.problem
    assert [(act.act, act.end_state, act.outcome) for act in run.result.acts] == [
        ("provision", "authenticate", "interrupted"),
        ("wait", "", ""),
        ("provision", "desktop", "completed"),
    ]
    assert run.result.virtual_seconds > 7200
    assert sum(isinstance(event, ActBegan) for event in run.events) == 3
    assert sum(isinstance(event, Finished) for event in run.events) == 1


def test_time_may_pass_before_an_act() -> None:
    run = run_of("acts: [{act: provision, after: 3d}]\n")
    assert run.result.acts[0].began == 3 * 86400


def test_each_act_has_a_person_of_its_own() -> None:
    run = run_of(
        "acts:\n"
        "  - {act: provision, until: tenant_match, person: {PWD: [wrong, right]}}\n"
        "  - {act: provision, person: {PRIVACY: Accept}}\n"
    )
    assert run.result.verdict == "passed", run.result.problem
    assert run.result.screens.count("PWD") == 4  # the page, the refusal, the page again; then once in the second act


def test_an_answer_of_an_act_that_is_never_given_fails_the_run() -> None:
    run = run_of("acts: [{act: provision, person: {TOU: Accept}}]\n")
    assert run.result.exit_code == 1
    assert [check.name for check in run.result.checks if not check.passed] == ["answer TOU"]


def test_an_act_has_expectations_of_its_own() -> None:
    run = run_of(
        "acts:\n"
        "  - {act: provision, until: entra_join, expect: {join: none, visits: [tenant_match]}}\n"
        "  - {act: provision, expect: {join: entra, never: [entra_join], end_state: desktop}}\n"
    )
    failed = [check for check in run.result.checks if not check.passed]
    assert [check.name for check in failed] == ["act 2 provision: never entra_join"]
    assert failed[0].place.startswith("acts.yaml:8:")


def test_an_administrator_changes_the_tenant_between_acts() -> None:
    run = run_of(
        "acts:\n"
        "  - {act: provision, until: profile}\n"
        "  - act: admin\n"
        "    tenant:\n"
        "      windowsAutopilotDeploymentProfiles:\n"
        "        - {displayName: Contoso user-driven, assignments: [all devices], deviceNameTemplate: NEW-%SERIAL%}\n"
        "  - provision\n"
    )
    assert run.result.verdict == "passed", run.result.problem
    assert sum(isinstance(event, CloudChanged) for event in run.events) == 1
    # the first boot had downloaded its profile already (A-DISCARDED, SET-LATE-CHANGE): the change comes too late
    assert run.result.device_name.startswith("DESKTOP-")


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ("[reset_local]", "the act reset_local is impossible here: there is no lock screen before setup is over."),
        ("[wipe]", "the act wipe is impossible here: the device is not managed"),
        ("[reseal]", "the act reseal is impossible here: there is no green page"),
        ("[user]", "the act user is impossible here: setup is not over"),
        ("[power_cut]", "the act power_cut is impossible here: the PC was never switched on"),
        ("[provision, provision]", "the act provision is impossible here: setup is over on this PC"),
        ("[technician]", "the act technician is impossible here: the mode user-driven has no technician"),
        ("[{act: wait, for: 1h}]", "no act plays anything; add provision."),
    ],
)
def test_an_act_that_is_impossible_is_refused_with_its_place(acts: str, said: str) -> None:
    run = run_of(f"acts: {acts}\n")
    assert (run.result.verdict, run.result.exit_code) == ("error", 2)
    assert said in run.result.problem
    assert run.result.problem.startswith("acts.yaml:6:")


def test_the_acts_before_an_impossible_one_have_happened() -> None:
    run = run_of("acts: [provision, technician]\n")
    assert run.result.exit_code == 2
    assert any(isinstance(event, Finished) for event in run.events)
