"""The text of a run: golden files, what each verbosity shows, and that nothing in it is dangerous."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from autopilot_agent.events import CallRefused, CommandApplied, LogWritten, Noted, ScreenShown, StateEntered, StateLeft
from autopilot_agent.oobe.states import State
from autopilot_agent.reports.printable import printable
from autopilot_agent.reports.spent import time_spent
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.text import render
from autopilot_agent.reports.timeline import Timeline, write
from autopilot_agent.reports.verdict import excerpt
from autopilot_agent.reports.words import STATES, clock, span
from autopilot_agent.scenario.loader import load_scenario, load_scenario_text
from autopilot_agent.scenario.run import Result, Run, run_scenario

ROOT = Path(__file__).parents[2]
SCENARIOS = Path("tests/reports/scenarios")
NAMES = ("success", "esp_failure", "failed_expectation")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(name: str) -> Run:
    return run_scenario(load_scenario(SCENARIOS / f"{name}.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_run_reads_as_it_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.txt", render(run(name), 0, timeline=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verbosity", [-1, 0, 1, 2])
def test_every_line_is_plain_characters_for_any_console(name: str, verbosity: int) -> None:
    text = render(run(name), verbosity, timeline=verbosity >= 0)
    assert not re.search(r"[^\n\x20-\x7e]", text)
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_lines_keep_to_the_width() -> None:
    for line in render(run("esp_failure"), 0, timeline=True, style=Style(width=80)).splitlines():
        assert len(line) <= 80 or line.startswith(("Replay:", "tests/")), line


def test_colour_changes_nothing_but_colour() -> None:
    made = run("esp_failure")
    coloured = render(made, 0, timeline=True, style=Style(colour=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(made, 0, timeline=True)


def test_more_verbosity_shows_more() -> None:
    made = run("success")
    quiet, plain, more, most = (render(made, verbosity, timeline=True) for verbosity in (-1, 0, 1, 2))
    assert quiet == ""
    assert len(plain) < len(more) < len(most)
    assert "DeviceManagement 72" not in plain and "DeviceManagement 72" in more
    assert "EnrollMdm" not in plain and "EnrollMdm" in more
    assert ": 200" not in more and ": 200" in most


def test_a_failure_is_explained_with_its_evidence() -> None:
    text = render(run("esp_failure"), 0, timeline=True)
    for words in ("What failed: Device setup (ESP), at 0:", "Code          0x80070643", "How to fix", "Try again", "F-41, "):
        assert words in text


def test_a_failed_check_shows_the_line_that_asks() -> None:
    text = render(run("failed_expectation"), 0, timeline=True)
    assert re.search(r"FAILED  within: expected 5m, got \d+m \d\d", text)
    assert re.search(r"\n        > \d+ \|   within: 5m\n", text)
    assert "before that:" in text


def test_in_a_list_a_run_is_one_line_and_its_failures() -> None:
    assert re.fullmatch(r"passed  \S+success.yaml +desktop +\d+m \d\ds\n", render(run("success"), 0, timeline=False))
    lines = render(run("failed_expectation"), -1, timeline=False).splitlines()
    assert lines[0].startswith("FAILED  tests/reports/scenarios/failed_expectation.yaml")
    assert all(line.startswith("        ") for line in lines[1:])
    assert lines[-1].strip().startswith("Replay: autopilot-agent run tests/")


def test_escapes_in_names_are_shown_literally() -> None:
    text = 'scenario: "red \\e[31m \\u202e end"\nperson: {SIGNIN: "a\\u0007b@contoso.example"}\n'
    loaded = load_scenario_text(text, Path("x.yaml"))
    text = render(run_scenario(loaded), 2, timeline=True)
    assert "red \\x1b[31m \\u202e end" in text
    assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text


def test_a_file_that_cannot_be_run_says_why_and_where(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("scenario: X\r\nmode: bogus\r\n", newline="")
    result = Result("", "x.yaml", "", 0, problem=f"{file}:2:7: there is no mode 'bogus'", exit_code=2)
    text = render(Run(result, []), 0, timeline=True)
    assert "ERROR   " in text and "> 2 | mode: bogus\n" in text


def test_an_excerpt_of_a_file_that_is_gone_is_its_place() -> None:
    assert excerpt("nowhere.yaml:3:4", Style()) == ["        nowhere.yaml:3:4"]
    assert excerpt("", Style()) == []


def test_a_page_has_the_title_of_the_windows_that_shows_it() -> None:
    trace = [ScreenShown(0, 0, "P3", "PPINFO")]
    assert Timeline(0, eleven=False).read(trace)[0].text == '"Windows Autopilot Configuration"'
    assert Timeline(0).read(trace)[0].text == '"Pre-provision with Windows Autopilot"'


def test_the_same_refusal_again_is_counted() -> None:
    trace = [
        StateEntered(0, 0, "U6", "mdm_enrolment"),
        *(CallRefused(n, n * 60_000, "NET-INTUNE", "EnrollMdm", "host.example", "0x80190193", "no") for n in range(1, 4)),
        StateLeft(4, 240_000, "U6", "mdm_enrolment", "failed", "gave up"),
    ]
    lines = write(Timeline(0).read(trace), Style(width=120))
    assert "(3 times, last at 0:03:00)" in lines[1]
    assert len(lines) == 3


def test_a_status_that_alarms_is_shown_and_a_plain_one_is_not() -> None:
    trace = [CommandApplied(n, 0, "", "Replace", f"./x/{status}", status) for n, status in enumerate((200, 404, 418, 500))]
    assert [entry.text for entry in Timeline(0).read(trace)] == ["Replace ./x/500: 500"]
    assert len(Timeline(1).read(trace)) == 3
    assert len(Timeline(2).read(trace)) == 4


def test_an_error_of_an_event_log_is_shown_without_asking() -> None:
    trace = [LogWritten(0, 0, "", "Autopilot", 102, "bad"), Noted(1, 0, "C1", "then")]
    assert [entry.kind for entry in Timeline(0).read(trace)] == ["log", "device"]


def test_all_time_is_accounted_for() -> None:
    made = run("success")
    spent = time_spent(made.events)
    assert sum(spent.states.values()) + spent.restarts <= spent.total
    assert spent.device + spent.person + spent.restarts == spent.total
    assert 0 < spent.restarts < spent.total and spent.person > 0


def test_titles_are_those_of_states() -> None:
    assert not set(STATES) - {state.value for state in State}


def test_times_read_as_clocks_and_spans() -> None:
    assert [clock(ms) for ms in (0, 59_999, 3_600_000)] == ["0:00:00", "0:00:59", "1:00:00"]
    assert [span(ms) for ms in (999, 61_000, 3_661_000)] == ["0s", "1m 01s", "1h 01m 01s"]


def test_invisible_characters_become_visible() -> None:
    assert printable("a\u200bb\x1b") == "a\\u200bb\\x1b"
