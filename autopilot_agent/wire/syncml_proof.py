"""Credentials as a server asks for them: the record of an enrolment says whether, and keeps the nonces of both sides.

``auth`` of the record is "md5" or "basic"; ``client_name``, ``client_secret``, ``client_nonce`` are what the client proves
itself with, ``server_name``, ``server_secret``, ``server_nonce`` what the server does.
"""

from __future__ import annotations

from typing import Any

from autopilot_agent.errors import ServiceFault
from autopilot_agent.wire import clients, syncml_auth
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Desk
from autopilot_agent.wire.syncml_conversation import Conversation

MOST_CHALLENGES = 3
"""How often a client is asked within one session; then it is refused with HTTP 403."""


class Proof:
    """The credentials of one enrolment while one message is answered."""

    def __init__(self, desk: Desk, device_id: str, conversation: Conversation) -> None:
        self.desk = desk
        self.device_id = device_id
        self.conversation = conversation
        self.record: dict[str, Any] = dict((desk.records.get(clients.ENROLMENT, device_id) if device_id else None) or {})
        self.scheme = {"md5": syncml_auth.MD5, "basic": syncml_auth.BASIC}.get(str(self.record.get("auth", "")), "")

    def of_client(self, header: dm.Header) -> tuple[int, dm.Challenge | None]:
        """The status for a header: 200 where nothing is asked, 212 for a proof, 401 or 407 with a challenge.

        Raises ``ServiceFault`` with HTTP 403 for a client that has failed too often.
        """
        talk = self.conversation
        secret = syncml_auth.Secret.of(self.record, syncml_auth.CLIENT)
        if not self.scheme or secret is None:
            return dm.DONE, None
        if talk.proved:
            return dm.AUTHENTICATED, None
        code = dm.NO_CREDENTIALS
        if header.credentials is not None:
            talk.proved = syncml_auth.proven(header.credentials, secret, (self.scheme,))
            code = dm.AUTHENTICATED if talk.proved else dm.WRONG_CREDENTIALS
        if not talk.proved:
            talk.challenges += 1
            if talk.challenges > MOST_CHALLENGES:
                raise ServiceFault(clients.FORBIDDEN, "the credentials are wrong")
        if self.scheme == syncml_auth.BASIC:
            return code, None if talk.proved else dm.Challenge(syncml_auth.BASIC)
        fresh = syncml_auth.next_nonce(secret, f"{header.session}/{header.message}")
        self._write("client_nonce", fresh)
        return code, dm.Challenge(syncml_auth.MD5, fresh)

    def of_server(self) -> dm.Credentials | None:
        """What the server proves itself with, until the client has believed it."""
        secret = syncml_auth.Secret.of(self.record, syncml_auth.SERVER)
        if self.scheme != syncml_auth.MD5 or secret is None or self.conversation.server_proved:
            return None
        return syncml_auth.prove(secret)

    def hear(self, message: dm.Message) -> None:
        """Take in what the client says of the server's credentials. A server that is not believed sends its commands again."""
        for status in message.statuses():
            if status.command != "0" and status.name != dm.HEADER:
                continue
            talk, code = self.conversation, dm.status_code(status)
            if self.record and status.challenge is not None and status.challenge.nonce:
                self._write("server_nonce", status.challenge.nonce)
            if code == dm.AUTHENTICATED:
                talk.server_proved, talk.last = True, ()
            elif code in (dm.WRONG_CREDENTIALS, dm.NO_CREDENTIALS) and talk.last and talk.server_refused < MOST_CHALLENGES:
                talk.server_refused += 1
                talk.pending, talk.last = talk.last + talk.pending, ()

    def _write(self, key: str, nonce: str) -> None:
        self.record[key] = nonce[:200]
        self.desk.records.put(clients.ENROLMENT, self.device_id, self.record)
