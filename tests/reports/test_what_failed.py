"""What went wrong, where, why and what to do: said by every report of many runs, in one line a fact, with nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from autopilot_agent.reports.github import GITHUB
from autopilot_agent.reports.html import HTML
from autopilot_agent.reports.junit import JUNIT
from autopilot_agent.reports.markdown import MARKDOWN
from autopilot_agent.reports.repeats import render as render_repeats
from autopilot_agent.reports.report import About, Need, Played, Report, pack
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.text import render
from autopilot_agent.reports.verdict import excerpt
from autopilot_agent.scenario.expectations import Check
from autopilot_agent.scenario.finding import give_text
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import Result, Run, run_scenario

ROOT = Path(__file__).parents[2]
ABOUT = About("1.2.3", 1)
REPORTS: tuple[Report, ...] = (JUNIT, MARKDOWN, GITHUB)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def failing(*settings: str) -> Run:
    scenario = Path("tests/reports/scenarios/esp_failure.yaml")
    return run_scenario(load_scenario(scenario, ["expect.end_state=desktop", *settings]))


FACTS = (
    r"expected desktop, got esp_failed|expected: desktop",
    r"[Bb]efore that:",
    r"0:10:48 +result 0x80070643 in Apps +\[F-41\]",
    r"Device setup \(ESP\)",
    r"Apps\W+Company Portal: failed",
    r"Cause\W+The installer failed or the detection rule is wrong",
    r"How to fix\W+Fix the installer or the rule, then try again\.",
    r"Rule\W+F-41, observed",
    r"autopilot-agent run tests/reports/scenarios/esp_failure\.yaml --seed 7",
)


def as_text(run: Run) -> str:
    return render(run, 0, timeline=False, style=Style(width=110))


def as_report(report: Report) -> Callable[[Run], str]:
    return lambda run: report.render([pack(run, report.needs_events)], ABOUT).decode().replace("\\", "")


@pytest.mark.parametrize("written", [as_text, *map(as_report, REPORTS)], ids=["text", "junit", "markdown", "github"])
def test_a_run_among_many_says_what_where_why_and_what_to_do(written: Callable[[Run], str]) -> None:
    text = written(failing())
    for fact in FACTS:
        assert re.search(fact, text), (fact, text)


def test_lines_of_a_list_keep_to_the_width() -> None:
    text = render(failing(), 0, timeline=False, style=Style(width=80))
    assert not [line for line in text.splitlines()[1:] if len(line) > 80 and "Replay:" not in line]


def test_the_same_moment_is_told_once() -> None:
    run = failing("expect.within=5m", "expect.join=none")
    for text in (as_text(run), as_report(MARKDOWN)(run)):
        assert text.lower().count("before that:") == 1


def test_many_seeds_and_annotations_say_what_helps() -> None:
    text = render_repeats([failing().result], 0, Style())
    assert "How to fix  Fix the installer or the rule" in text and "Rule        F-41" in text
    said = GITHUB.announce([pack(failing(), Need.FAILURES)], ABOUT)
    assert "%0AApps: Company Portal: failed%0ACause: " in said and "%0ARule: F-41, observed" in said


def odd(verdict: str = "failed") -> Played:
    """A run whose values hold line ends, and whose other value is as long as a file."""
    result = Result("Odd", "odd.yaml", "user-driven", 1, verdict=verdict)
    result.checks = [Check("device_name", "one\n\n- two\r\n<b>three", "x" * 50_000 + "END", False, 1.0, "odd.yaml:3:4")]
    result.problem = "odd.yaml:3:5: unknown key 'a'.\nodd.yaml:4:5: unknown key 'b'." if verdict == "error" else ""
    return Played(result)


def test_values_of_several_lines_are_one_line() -> None:
    page = HTML.render([odd()], ABOUT).decode()
    overview = page[page.index("What to look at") : page.index("</header>")]
    assert r"expected one\x0a\x0a- two\x0d\x0a&lt;b&gt;three, got xxx" in overview
    assert "... (and 49853 more characters) (at 0:00:01)" in overview and len(overview) < 1_000 and "END" in page
    summary = MARKDOWN.render([odd()], ABOUT).decode()
    lines = [line for line in summary.splitlines() if "device" in line]
    assert len(lines) == 1 and r"one\\x0a\\x0a- two\\x0d\\x0a&lt;b&gt;three, got x" in lines[0]
    assert "(and 49003 more characters)" in lines[0] and len(lines[0]) < 3_000


def test_every_mistake_of_a_file_is_listed() -> None:
    page = HTML.render([odd("error")], ABOUT).decode()
    overview = page[page.index("What to look at") : page.index("</header>")]
    assert "odd.yaml:3:5: unknown key 'a'." in overview and "unknown key 'b'." in overview
    summary = MARKDOWN.render([odd("error")], ABOUT).decode()
    assert "unknown key 'a'." in summary and "  - odd.yaml:4:5: unknown key 'b'." in summary


def test_moments_are_told_once_also_where_others_come_between() -> None:
    run = failing("expect.device_name=X", "expect.join=none")  # end, then the moment of the name, then the end again
    assert as_text(run).count("before that:") == as_report(MARKDOWN)(run).count("Before that:") == 2
    assert as_report(JUNIT)(run).count("before that:") == 2


def test_more_findings_are_counted() -> None:
    run = failing("expect.device_name=X", "expect.join=none", "expect.within=1m")
    page = HTML.render([pack(run, Need.NOTHING)], ABOUT)
    assert "and 1 more<" in page.decode()


def test_the_column_that_is_meant_is_in_sight() -> None:
    give_text("long.yaml", f"expect: {{{'a' * 300}, here: 1, {'b' * 300}}}\nshort: 1")
    for column in (1, 310, 600):
        (_, marked, _) = excerpt(f"long.yaml:1:{column}", Style(width=80))
        assert len(marked) <= 80 and marked.startswith("        > 1 | ")
        assert ("here: 1" in marked) == (column == 310)
    assert marked.endswith("b}") and excerpt("gone.yaml:3:1: no such key.", Style()) == ["        gone.yaml:3:1"]


def test_the_reason_of_an_xfail_that_passed_is_said() -> None:
    one = Played(Result("X", "x.yaml", "user-driven", 1, verdict="xpassed", reason="waits\nfor it"))
    for report in (MARKDOWN, HTML, JUNIT):
        assert "although xfail says: waits\\x0afor it" in report.render([one], ABOUT).decode().replace("\\\\", "\\")


def test_ends_have_names_for_people_and_values_their_lines() -> None:
    page = HTML.render([pack(failing(), Need.EVERYTHING)], ABOUT).decode()
    assert ">At eula<" not in page and ">At the licence terms<" in page
    assert ".said, .findings dd { white-space: pre-wrap; }" in page
