"""The Device Registration Service, as a device speaks to it: discovery, join, hybrid registration, delete, Hello key (4)."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.domain import (
    ComputerObject,
    ConnectionPoint,
    HybridRegistered,
    ReadConnectionPoint,
    RegisterHybridDevice,
    WriteUserCertificate,
)
from autopilot_agent.service.entra import DeviceJoined, JoinDevice, LeaveDirectory, RegisterHelloKey
from autopilot_agent.wire import calls, claims, clients, device_object, msa
from autopilot_agent.wire.authority import load_der, moment, name_of, thumbprint
from autopilot_agent.wire.device_object import base64_of, unbase64
from autopilot_agent.wire.drs_errors import DISCOVERY_FAILED, TENANT_UNKNOWN, WRONG_DISCOVERY, decode_refusal
from autopilot_agent.wire.http import JSON, Flow, Flows, Request, Response, refused, with_query
from autopilot_agent.wire.wallet import Credential, Wallet

HOST = "enterpriseregistration.windows.net"
DEVICE_PATH, KEY_PATH = "/EnrollmentServer/device/", "/EnrollmentServer/key/"
ADMINISTRATORS = "S-1-5-32-544"
JOIN, REGISTER, HYBRID = 0, 4, 6
"""Join types."""
MOST_SIDS = 100
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
"""When the virtual time of a device begins."""
VERSION = "10.0.26100.1"


def headers(os_version: str = VERSION, **more: str) -> dict[str, str]:
    """What Windows' registration client sends with every request."""
    return {
        "user-agent": f"Dsreg/10.0 (Windows {os_version})",
        "ocp-adrs-client-name": "Dsreg",
        "ocp-adrs-client-version": os_version,
        "accept": "application/json",
        **more,
    }


def discover(wallet: Wallet, name: str) -> Generator[Request, Response, None]:
    """Ask where a tenant's devices register; the addresses stay in ``wallet.places``. Raises ``ServiceFault`` (0x801C)."""
    url = f"https://{HOST}/{quote(name, safe='')}/Discover?api-version=1.9"
    response = yield Request("GET", url, headers())
    if response.status in (429, 503):
        raise refused(response)
    if not response.good:
        unknown = b"AADSTS90002" in response.body or b"invalid_tenant" in response.body
        raise ServiceFault(TENANT_UNKNOWN if unknown else DISCOVERY_FAILED, f"HTTP {response.status} at the discovery")
    try:
        wallet.places.update(decode_discovery(response.json()))
    except Malformed as error:
        raise ServiceFault(WRONG_DISCOVERY, str(error)) from None


def decode_discovery(body: dict[str, Any]) -> dict[str, str]:
    """Addresses and resources of join and keys. Raises ``Malformed`` where the join has none, or one that is no address."""
    found: dict[str, str] = {}
    for group, prefix, place in (
        ("DeviceJoinService", "Join", "join"),
        ("KeyProvisioningService", "KeyProvision", "key"),
    ):
        said = body.get(group)
        said = said if isinstance(said, dict) else {}
        url, resource = claims.text(said, f"{prefix}Endpoint"), claims.text(said, f"{prefix}ResourceId")
        if url:
            if not claims.is_address(url):
                raise Malformed("the discovery names an address that is none")
            found[place], found[f"{place} resource"] = url, resource or claims.DRS
    if "join" not in found:
        raise Malformed("the discovery names no address to join at")
    return found


