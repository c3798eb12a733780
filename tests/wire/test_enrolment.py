"""Enrolment over bytes: a device of ours, a device without private headers, Windows and its imitators, and what is refused."""

from __future__ import annotations

import base64
import json
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from enrolment_peer import (
    AUTHORITY,
    DEVICE,
    ENROLMENT,
    ITEMS,
    NOW,
    SECEXT,
    Served,
    b64,
    binary_security,
    fault,
    jwt_security,
    password_security,
    rst,
    run,
    stranger_wallet,
    token,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, Enrolled, EnrollMdm
from autopilot_agent.simulator.app import EPOCH
from autopilot_agent.simulator.health import Metrics
from autopilot_agent.tenant.state import EnrolledDevice
from autopilot_agent.testing.samples import NOBODY, enrol_call
from autopilot_agent.testing.small import SMALL, USER, USER_ID, small_state
from autopilot_agent.wire import (
    asn1,
    clients,
    enrolling,
    enrolment_service,
    pkcs10,
    provisioning,
    soap,
    soap_faults,
    tokens,
    wap,
    wstep,
    xcep,
)
from autopilot_agent.wire.authority import load_der, thumbprint
from autopilot_agent.wire.claimants import Claimant
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Wallet

KEY = KeySource(pooled=True, pool=2).make("a", 1)
REQUEST = pkcs10.build(KEY, f"B1C43CD0-1624-5FBB-8E54-34CF17D!{ITEMS['DeviceID']}", ITEMS["DeviceID"])
NO_LICENCE = [{**SMALL["tenant"]["users"][0], "assignedLicenses": []}]
TEXT = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
MESSAGE_ID = "11111111222233334444555555555555"


def document_of(response: Response) -> wap.Characteristic:
    return wap.decode(wstep.decode_answer(soap_faults.envelope_of(response)))


def certificate_of(document: wap.Characteristic) -> x509.Certificate:
    system = document.find("CertificateStore", "My", "System") or document.find("CertificateStore", "My", "User")
    assert system is not None
    return load_der(base64.b64decode(system.children[0].parm("EncodedCertificate") or ""))


def code_of(response: Response) -> str:
    with pytest.raises(ServiceFault) as caught:
        soap_faults.envelope_of(response)
    return caught.value.code


def enrolled_device(served: Served) -> EnrolledDevice:
    return next(iter(served.state.enrolled.values()))


def test_a_device_of_ours_gets_the_answer_of_the_tenant() -> None:
    served, wallet = Served(), Wallet(KeySource(pooled=True))
    backend = HttpBackend(served.net, wallet)
    call = enrol_call(NOBODY, "")
    backend.send(DiscoverEnrolment(USER, ""), now=0)
    answer = backend.send(call, now=0)
    wanted = MemoryBackend(small_state()).send(call, now=0)
    assert structs.replace(answer, certificate_thumbprint="") == structs.replace(wanted, certificate_thumbprint="")
    assert wallet.mdm is not None
    assert answer.certificate_thumbprint == thumbprint(wallet.mdm.certificate)
    assert pkcs10.matches(wallet.mdm.certificate, wallet.mdm.key)
    assert wallet.account["enrolment"] == answer.enrolment_id == wanted.enrolment_id


def test_a_device_without_private_headers_learns_the_same_from_the_document() -> None:
    served, wallet = Served(), stranger_wallet()
    backend = HttpBackend(served.net, wallet)
    backend.send(DiscoverEnrolment(USER, ""), now=0)
    assert wallet.places["policy"] == "https://localhost/EnrollmentServer/policy"
    call = enrol_call(DEVICE, "")
    answer = backend.send(call, now=0)
    wanted = MemoryBackend(small_state()).send(call, now=0)
    kept = tuple(one for one in answer.settings if "/Poll/" not in one[0])
    assert (answer.provider_id, answer.ent_dm_id, kept) == (wanted.provider_id, wanted.ent_dm_id, wanted.settings)
    assert answer.management_url == "https://localhost/devicegatewayproxy/cimhandler.ashx"
    assert (answer.esp_target, answer.install_quality_updates) == ("default", False)
    device = served.state.enrolled[wanted.enrolment_id]
    assert (device.device_id, device.primary_user, device.serial_number) == (DEVICE, USER_ID, call.serial_number)
    record = served.desk.records.get(clients.ENROLMENT, wallet.account["DeviceID"])
    assert record is not None
    assert record["enrolment_id"] == wanted.enrolment_id
    assert record["client_secret"] == wallet.account["APPSRV/AAUTHSECRET"]
    assert record["server_nonce"] == wallet.account["CLIENT/AAUTHDATA"]
    assert served.desk.records.get(clients.CERTIFICATE, answer.certificate_thumbprint) == {
        "device_id": wallet.account["DeviceID"]
    }


@given(
    st.builds(
        EnrollMdm, st.just("u"), TEXT, st.just("d"), TEXT, st.just("") | TEXT, st.integers(0, 999), st.just("10.0.26100.1"),
        TEXT, TEXT, TEXT, st.just(""), st.booleans(), st.just("") | TEXT.filter(lambda it: it != "null"), st.booleans(),
        st.booleans(), st.just("") | TEXT,
    )
)  # fmt: skip
@settings(max_examples=40)
def test_a_call_survives_the_context_items(call: EnrollMdm) -> None:
    if call.registration_id:  # the two exclude each other
        call = structs.replace(call, offline_correlation="")
    wallet = Wallet(KeySource(pooled=True))
    asked = wstep.TokenRequest(b"x", enrolling.context(call, wallet, "D" * 32))
    body = wstep.encode_request(asked, "https://m.example/", MESSAGE_ID, soap.Credentials(soap.JWT, b"t"))
    envelope = soap.read(body)
    read = wstep.decode_request(envelope)
    assert read == asked
    assert envelope.credentials == soap.Credentials(soap.JWT, b"t")
    claimant = Claimant(call.user_id, call.user_name, call.device_id)
    assert enrolment_service.call_of(read, claimant, SERVED.desk) == call


SERVED = Served()


@given(TEXT, st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12))
@settings(max_examples=20)
def test_a_password_survives_the_wire(name: str, password: str) -> None:
    said = soap.Credentials(name=name, password=password)
    body = wstep.encode_request(wstep.TokenRequest(b"x"), "https://m.example/", MESSAGE_ID, said)
    assert soap.read(body).credentials == said
    assert soap.read(xcep.encode_request("https://m.example/", MESSAGE_ID, said)).credentials == said


