"""The extension and its gateway: every payload round trip, every question over bytes, and peers that are not ours."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.ime import (
    Apps,
    FileRule,
    GetContentInfo,
    GetRequiredApps,
    GetScripts,
    GetSelectedApps,
    ReportAppResult,
    Script,
    Scripts,
    Win32App,
)
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.testing.in_process import InProcessNet
from autopilot_agent.testing.in_process import one_authority as shared_authority
from autopilot_agent.testing.samples import enrol_call
from autopilot_agent.testing.small import EDITOR, PORTAL, USER_ID, small_state
from autopilot_agent.wire import clients, ime, ime_apps, members, tokens
from autopilot_agent.wire.authority import common_name, thumbprint
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Credential, Tokens, Wallet

DEVICE, OTHER = "0F" * 16, "1E" * 16
NOBODY = "ffffffff-ffff-4fff-8fff-ffffffffffff"


class Served:
    """A served small tenant, one device that is enrolled in it, and its certificate."""

    def __init__(self, *, private: bool = False, changes: dict[str, object] | None = None) -> None:
        self.state = small_state(changes)
        self.desk = TenantDesk(self.state, shared_authority())
        self.net = InProcessNet(Application(self.desk))
        self.wallet = Wallet(KeySource(pooled=True), private=private)
        self.backend = HttpBackend(self.net, self.wallet)
        self.enrolment = MemoryBackend(self.state).send(enrol_call(), now=0).enrolment_id
        self.wallet.mdm = self.certify(DEVICE, self.enrolment)

    def certify(self, device_id: str, enrolment: str) -> Credential:
        key = self.wallet.new_key(device_id)
        certificate = self.desk.authority.issue(key.public_key(), common_name(device_id))
        self.desk.records.put(clients.CERTIFICATE, thumbprint(certificate), {"device_id": device_id})
        self.desk.records.put(clients.ENROLMENT, device_id, {"enrolment_id": enrolment})
        return Credential(certificate, key)

    def sign_in(self) -> None:
        token = tokens.mint(self.desk.authority, {"use": "access", "oid": USER_ID, "aud": ime.RESOURCE}, 1_900_000_000, 10**9)
        self.wallet.users[USER_ID] = Tokens({"": token, ime.RESOURCE: token}, {"": 10**12, ime.RESOURCE: 10**12})

    def ask(self, call: Any) -> Any:
        return self.backend.send(call, now=60_000)

    def put(self, body: object, certificate: str = "mdm", suffix: str = "('0a')?api-version=1.5") -> Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"https://localhost{ime.GATEWAY}/SideCarGatewaySessions{suffix}"
        return self.net.send(Request("PUT", url, {"content-type": "application/json"}, data, certificate), self.wallet)

    def question(self, operation: str, payload: str = "[]") -> dict[str, Any]:
        return {"Key": "0a", "SessionId": "0a", "RequestContentType": operation, "RequestPayload": payload, "ClientInfo": "{}"}


@pytest.fixture
def served() -> Served:
    return Served()


WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
NATURAL = st.integers(0, 10**12)


def words(known: dict[str, int]) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(known))


@st.composite
def rules(draw: st.DrawFn) -> FileRule:
    kind = draw(words(ime_apps.RULES))
    operation = draw(words(ime_apps.FORMS[kind].operations) | st.sampled_from(["appVersion", "sizeInBytes"]))
    return FileRule(kind, draw(WORDS), draw(WORDS), operation, draw(words(ime_apps.OPERATORS)), draw(WORDS))


APPS = st.builds(
    Win32App,
    WORDS,
    WORDS,
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(["system", "user"]),
    st.sampled_from(["device", "account", "user"]),
    WORDS,
    NATURAL,
    st.sampled_from(["win32LobApp", "winGetApp", "win32CatalogApp"]),
    words(ime_apps.RESTARTS),
    st.lists(rules(), max_size=3).map(tuple),
    st.lists(rules(), max_size=3).map(tuple),
    st.lists(words(ime_apps.ARCHITECTURES), max_size=3).map(tuple),
    NATURAL,
    NATURAL,
    NATURAL,
    NATURAL,
    NATURAL,
    st.lists(st.tuples(st.integers(-(2**31), 2**31), words(ime_apps.MEANINGS)), max_size=3).map(tuple),
    st.lists(st.tuples(WORDS, words(ime_apps.ACTIONS)), max_size=3).map(tuple),
    NATURAL,
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(APPS, max_size=3), st.lists(APPS, max_size=2))
def test_every_field_of_an_app_survives_the_gateway(apps: list[Win32App], others: list[Win32App]) -> None:
    sent = Apps(tuple(apps), tuple(others))
    assert ime_apps.decode_apps(ime_apps.unpack(ime_apps.pack(ime_apps.encode_apps(sent)))) == sent


@given(st.lists(st.builds(Script, WORDS, WORDS, st.sampled_from(["system", "user"])), max_size=4))
def test_every_script_survives_the_gateway(scripts: list[Script]) -> None:
    sent = Scripts(tuple(scripts))
    assert ime_apps.decode_scripts(members.decode(members.encode(ime_apps.encode_scripts(sent)))) == sent


def test_a_packed_payload_is_always_the_same_and_is_what_others_unpack() -> None:
    packed = ime_apps.pack([{"Id": "a"}])
    data = base64.b64decode(packed)
    (length,) = struct.unpack("<I", data[:4])
    assert gzip.decompress(data[4:]) == b'[{"Id":"a"}]' and length == 12
    assert packed == ime_apps.pack([{"Id": "a"}]) and data[8:12] == b"\0\0\0\0"


def packed(plain: bytes, length: int | None = None) -> str:
    return base64.b64encode(struct.pack("<I", len(plain) if length is None else length) + gzip.compress(plain)).decode()


@pytest.mark.parametrize(
    "payload",
    [
        "no base64!",
        "AAA=",
        base64.b64encode(b"\x05\0\0\0no gzip").decode(),
        packed(b"[]", 3),
        packed(b"[]", 1),
        packed(b"[]", 0xFFFFFFFF),
        packed(b"0" * 30_000_000, 100),
        packed(b"{"),
        packed(b"[" * 100_000),
        packed(b"[]")[:24] + "AAAA",
    ],
    ids=range(10),
)
def test_a_payload_that_is_none_or_a_bomb_is_malformed(payload: str) -> None:
    with pytest.raises(Malformed):
        ime_apps.unpack(payload)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(ime_apps._encode(Win32App("a", "a", 1, "system", "device", "", 0), 3))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*NAMES, "InstallBehavior"]), JUNK | JUNK.map(json.dumps), max_size=8)) | JUNK)
def test_members_of_any_type_never_escape(payload: object) -> None:
    found = ime_apps.decode_apps(payload)
    assert all(app.milliseconds >= 0 and app.size >= 0 for app in found.apps + found.others)
    ime_apps.decode_scripts(payload)


def test_an_app_of_a_foreign_gateway_gets_sensible_values() -> None:
    listed = [
        {
            "Id": "app-1",
            "Name": "Viewer",
            "Version": "3",
            "Intent": 3,
            "TargetType": 1,
            "InstallContext": 1,
            "InstallCommandLine": "setup.exe",
            "DetectionRule": '[{"DetectionType":2,"DetectionText":"{\\"Path\\":\\"C:\\\\\\\\V\\",\\"DetectionType\\":1}"}]',
            "RequirementRules": '{"RequiredOSArchitecture":2,"MinimumWindows10BuildNumer":"10.0.18363"}',
            "InstallEx": '{"RunAs":1,"MaxRunTimeInMinutes":90,"DeviceRestartBehavior":2}',
            "ReturnCodes": '[{"ReturnCode":3010,"Type":2}]',
            "FlatDependencies": [{"AppId": "app-1", "ChildId": "app-2", "Action": 10}, {"AppId": "app-2", "ChildId": "app-3"}],
        },
        {"Id": "app-2", "Intent": 0},
        {"Id": "app-4", "Intent": 4},
        {"Name": "without an id"},
    ]
    found = ime_apps.decode_apps(listed)
    assert [app.id for app in found.apps] == ["app-1"] and [app.id for app in found.others] == ["app-2"]
    app = found.apps[0]
    assert (app.version, app.context, app.target, app.milliseconds) == (3, "user", "account", 5_400_000)
    assert app.detection == (FileRule("file_system", "C:\\V", "", "exists"),)
    assert (app.architectures, app.minimum_build, app.restart_behavior) == (("x64",), 18363, "suppress")
    assert (app.return_codes, app.dependencies) == (((3010, "softReboot"),), (("app-2", "autoInstall"),))
    assert found.others[0] == Win32App("app-2", "app-2", 1, "system", "device", "", 3_600_000)


def test_a_device_is_known_by_its_certificate_alone(served: Served) -> None:
    reference = MemoryBackend(served.state)
    for call in (GetSelectedApps("", "device"), GetRequiredApps(""), GetScripts("")):
        wanted = type(call)(served.enrolment, *([call.phase] if isinstance(call, GetSelectedApps) else []))
        assert served.ask(call) == reference.send(wanted, now=60_000)
    assert [app.id for app in served.ask(GetRequiredApps("")).apps] == [PORTAL, EDITOR]


def test_the_phase_reaches_the_gateway(served: Served) -> None:
    served.sign_in()
    assert [app.id for app in served.ask(GetSelectedApps("", "device")).apps] == [PORTAL]
    assert [app.id for app in served.ask(GetSelectedApps("", "account", USER_ID)).apps] == [EDITOR]


def test_a_result_is_kept(served: Served) -> None:
    served.ask(ReportAppResult("", PORTAL, "failed", "0x87D1041C"))
    assert served.state.enrolled[served.enrolment].app_results[PORTAL] == "failed"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([{"ApplicationId": PORTAL, "EnforcementState": 1000}], "installed"),
        ({"ApplicationId": PORTAL, "EnforcementState": 5006, "ErrorCode": -2016345060}, "failed"),
        ([{"ApplicationId": PORTAL, "EnforcementState": 3000, "ErrorCode": 1603}, 7, None], "notApplicable"),
    ],
)
def test_results_of_other_agents_are_read(served: Served, told: object, state: str) -> None:
    assert served.put(served.question("Win32AppResult", json.dumps(told))).good
    assert served.state.enrolled[served.enrolment].app_results == {PORTAL: state}


@pytest.mark.parametrize(("code", "kept"), [("0x80070643", "0x80070643"), ("7" * 5000, "7" * 32), ("\x1b[31m", "")])
def test_texts_of_other_agents_are_bounded(served: Served, code: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[ReportAppResult] = []
    answer = served.desk.answer

    def listen(call: Any, incoming: Any) -> Any:
        calls.append(call)
        return answer(call, incoming)

    monkeypatch.setattr(served.desk, "answer", listen)
    told = [{"ApplicationId": PORTAL, "Result": "x" * 5000, "EnforcementState": 1000, "ErrorCode": code}]
    assert served.put(served.question("Win32AppResult", json.dumps(told))).good
    assert [(call.state, call.code) for call in calls] == [("installed", kept)]


def test_an_unknown_app_is_refused_in_the_answer_itself(served: Served) -> None:
    with pytest.raises(ServiceFault) as caught:
        served.ask(GetContentInfo("", NOBODY))
    assert caught.value.code == "0x87D30065"


def test_without_a_certificate_the_gateway_is_closed(served: Served) -> None:
    served.wallet.mdm = None
    enrolment = served.enrolment
    for call in (GetSelectedApps(enrolment, "device"), GetScripts(enrolment), GetContentInfo(enrolment, PORTAL)):
        with pytest.raises(ServiceFault) as caught:
            served.ask(call)
        assert caught.value.code == "0x80190193"
    assert served.put(served.question("GetSelectedApp")).status == 403


def test_a_certificate_of_nobody_here_is_refused(served: Served) -> None:
    key = served.wallet.new_key("stranger")
    foreign = type(served.desk.authority).make()
    served.wallet.mdm = Credential(foreign.issue(key.public_key(), common_name("x")), key)
    assert served.put(served.question("GetSelectedApp")).status == 403


def test_a_device_cannot_speak_for_another() -> None:
    served = Served(private=True)
    served.wallet.mdm = served.certify(OTHER, "another enrolment")
    for call in (GetSelectedApps(served.enrolment, "device"), ReportAppResult(served.enrolment, PORTAL, "installed", "0")):
        with pytest.raises(ServiceFault) as caught:
            served.ask(call)
        assert caught.value.code == "0x80190193"
    assert not served.state.enrolled[served.enrolment].app_results


def test_an_enrolment_that_was_deleted_is_refused(served: Served) -> None:
    served.ask(GetScripts(""))
    del served.state.enrolled[served.enrolment]
    with pytest.raises(ServiceFault) as caught:
        served.ask(GetScripts(""))
    assert caught.value.code == "0x80190193"


def test_a_token_that_is_not_good_is_refused(served: Served) -> None:
    url = f"https://localhost{ime.GATEWAY}/SideCarGatewaySessions('0a')"
    for token in ("junk", tokens.mint(served.desk.authority, {"oid": USER_ID}, 1_000)):
        request = Request("PUT", url, {"authorization": f"Bearer {token}"}, b"{}", "mdm")
        assert served.net.send(request, served.wallet).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 200_000,
        b'"\xff"',
        {"RequestContentType": "MakeCoffee"},
        {"RequestContentType": ["GetSelectedApp"]},
        {},
    ],
)
def test_a_session_that_asks_for_nothing_is_a_bad_request(served: Served, body: object) -> None:
    assert served.put(body).status == 400


@pytest.mark.parametrize("payload", ["", "null", "[]", "{", "7", '{"ApplicationId":7}', '{"ApplicationId":"\\u0000"}'])
def test_questions_with_a_wrong_payload_are_answered_or_refused(served: Served, payload: str) -> None:
    for operation in ("GetSelectedApp", "Win32AppResult", "GetContentInfo", "PolicyRequest"):
        assert served.put(served.question(operation, payload)).status in (200, 400)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["RequestContentType", "RequestPayload", "CheckinReasonPayload", "Key"]), JUNK) | JUNK)
def test_any_body_is_answered_or_refused(body: object) -> None:
    assert FUZZED.put(body).status in (200, 400)


FUZZED = Served()


def test_a_client_like_pytune_is_served(served: Served) -> None:
    """No token, no phase, members as null; it reads gzip for apps and plain text for scripts."""
    url = "https://localhost" + ime.ADDRESSES
    found = served.net.send(Request("GET", url, certificate="mdm"), served.wallet)
    services = json.loads(found.body)[0]["Services"]
    gateway = next(one["Url"] for one in services if one["ServiceName"] == "SideCarGatewayService")
    assert gateway == "https://localhost" + ime.GATEWAY
    body = {**served.question("GetSelectedApp"), "CheckinReason": "AgentRestart", "CheckinReasonPayload": None}
    answer = json.loads(served.put(body).body)
    assert set(body) | {"odata.metadata", "odata.id"} <= set(answer) and answer["CheckinIntervalMinutes"] == 56
    data = base64.b64decode(answer["ResponsePayload"])
    listed = json.loads(gzip.decompress(data[4:]))
    assert [(one["Id"], one["Version"], one["Intent"]) for one in listed] == [(PORTAL, 1, 3)]
    scripts = json.loads(json.loads(served.put(served.question("PolicyRequest")).body)["ResponsePayload"])
    assert [one["PolicyType"] for one in scripts] == [1]
    assert json.loads(json.loads(served.put(served.question("GetScript")).body)["ResponsePayload"]) == []


@pytest.mark.parametrize("suffix", ["('0a')", "('0a')%3Fapi-version=1.5", "(guid'0a')?api-version=1.5", "%28%270a%27%29"])
def test_the_key_of_a_session_may_be_written_in_several_ways(served: Served, suffix: str) -> None:
    assert served.put(served.question("GetAvailableApp"), suffix=suffix).good


def told_by(responses: list[Response], call: Any, wallet: Wallet) -> Any:
    """What a flow makes of the responses of a foreign gateway."""
    flow = ime.FLOWS[type(call)](call, wallet)
    next(flow)
    try:
        for response in responses:
            flow.send(response)
    except StopIteration as end:
        return end.value
    raise AssertionError("the flow asks for more")


def foreign() -> Wallet:
    wallet = Wallet(KeySource(pooled=True), private=False)
    wallet.places["ime"] = "https://sidecar.fabrikam.example/gateway"
    return wallet


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'[{"Services":7}]', b'[{"Services":[{"ServiceName":"SideCarGatewayService","Url":"file:///x"}]}]'],
)
def test_addresses_without_a_gateway_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        told_by([Response(200, {}, body)], GetScripts(""), Wallet(KeySource(pooled=True), private=False))


def test_a_gateway_that_has_moved_is_looked_for_anew() -> None:
    wallet = foreign()
    with pytest.raises(ServiceFault):
        told_by([Response(404)], GetScripts(""), wallet)
    assert "ime" not in wallet.places


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"ErrorCode": -2016214939}, "0x87D30065"),
        ({"ErrorCode": "0x87D30065"}, "0x87D30065"),
        ({"ContentInfo": None}, "0x87D30065"),
        ({"ContentInfo": "{"}, "0x87D30065"),
    ],
)
def test_a_content_info_without_a_place_is_a_refusal(payload: dict[str, object], code: str) -> None:
    body = json.dumps({"ResponsePayload": json.dumps(payload)}).encode()
    with pytest.raises(ServiceFault) as caught:
        told_by([Response(200, {}, body)], GetContentInfo("", "app"), foreign())
    assert caught.value.code == code


def test_the_question_for_content_names_what_the_list_said() -> None:
    wallet = foreign()
    listed = ime_apps.pack([{"Id": "app", "Name": "Viewer", "Version": 7}])
    told_by([Response(200, {}, json.dumps({"ResponsePayload": listed}).encode())], GetRequiredApps(""), wallet)
    request = next(ime.content_info(GetContentInfo("", "app"), wallet))
    body = json.loads(request.body)
    payload = json.loads(body["RequestPayload"])
    assert (payload["ApplicationName"], payload["ApplicationVersion"], payload["CertificateBlob"]) == ("Viewer", 7, None)
    assert request.method == "PUT" and request.certificate == "mdm"
    assert request.url == f"https://sidecar.fabrikam.example/gateway/SideCarGatewaySessions('{body['Key']}')?api-version=1.5"
    assert body["CheckinReason"] == "ESP" and body["ResponsePayload"] is None
