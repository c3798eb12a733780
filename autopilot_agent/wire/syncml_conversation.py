"""What a server keeps of an OMA-DM session between two messages, where it has to keep anything at all."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.service.management import Alert, Status
from autopilot_agent.wire import syncml_chunks
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Desk

SESSION = "syncml"
"""Kind of the records: by enrolment id."""


class Conversation(msgspec.Struct, kw_only=True):
    """One session. ``begun`` tells that the tenant knows of it, ``part`` is an object of the client's that is not complete.

    ``pending`` are commands that did not fit into a message. ``last`` are those that were sent by a server that the client
    may not believe yet; they would be sent again.
    """

    session: str
    begun: bool = False
    challenges: int = 0
    proved: bool = False
    server_proved: bool = False
    server_refused: int = 0
    pending: tuple[dm.Command, ...] = ()
    continuing: bool = False
    last: tuple[dm.Command, ...] = ()
    part: syncml_chunks.Part | None = None
    statuses: tuple[Status, ...] = ()
    alerts: tuple[Alert, ...] = ()
    information: tuple[tuple[str, str], ...] = ()
    user_id: str = ""
    largest: int = syncml_chunks.MESSAGE


def conversation_of(desk: Desk, enrolment: str, header: dm.Header) -> Conversation:
    """The session that a message belongs to; a first message begins a new one, whatever became of the last."""
    if header.message not in ("", "0", "1"):
        kept = desk.records.get(SESSION, enrolment)
        if kept is not None and kept.get("session") == header.session:
            try:
                return msgspec.convert(kept, Conversation)
            except msgspec.ValidationError:  # written by another version
                pass
        return Conversation(session=header.session, begun=True)
    return Conversation(session=header.session)


def keep(desk: Desk, enrolment: str, conversation: Conversation) -> None:
    """Write down what the next message needs; nothing where a session that began is all there is to know."""
    if conversation == Conversation(session=conversation.session, begun=True):
        if desk.records.get(SESSION, enrolment) is not None:
            desk.records.drop(SESSION, enrolment)
        return
    kept: dict[str, Any] = msgspec.to_builtins(conversation)
    desk.records.put(SESSION, enrolment, kept)
