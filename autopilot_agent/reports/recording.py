"""A run as something to compare, wherever it comes from: just played, or saved as the json or the events of ``run``."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.events import AppChanged, Event, Finished, Rebooted, ScreenShown, StateLeft, happened
from autopilot_agent.reports.report import event_decoder
from autopilot_agent.scenario.run import Result, Run

END_FACTS = ("end_state", "outcome", "flow", "join", "mdm_enrolled", "device_name", "reboots")
"""What a result says of the end, besides its error."""


class Recording(msgspec.Struct):
    """One run; ``seconds`` are virtual. ``end`` has only what the source tells, ``events`` is None where it tells none.

    ``file``, ``case`` and ``seed`` say which run it is: "" and None where the source does not.
    """

    name: str
    end: dict[str, object]
    seconds: float
    states: list[str]
    screens: list[str]
    apps: dict[str, str]
    events: list[Event] | None = None
    trace_hash: str = ""
    file: str = ""
    case: str = ""
    seed: int | None = None


class _Begun(msgspec.Struct):
    """The line in front of the events of one of several runs."""

    file: str = ""
    case: str = ""
    seed: int | None = None


def recording_of(run: Run, name: str = "") -> Recording:
    """A run that was just played. Raises ``InputError`` for one that could not be played to its end."""
    result = run.result
    if result.problem:
        raise InputError(result.problem)
    found = of_result(result, named(name or result.file, result.case))
    found.events = run.events
    return found


def named(file: str, case: str) -> str:
    """A case as reports name it."""
    return f"{file} [{case}]" if case else file


def of_result(result: Result, name: str) -> Recording:
    """What the json of a run tells."""
    end: dict[str, object] = {fact: getattr(result, fact) for fact in END_FACTS}
    error = result.error
    end["error"] = " ".join(part for part in (error.code, error.rule) if part) if error is not None else ""
    return Recording(
        name,
        end,
        result.virtual_seconds,
        list(result.states),
        list(result.screens),
        dict(result.apps),
        trace_hash=result.trace_hash,
        file=result.file,
        case=result.case,
        seed=result.seed,
    )


def of_events(events: list[Event], name: str) -> Recording:
    """What the events of a run tell."""
    end: dict[str, object] = {}
    last = next((event for event in reversed(events) if isinstance(event, Finished)), None)
    if last is not None:
        end = {"end_state": last.end_state, "outcome": last.outcome}
    end["reboots"] = sum(isinstance(event, Rebooted) for event in events)
    failed = next((event for event in reversed(events) if isinstance(event, StateLeft)), None)
    if last is not None and last.outcome != "completed" and failed is not None:
        end["reason"] = failed.detail
    apps = {event.name: event.state for event in events if isinstance(event, AppChanged)}
    screens = [event.screen for event in events if isinstance(event, ScreenShown)]
    seconds = events[-1].at / 1000 if events else 0.0
    return Recording(name, end, seconds, [event.state for event in happened(events)], screens, apps, events)


def read_json(data: dict[str, Any], name: str) -> list[Recording]:
    """The runs of the json of ``run``. Raises ``InputError`` for a run that had a problem, or a form that is not known."""
    found: list[Recording] = []
    for raw in data["results"]:
        try:
            result = msgspec.convert(raw, Result)
        except msgspec.ValidationError as error:
            raise InputError(f"a result does not have the form of 'run --output json' ({error}).", Place(name)) from None
        if result.problem:
            raise InputError(f"the run of {result.file} was not played: {result.problem}", Place(name))
        found.append(of_result(result, named(result.file or name, result.case)))
    if not found:
        raise InputError("no run is in this file.", Place(name))
    return found


def read_events(data: bytes, name: str) -> list[Recording]:
    """The runs of the events of ``run --output jsonl``; a file of several runs says where each begins.

    Raises ``InputError`` with the line of what is no event.
    """
    decoder = event_decoder()
    found: list[tuple[_Begun, list[Event]]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            if line.startswith((b'{"event":"run_started"', b'{"event":"run_finished"')):
                if b"run_started" in line[:40]:
                    found.append((msgspec.json.decode(line, type=_Begun), []))
                continue
            event = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"this line is no event of 'run --output jsonl' ({error}).", Place(name, number)) from None
        if not found:
            found.append((_Begun(), []))
        found[-1][1].append(event)
    if not found:
        raise InputError("no event is in this file.", Place(name))
    return [_begun(begun, events, name) for begun, events in found]


def _begun(begun: _Begun, events: list[Event], name: str) -> Recording:
    found = of_events(events, named(begun.file or name, begun.case))
    found.file, found.case, found.seed = begun.file, begun.case, begun.seed
    return found
