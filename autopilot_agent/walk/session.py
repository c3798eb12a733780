"""One walk: a plan, somebody who answers, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.events import ActBegan, Answered, Event, Finished, PowerLost, Rebooted, RowChanged, ScreenShown
from autopilot_agent.oobe.person import Question, Reply
from autopilot_agent.oobe.states import ENDS, State
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.act_specs import ActSpec
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import Happening
from autopilot_agent.scenario.plan import ActEnd, Plan, make_plan
from autopilot_agent.scenario.playing import play_acts
from autopilot_agent.walk import control, next_acts, words
from autopilot_agent.walk.desk import Desk
from autopilot_agent.walk.pacing import Pacer
from autopilot_agent.walk.picture import Picture
from autopilot_agent.walk.plain import row_words
from autopilot_agent.walk.recorder import Recorder
from autopilot_agent.walk.simulator import Left, Simulator
from autopilot_agent.walk.stage import Stage


class Session:
    """Everything that one walk needs. ``auto`` plays the scenario's own person; ``resume`` gives its answers first."""

    def __init__(
        self,
        loaded: LoadedScenario,
        stage: Stage,
        *,
        speed: float | None,
        auto: bool = False,
        resume: bool = False,
        seed: int | None = None,
    ) -> None:
        self.stage, self.auto, self.resuming = stage, auto, resume
        self.desk = Desk()
        self.recorder = Recorder()
        self.pictures: list[Picture] = []
        self.secretive = False
        """In an exercise nothing may give the fault away."""
        self.extra: Callable[[control.Command], bool] = lambda command: False
        """Takes commands that an exercise adds."""
        self.at_end: Callable[[], None] | None = None
        """What an exercise does instead of asking what comes next."""
        self.open: dict[int, tuple[Reply, list[Happening]]] = {}
        """Pages on which time passes at the moment, with what was said so far."""
        self.simulator = Simulator(self)
        self.shown: Question | None = None
        """The question of the page that a film shows."""
        self._act = -1
        self.pacer = Pacer(self, speed)
        self.plan: Plan = make_plan(loaded, seed=seed, sink=self._event, pace=self.pacer)
        self.desk.plan = self.plan
        self.cast = self.plan.person
        self._begin = self.cast.begin
        self.plan.world.person = self
        self.cast.begin = self._act_begins  # type: ignore[method-assign]  # told of acts as the person is

    # Playing.

    def play(self) -> State:
        """Play every act, and those that are added on the way. Raises ``Left``."""
        return play_acts(self.plan, self._act_ended)

    def _act_begins(self, index: int, act: ActSpec) -> None:
        self._act = index
        self._begin(index, act)
        self.recorder.begin(index)

    def _act_ended(self, index: int, end: ActEnd) -> None:
        if self.auto:
            return
        next_acts.drop_impossible(self, index, end)
        if index + 1 < len(self.plan.acts):
            return
        if self.at_end is not None:
            self.at_end()
            return
        act = next_acts.ask(self, end)
        if act is not None:
            self.plan.acts = (*self.plan.acts, act)

    def _event(self, event: Event) -> None:
        self.desk.feed(event)
        if self.resuming:
            return
        match event:
            case RowChanged():
                found = self.desk.rows[event.phase][event.row]
                self.stage.news(f"{clock(event.at)}  {event.row}: {row_words(found.state, found.note)}")
            case ScreenShown() if not self.desk.asking and not (self.desk.message and event.screen == self.desk.screen):
                self._show(None)
            case ScreenShown() if self.auto:
                self._show(self.plan.world.question)
                self.pacer.stand()
            case Answered() if self.auto:
                self.stage.news(f"> {event.answer}")
                self.desk.message = ""
            case Finished():
                self.pacer.skipping = False
                ends = ENDS.get(State(event.end_state))
                if self.desk.screen != "DESKTOP":
                    self.stage.news(f"{clock(event.at)}  The end: {event.end_state.replace('_', ' ')} ({ends}).")
            case Rebooted() | PowerLost() | ActBegan() if self.desk.off:
                self._show(None)
            case _:
                pass

    def _show(self, question: Question | None) -> None:
        self.shown = question
        picture = self.desk.picture(self.plan.world.now, words.spoken(question) if question is not None else None)
        self.keep(picture)
        self.stage.show(picture)

    def keep(self, picture: Picture) -> None:
        """Remember a picture for an export; the same screen once more takes the place of the one before."""
        same = self.pictures and (self.pictures[-1].screen, self.pictures[-1].title) == (picture.screen, picture.title)
        if same and (picture.screen == "ESP" or msgspec.structs.replace(self.pictures[-1], at=picture.at) == picture):
            self.pictures[-1] = picture
        else:
            self.pictures.append(picture)

    # The person.

    def answer(self, question: Question, *, now: int) -> Reply:
        """Ask whoever sits there; the answer is on record before it takes effect."""
        if self.cast.waits(question):
            return self.cast.answer(question, now=now)
        if id(question) in self.open:
            default, happens = self.open.pop(id(question))
        else:
            if self.resuming and not self.cast.knows(question.screen):
                self.resuming = False
                self.stage.tell("", ["This is where the walk was left."])
            default, happens = self._scripted(question, now), []
            if self.auto or self.resuming:
                self.recorder.answered(question, default, _happenings(default))
                return self.cast.give(question, default)
        if question.screen == "ESP" and happens and self.desk.state not in ("device_setup", "account_setup"):
            return self._give(question, Reply("Wait", ""), happens)  # the page is over
        self.pacer.skipping = False
        return self._ask(question, default, happens)

    def _scripted(self, question: Question, now: int) -> Reply:
        try:
            return self.cast.reply_to(question, now=now)
        except InputError as error:
            if self.auto:
                raise
            self.stage.tell("", [f"{error.message}."])
            return Reply(question.default, question.suggestion)

    def _ask(self, question: Question, default: Reply, happens: list[Happening]) -> Reply:
        shown = words.spoken(question)
        if question.field == "user name" and not shown.suggestion:
            shown = msgspec.structs.replace(shown, suggestion=default.value)
        prompt = question.field or "Your choice"
        while True:
            picture = self.desk.picture(self.plan.world.now, shown)
            picture.at = self.plan.world.now
            self.keep(picture)
            line = self.stage.ask(picture, words.hints(question, self.plan.device, default), prompt, secret=question.secret)
            if line is None:
                raise Left(True)
            self.desk.message = ""
            if line.lstrip().startswith(":"):
                reply = self.simulator.said(line, question, default, happens)
                if reply is not None:
                    return reply
                continue
            meaning = words.read(line, question, self.plan.device, default)
            self.desk.message = meaning.say
            if meaning.key:
                self.simulator.pressed(meaning.key)
            if meaning.reply is not None:
                if meaning.happening is not None and not self.befall(meaning.happening, happens):
                    continue
                if meaning.reply == default and default.happens:
                    self.recorder.answered(question, default, happens + _happenings(default))
                    return self.cast.give(question, default)
                return self._give(question, msgspec.structs.replace(meaning.reply, happens=()), happens)

    def _give(self, question: Question, reply: Reply, happens: list[Happening]) -> Reply:
        self.recorder.answered(question, reply, happens)
        return reply

    def befall(self, one: Happening, happens: list[Happening]) -> bool:
        """Let something happen beside an answer; whether it could."""
        assert self.plan.happenings is not None
        try:
            self.plan.happenings.carry_out(one)
        except InputError as error:
            self.stage.tell("", [error.message])
            return False
        happens.append(one)
        return True


def _happenings(reply: Reply) -> list[Happening]:
    return [one for one in reply.happens if isinstance(one, Happening)]
