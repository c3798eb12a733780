"""The fixture ``autopilot``: a device played from a Python test."""

from __future__ import annotations

from inner_pytest import LAPTOP, Inner, Write

from autopilot_agent.simulator.server import serving
from autopilot_agent.testing.in_process import one_authority as shared_authority
from autopilot_agent.testing.small import small_state

pytest_plugins = ["pytester"]




def test_the_fixture_plays_a_device_in_three_lines(inner: Inner, write: Write) -> None:
    write("tests/laptop.yaml", LAPTOP + "matrix:\n  - {name: wifi, device.network: wifi}\n  - {name: cable, seed: 2}\n")
    write(
        "tests/test_it.py",
        """
import pytest
from autopilot_agent import InputError
from autopilot_agent.pytest_plugin import Autopilot, Played

def test_a_file(autopilot: Autopilot) -> None:
    run: Played = autopilot("laptop.yaml", only="wifi", set={"device.serial_number": "007", "expect.device_name": "CON-007"})
    run.assert_passed()
    assert run.end_state == run.result.end_state == "desktop" and run.passed and run.error is None
    assert run.events and run.seconds > 60 and "NET" in run.screens and run.apps == {}

def test_text_and_keys(autopilot):
    assert autopilot("scenario: Text\\nexpect: {end_state: desktop}").passed
    run = autopilot({"scenario": "Keys", "faults": [{"fault": "F-26"}]}, seed=7)
    assert run.error.code == "0x80180014" and run.result.seed == 7

def test_a_scenario_that_is_skipped(autopilot):
    autopilot("scenario: Text\\nskip: later")

@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("nope.yaml", r"nope.yaml: there is no such file in tests or in \\.; check"),
        ("laptop.yaml", "holds 2 cases"),
        ({"scenario": "x", "mod": "hybrid"}, "did you mean 'mode'"),
        ({"scenario": {1, 2}}, "expected"),
        ({"scenario": object()}, "no file could hold"),
        (7, "not int"),
        ({"scenario": "x", "acts": ["reseal"]}, "the act reseal is impossible here"),
    ],
)
def test_mistakes(autopilot, scenario, said):
    with pytest.raises(InputError, match=said):
        autopilot(scenario)
""",
    )
    inner("-rA").assert_outcomes(passed=9, skipped=1)


def test_a_mistake_is_said_in_the_words_of_the_test(inner: Inner, write: Write) -> None:
    write("laptop.yaml", LAPTOP + "matrix:\n  - {name: wifi}\n  - {name: cable}\n")
    write(
        "test_it.py",
        """
import pytest
from autopilot_agent import InputError

@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"only": "wifi", "set": {"device.netwrk": "wifi"}}, "^set device.netwrk: 'netwrk' is not a key of device"),
        ({"only": "wifi", "set": {"seed": 1}}, "^--autopilot-set sed: 'sed' is not a key"),
        ({}, "holds 2 cases and one is wanted; name it with 'only': wifi, cable"),
        ({"only": "wifi", "seed": "x"}, "^'seed' is a whole number, such as 7, and not str.$"),
        ({"only": "wifi", "backend": "nothing"}, "^there is no backend 'nothing'"),
    ],
)
def test_it(autopilot, arguments, said):
    with pytest.raises(InputError, match=said):
        autopilot("laptop.yaml", **arguments)
""",
    )
    inner("-k", "not autopilot-set").assert_outcomes(passed=4, deselected=1)
    inner("-k", "autopilot-set", "--autopilot-set", "sed=1").assert_outcomes(passed=1, deselected=4)


def test_an_assertion_about_a_device_says_what_it_did(inner: Inner, write: Write) -> None:
    write(
        "test_it.py",
        """
def test_passed(autopilot):
    autopilot({"scenario": "Keys", "expect": {"end_state": "esp_failed"}}).assert_passed()

def test_property(autopilot):
    run = autopilot({"scenario": "Keys", "faults": [{"fault": "F-26"}]})
    assert run.end_state == "desktop"

def test_missing(autopilot):
    autopilot("nope.yaml")
""",
    )
    result = inner()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: end_state: expected esp_failed, got desktop (at 0:*)",
            "E               <scenario of test_passed>:3:14",
            "E               > 3 |   end_state: esp_failed",
            "E       Replay: pytest test_it.py::test_passed --autopilot-seed 1",
            "E       AssertionError: assert 'gave_up' == 'desktop'",
            "*Captured device call*",
            "<scenario of test_property> passed at gave_up (failed, 0x80180014) after 0:*",
            "  How to fix *",
            '>       autopilot("nope.yaml")',
            "E       autopilot_agent.errors.InputError: nope.yaml: there is no such file in .; check the name.",
        ]
    )
    assert "devices.py" not in result.stdout.str()


def test_a_test_may_name_a_server(inner: Inner, write: Write) -> None:
    with serving(small_state(), authority=shared_authority) as served:
        write(
            "test_it.py",
            f"""
import pytest
from autopilot_agent import InputError

def test_server(autopilot):
    autopilot({{"scenario": "Served", "expect": {{"end_state": "desktop"}}}}, backend="{served.url}").assert_passed()

def test_memory(autopilot):
    autopilot({{"scenario": "In memory"}}, backend="memory").assert_passed()

def test_elsewhere(autopilot):
    with pytest.raises(InputError, match="add --autopilot-allow-host a.example"):
        autopilot({{"scenario": "Elsewhere"}}, backend="https://a.example")
""",
        )
        inner().assert_outcomes(passed=3)
        inner("--autopilot-backend", served.url).assert_outcomes(passed=3)
