"""``run --what-if``: both ends side by side, and what happens to changes that make no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main

SCENARIO = """\
scenario: A laptop
seed: 7
tenant: {windowsAutopilotDeploymentProfiles: [{displayName: P, assignments: [all devices], language: os-default}]}
expect: {end_state: desktop, never: [REGION]}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(SCENARIO)
    return "a.yaml"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["run", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("change", ["set device.network=wifi", "device.network=wifi", "  set  device.network=wifi"])
def test_a_change_is_compared_with_the_case_as_written(capsys: pytest.CaptureFixture[str], file: str, change: str) -> None:
    code, out, err = run(capsys, file, "--what-if", change)
    assert (code, err) == (0, "")
    assert "A  as written\nB  with device.network=wifi\n" in out
    assert "First divergence" in out
    assert "With the change, no longer as expected: never REGION\n" in out


def test_several_changes_are_made_together(capsys: pytest.CaptureFixture[str], file: str) -> None:
    code, out, _ = run(capsys, file, "--what-if", "device.network=wifi", "--what-if", "seed=9", "--output", "json")
    found = json.loads(out)
    assert code == 0
    assert (found["kind"], found["changes"], found["equal"]) == ("what-if", ["device.network=wifi", "seed=9"], False)
    (case,) = found["cases"]
    assert (case["as_written"]["seed"], case["changed"]["seed"]) == (7, 9)
    assert (case["as_written"]["verdict"], case["changed"]["verdict"]) == ("passed", "failed")
    assert "--set device.network=wifi" in case["changed"]["replay"]
    assert case["difference"]["first"]["rules"]


def test_a_change_that_changes_nothing_says_so(capsys: pytest.CaptureFixture[str], file: str) -> None:
    assert "Nothing differs." in run(capsys, file, "--what-if", "seed=7")[1]


def test_each_of_several_cases_has_its_comparison(capsys: pytest.CaptureFixture[str], file: str) -> None:
    Path("b.yaml").write_text(SCENARIO + "matrix: [{name: one, seed: 3}, {name: two, device.network: wifi}]\n")
    code, out, _ = run(capsys, file, "b.yaml", "--what-if", "device.network=wifi")
    assert code == 0
    assert "a.yaml\n" in out
    assert "b.yaml [one]\n" in out
    assert "b.yaml [two]\n" not in out
    assert out.endswith("2 of 3 scenarios go another way.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--what-if", "device.netwrk=wifi"), "--what-if device.netwrk: 'netwrk' is not a key of device; did you mean"),
        (("--what-if", "netwrk"), "--what-if netwrk: expected PATH=VALUE"),
        (("--what-if", ""), "--what-if: expected PATH=VALUE"),
        (("--what-if", "seed=1", "--set", ""), "--set: expected PATH=VALUE"),
        (("--what-if", "seed=1", "--repeat", "3"), "--repeat does not go with --what-if"),
        (("--what-if", "seed=1", "--snapshot", "x"), "--snapshot does not go with --what-if"),
        (("--what-if", "seed=1", "--fail-fast"), "--fail-fast does not go with --what-if"),
        (("--what-if", "seed=1", "-j", "2"), "--jobs does not go with --what-if"),
        (("--what-if", "seed=1", "--output", "jsonl"), "--what-if prints text or json"),
    ],
)
def test_what_makes_no_sense_ends_with_2(capsys: pytest.CaptureFixture[str], file: str, words: list[str], said: str) -> None:
    code, out, err = run(capsys, file, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_each_option_is_named_for_what_it_says(capsys: pytest.CaptureFixture[str], file: str) -> None:
    for words, said in (
        (("--set", "nope=1", "--what-if", "seed=8"), "--set nope: 'nope' is not a key"),
        (("--what-if", "nope=1", "--set", "seed=8"), "--what-if nope: 'nope' is not a key"),
        (("--what-if", "device.network.x=1"), "--what-if device.network.x: 'x' is not a key of device.network"),
        (("--what-if", "installers.X.leaves=nothing"), "--what-if installers.X.leaves: installers: the tenant has no app 'X'"),
    ):
        code, _, err = run(capsys, file, *words)
        assert code == 2 and f"error: {said}" in err, err


def test_a_wrong_file_does_not_keep_the_others(capsys: pytest.CaptureFixture[str], file: str) -> None:
    Path("b.yaml").write_text("scenario: B\nmode: x\n")
    code, out, err = run(capsys, file, "b.yaml", "--what-if", "device.network=wifi")
    assert code == 2
    assert "1 of 1 scenario goes another way." in out
    assert "b.yaml:2:7" in err


def test_only_skipped_cases_are_remarked(capsys: pytest.CaptureFixture[str], file: str) -> None:
    Path(file).write_text(SCENARIO + "skip: not now\n")
    code, _, err = run(capsys, file, "--what-if", "seed=8")
    assert code == 0
    assert "nothing was played" in err
