"""Profiles and pages that no service would save: a sentence, the place in the tenant's file, exit code 2, nothing played."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import run_scenario

HYBRID = '"@odata.type": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile"'
PAGE = '"@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"'


@pytest.mark.parametrize(
    ("mode", "collection", "resource", "said"),
    [
        ("self-deploying", "windowsAutopilotDeploymentProfiles",
         f"{HYBRID}, outOfBoxExperienceSetting: {{deviceUsageType: shared}}", "not possible with hybrid join"),
        ("self-deploying", "windowsAutopilotDeploymentProfiles", "deviceNameTemplate: '%SERIAL%-%SERIAL%'", "only one macro"),
        ("pre-provisioned", "windowsAutopilotDeploymentProfiles", "deviceNameTemplate: '12345'", "digits only"),
        ("pre-provisioned", "windowsAutopilotDeploymentProfiles", "deviceType: holoLens, preprovisioningAllowed: true",
         "not possible for HoloLens"),
        ("self-deploying", "deviceEnrollmentConfigurations",
         f"{PAGE}, showInstallationProgress: true, installProgressTimeoutInMinutes: 0", "time limit is 0 minutes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(mode: str, collection: str, resource: str, said: str) -> None:
    text = f"scenario: x\nmode: {mode}\ntenant:\n  {collection}:\n    - {{displayName: Wrong, {resource}}}\n"
    result = run_scenario(load_scenario_text(text, Path("s.yaml"))).result
    assert (result.exit_code, result.end_state, result.rules) == (2, "", [])
    assert result.problem.startswith("s.yaml:5:")
    assert said in result.problem


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("device: {tpm: {version: '3.0'}}", "'3.0' is not a choice"),
        ("device: {tpm: {ek_certificate: lost}}", "stored"),
        ("device: {tpm: {chip: IFX}}", "tpm"),
        ("assumptions: {Q-06: maybe}", "is not an answer to Q-06"),
    ],
)
def test_a_tpm_and_an_assumption_that_are_not_are_named(line: str, said: str) -> None:
    from autopilot_agent.errors import InputError

    with pytest.raises(InputError) as refused:
        load_scenario_text(f"scenario: x\nmode: self-deploying\n{line}\n", Path("s.yaml"))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ("[reseal]", "there is no green page"),
        ("[technician, reseal, technician]", "past its technician flow"),
        ("[technician, user]", "was not resealed"),
    ],
)
def test_an_act_that_is_impossible_is_refused(acts: str, said: str) -> None:
    profile = "{displayName: P, assignments: [all devices], locale: '', preprovisioningAllowed: true}"
    tenant = f"tenant:\n  windowsAutopilotDeploymentProfiles:\n    - {profile}\n"
    text = f"scenario: x\nmode: pre-provisioned\nacts: {acts}\n{tenant}"
    result = run_scenario(load_scenario_text(text, Path("s.yaml"))).result
    assert result.exit_code == 2
    assert said in result.problem
