"""The token endpoint of Entra (protocols.md 3.2): passwords, refresh tokens, and what a device signs with its own key."""

from __future__ import annotations

import re
from collections.abc import Generator
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.attestation import DeviceToken, GetDeviceToken
from autopilot_agent.service.entra import SignedIn, SignIn
from autopilot_agent.wire import claims, msa, tokens
from autopilot_agent.wire.http import (
    FORM,
    Desk,
    Flow,
    Flows,
    Incoming,
    Request,
    Response,
    Route,
    as_json,
    code_of,
    refused,
    status_of,
)
from autopilot_agent.wire.wallet import Tokens, Wallet

HOST = "login.microsoftonline.com"
URL = f"https://{HOST}/common/oauth2/token"
ANY_TENANT = ("common", "organizations")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ATTESTATION = "urn:autopilot-agent:grant-type:attestation"
"""A grant of our own: how an attested device gets its first token is not public."""
ATTESTATION_REFUSED = "0x801C03EA"
INTERACTION_REQUIRED = "0xCAA2000C"
DAY = 86_400
REFRESH_LIFETIME = 90 * DAY
CODE = re.compile(r"(AADSTS[0-9]{4,8}|0x[0-9A-Fa-f]{8}): ?")
ERRORS = {
    "AADSTS50076": "interaction_required",
    "AADSTS500121": "interaction_required",
    "AADSTS70003": "unsupported_grant_type",
    "AADSTS90002": "invalid_tenant",
    "AADSTS90014": "invalid_request",
    "AADSTS900144": "invalid_request",
}
"""The OAuth error of a code; all others are ``invalid_grant``. Which one Entra sends with each is partly an assumption."""


def token_request(fields: dict[str, str]) -> Request:
    """A request to the token endpoint; fields that are empty are left out."""
    body = urlencode({name: value for name, value in fields.items() if value})
    return Request("POST", URL, {"content-type": FORM, "accept": "application/json"}, body.encode())


def sign_in(call: SignIn, wallet: Wallet) -> Flow[SignedIn]:
    """Trade name and password for tokens of device registration; those of other services come by the refresh token."""
    fields = {"grant_type": "password", "client_id": claims.BROKER, "resource": claims.DRS, "scope": "openid"}
    response = yield token_request({**fields, "username": call.user_name, "password": call.password})
    if not response.good:
        raise decode_refusal(response)
    found = Tokens(password=call.password)
    take(found, response, claims.DRS, wallet.now)
    answer = claims.signed_in(found.claims)
    wallet.users[answer.user_id] = found
    return answer


def take(found: Tokens, response: Response, resource: str, now: int) -> None:
    """Keep what a token endpoint answered; ``now`` in virtual milliseconds. Raises ``Malformed``."""
    body = response.json()
    access = body.get("access_token")
    if not isinstance(access, str) or not claims.is_token(access):
        raise Malformed("the answer holds no access token")
    lifetime = str(body.get("expires_in", ""))
    seconds = int(lifetime) if lifetime.isdecimal() and len(lifetime) < 8 else tokens.LIFETIME
    said = _claims_in(access)
    if isinstance(body.get("id_token"), str):
        said.update(tokens.read(body["id_token"]))
    found.access[resource] = access
    found.expires[resource] = now + seconds * 1000
    found.refresh = claims.text(body, "refresh_token") or found.refresh
    found.claims = {**found.claims, **said}


def _claims_in(access: str) -> dict[str, Any]:
    """The claims of an access token; to its bearer it may be opaque."""
    try:
        return tokens.read(access)
    except Malformed:
        return {}


def renew(wallet: Wallet, user_id: str, resource: str) -> Generator[Request, Response, str]:
    """A token of a user for a resource by the refresh token; "" when Entra does not want it any more, and it is forgotten.

    Raises ``ServiceFault`` for any other refusal.
    """
    known = wallet.users[user_id]
    fields = {"grant_type": "refresh_token", "client_id": claims.BROKER, "resource": resource, "scope": "openid"}
    response = yield token_request({**fields, "refresh_token": known.refresh})
    if not response.good:
        fault = decode_refusal(response)
        if fault.code.startswith("AADSTS"):
            del wallet.users[user_id]
            return ""
        raise fault
    take(known, response, resource, wallet.now)
    return known.access[resource]


