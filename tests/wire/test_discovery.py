"""MDM discovery, enrolment policies and SOAP faults: both sides, foreign servers, and answers that are none."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from enrolment_peer import DISCOVERY, ENVELOPE, SECEXT, Served, discover, fault, run, stranger_wallet
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, EnrolmentService
from autopilot_agent.testing.small import USER
from autopilot_agent.wire import discovery, soap, soap_faults, xcep
from autopilot_agent.wire.http import Incoming, Request, Response

URL = "https://mdm.fabrikam.example/EnrollmentServer/Discovery.svc"
TEXT = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
MESSAGE_ID = "11111111222233334444555555555555"


def answering(*responses: Response) -> tuple[Callable[[Request], Response], list[Request]]:
    left, seen = list(responses), []

    def serve(request: Request) -> Response:
        seen.append(request)
        return left.pop(0)

    return serve, seen


def found(**members: str) -> bytes:
    said = {"enrolment_url": "https://mdm.fabrikam.example/enrol", **members}
    return discovery.encode_answer(discovery.Discovered(**said), "urn:uuid:x")


def test_a_device_asks_with_get_then_post_and_remembers_every_address() -> None:
    wallet = stranger_wallet()
    body = found(authentication="OnPremise", version="4.0", policy_url="https://mdm.fabrikam.example/p", authentication_url="")
    serve, seen = answering(Response(200), Response(200, {}, body))
    answer = run(discovery.discover(DiscoverEnrolment(USER, URL), wallet), serve)
    assert answer == EnrolmentService("https://mdm.fabrikam.example/enrol", "OnPremise")
    assert [(one.method, one.url) for one in seen] == [("GET", URL), ("POST", URL)]
    assert seen[1].headers["content-type"] == "application/soap+xml; charset=utf-8"
    assert wallet.places == {
        "enrolment": "https://mdm.fabrikam.example/enrol",
        "policy": "https://mdm.fabrikam.example/p",
        "AuthPolicy": "OnPremise",
        "EnrollmentVersion": "4.0",
    }


def test_the_request_is_the_one_of_windows_with_its_prefixes_on_the_root() -> None:
    body = discovery.encode_request(discovery.Wanted(USER, URL), MESSAGE_ID)
    assert body.startswith(b"<s:Envelope xmlns:")
    root = body.partition(b">")[0]
    assert b'xmlns:s="http://www.w3.org/2003/05/soap-envelope"' in root
    assert b'xmlns:a="http://www.w3.org/2005/08/addressing"' in root
    assert b"<a:MessageID>urn:uuid:11111111-2222-3333-4444-555555555555</a:MessageID>" in body
    assert b'<a:To s:mustUnderstand="1">' in body
    assert b"<AuthPolicy>OnPremise</AuthPolicy><AuthPolicy>Federated</AuthPolicy>" in body


def test_the_request_version_is_the_wallets() -> None:
    wallet = stranger_wallet()
    wallet.request_version = "4.0"
    serve, seen = answering(Response(200), Response(200, {}, found()))
    run(discovery.discover(DiscoverEnrolment(USER, URL), wallet), serve)
    assert b"<RequestVersion>4.0</RequestVersion>" in seen[1].body


def test_an_address_that_an_earlier_server_named_is_forgotten() -> None:
    wallet = stranger_wallet()
    wallet.places["policy"] = "https://old.example/policy"
    serve, _ = answering(Response(200), Response(200, {}, found()))
    run(discovery.discover(DiscoverEnrolment(USER, URL), wallet), serve)
    assert "policy" not in wallet.places


@given(st.builds(discovery.Wanted, TEXT, TEXT, TEXT, TEXT, TEXT, st.tuples(TEXT, TEXT), TEXT))
@settings(max_examples=30)
def test_a_discover_request_survives_the_wire(wanted: discovery.Wanted) -> None:
    assert discovery.decode_request(soap.read(discovery.encode_request(wanted, MESSAGE_ID))) == wanted


@given(st.sampled_from(["Federated", "OnPremise", "Certificate"]), st.sampled_from(["", "3.0", "5.0"]), st.booleans(), TEXT)
@settings(max_examples=30)
def test_a_discover_answer_survives_the_wire(policy: str, version: str, policies: bool, path: str) -> None:
    made = discovery.Discovered(
        f"https://h.example/{path}", policy, version, f"https://h.example/p/{path}" if policies else "", path
    )
    assert discovery.decode_answer(soap.read(discovery.encode_answer(made, "urn:uuid:x"))) == made


def test_the_server_answers_the_probe_with_nothing_and_the_request_with_addresses_of_one_host() -> None:
    served = Served()
    probe = served.send(Request("GET", f"https://mdm.example{DISCOVERY}"))
    assert (probe.status, probe.body, probe.headers["content-length"]) == (200, b"", "0")
    response = served.post(DISCOVERY, discover())
    assert response.headers["content-type"] == "application/soap+xml; charset=utf-8"
    assert response.headers["content-length"] == str(len(response.body))
    root = ElementTree.fromstring(response.body)
    result = root.find(".//{*}DiscoverResult")
    assert result is not None
    assert [(one.tag.rpartition("}")[2], one.text) for one in result] == [
        ("AuthPolicy", "Federated"),
        ("EnrollmentVersion", "5.0"),
        ("EnrollmentPolicyServiceUrl", "https://localhost/EnrollmentServer/policy"),
        ("EnrollmentServiceUrl", "https://localhost/EnrollmentServer/DeviceEnrollmentWebService.svc"),
        ("AuthenticationServiceUrl", "https://localhost/EnrollmentServer/auth"),
    ]
    assert root.findtext(".//{*}RelatesTo") == "urn:uuid:22222222-3333-4444-5555-666666666666"
    assert root.find(".//{*}ActivityId") is not None


@pytest.mark.parametrize(
    ("policies", "version", "wanted"),
    [
        (("OnPremise",), "4.0", ["OnPremise", "4.0"]),
        (("Federated", "OnPremise"), "9.0", ["Federated", "5.0"]),
        ((), "1.0", ["Federated", None]),
        (("OnPremise",), "nonsense", ["OnPremise", None]),
    ],
)
def test_the_server_takes_what_the_client_can(policies: tuple[str, ...], version: str, wanted: list[str | None]) -> None:
    root = ElementTree.fromstring(Served().post(DISCOVERY, discover(policies, version=version)).body)
    assert [root.findtext(".//{*}AuthPolicy"), root.findtext(".//{*}EnrollmentVersion")] == wanted


def test_discovery_is_where_an_mdm_of_the_tenant_says_and_where_fleets_client_expects_it() -> None:
    mdm = {"id": "m", "displayName": "Tailspin", "appliesTo": "all", "discoveryUrl": "https://mdm.tailspin.example/discovery"}
    served = Served({"tenant.mobilityManagementPolicies": [mdm]})
    for path in ("/discovery", "/api/mdm/microsoft/discovery", "/enrollmentserver/discovery.svc"):
        assert served.send(Request("GET", f"https://mdm.example{path}")).status == 200
        assert b"DiscoverResult" in served.post(path, discover()).body


def test_a_name_that_leads_nowhere_is_refused_with_the_nearest_fault() -> None:
    response = Served().post(DISCOVERY, discover(user="ann@corp.local"))
    with pytest.raises(ServiceFault) as caught:
        soap_faults.envelope_of(response)
    assert caught.value.code == "0x80180003"
    assert "not routable" in caught.value.reason


BAD = (
    b"", b"\xff\xfe", b"<a/>", b"<html><body>proxy</body></html>", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
    ENVELOPE.format(secext=SECEXT, action="x", security="", body="").encode(),
    ENVELOPE.format(secext=SECEXT, action="x", security="", body="<a/><b/>").encode(),
    ENVELOPE.format(secext=SECEXT, action="x", security="", body="<Discover/>").encode(),
    ENVELOPE.format(secext=SECEXT, action="x", security="", body="<GetPoliciesResponse/>").encode(),
)  # fmt: skip


@pytest.mark.parametrize("path", [DISCOVERY, "/EnrollmentServer/policy", "/EnrollmentServer/DeviceEnrollmentWebService.svc"])
@pytest.mark.parametrize("body", BAD)
def test_what_is_no_message_gets_the_fault_for_that(path: str, body: bytes) -> None:
    response = Served().post(path, body)
    assert response.status == 500
    assert b"s:MessageFormat" in response.body


@given(st.binary(max_size=200))
@settings(max_examples=40)
def test_no_bytes_break_a_reader(data: bytes) -> None:
    for read in (soap.read, lambda it: discovery.decode_request(soap.read(it))):
        with pytest.raises(Malformed):
            read(data)


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (Response(200), "0x80180029"),
        (Response(200, {}, b"<html><body>sign in to the proxy</body></html>"), "0x80180001"),
        (Response(200, {}, b"not even that"), "0x80180001"),
        (Response(404), "0x80190194"),
        (Response(503, {}, b"<html/>"), "0x801901F7"),
        (Response(429), "0x80180033"),
        (Response(200, {}, fault("s:Authorization", "DeviceCapReached")), "0x80180013"),
        (Response(307, {"location": "http://mdm.fabrikam.example/"}), "0x8018001A"),
        (Response(302, {"location": "https://["}), "0x8018001A"),
        (Response(200, {}, found(enrolment_url="nothing")), "0x80180001"),
        (Response(200, {}, found(authentication="Kerberos")), "0x80180001"),
        (Response(200, {}, found(policy_url="https://elsewhere.example/p")), "0x80180001"),
    ],
)
def test_an_answer_that_is_none_has_the_code_of_windows(response: Response, code: str) -> None:
    serve, _ = answering(Response(200), response)
    with pytest.raises(ServiceFault) as caught:
        run(discovery.discover(DiscoverEnrolment(USER, URL), stranger_wallet()), serve)
    assert caught.value.code == code


def test_a_throttled_device_knows_when_to_come_back() -> None:
    serve, _ = answering(Response(429, {"retry-after": "30"}))
    with pytest.raises(ServiceFault) as caught:
        run(discovery.discover(DiscoverEnrolment(USER, URL), stranger_wallet()), serve)
    assert (caught.value.code, caught.value.retry_after) == ("0x80180033", 30_000)


def test_a_server_that_does_not_answer_the_probe_is_not_asked_further() -> None:
    serve, seen = answering(Response(404))
    with pytest.raises(ServiceFault) as caught:
        run(discovery.discover(DiscoverEnrolment(USER, URL), stranger_wallet()), serve)
    assert (caught.value.code, len(seen)) == ("0x80190194", 1)


def test_redirects_to_https_are_followed_but_not_for_ever() -> None:
    there = "https://eu.fabrikam.example/Discovery.svc"
    serve, seen = answering(Response(302, {"location": there}), Response(200), Response(200, {}, found()))
    run(discovery.discover(DiscoverEnrolment(USER, URL), stranger_wallet()), serve)
    assert [one.url for one in seen] == [URL, there, there]
    with pytest.raises(ServiceFault):
        run(discovery.discover(DiscoverEnrolment(USER, URL), stranger_wallet()), lambda _: Response(302, {"location": there}))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("redirects", [5, 6])
def test_five_redirects_of_each_request_are_followed(method: str, redirects: int) -> None:
    asked: list[int] = []

    def serve(request: Request) -> Response:
        if request.method != method:
            return Response(200) if method == "POST" else Response(200, {}, found())
        asked.append(1)
        if len(asked) <= redirects:
            return Response(302, {"location": "https://eu.fabrikam.example/Discovery.svc"})
        return Response(200, {}, found())

    def discover() -> None:
        run(discovery.discover(DiscoverEnrolment(USER, URL), stranger_wallet()), serve)

    if redirects == 5:
        discover()
    else:
        with pytest.raises(ServiceFault):
            discover()
    assert len(asked) == 6


ALL_FAULTS = [(f"s:{name}", "", code) for name, code in soap_faults.SUBCODES.items()] + [
    ("s:Authentication", name, code) for name, code in soap_faults.ERROR_TYPES.items()
]


@pytest.mark.parametrize(("subcode", "error_type", "code"), [*ALL_FAULTS, ("s:Surprise", "", "0x80180008")])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_every_fault_of_the_table_is_understood(subcode: str, error_type: str, code: str, lower: bool, status: int) -> None:
    with pytest.raises(ServiceFault) as caught:
        soap_faults.envelope_of(Response(status, {}, fault(subcode, error_type, lower=lower)))
    assert caught.value.code == code


def test_an_error_type_nobody_knows_leaves_the_subcode_in_charge_and_soap_1_1_is_read() -> None:
    body = fault("a:InternalServiceFault", "Surprise", namespace="http://schemas.xmlsoap.org/soap/envelope/")
    with pytest.raises(ServiceFault) as caught:
        soap_faults.envelope_of(Response(500, {}, body))
    assert (caught.value.code, caught.value.reason) == ("0x80180006", "limit")


@pytest.mark.parametrize("code", [*soap_faults.SUBCODES.values(), *soap_faults.ERROR_TYPES.values(), "0x80180008"])
def test_every_refusal_survives_the_wire(code: str) -> None:
    refuse = soap_faults.refusing(discovery.ANSWER_ACTION)
    response = refuse(ServiceFault(code, "no <entry> \x00 here"), Incoming("POST", "/", body=discover().encode()))
    assert b"urn:uuid:22222222-3333-4444-5555-666666666666" in response.body
    with pytest.raises(ServiceFault) as caught:
        soap_faults.envelope_of(response)
    assert (caught.value.code, caught.value.reason) == (code, "no <entry>   here")


@pytest.mark.parametrize(("code", "nearest"), soap_faults.NEAREST.items())
def test_a_code_without_a_fault_of_its_own_gets_the_nearest(code: str, nearest: str) -> None:
    response = soap_faults.refusing("x")(ServiceFault(code), Incoming("POST", "/"))
    if code != "0x801901AD":
        with pytest.raises(ServiceFault) as caught:
            soap_faults.envelope_of(response)
        assert caught.value.code == nearest
    else:
        assert response.status == 429


@given(st.sampled_from(["sha1", "sha256", "sha384", "sha512"]), st.integers(2048, 4096))
@settings(max_examples=20)
def test_a_policy_survives_the_wire(algorithm: str, length: int) -> None:
    policy = xcep.Policy(length, algorithm)
    assert xcep.decode_answer(soap.read(xcep.encode_answer(policy, "urn:uuid:x"))) == policy


def test_the_hash_may_be_named_together_with_rsa() -> None:
    answer = xcep.encode_answer(xcep.Policy(2048, "sha512"), "urn:uuid:x")
    named = answer.replace(b"2.16.840.1.101.3.4.2.3", b"1.2.840.113549.1.1.13")
    assert named != answer and xcep.decode_answer(soap.read(named)).algorithm == "sha512"


def policies(inside: str) -> soap.Envelope:
    body = (
        f'<GetPoliciesResponse xmlns="{xcep.NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{inside}'
        "</GetPoliciesResponse>"
    )
    return soap.read(ENVELOPE.format(secext=SECEXT, action="x", security="", body=body).encode())


def test_an_answer_that_is_all_nil_leaves_the_defaults() -> None:
    assert (
        xcep.decode_answer(policies('<response xsi:nil="true"/><cAs xsi:nil="true"/><oIDs xsi:nil="true"/>')) == xcep.Policy()
    )
    assert xcep.decode_answer(policies("")) == xcep.Policy(2048, "sha1")


def test_a_key_that_cannot_be_made_is_told_so() -> None:
    inside = (
        "<response><policies><policy><attributes><privateKeyAttributes><minimalKeyLength>65536</minimalKeyLength>"
        "</privateKeyAttributes></attributes></policy></policies></response>"
    )
    with pytest.raises(ServiceFault) as caught:
        xcep.decode_answer(policies(inside))
    assert caught.value.code == "0x80180027"


def test_anybody_is_told_the_policies_at_both_addresses() -> None:
    asked = xcep.encode_request("https://mdm.example/p", MESSAGE_ID, soap.Credentials())
    for path in xcep.PATHS:
        assert xcep.decode_answer(soap.read(Served().post(path, asked).body)) == xcep.Policy(2048, "sha256")


@pytest.mark.parametrize("url", ["https://[x", "mdm/discovery", "https://mdm.x.example/a<b>/c", ""])
def test_an_mdm_whose_address_is_none_does_not_break_the_server(url: str) -> None:
    mdm = {"id": "m", "displayName": "Tailspin", "appliesTo": "all", "discoveryUrl": url}
    served = Served({"tenant.mobilityManagementPolicies": [mdm]})
    assert b"DiscoverResult" in served.post(DISCOVERY, discover()).body
