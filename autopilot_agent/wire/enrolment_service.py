"""The enrolment service of a served tenant: reads a RequestSecurityToken, issues the certificate, writes the document."""

from __future__ import annotations

import base64
import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.enrolment import EnrollMdm
from autopilot_agent.wire import asn1, clients, pkcs10, provisioning, renewal, soap, soap_faults, wstep
from autopilot_agent.wire.authority import PublicKey, common_name, thumbprint
from autopilot_agent.wire.claimants import Claimant, claimant_of
from autopilot_agent.wire.http import Desk, Incoming, Response, Route
from autopilot_agent.wire.soap_faults import CERTIFICATE_REQUEST, INVALID_DATA, MESSAGE_FORMAT

if TYPE_CHECKING:
    from cryptography import x509

STATELESS_PATH = "/StatelessEnrollmentService/DeviceEnrollment.svc"
PATHS = (
    "/EnrollmentServer/DeviceEnrollmentWebService.svc",
    STATELESS_PATH,
    "/api/mdm/microsoft/enroll",
)
NEEDED = ("EnrollmentType", "DeviceID", "HWDevID", "OSEdition", "OSVersion", "DeviceType", "DeviceName", "ApplicationVersion")
"""Context items without which nobody is enrolled; other servers want these as well (protocols.md 18.2)."""
_DEVICE_ID = re.compile(r"[0-9A-Z._:]{1,64}")
_OS_VERSION = re.compile(r"\d{1,5}(\.\d{1,5}){2,3}")
LONGEST = 256
"""Characters of a name that is kept."""
OIDS = "1.2.840.113556.5."
"""Arc of the private extensions in a certificate of Intune (protocols.md 9.5)."""


def serve(incoming: Incoming, desk: Desk) -> Response:
    """Enrol a device, or renew its certificate."""
    envelope = soap.read(incoming.body)
    asked = wstep.decode_request(envelope)
    if asked.request_type.rpartition("/")[2] == "Renew":
        document = renewal.answer(asked, incoming, desk)
    elif asked.request_type.rpartition("/")[2] == "Issue":
        claimant = claimant_of(envelope.credentials, incoming, desk)
        if envelope.credentials.there:
            clients.agreed(call_of(asked, claimant, desk), incoming, {"oid": claimant.user_id})
        document = enrol(asked, claimant, incoming, desk)
    else:
        raise ServiceFault(MESSAGE_FORMAT, "the message asks for something else than to issue or renew a certificate")
    body = wstep.encode_answer(document, envelope.message_id, incoming.epoch)
    return Response(200, {"content-type": soap.CONTENT_TYPE}, body)


def enrol(asked: wstep.TokenRequest, claimant: Claimant, incoming: Incoming, desk: Desk) -> bytes:
    """The provisioning document for a request; everything about it is checked before the tenant hears of it.

    Raises ``ServiceFault``: 0x80180001 for items that are missing, 0x80180019 for wrong ones, 0x80180004 for the certificate
    request, and what the tenant refuses with.
    """
    call = call_of(asked, claimant, desk)
    request = read_request(asked.data)
    device_id = device_id_of(asked, request)
    found = desk.answer(call, incoming)
    store = provisioning.USER if asked.item("EnrollmentType").casefold() == "full" else provisioning.SYSTEM
    certificate = desk.authority.issue(
        request.public_key, common_name(found.ent_dm_id), extensions=extensions_of(found.ent_dm_id, claimant)
    )
    address = found.management_url
    if not incoming.ours:
        parts = urlsplit(address)
        address = incoming.url(parts.netloc, parts.path)
    account = provisioning.Account(
        found.provider_id, address, device_id, secrets.token_urlsafe(24), _nonce(), secrets.token_urlsafe(24), _nonce()
    )
    document = provisioning.build(desk.authority.certificate, certificate, account, found.settings, store, found.retries)
    keep(desk, found.enrolment_id, found.ent_dm_id, certificate, account, store)
    return document


