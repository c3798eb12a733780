"""Who is asking: the certificate that a connection showed, the enrolment it stands for, the user whose token came along.

A server that has TLS sees the certificate there. Over plain HTTP it is only asserted, in the header of RFC 9440, as behind a
proxy that ends TLS; such a server is for tests on one machine.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import private, tokens
from autopilot_agent.wire.authority import der, load_der, thumbprint
from autopilot_agent.wire.http import Desk, Incoming, Request, Response

if TYPE_CHECKING:
    from cryptography import x509

    from autopilot_agent.wire.wallet import Wallet

S = TypeVar("S", bound=msgspec.Struct)

FORBIDDEN = "0x80190193"
"""HTTP 403, as Windows shows it."""
CLIENT_CERT = "client-cert"
ENROLMENT, CERTIFICATE = "enrolment", "certificate"
"""Kinds of records: by the DeviceID of a device (upper case), and by the thumbprint of an MDM certificate (the DeviceID)."""


@lru_cache(maxsize=64)
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
    used = thumbprint(certificate)
    record = desk.records.get(CERTIFICATE, used)
    known = str(record["device_id"]) if record else ""
    if known and named and named != known and desk.records.get(ENROLMENT, named) is not None:
        raise ServiceFault(FORBIDDEN, "the certificate is of another device than the one that the message names")
    settle(desk, known, used)
    return known


def settle(desk: Desk, device_id: str, used: str) -> None:
    """A renewed certificate that is used for the first time takes the place of the old one, which is forgotten."""
    record = desk.records.get(ENROLMENT, device_id)
    if record is None or record.get("next") != used:
        return
    old = str(record["thumbprint"])
    desk.records.put(ENROLMENT, device_id, {**record, "thumbprint": used, "next": ""})
    desk.records.drop(CERTIFICATE, old)


def enrolment_of(incoming: Incoming, desk: Desk, named: str = "") -> str:
    """The id of the enrolment that asks (see ``device_id_of``); what the client calls itself where nothing is known of it."""
    record = desk.records.get(ENROLMENT, device_id_of(incoming, desk, named))
    return str(record["enrolment_id"]) if record else named


def user_token(wallet: Wallet, user_id: str, resource: str) -> Generator[Request, Response, str]:
    """The device's token of a user for a resource, renewed where it has expired; "" where that user never signed in here.

    "" too when Entra does not renew it any more. Raises ``ServiceFault`` when Entra cannot say.
    """
    from autopilot_agent.wire import device_grants, oauth

    known = wallet.users.get(user_id)
    if known is None:
        return ""
    if known.expires.get(resource, 0) > wallet.now:
        return known.access[resource]
    if "" in known.access:  # a token for everything: the sign-in was answered in this process
        return known.access[""]
    if not known.refresh:
        return ""
    if known.session:
        return (yield from device_grants.renew(wallet, user_id, resource))
    return (yield from oauth.renew(wallet, user_id, resource))


def device_token(wallet: Wallet) -> str:
    """The token that the device was given for its attestation; "" without one, and when it has expired."""
    return wallet.device_token if wallet.device_token_until > wallet.now else ""


def bearer_of(incoming: Incoming, desk: Desk, *audiences: str) -> dict[str, Any]:
    """The claims of the user's or the device's access token that came along; {} without one.

    Raises ``ServiceFault`` with HTTP 401 for a bad one, one of another kind (id, refresh), or one for another audience.
    """
    claims = tokens.bearer(incoming, desk.authority)
    if not claims:
        return {}
    if claims.get("use") not in ("access", "device"):
        raise ServiceFault(tokens.UNAUTHORIZED, "the token gives access to nothing")
    if audiences and claims.get("aud") not in audiences:
        raise ServiceFault(tokens.UNAUTHORIZED, "the token is for another service")
    return claims


def user_of(incoming: Incoming, desk: Desk) -> str:
    """Object id of the user whose bearer token came along; "" without. Raises ``ServiceFault`` with HTTP 401 for a bad one."""
    return str(bearer_of(incoming, desk).get("oid", ""))


def agreed(call: S, incoming: Incoming, claims: dict[str, Any]) -> S:
    """The call with the private fields of a device of ours, whose ``user_id`` must be the user of the token, if there is one.

    Raises ``ServiceFault`` with HTTP 401 where they differ.
    """
    if not incoming.ours:
        return call
    whole = private.restore_call(call, incoming.headers.get(private.CALL, ""))
    said, known = str(getattr(whole, "user_id", "")), str(claims.get("oid", ""))
    if claims and said != known:
        raise ServiceFault(tokens.UNAUTHORIZED, "the token is of another user than the one that the device names")
    return whole
