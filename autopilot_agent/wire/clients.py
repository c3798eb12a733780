"""Who is asking: the certificate that a connection showed, the enrolment it stands for, the user whose token came along.

A server that has TLS sees the certificate there. Over plain HTTP it is only asserted, in the header of RFC 9440, as behind a
proxy that ends TLS; such a server is for tests on one machine.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from typing import TYPE_CHECKING

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import tokens
from autopilot_agent.wire.authority import der, load_der, thumbprint
from autopilot_agent.wire.http import Desk, Incoming, Request, Response

if TYPE_CHECKING:
    from cryptography import x509

    from autopilot_agent.wire.wallet import Wallet

FORBIDDEN = "0x80190193"
"""HTTP 403, as Windows shows it."""
CLIENT_CERT = "client-cert"
ENROLMENT, CERTIFICATE = "enrolment", "certificate"
"""Kinds of records: by the DeviceID of a device (upper case), and by the thumbprint of an MDM certificate (the DeviceID)."""


def shown_header(certificate: x509.Certificate) -> str:
    """A certificate as the header of RFC 9440."""
    return f":{base64.b64encode(der(certificate)).decode()}:"


def certificate_of(incoming: Incoming, desk: Desk) -> x509.Certificate | None:
    """The client's certificate, None without one. Raises ``ServiceFault`` with HTTP 403 for one that was not issued here."""
    data = incoming.certificate
    if not data and incoming.base.startswith("http:"):
        asserted = incoming.headers.get(CLIENT_CERT, "")
        try:
            data = base64.b64decode(asserted.strip(":"), validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("the Client-Cert header is no base64") from None
    if not data:
        return None
    found = load_der(data)
    if not desk.authority.issued(found):
        raise ServiceFault(FORBIDDEN, "the certificate was not issued here, or is not valid any more")
    return found


def device_id_of(incoming: Incoming, desk: Desk, named: str = "") -> str:
    """The DeviceID of the enrolled device that asks: by its MDM certificate, else by the name it gives itself.

    "" for nobody known. Raises ``ServiceFault`` with HTTP 403 when the certificate is of another device than the one named.
    """
    certificate = certificate_of(incoming, desk)
    named = named.replace("-", "").upper()
    if certificate is None:
        return named if desk.records.get(ENROLMENT, named) else ""
    record = desk.records.get(CERTIFICATE, thumbprint(certificate))
    known = str(record["device_id"]) if record else ""
    if known and named and named != known and desk.records.get(ENROLMENT, named) is not None:
        raise ServiceFault(FORBIDDEN, "the certificate is of another device than the one that the message names")
    return known


def enrolment_of(incoming: Incoming, desk: Desk, named: str = "") -> str:
    """The id of the enrolment that asks (see ``device_id_of``); what the client calls itself where nothing is known of it."""
    record = desk.records.get(ENROLMENT, device_id_of(incoming, desk, named))
    return str(record["enrolment_id"]) if record else named


def user_token(wallet: Wallet, user_id: str, resource: str) -> Generator[Request, Response, str]:
    """The device's token of a user for a resource, renewed where it has expired; "" where that user never signed in here."""
    known = wallet.users.get(user_id)
    yield from ()  # a flow, for the time when a token has to be renewed
    return "" if known is None else known.access.get(resource, "") or known.access.get("", "")


def user_of(incoming: Incoming, desk: Desk) -> str:
    """Object id of the user whose bearer token came along; "" without. Raises ``ServiceFault`` with HTTP 401 for a bad one."""
    return str(tokens.bearer(incoming, desk.authority).get("oid", ""))
