"""The person in front of the device: a step asks a typed question that is also a page."""

from __future__ import annotations

from typing import Protocol

import msgspec

from autopilot_agent.errors import InputError

MOST_WAYS_BACK = 20
"""How often our person goes back from one page and tries again, in one act, before walking away (rule E-PATIENCE)."""


DOES_NOTHING = ("nothing", "giveup", "wait")
"""What a script says when the person does nothing."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """One page that waits for somebody.

    ``choices`` are the buttons, ``actions`` what a person can do without one (restart the PC); ``default`` is the button that
    a person presses who just goes on ("" when that person would do nothing). ``field`` names the text field, ``suggestion``
    what that person types; ``secret`` keeps it out of every record. ``back`` are the choices that lead to an earlier step, so
    that the page can come again: nobody takes one of them more than ``MOST_WAYS_BACK`` times in one act (rule E-PATIENCE).
    """

    screen: str
    choices: tuple[str, ...] = ()
    default: str = ""
    field: str = ""
    suggestion: str = ""
    secret: bool = False
    text: str = ""
    actions: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What the person did; ``after`` is extra thinking time in milliseconds.

    ``button`` says that ``choice`` names a button; a bare text may just as well be what is typed into the page's field.
    ``again`` is no answer yet: time passes (``after``), then the same page is asked once more. ``happens`` is what befalls the
    PC or the tenant while the page waits; whoever casts the person brings it about before handing the answer on.
    """

    choice: str = ""
    value: str = ""
    after: int = 0
    button: bool = False
    again: bool = False
    happens: tuple[object, ...] = ()


class Person(Protocol):
    """Who answers."""

    def answer(self, question: Question, *, now: int) -> Reply:
        """Answer one page; ``now`` is virtual milliseconds since power-on."""
        ...


def folded(text: str) -> str:
    """A choice as it is compared: without case, spaces and signs."""
    return "".join(character for character in text.casefold() if character.isalnum())


class ScriptedPerson:
    """Answers from a script by screen id; pages that the script does not mention are answered like somebody who goes on.

    A list is used up one answer per visit of the page, then the page's default counts; a single answer is given every time.
    """

    def __init__(self, script: dict[str, list[Reply] | Reply]) -> None:
        self._script = {screen: list(r) if isinstance(r, list) else r for screen, r in script.items()}
        self._unused = {screen: len(r) if isinstance(r, list) else 1 for screen, r in script.items()}

    def answer(self, question: Question, *, now: int) -> Reply:
        """The scripted answer, or the default; ``InputError`` when the page has no such choice."""
        scripted = self._script.get(question.screen)
        if scripted is None or scripted == []:
            return Reply(question.default, question.suggestion)
        self._unused[question.screen] = max(0, self._unused[question.screen] - 1)
        reply = scripted.pop(0) if isinstance(scripted, list) else scripted
        return matched(question, reply)

    def knows(self, screen: str) -> bool:
        """Whether the script has an answer left for this page."""
        return self._script.get(screen) not in (None, [])

    def unused(self) -> tuple[str, ...]:
        """Screens whose answers were not all given."""
        return tuple(screen for screen, left in self._unused.items() if left)


def matched(question: Question, reply: Reply) -> Reply:
    """Fit a scripted reply to the page: a bare text is a choice if one reads like it, else the field's content."""
    if reply.choice:
        wanted = folded(reply.choice)
        for choice in question.choices + question.actions:
            if folded(choice) == wanted:
                typed = reply.value or (question.suggestion if choice in question.choices else "")  # an action fills nothing in
                return Reply(choice, typed, reply.after, happens=reply.happens)
        if wanted in DOES_NOTHING:
            return Reply("", "", reply.after, happens=reply.happens)
        if question.field and not reply.value and not reply.button:
            return Reply(question.default, reply.choice, reply.after, happens=reply.happens)
        offered = ", ".join(repr(choice) for choice in question.choices) or "no choice at all"
        raise InputError(f"the script answers {reply.choice!r} on page {question.screen}, which offers {offered}")
    return Reply(question.default, reply.value or question.suggestion, reply.after, happens=reply.happens)
