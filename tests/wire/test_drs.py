"""Device registration: a stranger's join as public clients send it, and a device's without private headers."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from entra_server import (
    DRS,
    JOIN,
    KEYS,
    NOW,
    b64,
    bearer,
    blob_of,
    device,
    join_body,
    joined,
    served,
    shown,
    stranger,
    token_of,
)
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed, ServiceFault, Throttled
from autopilot_agent.service.domain import RegisterHybridDevice
from autopilot_agent.service.entra import JoinDevice, LeaveDirectory, RegisterHelloKey, SignIn
from autopilot_agent.service.network import GetDeviceTicket
from autopilot_agent.testing.small import TENANT_ID, USER, USER_ID
from autopilot_agent.wire import drs, drs_errors
from autopilot_agent.wire.authority import name_of, thumbprint
from autopilot_agent.wire.http import Incoming, Response
from autopilot_agent.wire.wallet import Wallet

NOBODY = "ffffffff-ffff-4fff-8fff-ffffffffffff"
CALL = JoinDevice(USER_ID, TENANT_ID, "PC-1", "10.0.26100.1742")
SERVED = served()
TOKEN = token_of(stranger(SERVED))["access_token"]


def signed_in(changes: dict[str, object] | None = None) -> Any:
    backend = device(served(changes))
    backend.send(SignIn(USER, "right password"), now=0)
    return backend


@pytest.mark.parametrize(
    "path", ["/contoso.example/Discover", "/contoso.example/enrollmentserver/contract", f"/{TENANT_ID}/Discover"]
)
def test_a_stranger_discovers_where_to_join(path: str) -> None:
    answer = stranger(SERVED).get(f"{path}?api-version=1.9").json
    assert answer["DeviceJoinService"]["JoinEndpoint"] == "http://localhost/EnrollmentServer/device/"
    assert answer["DeviceJoinService"]["JoinResourceId"] == DRS
    assert answer["AuthenticationService"]["OAuth2"]["TokenEndpoint"] == f"http://localhost/{TENANT_ID}/oauth2/token"


def test_discovery_wants_a_version_and_a_tenant_that_is_here() -> None:
    client = stranger(SERVED)
    assert client.get("/contoso.example/Discover").status_code == 400
    unknown = client.get("/tailspin.example/Discover?api-version=1.9")
    assert unknown.status_code == 400 and unknown.json["error"] == "invalid_tenant"
    assert "AADSTS90002" in unknown.json["error_description"]
    assert client.get("/EnrollmentServer/contract?api-version=1.0").status_code == 200


def test_a_stranger_joins_as_public_clients_do() -> None:
    client = stranger(served())
    key, transport = KEYS.make("stranger", "a"), KEYS.make("stranger", "b")
    answer = client.post(JOIN, json=join_body(key, transport), headers=bearer(token_of(client)["access_token"])).json
    certificate = drs.load_der(base64.b64decode(answer["Certificate"]["RawBody"]))
    assert answer["Certificate"]["Thumbprint"] == thumbprint(certificate)
    assert certificate.public_key() == key.public_key() and answer["User"]["Upn"] == USER
    change = answer["MembershipChanges"][0]
    assert change["LocalSID"] == "S-1-5-32-544" and len(change["AddSIDs"]) == 3


def test_a_request_has_its_id_back_where_it_wants_it() -> None:
    client = stranger(served())
    wanted = {"client-request-id": "4711", "return-client-request-id": "true", **bearer(token_of(client)["access_token"])}
    answer = client.post(JOIN, json=join_body(KEYS.make("r"), KEYS.make("t")), headers=wanted)
    assert answer.headers["client-request-id"] == "4711"


def test_a_work_account_registers_with_join_type_4() -> None:
    client = stranger(served())
    body = join_body(KEYS.make("r"), KEYS.make("t"), JoinType=4)
    assert client.post(JOIN, json=body, headers=bearer(token_of(client)["access_token"])).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"JoinType": 6}, 400),
        ({"JoinType": [0]}, 400),
        ({"CertificateRequest": None}, 400),
        ({"CertificateRequest": {"Type": "pkcs10", "Data": "AAAA"}}, 400),
        ({"TransportKey": "AAAA"}, 400),
        ({"TransportKey": 7}, 400),
        ({"attributes": [], "DeviceDisplayName": None}, 200),
    ],
)
def test_a_wrong_join_is_an_error_in_json(change: dict[str, Any], status: int) -> None:
    client = stranger(served())
    body = {**join_body(KEYS.make("r"), KEYS.make("t")), **change}
    answer = client.post(JOIN, json=body, headers=bearer(token_of(client)["access_token"]))
    assert answer.status_code == status
    assert status == 200 or answer.json["ErrorType"] == "InvalidMessage"


def test_a_join_needs_a_token_for_device_registration_that_is_good() -> None:
    moments = [NOW]
    client = stranger(served(clock=lambda: moments[0]))
    body = join_body(KEYS.make("r"), KEYS.make("t"))
    assert client.post(JOIN, json=body).status_code == 401
    assert client.post(JOIN, json=body, headers=bearer("a.b.c")).status_code == 401
    other = token_of(client, resource="https://graph.microsoft.com")["access_token"]
    assert client.post(JOIN, json=body, headers=bearer(other)).status_code == 401
    good = token_of(client)["access_token"]
    moments[0] += 3601
    expired = client.post(JOIN, json=body, headers=bearer(good))
    assert expired.status_code == 401 and expired.json["ErrorType"] == "AuthenticationError"


def test_a_device_joins_and_leaves_without_private_headers() -> None:
    backend = signed_in()
    answer = backend.send(CALL, now=0)
    certificate = backend.wallet.device.certificate
    assert (answer.device_id, answer.certificate_thumbprint) == (name_of(certificate), thumbprint(certificate))
    assert answer.administrator_sids == ("S-1-12-1-1-1-1-1", "S-1-12-1-1-1-1-2")
    backend.send(RegisterHelloKey(USER_ID, answer.device_id), now=0)
    backend.send(LeaveDirectory(answer.device_id), now=0)
    assert backend.wallet.device is None and not backend.net.application.desk.state.joined


def test_the_ticket_leads_to_the_registration_that_the_join_uses_again() -> None:
    backend = signed_in()
    state = backend.net.application.desk.state
    registration = next(iter(state.registrations.values()))
    backend.send(GetDeviceTicket(registration.hardware_hash), now=0)
    answer = backend.send(CALL, now=0)
    assert answer.device_id == registration.identity.azure_active_directory_device_id


@pytest.mark.parametrize(
    ("changes", "call", "code"),
    [
        ({}, JoinDevice("", TENANT_ID, "PC-1", "10.0"), "0x801C0002"),
        ({}, JoinDevice(USER_ID, NOBODY, "PC-1", "10.0"), "0x801C0013"),
        ({"cloud.joined_devices": 50}, CALL, "0x801C000E"),
        ({}, RegisterHelloKey(NOBODY, "x"), "0x801C0002"),
        ({}, LeaveDirectory("x"), "0x801C0002"),
        ({}, RegisterHybridDevice(NOBODY, "PC-1", "contoso.example", "10.0"), "error_missing_device"),
        ({}, RegisterHybridDevice(NOBODY, "PC-1", "corp.example", "10.0"), "0x801C0013"),
    ],
)
def test_a_device_reads_the_code_of_a_refusal_from_the_bytes(changes: dict[str, object], call: Any, code: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        signed_in(changes).send(call, now=0)
    assert caught.value.code == code and not caught.value.rule


def test_only_its_own_certificate_takes_a_device_out() -> None:
    client = stranger(served())
    first, second = joined(client, key="one")[0], joined(client, key="two")[0]
    path = f"/EnrollmentServer/device/{name_of(first)}?api-version=1.0"
    assert client.delete(path).status_code == 401
    assert client.delete(path, environ_overrides=shown(second)).status_code == 403
    assert client.delete(path, environ_overrides=shown(first)).status_code == 200


def test_a_hello_key_has_a_name_and_belongs_to_the_user_of_the_token() -> None:
    client = stranger(served())
    headers = bearer(token_of(client)["access_token"])
    blob = b64(blob_of(KEYS.make("hello").public_key()))
    answer = client.post("/EnrollmentServer/key/?api-version=1.0", json={"kngc": blob}, headers=headers).json
    assert answer["upn"] == USER and answer["kid"]
    wrong = client.post("/EnrollmentServer/key/?api-version=1.0", json={"kngc": "AAAA"}, headers=headers)
    assert wrong.status_code == 400 and wrong.json["error"]["message"]


@pytest.mark.parametrize("code", sorted(drs_errors.TYPES))
def test_every_code_of_registration_survives_its_json(code: str) -> None:
    response = drs_errors.refuse(ServiceFault(code, "said"), Incoming("POST", "/"))
    found = drs_errors.decode_refusal(response)
    assert (found.code, found.reason) == (code, "said")


@pytest.mark.parametrize(
    ("status", "code"), [(400, "0x801C0001"), (401, "0x801C0002"), (403, "0x801C0003"), (404, "0x80190194")]
)
def test_an_error_of_another_kind_is_read_by_its_status(status: int, code: str) -> None:
    assert drs_errors.decode_refusal(Response(status, {}, b"<html>")).code == code
    assert drs_errors.decode_refusal(Response(status, {}, b'{"ErrorType":"Unheard","message":7}')).code == code


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (Response(400, {}, b'{"error":"invalid_tenant"}'), "0x801C0013"),
        (Response(404), "0x801C000C"),
        (Response(500), "0x801C000C"),
        (Response(200, {}, b"{}"), "0x801C0012"),
        (Response(200, {}, b'{"DeviceJoinService":{"JoinEndpoint":"file:///x"}}'), "0x801C0012"),
        (Response(200, {}, b"<xml/>"), "0x801C0012"),
        (Response(503, {"retry-after": "3"}), "0x801901F7"),
    ],
)
def test_a_failed_discovery_has_windows_code(response: Response, code: str) -> None:
    flow = drs.join(CALL, Wallet(KEYS))
    next(flow)
    with pytest.raises(ServiceFault) as caught:
        flow.send(response)
    assert caught.value.code == code and isinstance(caught.value, Throttled) == (response.status == 503)


def test_a_certificate_for_another_key_is_not_taken() -> None:
    client = stranger(served())
    certificate = joined(client, key="someone")[0]
    wallet = Wallet(KEYS)
    body = {
        "Certificate": {"RawBody": b64(drs.load_der(certificate.public_bytes(drs_encoding())).public_bytes(drs_encoding()))}
    }
    own = next(key for key in (KEYS.make(str(number)) for number in range(99)) if key.public_key() != certificate.public_key())
    with pytest.raises(Malformed, match="not for the key"):
        drs._take_certificate(Response(200, {}, msgspec.json.encode(body)), wallet, own, own)
    assert wallet.device is None


def drs_encoding() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


VALUES = (
    st.none()
    | st.integers()
    | st.text(max_size=9)
    | st.dictionaries(
        st.sampled_from(["JoinEndpoint", "KeyProvisionEndpoint", "Type", "Data", "LocalSID", "AddSIDs"]),
        st.none() | st.text(max_size=9),
    )
)


@given(st.dictionaries(st.sampled_from(["DeviceJoinService", "KeyProvisioningService"]), VALUES))
def test_any_discovery_is_read_or_malformed(body: dict[str, Any]) -> None:
    try:
        drs.decode_discovery(body)
    except Malformed:
        return


@given(st.dictionaries(st.sampled_from(["Certificate", "MembershipChanges", "User"]), VALUES | st.lists(VALUES, max_size=2)))
def test_any_answer_to_a_join_is_read_or_malformed(body: dict[str, Any]) -> None:
    drs._administrators(body)
    key = KEYS.make("any")
    with pytest.raises(Malformed):
        drs._take_certificate(Response(200, {}, msgspec.json.encode(body)), Wallet(KEYS), key, key)


MEMBERS = st.sampled_from(
    ["CertificateRequest", "TransportKey", "JoinType", "attributes", "ServerAdJoinData", "kngc", "OSVersion"]
)


@given(
    st.dictionaries(MEMBERS, VALUES | st.sampled_from([0, 4, 6])) | st.lists(st.none()), st.sampled_from(["POST", "PUT", "KEY"])
)
def test_any_body_has_an_answer_in_json(body: Any, way: str) -> None:
    path = {"POST": JOIN, "PUT": "/EnrollmentServer/device/x?api-version=2.0", "KEY": "/EnrollmentServer/key/"}[way]
    answer = stranger(SERVED).open(path, method="PUT" if way == "PUT" else "POST", json=body, headers=bearer(TOKEN))
    assert answer.status_code == 400 and answer.json["ErrorType"] == "InvalidMessage"