def get_device_token(call: GetDeviceToken, wallet: Wallet) -> Flow[DeviceToken]:
    """Present the attestation key's certificate and the device's ticket (the grant is our own)."""
    fields = {"grant_type": ATTESTATION, "client_id": claims.BROKER, "resource": claims.DRS, "tpm_version": call.tpm_version}
    ticket = msa.encoded(wallet.ticket) if wallet.ticket else ""
    response = yield token_request({**fields, "aik_certificate": call.aik_certificate, "msa_ddid": ticket})
    if not response.good:
        fault = decode_refusal(response)
        raise ServiceFault(ATTESTATION_REFUSED, fault.reason) if fault.code == code_of(400) else fault
    found = Tokens()
    take(found, response, claims.DRS, wallet.now)
    wallet.device_token, wallet.device_token_until = found.access[claims.DRS], found.expires[claims.DRS]
    said = found.claims
    return DeviceToken(wallet.device_token, claims.text(said, "tid"), claims.text(said, "mdm_enrollment_url"))


def decode_refusal(response: Response) -> ServiceFault:
    """The code of an OAuth error: an AADSTS number where there is one, else the HTTP status."""
    if response.status in (429, 503):
        return refused(response)
    try:
        body = response.json()
    except Malformed:
        return refused(response)
    lines = claims.text(body, "error_description").splitlines()
    said = lines[0][:300] if lines else ""
    found = CODE.match(said)
    if found is not None:
        return ServiceFault(found[1], said[found.end() :])
    numbers = body.get("error_codes")
    if isinstance(numbers, list) and numbers and isinstance(numbers[0], int) and 1000 <= numbers[0] < 10**8:
        return ServiceFault(f"AADSTS{numbers[0]}", said)
    if body.get("error") == "interaction_required":
        return ServiceFault(INTERACTION_REQUIRED, said)
    return refused(response, said)


def serve(incoming: Incoming, desk: Desk) -> Response:
    """Any grant, of the first version (``resource``) and the second (``scope``)."""
    from autopilot_agent.wire import device_grants

    tenant = incoming.parameters["tenant"]
    if tenant.casefold() not in ANY_TENANT and not desk.tenant_of(tenant):
        raise ServiceFault("AADSTS90002", f"Tenant '{tenant[:100]}' not found.")
    form = incoming.form()
    kind = needed(form, "grant_type")
    if kind == "srv_challenge":
        return as_json({"Nonce": device_grants.nonce(incoming, desk)})
    if kind == JWT_BEARER:
        return device_grants.serve(form, incoming, desk)
    client, resource = needed(form, "client_id"), resource_in(form)
    if kind == "password":
        found = desk.answer(SignIn(form.get("username", ""), form.get("password", "")), incoming)
        return grant(claims.person(found, incoming), client, resource, incoming, desk)
    if kind == "refresh_token":
        known = check_refresh(needed(form, "refresh_token"), incoming, desk)
        return grant(known, client, resource, incoming, desk)
    if kind == ATTESTATION:
        return _attested(form, resource, incoming, desk)
    raise ServiceFault("AADSTS70003", f"The grant type '{kind[:100]}' is not supported.")


def needed(form: dict[str, str], name: str) -> str:
    """A field that must be there; raises ``ServiceFault``."""
    found = form.get(name, "")
    if not found:
        raise ServiceFault("AADSTS900144", f"The request body must contain the following parameter: '{name}'.")
    return found


def resource_in(form: dict[str, str]) -> str:
    """What the token shall be for."""
    for one in form.get("scope", "").split():
        if one.endswith("/.default"):
            return one.removesuffix("/.default")
    return form.get("resource", "") or (claims.GRAPH if form.get("scope") else claims.DRS)


