"""What the simulator's own prompt does, and the keys that Windows hides: all that is said at a page and is no answer to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.oobe.person import Question, Reply
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.model import Happening
from autopilot_agent.walk import control, hidden
from autopilot_agent.walk.picture import TOOL, Picture
from autopilot_agent.walk.recorder import save

if TYPE_CHECKING:
    from autopilot_agent.walk.session import Session


class Left(Exception):
    """The person goes away; ``args[0]`` says whether the input came to its end (SimPy makes exceptions anew from ``args``)."""

    @property
    def ended(self) -> bool:
        """Whether there was no more input."""
        return bool(self.args and self.args[0])


class Simulator:
    """The prompt of one walk."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def said(self, line: str, question: Question, default: Reply, happens: list[Happening]) -> Reply | None:
        """A line with a colon at a page; an answer only where it lets time pass on that page."""
        try:
            command = self._command(line)
            if command.name == "in" and command.happening is not None:
                self._later(command)
            elif command.name == "jump" and command.happening is not None:
                happens.append(command.happening)
                self.session.open[id(question)] = (default, happens)
                return Reply(again=True, after=control.read(":in " + command.rest + " net on").after)
            elif command.happening is not None:
                if command.happening.power_off is not None:
                    self.session.recorder.answered(question, Reply(question.default, ""), [*happens, command.happening])
                if self.session.befall(command.happening, happens):
                    self.session.stage.tell("", [f"Done: {line.strip()}"])
            else:
                self.do(command)
        except InputError as error:
            self.session.stage.tell("", [str(error)])
        return None

    def _command(self, line: str) -> control.Command:
        command = control.read(line)
        tells = command.name in ("why", "save") or (command.name != "jump" and command.happening is not None)
        if self.session.secretive and tells:
            raise InputError("not in an exercise: go by what the device shows; :hint gives a hint, :answer your diagnosis.")
        return command

    def _later(self, command: control.Command) -> None:
        assert self.session.plan.happenings is not None and command.happening is not None
        at = self.session.plan.world.now + command.after
        self.session.plan.happenings.add(at, msgspec.structs.replace(command.happening, at=f"{at}ms"))
        self.session.stage.tell("", [f"At {clock(at)}: {command.rest}"])

    def interrupted(self, at: int) -> None:
        """Somebody pressed ':' while the PC was busy: a prompt of the simulator in that moment of virtual time."""
        while True:
            picture = self.session.desk.picture(at)
            hints = ["the PC is stopped in this moment; Enter lets it go on; :help"]
            line = self.session.stage.ask(picture, hints, ":", secret=False)
            if line is None or line.strip() in ("", ":"):
                return
            try:
                command = self._command(line)
                if command.name == "in":
                    self._later(command)
                elif command.name == "jump":
                    self.session.pacer.until = at + control.read(":in " + command.rest + " net on").after
                    return
                elif command.happening is not None:
                    self._now(at, command.happening)
                    self.session.stage.tell("", [f"Done: {line.strip()}"])
                else:
                    self.do(command)
            except InputError as error:
                self.session.stage.tell("", [str(error)])

    def _now(self, at: int, one: Happening) -> None:
        happenings = self.session.plan.happenings
        assert happenings is not None
        try:
            happenings.strike_now(at, msgspec.structs.replace(one, at=f"{at}ms"))
        except InputError:
            happenings.forget_last()
            raise

    def do(self, command: control.Command) -> None:
        """A command that changes nothing in the world."""
        if self.session.extra(command):
            return
        if command.name == "quit":
            raise Left(False)
        if command.name == "help":
            self.session.stage.tell("The simulator's own commands", control.HELP)
        elif command.name == "why":
            number = int(command.rest) if command.rest.isascii() and command.rest.isdigit() and len(command.rest) < 4 else 6
            self.session.stage.tell("Why the device did what it did (the last first)", hidden.why(self.session.plan, number))
        elif command.name == "save":
            path = _path(command.rest)
            save(self.session.recorder, self.session.plan, path, ended=False)
            self.session.stage.tell("", [f"Saved. Go on later: autopilot-agent walk --state {path}"])
        elif command.name == "speed":
            self.session.pacer.speed = parse_speed(command.rest)
            self.session.stage.tell("", [f"Speed: {command.rest}"])
        elif command.name == "export":
            from autopilot_agent.walk.export import check_target, write

            path = _path(command.rest)
            check_target(path)
            write(path, self.session.pictures[-1:], self.session.plan.scenario.scenario)
            self.session.stage.tell("", [f"Wrote {path}"])
        else:
            raise InputError(f":{command.name} belongs to an exercise; walk --exercise begins one.")

    def pressed(self, key: str) -> None:
        """A key that Windows hides something behind."""
        if key == "shift+f10":
            self._command_prompt()
        elif key == "ctrl+shift+d":
            if not self.session.plan.device.windows.eleven:
                self.session.stage.tell("", ["Nothing happens: the diagnostics page came with Windows 11."])
            else:
                self.session.stage.tell("Windows Autopilot diagnostics", hidden.diagnostics(self.session.plan))
        elif key == "ctrl+win+r":
            self.session.stage.tell("", ["Nothing happens: Ctrl+Win+R is a key of the lock screen, after setup is over."])
        else:
            said = "Nothing happens: five times the Windows key needs a network, a first page, and the mode."
            self.session.stage.tell("", [said])

    def _command_prompt(self) -> None:
        """Shift+F10."""
        out = list(hidden.BANNER)
        while True:
            picture = Picture(TOOL, "CMD", "Administrator: cmd.exe", text=out, tone="grey", at=self.session.plan.world.now)
            line = self.session.stage.ask(picture, ["help; exit"], "C:\\Windows\\System32", secret=False)
            if line is None:
                raise Left(True)
            if line.strip().lower() in ("exit", "quit", ":quit"):
                return
            found = hidden.run(line, self.session.plan)
            if len(found) > 12:
                self.session.stage.tell(line.strip(), found)
                found = hidden.BANNER
            out = found


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
