"""The plug-in for pytest, looked at from outside: what is collected, what runs, and what somebody reads when it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from inner_pytest import LAPTOP, WRONG_NAME, Inner, Write

import autopilot_agent.pytest_plugin

pytest_plugins = ["pytester"]

PLUGIN = "autopilot_agent.pytest_plugin"
HERE = str(Path(autopilot_agent.__file__).parent.parent)
"""Where the package is, for a Python that starts in another folder."""



def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line and " " not in line.split("::")[0]]


def test_collects_files_by_their_name_or_folder_and_cases_by_theirs(inner: Inner, write: Write) -> None:
    rows = "matrix:\n  - {name: wifi, device.network: wifi}\n  - {name: 'cable :: [x]', device.network: ethernet}\n"
    write("scenarios/named.yaml", LAPTOP)
    write("scenarios/rows.yml", LAPTOP + rows)
    write("scenarios/deep/two.yaml", "scenario: First\n---\nscenario: Second\n")
    write("scenarios/_defaults.yaml", "seed: 5\n")
    write("scenarios/tenants/contoso.yaml", "no: scenario\n")
    write("elsewhere/odd.autopilot.yaml", "scenario: Odd\n")
    write("elsewhere/settings.yaml", "no: scenario\n")
    write("elsewhere/_part.autopilot.yaml", "no: scenario\n")
    result = inner("--collect-only", "-q")
    assert ids(result) == [
        "elsewhere/odd.autopilot.yaml::odd",
        "scenarios/deep/two.yaml::two[First]",
        "scenarios/deep/two.yaml::two[Second]",
        "scenarios/named.yaml::named",
        "scenarios/rows.yml::rows[wifi]",
        "scenarios/rows.yml::rows[cable :: [x]]",
    ]
    result.assert_outcomes()
    inner("scenarios/rows.yml::rows[cable :: [x]]").assert_outcomes(passed=1)


def test_a_file_that_is_given_is_played_where_it_says_that_it_is_a_scenario(inner: Inner, write: Write) -> None:
    write("elsewhere/a.yaml", "# First\nscenario: A\nmatrix: {seed: [1, 2]}\n")
    write("elsewhere/settings.yaml", "no: scenario\n")
    inner().assert_outcomes()
    inner("elsewhere/a.yaml").assert_outcomes(passed=2)
    assert ids(inner("elsewhere/a.yaml::a[seed=2]", "--collect-only", "-q")) == ["elsewhere/a.yaml::a[seed=2]"]
    assert inner("elsewhere/settings.yaml").ret == pytest.ExitCode.USAGE_ERROR


def test_marks_words_and_the_command_line_choose(inner: Inner, write: Write) -> None:
    write("scenarios/a.yaml", LAPTOP)
    write("scenarios/b.yaml", "scenario: Another\ntags: [skip, _own]\nexpect: {end_state: desktop}\n")
    write("test_python.py", "def test_python():\n    pass\n")
    inner().assert_outcomes(passed=3)
    inner("-m", "autopilot").assert_outcomes(passed=2, deselected=1)
    inner("-m", "happy-path and not autopilot_skip").assert_outcomes(passed=1, deselected=2)
    inner("-m", "autopilot_skip and autopilot__own").assert_outcomes(passed=1, deselected=2)
    inner("-k", "laptop").assert_outcomes(passed=1, deselected=2)
    inner("-k", "Another").assert_outcomes(passed=1, deselected=2)  # a title that is no part of the id


def test_a_failure_shows_the_lines_of_the_scenario_and_no_python(inner: Inner, write: Write) -> None:
    write("scenarios/wrong.yaml", WRONG_NAME)
    result = inner("--junit-xml=junit.xml")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*_ wrong _*",
            "A laptop with a name",
            "scenarios/wrong.yaml, user-driven, seed 1",
            "Ended at desktop (completed) after *",
            "FAILED  device_name: expected LAP-5CG0000001, got CON-5CG0000001 (at 0:*)",
            "*before that:",
            "*scenarios/wrong.yaml:8:16",
            "*  7 |   end_state: desktop",
            "*> 8 |   device_name: LAP-5CG0000001",
            "Replay: autopilot-agent run scenarios/wrong.yaml --seed 1",
            "FAILED scenarios/wrong.yaml::wrong - device_name: expected LAP*",
        ]
    )
    assert "Traceback" not in text and ".py" not in text.split("FAILURES")[1]


def test_what_the_device_failed_with_comes_with_cause_and_fix(inner: Inner, write: Write) -> None:
    write("scenarios/blocked.yaml", LAPTOP + "faults: [{fault: F-26}]\n")
    result = inner()
    result.stdout.fnmatch_lines(["What failed: MDM enrolment", "  Code *0x80180014:*", "  How to fix *", "  Rule *F-26"])


def test_skip_and_xfail_are_those_of_pytest(inner: Inner, write: Write) -> None:
    write("scenarios/a.yaml", "scenario: A\nskip: later\n---\nscenario: B\nxfail: known\nexpect: {end_state: esp_failed}\n")
    write("scenarios/b.yaml", "scenario: C\nxfail: known no more\n")
    write("scenarios/c.yaml", "scenario: D\nxfail: does not excuse mistakes\nacts: [reseal]\n")
    result = inner("-rA")
    result.assert_outcomes(skipped=1, xfailed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "ERROR   scenarios/c.yaml:3:8: the act reseal is impossible here:*",
            "SKIPPED * scenarios/a.yaml: later",
            "XFAIL scenarios/a.yaml::a?B? - known",
            "FAILED scenarios/b.yaml::b - ?XPASS(strict)? known no more",
        ]
    )


def test_a_file_that_is_no_scenario_is_an_error_with_its_place(inner: Inner, write: Write) -> None:
    write("scenarios/broken.yaml", "scenario: A\n  expect: [\n")
    write("scenarios/typo.yaml", "scenario: A\nexepct: {end_state: desktop}\n")
    write("scenarios/good.yaml", LAPTOP)
    result = inner("--continue-on-collection-errors")
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR collecting scenarios/broken.yaml*",
            "scenarios/broken.yaml:2:9: this is not valid YAML:*",
            "*> 2 |   expect: [[]",
            "*ERROR at setup of typo*",
            "scenarios/typo.yaml:2:1: 'exepct' is not a key of the top of a scenario; did you mean 'expect'?",
            "*> 2 | exepct: {end_state: desktop}",
            "ERROR scenarios/broken.yaml - 2:9: this is not valid YAML:*",
            "ERROR scenarios/typo.yaml::typo - 2:1: 'exepct' is not a key of*",
        ]
    )
    assert "Traceback" not in result.stdout.str() and "During handling" not in result.stdout.str()


def test_where_nothing_is_played_a_wrong_case_is_an_error_and_the_others_are_listed(inner: Inner, write: Write) -> None:
    write("scenarios/a.yaml", "scenario: One\n---\nscenario: Two\nexepct: {}\n---\nscenario: Three\n")
    result = inner("--collect-only", "-q")
    assert ids(result)[:2] == ["scenarios/a.yaml::a[One]", "scenarios/a.yaml::a[Three]"]
    shown = ["scenarios/a.yaml:4:1: 'exepct' is not a key of*", "*> 4 | exepct: {}", "ERROR *a?Two? - 4:1: *"]
    result.stdout.fnmatch_lines(shown)
    inner().assert_outcomes(passed=2, errors=1)
    assert inner("--collect-only", "scenarios/a.yaml::a[Three]").ret == pytest.ExitCode.OK
    assert inner("--collect-only", "scenarios/a.yaml::a[Two]").ret != pytest.ExitCode.OK


def test_defaults_that_end_too_early_are_shown_to_their_end(inner: Inner, write: Write) -> None:
    write("scenarios/_defaults.yaml", "seed: 3\ntags: [a\n")
    write("scenarios/a.yaml", "scenario: A\n")
    result = inner()
    shown = [line for line in result.outlines if "_defaults.yaml" in line or " | " in line]
    assert [line.split(": ")[0].strip() for line in shown[:4]] == [
        "scenarios/_defaults.yaml:3:1",
        "scenarios/_defaults.yaml:3:1",
        "1 | seed",
        "2 | tags",
    ]


@pytest.mark.parametrize("words", [["--tb=line"], ["--tb=line", "-n2"]], ids=["one process", "workers"])
def test_a_failure_in_one_line_is_one_line(
    pytester: pytest.Pytester, inner: Inner, write: Write, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("PYTHONPATH", HERE)
    write("scenarios/b.yaml", WRONG_NAME)
    write("scenarios/broken.yaml", "scenario: [\n")
    words = [*words, "--continue-on-collection-errors"]
    result = pytester.runpytest_subprocess("-p", PLUGIN, "--color=no", *words)
    text = result.stdout.str().split("FAILURES")[1]
    assert "\nscenarios/b.yaml:8:16: device_name: expected LAP-5CG0000001, got CON-5CG0000001 (at 0:" in text
    assert "Replay" not in text
    assert result.stdout.str().count("ERROR collecting scenarios/broken.yaml") == 1, "each worker finds it; it is said once"


def test_options_reach_every_scenario(inner: Inner, write: Write) -> None:
    write("scenarios/a.yaml", LAPTOP)
    write("scenarios/b.yaml", WRONG_NAME)
    write("test_it.py", "def test_it(autopilot):\n    assert autopilot('scenarios/b.yaml').assert_passed() is None\n")
    words = ["--autopilot-set", "expect.device_name=LAP-1", "--autopilot-set", "device.serial_number=A1"]
    result = inner("--autopilot-seed", "12", *words)
    result.assert_outcomes(failed=3)
    replay = (
        "Replay: autopilot-agent run scenarios/b.yaml --seed 12 --set expect.device_name=LAP-1 --set device.serial_number=A1"
    )
    result.stdout.fnmatch_lines([replay, f"E   *{replay}"])
    inner("--autopilot-set", "expect.device_name=CON-5CG0000001").assert_outcomes(passed=3)
    inner("--autopilot-set", "sed=1").stdout.fnmatch_lines(["ERROR *a.yaml::a - --autopilot-set sed: 'sed' is not a key of*"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--autopilot-backend", "nothing"], "there is no backend 'nothing'; installed are: *memory*"),
        (["--autopilot-backend", "https://graph.microsoft.com"], "*graph.microsoft.com*"),
        (["--autopilot-set", "seed"], "--autopilot-set seed: expected PATH=VALUE*"),
        (["--autopilot-set", ""], "--autopilot-set: expected PATH=VALUE*"),
        (["--autopilot-ca", "a.pem"], "--autopilot-ca is for a server; choose one with --autopilot-backend https://HOST:PORT."),
        (["--autopilot-allow-host", "a"], "--autopilot-allow-host is for a server; choose one with --autopilot-backend https://*"),
        (["--autopilot-backend", "https://a.example"], "a.example is not this *, add --autopilot-allow-host a.example."),
        (
            ["--autopilot-backend", "https://graph.microsoft.com", "--autopilot-allow-host", "graph.microsoft.com"],
            "graph.microsoft.com is a production service:*",
        ),
        (["-o", "autopilot_scenarios=scenarois"], "autopilot_scenarios: there is no folder *scenarois; check its name*"),
    ],
)
def test_a_wrong_option_is_said_once(inner: Inner, words: list[str], said: str) -> None:
    result = inner(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])


def test_a_test_server_of_the_network_is_allowed_by_option_or_file(inner: Inner, write: Write) -> None:
    write("scenarios/a.yaml", LAPTOP)
    address = ["--autopilot-backend", "https://tenant.invalid:8443", "--collect-only"]
    assert inner(*address).ret == pytest.ExitCode.USAGE_ERROR
    assert inner(*address, "--autopilot-allow-host", "tenant.invalid").ret == pytest.ExitCode.OK
    write("pytest.ini", (Path("pytest.ini").read_text(encoding="utf-8") + "autopilot_allow_hosts = tenant.invalid\n"))
    assert inner(*address).ret == pytest.ExitCode.OK
    inner().assert_outcomes(passed=1)  # a list of servers asks for none


def test_only_what_failed_last_runs_again(pytester: pytest.Pytester, inner: Inner, write: Write) -> None:
    write("scenarios/a.yaml", LAPTOP)
    write("scenarios/b.yaml", "scenario: A\nexpect: {end_state: esp_failed}\n---\nscenario: B\n")
    inner().assert_outcomes(passed=2, failed=1)
    inner("--lf").assert_outcomes(failed=1)


def test_workers_say_the_same_as_one_process(
    pytester: pytest.Pytester, inner: Inner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("PYTHONPATH", HERE)
    monkeypatch.setenv("COLUMNS", "160")
    write("scenarios/a.yaml", LAPTOP)
    write("scenarios/b.yaml", WRONG_NAME + "matrix: {seed: [1, 2]}\n")
    write("scenarios/c.yaml", "scenario: C\nxfail: known no more\n---\nscenario: D\nxfail: not such a thing\nacts: [reseal]\n")
    write("scenarios/d.yaml", "scenario: A\nexepct: {end_state: desktop}\n")

    def said(*words: str) -> tuple[list[str], list[str]]:
        result = pytester.runpytest_subprocess("-p", PLUGIN, "--color=no", "-rA", "--junit-xml=junit.xml", *words)
        result.assert_outcomes(passed=1, failed=4, errors=1)
        result.stdout.fnmatch_lines(["*> 8 |   device_name: LAP-5CG0000001"])
        lines = [line for line in result.outlines if line.startswith(("PASSED", "FAILED sc", "ERROR sc"))]
        return sorted(lines), sorted(re.findall('message="[^"]*"', Path("junit.xml").read_text(encoding="utf-8")))

    lines, messages = said("-n2")
    assert (lines, messages) == said()
    assert sum(" - device_name: expected LAP" in line for line in lines) == 2
    assert sum('"device_name: expected LAP' in one and "&#10;" not in one for one in messages) == 2


def test_nothing_is_loaded_where_there_is_no_scenario(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("no: scenario\n")
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert not {name for name in sys.modules if name.startswith('autopilot_agent.')} - "
        f"{{'{PLUGIN}'}}\n    assert not {{'msgspec', 'yaml', 'simpy'}} & set(sys.modules)\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    environment = {**os.environ, "PYTHONPATH": HERE}
    done = subprocess.run([*words, "-W", "error"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_plug_in_is_an_entry_point_named_like_its_module() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
