"""The PC on the desk: reads events as they happen and says what its screen shows now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from autopilot_agent import events, rulebook
from autopilot_agent.oobe.management.esp import PREPARATION_ROWS, SETUP_ROWS, TITLES, EspSettings
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import ENDS
from autopilot_agent.reports.words import clock, state_title
from autopilot_agent.walk.picture import (
    DESKTOP,
    ERROR,
    LOGON,
    OFF,
    PAGE,
    STATUS,
    TECHNICIAN,
    WAIT,
    Phase,
    Picture,
    Row,
)

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan

KINDS = {
    "ESP": STATUS, "ESPERR": STATUS, "WRONG": ERROR, "ORGERR": ERROR, "PPINFO": TECHNICIAN, "PPOK": TECHNICIAN,
    "PPFAIL": TECHNICIAN, "WHATDO": TECHNICIAN, "LOGON": LOGON, "RESETLOGON": LOGON, "DESKTOP": DESKTOP, "UPD": WAIT,
    "WAIT": WAIT, "PLEASEWAIT": WAIT, "FSIA": WAIT, "QU": WAIT,
}  # fmt: skip
TONES = {"PPOK": "green", "PPFAIL": "red", "WRONG": "red", "ORGERR": "red", "ESPERR": "red", "RECOVERY": "grey"}
PHASES = {"preparation": "Device preparation", "device": "Device setup", "account": "Account setup"}
SAID = {
    "SIGNIN": "Enter your work or school account.",
    "PWD": "Enter the password of your account.",
    "MFA": "Confirm the sign-in with the extra proof that your organisation asks for.",
    "TOU": "Read your organisation's terms for managed devices, and accept them to go on.",
    "LOGON": "Sign in to Windows.",
    "RESETLOGON": "Autopilot Reset: sign in as an administrator of this PC to reset it.",
    "CMD": "",
}
"""What a page says where the rulebook describes it rather than quotes it."""
ENDED: dict[str, tuple[str, str, str, str]] = {
    "ready_for_user": (LOGON, "LOGON", "Windows sign-on screen", "Other user"),
    "retired": (LOGON, "LOGON", "Windows sign-on screen", "The organisation's data and management are gone."),
    "kiosk_session": (DESKTOP, "KIOSK", "Kiosk", "The kiosk's account is signed in and its app fills the screen."),
    "resealed": (OFF, "OFF", "Resealed. The PC has shut down.", ""),
    "wiped": (OFF, "OFF", "Everything is gone. Windows begins with its first page at the next start.", ""),
}
"""Ends without a page of their own: kind, screen, title, text."""
ENDS_BY_NAME = frozenset(state.value for state in ENDS)
GREETINGS = ("Hi", "We're getting everything ready for you", "Please don't turn off your PC")
"""What the first sign-in animation says, one after the other."""
BRANDED = ("SIGNIN", "PWD", "MFA", "TOU", "ESP", "ESPERR", "WHFB")
"""Pages on which the organisation shows itself once the device knows whose it is."""
SPLIT = re.compile(r"\n|; ")
SPLIT_FACTS = re.compile(r"\n|; | - ")
FACT = re.compile(r"([A-Z][^:]{1,28}): (.+)")


class Desk:
    """What the PC shows. ``asking`` says that a page waits for an answer, ``off`` why the screen is dark."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.screen = ""
        self.text = ""
        self.message = ""
        self.state = ""
        self.asking = False
        self.off = "The PC is switched off."
        self.phase = ""
        self.rows: dict[str, dict[str, Row]] = {}

    # Events.

    def feed(self, event: events.Event) -> None:
        """One thing happened."""
        match event:
            case events.StateEntered():
                self.state, self.off = event.state, ""
            case events.ScreenShown():
                self._shown(event)
            case events.Answered():
                self._answered(event)
            case events.RowChanged():
                self._row(event)
            case events.Rebooted():
                self._dark(f"Restarting: {event.reason}.")
            case events.PowerLost():
                self._dark("No power.")
            case events.ActBegan():
                self.rows, self.phase = ({}, "") if event.flow in ("reset", "") else (self.rows, self.phase)
                self._dark("" if event.flow else f"{event.detail[:1].upper()}{event.detail[1:]}.")
            case _:
                pass

    def _dark(self, why: str) -> None:
        self.screen, self.text, self.message, self.asking = "", "", "", False
        self.off = why

    def _shown(self, event: events.ScreenShown) -> None:
        if event.screen == self.screen and event.text and not event.choices and self.screen != "ESP":
            self.message = event.text  # the same page says something more
            return
        if event.screen not in ("ESP", "ESPERR", self.screen):
            self.message = ""
        again = event.screen == self.screen
        self.screen, self.text = event.screen, event.text or (self.text if again else "")
        self.asking = self.plan is not None and self.plan.world.question is not None
        if event.screen == "ESP" and event.text in PHASES.values():
            self._open(next(key for key, title in PHASES.items() if title == event.text))

    def _answered(self, event: events.Answered) -> None:
        self.asking = False
        if event.screen not in ("ESP", "PWD", "LOGON", "WHFB", "RESETLOGON"):
            self.message = ""

    def _open(self, phase: str) -> None:
        self.phase = phase
        names = PREPARATION_ROWS if phase == "preparation" else SETUP_ROWS
        self.rows.setdefault(phase, {TITLES[name]: Row(TITLES[name]) for name in names})

    def _row(self, event: events.RowChanged) -> None:
        self._open(event.phase)
        found = re.fullmatch(r"(.*?) \((.*)\)", event.text)
        self.rows[event.phase][event.row] = Row(event.row, event.state, found[2] if found else "")

    # The picture.

    def picture(self, at: int, question: Question | None = None) -> Picture:
        """The screen at a virtual time; ``question`` when the page waits for an answer."""
        if self.off:
            return Picture(OFF, "OFF", self.off, tone="grey", at=at)
        if question is None and self.state in ENDED:
            return self._ended(at)
        screen = question.screen if question is not None else self.screen
        if question is None and (not screen or self._behind(screen)):
            return self._waiting(at)
        row = rulebook.screens().get(screen)
        kind = KINDS.get(screen, PAGE)
        found = Picture(kind, screen, row.title if row else screen, tone=TONES.get(screen, "blue"), at=at)
        words = SAID.get(screen, row.text if row else "")
        found.text = [words] if words and kind not in (TECHNICIAN, DESKTOP, STATUS, ERROR) else []
        found.message = self.message
        found.brand = self._brand() if screen in BRANDED else ""
        self._words(found, question)
        if kind == STATUS:
            self._status(found)
        elif screen == "DESKTOP":
            self._desktop(found)
        elif screen == "FSIA":
            found.title, found.text = GREETINGS[at // 20_000 % 3], []
        return found

    def _behind(self, screen: str) -> bool:
        """Whether a page was answered and the device is busy with what comes of it."""
        if self.state in ENDS_BY_NAME:  # nothing comes any more: what stands there stays there
            return False
        return not self.asking and (KINDS.get(screen, PAGE) in (PAGE, ERROR, TECHNICIAN, LOGON) or screen == "ESPERR")

    def _ended(self, at: int) -> Picture:
        """What stands on the screen after an end that has no page of its own."""
        kind, screen, title, text = ENDED[self.state]
        found = Picture(kind, screen, title, text=[text] if text else [], tone="grey" if kind == OFF else "blue", at=at)
        plan = self.plan
        if plan is not None and kind != OFF:
            found.facts = [("Device name", plan.device.disk.computer_name)]
            if plan.device.disk.kiosk_app and self.state == "kiosk_session":
                found.facts.append(("App", plan.device.disk.kiosk_app))
        return found

    def _waiting(self, at: int) -> Picture:
        if self.state == "boot":
            return Picture(WAIT, "PLEASEWAIT", "Windows is starting", tone="grey", at=at)
        if self.phase and self.state in ("device_preparation", "device_setup", "account_setup"):
            found = Picture(STATUS, "ESP", "Setting up your device for work or school", brand=self._brand(), at=at)
            self._status(found)
            return found
        what = state_title(self.state)
        return Picture(WAIT, "PLEASEWAIT", "Please wait", text=["Just a moment...", what] if what else [], at=at)

    def _words(self, found: Picture, question: Question | None) -> None:
        """What this run adds to the page: facts as facts, the rest as text; and what the page offers."""
        text = question.text if question is not None else self.text
        if found.kind == STATUS and found.screen == "ESP":
            text = ""
        if found.brand and text.startswith(f"{found.brand} - "):
            text = text[len(found.brand) + 3 :]
        for part in (SPLIT_FACTS if found.kind == TECHNICIAN else SPLIT).split(text):
            fact = FACT.fullmatch(part.strip()) if found.kind in (TECHNICIAN, LOGON) else None
            if fact:
                found.facts.append((fact[1], fact[2]))
            elif part.strip():
                found.text.append(part.strip())
        if question is not None:
            found.choices, found.default = question.choices, question.default
            found.field, found.suggestion, found.secret = question.field, question.suggestion, question.secret

    def _brand(self) -> str:
        plan = self.plan
        if plan is None or (plan.device.memory.profile or plan.device.disk.profile) is None:
            return ""
        return plan.state.display_name

    def _status(self, found: Picture) -> None:
        if found.screen == "ESP":
            found.title = "Setting up your device for work or school"
        else:
            found.title = "Setting up your device for work or school: that did not work"
        found.open_phase = PHASES.get(self.phase, "")
        order = list(PHASES)
        here = order.index(self.phase) if self.phase in order else -1
        for index, phase in enumerate(order):
            rows = list(self.rows.get(phase, {}).values())
            states = {row.state for row in rows}
            if "failed" in states:
                state = "failed"
            elif index < here or (rows and states == {"succeeded"}):
                state = "succeeded"
            elif found.screen == "ESPERR" and index > here:
                state = "failedFromPreviousSubcategory"
            else:
                state = "inProgress" if index == here else "notStarted"
            found.phases.append(Phase(PHASES[phase], state, rows))
        plan = self.plan
        if plan is not None:
            began = plan.device.disk.esp_started.get("account" if self.phase == "account" else "device")
            if began is not None and plan.device.disk.enrolment is not None:
                found.elapsed, found.limit = max(0, found.at - began), EspSettings.read(plan.device).timeout

    def _desktop(self, found: Picture) -> None:
        plan = self.plan
        if plan is None:
            return
        disk = plan.device.disk
        from autopilot_agent.scenario.expectations import local_rights
        from autopilot_agent.scenario.playing import join_of

        apps = [f"{app.name}: {app.state}" for app in disk.apps.values()]
        found.facts = [
            ("Device name", disk.computer_name),
            ("Join", join_of(plan)),
            ("Managed", "yes" if disk.enrolment is not None else "no"),
            ("Local rights", local_rights(plan.device)),
            ("BitLocker", disk.bitlocker or "off"),
            ("Restarts", str(disk.reboots)),
            ("Apps", ", ".join(apps[:12]) + (f" and {len(apps) - 12} more" if len(apps) > 12 else "") or "none"),
            ("Since power-on", clock(found.at)),
        ]
