"""How a device enrols: policies, a certificate request with what Windows says about itself, and what comes back."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING
from uuid import UUID

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.enrolment import Enrolled, EnrollMdm, hardware_id
from autopilot_agent.service.uris import first_sync
from autopilot_agent.wire import clients, pkcs10, private, provisioning, soap, soap_faults, wstep, xcep
from autopilot_agent.wire.authority import thumbprint
from autopilot_agent.wire.http import Flow, Flows, Request, Response
from autopilot_agent.wire.wallet import Credential, Wallet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

DEFAULT_URL = "https://enrollment.manage.microsoft.com/EnrollmentServer/DeviceEnrollmentWebService.svc"
RESOURCE = "https://enrollment.manage.microsoft.com/"
INTUNE = "MS DM Server"
HEADERS = {"content-type": soap.CONTENT_TYPE, "user-agent": soap.CLIENT_NAME}


def enrol(call: EnrollMdm, wallet: Wallet) -> Flow[Enrolled]:
    """Ask for the policies where there are any, then for a certificate; keep it with the account that comes along."""
    known = yield from credentials_of(call, wallet)
    for number, credentials in enumerate(known, 1):
        try:
            document, said, key, device_id = yield from request(call, wallet, credentials)
            break
        except ServiceFault as fault:
            if number == len(known) or fault.code not in (soap_faults.AUTHENTICATION, soap_faults.SECURITY):
                raise
    taken = provisioning.take(document, None if wallet.replayed else key)
    answer = Enrolled(
        _guid(wallet.new_id("enrolment")),
        taken.provider_id,
        taken.ent_dm_id,
        thumbprint(taken.certificate),
        taken.account["ADDR"],
        settings_for(taken, wallet),
        esp_target="default" if taken.provider_id == INTUNE else "other",
        retries=provisioning.retries_of(taken.account),
    )
    if wallet.private:  # the id that a tenant of ours gave has to be known here, too
        answer = private.restore_answer(answer, said)
    wallet.mdm = Credential(taken.certificate, key)
    told = {"DeviceID": device_id, "DeviceName": call.device_name, "OSVersion": call.os_version, "OSEdition": str(call.edition)}
    wallet.account = {**taken.account, **told, "enrolment": answer.enrolment_id}
    wallet.session = None
    return answer


def settings_for(taken: provisioning.Provisioned, wallet: Wallet) -> tuple[tuple[str, str], ...]:
    """The settings of a document. The poll schedule of a tenant of ours is not one of its decisions, so it is left out."""
    poll = first_sync(taken.provider_id).replace("FirstSyncStatus", "Poll/")
    return tuple(one for one in taken.settings if not (wallet.private and one[0].startswith(poll)))


def request(
    call: EnrollMdm, wallet: Wallet, credentials: soap.Credentials
) -> Generator[Request, Response, tuple[bytes, str, rsa.RSAPrivateKey, str]]:
    """The questions with one kind of credentials: the document, what a tenant of ours says besides, the key, the DeviceID."""
    policy = xcep.Policy()
    if "policy" in wallet.places:
        policy = yield from xcep.get_policies(wallet, wallet.places["policy"], credentials)
    key = wallet.new_key("mdm", policy.key_length)
    device_id = wallet.new_id("mdm")
    name = pkcs10.subject_of(_guid(wallet.new_id("subject")), device_id)
    asked = wstep.TokenRequest(pkcs10.build(key, name, device_id, policy.algorithm), context(call, wallet, device_id))
    url = wallet.places.setdefault("enrolment", DEFAULT_URL)
    body = wstep.encode_request(asked, url, wallet.new_id("message"), credentials)
    response = yield Request("POST", url, dict(HEADERS), body)
    soap_faults.redirected(response)
    document = wstep.decode_answer(soap_faults.envelope_of(response))
    return document, response.headers.get(private.ANSWER, ""), key, device_id


def credentials_of(call: EnrollMdm, wallet: Wallet) -> Generator[Request, Response, list[soap.Credentials]]:
    """How the device proves who enrols: the Entra token of the user or of the device itself, and the user's password.

    A token that somebody gave the device for this goes before all of them, and alone.

    An Entra token goes before what discovery named: the enrolment follows a join, and servers that answer OnPremise take it
    (protocols.md 18.2). Those that do not are asked with the password then (assumed). Only a tenant of ours, which
    learns the user in private, may be asked with nothing. Raises ``ServiceFault`` 0x80180002 with nothing.
    """
    if wallet.enrol_token:
        kind = soap.JWT if wallet.enrol_token.count(".") == 2 else soap.USER_TOKEN
        return [soap.Credentials(kind, wallet.enrol_token.encode())]
    found: list[soap.Credentials] = []
    token = (yield from clients.user_token(wallet, call.user_id, RESOURCE)) if call.user_id else clients.device_token(wallet)
    if token:
        found.append(soap.Credentials(soap.JWT, token.encode()))
    user = wallet.users.get(call.user_id)
    if user is not None and user.password and wallet.places.get("AuthPolicy") == "OnPremise":
        found.append(soap.Credentials(name=call.user_name, password=user.password))
    if not found and not wallet.private:
        raise ServiceFault(soap_faults.AUTHENTICATION, "the device has no token to enrol with")
    return found or [soap.Credentials()]


def context(call: EnrollMdm, wallet: Wallet, device_id: str) -> tuple[tuple[str, str], ...]:
    """The context items that Windows sends in OOBE (protocols.md 9.2)."""
    hardware = hardware_id(call.manufacturer, call.model, call.serial_number)
    items = [
        ("UXInitiated", "false"),
        ("HWDevID", hardware),
        ("Locale", "en-US"),
        ("TargetedUserLoggedIn", "false" if call.oobe else "true"),
        ("OSEdition", str(call.edition)),
        ("DeviceName", call.device_name),
        ("MAC", "-".join(("02", *(hardware[at : at + 2] for at in range(0, 10, 2))))),
        ("DeviceID", device_id),
        ("EnrollmentType", "Device"),
        ("DeviceType", "CIMClient_Windows"),
        ("OSVersion", call.os_version),
        ("ApplicationVersion", call.os_version),
        ("NotInOobe", "false" if call.oobe else "true"),
        ("RequestVersion", wallet.request_version),
        ("Manufacturer", call.manufacturer),
        ("DeviceModel", call.model),
        ("SerialNumber", call.serial_number),
        ("EnrollmentData", call.terms_accepted),
        ("ZeroTouchProvisioning", call.registration_id),
    ]
    if not call.registration_id:
        items.append(("OfflineAutoPilotEnrollmentCorrelator", call.offline_correlation))
    if call.preprovisioning:
        items.append(("WhiteGloveHybridJoin" if call.domain_join else "WhiteGlove", "true"))
    elif call.domain_join:
        items.append(("BootstrapDomainJoin", "true"))
    return tuple(one for one in items if one[1])


def _guid(digits: str) -> str:
    return str(UUID(digits)).upper()


FLOWS: Flows = {EnrollMdm: enrol}
