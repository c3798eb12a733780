"""``diff`` on the command line: kinds, exit codes, forms, wrong inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
WIRED = str(ROOT / "scenarios" / "hybrid" / "wired.yaml")
LATE = str(ROOT / "scenarios" / "hybrid" / "f37-sync-late.yaml")
CONTOSO = ROOT / "scenarios" / "tenants" / "contoso"


def test_equal_is_0_and_different_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", WIRED, WIRED]) == 0
    assert "Nothing differs." in capsys.readouterr().out
    assert main(["diff", WIRED, LATE]) == 1
    text = capsys.readouterr().out
    assert text.index("First divergence") < text.index("Where the paths part") < text.index("The end") < text.index("Time")


def test_another_seed_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", WIRED, WIRED, "--seed", "9"]) == 0


def test_a_seed_for_what_is_not_played_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["run", WIRED, "--output", "json", "--seed", "9"])
    recording = tmp_path / "a.json"
    recording.write_text(capsys.readouterr().out, encoding="utf-8")
    for one in (str(recording), str(ROOT / "examples" / "preflight" / "mended")):
        assert main(["diff", one, one, "--seed", "9"]) == 2
        assert "--seed is for scenarios" in capsys.readouterr().err
    assert main(["diff", WIRED, str(recording), "--seed", "9"]) == 0


def test_the_json_of_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", WIRED, LATE, "--output", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["kind"], data["equal"], len(data["runs"])) == ("runs", False, 1)
    assert data["runs"][0]["end"][0] == {"name": "end_state", "a": "desktop", "b": "esp_failed"}


def test_recordings_of_many_runs_go_by_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "jsonl"):
        for name, seed in (("a", "1"), ("b", "2")):
            main(["run", WIRED, LATE, "--output", form, "--seed", seed])
            (tmp_path / f"{name}.{form}").write_text(capsys.readouterr().out, encoding="utf-8")
        assert main(["diff", str(tmp_path / f"a.{form}"), str(tmp_path / f"a.{form}")]) == 0
        assert "0 of 2 runs differ" in capsys.readouterr().out
        assert main(["diff", str(tmp_path / f"a.{form}"), str(tmp_path / f"b.{form}")]) == 1
        assert "2 of 2 runs differ" in capsys.readouterr().out


CASES = """\
scenario: A laptop
matrix:
  - {name: cable, device.network: ethernet}
  - {name: Wi-Fi, device.network: wifi}
