"""Acts: one after the other on one device and one tenant, each only where it is possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.events import ActBegan, CloudChanged, Finished, PowerLost
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


ODD_SEQUENCES = [
    "acts: [provision, power_cut]\n",
    "acts: [provision, task_sequence]\n",
    "faults: [{in_state: device_setup, power_cut: 1m}]\n",
    "faults: [{on: '*', power_cut: 1m}]\n",
    "faults: [{on: '*', network_lost: 5m}]\n",
    "faults: [{on: EnrollMdm, status: 503}]\nperson: {WRONG: Try again}\n",
]


@pytest.mark.parametrize("acts", ODD_SEQUENCES)
def test_what_befalls_a_pc_again_and_again_or_after_its_end_breaks_nothing(acts: str) -> None:
    run = run_of(acts)
    assert run.result.exit_code in (0, 1), run.result.problem


def test_a_power_cut_strikes_once_unless_the_scenario_says_how_often() -> None:
    for times, losses in (("", 1), (", times: 3", 3)):
        run = run_of(f"faults: [{{in_state: boot, power_cut: 1m{times}}}]\n")
        assert sum(isinstance(event, PowerLost) for event in run.events) == losses


def test_power_that_never_stays_is_a_mistake_of_the_scenario_with_its_place() -> None:
    run = run_of("faults: [{in_state: boot, power_cut: 1m, times: 100000}]\n")
    assert run.result.exit_code == 2
    assert run.result.problem.startswith("acts.yaml:6:10: the act provision never ends: the power went 100 times")


def test_an_act_that_ends_without_coming_where_it_was_to_stop_fails_the_run() -> None:
    run = run_of("acts: [{act: provision, until: account_setup}]\nfaults: [{fault: F-26}]\n")
    check = next(check for check in run.result.checks if check.name == "act 1 until")
    assert (check.passed, check.expected) == (False, "comes to account_setup")
    assert run.result.verdict == "failed"


TECHNICIAN = TENANT.replace("assignments", "preprovisioningAllowed: true, assignments") + "mode: pre-provisioned\n"


@pytest.mark.parametrize("off", ["{act: ship, for: 2d}", "power_cut", "{act: wait, for: 1h}"])
def test_nobody_presses_reseal_on_a_pc_that_is_off(off: str) -> None:
    between = run_scenario(load_scenario_text(f"{TECHNICIAN}acts: [technician, {off}, reseal]\n", Path("acts.yaml")))
    assert (between.result.exit_code, "switched off since the green page" in between.result.problem) == (2, True)
    again = f"{TECHNICIAN}acts: [technician, {off}, technician, reseal]\n"
    assert run_scenario(load_scenario_text(again, Path("acts.yaml"))).result.verdict == "passed"


def test_a_green_page_is_green_again_long_after_its_time() -> None:
    text = f"{TECHNICIAN}acts: [technician, {{act: technician, after: 5h}}]\n"
    run = run_scenario(load_scenario_text(text, Path("acts.yaml")))
    assert (run.result.verdict, run.result.end_state) == ("passed", "at_technician_success")


def test_a_hash_file_that_is_not_there_is_told_at_the_act() -> None:
    run = run_of("acts: [{act: admin, import_csv: nope.csv}, provision]\n")
    assert run.result.exit_code == 2
    assert run.result.problem.startswith("acts.yaml:6:8: ")
    assert "import_csv 'nope.csv': there is no such file" in run.result.problem


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("foo: 1", '"foo" is not a collection'),
        ("windowsAutopilotDeploymentProfiles: [{displayName: B, deviceNameTemplate: MUCH-TOO-LONG-%RAND:9%}]", "template"),
    ],
)
def test_a_wrong_change_of_an_administrator_is_told_at_the_act(change: str, said: str) -> None:
    run = run_of(f"acts:\n  - provision\n  - {{act: admin, tenant: {{{change}}}}}\n")
    assert run.result.exit_code == 2
    assert said in run.result.problem
    assert run.result.problem.startswith("acts.yaml:8:")
