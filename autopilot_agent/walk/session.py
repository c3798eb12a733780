"""One walk: a plan, somebody who answers, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from autopilot_agent.clock import PowerCut
from autopilot_agent.errors import InputError
from autopilot_agent.events import ActBegan, Event, Finished, PowerLost, Rebooted, RowChanged, ScreenShown
from autopilot_agent.oobe.person import Question, Reply
from autopilot_agent.oobe.states import ENDS, State
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.act_specs import ActSpec
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import Happening
from autopilot_agent.scenario.plan import ActEnd, Plan, make_plan
from autopilot_agent.scenario.playing import play_acts
from autopilot_agent.walk import control, hidden, next_acts, words
from autopilot_agent.walk.desk import Desk
from autopilot_agent.walk.pacing import Pacer
from autopilot_agent.walk.picture import Picture
from autopilot_agent.walk.plain import row_words
from autopilot_agent.walk.recorder import Recorder, save
from autopilot_agent.walk.stage import Stage


class Left(Exception):
    """The person goes away; ``args[0]`` says whether the input came to its end (SimPy makes exceptions anew from ``args``)."""

    @property
    def ended(self) -> bool:
        """Whether there was no more input."""
        return bool(self.args and self.args[0])


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
        self._open: dict[int, tuple[Reply, list[Happening]]] = {}
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
        if isinstance(event, ScreenShown | RowChanged):
            self.pacer.look()
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
        if id(question) in self._open:
            default, happens = self._open.pop(id(question))
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
                reply = self._controlled(line, question, default, happens)
                if reply is not None:
                    return reply
                continue
            meaning = words.read(line, question, self.plan.device, default)
            self.desk.message = meaning.say
            if meaning.key:
                self._key(meaning.key)
            if meaning.reply is not None:
                if meaning.happening is not None and not self._befall(meaning.happening, happens):
                    continue
                if meaning.reply == default and default.happens:
                    self.recorder.answered(question, default, happens + _happenings(default))
                    return self.cast.give(question, default)
                return self._give(question, msgspec.structs.replace(meaning.reply, happens=()), happens)

    def _give(self, question: Question, reply: Reply, happens: list[Happening]) -> Reply:
        self.recorder.answered(question, reply, happens)
        return reply

    def _befall(self, one: Happening, happens: list[Happening]) -> bool:
        assert self.plan.happenings is not None
        try:
            self.plan.happenings.carry_out(one)
        except InputError as error:
            self.stage.tell("", [error.message])
            return False
        happens.append(one)
        return True

    # The simulator's own prompt.

    def _controlled(self, line: str, question: Question, default: Reply, happens: list[Happening]) -> Reply | None:
        try:
            command = self._command(line)
            if command.name == "in" and command.happening is not None:
                self._later(command)
            elif command.name == "jump" and command.happening is not None:
                happens.append(command.happening)
                self._open[id(question)] = (default, happens)
                return Reply(again=True, after=control.read(":in " + command.rest + " net on").after)
            elif command.happening is not None:
                if command.happening.power_off is not None:
                    self.recorder.answered(question, Reply(question.default, ""), [*happens, command.happening])
                if self._befall(command.happening, happens):
                    self.stage.tell("", [f"Done: {line.strip()}"])
            else:
                self.do(command)
        except InputError as error:
            self.stage.tell("", [str(error)])
        return None

    def _command(self, line: str) -> control.Command:
        command = control.read(line)
        if self.secretive and (command.name in ("why", "save") or (command.name != "jump" and command.happening is not None)):
            raise InputError("not in an exercise: go by what the device shows; :hint gives a hint, :answer your diagnosis.")
        return command

    def _later(self, command: control.Command) -> None:
        assert self.plan.happenings is not None and command.happening is not None
        at = self.plan.world.now + command.after
        self.plan.happenings.add(at, msgspec.structs.replace(command.happening, at=f"{at}ms"))
        self.stage.tell("", [f"At {clock(at)}: {command.rest}"])

    def interrupted(self, at: int) -> None:
        """Somebody pressed ':' while the PC was busy: a prompt of the simulator in that moment of virtual time."""
        while True:
            picture = self.desk.picture(at)
            line = self.stage.ask(picture, ["the PC is stopped in this moment; Enter lets it go on; :help"], ":", secret=False)
            if line is None or line.strip() in ("", ":"):
                return
            try:
                command = self._command(line)
                if command.name == "in":
                    self._later(command)
                elif command.name == "jump":
                    self.pacer.until = at + control.read(":in " + command.rest + " net on").after
                    return
                elif command.happening is not None:
                    self._now(at, command.happening)
                    self.stage.tell("", [f"Done: {line.strip()}"])
                else:
                    self.do(command)
            except InputError as error:
                self.stage.tell("", [str(error)])

    def _now(self, at: int, one: Happening) -> None:
        happenings = self.plan.happenings
        assert happenings is not None
        try:
            happenings.strike_now(at, msgspec.structs.replace(one, at=f"{at}ms"))
        except PowerCut:
            raise
        except InputError:
            happenings.forget_last()
            raise

    def do(self, command: control.Command) -> None:
        """A command that changes nothing in the world."""
        if self.extra(command):
            return
        if command.name == "quit":
            raise Left(False)
        if command.name == "help":
            self.stage.tell("The simulator's own commands", control.HELP)
        elif command.name == "why":
            number = int(command.rest) if command.rest.isascii() and command.rest.isdigit() and len(command.rest) < 4 else 6
            self.stage.tell("Why the device did what it did (the last first)", hidden.why(self.plan, number))
        elif command.name == "save":
            path = _path(command.rest)
            save(self.recorder, self.plan, path, ended=False)
            self.stage.tell("", [f"Saved. Go on later: autopilot-agent walk --state {path}"])
        elif command.name == "speed":
            self.pacer.speed = parse_speed(command.rest)
            self.stage.tell("", [f"Speed: {command.rest}"])
        elif command.name == "export":
            from autopilot_agent.walk.export import check_target, write

            path = _path(command.rest)
            check_target(path)
            write(path, self.pictures[-1:], self.plan.scenario.scenario)
            self.stage.tell("", [f"Wrote {path}"])
        else:
            raise InputError(f":{command.name} belongs to an exercise; walk --exercise begins one.")

    def _key(self, key: str) -> None:
        """A key that Windows hides something behind."""
        if key == "shift+f10":
            self._command_prompt()
        elif key == "ctrl+shift+d":
            if not self.plan.device.windows.eleven:
                self.stage.tell("", ["Nothing happens: the diagnostics page came with Windows 11."])
            else:
                self.stage.tell("Windows Autopilot diagnostics", hidden.diagnostics(self.plan))
        elif key == "ctrl+win+r":
            self.stage.tell("", ["Nothing happens: Ctrl+Win+R is a key of the lock screen, after setup is over."])
        else:
            self.stage.tell("", ["Nothing happens: five times the Windows key needs a network, a first page, and the mode."])

    def _command_prompt(self) -> None:
        out = list(hidden.BANNER)
        while True:
            picture = Picture("tool", "CMD", "Administrator: cmd.exe", text=out, tone="grey", at=self.plan.world.now)
            line = self.stage.ask(picture, ["help; exit"], "C:\\Windows\\System32", secret=False)
            if line is None:
                raise Left(True)
            if line.strip().lower() in ("exit", "quit", ":quit"):
                return
            found = hidden.run(line, self.plan)
            if len(found) > 12:
                self.stage.tell(line.strip(), found)
                found = hidden.BANNER
            out = found


def _happenings(reply: Reply) -> list[Happening]:
    return [one for one in reply.happens if isinstance(one, Happening)]


def _path(text: str) -> Path:
    if not text:
        raise InputError("name a file after the command.")
    return Path(text)


def parse_speed(text: str) -> float | None:
    """Virtual seconds a second; None for ``max``. Raises ``InputError``."""
    if text.strip().lower() == "max":
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.1 <= number < float("inf"):
        raise InputError(f"{text[:40]!r} is not a speed; write a number from 0.1 up, such as 60, or max.")
    return number
