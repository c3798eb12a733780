"""An MDM server's side of OMA-DM: a message in, the tenant's commands out (protocols.md 12, 18).

Commands carry the tenant's own numbers as CmdIDs, so a status finds its command without anything being kept. What has to be
kept all the same is a ``Conversation``: credentials that were asked for, an object in pieces, commands that did not fit.
"""

from __future__ import annotations

from msgspec import structs

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.management import Command, ManagementMessage, Status
from autopilot_agent.wire import clients, content, private, syncml_chunks, syncml_orders, syncml_xml
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Desk, Incoming, Response, Route, status_of
from autopilot_agent.wire.syncml_client import CONTENT, Hidden
from autopilot_agent.wire.syncml_conversation import Conversation, conversation_of, keep
from autopilot_agent.wire.syncml_proof import Proof
from autopilot_agent.wire.syncml_report import Report

PATHS = (
    "/devicegatewayproxy/cimhandler.ashx",
    "/ManagementServer/MDM.svc",
    "/api/mdm/microsoft/management",
)
"""Intune's own, and two that other servers use and their test clients insist on."""
LARGEST = 2_000_000
UNSUPPORTED, TOO_SMALL = "0x8019019F", "0x801901F4"
"""HTTP 415; and HTTP 500 for an Atomic that does not fit into what the client takes, because an Atomic cannot be cut."""


def serve(incoming: Incoming, desk: Desk) -> Response:
    """Answer one message of a session."""
    message = _read(incoming)
    header = message.header
    named = _plain_name(header.source)
    enrolment = _enrolment(incoming, desk, named)
    device_id = clients.device_id_of(incoming, desk, named)
    talk = conversation_of(desk, enrolment, header)
    if header.meta.max_message.isdecimal():
        told = int(header.meta.max_message[:9])
        talk.largest = min(max(told, syncml_chunks.SMALLEST), syncml_chunks.MESSAGE)
    proof = Proof(desk, device_id, talk)
    code, challenge = proof.of_client(header)
    out: list[dm.Element] = [
        dm.Status("", header.message, "0", dm.HEADER, str(code), challenge=challenge),
    ]
    if code in (dm.WRONG_CREDENTIALS, dm.NO_CREDENTIALS):
        keep(desk, enrolment, talk)
        return _written(incoming, header, talk, out, (), None)
    proof.hear(message)
    report = Report.read(message, talk, incoming, desk)
    out += report.answers
    if message.alerts(dm.ABORT):
        keep(desk, enrolment, Conversation(session=talk.session, begun=True))
        return _written(incoming, header, talk, out, (), None)
    report.remember(talk)
    if not incoming.ours and report.signed_in_without_token():
        talk.user_id = desk.user_of_enrolment(enrolment)
    broken = (dm.Command("Alert", "", dm.NO_END),) * report.broken
    out += broken
    if talk.part is None and not talk.pending:
        talk.pending = _ask(incoming, desk, talk, header, enrolment)
    elif enrolment not in desk.enrolments():
        raise ServiceFault(clients.FORBIDDEN, "this enrolment is not known (any more)")
    credentials = proof.of_server()
    response = _written(incoming, header, talk, out, () if talk.part is not None else talk.pending, credentials)
    keep(desk, enrolment, talk)
    return response


def _read(incoming: Incoming) -> dm.Message:
    """The message. Raises ``ServiceFault`` with HTTP 415 for another type, ``Malformed`` for what is no SyncML."""
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if "wbxml" in kind:
        raise ServiceFault(UNSUPPORTED, f"WBXML is not spoken here: send {CONTENT}, as DEFAULTENCODING of the account says")
    if kind not in ("", CONTENT, "application/vnd.syncml+xml"):
        raise ServiceFault(UNSUPPORTED, f"a management session speaks {CONTENT}")
    message = syncml_xml.parse(incoming.body, LARGEST)
    if not message.header.source:
        raise Malformed("the message does not say who sends it")
    return message


def _plain_name(source: str) -> str:
    """What a client calls itself, without the scheme that some put before it ("imei:...")."""
    scheme, colon, rest = source.partition(":")
    return rest if colon and scheme.casefold() in ("imei", "uuid", "urn", "guid") else source