def keep(
    desk: Desk, enrolment_id: str, ent_dm_id: str, certificate: x509.Certificate, account: provisioning.Account, store: str
) -> None:
    """Remember whose certificate this is. A DeviceID that enrols again has no use for its certificate of before."""
    device_id = account.client_name
    before = desk.records.get(clients.ENROLMENT, device_id)
    record = {
        "enrolment_id": enrolment_id,
        "thumbprint": thumbprint(certificate),
        "ent_dm_id": ent_dm_id,
        "provider_id": account.provider_id,
        "store": store,
        "client_name": device_id,
        "client_secret": account.client_secret,
        "client_nonce": account.client_nonce,
        "server_name": account.provider_id,
        "server_secret": account.server_secret,
        "server_nonce": account.server_nonce,
        "auth": desk.credentials or "DIGEST",
    }
    if before is not None and before["enrolment_id"] != enrolment_id:
        desk.forget_enrolment(str(before["enrolment_id"]))
    desk.records.put(clients.CERTIFICATE, thumbprint(certificate), {"device_id": device_id})
    desk.records.put(clients.ENROLMENT, device_id, record)
    for name in ("thumbprint", "next"):
        if before is not None and before.get(name):
            desk.records.drop(clients.CERTIFICATE, str(before[name]))


def call_of(asked: wstep.TokenRequest, claimant: Claimant, desk: Desk) -> EnrollMdm:
    """The call that context items and token amount to. Raises ``ServiceFault`` for missing or impossible items."""
    missing = [name for name in NEEDED if not asked.item(name)]
    if missing:
        raise ServiceFault(MESSAGE_FORMAT, f"context items are missing: {', '.join(missing)}")
    edition, os_version = asked.item("OSEdition"), asked.item("OSVersion")
    if not (edition.isascii() and edition.isdecimal() and len(edition) < 6):
        raise ServiceFault(INVALID_DATA, "OSEdition is no number")
    if not (os_version.isascii() and _OS_VERSION.fullmatch(os_version)):
        raise ServiceFault(INVALID_DATA, "OSVersion is no version")
    registration_id = asked.item("ZeroTouchProvisioning")
    serial_number = asked.item("SerialNumber") or (desk.serial_number_of(registration_id) if registration_id else "")
    terms = asked.item("EnrollmentData")
    hybrid = asked.true("WhiteGloveHybridJoin")
    return EnrollMdm(
        claimant.user_id,
        claimant.user_name,
        claimant.device_id,
        asked.item("DeviceName")[:LONGEST],
        registration_id,
        int(edition),
        os_version,
        serial_number[:LONGEST],
        asked.item("Manufacturer")[:LONGEST],
        asked.item("DeviceModel")[:LONGEST],
        "",
        not asked.true("NotInOobe"),
        "" if terms == "null" else terms,
        hybrid or asked.true("WhiteGlove"),
        hybrid or asked.true("BootstrapDomainJoin"),
        asked.item("OfflineAutoPilotEnrollmentCorrelator"),
    )


def read_request(data: bytes) -> pkcs10.CertificateRequest:
    """A certificate request; raises ``ServiceFault`` 0x80180004 for one that is not good."""
    try:
        return pkcs10.read(data)
    except Malformed as error:
        raise ServiceFault(CERTIFICATE_REQUEST, str(error)) from None


def device_id_of(asked: wstep.TokenRequest, request: pkcs10.CertificateRequest) -> str:
    """What the device calls itself from now on; a client that says None gets a name made of its key (protocols.md 18.4)."""
    said = asked.item("DeviceID").replace("-", "").upper()
    if said in ("NONE", "NULL"):
        return made_of(request.public_key)
    if not _DEVICE_ID.fullmatch(said):
        raise ServiceFault(INVALID_DATA, "DeviceID is no id")
    return said


def made_of(key: PublicKey) -> str:
    """An id made of a key: 32 hexadecimal digits in capitals."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:32].upper()


def extensions_of(ent_dm_id: str, claimant: Claimant) -> tuple[tuple[str, bytes], ...]:
    """The private extensions: device, account, user and tenant, as far as they are known and are GUIDs."""
    tenant = _guid(claimant.tenant_id)
    account = uuid5(tenant, "account") if tenant is not None else None
    pairs = (("4", _guid(ent_dm_id)), ("6", account), ("10", _guid(claimant.user_id)), ("14", tenant))
    return tuple((OIDS + arc, asn1.write(asn1.OCTET_STRING, one.bytes_le)) for arc, one in pairs if one is not None)


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _nonce() -> str:
    return base64.b64encode(secrets.token_bytes(16)).decode()


refuse = soap_faults.refusing(wstep.ANSWER_ACTION)
ROUTES = tuple(Route("POST", path, serve, refuse, "enrolment") for path in PATHS)
