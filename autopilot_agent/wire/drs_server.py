"""The Device Registration Service, as a server speaks it: see ``drs`` for the device's side (protocols.md 4).

The certificate of the computer object, with which a hybrid device signs its SID, never comes over this wire; so the signature
is only looked at for its shape. Certificates come from the server's one authority, not from one called MS-Organization-Access.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.domain import RegisterHybridDevice
from autopilot_agent.service.entra import JoinDevice, LeaveDirectory, RegisterHelloKey
from autopilot_agent.wire import claims, clients, device_object, msa, oauth
from autopilot_agent.wire.authority import PublicKey, der, name_of, thumbprint
from autopilot_agent.wire.device_grants import DEVICE
from autopilot_agent.wire.device_object import base64_of, unbase64
from autopilot_agent.wire.drs import ADMINISTRATORS, DEVICE_PATH, HOST, HYBRID, JOIN, KEY_PATH, REGISTER
from autopilot_agent.wire.drs_errors import TENANT_UNKNOWN, UNAUTHENTICATED, refuse
from autopilot_agent.wire.http import Desk, Incoming, Response, Route, as_json

AUDIENCES = (claims.DRS, claims.DRS_APP)
LONGEST = 200
"""Characters of a name in a request."""


def discovery(incoming: Incoming, desk: Desk) -> Response:
    """Where devices register, all groups of both versions."""
    _version(incoming)
    name = incoming.parameters.get("domain", "")
    tenant = desk.tenant_of(name)
    if not tenant:
        raise ServiceFault(TENANT_UNKNOWN, "the tenant of the token is not known here", "F-22")
    registration, login = incoming.url(HOST, "/EnrollmentServer"), incoming.url(oauth.HOST, f"/{tenant}")
    return as_json(
        {
            "DeviceRegistrationService": {
                "RegistrationEndpoint": f"{registration}/DeviceEnrollmentWebService.svc",
                "RegistrationResourceId": claims.DRS,
                "ServiceVersion": "1.0",
            },
            "AuthenticationService": {
                "OAuth2": {"AuthCodeEndpoint": f"{login}/oauth2/authorize", "TokenEndpoint": f"{login}/oauth2/token"}
            },
            "IdentityProviderService": {"PassiveAuthEndpoint": f"{login}/wsfed"},
            "DeviceJoinService": {
                "JoinEndpoint": f"{registration}/device/",
                "JoinResourceId": claims.DRS,
                "ServiceVersion": "2.0",
            },
            "KeyProvisioningService": {
                "KeyProvisionEndpoint": f"{registration}/key/",
                "KeyProvisionResourceId": claims.DRS,
                "ServiceVersion": "1.0",
            },
        }
    )


def refuse_discovery(fault: ServiceFault, incoming: Incoming) -> Response:
    """An OAuth error, as the cloud writes it for a tenant that it does not know."""
    if fault.code != TENANT_UNKNOWN:
        return oauth.refuse(fault, incoming)
    name = incoming.parameters.get("domain", "")[:LONGEST]
    return oauth.refuse(ServiceFault("AADSTS90002", f"Tenant '{name}' not found."), incoming)


def join(incoming: Incoming, desk: Desk) -> Response:
    """Check token and request, join, issue the certificate."""
    _version(incoming)
    body = incoming.json()
    if body.get("JoinType") not in (JOIN, REGISTER):
        raise Malformed("this join type is not for a new device")
    key, transport = _keys(body)
    bearer = clients.bearer_of(incoming, desk, *AUDIENCES)
    attributes = body.get("attributes")
    ticket = claims.text(attributes, "MSA-DDID") if isinstance(attributes, dict) else ""
    known = msa.hardware(ticket, incoming, desk)
    call = JoinDevice(
        claims.text(bearer, "oid"),
        claims.text(bearer, "tid") or desk.tenant_of(),
        _name(body, "DeviceDisplayName"),
        _name(body, "OSVersion"),
        desk.registration_of_hash(known)[0] if known else "",
        device_token=incoming.headers.get("authorization", "")[7:] if bearer.get("use") == "device" else "",
        aik_certificate=_aik(body),
    )
    call = clients.agreed(call, incoming, bearer)
    joined = desk.answer(call, incoming)
    person = device_object.sid_of(call.user_id) if call.local_administrator else ""
    sids = [*joined.administrator_sids, *([person] if person else [])]
    answer = _registered(
        joined.device_id, call.user_id, key, transport, desk, joined=body["JoinType"] == JOIN,
        User={"Upn": claims.text(bearer, "upn")}, MembershipChanges=[{"LocalSID": ADMINISTRATORS, "AddSIDs": sids}],
    )  # fmt: skip
    return _echoed(answer, incoming)


def hybrid(incoming: Incoming, desk: Desk) -> Response:
    """Register a computer that the directory sync has brought."""
    _version(incoming)
    body = incoming.json()
    data = body.get("ServerAdJoinData")
    if body.get("JoinType") != HYBRID or not isinstance(data, dict):
        raise Malformed("the request is not that of a hybrid device")
    identity = data.get("ClientIdentity")
    if not isinstance(identity, dict) or identity.get("Type") != "sha256signed" or not claims.text(identity, "Sid"):
        raise Malformed("the computer does not sign who it is")
    unbase64(identity.get("SignedBlob"), "the signature of the computer")
    key, transport = _keys({**data, **body})
    whole = {**body, **data}
    call = RegisterHybridDevice(
        incoming.parameters["device_id"],
        _name(whole, "DeviceDisplayName"),
        _name(whole, "TargetDomain"),
        _name(whole, "OSVersion"),
    )
    found = desk.answer(call, incoming)
    return _echoed(_registered(found.device_id, "", key, transport, desk, joined=True), incoming)


def _echoed(answer: Response, incoming: Incoming) -> Response:
    """The answer with the request's id, where the client wants it back."""
    name = incoming.headers.get("client-request-id", "")[:LONGEST]
    if name.isascii() and name.isprintable() and incoming.headers.get("return-client-request-id", "").casefold() == "true":
        answer.headers["client-request-id"] = name
    return answer


