"""Tokens that a device gets by its own key: nonces, device tokens, primary refresh tokens (protocols.md 3.2).

Not here: primary refresh tokens by a Windows Hello key, and their use as a cookie. Which AADSTS number goes with which refusal
of a signed request is partly an assumption.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Generator
from hashlib import sha256
from typing import Any

import jwt

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.domain import GetUserToken
from autopilot_agent.service.entra import SignedIn, SignIn
from autopilot_agent.wire import claims, oauth, session_keys, tokens
from autopilot_agent.wire.authority import load_der, name_of, thumbprint
from autopilot_agent.wire.device_object import base64_of, read_key_blob, unbase64
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, as_json
from autopilot_agent.wire.wallet import Credential, Tokens, Wallet

NONCE_LIFETIME = 300
PRT_LIFETIME = 14 * oauth.DAY
DEVICE, NONCE, PRT = "device", "nonce", "prt"
"""Kinds of records: a joined device by its id, a nonce that was used, the session key of a primary refresh token."""
UNTRUSTED = "AADSTS50155"
NOT_THERE = "AADSTS700003"
BAD_REQUEST = "AADSTS90013"


def get_user_token(call: GetUserToken, wallet: Wallet) -> Flow[SignedIn]:
    """Get a primary refresh token with the device's key. A device without its certificate can only say who it is."""
    shown = wallet.device
    fields = {"grant_type": oauth.JWT_BEARER, "windows_api_version": "2.2"}
    if shown is not None and name_of(shown.certificate) == call.device_id:
        known = (one for one in wallet.users.values() if claims.text(one.claims, "upn") == call.user_name)
        payload = {
            "grant_type": "password",
            "username": call.user_name,
            "password": next((one.password for one in known), ""),
            "scope": "openid aza ugs",
            "client_id": claims.WINDOWS_SIGN_IN,
            "client_info": "1",
            "request_nonce": (yield from challenge()),
        }
        fields["request"] = device_request(payload, shown)
    response = yield oauth.token_request(fields)
    if not response.good:
        raise oauth.decode_refusal(response)
    body, found = response.json(), Tokens()
    key = claims.text(body, "session_key_jwe")
    if key and wallet.transport is not None:
        found.session = NO_SESSION_KEY if wallet.replayed else session_keys.unwrapped(key, wallet.transport)
        found.refresh = claims.text(body, "refresh_token")
        found.claims = tokens.read(claims.text(body, "id_token"))
    else:
        oauth.take(found, response, claims.DRS, wallet.now)
    answer = claims.signed_in(found.claims)
    wallet.users[answer.user_id] = found
    return answer


NO_SESSION_KEY = bytes(32)
"""Stands for the session key of a recording, which nobody kept: what is signed with it is sent to nobody."""


def challenge() -> Generator[Request, Response, str]:
    """A nonce for the next signed request."""
    response = yield oauth.token_request({"grant_type": "srv_challenge"})
    if not response.good:
        raise oauth.decode_refusal(response)
    return claims.text(response.json(), "Nonce")


def device_request(payload: dict[str, Any], shown: Credential) -> str:
    """A request that the device's key signs; ``x5c`` is a text, as Windows writes it."""
    from autopilot_agent.wire.authority import der

    return jwt.encode(payload, shown.key, algorithm="RS256", headers={"x5c": base64_of(der(shown.certificate))})


