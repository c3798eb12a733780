"""What a visit brings back: every exchange as it was, what was read of it, and what could not be reached, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml, soap, syncml_xml, wap
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.pkcs10 import from_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

PROBE, DISCOVER, POLICY, ENROL = "discovery probe", "discovery", "policy", "enrolment"
SESSION, OBSTINATE = "session", "session of a device that has everything"
NO_NUMBER, UNKNOWN, STRANGER = "command without a number", "command that nobody knows", "certificate of another device"
WRONG_CREDENTIALS, WRONG_REQUEST, NO_XML = "wrong credentials", "a broken certificate request", "a broken message"
SIGN_IN = "sign-in"
RENEW, RENEW_STRANGER, RENEW_UNSHOWN = "renewal", "renewal by a stranger", "renewal without a certificate"


class NotReached(Exception):  # a fact about a visit, not an error
    """A demand could not be tested: ``NotReached(reason)``."""


class Exchange(msgspec.Struct, dict=True):
    """A request with its response; without one, ``failed`` is the code that Windows shows, and ``reason`` says why.

    What is read of a response is read once, when it is there.
    """

    purpose: str
    request: Request
    response: Response | None = None
    failed: str = ""
    reason: str = ""

    @cached_property
    def root(self) -> safe_xml.Element | None:
        """The root of the document in the response, None where there is none that can be read."""
        try:
            return safe_xml.parse(self.response.body, 4_000_000) if self.response is not None else None
        except Malformed:
            return None

    @cached_property
    def envelope(self) -> soap.Envelope | None:
        """The SOAP envelope in the response, if it is one."""
        try:
            return soap.read(self.response.body, 1_000_000) if self.response is not None else None
        except Malformed:
            return None

    @property
    def fault(self) -> safe_xml.Element | None:
        """The SOAP fault in the response, if there is one."""
        envelope = self.envelope
        found = envelope.operation if envelope is not None else None
        return found if found is not None and safe_xml.local(found).casefold() == "fault" else None

    def said(self) -> str:
        """In a few words, what came."""
        if self.response is None:
            return f"no answer: {self.reason} ({self.failed})"
        if self.fault is not None:
            reason = soap.said(self.fault, "Reason", "Text") or soap.said(self.fault, "faultstring")
            return f"HTTP {self.response.status}, a SOAP fault: {reason[:120] or 'without a reason'}"
        kind = self.response.headers.get("content-type", "no content type")
        return f"HTTP {self.response.status}, {kind}, {len(self.response.body)} bytes"


class Turn(msgspec.Struct):
    """One message pair of a session. ``got`` is None where the answer is no SyncML."""

    exchange: Exchange
    sent: dm.Message
    got: dm.Message | None
    root: safe_xml.Element | None


class Talk(msgspec.Struct):
    """One session: ``user`` tells its scope, ``failed`` the code that ended it early, ``endless`` that we ended it."""

    purpose: str
    user: bool
    turns: list[Turn] = []
    failed: str = ""
    reason: str = ""
    endless: bool = False


class Told(msgspec.Struct, frozen=True):
    """Something that the server told the device to do, and the status that it got (0 where nobody knows).

    ``talk`` and ``turn`` count from 0 and are -1 for what the provisioning document says.
    """

    talk: int
    turn: int
    verb: str
    uri: str
    value: str
    format: str
    code: int = 200
    user: bool = False
    exchange: Exchange | None = None

    @property
    def name(self) -> str:
        """The last part of the LocURI."""
        return self.uri.rpartition("/")[2]


class Visit:
    """All evidence of one visit. What is worked out of it is worked out once."""

    def __init__(self, url: str, moment: datetime) -> None:
        self.url = url
        self.moment = moment
        self.exchanges: list[Exchange] = []
        self.talks: list[Talk] = []
        self.shown: dict[str, tuple[str, str]] = {}
        """By purpose: the code and the reason that the device shows where its own flow ended badly."""
        self.skipped: dict[str, str] = {}
        """By purpose: why nothing was sent."""
        self.offered: tuple[str, ...] = ()
        self.key: rsa.RSAPrivateKey | None = None

    def not_enrolled(self) -> str:
        """Why no device is enrolled, with the reason where one is known."""
        code, reason = self.shown.get(ENROL, ("", ""))
        why = self.skipped.get(ENROL) or reason or code
        return f"the device could not enrol: {why}" if why else "the device is not enrolled"

    def all(self, purpose: str) -> list[Exchange]:
        """Every exchange of a purpose."""
        return [one for one in self.exchanges if one.purpose == purpose]

    def last(self, purpose: str) -> Exchange:
        """The last exchange of a purpose. Raises ``NotReached``."""
        found = self.all(purpose)
        if not found:
            raise NotReached(self.skipped.get(purpose) or f"the visit did not come to this ({purpose})")
        return found[-1]

    def answered(self, purpose: str) -> tuple[Exchange, Response]:
        """The last exchange of a purpose that has a response. Raises ``NotReached``."""
        found = self.last(purpose)
        if found.response is None:
            raise NotReached(f"{purpose}: {found.said()}")
        return found, found.response

    def operation(self, purpose: str, name: str) -> tuple[Exchange, soap.Envelope]:
        """The good SOAP answer of a purpose. Raises ``NotReached`` where it is another one."""
        exchange, _ = self.answered(purpose)
        envelope = exchange.envelope
        if envelope is None or safe_xml.local(envelope.operation) != name:
            raise NotReached(f"{purpose}: {exchange.said()}")
        return exchange, envelope

    def discovered(self) -> tuple[Exchange, safe_xml.Element]:
        """DiscoverResult. Raises ``NotReached``."""
        exchange, envelope = self.operation(DISCOVER, "DiscoverResponse")
        found = safe_xml.child(envelope.operation, "DiscoverResult")
        if found is None:
            raise NotReached("the discovery answer has no DiscoverResult")
        return exchange, found

    def token(self) -> tuple[Exchange, safe_xml.Element]:
        """The BinarySecurityToken of the enrolment answer. Raises ``NotReached``."""
        exchange, response = self.answered(ENROL)
        envelope = exchange.envelope
        if envelope is None or exchange.fault is not None or not response.good:
            raise NotReached(f"enrolment: {exchange.said()}")
        answer = envelope.operation
        if safe_xml.local(answer) == "RequestSecurityTokenResponseCollection":
            found = safe_xml.child(answer, "RequestSecurityTokenResponse")
            answer = answer if found is None else found
        token = safe_xml.child(answer, "RequestedSecurityToken", "BinarySecurityToken")
        if token is None:
            raise NotReached("the enrolment answer brings no document")
        return exchange, token

    @cached_property
    def document_bytes(self) -> bytes:
        """The provisioning document as it came. Raises ``NotReached``."""
        try:
            return from_base64(safe_xml.text(self.token()[1]))
        except Malformed:
            raise NotReached("the provisioning document is no base64") from None

    @cached_property
    def document(self) -> wap.Characteristic:
        """The provisioning document. Raises ``NotReached``."""
        try:
            return wap.decode(self.document_bytes)
        except Malformed:
            raise NotReached("the provisioning document cannot be read") from None

    @cached_property
    def account(self) -> wap.Characteristic:
        """The w7 account of the document. Raises ``NotReached``."""
        for one in self.document.all(wap.APPLICATION):
            if (one.parm("APPID") or one.parm("appid")) == "w7":
                return one
        raise NotReached("the document brings no w7 account")

    @property
    def provider(self) -> str:
        """PROVIDER-ID; "" where it is not known."""
        try:
            return next((one.value or "" for one in self.account.parms if one.name.upper() == "PROVIDER-ID"), "")
        except NotReached:
            return ""

    def turns(self, *purposes: str) -> list[tuple[Talk, Turn]]:
        """Every message pair of honest sessions. Raises ``NotReached`` without any."""
        wanted = purposes or (SESSION, OBSTINATE)
        found = [(talk, turn) for talk in self.talks if talk.purpose in wanted for turn in talk.turns]
        if not found:
            raise NotReached(self.skipped.get(wanted[0]) or "no session was held")
        return found

    def messages(self, *purposes: str) -> Iterator[tuple[Talk, Turn, dm.Message]]:
        """The same where the server's answer is SyncML. Raises ``NotReached`` without any."""
        found = [(talk, turn, turn.got) for talk, turn in self.turns(*purposes) if turn.got is not None]
        if not found:
            raise NotReached("no answer in the sessions is SyncML")
        yield from found

    @cached_property
    def told(self) -> list[Told]:
        """Everything that the first device was told to do, in order, from document and sessions."""
        found: list[Told] = []
        try:
            for uri, value in settings_of(self.document):
                found.append(Told(-1, -1, "Replace", uri, value, ""))
        except NotReached:
            pass
        for number, talk in enumerate(one for one in self.talks if one.purpose == SESSION):
            codes = {
                (one.message, one.command): dm.status_code(one) for turn in talk.turns for one in turn.sent.statuses()
            }
            for index, turn in enumerate(talk.turns):
                for command, _ in leaves(turn.got.body if turn.got is not None else ()):
                    code = codes.get((turn.got.header.message if turn.got else "", command.id), 0)
                    for item in command.items:
                        kind = item.meta.format or command.meta.format
                        uri, data = item.target or item.source, item.data or ""
                        found.append(Told(number, index, command.name, uri, data, kind, code, talk.user, turn.exchange))
        return found


def settings_of(document: wap.Characteristic) -> list[tuple[str, str]]:
    """The settings of a document, as far as they can be read one by one."""
    found: list[tuple[str, str]] = []
    for one in document.children:
        try:
            found += wap.settings_of(wap.Characteristic("", [], [one]))
        except Malformed:
            continue
    return found


def leaves(body: tuple[dm.Element, ...], inside: str = "") -> Iterator[tuple[dm.Command, str]]:
    """Every command that acts on nodes, with the name of the containers around it ("Atomic", "Atomic/Atomic")."""
    for one in body:
        if not isinstance(one, dm.Command) or one.name == "Alert":
            continue
        if one.name in dm.CONTAINERS:
            yield from leaves(one.body, f"{inside}/{one.name}".strip("/"))
        else:
            yield one, inside


def turn_of(exchange: Exchange) -> Turn | None:
    """A management exchange taken apart; None where nothing was sent that is SyncML."""
    try:
        sent = syncml_xml.parse(exchange.request.body)
    except Malformed:
        return None
    root = exchange.root if exchange.response is not None and exchange.response.good else None
    try:
        got = syncml_xml.read(root) if root is not None else None
    except Malformed:
        got = None
    return Turn(exchange, sent, got, root)