def _registered(
    device_id: str, user_id: str, key: PublicKey, transport: str, desk: Desk, *, joined: bool, **more: Any
) -> Response:
    certificate = device_object.issue(desk.authority, key, device_id, user_id, desk.tenant_of(), joined=joined)
    mark = thumbprint(certificate)
    desk.records.put(DEVICE, device_id.casefold(), {"thumbprint": mark, "transport_key": transport, "user": user_id})
    return as_json({"Certificate": {"Thumbprint": mark, "RawBody": base64_of(der(certificate))}, **more})


def _keys(body: dict[str, Any]) -> tuple[PublicKey, str]:
    """The key to certify, and the transport key ("" where a client sends none). Raises ``Malformed``."""
    request = body.get("CertificateRequest")
    if not isinstance(request, dict) or str(request.get("Type", "")).casefold() != "pkcs10":
        raise Malformed("the request holds no certificate request")
    key = device_object.read_request(unbase64(request.get("Data"), "the certificate request"))
    transport = body.get("TransportKey")
    if transport is None:
        return key, ""
    blob = unbase64(transport, "the transport key")
    device_object.read_key_blob(blob)
    return key, base64_of(blob)


def _aik(body: dict[str, Any]) -> str:
    """The certificate of the attestation key: a text of ours, or whatever a client sends, as base64."""
    found = body.get("AikCertificate")
    if not isinstance(found, str) or not found:
        return ""
    try:
        return unbase64(found, "the certificate of the attestation key").decode()
    except UnicodeDecodeError:
        return found


def _name(body: dict[str, Any], name: str) -> str:
    return claims.text(body, name)[:LONGEST]


def _version(incoming: Incoming) -> None:
    """Every request names a version of the interface; raises ``Malformed`` without."""
    if not incoming.query.get("api-version"):
        raise Malformed("the request names no api-version")


def delete(incoming: Incoming, desk: Desk) -> Response:
    """Take a device out of the directory, by its own certificate; only a device of ours may come without one."""
    device_id = incoming.parameters["device_id"]
    certificate = clients.certificate_of(incoming, desk)
    if certificate is None and not incoming.ours:
        raise ServiceFault(UNAUTHENTICATED, "the connection shows no certificate of the device")
    if certificate is not None and name_of(certificate).casefold() != device_id.casefold():
        raise ServiceFault(clients.FORBIDDEN, "the certificate is of another device")
    if not incoming.ours and desk.records.get(DEVICE, device_id.casefold()) is None:
        raise ServiceFault("0x801C03F3", "there is no such device")
    desk.answer(LeaveDirectory(device_id), incoming)
    desk.records.drop(DEVICE, device_id.casefold())
    return Response(200)


def hello_key(incoming: Incoming, desk: Desk) -> Response:
    """Keep the public key of a Windows Hello container for the user of the token."""
    bearer = clients.bearer_of(incoming, desk, *AUDIENCES)
    if not bearer.get("oid") and not incoming.ours:
        raise ServiceFault(UNAUTHENTICATED, "the request carries no token of a user")
    blob = unbase64(incoming.json().get("kngc"), "the key")
    device_object.read_key_blob(blob)
    call = RegisterHelloKey(claims.text(bearer, "oid"), claims.text(bearer, "deviceid"))
    call = clients.agreed(call, incoming, bearer)
    desk.answer(call, incoming)
    name = sha256(blob).hexdigest()
    desk.records.put("hello", name, {"user": call.user_id, "device": call.device_id})
    return as_json({"kid": name, "upn": claims.text(bearer, "upn")})


def refuse_key(fault: ServiceFault, incoming: Incoming) -> Response:
    """The key resource puts its message one level deeper."""
    plain = refuse(fault, incoming)
    return as_json({**plain.json(), "error": {"code": "invalid_request", "message": fault.reason}}, plain.status)


ROUTES = (
    Route("GET", "/<domain>/Discover", discovery, refuse_discovery, "registration discovery"),
    Route("GET", "/<domain>/EnrollmentServer/contract", discovery, refuse_discovery, "registration discovery"),
    Route("GET", "/EnrollmentServer/contract", discovery, refuse_discovery, "registration discovery"),
    Route("POST", DEVICE_PATH, join, refuse, "join"),
    Route("PUT", f"{DEVICE_PATH}<device_id>", hybrid, refuse, "hybrid registration"),
    Route("DELETE", f"{DEVICE_PATH}<device_id>", delete, refuse, "delete"),
    Route("POST", KEY_PATH, hello_key, refuse_key, "Hello key", 100_000),
)
