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
        self._user_name = user_name
        self._name = user_name
        self._named = False
        self._acts: list[tuple[int, ScriptedPerson]] = []
        self._act: ScriptedPerson | None = None
        self._kind: type[object] = object
        self._waiting: tuple[Reply, list[Happening]] | None = None
        self.befall: Callable[[Happening], None] | None = None
        """Brings about what happens beside an answer."""

    def begin(self, index: int, act: ActSpec) -> None:
        """Another act: another person, perhaps, with answers of their own."""
        self._act = None
        self._kind = type(act)
        self._name = self._user_name
        if isinstance(act, Played) and act.person:
            self._act = ScriptedPerson(_script(act.person))
            self._acts.append((index, self._act))
        self._named = isinstance(act, User) and bool(act.name)
        if isinstance(act, User) and act.name:
            self._name = act.name

    def answer(self, question: Question, *, now: int) -> Reply:
        """Answer one page; raises ``InputError`` when the page has no such choice."""
        if self._waiting is None:
            reply = self.reply_to(question, now=now)
            if not reply.happens:
                return reply
            self._waiting = (reply, [one for one in reply.happens if isinstance(one, Happening)])
        reply, to_come = self._waiting
        while to_come:
            one = to_come.pop(0)
            if one.wait:
                return Reply(again=True, after=parse_duration(one.wait))
            if one.power_off:  # nobody is there to answer after it
                self._waiting = None
            if self.befall is not None:
                self.befall(one)
        self._waiting = None
        return structs.replace(reply, happens=())

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
    return {screen: [_reply(one) for one in a] if isinstance(a, list) else _reply(a) for screen, a in script.items()}


def _reply(answer: Answer) -> Reply:
    if isinstance(answer, AnswerSpec):
        value = next(iter(answer.fields.values()), "")
        after = parse_duration(answer.after) if answer.after else 0
        return Reply(answer.choice, value, after, bool(answer.choice), happens=tuple(answer.happens))
    if isinstance(answer, bool):
        return Reply("Yes" if answer else "nothing")
    return Reply(str(answer))
