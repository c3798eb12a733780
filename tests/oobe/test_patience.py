"""Pages that lead back: our person takes the way back twenty times, then walks away."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.oobe.person import MOST_WAYS_BACK
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Result, run_scenario

HERE = Path(__file__).parents[2] / "scenarios" / "here.yaml"
PEOPLE = "include: [tenants/contoso-people.yaml]"
PROFILE = "windowsAutopilotDeploymentProfiles: [{displayName: P, preprovisioningAllowed: true, assignments: [all devices]}]"
PAGE = (
    "deviceEnrollmentConfigurations: [{'@odata.type': windows10EnrollmentCompletionPageConfiguration, displayName: E, "
    "priority: 1, assignments: [all devices], showInstallationProgress: true, installProgressTimeoutInMinutes: 60, "
    "allowDeviceResetOnInstallFailure: true, allowLogCollectionOnInstallFailure: true}]"
)
APP = "mobileApps: [{'@odata.type': winGetApp, displayName: Editor, packageIdentifier: '9', assignments: [all devices]}]"
TENANT = f"tenant: {{{PEOPLE}, {PROFILE}, {PAGE}, {APP}}}"


def play(*lines: str) -> Result:
    return run_scenario(load_scenario_text("\n".join(["scenario: x", TENANT, *lines]) + "\n", HERE)).result


@pytest.mark.parametrize(
    ("lines", "page", "end"),
    [
        (["faults: [{fault: F-26}]", "person: {WRONG: Try again}"], "WRONG", "gave_up"),
        (["faults: [{fault: F-26}]", "person: {WRONG: Restart}"], "WRONG", "gave_up"),
        (["faults: [{fault: F-15}]", "person: {ORGERR: Try again}"], "ORGERR", "wrong_organization"),
        (["faults: [{fault: F-41}]", "person: {ESPERR: Try again}"], "ESPERR", "esp_failed"),
        (["faults: [{fault: F-41}]", "person: {ESPERR: Reset device}"], "ESPERR", "esp_failed"),
        (["person: {PWD: Back}"], "PWD", "at_sign_in"),
        (["mode: pre-provisioned", "acts: [technician]", "person: {WHATDO: Back}"], "WHATDO", "technician_failed"),
        (["mode: pre-provisioned", "acts: [technician]", "person: {PPINFO: Back}"], "PPINFO", "technician_failed"),
        (["mode: pre-provisioned", "acts: [technician]", "person: {PPINFO: Refresh}"], "PPINFO", "technician_failed"),
        (
            ["mode: pre-provisioned", "acts: [technician]", "faults: [{fault: F-41}]", "person: {PPFAIL: Retry}"],
            "PPFAIL",
            "technician_failed",
        ),
    ],
)
def test_a_way_back_is_taken_twenty_times(lines: list[str], page: str, end: str) -> None:
    result = play(*lines)
    assert (result.problem, result.end_state) == ("", end)
    assert result.screens.count(page) == MOST_WAYS_BACK + 1
    assert "E-PATIENCE" in result.rules


def test_every_act_begins_with_new_patience() -> None:
    lines = ["faults: [{fault: F-26}]", "person: {WRONG: Try again}", "acts: [provision, provision]"]
    assert play(*lines).screens.count("WRONG") == 2 * (MOST_WAYS_BACK + 1)


def test_logs_that_were_collected_are_not_collected_again() -> None:
    result = play("faults: [{fault: F-41}]", "person: {ESPERR: Collect logs}")
    assert (result.end_state, result.screens.count("ESPERR")) == ("esp_failed", 2)
    assert "ERR-LOGS" in result.rules


def test_an_unknown_user_stays_on_the_sign_in_page() -> None:
    result = play("person: {SIGNIN: nobody@contoso.example}")
    assert result.end_state == "at_sign_in"
    assert result.screens.count("PWD") == 2
    assert result.error is not None and result.error.rule == "F-18"


def test_an_unknown_user_can_be_put_right() -> None:
    assert play("person: {SIGNIN: [nobody@contoso.example]}").end_state == "desktop"
