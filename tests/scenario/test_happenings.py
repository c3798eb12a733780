"""What befalls the PC in the middle of a run: beside an answer, or at a virtual time; wrong ones are refused with a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.events import CloudChanged, PowerLost
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

HERE = Path("scenarios/user-driven/made-up.yaml")
TENANT = "tenant: {include: [../tenants/contoso/]}\n"


def run(text: str, **options: bool) -> Run:
    return run_scenario(load_scenario_text(f"scenario: made up\n{TENANT}{text}", HERE), **options)


def test_the_power_goes_while_a_page_waits_and_the_page_comes_again() -> None:
    done = run("person: {SIGNIN: [{happens: [{power_off: 5m}]}, user2@contoso.example]}\nexpect: {end_state: desktop}\n")
    assert done.result.verdict == "passed", done.result
    assert [event.off for event in done.events if isinstance(event, PowerLost)] == [300_000]
    assert done.result.screens.count("SIGNIN") == 2


def test_time_passes_between_two_happenings_beside_one_answer() -> None:
    happens = "[{network: lost}, {wait: 30m}, {network: back}]"
    done = run(f"person: {{SIGNIN: {{happens: {happens}}}}}\nexpect: {{end_state: desktop, at_least: 30m}}\n")
    assert done.result.verdict == "passed", done.result


def test_a_fault_begins_and_ends_beside_answers() -> None:
    done = run(
        """
person:
  SIGNIN: {happens: [{inject: {fault: F-26}}]}
  WRONG: [{choice: Try again, happens: [{clear: F-26}]}]
expect: {end_state: desktop, visits: [SIGNIN, WRONG, desktop], rules: [F-26]}
"""
    )
    assert done.result.verdict == "passed", done.result


def test_at_a_time_the_same_things_happen() -> None:
    text = """
happenings:
  - {at: 8m, network: lost}
  - {at: 9m, network: back}
  - {at: 8m30s, admin: {cloud: {mfa: true}}}
expect: {end_state: desktop, rules: [F-13]}
"""
    done = run(text)
    assert done.result.verdict == "passed", done.result
    assert [event.at for event in done.events if isinstance(event, CloudChanged)] == [510_000]
    assert run(text, shortcut=False).result.trace_hash == done.result.trace_hash


def test_a_happening_that_never_comes_fails_the_run() -> None:
    done = run("happenings: [{at: 9d, network: lost}]\n")
    assert done.result.verdict == "failed"
    assert [check.name for check in done.result.checks if not check.passed] == ["happening at 9d"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("happenings: [{network: lost}]", "add 'at'"),
        ("happenings: [{at: 5m}]", "write one of"),
        ("happenings: [{at: 5m, network: lost, power_off: 1m}]", "write one of"),
        ("happenings: [{at: soon, network: lost}]", "not a duration"),
        ("happenings: [{at: 5m, wait: 5m}]", "belongs beside an answer"),
        ("happenings: [{at: 5m, inject: {fault: F-999}}]", "'F-999' is not a fault"),
        ("happenings: [{at: 5m, admin: {dance: true}}]", "dance"),
        ("happenings: [{at: 5m, network: sideways}]", "'sideways'"),
        ("person: {SIGNIN: {happens: [{at: 5m, network: lost}]}}", "remove it"),
    ],
)
def test_a_happening_that_cannot_be_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario_text(f"scenario: made up\n{text}\n", HERE)
    assert sentence in str(caught.value) and "made-up.yaml:2" in str(caught.value)


@pytest.mark.parametrize(("fault", "sentence"), [("F-87", "at power-on"), ("F-18", "a person does")])
def test_a_fault_that_is_about_the_beginning_cannot_begin_later(fault: str, sentence: str) -> None:
    done = run(f"happenings: [{{at: 5m, inject: {{fault: {fault}}}}}]\n")
    assert done.result.exit_code == 2 and sentence in done.result.problem
