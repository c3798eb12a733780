"""A new MDM certificate in place of one that ends (ROBO, protocols.md 11.3): the device's side and the server's.

The window in which a server renews is measured by the real clock, as the ends of certificates are.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import clients, cms, pkcs10, provisioning, soap, soap_faults, wstep
from autopilot_agent.wire.authority import common_name, moment, name_of, thumbprint
from autopilot_agent.wire.http import Desk, Incoming, Request, Response, refused
from autopilot_agent.wire.soap_faults import AUTHENTICATION, AUTHORIZATION, CERTIFICATE_REQUEST, NOT_ELIGIBLE_TO_RENEW
from autopilot_agent.wire.wallet import Credential, Wallet

ARC = "1.2.840.113556.5."


def renew(wallet: Wallet) -> Generator[Request, Response, None]:
    """Renew the device's MDM certificate: a flow for no call. Redirects are refused, and so is a certificate that has ended.

    Raises ``ServiceFault``; the old certificate stays in use then.
    """
    held = wallet.mdm
    if held is None:
        raise ServiceFault("0x8018000B", "the device is not enrolled")
    if held.certificate.not_valid_after_utc <= moment():
        raise ServiceFault(NOT_ELIGIBLE_TO_RENEW, "the certificate has expired")
    key = wallet.new_key("mdm renewal")
    inner = pkcs10.build(key, name_of(held.certificate), wallet.account.get("DeviceID", ""))
    signed = cms.sign(inner, held.certificate, held.key)
    url = wallet.account.get("Renew/ServerURL") or wallet.places.get("enrolment", "")
    if not url:
        raise ServiceFault("0x8018000B", "the device does not know where it enrolled")
    items = (
        ("DeviceID", wallet.account.get("DeviceID", "")),
        ("DeviceType", "CIMClient_Windows"),
        ("EnrollmentType", "Device"),
    )
    asked = wstep.TokenRequest(signed, items, wstep.PKCS7, wstep.RENEW)
    body = wstep.encode_request(asked, url, wallet.new_id("message"), soap.Credentials())
    headers = {"content-type": soap.CONTENT_TYPE, "user-agent": soap.CLIENT_NAME}
    response = yield Request("POST", url, headers, body, "mdm")
    if 300 <= response.status < 400:
        raise refused(response, "a renewal is not redirected")
    document = wstep.decode_answer(soap_faults.envelope_of(response))
    certificate = provisioning.take_renewal(document, key, wallet.account.get("PROVIDER-ID", ""))
    wallet.mdm = Credential(certificate, key)


def answer(asked: wstep.TokenRequest, incoming: Incoming, desk: Desk) -> bytes:
    """The document of a renewal. The old certificate is good until the new one is used.

    Raises ``ServiceFault``: 0x80180002 without the certificate, 0x80180003 when it is of no enrolment that stands, 0x80180004
    for the request, 0x80180016 outside the window.
    """
    shown = clients.certificate_of(incoming, desk)
    if shown is None:
        raise ServiceFault(AUTHENTICATION, "a renewal needs the certificate that it renews")
    known = desk.records.get(clients.CERTIFICATE, thumbprint(shown))
    device_id = str(known["device_id"]) if known else ""
    clients.settle(desk, device_id, thumbprint(shown))
    record = desk.records.get(clients.ENROLMENT, device_id)
    if record is None or record["enrolment_id"] not in desk.enrolments():
        raise ServiceFault(AUTHORIZATION, "the certificate is of no enrolment that stands")
    if asked.value_type.rpartition("#")[2] != "PKCS7":
        raise ServiceFault(CERTIFICATE_REQUEST, "a renewal is signed with the key that the device has had")
    try:
        request = pkcs10.read(cms.opened(asked.data, shown))
    except Malformed as error:
        raise ServiceFault(CERTIFICATE_REQUEST, str(error)) from None
    if request.name != name_of(shown):
        raise ServiceFault(CERTIFICATE_REQUEST, "the new certificate is to be for somebody else")
    if shown.not_valid_after_utc - moment() > timedelta(days=provisioning.RENEW_PERIOD):
        raise ServiceFault(NOT_ELIGIBLE_TO_RENEW, "it is too early to renew the certificate")
    extensions = tuple(
        (one.oid.dotted_string, one.value.public_bytes()) for one in shown.extensions if one.oid.dotted_string.startswith(ARC)
    )
    certificate = desk.authority.issue(request.public_key, common_name(request.name), extensions=extensions)
    if record.get("next"):  # one that was issued and never used: the answer was lost
        desk.records.drop(clients.CERTIFICATE, str(record["next"]))
    desk.records.put(clients.CERTIFICATE, thumbprint(certificate), {"device_id": device_id})
    used = {**record, "thumbprint": thumbprint(shown), "next": thumbprint(certificate)}
    desk.records.put(clients.ENROLMENT, device_id, used)
    return provisioning.build_renewal(desk.authority.certificate, certificate, str(record["provider_id"]), str(record["store"]))
