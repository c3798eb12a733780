"""What a run says about a failure: every ending has its cause and its fix, and they are about the step that failed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from autopilot_agent.reports.text import render
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import ErrorReport, Run, explain_failure, run_scenario

ROOT = Path(__file__).resolve().parent.parent / "scenarios"


@cache
def played(name: str) -> Run:
    return run_scenario(load_scenario(ROOT / f"{name}.yaml"))


def error_of(name: str) -> ErrorReport:
    error = played(name).result.error
    assert error is not None
    return error


def test_every_ending_that_is_no_success_has_a_cause_and_a_fix() -> None:
    lacking: list[tuple[str, ErrorReport | None]] = []
    ends = 0
    for path in find_scenarios([ROOT]):
        result = run_scenario(load_scenario(path)).result
        if result.outcome not in ("failed", "stuck"):
            continue
        ends += 1
        error = result.error
        if error is None or not (error.symptom or error.meaning) or not error.cause or not error.fix:
            lacking.append((path.name, error))
    assert lacking == []
    assert ends > 150


APPS = ("many apps", "fewer apps", "installer")


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("self-deploying/tpm-without-attestation", "REQ-TPM", "TPM"),
        ("self-deploying/attestation-hosts-blocked", "NET-TPM", "microsoftaik.azure.net"),
        ("self-deploying/fault-f30-clock", "F-30", "Attestation took longer"),
        ("self-deploying/fault-f61-tpm-1-2", "F-61", "Attestation took longer"),
        ("self-deploying/fault-f69-infineon", "F-69", "Attestation took longer"),
        ("pre-provisioned/fault-f52-virtual-machine", "F-52", "Attestation took longer"),
        ("hybrid/vpn-lost-in-account-setup", "V6", "VPN"),
        ("hybrid/no-connection-point", "H11", "service connection point"),
        ("hybrid/idle-lock-nobody-comes", "H12", "token of the user"),
        ("hybrid/f35-every-time", "F-35", "a sign-in answer that it cannot read"),
        ("pre-provisioned/fault-f56-legal-notice", "F-56", "A policy of the device"),
    ],
)
def test_a_failure_without_apps_is_not_blamed_on_apps(name: str, rule: str, words: str) -> None:
    run = played(name)
    assert error_of(name).rule == rule
    block = " ".join(render(run, 0, timeline=True).partition("What failed")[2].split())
    assert words in block
    told = f"{block} {error_of(name)}".casefold()
    for wrong in APPS:
        assert wrong not in told.partition("decided by")[0], wrong


@pytest.mark.parametrize(
    ("name", "screen", "words"),
    [
        ("pre-provisioned/fault-f52-virtual-machine", "PPFAIL", "Attestation took longer"),
        ("pre-provisioned/fault-f56-legal-notice", "PPFAIL", "A policy of the device"),
        ("hybrid/f35-malformed-token", "WRONG", "a sign-in answer that it cannot read"),
    ],
)
def test_the_error_pages_say_what_the_code_means_in_that_step(name: str, screen: str, words: str) -> None:
    shown = [str(getattr(event, "text", "")) for event in played(name).events if getattr(event, "screen", "") == screen]
    assert shown and all(words in text for text in shown if "0x" in text)
    assert any(words in text for text in shown)


def test_a_tpm_that_cannot_attest_needs_other_hardware() -> None:
    text = render(played("self-deploying/tpm-without-attestation"), 0, timeline=True)
    assert "does not help before the hardware is changed" in " ".join(text.split())
    assert error_of("self-deploying/tpm-without-attestation").retry_helps is False


def test_a_failure_of_no_known_row_still_says_its_reason() -> None:
    error = explain_failure("0x8BADF00D", "region", "", "the server sent nonsense")
    assert (error.meaning, error.cause, error.symptom, error.retry_helps) == ("the server sent nonsense",) * 2 + ("", None)
    other = explain_failure("0x80004005", "entra_join", "", "the service answers 0x80004005")
    assert other.meaning == "the service answers 0x80004005"


@pytest.mark.parametrize(
    ("name", "rule", "cause", "fix", "retry"),
    [
        ("hybrid/vpn-client-for-users", "V3", "Home VPN is not installed", "Assign the VPN client", False),
        ("hybrid/vpn-certificate-for-users", "V3", "certificate of the machine", "certificate of the machine", False),
        ("hybrid/vpn-of-one-user", "V4", "a user's own", "all its users", False),
        ("hybrid/vpn-gateway-closed", "V4", "does not connect", "reach the gateway", False),
        ("hybrid/f36-vpn-not-started", "F-36", "not started", "Start the VPN", True),
        ("hybrid/signed-out-by-nobody", "H14", "nobody signed out", "Sign out", None),
        ("pre-provisioned/fault-f57-no-web-sign-in", "F-57", "device password", "Remove the device password policy", False),
        ("reset/local-standard-user", "R2", "local administrator", "local administrator", True),
        ("reset/management-host-closed", "RST-ORDER", "never reached", "reach Intune", True),
        ("reset/restored-without-network", "R5", "no network", "Connect the PC", True),
        ("reset/local-account-again", "R1", "joined to Entra", "Join the device", False),
    ],
)
def test_an_ending_names_what_happened_and_what_helps(name: str, rule: str, cause: str, fix: str, retry: bool | None) -> None:
    error = error_of(name)
    assert (error.rule, error.retry_helps) == (rule, retry)
    assert cause in error.cause and fix in error.fix
    block = " ".join(render(played(name), 0, timeline=True).partition("What failed")[2].split())
    assert f"How to fix {error.fix}" in block and "Symptom" in block
