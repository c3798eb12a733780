"""Named faults: each strikes in a plain scenario, or says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent import rulebook
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import run_scenario

HERE = Path(__file__).parents[2] / "scenarios" / "here.yaml"
READY = sorted(name for name, row in rulebook.injections().items() if not rulebook.needs_of(row))


@pytest.mark.parametrize("fault", READY)
def test_a_fault_without_needs_strikes_where_only_its_mode_is_written(fault: str) -> None:
    modes = rulebook.faults()[fault].modes
    mode = "user-driven" if "user-driven" in modes else modes[0]
    profile = "{displayName: P, preprovisioningAllowed: true, assignments: [all devices]%s}"
    if mode == "self-deploying":
        profile %= ", outOfBoxExperienceSetting: {deviceUsageType: shared}"
    elif mode == "hybrid":
        profile %= ", '@odata.type': '#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile'"
    else:
        profile %= ""
    acts = "acts: [technician]\n" if mode == "pre-provisioned" else ""
    tenant = f"tenant: {{windowsAutopilotDeploymentProfiles: [{profile}]}}\n"
    text = f"scenario: x\nmode: {mode}\nfaults: [{{fault: {fault}}}]\n{acts}{tenant}"
    result = run_scenario(load_scenario_text(text, HERE)).result
    assert not result.problem
    assert [check for check in result.checks if not check.passed] == []


@pytest.mark.parametrize(
    ("note", "needs"),
    [("Something. Needs an app.", "an app"), ("It fails; needs a profile, or two.", "a profile, or two"), ("It fails.", "")],
)
def test_what_a_fault_needs_is_the_end_of_its_note(note: str, needs: str) -> None:
    assert rulebook.needs_of(rulebook.Injection("F-1", note=note)) == needs


def test_a_row_names_its_codes() -> None:
    assert rulebook.codes_of_fault("F-102") == ("0x80180017", "0x80180016", "0x80180019")
    assert rulebook.codes_of_fault("F-89") == ("807", "908")
    assert rulebook.codes_of_fault("F-41") == ()
