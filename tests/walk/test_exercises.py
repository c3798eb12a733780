"""Exercises: each fault strikes and can be found, and the diagnosis is scored."""

from __future__ import annotations

import pytest

from autopilot_agent import rulebook
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.walk import exercise, ready
from tests.walk.talk import Talk


@pytest.mark.parametrize("name", rulebook.exercises())
def test_the_fault_of_an_exercise_strikes(name: str) -> None:
    row = rulebook.exercises()[name]
    assert row.mode in ready.modes() and row.fault in rulebook.injections() and len(row.hints) >= 2
    assert len({row.fault, *row.others}) == 4 and set(row.others) <= set(rulebook.faults())
    events = run_scenario(exercise.choose(name, 1).loaded).events
    assert row.fault in {event.rule for event in events}


def test_the_seed_chooses_and_an_unknown_name_is_refused() -> None:
    assert exercise.choose("", 3).row.id == exercise.choose("", 3).row.id != exercise.choose("", 4).row.id
    assert exercise.choose("ex-02", None).row.fault == "F-21"
    with pytest.raises(InputError):
        exercise.choose("EX-00", None)


def test_a_right_diagnosis_after_a_hint_has_nine_points() -> None:
    talk = Talk("--exercise", "EX-02", "--seed", "5")
    row = rulebook.faults()["F-21"]
    told = {"LANG": [":why", ":fault F-26", ":clear", ":hint", ""], "WRONG": [":answer"]}
    while page := talk.page():
        if page == "EXERCISE":
            shown = talk.text[talk.text.rindex("Screen EXERCISE") :]
            words = row.cause if "What is the cause?" in shown else row.fix
            talk.say(next(line.split()[0] for line in shown.splitlines() if line.endswith(words)))
        else:
            lines = told.get(page)
            talk.say(lines.pop(0) if lines else "opensesame" if page == "PWD" else "")
    assert talk.end() == 0
    assert "Points: 9 of 10, 1 of 2 hints used." in talk.text
    assert talk.text.count("not in an exercise") == 3
    assert "F-21" not in talk.text.split("The cause: right.")[0]
    assert "It was F-21" in talk.text and "Source: " in talk.text


def test_a_wrong_diagnosis_is_explained_and_none_gives_nothing_away() -> None:
    talk = Talk("--exercise", "EX-02")
    talk.page()
    talk.say(":answer")
    for line in ("9", ""):
        assert talk.page() == "EXERCISE"
        talk.say(line)
    assert talk.page() == "EXERCISE"
    assert talk.hang_up() == 130
    assert "No diagnosis yet." in talk.text and "F-21" not in talk.text
