"""``run --report``: several at once, written whole, and what a person is told where one cannot be written."""

from __future__ import annotations

import os
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.reports import registry, target
from autopilot_agent.reports.registry import kinds, report_of
from autopilot_agent.reports.report import About, Need, Played, Report
from autopilot_agent.reports.target import write_whole

ROOT = Path(__file__).parents[2]
SCENARIOS = "tests/reports/scenarios"
SUCCESS, FAILURE = f"{SCENARIOS}/success.yaml", f"{SCENARIOS}/failed_expectation.yaml"
ENDINGS = {"junit": "xml", "junit-timeline": "txml", "github": "gmd", "markdown": "md"}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("SOURCE_DATE_EPOCH", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["run", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def all_kinds(folder: Path) -> list[str]:
    return [word for kind in registry.OURS for word in ("--report", f"{kind}={folder / f'report.{ENDINGS.get(kind, kind)}'}")]


def test_all_kinds_at_once_and_what_is_printed_stays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plain = run(capsys, SUCCESS, FAILURE)
    reported = run(capsys, SUCCESS, FAILURE, *all_kinds(tmp_path))
    assert reported == plain and plain[0] == 1
    assert len(list(tmp_path.iterdir())) == len(registry.OURS)


def test_processes_change_no_byte(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    written = []
    for name, jobs in (("one", "1"), ("two", "2")):
        (tmp_path / name).mkdir()
        run(capsys, SCENARIOS, "-j", jobs, *all_kinds(tmp_path / name))
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]


@pytest.mark.parametrize("option", ["--junit", "--junitxml", "--junit-xml", "--html"])
def test_habitual_names(capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str) -> None:
    assert run(capsys, SUCCESS, "-q", option, str(tmp_path / "report"))[0] == 0
    assert (tmp_path / "report").read_bytes().startswith(b"<")


def test_github_prints_annotations_and_appends_the_summary(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, _ = run(capsys, FAILURE, "-q", "--report", "github=-")
    assert code == 1 and out.count("\n::error file=") == 3
    assert summary.read_text(encoding="utf-8").startswith("before\n## Autopilot scenarios: 1 of 1 run not as expected")


def test_annotations_stay_out_of_data(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = run(capsys, FAILURE, "--output", "json", "--report", "github=-")
    assert "::error" not in out and err.count("::error file=") == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report", "jnit=x"], "there is no report 'jnit'; did you mean 'junit'? There are junit, junit-timeline, github,"),
        (["--report", "zzz=x"], "there is no report 'zzz'; choose one of junit, junit-timeline, github, markdown,"),
        (["--report", "report.xml"], "write KIND=FILE, such as junit=report.xml."),
        (["--report", "junit="], "is not KIND=FILE"),
        (["--junit", "-"], "a junit report goes to a file"),
        (["--junit", "no/such/folder/x.xml"], "no/such/folder/x.xml: the folder of the report does not exist; make it first"),
        (["--junit", "tests"], "tests: this is a folder; a report needs the name of a file in it."),
        (["--html", SUCCESS], "is a scenario that is to be played; choose another file."),
        (["--report", "github=-", "--report", "github=-"], "standard output is the place of another report (github)"),
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_is_said_and_the_results_are_printed(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = Path(SUCCESS).read_bytes()
    code, out, err = run(capsys, SUCCESS, SCENARIOS + "/esp_failure.yaml", *words)
    assert code == 2 and said in err and "1 report not written" in err
    assert "2 scenarios: 2 passed, 0 failed" in out
    assert Path(SUCCESS).read_bytes() == before


def test_two_reports_to_one_file_however_it_is_spelt(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "x"
    code, out, err = run(capsys, SUCCESS, "--junit", str(file), "--html", str(tmp_path / "." / "sub" / ".." / "x"))
    assert code == 2 and "is the place of another report (junit); choose another file." in err
    assert "1 scenario: 1 passed" in out and file.read_bytes().startswith(b"<?xml")


def test_a_report_never_takes_the_place_of_a_saved_pc(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    saved = tmp_path / "pc.json"
    assert run(capsys, SUCCESS, "-q", "--save-device", str(saved))[0] == 0
    before = saved.read_bytes()
    for option in ("--device", "--save-device"):
        code, _, err = run(capsys, SUCCESS, "-q", option, str(saved), "--report", f"json={saved}")
        assert code == 2 and f"is the file of {option}; choose another file." in err
    assert saved.read_bytes()[:40] == before[:40]


def test_a_worse_exit_code_stays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, FAILURE, "-q", "--junit", "no/such/x.xml")[0] == 2
    (tmp_path / "x").mkdir()
    assert run(capsys, FAILURE, "-q", "--junit", str(tmp_path / "x.xml"))[0] == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, SUCCESS, "--junit", "/dev/full", "--html", str(tmp_path / "page.html"))
    assert code == 2 and "/dev/full: the report cannot be written (no space left on device)" in err
    assert "1 scenario: 1 passed" in out and (tmp_path / "page.html").exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="rights do not bind this user")
def test_a_folder_without_rights(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, err = run(capsys, SUCCESS, "-q", "--junit", str(tmp_path / "locked" / "x.xml"))
    assert code == 2 and "the report cannot be written (permission denied)" in err


def test_a_write_that_fails_half_way_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.xml"
    file.write_bytes(b"old")

    def full(descriptor: int, data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, "_write", full)
    with pytest.raises(Exception, match="no space left on device"):
        write_whole(str(file), b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.xml"] and file.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="links and rights of POSIX")
def test_a_link_and_the_rights_of_a_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    write_whole(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


def test_what_no_seed_used_is_a_failure_in_reports_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    scenario = tmp_path / "seeds.yaml"
    scenario.write_text("scenario: Rare\nfaults: [{on: EnrollMdm, status: 503, probability: 0.000001}]\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text("scenario: Other\n", encoding="utf-8")
    code, out, _ = run(capsys, str(tmp_path), "--repeat", "3", "-j", "2", "--junit", str(tmp_path / "x.xml"))
    assert code == 1 and "FAILED" in out
    assert (tmp_path / "x.xml").read_text(encoding="utf-8").count("<failure") == out.count("never struck") > 0


def test_a_wrong_date_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    code, _, err = run(capsys, SUCCESS, "-q", "--junit", str(tmp_path / "x.xml"))
    assert code == 2 and "SOURCE_DATE_EPOCH is 'yesterday'; expected seconds since 1970" in err
    assert (tmp_path / "x.xml").exists() and "not written" not in err
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert run(capsys, SUCCESS, "-q", "--junit", str(tmp_path / "x.xml"))[0] == 0
    assert b'timestamp="2026-01-01T00:00:00"' in (tmp_path / "x.xml").read_bytes()


class Counting:
    """A report of somebody else's."""

    name = "counting"
    needs_events = Need.FAILURES

    def render(self, played: list[Played], about: About) -> bytes:
        return f"{len(played)} runs, {sum(len(one.events()) > 0 for one in played)} with events".encode()


class Broken(Counting):
    name = "broken"

    def render(self, played: list[Played], about: About) -> bytes:
        raise KeyError("x")


class Lost(Counting):
    name = "lost"

    def render(self, played: list[Played], about: About) -> bytes:
        return Path("no/such/template").read_bytes()


def test_reports_of_others_come_by_entry_point(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = "tests.cli.test_reports"
    found = [("counting", f"{here}:Counting"), ("broken", f"{here}:Broken"), ("gone", "no_such:X"), ("odd", f"{here}:ROOT")]
    found.append(("lost", f"{here}:Lost"))

    def points(*, group: str, **chosen: str) -> EntryPoints:
        return EntryPoints(EntryPoint(name, value, group) for name, value in found).select(**chosen)

    monkeypatch.setattr("importlib.metadata.entry_points", points)
    assert kinds()[-5:] == ("broken", "counting", "gone", "lost", "odd")
    assert isinstance(report_of("counting"), Report)
    file = tmp_path / "x"
    assert run(capsys, SUCCESS, FAILURE, "-q", "--report", f"counting={file}")[0] == 1
    assert file.read_bytes() == b"2 runs, 1 with events"
    wrong = {"broken": "it ended with KeyError: 'x'", "lost": "it ended with FileNotFoundError"}
    wrong |= {"gone": "cannot be loaded (ModuleNotFoundError", "odd": "needs_events"}
    for kind, said in wrong.items():
        other = tmp_path / f"after-{kind}"
        code, _, err = run(capsys, SUCCESS, "-q", "--report", f"{kind}={tmp_path / kind}", "--junit", str(other))
        assert code == 2 and said in err and other.exists()


def test_our_own_defect_is_said_after_the_other_reports_are_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autopilot_agent.reports.markdown import Markdown

    def broken(self: Markdown, played: list[Played], about: About) -> bytes:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(Markdown, "render", broken)
    words = ["--report", f"markdown={tmp_path / 'm'}", "--junit", str(tmp_path / "j")]
    code, out, err = run(capsys, SUCCESS, *words)
    assert code == 4 and "a mistake of ours" in err and "1 passed" in out and (tmp_path / "j").exists()