def join(call: JoinDevice, wallet: Wallet) -> Flow[DeviceJoined]:
    """Discover, make keys, send the request; the certificate and its key stay in the wallet."""
    known = wallet.users.get(call.user_id)
    domain = claims.text(known.claims, "upn").rpartition("@")[2] if known is not None else ""
    yield from discover(wallet, call.tenant_id)
    if call.user_id:
        bearer = yield from clients.user_token(wallet, call.user_id, wallet.places["join resource"])
    else:
        bearer = clients.device_token(wallet) or ("" if wallet.private else call.device_token)
    key, transport = wallet.new_key("device"), wallet.new_key("transport")
    body = _common(key, transport, domain or call.tenant_id, call.os_version, call.device_name)
    if call.aik_certificate:
        body["AikCertificate"] = base64_of(call.aik_certificate.encode())
    body["JoinType"] = JOIN
    body["attributes"] = {
        **({"MSA-DDID": msa.encoded(wallet.ticket)} if wallet.ticket else {}),
        "ReuseDevice": "true",
        "ReturnClientSid": "true",
    }
    more = {"authorization": f"Bearer {bearer}"} if bearer else {}
    response = yield _request("POST", wallet.places["join"], call.os_version, body, wallet, more)
    answer = _take_certificate(response, wallet, key, transport)
    person = device_object.sid_of(call.user_id)
    sids = tuple(one for one in _administrators(answer) if one != person)
    device = wallet.device
    assert device is not None
    role = known is not None and claims.administers(known.claims)
    return DeviceJoined(name_of(device.certificate), thumbprint(device.certificate), sids, role)


def _common(key: rsa.RSAPrivateKey, transport: rsa.RSAPrivateKey, domain: str, os_version: str, name: str) -> dict[str, Any]:
    """The members that every request begins with, in the order of Windows."""
    return {
        "CertificateRequest": {"Type": "pkcs10", "Data": base64_of(device_object.certificate_request(key))},
        "TransportKey": base64_of(device_object.key_blob(transport.public_key())),
        "TargetDomain": domain,
        "DeviceType": "Windows",
        "OSVersion": os_version,
        "DeviceDisplayName": name,
    }


def _request(method: str, url: str, os_version: str, body: dict[str, Any], wallet: Wallet, more: dict[str, str]) -> Request:
    said = {"content-type": JSON, "client-request-id": wallet.new_guid("registration"), "return-client-request-id": "true"}
    whole = with_query(url, **{"api-version": "2.0"})
    return Request(method, whole, headers(os_version, **said, **more), msgspec.json.encode(body))


def _take_certificate(
    response: Response, wallet: Wallet, key: rsa.RSAPrivateKey, transport: rsa.RSAPrivateKey
) -> dict[str, Any]:
    """Keep the certificate of an answer. Raises ``Malformed`` for one that is not for the device's key."""
    if not response.good:
        raise decode_refusal(response)
    body = response.json()
    found = body.get("Certificate")
    raw = found.get("RawBody") if isinstance(found, dict) else None
    certificate = load_der(unbase64(raw, "the certificate of the answer"))
    try:
        same = certificate.public_key() == key.public_key()
    except Exception as error:  # the library raises several types for keys it cannot read
        raise Malformed(f"the certificate's key cannot be read: {error}") from None
    if not (same or wallet.replayed) or not name_of(certificate):
        raise Malformed("the certificate is not for the key of this device, or names no device")
    wallet.device, wallet.transport = Credential(certificate, key), transport
    return body


def _administrators(body: dict[str, Any]) -> list[str]:
    """The SIDs that the answer adds to the local administrators."""
    changes = body.get("MembershipChanges")
    found: list[str] = []
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, dict) and change.get("LocalSID") == ADMINISTRATORS:
            added = change.get("AddSIDs")
            found += [one for one in added if isinstance(one, str)] if isinstance(added, list) else []
    return found[:MOST_SIDS]


def read_connection_point(call: ReadConnectionPoint, wallet: Wallet) -> Flow[ConnectionPoint]:
    """Ask Active Directory, and remember which tenant this forest's computers register in."""
    answer: ConnectionPoint = yield from calls.ask(call, wallet)  # type: ignore[assignment]  # ask knows the call's answer
    wallet.places["tenant"] = answer.tenant_domain or answer.tenant_id
    return answer