def renew(wallet: Wallet, user_id: str, resource: str) -> Generator[Request, Response, str]:
    """A token of a user for a resource by the primary refresh token; "" when Entra does not want that any more."""
    known = wallet.users[user_id]
    payload = {
        "scope": "openid",
        "resource": resource,
        "request_nonce": (yield from challenge()),
        "refresh_token": known.refresh,
        "iss": "aad:brokerplugin",
        "grant_type": "refresh_token",
        "client_id": claims.BROKER,
        "aud": oauth.HOST,
    }
    context = sha256(wallet.new_id("context").encode()).digest()[: session_keys.CONTEXT]
    signed = session_keys.signed_request(payload, known.session, context)
    fields = {"grant_type": oauth.JWT_BEARER, "windows_api_version": "2.2", "request": signed}
    response = yield oauth.token_request(fields)
    if not response.good:
        fault = oauth.decode_refusal(response)
        if fault.code.startswith("AADSTS"):
            del wallet.users[user_id]
            return ""
        raise fault
    plain = response.body.startswith(b"{")
    if not plain and wallet.replayed:
        known.access[resource], known.expires[resource] = "recorded", wallet.now + 1000 * tokens.LIFETIME
        return known.access[resource]
    body = response.body if plain else session_keys.decrypted(response.body, known.session)
    kept = known.refresh
    oauth.take(known, Response(200, {}, body), resource, wallet.now)
    known.refresh = kept
    return known.access[resource]


def nonce(incoming: Incoming, desk: Desk) -> str:
    """A nonce that is good for five minutes and one request; only a used one is kept."""
    return tokens.mint(desk.authority, {"use": "nonce", "jti": secrets.token_hex(16)}, incoming.epoch, NONCE_LIFETIME)


def spend_nonce(payload: dict[str, Any], incoming: Incoming, desk: Desk) -> None:
    """Raises ``ServiceFault`` where the request's nonce is foreign, too old, or was used before."""
    try:
        found = tokens.check(desk.authority, claims.text(payload, "request_nonce"), incoming.epoch, "nonce")
    except ServiceFault as fault:
        raise ServiceFault(BAD_REQUEST, f"The request nonce is not valid: {fault.reason}.") from None
    name = claims.text(found, "jti")
    if desk.records.get(NONCE, name) is not None:
        raise ServiceFault(BAD_REQUEST, "The request nonce was used before.")
    desk.records.put(NONCE, name, {"until": found["exp"]})


def serve(form: dict[str, str], incoming: Incoming, desk: Desk) -> Response:
    """A signed request: by the device's key, or by a key of a primary refresh token."""
    text = form.get("request", "")
    if not text and incoming.ours:
        return _told(GetUserToken("", ""), form, incoming, desk)
    signed = session_keys.opened(oauth.needed(form, "request"))
    if signed.header.get("alg") == "HS256":
        return _by_session(text, signed, incoming, desk)
    device_id = _device_of(text, signed, desk)
    spend_nonce(signed.payload, incoming, desk)
    kind = claims.text(signed.payload, "grant_type")
    if kind == "device_token":
        said = {"deviceid": device_id, "tid": desk.tenant_of()}
        return oauth.device_granted(said, _resource(signed.payload), incoming, desk)
    if kind == "password":
        name = claims.text(signed.payload, "username")
        if incoming.ours:  # the domain has checked the password, which this device need not know
            found: SignedIn = desk.answer(GetUserToken(name, device_id), incoming)
        else:
            found = desk.answer(SignIn(name, claims.text(signed.payload, "password")), incoming)
        return _primary(claims.person(found, incoming), device_id, signed.payload, incoming, desk)
    if kind == "refresh_token":
        known = oauth.check_refresh(claims.text(signed.payload, "refresh_token"), incoming, desk)
        return _primary(known, device_id, signed.payload, incoming, desk)
    raise ServiceFault("AADSTS70003", f"The grant type '{kind[:100]}' of the signed request is not supported.")


def _told(call: GetUserToken, form: dict[str, str], incoming: Incoming, desk: Desk) -> Response:
    person = claims.person(desk.answer(call, incoming), incoming)
    return oauth.grant(person, claims.BROKER, oauth.resource_in(form), incoming, desk)


def _resource(payload: dict[str, Any]) -> str:
    return oauth.resource_in({name: claims.text(payload, name) for name in ("scope", "resource") if claims.text(payload, name)})


