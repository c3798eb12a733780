"""JUnit, GitHub, Markdown, json, jsonl: their form, what they hold, and that hostile data is only data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from junitparser import JUnitXml
from lxml import etree

from autopilot_agent.reports.findings import Spot, shown_file, spot_of, titles_of
from autopilot_agent.reports.github import GITHUB, command
from autopilot_agent.reports.junit import JUNIT, JUNIT_TIMELINE
from autopilot_agent.reports.markdown import MARKDOWN, MOST_BYTES, code, escaped, fenced
from autopilot_agent.reports.plain_json import JSON, JSONL
from autopilot_agent.reports.report import About, Need, Played
from tests.reports.samples import every_verdict, hostile, sample, samples

ROOT = Path(__file__).parents[2]
ABOUT = About("1.2.3", 1)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("junit.xml", lambda: JUNIT.render(samples(), ABOUT)),
        ("junit-verdicts.xml", lambda: JUNIT.render(every_verdict(), ABOUT)),
        ("markdown.md", lambda: MARKDOWN.render([*samples(), *every_verdict()], ABOUT)),
        ("github.txt", lambda: GITHUB.announce([*samples(), *every_verdict()], ABOUT).encode()),
    ],
)
def test_a_report_reads_as_it_did(name: str, made: Callable[[], bytes], golden: Callable[[str, str], None]) -> None:
    golden(name, made().decode())


@pytest.mark.parametrize("report", [JUNIT, JUNIT_TIMELINE], ids=lambda report: report.name)
def test_junit_has_the_form_that_all_readers_share(report: object) -> None:
    schema = etree.XMLSchema(etree.parse(ROOT / "tests/reports/common_junit.xsd"))
    data = report.render([*samples(), hostile(), *every_verdict()], About("1", 1, "2026-01-02T03:04:05Z"))
    schema.assertValid(etree.fromstring(data))


def test_junit_is_read_by_a_parser_that_is_not_ours() -> None:
    read = JUnitXml.fromstring(JUNIT.render(every_verdict(), ABOUT))
    assert (read.tests, read.failures, read.errors, read.skipped) == (7, 2, 1, 3)
    suite = next(iter(read))
    assert suite.name == "folder"
    found = {case.name: case for case in suite}
    failed = found["A run that is failed [row 1]"]
    assert failed.classname == "folder" and failed._elem.get("file") == "folder/failed.yaml"
    assert "never account_setup: expected never, got seen" in failed.result[0].message
    assert found["A run that is error [row 1]"]._elem.get("line") == "3"
    assert found["A run that is skipped [row 1]"].result[0].message == "waits for a new profile"


def test_junit_says_that_its_time_is_virtual_and_how_to_replay() -> None:
    case = etree.fromstring(JUNIT.render([sample("success")], ABOUT)).find(".//testcase")
    assert case is not None and case.get("time") == "706.401"
    told = {one.get("name"): one.get("value") for one in case.iterfind("properties/property")}
    assert told["time_is"] == "virtual seconds"
    assert told["replay"] == "autopilot-agent run tests/reports/scenarios/success.yaml --seed 7"
    assert (told["mode"], told["seed"], told["end_state"], told["outcome"]) == ("user-driven", "7", "desktop", "completed")
    assert len(told["trace_hash"]) == 64


def test_junit_with_timeline_has_it_as_output() -> None:
    out = etree.fromstring(JUNIT_TIMELINE.render([sample("success")], ABOUT)).findtext(".//system-out")
    assert out is not None and "0:05:21  Device preparation (ESP)" in out


def test_characters_that_xml_cannot_hold_are_written_as_escapes() -> None:
    data = JUNIT.render([hostile()], ABOUT)
    name = etree.fromstring(data).find(".//testcase").get("name")  # type: ignore[union-attr]
    assert "\\x1b[31m" in name and "\\ufffe" in name and "</script>" in name


def test_annotations_are_escaped_as_github_documents() -> None:
    line = command(Spot("bad,name:100%.yaml", 3, 5), "a: b, c", "50 %\r\nnext\x1b[31m")
    assert line == "::error file=bad%2Cname%3A100%25.yaml,line=3,col=5,title=a%3A b%2C c::50 %25%0Anext\\x1b[31m"


def test_each_failed_check_is_annotated_at_its_line() -> None:
    said = GITHUB.announce(samples(Need.NOTHING), ABOUT).splitlines()
    assert [re.findall(r"line=(\d+),col=(\d+)", line) for line in said] == [[("23", "31")], [("21", "11")], [("22", "26")]]
    assert all(line.startswith("::error file=tests/reports/scenarios/failed_expectation.yaml,") for line in said)
    assert all("\n" not in line for line in GITHUB.announce([hostile()], ABOUT).splitlines())
    assert len(GITHUB.announce([hostile()], ABOUT).splitlines()) == len([c for c in hostile().result.checks if not c.passed])


def test_annotations_name_files_from_the_top_of_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert command(Spot("a.yaml", 1), "t", "m") == "::error file=sub/a.yaml,line=1,title=t::m"


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("a|b", "a\\|b"),
        ("[x](http://a)", "\\[x\\](http:/<!-- -->/a)"),
        ("@team and user1@contoso.example", "@<!-- -->team and user1@contoso.example"),
        ("# head", "\\# head"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("two\nlines", "two\\\\x0alines"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_names_are_only_names_in_markdown(data: str, written: str) -> None:
    assert escaped(data) == written


def test_code_in_markdown_cannot_end_early() -> None:
    assert code("a`b|c") == "<code>a\\`b\\|c</code>"
    assert fenced("x ```` y")[0] == "`````text"


def test_markdown_fits_into_a_step_summary() -> None:
    many = every_verdict() * 4000
    data = MARKDOWN.render(many, ABOUT)
    assert len(data) < MOST_BYTES + 1000
    assert b"more failures did not fit into this report." in data and b"more runs did not fit into this report." in data


def test_json_is_the_document_of_output(capsys: pytest.CaptureFixture[str]) -> None:
    from autopilot_agent.__main__ import main

    main(["run", "tests/reports/scenarios", "--output", "json"])
    played = sorted(samples(), key=lambda one: one.result.file)
    assert JSON.render(played, ABOUT).decode() == capsys.readouterr().out
    main(["run", "tests/reports/scenarios", "--output", "jsonl"])
    assert JSONL.render(played, ABOUT).decode() == capsys.readouterr().out


def test_json_of_hostile_names_is_json() -> None:
    assert "\x1b" in json.loads(JSON.render([hostile()], ABOUT))["results"][0]["scenario"]


def test_events_are_kept_only_where_they_are_wanted() -> None:
    assert not sample("success", Need.FAILURES).packed and not sample("failed_expectation", Need.NOTHING).packed
    kept = sample("failed_expectation", Need.FAILURES)
    assert kept.events()[-1].seq == len(kept.lines().splitlines()) - 1


def test_files_are_named_from_the_working_directory() -> None:
    assert shown_file(str(ROOT / "scenarios" / "a.yaml")) == "scenarios/a.yaml"
    assert spot_of("a.yaml:3:5: unknown key", "x.yaml") == Spot("a.yaml", 3, 5)
    assert spot_of("no place", "x.yaml") == Spot("x.yaml")


def test_runs_that_share_a_title_can_be_told_apart() -> None:
    one, again, other = (msgspec.structs.replace(every_verdict()[0].result, seed=seed) for seed in (1, 2, 1))
    other.file = "folder/other.yaml"
    title = "A run that is passed [row 1]"
    assert titles_of([one, again]) == [f"{title} (seed 1)", f"{title} (seed 2)"]
    assert titles_of([one, other]) == [f"{title} (folder/passed.yaml)", f"{title} (folder/other.yaml)"]


def test_nothing_played_is_a_report_too() -> None:
    played: list[Played] = []
    for report in (JUNIT, MARKDOWN, JSON, JSONL):
        assert isinstance(report.render(played, ABOUT), bytes)
