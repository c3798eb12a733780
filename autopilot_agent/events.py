"""What happened, in order: one frozen Struct per kind of event. The trace is the product; everything else reads it.

``seq`` counts from 0, ``at`` is virtual milliseconds since power-on, ``rule`` is the row of the rulebook that caused the
event ("" where none is claimed). Order is ``seq``, never a clock. Nothing secret is ever put into an event.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

SCHEMA_VERSION = 2


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag=True):
    """What all kinds have in common."""

    seq: int
    at: int
    rule: str


class StateEntered(Event, frozen=True, gc=False, tag="state_entered"):
    """The device is in a new state of the flow."""

    state: str


class StateLeft(Event, frozen=True, gc=False, tag="state_left"):
    """The step of a state ended; ``outcome`` chose the edge. ``skipped`` says that there was nothing to do."""

    state: str
    outcome: str
    detail: str = ""
    skipped: bool = False


class ScreenShown(Event, frozen=True, gc=False, tag="screen_shown"):
    """A page stands in front of the person. ``text`` is what this run adds to the page's own text."""

    screen: str
    text: str = ""
    choices: tuple[str, ...] = ()


class Answered(Event, frozen=True, gc=False, tag="answered"):
    """The person chose or typed something; secrets are replaced by ``***``."""

    screen: str
    answer: str


class CallAnswered(Event, frozen=True, gc=False, tag="call_answered"):
    """A service gave a good answer."""

    call: str
    host: str
    detail: str = ""


class CallRefused(Event, frozen=True, gc=False, tag="call_refused"):
    """A service refused, or nobody answered."""

    call: str
    host: str
    code: str
    reason: str


class CommandApplied(Event, frozen=True, gc=False, tag="command_applied"):
    """The MDM server sent a SyncML command on a LocURI and the device answered with ``status``."""

    verb: str
    uri: str
    status: int
    detail: str = ""


class NodeSet(Event, frozen=True, gc=False, tag="node_set"):
    """Something on the device itself wrote a CSP node (the IME does so through the WMI bridge)."""

    uri: str
    value: str


class LogWritten(Event, frozen=True, gc=False, tag="log_written"):
    """A record in a Windows event log."""

    channel: str
    id: int
    text: str = ""


class RowChanged(Event, frozen=True, gc=False, tag="row_changed"):
    """A row of the Enrollment Status Page shows something new."""

    phase: str
    row: str
    state: str
    text: str


class AppChanged(Event, frozen=True, gc=False, tag="app_changed"):
    """An app's installation moved on; ``state`` is the reader's word for it, ``code`` an exit code or HRESULT."""

    app: str
    name: str
    state: str
    code: str = ""


class Rebooted(Event, frozen=True, gc=False, tag="rebooted"):
    """Windows restarted."""

    reason: str


class ActBegan(Event, frozen=True, gc=False, tag="act_began"):
    """Somebody begins something with the PC or the tenant; ``flow`` and ``start`` say what is played ("" for nothing)."""

    act: str
    detail: str = ""
    flow: str = ""
    start: str = ""


class PowerLost(Event, frozen=True, gc=False, tag="power_lost"):
    """The PC lost its power in the middle of what it did; ``off`` is how long it stays off, in milliseconds."""

    reason: str
    off: int = 0


class DiskErased(Event, frozen=True, gc=False, tag="disk_erased"):
    """Windows begins anew on an empty disk."""

    reason: str


class CloudChanged(Event, frozen=True, gc=False, tag="cloud_changed"):
    """An administrator, or the cloud by itself, changed something in the tenant."""

    text: str


class FaultInjected(Event, frozen=True, gc=False, tag="fault_injected"):
    """A fault that the scenario asked for has struck."""

    fault: str
    where: str


class Noted(Event, frozen=True, gc=False, tag="noted"):
    """Why the device did what it did."""

    text: str


class Finished(Event, frozen=True, gc=False, tag="finished"):
    """What an act played has come to its end."""

    end_state: str
    outcome: str


KINDS: tuple[type[Event], ...] = (
    StateEntered,
    StateLeft,
    ScreenShown,
    Answered,
    CallAnswered,
    CallRefused,
    CommandApplied,
    NodeSet,
    LogWritten,
    RowChanged,
    AppChanged,
    Rebooted,
    ActBegan,
    PowerLost,
    DiskErased,
    CloudChanged,
    FaultInjected,
    Noted,
    Finished,
)

def happened(events: list[Event]) -> list[StateEntered]:
    """The states that really came, in order: a state whose step was skipped did not, although the flow went through it."""
    found: list[StateEntered] = []
    for event in events:
        if isinstance(event, StateEntered):
            found.append(event)
        elif isinstance(event, StateLeft) and event.skipped and found and found[-1].state == event.state:
            found.pop()
    return found


_encoder = msgspec.json.Encoder()


def trace_hash(events: list[Event]) -> str:
    """One sha256 over the encoding of the whole stream, with the schema version in front, as 64 hex digits."""
    digest = hashlib.sha256(b"autopilot-agent trace %d\n" % SCHEMA_VERSION)
    digest.update(_encoder.encode_lines(events))
    return digest.hexdigest()


def to_json_lines(events: list[Event]) -> bytes:
    """The stream as JSON Lines, UTF-8, one event per line."""
    return _encoder.encode_lines(events)


def to_dict(event: Event) -> dict[str, Any]:
    """One event as plain data."""
    result: dict[str, Any] = msgspec.to_builtins(event)
    return result
