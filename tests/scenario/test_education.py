"""Windows 11 SE: who reads the hash, what may be installed, and who is an administrator."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.hash_capture import FILE
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

TENANT = """
scenario: School
device: {{windows: {{edition: {edition}, build: 10.0.22631.5624}}}}
tenant:
  windowsAutopilotDeploymentProfiles:
    - {{displayName: Students, assignments: [all devices], outOfBoxExperienceSetting: {{eulaHidden: true}}}}
"""


def run_of(edition: str, more: str) -> Run:
    run = run_scenario(load_scenario_text(TENANT.format(edition=edition) + more, Path("school.yaml")))
    assert run.plan is not None, run.result.problem
    return run


@pytest.mark.parametrize(
    ("edition", "way", "written"),
    [
        ("SE", "script", False),
        ("SE", "configmgr", False),
        ("SE", "by hand", True),
        ("Pro Education", "script", True),
        ("Pro Education", "configmgr", True),
        ("Education", "by hand", True),
    ],
)
def test_only_windows_11_se_refuses_tools_that_read_the_hash(edition: str, way: str, written: bool) -> None:
    run = run_of(edition, f"acts: [{{act: capture_hash, way: {way}}}, provision]\n")
    assert run.plan is not None
    assert (FILE in run.plan.device.disk.files) is written
    assert ("EDU-REGISTRATION" in run.result.rules) is not written
    if written:
        text = run.plan.device.disk.files[FILE]
        assert text.splitlines()[0] == "Device Serial Number,Windows Product ID,Hardware Hash"
        assert run.plan.device.hardware.hash in text


def test_an_unknown_way_is_a_mistake_with_a_place() -> None:
    with pytest.raises(InputError, match="by hand, configmgr, script"):
        load_scenario_text("scenario: x\nacts: [{act: capture_hash, way: magic}]\n", Path("s.yaml"))


@pytest.mark.parametrize(("edition", "group"), [("SE", "users"), ("Pro Education", "administrators")])
def test_a_profile_makes_no_administrator_on_windows_11_se(edition: str, group: str) -> None:
    run = run_of(edition, "")
    assert run.plan is not None
    accounts = run.plan.device.disk.accounts
    assert [account.group for account in accounts.values() if account.kind == "entra"] == [group]