def _device_of(text: str, signed: session_keys.Signed, desk: Desk) -> str:
    """The joined device whose certificate signed a request; raises ``ServiceFault`` where there is none."""
    chain = signed.header.get("x5c")
    certificate = load_der(unbase64(chain[0] if isinstance(chain, list) and chain else chain, "the certificate"))
    if not desk.authority.issued(certificate) or not session_keys.signs(text, certificate.public_key(), "RS256"):
        raise ServiceFault(UNTRUSTED, "Device authentication failed: no certificate of this tenant signed the request.")
    device_id = name_of(certificate)
    record = desk.records.get(DEVICE, device_id.casefold())
    if record is None or record.get("thumbprint") != thumbprint(certificate):
        raise ServiceFault(NOT_THERE, "The device object was not found in the tenant.")
    return device_id


def _primary(person: dict[str, Any], device_id: str, payload: dict[str, Any], incoming: Incoming, desk: Desk) -> Response:
    record = desk.records.get(DEVICE, device_id.casefold()) or {}
    if not record.get("transport_key"):
        raise ServiceFault(UNTRUSTED, "The device was registered without a transport key.")
    key = read_key_blob(unbase64(record["transport_key"], "the transport key"))
    session, name = secrets.token_bytes(32), secrets.token_hex(16)
    desk.records.put(PRT, name, {"key": base64_of(session), "device": device_id})
    whole = {**person, "deviceid": device_id}
    refresh = {"use": "prt", "jti": name, "person": whole}
    client, tenant = claims.text(payload, "client_id") or claims.WINDOWS_SIGN_IN, claims.text(person, "tid")
    identity = {**whole, "use": "id", "aud": client, "iss": f"{tokens.ISSUER}{tenant}/"}
    info = base64.urlsafe_b64encode(f"{claims.text(person, 'oid')}.{tenant}".encode()).rstrip(b"=").decode()
    return as_json(
        {
            "token_type": "pop",
            "refresh_token": tokens.mint(desk.authority, refresh, incoming.epoch, PRT_LIFETIME),
            "refresh_token_expires_in": PRT_LIFETIME,
            "session_key_jwe": session_keys.wrapped(session, key),
            "id_token": tokens.mint(desk.authority, identity, incoming.epoch),
            "client_info": info,
            "device_tenant_id": desk.tenant_of(),
            "expires_in": str(PRT_LIFETIME),
        }
    )


def _by_session(text: str, signed: session_keys.Signed, incoming: Incoming, desk: Desk) -> Response:
    """The use of a primary refresh token: signed by a key derived from its session key, answered encrypted to another."""
    try:
        token = tokens.check(desk.authority, claims.text(signed.payload, "refresh_token"), incoming.epoch, "prt")
    except ServiceFault as fault:
        raise ServiceFault("AADSTS70000", f"The primary refresh token is not valid: {fault.reason}.") from None
    record = desk.records.get(PRT, claims.text(token, "jti"))
    if record is None or desk.records.get(DEVICE, str(record["device"]).casefold()) is None:
        raise ServiceFault(NOT_THERE, "The device object was not found in the tenant.")
    session = unbase64(record["key"], "the session key")
    version = 2 if signed.header.get("kdf_ver") in (2, "2") else 1
    key = session_keys.derived(session, session_keys.context_of(signed.header), signed.body, version)
    if not session_keys.signs(text, key, "HS256"):
        raise ServiceFault(UNTRUSTED, "The request is not signed by the session key of the primary refresh token.")
    spend_nonce(signed.payload, incoming, desk)
    person = token.get("person")
    if not isinstance(person, dict):
        raise Malformed("the primary refresh token stands for nobody")
    client = claims.text(signed.payload, "client_id") or claims.BROKER
    answer = oauth.granted(person, client, _resource(signed.payload), incoming, desk)
    return Response(200, {"content-type": "application/jose; charset=utf-8"}, session_keys.encrypted(answer, session))


FLOWS: Flows = {GetUserToken: get_user_token}
