"""The scripted person: answers by page, lists that are used up, and no answer that the page does not offer."""

from __future__ import annotations

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.oobe.person import Question, Reply, ScriptedPerson

EULA = Question("EULA", ("Accept", "Decline"), "Accept")
REGION = Question("REGION", ("Yes",), "Yes", "region", "US")


def answer(question: Question, *replies: Reply | list[Reply]) -> Reply:
    return ScriptedPerson(dict.fromkeys([question.screen], *replies)).answer(question, now=0)


def test_a_page_without_a_script_is_answered_by_going_on() -> None:
    person = ScriptedPerson({})
    assert person.answer(EULA, now=0) == Reply("Accept")
    assert person.answer(REGION, now=0) == Reply("Yes", "US")


def test_a_page_without_a_default_gets_no_answer() -> None:
    assert ScriptedPerson({}).answer(Question("NET", ("Connect", "Next")), now=0) == Reply()


@pytest.mark.parametrize("spelling", ["Decline", "decline", "DECLINE", " de-cline "])
def test_a_choice_is_found_whatever_its_spelling(spelling: str) -> None:
    assert answer(EULA, Reply(spelling)).choice == "Decline"


@pytest.mark.parametrize("word", ["nothing", "give up", "wait"])
def test_a_person_can_do_nothing(word: str) -> None:
    assert answer(EULA, Reply(word, after=5)) == Reply("", "", 5)


def test_a_bare_text_is_typed_when_it_is_no_choice() -> None:
    assert answer(REGION, Reply("DE")) == Reply("Yes", "DE")


def test_a_choice_keeps_what_the_page_suggests_to_type() -> None:
    assert answer(REGION, Reply("Yes")) == Reply("Yes", "US")


def test_thinking_takes_its_time() -> None:
    assert answer(EULA, Reply("Accept", after=60_000)).after == 60_000
    assert answer(REGION, Reply("", "DE", 10)) == Reply("Yes", "DE", 10)


def test_an_answer_that_the_page_does_not_offer_is_refused() -> None:
    with pytest.raises(InputError, match="the script answers 'Maybe' on page EULA, which offers 'Accept', 'Decline'"):
        answer(EULA, Reply("Maybe"))
    with pytest.raises(InputError, match="no choice at all"):
        answer(Question("WAIT"), Reply("Maybe"))


def test_a_list_is_used_up_and_then_the_page_decides() -> None:
    person = ScriptedPerson({"EULA": [Reply("Decline"), Reply("Accept")]})
    assert [person.answer(EULA, now=0).choice for _ in range(3)] == ["Decline", "Accept", "Accept"]
    assert person.unused() == ()


def test_a_single_answer_is_given_every_time() -> None:
    person = ScriptedPerson({"EULA": Reply("Decline")})
    assert [person.answer(EULA, now=0).choice for _ in range(3)] == ["Decline"] * 3
    assert person.unused() == ()


def test_answers_that_nobody_asked_for_are_told() -> None:
    person = ScriptedPerson({"EULA": [Reply("Accept"), Reply("Decline")], "NET": Reply("Next")})
    assert person.unused() == ("EULA", "NET")
    person.answer(EULA, now=0)
    assert person.unused() == ("EULA", "NET")
    person.answer(EULA, now=0)
    assert person.unused() == ("NET",)


def test_the_script_stays_as_it_was_written() -> None:
    script: dict[str, list[Reply] | Reply] = {"EULA": [Reply("Accept")]}
    ScriptedPerson(script).answer(EULA, now=0)
    assert script == {"EULA": [Reply("Accept")]}
