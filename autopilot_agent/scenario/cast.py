"""Who sits in front of the PC: the scenario's script, the script of the present act, and what goes without saying in it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from autopilot_agent.oobe.person import Question, Reply, ScriptedPerson
from autopilot_agent.oobe.steps.prefix import WINDOWS_KEY
from autopilot_agent.scenario.act_specs import ActSpec, Played, Reseal, Technician, User
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.parts import Answer, AnswerSpec, Happening


class Cast:
    """A person who answers from the act's own script, then by the act's nature, then from the scenario's script."""

    def __init__(self, script: dict[str, Answer | list[Answer]], user_name: str) -> None:
        self._scenario = ScriptedPerson(_script(script))
        self.user_name = user_name
        self._name = user_name
        self._named = False
        self._acts: list[tuple[int, ScriptedPerson]] = []
        self._act: ScriptedPerson | None = None
        self._kind: type[object] = object
        self._waiting: dict[int, tuple[Reply, list[Happening]]] = {}
        self.befall: Callable[[Happening], None] | None = None
        """Brings about what happens beside an answer."""

    def begin(self, index: int, act: ActSpec) -> None:
        """Another act: another person, perhaps, with answers of their own."""
        self._act = None
        self._kind = type(act)
        self._name = self.user_name
        if isinstance(act, Played) and act.person:
            self._act = ScriptedPerson(_script(act.person))
            self._acts.append((index, self._act))
        self._named = isinstance(act, User) and bool(act.name)
        if isinstance(act, User) and act.name:
            self._name = act.name

    def answer(self, question: Question, *, now: int) -> Reply:
        """Answer one page; raises ``InputError`` when the page has no such choice."""
        waiting = self._waiting.pop(id(question), None)
        if waiting is not None:
            return self._on(question, *waiting)
        return self.give(question, self.reply_to(question, now=now))

    def give(self, question: Question, reply: Reply) -> Reply:
        """Hand a reply on once everything has happened that belongs before it."""
        if not reply.happens:
            return reply
        return self._on(question, reply, [one for one in reply.happens if isinstance(one, Happening)])

    def _on(self, question: Question, reply: Reply, to_come: list[Happening]) -> Reply:
        while to_come:
            one, to_come = to_come[0], to_come[1:]
            if one.wait:
                self._waiting[id(question)] = (reply, to_come)
                return Reply(again=True, after=parse_duration(one.wait))
            if self.befall is not None:
                self.befall(one)  # a power cut ends it here
        return structs.replace(reply, happens=())

    def waits(self, question: Question) -> bool:
        """Whether the answer to this page is still to come."""
        return id(question) in self._waiting

    def knows(self, screen: str) -> bool:
        """Whether a script has an answer left for this page."""
        return (self._act is not None and self._act.knows(screen)) or self._scenario.knows(screen)

    def reply_to(self, question: Question, *, now: int) -> Reply:
        """What this person says to a page, with what is to happen before it."""
        if question.field == "user name" and (not question.suggestion or (self._named and question.screen == "LOGON")):
            question = structs.replace(question, suggestion=self._name)
        if self._act is not None and self._act.knows(question.screen):
            return self._act.answer(question, now=now)
        if self._kind is Technician and WINDOWS_KEY in question.actions:
            return Reply(WINDOWS_KEY)
        if self._kind is Reseal and question.screen == "PPOK":
            return Reply("Reseal")
        return self._scenario.answer(question, now=now)

    def unused(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Where the file has answers that were not all given, and the page they are for."""
        found: list[tuple[tuple[str | int, ...], str]] = [(("person", one), one) for one in self._scenario.unused()]
        for index, script in self._acts:
            found += [(("acts", index, "person", screen), screen) for screen in script.unused()]
        return found


def _script(script: dict[str, Answer | list[Answer]]) -> dict[str, list[Reply] | Reply]:
    return {screen: [reply_of(one) for one in a] if isinstance(a, list) else reply_of(a) for screen, a in script.items()}


def reply_of(answer: Answer) -> Reply:
    """What an answer of a file means."""
    if isinstance(answer, AnswerSpec):
        value = next(iter(answer.fields.values()), "")
        after = parse_duration(answer.after) if answer.after else 0
        return Reply(answer.choice, value, after, bool(answer.choice), happens=tuple(answer.happens))
    if isinstance(answer, bool):
        return Reply("Yes" if answer else "nothing")
    return Reply(str(answer))
