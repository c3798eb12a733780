"""Odd words and files on the command line: one sentence with a place and an exit code, and no green run of nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.cli.new import new_scenario
from autopilot_agent.scenario.model import MODES

PROFILE = """\
scenario: X
tenant:
  windowsAutopilotDeploymentProfiles: [{displayName: P, assignments: [all devices]}]
"""
TWO_APPS = """\
scenario: X
tenant:
  windowsAutopilotDeploymentProfiles: [{displayName: P, assignments: [all devices]}]
  mobileApps:
    - {"@odata.type": "#microsoft.graph.win32LobApp", id: one, displayName: A, assignments: [{group: all devices}]}
    - {"@odata.type": "#microsoft.graph.win32LobApp", id: two, displayName: A, assignments: [{group: all devices}]}
  deviceEnrollmentConfigurations:
    - "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"
      displayName: E
      showInstallationProgress: true
      assignments: [all users]
expect: {apps: {A: installed, one: installed, two: installed}}
"""


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("mode", MODES)
def test_the_new_scenario_enrols_and_installs_its_app(capsys: pytest.CaptureFixture[str], tmp_path: Path, mode: str) -> None:
    path = tmp_path / "first.yaml"
    path.write_text(new_scenario(mode))
    code, out, _ = run(capsys, "run", str(path), "--output", "json")
    result = json.loads(out)["results"][0]
    assert (code, result["mdm_enrolled"], result["apps"]) == (0, True, {"Company Portal": "installed"})
    assert {check["name"] for check in result["checks"]} >= {"mdm_enrolled", "app Company Portal"}


def test_apps_of_one_name_are_told_apart_by_their_id(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(TWO_APPS)
    code, out, _ = run(capsys, "run", str(path), "--output", "json")
    assert code == 0
    assert json.loads(out)["results"][0]["apps"] == {"one": "installed", "two": "installed"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", ""), "the path is empty"),
        (("validate", ""), "the path is empty"),
        (("new", "scenario", ""), "the path is empty"),
        (("run", "a", "--seed", "1.5"), "'1.5' is not a seed; expected a whole number, such as 7"),
        (("run", "a", "--seed", "9" * 5000), "is not a seed"),
        (("run", "a", "--speed", "1e-300"), "'1e-300' is not a speed; expected a number from 0.1 up"),
    ],
)
def test_words_that_mean_nothing_are_refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err
    assert len(err) < 300


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("installers: {Foo: {duration: 1m}}", "4:14: installers: the tenant has no app 'Foo'"),
        ("faults: [{fault: F-26}, {fault: F-03, times: 1}]", "4:25: times would do nothing to the fault F-03"),
        ("device: {windows: {edition: Prof}}", "4:29: unknown edition 'Prof'"),
    ],
)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_what_cannot_be_played_is_named_with_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, line: str, place: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(PROFILE + line + "\n")
    code, out, err = run(capsys, command, str(path), *(["--output", "json"] if command == "run" else []))
    said = json.loads(out)["results"][0]["problem"] if command == "run" else err
    assert code == 2
    assert f"{path}:{place}" in said


def test_an_answer_that_the_page_does_not_offer_is_named_with_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(PROFILE + "person: {SIGNIN: user1@contoso.example, PRIVACY: Refuse}\n")
    code, out, _ = run(capsys, "run", str(path), "--output", "json")
    assert code == 2
    assert f"{path}:4:41: the script answers 'Refuse' on page PRIVACY" in json.loads(out)["results"][0]["problem"]


def test_a_blocked_host_that_nobody_asked_for_is_remarked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(PROFILE + "device: {network: {blocked: [login.micorsoftonline.com, activation.sls.microsoft.com]}}\n")
    code, out, _ = run(capsys, "run", str(path), "--output", "json")
    assert code == 0
    notices = json.loads(out)["results"][0]["notices"]
    assert [note for note in notices if "stopped nothing" in note] == [
        "the blocked host login.micorsoftonline.com stopped nothing: the run had no call for it"
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_error_that_cannot_be_printed_keeps_its_exit_code() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "autopilot_agent", "run", "nowhere.yaml"], stderr=full, check=False)
    assert done.returncode == 2
