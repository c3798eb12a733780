"""Open questions: each choice has a scenario, and a run says when its end hung on one."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent import rulebook
from autopilot_agent.reports.ending import decided_by
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.text import render
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.names import ASSUMPTIONS
from autopilot_agent.scenario.run import run_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
CHOICES = [(question, choice) for question, choices in ASSUMPTIONS.items() for choice in choices]


@pytest.fixture(scope="module")
def written() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for path in find_scenarios([SCENARIOS]):
        if "assumptions:" in path.read_text(encoding="utf-8"):
            found |= set(load_scenario(path).scenario.assumptions.items())
    return found


@pytest.mark.parametrize(("question", "choice"), CHOICES, ids=[f"{one}: {other}" for one, other in CHOICES])
def test_each_choice_has_a_scenario(question: str, choice: str, written: set[tuple[str, str]]) -> None:
    assert (question, choice) in written


def test_a_question_that_can_be_chosen_is_an_open_one() -> None:
    assert set(ASSUMPTIONS) <= set(rulebook.questions())
    assert all(len(set(choices)) == len(choices) > 1 for choices in ASSUMPTIONS.values())


@pytest.mark.parametrize(
    ("name", "question", "words"),
    [
        ("q02-one-timer", "Q-02", "this scenario chose 'one timer'"),
        ("q02-timer-for-each-phase", "Q-02", "this scenario chose 'a timer for each phase'"),
        ("q03-after-the-page", "Q-03", "this scenario chose 'after the status page'"),
        ("q21-fifteen-minutes", "Q-21", "this scenario chose '15 minutes'"),
        ("f105-client-too-slow", "Q-21", "the usual model is: A parameter, 30 minutes."),
        ("q25-twenty-devices", "Q-25", "this scenario chose '20 devices'"),
    ],
)
def test_the_text_says_when_an_assumption_decided(name: str, question: str, words: str) -> None:
    run = run_scenario(load_scenario(SCENARIOS / "user-driven" / f"{name}.yaml"))
    assert question in decided_by(run)
    text = " ".join(render(run, 0, timeline=True, style=Style(width=200)).split())
    assert f"Decided by {question}: " in text
    assert words in text


def test_a_run_on_which_nothing_open_bears_says_nothing() -> None:
    run = run_scenario(load_scenario(SCENARIOS / "user-driven" / "net-push.yaml"))
    assert decided_by(run) == []
