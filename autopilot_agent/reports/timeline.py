"""The events of a run as entries of a timeline, from plain to complete; what a reader would skip is left out or joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from autopilot_agent import events, rulebook
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.words import ROWS, clock, in_sentence, span, state_title

HEAD, RESTART, SKIPPED, ACT = "", "RESTART", "skipped", "ACT"
PROFILE_STATES = ("boot", "profile")
ERROR_PAGES = ("ESPERR", "WRONG", "ORGERR", "PPFAIL")
BAD_OUTCOMES = ("failed", "stuck", "too_many_restarts", "mismatch", "give_up")
HARMLESS = (200, 404, 418)
"""Statuses that say nothing alarming: done, not there (yet), there already."""


class Entry(msgspec.Struct):
    """One thing to read. ``kind`` is the word in front of it, HEAD for a state; ``times`` counts repetitions."""

    at: int
    kind: str
    text: str
    rule: str = ""
    colour: str = ""
    times: int = 1
    until: int = 0
    took: int = 0


class Timeline:
    """Reads events one by one and collects entries."""

    def __init__(self, verbosity: int, *, eleven: bool = True) -> None:
        self.verbosity = verbosity
        self.eleven = eleven
        self.entries: list[Entry] = []
        self._state = ""
        self._began = 0
        self._heading: Entry | None = None
        self._skips: list[tuple[str, str]] = []
        self._skipped_at = 0
        self._ids: list[str] = []
        self._last_row = ""
        self._restarts = 0
        self._acts = 0
        self._several = False

    def read(self, trace: Iterable[events.Event]) -> list[Entry]:
        """All entries of a trace; acts are named where there are several, or where something went on between them."""
        trace = list(trace)
        self._several = sum(isinstance(event, events.ActBegan) for event in trace) > 1
        for event in trace:
            method = _READERS.get(type(event))
            if method is not None:
                method(self, event)
        self._flush()
        return self.entries

    def add(self, event: events.Event, kind: str, text: str, colour: str = "", *, rule: bool = True) -> None:
        """Add an entry below the heading of its state; the same thing again is counted."""
        self._flush()
        self._head()
        last = self.entries[-1] if self.entries else None
        text = clean(text)
        if last is not None and (last.kind, last.text) == (kind, text):
            last.times, last.until = last.times + 1, event.at
        else:
            self.entries.append(Entry(event.at, kind, text, clean(event.rule) if rule else "", colour))

    def _head(self) -> None:
        if self._heading is None and self._state:
            self._heading = Entry(self._began, HEAD, state_title(self._state))
            self.entries.append(self._heading)

    def _flush(self) -> None:
        if not self._skips:
            return
        groups: dict[str, list[str]] = {}
        for state, why in self._skips:
            groups.setdefault(why, []).append(in_sentence(state))
        parts = [", ".join(names) + (f" ({why})" if why else "") for why, names in groups.items()]
        self.entries.append(Entry(self._skipped_at, SKIPPED, clean("; ".join(parts))))
        self._skips = []

    # One method a kind of event.

    def entered(self, event: events.StateEntered) -> None:
        self._state, self._began, self._heading, self._ids = event.state, event.at, None, []
        self._last_row = ""

    def left(self, event: events.StateLeft) -> None:
        if self._ids:
            self.add(event, "log", f"Autopilot {'events' if len(self._ids) > 1 else 'event'} {_counted(self._ids)}", rule=False)
        if event.skipped and self._heading is None:
            if not self._skips:
                self._skipped_at = event.at
            self._skips.append((event.state, event.detail))
        elif self._heading is None:
            self._flush()
            title = state_title(event.state)
            text = f"{title}: {clean(event.detail)}" if event.detail else title
            rule = clean(event.rule) if event.outcome in BAD_OUTCOMES else ""
            colour = "red" if event.outcome in BAD_OUTCOMES else ""
            self.entries.append(Entry(self._began, HEAD, text, rule, colour, took=event.at - self._began))
        else:
            self._heading.took = event.at - self._began
            self._result(event)
        self._state = ""

    def _result(self, event: events.StateLeft) -> None:
        said = " ".join(entry.text for entry in self.entries[-6:])
        if event.outcome in BAD_OUTCOMES:
            self.add(event, "result", event.detail or event.outcome.replace("_", " "), "red")
        elif event.detail and clean(event.detail) not in said and self.entries[-1].kind != RESTART:
            self.add(event, "result", event.detail)

    def shown(self, event: events.ScreenShown) -> None:
        screen = rulebook.screens().get(event.screen)
        title = screen.title if screen else event.screen
        if screen and screen.windows_10 and not self.eleven:
            title = screen.windows_10
        text = f'"{title}"'
        if event.text:
            text += f"  {event.text}"
        wrong = event.screen in ERROR_PAGES
        if event.choices and (wrong or self.verbosity > 0):
            text += "".join(f"  [{choice}]" for choice in event.choices)
        self.add(event, "page", text, "red" if wrong else "cyan", rule=self.verbosity > 0)

    def answered(self, event: events.Answered) -> None:
        typed, slash, button = event.answer.rpartition(" / ")
        text = f"{typed}, then [{button}]" if slash else event.answer
        self.add(event, "person", "does nothing" if text == "(no answer)" else text, rule=False)

    def noted(self, event: events.Noted) -> None:
        self.add(event, "device", event.text)

    def refused(self, event: events.CallRefused) -> None:
        reason = f": {event.reason}" if event.reason else ""
        self.add(event, "call", f"{event.call} at {event.host} refused, {event.code}{reason}", "red")

    def call(self, event: events.CallAnswered) -> None:
        if self.verbosity > 0:
            self.add(event, "call", f"{event.call} at {event.host} answered" + (f": {event.detail}" if event.detail else ""))
        elif event.call == "DownloadProfile":
            self.add(event, "device", f"{event.host} answers the question for the Autopilot profile.")

    def command(self, event: events.CommandApplied) -> None:
        alarming = event.status not in HARMLESS
        if self.verbosity > 1 or alarming or (self.verbosity == 1 and event.status != 200):
            detail = f" ({event.detail})" if event.detail else ""
            self.add(event, "mdm", f"{event.verb} {event.uri}: {event.status}{detail}", "red" if event.status >= 400 else "")

    def node(self, event: events.NodeSet) -> None:
        if self.verbosity > 1:
            self.add(event, "node", f"{event.uri} = {event.value}")

    def log(self, event: events.LogWritten) -> None:
        row = rulebook.windows_events().get((event.channel, event.id))
        wrong = row is not None and row.level == "error"
        if self.verbosity > 0 or wrong:
            text = event.text or (row.meaning if row else "")
            self.add(event, "log", f"{event.channel} {event.id}" + (f": {text}" if text else ""), "red" if wrong else "dim")
        elif event.channel == "Autopilot" and self._state in PROFILE_STATES:
            self._ids.append(str(event.id))

    def row(self, event: events.RowChanged) -> None:
        word = ROWS.get(event.state, event.state)
        key, last = f"{event.at} {event.phase} {event.state}", self.entries[-1] if self.entries else None
        if key == self._last_row and last is not None and last.kind == "esp":
            last.text += f"; {clean(event.text)}"
            return
        colour = {"succeeded": "green", "failed": "alarm"}.get(event.state, "")
        self.add(event, "esp", f"{word}: {event.text}", colour, rule=self.verbosity > 0 or event.state == "failed")
        self._last_row = key

    def app(self, event: events.AppChanged) -> None:
        code = f", code {event.code}" if event.code and (event.code != "0" or self.verbosity > 0) else ""
        colour = {"failed": "alarm", "installed": "green"}.get(event.state, "")
        self.add(event, "app", f"{event.name}: {event.state}{code}", colour, rule=self.verbosity > 0 or event.state == "failed")

    def rebooted(self, event: events.Rebooted) -> None:
        self._restarts += 1
        self.add(event, RESTART, f"restart {self._restarts}: {event.reason}", "yellow")

    def began(self, event: events.ActBegan) -> None:
        self._flush()
        self._state = ""
        self._acts += 1
        if self._several:
            name = event.act.replace("_", " ")
            self.entries.append(Entry(event.at, ACT, clean(f"act {self._acts}, {name}: {event.detail}"), "", "bold"))

    def power(self, event: events.PowerLost) -> None:
        self._flush()
        self._state = ""
        off = f", off for {span(event.off)}" if event.off else ""
        self.entries.append(Entry(event.at, RESTART, clean(f"{event.reason}{off}"), event.rule, "red"))

    def erased(self, event: events.DiskErased) -> None:
        self.add(event, "device", f"{event.reason}: Windows begins anew on an empty disk.", "yellow")

    def cloud(self, event: events.CloudChanged) -> None:
        self.add(event, "admin", event.text, "yellow")

    def finished(self, event: events.Finished) -> None:
        self._flush()
        if self._several:
            colour = {"completed": "green"}.get(event.outcome, "red")
            self.entries.append(Entry(event.at, "end", clean(f"{event.end_state} ({event.outcome})"), "", colour))
        self._state = ""

    def injected(self, event: events.FaultInjected) -> None:
        where = f" at {event.where}" if event.where else ""
        own = event.where.startswith(event.fault)  # a fault without a name goes by its call
        self.add(event, "fault", f"strikes {event.where}" if own else f"{event.fault} strikes{where}", "yellow", rule=False)


_READERS: dict[type[events.Event], Callable[[Timeline, Any], None]] = {
    events.StateEntered: Timeline.entered,
    events.StateLeft: Timeline.left,
    events.ScreenShown: Timeline.shown,
    events.Answered: Timeline.answered,
    events.Noted: Timeline.noted,
    events.CallRefused: Timeline.refused,
    events.CallAnswered: Timeline.call,
    events.CommandApplied: Timeline.command,
    events.NodeSet: Timeline.node,
    events.LogWritten: Timeline.log,
    events.RowChanged: Timeline.row,
    events.AppChanged: Timeline.app,
    events.Rebooted: Timeline.rebooted,
    events.FaultInjected: Timeline.injected,
    events.ActBegan: Timeline.began,
    events.PowerLost: Timeline.power,
    events.CloudChanged: Timeline.cloud,
    events.DiskErased: Timeline.erased,
    events.Finished: Timeline.finished,
}


def write(entries: list[Entry], style: Style) -> list[str]:
    """The timeline as lines: time, the kind of thing, the thing and its rule. A time stands once."""
    lines: list[str] = []
    shown = ""
    for entry in entries:
        now = clock(entry.at)
        time = (now if now != shown or entry.kind in (HEAD, RESTART, ACT) else "").rjust(8)
        shown = now
        rule = f"  [{entry.rule}]" if entry.rule else ""
        again = f"  ({entry.times} times, last at {clock(entry.until)})" if entry.times > 1 else ""
        text = entry.text + again + rule
        if entry.kind == HEAD:
            took = f"  ({span(entry.took)})" if entry.took >= 1000 else ""
            lines += style.block(f"{time}  ", text + took, entry.colour or "bold", hang=12)
        elif entry.kind == ACT:
            lines += ["", *style.block(f"{time}  ", f"## {text}", entry.colour, hang=12)]
        elif entry.kind == RESTART:
            lines += style.block(f"{time}  ", f"====== {text} ======", entry.colour)
        elif entry.kind == SKIPPED:
            lines += style.block(f"{time}  ", f"skipped: {text}", "dim", hang=12)
        else:
            lines += style.block(f"{time}    {entry.kind:8}", text, entry.colour)
    return lines


def _counted(ids: list[str]) -> str:
    """Event ids in order, runs of the same one counted: ``160, 161, 109 (3 times)``."""
    found: list[list[str]] = []
    for one in ids:
        if found and found[-1][0] == one:
            found[-1].append(one)
        else:
            found.append([one])
    return ", ".join(f"{run[0]} ({len(run)} times)" if len(run) > 1 else run[0] for run in found)
