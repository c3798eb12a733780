"""A device's OMA-DM sessions: each ``ManagementMessage`` as one POST, or more where credentials or large objects need them."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy

import msgspec
from msgspec import structs

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.management import (
    DOMAIN_JOIN_ALERT,
    RESEALED_ALERT,
    RESTORED_ALERT,
    RESULT_ALERT,
    Alert,
    Command,
    Commands,
    DomainJoinStanding,
    ManagementMessage,
    Status,
)
from autopilot_agent.wire import clients, private, secrecy, syncml_auth, syncml_chunks, syncml_faults, syncml_xml
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Flow, Request, Response, code_of, with_query
from autopilot_agent.wire.syncml_session import Due, Receipt, Session, answers, numbered
from autopilot_agent.wire.wallet import Wallet

ADDRESS = "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx"
"""Intune's, for a device that was told none."""
RESOURCE = "https://manage.microsoft.com/"
CONTENT = "application/vnd.syncml.dm+xml"
HEADERS = {
    "content-type": f"{CONTENT}; charset=utf-8",
    "accept": f"{CONTENT}, application/octet-stream",
    "accept-charset": "UTF-8",
    "user-agent": "MSFT OMA DM Client/1.2.0.1",
}
LOGIN_STATUS, USER_TOKEN = "com.microsoft/MDM/LoginStatus", "com.microsoft/MDM/AADUserToken"
PRIVATE_ALERTS = (RESULT_ALERT, RESEALED_ALERT, RESTORED_ALERT)
"""What a device of ours tells and Windows has no published word for."""
DEVICE_ID = ("./devinfo/devid", "./device/devinfo/devid")
PACKAGE_1_FROM = 2
"""The first CmdID of package 1; Windows keeps 1 for the status of a header."""
MOST_TURNS = 60
"""POSTs that one call may take."""
MOST_CHALLENGES = 2
"""How often a server may ask for credentials in one session: once for the first, once because the nonce was old."""
MOST_COMMANDS = 20_000
"""Commands that a server may send in one session. Each is answered, and a server may answer answers with more commands."""
NUMBERS = 50_000
"""Bytes that are kept free for CmdIDs, which are given last."""


class Hidden(msgspec.Struct, frozen=True):
    """What of a message has no place in SyncML. ``user_id`` counts only where no token of the user came along."""

    user_id: str = ""
    alerts: tuple[Alert, ...] = ()


def manage(call: ManagementMessage, wallet: Wallet) -> Flow[Commands]:
    """Report, and fetch the next commands. The session in the wallet changes only when that has come to its end."""
    session = begin(call, wallet)
    body: tuple[dm.Element, ...]
    if call.message == 1:
        token = ""
        if call.user_id:
            token = yield from clients.user_token(wallet, call.user_id, RESOURCE)
        body = session.opening = opening(call, source_of(call, wallet), token)
    else:
        statuses = own_name(call.statuses, session.due, source_of(call, wallet))
        body = (*answers(session.due, statuses), *_alerts(call.alerts, wallet))
        session.due = ()
    headers = {**HEADERS, **({"client-request-id": session.correlation} if session.correlation else {})}
    if wallet.private:
        hidden = tuple(one for one in call.alerts if one in PRIVATE_ALERTS)
        headers[private.CALL] = private.pack(Hidden(call.user_id, hidden))
    commands = yield from _exchange(call, wallet, session, body, headers)
    wallet.session = session if commands else None
    asked = not wallet.private and DOMAIN_JOIN_ALERT in call.alerts
    return Commands(tuple(commands), DomainJoinStanding(configured=True) if asked else None)


def begin(call: ManagementMessage, wallet: Wallet) -> Session:
    """The session that a call belongs to: the one that is going on, or a new one."""
    held = wallet.session
    if call.message > 1 and isinstance(held, Session) and (held.enrolment, held.number) == (call.enrolment_id, call.session):
        return copy(held)
    session = Session(call.enrolment_id, call.session, call.message - 1)
    session.correlation = dict(call.device_information).get("./DevInfo/DevId", "")
    if not session.correlation.isascii() or not session.correlation.isprintable():
        session.correlation = ""
    session.scheme = wallet.account.get("authenticates", "")
    if call.message > 1:  # what the server sent is forgotten: it is taken to have used the numbers that the device knows
        before = str(call.message - 1)
        told = tuple(
            Due(before, str(one.command), "Replace" if one.value is None else "Get", 0, (one.command,), ("",))
            for one in call.statuses
        )
        session.due = (_header_due(before, dm.DONE), *told)
    return session