def test_the_answer_survives_the_wire_in_every_shape_that_windows_takes() -> None:
    body = wstep.encode_answer(b"<document/>", "urn:uuid:1", NOW)
    assert wstep.decode_answer(soap.read(body)) == b"<document/>"
    assert b"<u:Created>2027-01-15T08:00:00Z</u:Created><u:Expires>2027-01-15T08:05:00Z</u:Expires>" in body
    older = body.replace(soap.SOAP.encode(), soap.SOAP_11.encode())
    other = older.replace(wstep.TOKEN_TYPE.encode(), wstep.X509_V3.encode()).replace(wstep.DOCUMENT.encode(), b"x#PKCS7")
    assert wstep.decode_answer(soap.read(other)) == b"<document/>"


def test_the_envelope_has_windows_prefixes_on_its_root() -> None:
    body = wstep.encode_request(wstep.TokenRequest(b"x"), "https://m.example/", MESSAGE_ID, soap.Credentials(soap.JWT, b"t"))
    root = body.partition(b">")[0].decode()
    for prefix in ("s", "a", "u", "wsse", "wst", "ac"):
        assert f"xmlns:{prefix}=" in root
    assert body.count(b"xmlns") == 6


def test_windows_enrols() -> None:
    served = Served()
    response = served.post(
        ENROLMENT, rst("\n".join(base64.encodebytes(REQUEST).decode().split()), ITEMS, jwt_security(token()))
    )
    assert response.status == 200
    root = ElementTree.fromstring(response.body)
    assert root.findtext(".//{*}RelatesTo") == "urn:uuid:22222222-3333-4444-5555-666666666666"
    document = document_of(response)
    certificate = certificate_of(document)
    assert [one.rfc4514_string() for one in certificate.subject.rdns] == [f"CN={enrolled_device(served).ent_dm_id}"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    private = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.2.840.113556.5.10")).value
    assert asn1.read(private.public_bytes()).content.hex().startswith("11111111")
    taken = provisioning.take(wap.encode(document), KEY)
    assert taken.account["APPSRV/AAUTHNAME"] == ITEMS["DeviceID"]
    record = served.desk.records.get(clients.CERTIFICATE, thumbprint(certificate))
    assert record == {"device_id": ITEMS["DeviceID"]}
    device = enrolled_device(served)
    assert (device.device_name, device.device_id, device.primary_user) == ("DESKTOP-0000001", DEVICE, USER_ID)


def test_an_enrolment_takes_the_place_of_that_of_the_same_device_and_both_are_counted() -> None:
    served = Served()
    for _ in range(3):
        assert served.post(ENROLMENT, rst(b64(REQUEST), ITEMS, jwt_security(token()))).good
    assert len(served.state.enrolled) == len(served.state.history) == 1
    assert "autopilot_agent_enrolments_total 3\n" in Metrics().text(served.desk)


def test_a_device_that_enrols_again_has_one_certificate() -> None:
    served = Served()
    first, second = (
        certificate_of(document_of(served.post(ENROLMENT, rst(b64(REQUEST), ITEMS, jwt_security(token()))))) for _ in range(2)
    )
    assert served.desk.records.get(clients.CERTIFICATE, thumbprint(first)) is None
    assert served.desk.records.get(clients.CERTIFICATE, thumbprint(second)) is not None


def fleet(**payload: str) -> str:
    text = json.dumps({"type": 1, "payload": payload})
    return binary_security(soap.USER_TOKEN, b64(text))


@pytest.mark.parametrize(
    "security",
    [fleet(orbit_node_key="a-node-key"), fleet(auth_token=USER), password_security(USER, "right password")],
)
def test_a_client_without_an_entra_token_enrols_for_a_user_of_the_tenant(security: str) -> None:
    served = Served()
    response = served.post("/api/mdm/microsoft/enroll", rst(b64(REQUEST), {**ITEMS, "EnrollmentType": "Full"}, security))
    document = document_of(response)
    assert document.find("CertificateStore", "My", "User") is not None
    assert enrolled_device(served).primary_user == USER_ID


def test_pytune_finds_its_certificate_and_gets_a_name() -> None:
    served = Served()
    items = {**ITEMS, "DeviceID": "None", "OSEdition": "72", "AzVMIAMExtensionJoin": "true", "BootstrapDomainJoin": "true"}
    items |= {"EnrollmentData": "null"}
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ConfigMgrEnroll")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(KEY, hashes.SHA256())
    request = base64.encodebytes(made.public_bytes(serialization.Encoding.DER)).decode()
    path = "/StatelessEnrollmentService/DeviceEnrollment.svc?client-request-id=1"
    response = served.post(path, rst(request, items, jwt_security(token())))
    tag = f"{{{SECEXT}}}BinarySecurityToken"
    first = next(ElementTree.fromstring(response.body).iter(tag))
    root = ElementTree.fromstring(base64.b64decode(first.text or ""))
    third = root.findall("characteristic/characteristic/characteristic/characteristic/parm")[2]
    certificate = load_der(base64.b64decode(third.get("value", "")))
    assert certificate.public_key() == KEY.public_key()
    record = served.desk.records.get(clients.CERTIFICATE, thumbprint(certificate))
    assert record is not None
    assert record["device_id"] not in ("NONE", "")


def test_a_hybrid_device_in_a_technicians_hands_says_so_with_one_item() -> None:
    call = structs.replace(enrol_call(domain_join=True, preprovisioning=True, user_id=""), offline_correlation="c")
    said = dict(enrolling.context(call, Wallet(KeySource(pooled=True)), "D"))
    assert {"WhiteGloveHybridJoin", "OfflineAutoPilotEnrollmentCorrelator"} <= set(said)
    assert not {"WhiteGlove", "BootstrapDomainJoin"} & set(said)


MISSING = ("EnrollmentType", "DeviceID", "HWDevID", "OSEdition", "OSVersion", "DeviceType", "DeviceName", "ApplicationVersion")
JWT_OF_NOBODY = tokens.mint(AUTHORITY, {"use": "access", "upn": USER}, NOW)
TICKET = tokens.mint(AUTHORITY, {"use": "ticket", "oid": USER_ID}, NOW)
OLD = tokens.mint(AUTHORITY, {"use": "access", "oid": USER_ID}, NOW - 10_000)
REFUSED: dict[str, tuple[str, str]] = {
    **{f"no {name}": (rst(b64(REQUEST), {**ITEMS, name: ""}, jwt_security(token())), "0x80180001") for name in MISSING},
    "an edition that is none": (rst(b64(REQUEST), {**ITEMS, "OSEdition": "Pro"}, jwt_security(token())), "0x80180019"),
    "a version that is none": (rst(b64(REQUEST), {**ITEMS, "OSVersion": "10.0"}, jwt_security(token())), "0x80180019"),
    "an id that is none": (rst(b64(REQUEST), {**ITEMS, "DeviceID": "a b/c"}, jwt_security(token())), "0x80180019"),
    "no security": (rst(b64(REQUEST), ITEMS, ""), "0x80180007"),
    "a token that is none": (rst(b64(REQUEST), ITEMS, jwt_security("abc")), "0x80180002"),
    "a token of bytes": (rst(b64(REQUEST), ITEMS, binary_security("x", b64(b"\xff\0"))), "0x80180002"),
    "a token of nobody": (rst(b64(REQUEST), ITEMS, jwt_security(JWT_OF_NOBODY)), "0x80180002"),
    "a ticket": (rst(b64(REQUEST), ITEMS, jwt_security(TICKET)), "0x80180002"),
    "an old token": (rst(b64(REQUEST), ITEMS, jwt_security(OLD)), "0x80180002"),
    "a wrong password": (rst(b64(REQUEST), ITEMS, password_security(USER, "wrong")), "0x80180002"),
    "an unknown user": (rst(b64(REQUEST), ITEMS, password_security("nobody", "x")), "0x80180002"),
    "a changed request": (rst(b64(REQUEST[:-1] + bytes((REQUEST[-1] ^ 1,))), ITEMS, jwt_security(token())), "0x80180004"),
    "a request of nothing": (rst("", ITEMS, jwt_security(token())), "0x80180004"),
    "no base64": (rst("%%%", ITEMS, jwt_security(token())), "0x80180001"),
    "another request type": (rst(b64(REQUEST), ITEMS, jwt_security(token()), "Recovery"), "0x80180001"),
    "a renewal without a certificate": (rst(b64(REQUEST), ITEMS, "", "Renew", "PKCS7"), "0x80180002"),
    "Windows Home": (rst(b64(REQUEST), {**ITEMS, "OSEdition": "101"}, jwt_security(token())), "0x80180014"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_not_good_has_its_fault_and_enrols_nobody(name: str) -> None:
    body, code = REFUSED[name]
    response = SERVED.post(ENROLMENT, body)
    assert (response.status, code_of(response)) == (500, code)
    assert b"urn:uuid:22222222-3333-4444-5555-666666666666" in response.body
    assert not SERVED.state.enrolled


@pytest.mark.parametrize(
    ("changes", "call", "code"),
    [
        ({"cloud.enrolled_devices": 15}, enrol_call(), "0x80180013"),
        ({"cloud.device_already_enrolled": True}, enrol_call(), "0x80180003"),
        ({}, enrol_call(edition=101), "0x80180014"),
        ({"tenant.users": NO_LICENCE}, enrol_call(), "0x80180018"),
    ],
)
def test_refusals_of_the_tenant_are_read_from_the_bytes(changes: dict[str, object], call: EnrollMdm, code: str) -> None:
    backend = HttpBackend(Served(changes).net, stranger_wallet())
    with pytest.raises(ServiceFault) as caught:
        backend.send(call, now=0)
    assert caught.value.code == code


def foreign(call: EnrollMdm, wallet: Wallet, *responses: Response) -> tuple[Enrolled, list[Request]]:
    left, seen = list(responses), []

    def serve(request: Request) -> Response:
        seen.append(request)
        return left.pop(0)

    return run(enrolling.enrol(call, wallet), serve), seen


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (Response(200), "0x80180029"),
        (Response(200, {}, b"<html/>"), "0x80180001"),
        (Response(429), "0x80180033"),
        (Response(302, {"location": "http://x/"}), "0x8018001A"),
        (Response(302, {"location": "https://x/"}), "0x8019012E"),
        (Response(200, {}, fault("s:Authorization", "UserLicense", lower=True)), "0x80180018"),
        (Response(200, {}, wstep.encode_answer(b"<html/>", "x", NOW)), "0x80180023"),
        (Response(200, {}, wstep.encode_answer(b"", "x", NOW)), "0x80180023"),
        (Response(200, {}, xcep.encode_answer(xcep.Policy(), "x")), "0x80180001"),
    ],
)
def test_an_answer_that_is_none_leaves_the_wallet_as_it_was(response: Response, code: str) -> None:
    wallet = stranger_wallet()
    with pytest.raises(ServiceFault) as caught:
        foreign(enrol_call(), wallet, response)
    assert caught.value.code == code
    assert wallet.mdm is None
    assert not wallet.account


def test_a_policy_decides_key_and_hash() -> None:
    wallet = stranger_wallet()
    wallet.places = {"policy": "https://m.example/policy", "enrolment": "https://m.example/enrol"}
    with pytest.raises(ServiceFault):
        run(enrolling.enrol(enrol_call(), wallet), answers := Answers(xcep.encode_answer(xcep.Policy(3072, "sha384"), "x")))
    assert [one.url for one in answers.seen] == ["https://m.example/policy", "https://m.example/enrol"]
    request = wstep.decode_request(soap.read(answers.seen[1].body)).data
    assert pkcs10.read(request).public_key.key_size == 3072
    assert asn1.oid(pkcs10.WITH_RSA["sha384"]) in request


class Answers:
    """Answers the first request with a body, every other one with nothing."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        return Response(200, {}, self.bodies.pop(0) if self.bodies else b"")


def test_a_password_is_sent_where_discovery_wants_one_and_the_token_is_refused() -> None:
    wallet = stranger_wallet()
    wallet.places["AuthPolicy"] = "OnPremise"
    wallet.users[USER_ID].password = "right password"
    with pytest.raises(ServiceFault) as caught:
        run(enrolling.enrol(enrol_call(), wallet), answers := Answers(fault("s:Authentication")))
    assert caught.value.code == "0x80180029"
    first, second = (soap.read(one.body).credentials for one in answers.seen)
    assert first.kind == soap.JWT
    assert second == soap.Credentials(name=USER, password="right password")
    assert b"#PasswordText" in answers.seen[1].body
    with pytest.raises(ServiceFault) as caught:
        run(enrolling.enrol(enrol_call(), wallet), Answers(fault("s:Authorization")))
    assert caught.value.code == "0x80180003"


def test_the_token_has_to_be_of_the_user_that_a_device_of_ours_names() -> None:
    served, wallet = Served(), stranger_wallet()
    wallet.private = True
    wallet.users[NOBODY] = wallet.users[USER_ID]
    with pytest.raises(ServiceFault) as caught:
        HttpBackend(served.net, wallet).send(enrol_call(user_id=NOBODY), now=(NOW - EPOCH) * 1000)
    assert caught.value.code == "0x80190191"
    assert not served.state.enrolled


def test_a_device_by_itself_sends_its_own_token_and_nobody_enrols_with_nothing() -> None:
    wallet = stranger_wallet()
    wallet.device_token, wallet.device_token_until = "device.token.x", wallet.now + 1
    with pytest.raises(ServiceFault):
        run(enrolling.enrol(enrol_call(user_id=""), wallet), answers := Answers())
    assert soap.read(answers.seen[0].body).credentials.token == b"device.token.x"
    with pytest.raises(ServiceFault) as caught:
        run(enrolling.enrol(enrol_call(), Wallet(KeySource(pooled=True), private=False)), Answers())
    assert caught.value.code == "0x80180002"


def test_a_device_enrols_in_another_mdm_and_knows_it() -> None:
    mdm = {
        "id": "m",
        "displayName": "Tailspin MDM",
        "appliesTo": "all",
        "discoveryUrl": "https://mdm.tailspin.example/discovery",
    }
    served, wallet = Served({"tenant.mobilityManagementPolicies": [mdm]}), stranger_wallet()
    answer = HttpBackend(served.net, wallet).send(enrol_call(), now=0)
    assert (answer.provider_id, answer.esp_target) == ("Tailspin MDM", "other")
    assert answer.management_url == "https://localhost/ManagementServer/MDM.svc"
    uris = [uri for uri, _ in answer.settings]
    assert "./Device/Vendor/MSFT/DMClient/Provider/Tailspin%20MDM/EntDMID" in uris


def test_a_userless_device_is_enrolled_by_its_own_token() -> None:
    served = Served()
    identity = next(iter(served.state.registrations.values())).identity
    assert identity is not None
    said = tokens.mint(AUTHORITY, {"use": "device", "deviceid": DEVICE}, NOW)
    items = {**ITEMS, "ZeroTouchProvisioning": identity.id}
    document_of(served.post(ENROLMENT, rst(b64(REQUEST), items, jwt_security(said))))
    device = enrolled_device(served)
    assert (device.userless, device.serial_number, device.device_id) == (True, identity.serial_number, DEVICE)


def test_the_sign_in_page_gives_a_token_that_enrols() -> None:
    served = Served()
    page = "/EnrollmentServer/auth"
    shown = served.send(Request("GET", f"https://m.example{page}?appru=ms-app%3A%2F%2Fs-1&login_hint={USER}"))
    assert shown.status == 200
    assert USER.encode() in shown.body
    form = "application/x-www-form-urlencoded"
    right = served.post(page, f"appru=ms-app%3A%2F%2Fs-1&login={USER}&password=right+password", {"content-type": form})
    said = right.body.partition(b'name="wresult" value="')[2].partition(b'"')[0]
    security = binary_security(soap.USER_TOKEN, b64(said))
    document_of(served.post(ENROLMENT, rst(b64(REQUEST), ITEMS, security)))
    assert enrolled_device(served).primary_user == USER_ID
    wrong = served.post(page, f"appru=ms-app%3A%2F%2Fs-1&login={USER}&password=wrong", {"content-type": form})
    elsewhere = served.post(page, f"appru=https%3A%2F%2Fevil.example&login={USER}&password=right+password")
    assert (wrong.status, elsewhere.status) == (401, 400)
    assert b"wresult" not in wrong.body + elsewhere.body


def test_the_directory_says_where_to_enrol_to_those_who_have_a_token() -> None:
    served = Served()
    app = "0000000a-0000-0000-c000-000000000000"
    url = "https://m.example/v1.0/myorganization/servicePrincipals/appId={}/endpoints"
    bearer = {"authorization": f"Bearer {token()}"}
    found = {one["providerName"]: one["uri"] for one in served.send(Request("GET", url.format(app), bearer)).json()["value"]}
    assert found["WindowsEnrollment"] == "https://localhost/StatelessEnrollmentService/DeviceEnrollment.svc"
    assert set(found) == {"WindowsEnrollment", "IWService", "TokenRenewalService"}
    assert served.send(Request("GET", url.format(app))).status == 401
    assert served.send(Request("GET", url.format("x"), bearer)).status == 404


WHOLE = rst(b64(REQUEST), ITEMS, jwt_security(token())).encode()


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255), st.integers(0, len(WHOLE)))
@settings(max_examples=60, deadline=None)
def test_no_change_of_a_request_breaks_the_server(at: int, flip: int, end: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= flip
    for data in (bytes(changed), WHOLE[:end] + WHOLE[at:]):
        response = SPARE.post(ENROLMENT, data)
        assert response.status in (200, 500)
        assert response.body.startswith(b"<s:Envelope")


SPARE = Served()
