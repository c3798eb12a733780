"""The device's ticket for the Autopilot service, from the account service (protocols.md 2.1).

The two SOAP requests are known by their names and by the facts they carry, not by their exact schema (grade I); the ticket is
opaque to the device. Here it is a signed token, so that a server needs no list of the tickets it gave out; names and passwords
of devices are kept as long as there is room.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from hmac import compare_digest

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.network import GetDeviceTicket
from autopilot_agent.wire import safe_xml, tokens
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, refused, status_of
from autopilot_agent.wire.wallet import Wallet

HOST = "login.live.com"
ADD = "/ppsecure/deviceaddcredential.srf"
TICKET = "/RST2.srf"
AUDIENCE = "ztd.dds.microsoft.com"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
TRUST = "http://schemas.xmlsoap.org/ws/2005/02/trust"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
PREFIXES = {"s": SOAP, "wst": TRUST, "wsse": SECEXT}
XML = "application/soap+xml; charset=utf-8"
LARGEST = 32_000
"""Characters that a ticket may have."""
LONGEST_NAME = 200
MEMBER = "member"
"""Kind of records: devices by the name that they made for themselves."""
DAYS = 86_400


def get_ticket(call: GetDeviceTicket, wallet: Wallet) -> Flow[Done]:
    """Add the device's credential, then ask for the ticket of the Autopilot service."""
    name, password = f"02{wallet.new_id('member').lower()[:18]}", wallet.new_id("member password")
    root = safe_xml.element("DeviceAddRequest")
    proof = safe_xml.sub(root, "Authentication")
    safe_xml.sub(proof, "Membername", name)
    safe_xml.sub(proof, "Password", password)
    info = safe_xml.sub(root, "DeviceInfo", Id="DeviceInfo")
    safe_xml.sub(info, "Component", call.hardware_hash, name="HardwareHash")
    added = yield Request("POST", f"https://{HOST}{ADD}", {"content-type": XML}, safe_xml.serialize(root))
    if not added.good:
        raise refused(added)
    if safe_xml.text(safe_xml.child(safe_xml.parse(added.body), "success")) != "true":
        raise Malformed("the answer does not say that the device was added")
    envelope = safe_xml.element(f"{{{SOAP}}}Envelope", PREFIXES)
    header = safe_xml.sub(envelope, f"{{{SOAP}}}Header")
    token = safe_xml.sub(safe_xml.sub(header, f"{{{SECEXT}}}Security"), f"{{{SECEXT}}}UsernameToken")
    safe_xml.sub(token, f"{{{SECEXT}}}Username", name)
    safe_xml.sub(token, f"{{{SECEXT}}}Password", password)
    wanted = safe_xml.sub(safe_xml.sub(envelope, f"{{{SOAP}}}Body"), f"{{{TRUST}}}RequestSecurityToken")
    safe_xml.sub(wanted, "AppliesTo", AUDIENCE)
    answered = yield Request("POST", f"https://{HOST}{TICKET}", {"content-type": XML}, safe_xml.serialize(envelope))
    if not answered.good:
        raise refused(answered)
    found = [one for one in safe_xml.parse(answered.body).iter() if safe_xml.local(one) == "BinarySecurityToken"]
    if not found:
        raise Malformed("the answer holds no ticket")
    ticket = safe_xml.text(found[0]).strip()
    if not ticket.isascii() or not ticket.isprintable() or len(ticket) > LARGEST:
        raise Malformed("the ticket cannot stand in a header")
    wallet.ticket = ticket
    return Done()


def add(incoming: Incoming, desk: Desk) -> Response:
    """Take down the name and password that the device made for itself, and what it says of its hardware."""
    root = safe_xml.parse(incoming.body)
    name, password = _named(root, "Membername"), _named(root, "Password")
    if not name or not password:
        raise Malformed("the request names no member, or no password")
    components = {one.get("name", ""): safe_xml.text(one) for one in root.iter() if safe_xml.local(one) == "Component"}
    kept = {"password": _digest(password), "hash": components.get("HardwareHash", "")}
    desk.records.put(MEMBER, name.casefold(), kept)
    puid = int(_digest(name)[:15], 16)
    answer = safe_xml.element("DeviceAddResponse", Success="true")
    safe_xml.sub(answer, "success", "true")
    safe_xml.sub(answer, "puid", f"{puid:016X}")
    safe_xml.sub(answer, "GlobalDeviceId", f"g:{puid}")
    return Response(200, {"content-type": XML}, safe_xml.serialize(answer))


def ticket(incoming: Incoming, desk: Desk) -> Response:
    """The ticket for the service that is asked for; a wrong name or password is HTTP 401."""
    root = safe_xml.parse(incoming.body)
    known = desk.records.get(MEMBER, _named(root, "Username").casefold())
    if known is None or not compare_digest(str(known["password"]), _digest(_named(root, "Password"))):
        raise ServiceFault(tokens.UNAUTHORIZED, "the device is not known by this name and password")
    desk.answer(GetDeviceTicket(str(known.get("hash", ""))), incoming)
    token = tokens.mint(desk.authority, {"use": "ticket", "hash": known.get("hash", "")}, incoming.epoch, 10 * DAYS)
    envelope = safe_xml.element(f"{{{SOAP}}}Envelope", PREFIXES)
    answer = safe_xml.sub(safe_xml.sub(envelope, f"{{{SOAP}}}Body"), f"{{{TRUST}}}RequestSecurityTokenResponse")
    wrapped = safe_xml.sub(answer, f"{{{TRUST}}}RequestedSecurityToken")
    safe_xml.sub(wrapped, f"{{{SECEXT}}}BinarySecurityToken", f"t={token}&p=")
    return Response(200, {"content-type": XML}, safe_xml.serialize(envelope))


def _named(root: safe_xml.Element, name: str) -> str:
    return next((safe_xml.text(one).strip() for one in root.iter() if safe_xml.local(one) == name), "")[:LONGEST_NAME]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def hash_in(ticket_text: str, desk: Desk, epoch: int) -> str:
    """The hardware hash that a ticket stands for; raises ``ServiceFault`` with HTTP 401 for a foreign ticket."""
    token = ticket_text.removeprefix("t=").partition("&")[0]
    return str(tokens.check(desk.authority, token, epoch, "ticket").get("hash", ""))


def hardware(ddid: str, incoming: Incoming, desk: Desk) -> str:
    """The hardware hash behind an ``MSA-DDID``; "" for what is no ticket of this server: it links a join, it proves nothing."""
    try:
        return hash_in(base64.b64decode(ddid, validate=True).decode(), desk, incoming.epoch) if ddid else ""
    except (ValueError, ServiceFault):
        return ""


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """A plain status: nothing is known of this service's own errors."""
    return Response(status_of(fault.code))


def encoded(ticket_text: str) -> str:
    """The ticket as the join carries it: ``MSA-DDID`` (protocols.md 4.2)."""
    return base64.b64encode(ticket_text.encode()).decode()


FLOWS: Flows = {GetDeviceTicket: get_ticket}
ROUTES = (
    Route("POST", ADD, add, refuse, "deviceaddcredential"),
    Route("POST", TICKET, ticket, refuse, "device ticket"),
)