def source_of(call: ManagementMessage, wallet: Wallet) -> str:
    """What the device calls itself: the DeviceID it enrolled with."""
    if wallet.account.get("enrolment", "") == call.enrolment_id and wallet.account.get("DeviceID", ""):
        return wallet.account["DeviceID"]
    return call.enrolment_id.replace("-", "")


def own_name(statuses: tuple[Status, ...], due: tuple[Due, ...], source: str) -> tuple[Status, ...]:
    """The statuses, DevId being what the device calls itself in the header, too (protocols.md 13.1)."""
    asked = {number for one in due for number, uri in zip(one.numbers, one.uris, strict=False) if uri.casefold() in DEVICE_ID}
    return tuple(
        structs.replace(one, value=source) if one.command in asked and one.value is not None else one for one in statuses
    )


def opening(call: ManagementMessage, source: str, token: str) -> tuple[dm.Element, ...]:
    """The body of package 1: exactly one alert 1201, how things stand with the user, and DevInfo (protocols.md 12.4, 12.5)."""
    told = [one for one in call.alerts if one not in PRIVATE_ALERTS and str(one.code) not in dm.SESSION_BEGINS]
    if not any(one.type == LOGIN_STATUS for one in told):
        told.insert(0, Alert(1224, LOGIN_STATUS, "user" if call.user_id else "others"))
    if token:
        told.append(Alert(1224, USER_TOKEN, token))
    elements: list[dm.Element] = [dm.Command("Alert", "", "1201"), *map(_alert, told)]
    # DevId is what the device calls itself in the header, too (protocols.md 13.1).
    known = [(uri, source if uri == "./DevInfo/DevId" else value) for uri, value in call.device_information]
    if known:
        elements.append(dm.Command("Replace", "", items=tuple(dm.Item(source=uri, data=value) for uri, value in known)))
    return tuple(elements)


def _alert(alert: Alert) -> dm.Command:
    meta = dm.Meta(alert.format, alert.type, alert.mark)
    items = (dm.Item(source=alert.source, meta=meta, data=alert.data),) if alert.type or alert.data else ()
    return dm.Command("Alert", "", str(alert.code), items)


def _alerts(alerts: tuple[Alert, ...], wallet: Wallet) -> list[dm.Command]:
    return [_alert(one) for one in alerts if one not in PRIVATE_ALERTS]


def _exchange(
    call: ManagementMessage, wallet: Wallet, session: Session, body: tuple[dm.Element, ...], headers: dict[str, str]
) -> Generator[Request, Response, list[Command]]:
    """Send a body, in as many messages as it takes, until the server has commands for the device or nothing more to say."""
    commands: list[Command] = []
    used: set[int] = set()
    continuing = False
    for _ in range(MOST_TURNS):
        owed: list[dm.Element] = answers(session.due, ())
        session.due = ()
        owed += [dm.Command("Alert", "", code) for code in session.owed_alerts]
        session.owed_alerts = ()
        header = _header(call, wallet, session)
        fits = syncml_chunks.fitting(header, tuple(owed), body, syncml_chunks.MESSAGE - NUMBERS, continuing)
        if body and not fits.elements:  # something that cannot be cut: the server may think of it what it likes
            fits = syncml_chunks.Portion(body)
        elements = numbered((*owed, *fits.elements), PACKAGE_1_FROM if call.message == 1 else 1)
        sent = dm.Message(header, elements, not fits.rest)
        response = yield _request(call, sent, headers)
        message = syncml_faults.message_of(response)
        if _challenged(message, wallet, session):
            body, continuing = session.opening, False
            session.due = (_header_due(message.header.message, dm.DONE),)
            continue
        body, continuing = fits.rest, fits.continuing
        trusted = _server_header(message, wallet, session)
        believed, before = trusted.code != dm.WRONG_CREDENTIALS, len(used)
        receipt = Receipt(message, session.part, used if believed else set())
        if receipt.aborted:
            session.due = ()
            return []
        if believed:
            session.part, session.due = receipt.part, (trusted, *receipt.due)
            commands += receipt.commands
            session.taken += len(used) - before
            if session.taken > MOST_COMMANDS:
                raise ServiceFault("0x8007000D", f"the server has not come to an end after {MOST_COMMANDS} commands")
        else:
            session.due = (trusted, *(_without(one, trusted.code) for one in receipt.due))
        more = receipt.buffered or (not message.final and bool(receipt.commands))
        session.owed_alerts = (dm.NO_END,) * receipt.broken + (dm.NEXT_MESSAGE,) * more
        if body:
            continue
        if commands or not receipt.due:
            return commands
    raise ServiceFault("0x8007000D", f"the server has not come to an end after {MOST_TURNS} messages")


