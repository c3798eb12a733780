"""Coverage: what counts as exercised, what the report says, and the list of rules that no scenario can exercise."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from autopilot_agent import events as e
from autopilot_agent import rulebook
from autopilot_agent.__main__ import main
from autopilot_agent.cli.batch import Options, run_files
from autopilot_agent.oobe.modes import WAYS
from autopilot_agent.scenario.coverage import Coverage, Tally, coverage_of, tally_of
from autopilot_agent.scenario.loader import find_scenarios

ROOT = Path(__file__).parents[2]
MOST_UNCOVERED = 9
"""Rules that no scenario can exercise. This number may only become smaller."""


@cache
def everything() -> Tally:
    tally = Tally()
    for outcome in run_files(find_scenarios([ROOT / "scenarios"]), Options(form="coverage")):
        assert outcome.tally is not None, outcome.result.file
        tally.add(outcome.tally)
    return tally


def test_the_list_of_what_cannot_be_exercised_only_shrinks() -> None:
    assert len(rulebook.uncovered()) <= MOST_UNCOVERED


def test_what_cannot_be_exercised_exists_and_has_a_reason() -> None:
    none = coverage_of(Tally(), 0)
    known = {one for kind in (none.rules, none.transitions, none.screens, none.choices) for one in kind.missing}
    assert [row.id for row in rulebook.uncovered().values() if row.id not in known or len(row.reason) < 20] == []


def test_what_is_not_exercised_is_listed_with_its_reason_and_nothing_else_is() -> None:
    found = coverage_of(everything(), 1)
    kinds = (found.rules, found.transitions, found.screens, found.states, found.choices)
    missing = {one for kind in kinds for one in kind.missing}
    assert missing | set(found.choices.never_offered) == set(rulebook.uncovered())


def test_a_state_that_was_skipped_was_not_exercised() -> None:
    trace: list[e.Event] = [
        e.ActBegan(0, 0, "", "provision", "", "user-driven", "boot"),
        e.StateEntered(1, 0, "C2", "language"),
        e.StateLeft(2, 0, "C2", "language", "skipped"),
        e.StateEntered(3, 0, "C3", "region"),
        e.StateLeft(4, 0, "C3", "region", "ok"),
        e.StateEntered(5, 0, "U16", "desktop"),
    ]
    tally = tally_of(trace)
    assert tally.states == {"region", "desktop"}
    assert tally.transitions == {"user-driven language skipped", "user-driven region ok"}
    assert tally.rules == {"C2", "C3", "U16"}


def test_buttons_count_when_they_are_pressed() -> None:
    trace: list[e.Event] = [
        e.ScreenShown(0, 0, "ERR-CHOICES", "ESPERR", "", ("Try again", "Reset device")),
        e.Answered(1, 0, "ERR-CHOICES", "ESPERR", "Try again"),
        e.ScreenShown(2, 0, "U1", "SIGNIN", "", ("Next",)),
    ]
    found = coverage_of(tally_of(trace), 1)
    assert "ESPERR: Try again" not in found.choices.missing
    assert "ESPERR: Reset device" in found.choices.missing
    assert "ESPERR: Reset device" not in found.choices.never_offered
    assert "ESPERR: Continue anyway" in found.choices.never_offered
    assert {"ESPERR", "SIGNIN"}.isdisjoint(found.screens.missing)


def test_an_edge_of_several_tables_counts_once_in_the_union() -> None:
    tally = tally_of([e.ActBegan(0, 0, "", "provision", "", "hybrid"), e.StateLeft(1, 0, "C1", "boot", "ok")])
    found = coverage_of(tally, 1)
    assert "boot ok" not in found.transitions.missing
    assert "hybrid boot ok" not in found.transitions.modes["hybrid"].missing
    assert "user-driven boot ok" in found.transitions.modes["user-driven"].missing
    assert set(found.transitions.modes) == set(WAYS)


def test_nothing_exercised_is_nothing_percent_and_everything_a_hundred() -> None:
    none = coverage_of(Tally(), 0)
    assert (none.rules.percent, none.states.percent, none.transitions.percent) == (0.0, 0.0, 0.0)
    assert len(none.rules.missing) == none.rules.total
    assert set(none.rules.listed) == set(rulebook.uncovered()) & set(rulebook.rules())
    every = coverage_of(Tally(rules=set(rulebook.rules())), 1)
    assert (every.rules.percent, every.faults.percent, every.rules.missing) == (100.0, 100.0, [])


def test_a_hundred_percent_is_never_said_while_something_is_missing() -> None:
    rules = set(rulebook.rules()) - {"C1"}
    assert coverage_of(Tally(rules=rules), 1).rules.percent < 100


ONE = "scenarios/user-driven/no-updates.yaml"


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.chdir(ROOT)
    code = main(("coverage", *words))
    output = capsys.readouterr()
    return code, output.out, output.err


def test_the_json_names_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = said(capsys, monkeypatch, ONE, "--output", "json")
    document = json.loads(out)
    assert code == 0
    assert set(Coverage.__struct_fields__) == set(document)
    for kind in ("rules", "states", "transitions", "screens", "faults", "choices"):
        assert {"total", "percent", "missing"} <= set(document[kind])
    assert "F-26" in document["faults"]["missing"]


def test_several_processes_say_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = said(capsys, monkeypatch, "scenarios/education", "--output", "json")
    assert said(capsys, monkeypatch, "scenarios/education", "--output", "json", "-j", "2") == alone


def test_too_little_is_exit_code_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = said(capsys, monkeypatch, ONE, "--fail-under", "95")
    assert code == 1
    assert "Not exercised, rules" in out
    assert "fewer than 95 %" in err


@pytest.mark.parametrize("text", ["-1", "101", "many", "1e2", ""])
def test_a_wrong_percentage_is_refused(text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = said(capsys, monkeypatch, ONE, f"--fail-under={text}")
    assert code == 2
    assert "is not a percentage" in err


def test_a_broken_file_is_told_and_counts_as_not_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.yaml").write_text("scenario: [\n")
    code, out, err = said(capsys, monkeypatch, str(tmp_path / "broken.yaml"))
    assert code == 2
    assert "did not pass" in out
    assert err.count("broken.yaml:") == 1
