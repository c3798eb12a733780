"""One OMA-DM message pair: what the device reports and what the MDM server wants done (MS-MDM, SyncML 1.2)."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

import msgspec

from autopilot_agent.service.base import Answer, Call


class RemoteAction(Enum):
    """What an administrator can order for a managed device; a value is the row of ``rulebook/resets.jsonl``."""

    AUTOPILOT_RESET = "autopilot-reset-remote"
    WIPE = "wipe"
    WIPE_KEEP = "wipe-keep"
    FRESH_START = "fresh-start"
    FRESH_START_KEEP = "fresh-start-keep"
    RETIRE = "retire"


class Command(msgspec.Struct, frozen=True, gc=False):
    """A SyncML command: ``verb`` Add, Replace, Delete, Exec, Get or Atomic; ``format`` as in Meta (chr, int, bool, ...).

    ``children`` is used by Atomic only.
    """

    id: int
    verb: str
    uri: str
    value: str = ""
    format: str = "chr"
    children: tuple[Command, ...] = ()


class Status(msgspec.Struct, frozen=True, gc=False):
    """The device's answer to one command; ``value`` is the Results data of a Get, ``format`` that of the node it is from.

    ``children`` are the answers to the commands inside an Atomic.
    """

    command: int
    code: int
    value: str | None = None
    format: str = "chr"
    children: tuple[Status, ...] = ()


class Alert(msgspec.Struct, frozen=True, gc=False):
    """A SyncML alert: 1201 opens a session, 1224 carries a typed client event, 1226 a generic one.

    ``source`` is the node that it is about, ``format`` and ``mark`` are what Meta says besides the type.
    """

    code: int
    type: str = ""
    data: str = ""
    source: str = ""
    format: str = ""
    mark: str = ""


RESULT_ALERT = Alert(1224, "result of the Enrollment Status Page")
"""Opens the session in which the device tells how the ESP ended (diagnostics.md 1.3.1: a result alert is sent).

The real type is not published; this one never leaves the process.
"""


RESEALED_ALERT = Alert(1224, "device setup begins again after the technician's part")
"""Opens the first session of a user flow: the server sends the device's part once more (rule PU3). As private as the other."""

DOMAIN_JOIN_ALERT = Alert(1224, "com.microsoft/MDM/OdjSync", "device")
"""Asks for the offline domain join blob (protocols.md 5)."""


class DomainJoinStanding(msgspec.Struct, frozen=True, gc=False):
    """How the server stands to a device that asks for its blob: whether a Domain Join profile reaches it at all.

    How Windows learns this is not published. ``rule`` and ``reason`` say what keeps the blob back: the device does not act on
    them, they are for whoever reads the record.
    """

    configured: bool
    rule: str = ""
    reason: str = ""

RESTORED_ALERT = Alert(1224, "restored after a reset")
"""Opens the session in which a device that was reset in place asks for its policies and apps once more (rule RST-RESTORED).

The real way is not published; this one never leaves the process.
"""


class Commands(Answer, frozen=True, gc=False):
    """The server's side of the pair; no commands means that the session is over."""

    commands: tuple[Command, ...] = ()
    domain_join: DomainJoinStanding | None = None


class ManagementMessage(Call[Commands], frozen=True, gc=False):
    """The device's side. ``user_sid`` is set when a user context exists, so that ``./User`` nodes can be reached."""

    host: ClassVar[str] = "r.manage.microsoft.com"
    rule: ClassVar[str] = "NET-INTUNE"

    enrolment_id: str
    session: int
    message: int
    alerts: tuple[Alert, ...] = ()
    device_information: tuple[tuple[str, str], ...] = ()
    statuses: tuple[Status, ...] = ()
    user_id: str = ""
