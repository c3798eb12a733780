"""A run as something to compare, wherever it comes from: just played, or saved as the json or the events of ``run``."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.errors import InputError, Place
from autopilot_agent.events import (
    AppChanged,
    DiskErased,
    Event,
    Finished,
    Rebooted,
    ScreenShown,
    StateEntered,
    StateLeft,
    happened,
    trace_hash,
)
from autopilot_agent.reports.report import event_decoder
from autopilot_agent.scenario.run import Result, Run, apps_by_name
from autopilot_agent.service.ime import IME_PRODUCT
from autopilot_agent.service.uris import CONFIGMGR_PRODUCT

END_FACTS = ("end_state", "outcome", "flow", "join", "mdm_enrolled", "device_name", "reboots")
"""What a result says of the end, besides its error."""
MANAGEMENT = (IME_PRODUCT, CONFIGMGR_PRODUCT)
"""What brings apps and is none itself; a result does not list it either."""


class Recording(msgspec.Struct):
    """One run; ``seconds`` are virtual. ``end`` has only what the source tells, ``events`` is None where it tells none.

    ``file``, ``case`` and ``seed`` say which run it is: "" and None where the source does not. ``pending`` says whether
    ``apps`` has those that nothing was done about yet: no event tells of them.
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
    pending: bool = True


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
    end = _end(events)
    end["reboots"] = sum(isinstance(event, Rebooted) for event in events)
    failed = next((event for event in reversed(events) if isinstance(event, StateLeft)), None)
    if end.get("outcome") not in (None, "completed", "interrupted") and failed is not None:
        end["reason"] = failed.detail
    screens = [event.screen for event in events if isinstance(event, ScreenShown)]
    seconds = events[-1].at / 1000 if events else 0.0
    states = [event.state for event in happened(events)]
    return Recording(name, end, seconds, states, screens, _apps(events), events, trace_hash(events), pending=False)


def _end(events: list[Event]) -> dict[str, object]:
    """Where the device ended: at the end of its last act, or in the middle of one that somebody broke off."""
    last = next((event for event in reversed(events) if isinstance(event, Finished | StateEntered)), None)
    if isinstance(last, Finished):
        return {"end_state": last.end_state, "outcome": last.outcome}
    return {"end_state": last.state, "outcome": "interrupted"} if isinstance(last, StateEntered) else {}


def _apps(events: list[Event]) -> dict[str, str]:
    """The apps on the disk at the end; a new Windows begins without any, also where a reset keeps the enrolment."""
    found: dict[str, tuple[str, str]] = {}
    for event in events:
        if isinstance(event, DiskErased) or _gives_new_windows(event):
            found.clear()
        elif isinstance(event, AppChanged) and event.app not in MANAGEMENT:
            found[event.app] = (event.name, event.state)
    return apps_by_name(found)


def _gives_new_windows(event: Event) -> bool:
    """Whether a reset is done that leaves no app; the disk counts as erased only where the device leaves its organisation."""
    if not isinstance(event, StateLeft) or event.state != "resetting":
        return False
    return any(row.windows == "new" for row in rulebook.resets().values() if row.rule == event.rule)


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