def _enrolment(incoming: Incoming, desk: Desk, named: str) -> str:
    """The enrolment that asks; one that left no record is found by its id, which the client may write without dashes."""
    found = clients.enrolment_of(incoming, desk, named)
    if found != named:
        return found
    wanted = named.replace("-", "").upper()
    return next((one for one in desk.enrolments() if one.replace("-", "").upper() == wanted), named)


def _ask(incoming: Incoming, desk: Desk, talk: Conversation, header: dm.Header, enrolment: str) -> tuple[dm.Command, ...]:
    """The tenant's next commands. The first message that it hears of is number 1, whatever credentials cost before."""
    hidden = Hidden()
    if incoming.ours and incoming.headers.get(private.CALL, ""):
        hidden = private.unpack(incoming.headers[private.CALL], Hidden)
    number = int(header.message) if header.message.isdecimal() and len(header.message) < 6 else 1
    call = ManagementMessage(
        enrolment,
        session_number(header.session),
        max(2, number) if talk.begun else 1,
        (*talk.alerts, *hidden.alerts),
        talk.information,
        in_one(talk.statuses),
        talk.user_id or hidden.user_id,
    )
    answer = desk.answer(call, incoming)
    talk.begun, talk.alerts, talk.information, talk.statuses, talk.user_id = True, (), (), (), ""
    commands = answer.commands if incoming.ours else [_reachable(one, incoming) for one in answer.commands]
    return tuple(map(syncml_orders.written, commands))


def _reachable(command: Command, incoming: Incoming) -> Command:
    """A command whose job names packages that the client can fetch."""
    if command.verb != "Exec" or "https://" not in command.value:
        return command
    return structs.replace(command, value=content.within_reach(command.value, incoming))


def in_one(statuses: tuple[Status, ...]) -> tuple[Status, ...]:
    """One status for each command: what a Get found may have come later than its status, in pieces."""
    found: dict[int, Status] = {}
    for one in statuses:
        if one.command not in found or one.value is not None:
            found[one.command] = one
    return tuple(found.values())


def session_number(text: str) -> int:
    """A SessionID as a number: hexadecimal of two bytes; 0 for what is none."""
    try:
        return int(text, 16) if text.isalnum() and len(text) <= 8 else 0
    except ValueError:
        return 0


def _written(
    incoming: Incoming,
    header: dm.Header,
    talk: Conversation,
    statuses: list[dm.Element],
    commands: tuple[dm.Command, ...],
    credentials: dm.Credentials | None,
) -> Response:
    """The message, no larger than the client takes; what does not fit stays in the conversation."""
    ours = header.target or f"{incoming.base}{incoming.path}"
    head = dm.Header(header.session, header.message, header.source, ours, credentials=credentials)
    alerts = [dm.Command("Alert", "", dm.NEXT_MESSAGE)] if talk.part is not None else []
    taken = syncml_orders.numbers(commands)
    own = syncml_orders.with_free_numbers((*statuses, *alerts), taken)
    portion = syncml_chunks.fitting(head, own, commands, talk.largest, talk.continuing)
    if commands and not portion.elements:
        raise ServiceFault(TOO_SMALL, "a command does not fit into the messages that the client takes")
    sent = tuple(one for one in portion.elements if isinstance(one, dm.Command))
    if talk.part is None:
        talk.pending = tuple(one for one in portion.rest if isinstance(one, dm.Command))
        talk.continuing = portion.continuing
    if credentials is not None:
        talk.last = sent
    final = talk.part is None and not talk.pending
    body = syncml_xml.serialize(dm.Message(head, (*own, *sent), final))
    return Response(200, {"content-type": f"{CONTENT}; charset=utf-8"}, body)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """The status, and the reason as plain text for whoever looks at the traffic."""
    plain = {"content-type": "text/plain; charset=utf-8"}
    return Response(status_of(fault.code), plain, fault.reason.encode("utf-8", "replace"))


ROUTES = tuple(Route("POST", path, serve, refuse, "management", LARGEST) for path in PATHS)