def check_refresh(token: str, incoming: Incoming, desk: Desk) -> dict[str, Any]:
    """The person of a refresh token; raises ``ServiceFault`` for one that is not good, or whose user is gone."""
    try:
        found = tokens.check(desk.authority, token, incoming.epoch, "refresh")
    except ServiceFault as fault:
        raise ServiceFault("AADSTS70000", f"The refresh token is not valid: {fault.reason}.") from None
    person = found.get("person")
    if not isinstance(person, dict):
        raise ServiceFault("AADSTS70000", "The refresh token stands for nobody.")
    if desk.tenant_of(claims.text(person, "tid")) and not desk.user_id_of(claims.text(person, "oid")):
        raise ServiceFault("AADSTS50034", "The user of the refresh token is not in the directory any more.")
    return person


def grant(person: dict[str, Any], client: str, resource: str, incoming: Incoming, desk: Desk) -> Response:
    """Access token, id token and refresh token of a person."""
    return as_json(granted(person, client, resource, incoming, desk))


def granted(person: dict[str, Any], client: str, resource: str, incoming: Incoming, desk: Desk) -> dict[str, Any]:
    """The members of such an answer. Times are texts in the first version, as Entra writes them."""
    tenant, epoch = claims.text(person, "tid"), incoming.epoch
    stamped = {**person, "iss": f"{tokens.ISSUER}{tenant}/", "ver": "1.0"}
    scope = claims.scope_of(resource)
    access = {**stamped, "use": "access", "aud": resource, "appid": client, "scp": scope}
    refresh = {"use": "refresh", "person": person}
    return {
        "token_type": "Bearer",
        "scope": scope,
        "expires_in": str(tokens.LIFETIME),
        "ext_expires_in": str(tokens.LIFETIME),
        "expires_on": str(epoch + tokens.LIFETIME),
        "not_before": str(epoch - 300),
        "resource": resource,
        "access_token": tokens.mint(desk.authority, access, epoch),
        "refresh_token": tokens.mint(desk.authority, refresh, epoch, REFRESH_LIFETIME),
        "id_token": tokens.mint(desk.authority, {**stamped, "use": "id", "aud": client}, epoch),
    }


def device_granted(said: dict[str, Any], resource: str, incoming: Incoming, desk: Desk) -> Response:
    """A token that stands for a device and for nobody else."""
    wanted = {**said, "use": "device", "aud": resource, "iss": f"{tokens.ISSUER}{said.get('tid', '')}/", "idtyp": "device"}
    token = tokens.mint(desk.authority, wanted, incoming.epoch)
    answer = {"token_type": "Bearer", "expires_in": str(tokens.LIFETIME), "resource": resource, "access_token": token}
    return as_json(answer)


def _attested(form: dict[str, str], resource: str, incoming: Incoming, desk: Desk) -> Response:
    known = msa.hardware(form.get("msa_ddid", ""), incoming, desk)
    registration, serial = desk.registration_of_hash(known) if known else ("", "")
    call = GetDeviceToken(registration, serial, form.get("aik_certificate", ""), form.get("tpm_version", ""))
    found = desk.answer(call, incoming)
    said = {"tid": found.tenant_id, "mdm_enrollment_url": claims.here(found.mdm_discovery_url, incoming)}
    return device_granted({name: value for name, value in said.items() if value}, resource, incoming, desk)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """An OAuth error: 400, or the status that the fault is."""
    code, status = fault.code, 400
    if code.startswith("0x8019"):
        status, code = status_of(code), ""
    error = ERRORS.get(code, "invalid_grant") if code else "invalid_request" if status < 500 else "server_error"
    body: dict[str, Any] = {"error": error, "error_description": f"{code}: {fault.reason}" if code else fault.reason}
    if code.startswith("AADSTS"):
        body["error_codes"] = [int(code[6:])]
    body["timestamp"] = formatdate(incoming.epoch, usegmt=True)
    body["correlation_id"] = incoming.headers.get("client-request-id", "")[:100]
    return as_json(body, status)


FLOWS: Flows = {SignIn: sign_in, GetDeviceToken: get_device_token}
ROUTES = tuple(Route("POST", f"/<tenant>/oauth2{version}/token", serve, refuse, "token", 200_000) for version in ("", "/v2.0"))