---
scenario: A laptop without a licence
tenant: {users: [{userPrincipalName: user1@contoso.example, assignedPlans: []}]}
person: {SIGNIN: user1@contoso.example}
"""


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("cases.yaml").write_text(CASES, encoding="utf-8")
    return tmp_path


def record(capsys: pytest.CaptureFixture[str], name: str, *words: str) -> str:
    """Keep what ``run`` prints; the name's ending says the form."""
    main(["run", "--output", name.rsplit(".", 1)[1], *words])
    Path(name).write_text(capsys.readouterr().out, encoding="utf-8")
    return name


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_runs_of_one_file_go_by_case_and_seed(form: str, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = record(capsys, f"a.{form}", "cases.yaml")
    assert main(["diff", once, once]) == 0
    assert "Nothing differs.\n\n0 of 3 runs differ." in capsys.readouterr().out
    often = record(capsys, f"b.{form}", "cases.yaml", "--repeat", "3")
    assert main(["diff", often, often]) == 0
    text = capsys.readouterr().out
    assert "A  cases.yaml [A laptop / cable], seed 1" in text and "0 of 9 runs differ." in text
    other = record(capsys, f"c.{form}", "cases.yaml", "--seed", "9")
    assert main(["diff", once, other]) == 1
    assert "3 of 3 runs differ" in capsys.readouterr().out
    for a, b, said in [(once, often, "only B has a run of cases.yaml [A laptop / cable], seed 2 and 1 more"),
                       (record(capsys, f"d.{form}", "cases.yaml", "--only", "*cable", "--only", "*licence"), once,
                        "only B has a run of cases.yaml [A laptop / Wi-Fi]; compare the same scenarios, or")]:  # fmt: skip
        assert main(["diff", a, b]) == 2
        assert said in capsys.readouterr().err


def test_the_same_cases_of_two_files_belong_together(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = record(capsys, "a.json", "cases.yaml")
    Path("cases.yaml").rename("renamed.yaml")
    assert main(["diff", a, record(capsys, "b.jsonl", "renamed.yaml"), "--output", "json"]) in (0, 1)
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [(one["a"], one["b"]) for one in runs] == [
        (f"cases.yaml [{name}]", f"renamed.yaml [{name}]")
        for name in ("A laptop / cable", "A laptop / Wi-Fi", "A laptop without a licence")
    ]


def test_cases_of_scenario_files_are_compared_one_by_one(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "cases.yaml", "cases.yaml"]) == 0
    assert "0 of 3 runs differ." in capsys.readouterr().out
    Path("other.yaml").write_text(CASES.replace("network: wifi", "network: ethernet"), encoding="utf-8")
    assert main(["diff", "cases.yaml", "other.yaml"]) == 1
    text = capsys.readouterr().out
    assert "A  cases.yaml [A laptop / Wi-Fi]\nB  other.yaml [A laptop / Wi-Fi]" in text and "1 of 3 runs differ." in text


def test_only_chooses_cases_of_files_and_recordings(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.yaml").write_text("scenario: A laptop on the cable\n", encoding="utf-8")
    files = ["cases.yaml", record(capsys, "a.json", "cases.yaml"), record(capsys, "a.jsonl", "cases.yaml")]
    for a in files:
        for b in files:
            assert main(["diff", a, b, "--only", "A laptop / cable"]) == 0
            assert "[A laptop / cable]\n\nNothing differs.\n" in capsys.readouterr().out
        assert main(["diff", a, "one.yaml", "--only", "*cable", "--output", "json"]) in (0, 1)
        (run,) = json.loads(capsys.readouterr().out)["runs"]
        assert (run["a"], run["b"]) == ("cases.yaml [A laptop / cable]", "one.yaml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cases.yaml", "cases.yaml", "--only", "none"], "no case is named 'none'; choose one of A laptop / cable, "),
        (["one.yaml", "one.yaml", "--only", "none"], "no case is named 'none'; what was given has no cases with names"),
        (["cases.yaml", "one.yaml"], "only A has a run of cases.yaml [A laptop / cable] and 2 more; compare the same"),
        ([str(CONTOSO), str(CONTOSO), "--only", "x"], "--only names cases of scenario files and recorded runs"),
    ],
)
def test_a_case_that_cannot_be_compared(words: list[str], said: str, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.yaml").write_text("scenario: A laptop\n", encoding="utf-8")
    assert main(["diff", *words]) == 2
    assert said in capsys.readouterr().err


def test_tenants_and_what_it_means_for_each_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(CONTOSO), str(CONTOSO)]) == 0
    assert "Nothing differs; 18 runs played alike." in capsys.readouterr().out
    other = tmp_path / "contoso"
    shutil.copytree(CONTOSO, other)
    file = other / "deviceEnrollmentConfigurations.json"
    text = file.read_text(encoding="utf-8")
    wanted = text.replace('"installProgressTimeoutInMinutes": 60', '"installProgressTimeoutInMinutes": 5')
    file.write_text(wanted, encoding="utf-8")
    assert main(["diff", str(CONTOSO), str(other)]) == 1
    text = capsys.readouterr().out
    assert "installProgressTimeoutInMinutes: 60 -> 5" in text and "desktop -> esp_failed" in text
    assert main(["diff", str(CONTOSO), str(other), "--output", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["kind"] == "tenants" and {one["change"] for one in data["resources"]} == {"changed"}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "x.jsonl", "no event is in this file"),
        ("hello\n", "x.jsonl", "x.jsonl:1: this line is no event"),
        ('{"schema_version":1,"results":[]}', "x.json", "no run is in this file"),
        ('{"schema_version":1,"results":[{"scenario":1}]}', "x.json", "does not have the form of"),
        ("{", "x.json", "broken JSON"),
        ('{"event":"run_started","file":"a.yaml","seed":"x"}', "x.jsonl", "x.jsonl:1: this line is no event"),
        ("text", "x.txt", "expected a scenario (.yaml), a tenant, or a run"),
        ("scenario: x\nfoo: 1\n", "x.yaml", "'foo' is not a key"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(
    content: str, name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    assert main(["diff", str(file), str(file)]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_two_kinds_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", WIRED, str(CONTOSO)]) == 2
    assert "compare two of one kind" in capsys.readouterr().err
    assert main(["diff", WIRED, "nowhere.yaml"]) == 2
    assert "there is no such file" in capsys.readouterr().err
