"""The third part of a visit: deliberate mistakes and bad luck, to see what the server makes of them."""

from __future__ import annotations

from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from autopilot_agent.conform.enrolling import Enroller
from autopilot_agent.conform.evidence import (
    NO_NUMBER,
    NO_XML,
    RENEW,
    RENEW_STRANGER,
    RENEW_UNSHOWN,
    STRANGER,
    UNKNOWN,
    WRONG_CREDENTIALS,
    WRONG_REQUEST,
    Visit,
)
from autopilot_agent.conform.recording import RecordingNet, play
from autopilot_agent.errors import CallFailed
from autopilot_agent.wire import cms, enrolling, pkcs10, renewal, safe_xml, soap, syncml_client, syncml_xml, wstep
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.authority import Authority, common_name, name_of
from autopilot_agent.wire.http import Request, with_query
from autopilot_agent.wire.wallet import Wallet

SESSION_NUMBERS = {NO_NUMBER: "F1", UNKNOWN: "F2", STRANGER: "F3"}


def probe_faults(visit: Visit, enroller: Enroller) -> None:
    """Three enrolments that must not succeed."""
    wallet = enroller.wallet
    url = wallet.places.get("enrolment", "")
    if not url:
        for purpose in (WRONG_CREDENTIALS, WRONG_REQUEST, NO_XML):
            visit.skipped[purpose] = "discovery named no enrolment service"
        return
    device_id = wallet.new_id("mdm")
    items = enrolling.context(enroller.call, wallet, device_id)
    key = visit.key or enroller.keys.make("probe")
    good = pkcs10.build(key, pkcs10.subject_of(device_id, device_id), device_id)
    wrong = soap.Credentials(soap.JWT, b"eyJhbGciOiJub25lIn0.e30.")
    if wallet.places.get("AuthPolicy") == "OnPremise" and not enroller.person.token:
        wrong = soap.Credentials(name=enroller.person.name or "nobody@contoso.example", password="wrong-password")
    _enrol(enroller.net, wallet, WRONG_CREDENTIALS, url, wstep.TokenRequest(good, items), wrong)
    try:
        right = enroller.credentials()
    except CallFailed as fault:
        visit.skipped[WRONG_REQUEST] = f"there are no good credentials to send along: {fault.reason}"
    else:
        _enrol(enroller.net, wallet, WRONG_REQUEST, url, wstep.TokenRequest(b"no request at all", items), right)
    _post(enroller.net, wallet, NO_XML, url, b"<s:Envelope")


def _enrol(
    net: RecordingNet,
    wallet: Wallet,
    purpose: str,
    url: str,
    asked: wstep.TokenRequest,
    who: soap.Credentials,
    certificate: str = "",
) -> None:
    _post(net, wallet, purpose, url, wstep.encode_request(asked, url, wallet.new_id("message"), who), certificate)


def _post(net: RecordingNet, wallet: Wallet, purpose: str, url: str, body: bytes, certificate: str = "") -> None:
    with net.pursuing(purpose), suppress(CallFailed):
        net.send(Request("POST", url, dict(enrolling.HEADERS), body, certificate), wallet)


def probe_sessions(visit: Visit, net: RecordingNet, wallet: Wallet, other: Wallet) -> None:
    """First messages of sessions that no Windows sends; the last with the certificate of another device."""
    address = wallet.account.get("ADDR", "")
    for purpose in (NO_NUMBER, UNKNOWN, STRANGER):
        if not address or wallet.mdm is None:
            visit.skipped[purpose] = visit.not_enrolled()
    if not address or wallet.mdm is None:
        return
    device_id = wallet.account.get("DeviceID", "")
    odd = {
        NO_NUMBER: (dm.Command("Alert", "", "1224", (dm.Item(meta=dm.Meta(type="com.contoso/Test"), data="1"),)),),
        UNKNOWN: (),
        STRANGER: (),
    }
    for purpose, more in odd.items():
        shown = other if purpose == STRANGER else wallet
        if shown.mdm is None:
            visit.skipped[purpose] = "no second device could be enrolled"
            continue
        header = dm.Header(SESSION_NUMBERS[purpose], "1", address, device_id, meta=dm.Meta(max_message="524288"))
        login = dm.Item(meta=dm.Meta(type=syncml_client.LOGIN_STATUS), data="others")
        opening = (dm.Command("Alert", "2", "1201"), dm.Command("Alert", "3", "1224", (login,)))
        body = syncml_xml.serialize(dm.Message(header, (*opening, *more)))
        if purpose == UNKNOWN:
            body = _with_unknown(body)
        url = with_query(address, mode="Maintenance", Platform="WoA")
        with net.pursuing(purpose), suppress(CallFailed):
            net.send(Request("POST", url, dict(syncml_client.HEADERS), body, "mdm"), shown)


def _with_unknown(body: bytes) -> bytes:
    """The message with an element that no version of OMA-DM has."""
    root = safe_xml.parse(body)
    final = safe_xml.child(root, "SyncBody", "Final")
    assert final is not None
    made = safe_xml.element(f"{{{dm.SYNCML}}}Frobnicate")
    safe_xml.sub(made, f"{{{dm.SYNCML}}}CmdID", "9")
    final.addprevious(made)
    return safe_xml.serialize(root)


def probe_renewal(visit: Visit, net: RecordingNet, wallet: Wallet) -> None:
    """A renewal that another key signed, one over a connection without a certificate, and the device's own.

    Each of the first two has one thing wrong: the other proof is good.
    """
    url = wallet.account.get("Renew/ServerURL") or wallet.places.get("enrolment", "")
    if wallet.mdm is None or not wallet.account.get("DeviceID"):
        for purpose in (RENEW, RENEW_STRANGER, RENEW_UNSHOWN):
            visit.skipped[purpose] = visit.not_enrolled()
        return
    own, key = wallet.mdm.certificate, wallet.mdm.key
    device_id = wallet.account["DeviceID"]
    strange = wallet.new_key("stranger")
    while strange is key:  # a pool gave the same one again
        strange = wallet.new_key("stranger")
    forged = cms.sign(pkcs10.build(strange, name_of(own), device_id), self_signed(own, strange), strange)
    good = cms.sign(pkcs10.build(key, name_of(own), device_id), own, key)
    for purpose, signed, shown in ((RENEW_STRANGER, forged, "mdm"), (RENEW_UNSHOWN, good, "")):
        items = (("DeviceID", device_id), ("DeviceType", "CIMClient_Windows"), ("EnrollmentType", "Device"))
        asked = wstep.TokenRequest(signed, items, wstep.PKCS7, wstep.RENEW)
        _enrol(net, wallet, purpose, url, asked, soap.Credentials(), shown)
    with net.pursuing(RENEW):
        try:
            play(renewal.renew(wallet), net, wallet)
        except CallFailed as fault:
            visit.shown[RENEW] = (fault.code, fault.reason)


def self_signed(like: x509.Certificate, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """A certificate with the subject of another that nobody but its holder signed."""
    return Authority(key, like).issue(key.public_key(), common_name(name_of(like)))
