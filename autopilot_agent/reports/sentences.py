"""One event as one sentence: for evidence and for comparing runs, where a whole timeline would be too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autopilot_agent import events, rulebook
from autopilot_agent.reports.words import in_sentence, state_title


def sentence(event: events.Event) -> str:
    """What happened, without its time and rule; unsafe characters of the data are still in it."""
    return _SENTENCES[type(event)](event)


def _left(event: events.StateLeft) -> str:
    how = "skipped" if event.skipped else event.outcome.replace("_", " ")
    return f"{state_title(event.state)}: {how}" + (f" ({event.detail})" if event.detail else "")


def _shown(event: events.ScreenShown) -> str:
    screen = rulebook.screens().get(event.screen)
    title = f'{event.screen} "{screen.title}"' if screen else event.screen
    choices = "".join(f" [{one}]" for one in event.choices)
    return f"page {title}" + (f": {event.text}" if event.text else "") + choices


def _command(event: events.CommandApplied) -> str:
    return f"{event.verb} {event.uri} is answered with {event.status}" + (f" ({event.detail})" if event.detail else "")


def _app(event: events.AppChanged) -> str:
    return f"{event.name}: {event.state}" + (f", code {event.code}" if event.code and event.code != "0" else "")


def _act(event: events.ActBegan) -> str:
    return f"the act {event.act.replace('_', ' ')} begins" + (f" ({event.detail})" if event.detail else "")


_SENTENCES: dict[type[events.Event], Callable[[Any], str]] = {
    events.StateEntered: lambda event: f"{state_title(event.state)} begins",
    events.StateLeft: _left,
    events.ScreenShown: _shown,
    events.Answered: lambda event: f"the person answers {event.screen}: {event.answer}",
    events.CallAnswered: lambda event: f"{event.call} is answered" + (f": {event.detail}" if event.detail else ""),
    events.CallRefused: lambda event: f"{event.call} is refused, {event.code}" + (f": {event.reason}" if event.reason else ""),
    events.CommandApplied: _command,
    events.NodeSet: lambda event: f"{event.uri} = {event.value}",
    events.LogWritten: lambda event: f"{event.channel} {event.id}" + (f": {event.text}" if event.text else ""),
    events.RowChanged: lambda event: f"{event.phase} part of the status page, {event.row}: {event.text}",
    events.AppChanged: _app,
    events.Rebooted: lambda event: f"restart: {event.reason}",
    events.ActBegan: _act,
    events.PowerLost: lambda event: f"power lost: {event.reason}",
    events.DiskErased: lambda event: f"the disk is erased: {event.reason}",
    events.CloudChanged: lambda event: event.text,
    events.FaultInjected: lambda event: f"fault {event.fault} strikes {event.where}",
    events.Noted: lambda event: event.text,
    events.Finished: lambda event: f"the end: {in_sentence(event.end_state)} ({event.outcome})",
}