def write_user_certificate(call: WriteUserCertificate, wallet: Wallet) -> Flow[ComputerObject]:
    """Ask Active Directory, and remember the computer's SID, which the registration signs."""
    answer: ComputerObject = yield from calls.ask(call, wallet)  # type: ignore[assignment]  # ask knows the call's answer
    wallet.places["computer sid"] = answer.sid
    return answer


def register_hybrid(call: RegisterHybridDevice, wallet: Wallet) -> Flow[HybridRegistered]:
    """Register a computer that the directory sync knows: no token, but a signed statement of the computer's SID."""
    yield from discover(wallet, wallet.places.get("tenant") or call.domain)
    key, transport = wallet.new_key("device"), wallet.new_key("transport")
    body = _common(key, transport, call.domain, call.os_version, call.computer_name)
    when = BEGINNING + timedelta(milliseconds=wallet.now) if wallet.private else moment()
    sid = f"{wallet.places.get('computer sid', '')}.{when:%Y-%m-%d %H:%M:%SZ}"
    body["ServerAdJoinData"] = {
        **{name: body[name] for name in ("TransportKey", "TargetDomain", "DeviceType", "OSVersion", "DeviceDisplayName")},
        "SourceDomainController": f"dc1.{call.domain}",
        "TargetDomainId": wallet.places.get("tenant", ""),
        "ClientIdentity": {
            "Type": "sha256signed",
            "Sid": sid,
            "SignedBlob": base64_of(key.sign(sid.encode(), PKCS1v15(), hashes.SHA256())),
        },
    }
    body["JoinType"] = HYBRID
    body["Hostnames"] = [f"{call.computer_name}.{call.domain}"]
    body["attributes"] = {"ReuseDevice": "true", "ReturnClientSid": "true"}
    url = f"{wallet.places['join'].rstrip('/')}/{quote(call.device_id, safe='')}"
    _take_certificate((yield _request("PUT", url, call.os_version, body, wallet, {})), wallet, key, transport)
    device = wallet.device
    assert device is not None
    return HybridRegistered(name_of(device.certificate), thumbprint(device.certificate))


def leave(call: LeaveDirectory, wallet: Wallet) -> Flow[Done]:
    """Delete the device's own object, with its own certificate where it holds one."""
    device = wallet.device
    shown = "device" if device is not None and name_of(device.certificate) == call.device_id else ""
    base = wallet.places.get("join", f"https://{HOST}{DEVICE_PATH}").rstrip("/")
    url = f"{base}/{quote(call.device_id, safe='')}?api-version=1.0"
    response = yield Request("DELETE", url, headers(), certificate=shown)
    if not response.good:
        raise decode_refusal(response)
    if shown:
        wallet.device = wallet.transport = None
    return Done()


def register_hello_key(call: RegisterHelloKey, wallet: Wallet) -> Flow[Done]:
    """Send the public key of a Windows Hello container in the user's name."""
    bearer = yield from clients.user_token(wallet, call.user_id, wallet.places.get("key resource") or claims.DRS)
    blob = device_object.key_blob(wallet.new_key("hello").public_key())
    more = {"authorization": f"Bearer {bearer}"} if bearer else {}
    url = with_query(wallet.places.get("key") or f"https://{HOST}{KEY_PATH}", **{"api-version": "1.0"})
    body = msgspec.json.encode({"kngc": base64_of(blob)})
    response = yield Request("POST", url, headers(**{"content-type": JSON}, **more), body)
    if not response.good:
        raise decode_refusal(response)
    if not claims.text(response.json(), "kid"):
        raise Malformed("the answer names no key")
    return Done()


FLOWS: Flows = {
    JoinDevice: join,
    LeaveDirectory: leave,
    RegisterHelloKey: register_hello_key,
    RegisterHybridDevice: register_hybrid,
    ReadConnectionPoint: read_connection_point,
    WriteUserCertificate: write_user_certificate,
}
