"""What ``run`` writes never takes the place of what it reads, however that is spelt."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main

TENANT = '{"organization": [{"id": "1", "displayName": "C", "verifiedDomains": [{"name": "c.example", "isInitial": true}]}]}'
HEAD = b"# A golden trace of autopilot-agent, format 1: x\n"
FILES = {
    "_defaults.yaml": "seed: 7\n",
    "scenarios/_defaults.yaml": "include: [parts/_base.yaml]\n",
    "scenarios/a.yaml": "scenario: A\ninclude: [parts/_laptop.yaml]\ntenant: {include: [tenants/contoso/]}\n",
    "scenarios/b.yaml": "scenario: B\nmatrix:\n  - {name: x, device.autopilot_file.file: files/profile.json}\n",
    "scenarios/parts/_base.yaml": "mode: user-driven\n",
    "scenarios/parts/_laptop.yaml": "include: [_more.yaml]\ndevice: {network: ethernet}\n",
    "scenarios/parts/_more.yaml": "tags: [more]\n",
    "scenarios/tenants/contoso/all.json": TENANT,
    "scenarios/tenants/own.yaml": "include: [contoso/]\n",
    "scenarios/files/profile.json": "{}",
    "snapshots/scenarios/a.yaml.txt": HEAD.decode(),
}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["run", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def unchanged() -> bool:
    return all(Path(name).read_text(encoding="utf-8") == text for name, text in FILES.items())


WHAT = [
    ("_defaults.yaml", "is the defaults file of scenarios/a.yaml"),
    ("scenarios/_defaults.yaml", "is the defaults file of scenarios/a.yaml"),
    ("scenarios/a.yaml", "is a scenario that is to be played"),
    ("scenarios/parts/_base.yaml", "is a file that scenarios/a.yaml includes"),
    ("scenarios/parts/_laptop.yaml", "is a file that scenarios/a.yaml includes"),
    ("scenarios/parts/_more.yaml", "is a file that scenarios/a.yaml includes"),
    ("scenarios/tenants/contoso/all.json", "is a file that scenarios/a.yaml includes"),
    ("scenarios/files/profile.json", "is a file that scenarios/b.yaml includes"),
    ("snapshots/scenarios/a.yaml.txt", "is a place of --snapshot"),
    ("snapshots/scenarios/new.txt", "is a place of --snapshot"),
]


@pytest.mark.parametrize(("file", "said"), WHAT)
def test_no_report_takes_the_place_of_an_input(capsys: pytest.CaptureFixture[str], file: str, said: str) -> None:
    around = os.path.join("scenarios", os.pardir, file)
    louder = str(Path(file).with_name(Path(file).name.upper()))
    for words in (["--report", f"json={file}"], ["--junit", f"./{file}"], ["--html", os.path.abspath(file)],
                  ["--html", around], ["--report", f"markdown={louder}"]):  # fmt: skip
        code, out, err = run(capsys, "scenarios", "--snapshot", "snapshots", *words)
        assert code == 2 and f"{said}; choose another file." in err, words
        assert "2 scenarios:" in out and unchanged()
    assert not list(Path().rglob("*.YAML")) and not list(Path().rglob("*.JSON"))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_an_input_is_that_input(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    (repository / "report.xml").symlink_to("scenarios/tenants/contoso/all.json")
    (repository / "linked").symlink_to("scenarios", target_is_directory=True)
    for words in (["scenarios", "--junit", "report.xml"], ["linked/a.yaml", "--junit", "scenarios/parts/_more.yaml"],
                  ["scenarios/a.yaml", "--save-device", "report.xml"]):  # fmt: skip
        code, _, err = run(capsys, *words)
        assert code == 2 and "includes; choose another file." in err
        assert unchanged()


@pytest.mark.parametrize("file", [file for file, _ in WHAT if "b.yaml" not in file and "files/" not in file])
def test_no_pc_is_saved_over_an_input(capsys: pytest.CaptureFixture[str], file: str) -> None:
    code, out, err = run(capsys, "scenarios/a.yaml", "--snapshot", "snapshots", "--save-device", file)
    assert code == 2 and f"--save-device {file}: this is " in err and "choose another file." in err
    assert not out and unchanged()


def test_a_pc_may_be_saved_where_it_was_read(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    assert run(capsys, "scenarios/a.yaml", "-q", "--save-device", "pc.json")[0] == 0
    (repository / "scenarios/later.yaml").write_text(FILES["scenarios/a.yaml"] + "acts: [{act: wait, for: 1h}]\n")
    code, _, err = run(capsys, "scenarios/later.yaml", "-q", "--device", "pc.json", "--save-device", "./pc.json")
    assert code == 0, err


def test_what_is_set_and_what_wrong_files_include_are_inputs(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    more = ["--set", "tenant.include=[tenants/own.yaml]"]
    for file in ("scenarios/tenants/own.yaml", "scenarios/tenants/contoso/all.json"):
        code, _, err = run(capsys, "scenarios/b.yaml", *more, "--junit", file)
        assert code == 2 and "is a file that scenarios/b.yaml includes" in err and unchanged()
    (repository / "scenarios/a.yaml").write_text("scenario: A\nnonsense: 1\ntenant: {include: [tenants/contoso/]}\n")
    code, _, err = run(capsys, "scenarios", "--junit", "scenarios/tenants/contoso/all.json")
    assert code == 2 and "is a file that scenarios/a.yaml includes" in err
    assert Path("scenarios/tenants/contoso/all.json").read_text() == TENANT


def test_includes_that_form_a_loop_end_the_search(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    (repository / "scenarios/a.yaml").write_text("scenario: A\ninclude: [a.yaml, parts/_loop.yaml]\n")
    (repository / "scenarios/parts/_loop.yaml").write_text("include: [_loop.yaml, ../a.yaml]\n")
    code, _, err = run(capsys, "scenarios/a.yaml", "--junit", "scenarios/parts/_loop.yaml")
    assert code == 2 and "is a file that scenarios/a.yaml includes" in err


def test_files_of_other_options_are_inputs(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    (repository / "ca.pem").write_text("x")
    code, _, err = run(capsys, "scenarios/a.yaml", "--backend", "https://localhost:1", "--ca", "ca.pem", "--junit", "ca.pem")
    assert code == 2 and (repository / "ca.pem").read_text() == "x", err


def test_reports_beside_the_inputs_are_written_again_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run(capsys, "scenarios/a.yaml", "-q", "--junit", "scenarios/report.xml", "--html", "report.html")[0] == 0


def test_a_pc_of_several_seeds_is_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--repeat", "2"], ["--repeat", "1"], ["--seed-range", "1..2"]):
        code, out, err = run(capsys, "scenarios/a.yaml", "--save-device", "pc.json", *words)
        assert code == 2 and "--save-device keeps one PC, and each seed gives another;" in err
        assert not out and not Path("pc.json").exists()
