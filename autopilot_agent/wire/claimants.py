"""Who enrols: the token or password in the Security header, checked by a server (protocols.md 7.4, 18.2)."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import members, soap, tokens
from autopilot_agent.wire.http import Desk, Incoming
from autopilot_agent.wire.soap_faults import AUTHENTICATION, SECURITY

PAGE_TOKEN = "enrolment"
"""The kind of token that the sign-in page gives out."""
LONGEST = 300


class Claimant(msgspec.Struct, frozen=True):
    """Whose device it will be. ``user_id`` is "" for a device that enrols by itself, ``device_id`` Entra's id of the device."""

    user_id: str = ""
    user_name: str = ""
    device_id: str = ""
    tenant_id: str = ""


def claimant_of(credentials: soap.Credentials, incoming: Incoming, desk: Desk) -> Claimant:
    """Who a request comes from. A device of ours may bring nothing: its private fields say it.

    Raises ``ServiceFault``: 0x80180002 for a token or password that is not good, 0x80180007 for none.
    """
    if credentials.token:
        return _by_token(credentials, incoming, desk)
    if credentials.name:
        try:
            user_id = desk.check_password(credentials.name, credentials.password)
        except ServiceFault as fault:
            raise ServiceFault(AUTHENTICATION, fault.reason, fault.rule) from None
        return Claimant(user_id, credentials.name)
    if incoming.ours:
        return Claimant()
    raise ServiceFault(SECURITY, "the message has no token and no password")


def _by_token(credentials: soap.Credentials, incoming: Incoming, desk: Desk) -> Claimant:
    fleet = _fleet_name(credentials.token) if credentials.kind == soap.USER_TOKEN else None
    if fleet is not None:
        name = fleet if desk.user_id_of(fleet) else desk.somebody()
        return Claimant(desk.user_id_of(name), name)
    try:
        claims = tokens.check(desk.authority, credentials.token.decode("ascii").strip(), incoming.epoch)
    except UnicodeDecodeError:
        raise ServiceFault(AUTHENTICATION, "the token is no JWT") from None
    except ServiceFault as fault:
        raise ServiceFault(AUTHENTICATION, fault.reason) from None
    if claims.get("use") not in ("access", "device", PAGE_TOKEN):
        raise ServiceFault(AUTHENTICATION, "the token is of a kind that enrols nobody")
    device_id = _said(claims, "deviceid")
    if claims.get("use") == "device":
        return Claimant("", "", device_id, _said(claims, "tid"))
    user_id = _said(claims, "oid")
    if not user_id:
        raise ServiceFault(AUTHENTICATION, "the token does not say whose it is")
    return Claimant(user_id, _said(claims, "upn") or _said(claims, "unique_name"), device_id, _said(claims, "tid"))


def _fleet_name(token: bytes) -> str | None:
    """What a token of Fleet's own kind holds, a key or a token of its own that means nothing here; None for another kind."""
    try:
        found = members.decode(token)
    except Malformed:
        return None
    payload = found.get("payload") if isinstance(found, dict) else None
    if not isinstance(payload, dict):
        return None
    return _said(payload, "auth_token") or _said(payload, "orbit_node_key")


def _said(claims: dict[str, Any], name: str) -> str:
    found = claims.get(name)
    return found[:LONGEST] if isinstance(found, str) else ""
