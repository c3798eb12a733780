"""Acts that reset: where each is impossible, and what becomes of an order that does not arrive."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

TENANT = """
scenario: Resets
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso user-driven, assignments: [all devices], outOfBoxExperienceSetting: {eulaHidden: true}}
"""


def run_of(more: str) -> Run:
    return run_scenario(load_scenario_text(TENANT + more, Path("resets.yaml")))


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ("[reset_local]", "there is no lock screen before setup is over"),
        ("[reset_remote]", "the device is not managed"),
        ("[wipe]", "the device is not managed"),
        ("[provision, retire, wipe]", "the device is not managed"),
        ("[{act: provision, until: device_setup}, reset_remote]", "setup is not over"),
        ("[{act: provision, until: device_setup}, retire]", "setup is not over"),
        ("[provision, {act: admin, delete_managed_device: true}, wipe]", "Intune has no record of this device"),
    ],
)
def test_an_impossible_reset_is_an_error_with_a_place(acts: str, said: str) -> None:
    result = run_of(f"acts: {acts}\n").result
    assert (result.verdict, result.exit_code) == ("error", 2)
    assert said in result.problem
    assert result.problem.startswith("resets.yaml:")


def test_a_wipe_can_be_ordered_while_setup_runs() -> None:
    result = run_of("acts: [{act: provision, until: device_setup}, wipe, provision]\n").result
    assert result.verdict == "passed", result.problem
    assert result.end_state == "desktop"


def test_an_order_that_did_not_arrive_does_not_come_later() -> None:
    run = run_of(
        "acts:\n  - provision\n"
        "  - {act: ship, for: 1d, network: {kind: ethernet, blocked: [r.manage.microsoft.com]}}\n"
        "  - {act: wipe, expect: {end_state: reset_refused}}\n"
        "  - {act: ship, for: 1d, network: ethernet}\n"
        "  - user\n"
    )
    assert run.result.verdict == "passed", run.result.problem
    assert run.result.mdm_enrolled
    assert run.plan is not None
    assert run.plan.state.recorded()["remote_actions"] == {"wipe": "canceled"}


def test_a_local_account_signs_in_again_after_a_power_cut() -> None:
    loaded = load_scenario_text(
        "scenario: Home\nmode: ordinary-oobe\nperson: {ACCT: Set up for personal use}\n", Path("home.yaml")
    )
    whole = run_scenario(loaded)
    assert whole.plan is not None
    ends = {run_scenario(loaded, cut_at=wait).result.end_state for wait in range(1, whole.plan.clock.timeouts + 1)}
    assert ends == {"desktop"}
