"""Faults of calls and states that need no name: what each does to the device, and that each is found when it never strikes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.events import CallRefused, Noted, PowerLost
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

TENANT = """
scenario: Faults
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso user-driven, assignments: [all devices]}
  deviceEnrollmentConfigurations:
    - {displayName: ESP, priority: 1, assignments: [all devices], showInstallationProgress: true}
faults:
"""


def run_of(fault: str, more: str = "", seed: int | None = None) -> Run:
    return run_scenario(load_scenario_text(f"{TENANT}  - {fault}\n{more}", Path("faults.yaml")), seed=seed)


def test_a_throttled_device_waits_as_long_as_it_is_told() -> None:
    run = run_of("{on: EnrollMdm, status: 429, retry_after: 90s, times: 2}")
    assert run.result.end_state == "desktop"
    refused = [event for event in run.events if isinstance(event, CallRefused)]
    assert [event.code for event in refused] == ["0x801901AD", "0x801901AD"]
    assert refused[1].at - refused[0].at >= 90_000
    assert "E-THROTTLE" in run.result.rules


def test_a_device_that_is_throttled_for_good_gives_up() -> None:
    run = run_of("{on: EnrollMdm, status: 429, retry_after: 10s}")
    assert run.result.error is not None
    assert (run.result.end_state, run.result.error.code) == ("gave_up", "0x801901AD")
    assert sum(isinstance(event, CallRefused) for event in run.events) == 6


def test_an_answer_that_nobody_can_read_is_an_error() -> None:
    run = run_of("{on: JoinDevice, malformed: true}")
    assert run.result.error is not None
    assert run.result.error.code == "0x8007000D"


def test_a_link_that_is_lost_in_a_call_comes_back() -> None:
    run = run_of("{on: ManagementMessage, nth: 3, times: 1, network_lost: 4m}")
    assert run.result.end_state == "desktop"
    assert "F-13" in run.result.rules


def test_a_link_that_is_lost_for_good_leaves_the_page_to_its_timer() -> None:
    run = run_of("{in_state: device_setup, network_lost: for good, times: 1}")
    assert (run.result.end_state, run.result.error.code if run.result.error else "") == ("esp_failed", "0x800705B4")


def test_a_clock_that_jumps_stops_management() -> None:
    run = run_of("{in_state: device_preparation, clock_skew: 3h, times: 1}")
    assert run.result.end_state == "esp_failed"
    assert "F-30" in run.result.rules


def test_a_power_cut_strikes_after_a_state_has_begun() -> None:
    run = run_of("{in_state: device_setup, after: 30s, power_cut: 2m, times: 1}")
    assert run.result.end_state == "desktop"
    assert sum(isinstance(event, PowerLost) for event in run.events) == 1


def test_a_state_may_take_longer() -> None:
    plain = run_of("{in_state: tenant_match, delay: 1s}")
    longer = run_of("{in_state: tenant_match, delay: 601s}")
    assert longer.result.virtual_seconds - plain.result.virtual_seconds == pytest.approx(600, abs=1)


def test_any_call_may_be_hit() -> None:
    run = run_of('{on: "*", status: 503, nth: 12, times: 1}')
    assert sum(isinstance(event, CallRefused) for event in run.events) == 1


def test_chance_comes_from_the_seed() -> None:
    fault = "{on: ManagementMessage, delay: 5s, probability: 0.4}"

    def strikes(seed: int) -> int:
        events = run_of(fault, seed=seed).events
        return sum(event.__class__.__name__ == "FaultInjected" for event in events)

    assert strikes(1) == strikes(1)
    counts = {strikes(seed) for seed in range(1, 9)}
    assert len(counts) > 1
    assert 0 < max(counts) < 15


def test_a_fault_of_a_state_that_is_never_entered_fails_the_run() -> None:
    run = run_of("{in_state: local_account, power_cut: 1m}")
    assert run.result.exit_code == 1
    assert [check.name for check in run.result.checks if not check.passed] == ["fault on state local_account"]


def test_a_note_says_what_happened_to_the_pc() -> None:
    run = run_of("{in_state: updates, clock_skew: -2m, times: 1}")
    assert any(isinstance(event, Noted) and event.text == "The clock jumps by -120 s." for event in run.events)
