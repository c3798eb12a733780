"""Calls that have no HTTP protocol of their own (LDAP, Kerberos, NTP, VPN, TPM vendors ...), as JSON over a private route.

Only a device of ours asks there. The body is the call, the answer its answer, both with the field names of the Structs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service import CALLS
from autopilot_agent.service.base import Answer, Call
from autopilot_agent.wire.http import Desk, Flow, Incoming, Request, Response, Route, as_json, refused, status_of
from autopilot_agent.wire.nesting import TOO_DEEP, too_deep
from autopilot_agent.wire.private import answer_kind
from autopilot_agent.wire.wallet import Wallet

HOST = "autopilot-agent"
PATH = "/autopilot-agent/calls/"


def ask(call: Call[Any], wallet: Wallet) -> Flow[Answer]:
    """Send a call as it is."""
    response = yield Request(
        "POST",
        f"https://{HOST}{PATH}{type(call).__name__}",
        {"content-type": "application/json"},
        msgspec.json.encode(call),
    )
    if not response.good:
        raise refused(response)
    try:
        return msgspec.json.decode(response.body, type=answer_kind(type(call)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the answer cannot be read: {error}") from None


def serve(incoming: Incoming, desk: Desk) -> Response:
    """Answer any call by its name."""
    kind = CALLS.get(incoming.parameters["name"])
    if kind is None:
        return Response(404)
    if too_deep(incoming.body):
        raise Malformed(f"the call cannot be read: {TOO_DEEP}")
    try:
        call = msgspec.json.decode(incoming.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the call cannot be read: {error}") from None
    return as_json(desk.answer(call, incoming))


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """The status, and nothing else: the private header says the rest."""
    return Response(status_of(fault.code))


ROUTES = (Route("POST", f"{PATH}<name>", serve, refuse, "call"),)