def _header(call: ManagementMessage, wallet: Wallet, session: Session) -> dm.Header:
    session.sent += 1
    secret = syncml_auth.Secret.of(wallet.account, syncml_auth.CLIENT)
    proof = None
    if session.scheme and not session.proved and secret is not None:
        proof = syncml_auth.prove(secret, session.scheme)
    address = wallet.account.get("ADDR", "") or ADDRESS
    meta = dm.Meta(max_message=str(syncml_chunks.MESSAGE))
    return dm.Header(session.name, str(session.sent), address, source_of(call, wallet), credentials=proof, meta=meta)


def _request(call: ManagementMessage, sent: dm.Message, headers: dict[str, str]) -> Request:
    url = with_query(sent.header.target, mode="Machine" if call.user_id else "Maintenance", Platform="WoA")
    return Request("POST", url, dict(headers), syncml_xml.serialize(sent), "mdm")


def _challenged(message: dm.Message, wallet: Wallet, session: Session) -> bool:
    """Whether the server wants package 1 once more with credentials. Keeps the nonce that it gives.

    Raises ``ServiceFault`` where there are none, and where they were refused before.
    """
    found = next((one for one in message.statuses() if one.command == "0" or one.name == dm.HEADER), None)
    if found is None:
        return False
    code = dm.status_code(found)
    challenge = found.challenge
    if challenge is not None and challenge.nonce:
        wallet.account["client_nonce"] = challenge.nonce
    if code == dm.AUTHENTICATED:
        session.proved = True
    if code in (dm.WRONG_CREDENTIALS, dm.NO_CREDENTIALS):
        secret = syncml_auth.Secret.of(wallet.account, syncml_auth.CLIENT)
        scheme = challenge.type if challenge is not None else ""
        session.challenges += 1
        usable = secret is not None and scheme in (syncml_auth.MD5, syncml_auth.BASIC) and bool(session.opening)
        if not usable or session.challenges > MOST_CHALLENGES:
            raise ServiceFault(code_of(401), f"the server refuses the device's credentials (status {code})")
        session.scheme = wallet.account["authenticates"] = scheme
        session.proved = False
        return True
    if code >= dm.BAD:
        raise ServiceFault(code_of(code), f"the server refuses the message with status {code}")
    return False


def _server_header(message: dm.Message, wallet: Wallet, session: Session) -> Due:
    """The status for the server's header. Credentials are checked where both sides have them; TLS has proved the rest."""
    number, credentials = message.header.message, message.header.credentials
    secret = syncml_auth.Secret.of(wallet.account, syncml_auth.SERVER)
    if credentials is None or secret is None or session.server_proved:
        return _header_due(number, dm.AUTHENTICATED if session.server_proved else dm.DONE)
    good = credentials.data != secrecy.WRONG if wallet.replayed else syncml_auth.proven(credentials, secret)
    fresh = syncml_auth.next_nonce(secret, f"{session.name}/{number}")
    wallet.account["server_nonce"] = fresh
    session.server_proved = good
    code = dm.AUTHENTICATED if good else dm.WRONG_CREDENTIALS
    return structs.replace(_header_due(number, code), challenge=dm.Challenge(syncml_auth.MD5, fresh))


def _header_due(number: str, code: int) -> Due:
    return Due(number, "0", dm.HEADER, code)


def _without(due: Due, code: int) -> Due:
    """The same, not carried out for a reason that has a code."""
    return structs.replace(due, code=code, inner=tuple(_without(one, code) for one in due.inner))
