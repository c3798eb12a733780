"""The token endpoint: grants of a stranger, refusals from their bytes, renewal on virtual time."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from entra_server import BROKER, DRS, NOW, TOKEN, bearer, device, error_of, password_form, served, stranger, token_of
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.errors import Malformed, ServiceFault, Throttled
from autopilot_agent.service.attestation import GetDeviceToken
from autopilot_agent.service.entra import JoinDevice, SignedIn, SignIn
from autopilot_agent.service.network import GetDeviceTicket
from autopilot_agent.testing.in_process import InProcessNet
from autopilot_agent.testing.small import TENANT_ID, USER, USER_ID
from autopilot_agent.wire import claims, clients, oauth, private
from autopilot_agent.wire.http import Incoming, Response
from autopilot_agent.wire.wallet import Wallet

NOBODY = "ffffffff-ffff-4fff-8fff-ffffffffffff"


def read(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def driven(backend: HttpBackend, flow: Any) -> Any:
    """Drive a flow that is no call of its own."""
    response = None
    while True:
        try:
            response = backend.net.send(flow.send(response), backend.wallet)
        except StopIteration as end:
            return end.value


def test_a_stranger_gets_tokens_for_a_password() -> None:
    answer = token_of(stranger(served()), resource="https://enrollment.manage.microsoft.com/")
    said = read(answer["access_token"])
    assert (said["oid"], said["upn"], said["tid"]) == (USER_ID, USER, TENANT_ID)
    assert (said["aud"], said["scp"]) == ("https://enrollment.manage.microsoft.com/", "mdm_delegation")
    assert said["exp"] == int(NOW) + 3600 and answer["expires_in"] == "3600"
    assert read(answer["id_token"])["aud"] == BROKER and answer["refresh_token"]


def test_addresses_of_microsoft_in_a_strangers_token_are_those_of_the_server() -> None:
    said = read(token_of(stranger(served()))["access_token"])
    assert said["mdm_enrollment_url"] == "http://localhost/enrollmentserver/discovery.svc"


def test_the_second_version_takes_scopes() -> None:
    form = {**password_form(scope=f"openid {claims.DRS_APP}/.default"), "resource": ""}
    answer = stranger(served()).post("/organizations/oauth2/v2.0/token", data=form).json
    assert read(answer["access_token"])["aud"] == claims.DRS_APP


def test_a_refresh_token_brings_a_token_for_another_resource() -> None:
    client = stranger(served())
    form = {"grant_type": "refresh_token", "client_id": BROKER, "resource": "https://graph.microsoft.com"}
    answer = client.post(TOKEN, data={**form, "refresh_token": token_of(client)["refresh_token"]}).json
    assert read(answer["access_token"])["aud"] == "https://graph.microsoft.com"
    assert error_of(client.post(TOKEN, data={**form, "refresh_token": token_of(client)["access_token"]})) == "AADSTS70000"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "AADSTS900144"),
        ({"grant_type": "password"}, "AADSTS900144"),
        ({"grant_type": "implicit", "client_id": BROKER}, "AADSTS70003"),
        ({"grant_type": "refresh_token", "client_id": BROKER}, "AADSTS900144"),
        (password_form(password="wrong"), "AADSTS50126"),
        ({"grant_type": oauth.JWT_BEARER}, "AADSTS900144"),
    ],
)
def test_a_wrong_request_has_an_error_with_a_number(form: dict[str, str], code: str) -> None:
    answer = stranger(served()).post(TOKEN, data=form)
    assert answer.status_code == 400 and error_of(answer) == code
    assert answer.json["error_codes"] == [int(code[6:])]


def test_an_unknown_tenant_is_not_found() -> None:
    client = stranger(served())
    assert error_of(client.post(f"/{NOBODY}/oauth2/token", data=password_form())) == "AADSTS90002"
    assert client.post("/contoso.example/oauth2/token", data=password_form()).status_code == 200


@pytest.mark.parametrize(
    ("changes", "call", "code"),
    [
        ({}, SignIn(USER, "wrong"), "AADSTS50126"),
        ({}, SignIn(USER, ""), "AADSTS50126"),
        ({}, SignIn("nobody@contoso.example", "right password"), "AADSTS50034"),
        ({"cloud.mfa": True}, SignIn(USER, "right password"), "AADSTS50076"),
        ({}, GetDeviceToken("ztd", "5CG0000001", "", "2.0"), "0x801C03EA"),
    ],
)
def test_a_device_reads_the_code_from_the_bytes(changes: dict[str, object], call: Any, code: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        device(served(changes)).send(call, now=0)
    assert caught.value.code == code and not caught.value.rule


def test_a_device_signs_in_without_private_headers() -> None:
    found = device(served()).send(SignIn(USER, "right password"), now=0)
    assert (found.user_id, found.user_name, found.display_name, found.tenant_id) == (USER_ID, USER, "User One", TENANT_ID)


def test_a_token_is_renewed_when_the_device_thinks_that_it_has_expired() -> None:
    backend = device(served())
    backend.send(SignIn(USER, "right password"), now=0)
    wallet = backend.wallet
    first = driven(backend, clients.user_token(wallet, USER_ID, DRS))
    wallet.now = 3_599_000
    assert driven(backend, clients.user_token(wallet, USER_ID, DRS)) == first
    wallet.now = 3_600_000
    requests = [next(clients.user_token(wallet, USER_ID, DRS))]
    assert b"grant_type=refresh_token" in requests[0].body
    assert driven(backend, clients.user_token(wallet, USER_ID, DRS))
    assert wallet.users[USER_ID].expires[DRS] == 7_200_000
    assert read(driven(backend, clients.user_token(wallet, USER_ID, claims.MANAGEMENT)))["aud"] == claims.MANAGEMENT


def test_a_refresh_token_that_is_not_taken_any_more_is_forgotten() -> None:
    moments = [NOW]
    backend = device(served(clock=lambda: moments[0]))
    backend.send(SignIn(USER, "right password"), now=0)
    moments[0] += 91 * 86_400
    assert driven(backend, clients.user_token(backend.wallet, USER_ID, claims.MANAGEMENT)) == ""
    assert USER_ID not in backend.wallet.users
    assert driven(backend, clients.user_token(backend.wallet, USER_ID, DRS)) == ""


def test_a_user_who_is_gone_gets_no_new_token() -> None:
    backend = device(served())
    backend.send(SignIn(USER, "right password"), now=0)
    gone = HttpBackend(InProcessNet(served({"tenant.users": []})), backend.wallet)
    assert driven(gone, clients.user_token(backend.wallet, USER_ID, claims.MANAGEMENT)) == ""


def test_a_busy_token_endpoint_keeps_the_refresh_token() -> None:
    backend = device(served())
    backend.send(SignIn(USER, "right password"), now=0)
    flow = clients.user_token(backend.wallet, USER_ID, claims.MANAGEMENT)
    next(flow)
    with pytest.raises(Throttled) as caught:
        flow.send(Response(503, {"retry-after": "7"}))
    assert caught.value.retry_after == 7000 and USER_ID in backend.wallet.users


@pytest.mark.parametrize("kind", ["id_token", "refresh_token"])
def test_only_access_tokens_give_access(kind: str) -> None:
    client = stranger(served())
    answer = client.post("/EnrollmentServer/key/?api-version=1.0", json={}, headers=bearer(token_of(client)[kind]))
    assert answer.status_code == 401


def test_what_a_device_says_in_private_may_not_contradict_its_token() -> None:
    application = served()
    token = token_of(stranger(application))["access_token"]
    private_headers = {private.AGENT: "1", private.CALL: private.call_header(JoinDevice(NOBODY, TENANT_ID, "PC", "10.0"))}
    incoming = Incoming("POST", "/", headers={**private_headers, "authorization": f"Bearer {token}"}, ours=True, epoch=int(NOW))
    said = clients.bearer_of(incoming, application.desk)
    with pytest.raises(ServiceFault, match="another user"):
        clients.agreed(JoinDevice(said["oid"], TENANT_ID, "PC", "10.0"), incoming, said)


def test_an_attested_device_gets_a_token_by_its_ticket_and_its_attestation() -> None:
    backend = device(served(), private=True)
    backend.send(GetDeviceTicket("aGFzaA=="), now=0)
    backend.send(GetDeviceToken("ztd", "5CG0000001", "AIK", "2.0"), now=1000)
    said = read(backend.wallet.device_token)
    assert said["tid"] == TENANT_ID and "oid" not in said and backend.wallet.device_token_until == 3_601_000


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(NAMES, NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=40), NAMES, NAMES, st.booleans())
def test_a_person_survives_the_token(oid: str, name: str, shown: str, tid: str, url: str, role: bool) -> None:
    person = SignedIn(oid, name, shown, tid, url, "", administrator_by_role=role)
    assert claims.signed_in(claims.person(person, Incoming("POST", "/", ours=True))) == person


CLAIMS = st.dictionaries(
    st.sampled_from(["oid", "tid", "upn", "name", "wids", "mdm_enrollment_url"]),
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers() | st.text(max_size=4), max_size=2),
)


@given(CLAIMS)
def test_any_claims_are_a_person_or_malformed(found: dict[str, Any]) -> None:
    try:
        claims.signed_in(found)
    except Malformed:
        return


ANSWERS = st.dictionaries(
    st.sampled_from(["access_token", "id_token", "expires_in", "refresh_token", "error", "error_description", "error_codes"]),
    st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2) | st.just("a.b.c"),
)


@given(st.binary(max_size=40) | ANSWERS.map(lambda body: json.dumps(body).encode()), st.sampled_from([200, 302, 400, 503]))
def test_any_answer_of_a_token_endpoint_is_read_or_refused(body: bytes, status: int) -> None:
    flow = oauth.sign_in(SignIn(USER, "right password"), Wallet())
    next(flow)
    with pytest.raises((ServiceFault, Malformed)):
        flow.send(Response(status, {}, body))


@given(st.binary(max_size=80))
def test_any_body_of_a_request_has_an_answer(body: bytes) -> None:
    answer = stranger(SERVED).post(TOKEN, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400 and "error" in answer.json


SERVED = served()


@pytest.mark.parametrize("token", ["a b", "a\r\nx: y", "ä", "x" * 30_000])
def test_a_token_that_no_header_can_carry_is_malformed(token: str) -> None:
    flow = oauth.sign_in(SignIn(USER, "right password"), Wallet())
    next(flow)
    with pytest.raises(Malformed, match="no access token"):
        flow.send(Response(200, {}, json.dumps({"access_token": token}).encode()))


def test_a_token_that_is_deeply_nested_is_malformed() -> None:
    from base64 import urlsafe_b64encode

    deep = urlsafe_b64encode(b"[" * 100_000).decode()
    body = {"access_token": "x", "id_token": f"{deep}.{deep}."}
    flow = oauth.sign_in(SignIn(USER, "right password"), Wallet())
    next(flow)
    with pytest.raises(Malformed):
        flow.send(Response(200, {}, json.dumps(body).encode()))
