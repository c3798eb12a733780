"""``run --snapshot``: golden traces that are stable, redacted, and never pass by accident."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from autopilot_agent.__main__ import main
from autopilot_agent.cli.snapshots import ELSEWHERE, UP, Store
from autopilot_agent.reports.snapshot import MOST_LINES

SCENARIO = """\
scenario: A laptop
seed: 7
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: P, assignments: [all devices], deviceNameTemplate: CON-%SERIAL%}
device: {serial_number: "5CG1234567", network: ethernet}
expect: {end_state: desktop}
"""
TWO = SCENARIO + "matrix: [{name: wired, seed: 3}, {name: 'wi/fi', device.network: wifi}]\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    (root / "scenarios").mkdir(parents=True)
    (root / "scenarios" / "a.yaml").write_text(SCENARIO)
    (root / "scenarios" / "b.yaml").write_text(TWO)
    monkeypatch.chdir(root)
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["run", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def files(folder: str = "snapshots") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def kept(folder: str = "snapshots") -> dict[str, bytes]:
    return {name: Path(folder, name).read_bytes() for name in files(folder)}


def test_a_missing_snapshot_fails_and_says_how_it_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots")
    assert code == 1
    assert "snapshots/scenarios/a.yaml.txt, got no such file; --update writes it" in " ".join(out.split())
    assert not Path("snapshots").exists()


def test_update_writes_one_file_a_case_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    assert code == 0
    names = files()
    assert names[:1] == ["scenarios/a.yaml.txt"]
    assert "scenarios/b.yaml@wired.txt" in names
    assert [name for name in names if name.startswith("scenarios/b.yaml@wi-fi~")]
    assert "autopilot-agent: snapshot written: snapshots/scenarios/a.yaml.txt\n" in err
    assert err.endswith("autopilot-agent: 3 snapshots: 3 written.\n")
    assert run(capsys, "scenarios", "--snapshot", "snapshots", "-q") == (0, "", "")
    assert run(capsys, "scenarios", "--snapshot", "snapshots", "--update")[2] == "autopilot-agent: 3 snapshots: 3 the same.\n"


def test_a_difference_fails_with_its_lines_and_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    Path("scenarios/a.yaml").write_text(SCENARIO.replace("CON-%SERIAL%", "NEW-%SERIAL%").replace("ethernet", "wifi"))
    code, out, _ = run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots")
    assert code == 1
    assert "--- snapshots/scenarios/a.yaml.txt (kept)\n" in out
    assert "-device_name    CON-5CG1234567\n" in out
    assert "+device_name    NEW-5CG1234567\n" in out
    assert "more lines\n" in out
    assert len([line for line in out.splitlines() if line.startswith("        ")]) < MOST_LINES + 60
    assert "--seed 7 --snapshot snapshots\n" in out
    (result,) = json.loads(run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--output", "json")[1])["results"]
    check = result["checks"][-1]
    assert (result["verdict"], check["name"], check["passed"]) == ("failed", "snapshot", False)
    assert check["place"].startswith("snapshots/scenarios/a.yaml.txt:")
    assert len(check["detail"]) == MOST_LINES + 1
    code, _, err = run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--update")
    assert code == 0
    assert "snapshot written anew: snapshots/scenarios/a.yaml.txt" in err


def turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: turned(one) for key, one in reversed(value.items())}
    return [turned(one) for one in value] if isinstance(value, list) else value


def test_the_order_of_keys_in_scenario_and_tenant_does_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("scenarios/tenants/t")
    folder.mkdir(parents=True)
    profile = {"displayName": "Q", "id": "6f1d2a3b-0007-4000-8000-000000000002", "language": "os-default",
               "assignments": [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]}  # fmt: skip
    (folder / "windowsAutopilotDeploymentProfiles.json").write_text(json.dumps({"value": [profile]}))
    scenario = {**yaml.safe_load(SCENARIO), "tenant": {"include": ["tenants/t/"]}}
    Path("scenarios/c.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    assert run(capsys, "scenarios/c.yaml", "--snapshot", "snapshots", "--update")[0] == 0
    (folder / "windowsAutopilotDeploymentProfiles.json").write_text(json.dumps({"value": [turned(profile)]}))
    Path("scenarios/c.yaml").write_text(yaml.safe_dump(turned(scenario), sort_keys=False))
    assert run(capsys, "scenarios/c.yaml", "--snapshot", "snapshots", "-q") == (0, "", "")


def test_snapshots_are_the_same_from_every_folder_and_with_processes(
    capsys: pytest.CaptureFixture[str], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    before = kept()
    assert str(repository).encode() not in b"".join(before.values())
    assert run(capsys, str(repository / "scenarios"), "--snapshot", str(repository / "snapshots"), "-q", "-j2")[:2] == (0, "")
    monkeypatch.chdir("scenarios")
    assert run(capsys, "../scenarios", "b.yaml", "--snapshot", "../snapshots", "-q")[:2] == (0, "")
    assert run(capsys, ".", "--snapshot", "../other", "--update", "-j2", "-q")[:2] == (0, "")
    assert kept("../other") == kept("../snapshots") == before


def test_line_ends_of_a_checkout_do_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--update")
    file = Path("snapshots/scenarios/a.yaml.txt")
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "-q") == (0, "", "")


def test_snapshots_that_belong_to_nothing_are_named_and_removed_by_update(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    Path("snapshots/notes.txt").write_text("mine")
    Path("scenarios/a.yaml").unlink()
    Path("scenarios/b.yaml").write_text(TWO.replace("wired", "cable"))
    only = run(capsys, "scenarios", "--only", "wi/fi", "--snapshot", "snapshots")
    assert only[0] == 0
    assert "a.yaml.txt belongs to no scenario any more; --update removes it" in only[2]
    assert "wired" not in only[2]
    code, _, err = run(capsys, "scenarios", "--snapshot", "snapshots")
    assert code == 1
    assert "b.yaml@wired.txt belongs to no scenario any more" in err
    code, _, err = run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    assert code == 0
    assert "1 written, 1 the same, 2 removed." in err
    assert len(files()) == 3
    assert "notes.txt" in files()


def test_another_folder_of_scenarios_keeps_its_snapshots(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    assert run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--update")[2].endswith("1 snapshot: 1 the same.\n")
    assert len(files()) == 3


def test_a_case_that_cannot_be_played_has_no_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    Path("scenarios/a.yaml").write_text("scenario: A\nmode: x\n")
    assert run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--update")[0] == 2
    assert files() == []
    Path("scenarios/a.yaml").write_text(SCENARIO + "skip: not now\n")
    assert run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--update",), "say where they are with --snapshot DIR"),
        (("--snapshot", "snapshots", "--repeat", "2"), "leave out --repeat"),
        (("--snapshot", "scenarios/a.yaml"), "this is a file"),
        (("--snapshot", "scenarios/a.yaml/x", "--update"), "cannot be kept there"),
    ],
)
def test_what_makes_no_sense_ends_with_2(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    code, out, err = run(capsys, "scenarios", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_file_that_is_no_snapshot_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path("snapshots/scenarios").mkdir(parents=True)
    Path("snapshots/scenarios/a.yaml.txt").write_text("mine")
    code, out, _ = run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    assert code == 2
    assert "this file is no snapshot" in out
    assert "3 scenarios: 2 passed, 0 failed, 1 with errors" in out
    assert Path("snapshots/scenarios/a.yaml.txt").read_text() == "mine"


def test_a_snapshot_that_cannot_be_written_is_an_error_and_the_results_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("snapshots/scenarios/a.yaml.txt").mkdir(parents=True)
    code, out, _ = run(capsys, "scenarios", "--snapshot", "snapshots", "--update")
    assert code == 2
    assert "3 scenarios: 2 passed, 0 failed, 1 with errors" in out
    assert not [name for name in files() if name.endswith(".new")]


def test_a_scenario_outside_has_a_name_too(repository: Path) -> None:
    store = Store(Path("snapshots"))
    assert store.name("../else/a.yaml", "") == f"{UP}/else/a.yaml.txt"
    assert store.source(f"{UP}/else/a.yaml") == repository / ".." / "else" / "a.yaml"
    assert ELSEWHERE not in store.name("a.yaml", "x")


def test_every_report_for_people_shows_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--update")
    Path("scenarios/a.yaml").write_text(SCENARIO.replace("ethernet", "wifi"))
    words = [word for kind in ("junit", "markdown", "html") for word in ("--report", f"{kind}={kind}")]
    code, out, _ = run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", *words, "--report", "github=-")
    assert code == 1
    (annotation,) = [line for line in out.splitlines() if line.startswith("::error ")]
    shown = {kind: Path(kind).read_text(encoding="utf-8") for kind in ("junit", "markdown", "html")} | {"github": annotation}
    for kind, text in shown.items():
        assert "snapshots/scenarios/a.yaml.txt (kept)" in text, kind
        assert re.search(r"(^|%0A) *\+seconds +\d", text, re.MULTILINE), kind
    assert "\n  ```diff\n  --- snapshots/" in shown["markdown"]


def test_cases_that_differ_only_in_capitals_are_refused_whatever_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """Their snapshots would be one file on Windows and macOS."""
    Path("scenarios/b.yaml").write_text(SCENARIO + "matrix: [{name: a, seed: 3}, {name: A, seed: 4}, {name: b, seed: 5}]\n")
    for words in (["scenarios"], ["scenarios/b.yaml", "--only", "a"], ["scenarios", "--only", "b", "-j", "2"]):
        code, out, err = run(capsys, *words, "--snapshot", "snapshots", "--update")
        assert code == 2 and not out and not Path("snapshots/scenarios").exists()
        assert "scenarios/b.yaml: two cases differ in nothing but capitals" in err
        assert "scenarios/b.yaml@a.txt and scenarios/b.yaml@A.txt are one file on Windows and macOS; rename one" in err
    assert run(capsys, "scenarios", "-q")[0] == 0
