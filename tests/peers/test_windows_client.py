"""Windows, as small as it can be, against the served tenant (protocols.md 18.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from plumbing import claims_of, der_of
from windows_client import DRS, INTUNE, FaultError, WindowsClient

from autopilot_agent.testing.small import SMALL, USER, small_device

FIRST_SYNC = "./Device/Vendor/MSFT/DMClient/Provider/MS DM Server/FirstSyncStatus"
USER_SYNC = FIRST_SYNC.replace("./Device", "./User")


def pc(served: Any, **changes: str | None) -> WindowsClient:
    return WindowsClient(served.base, None, served.send, changes)


def enrolled(served: Any, **changes: str | None) -> WindowsClient:
    client = pc(served, **changes)
    client.probe()
    client.discover(USER)
    client.enrol(client.sign_in(USER, "right password", INTUNE))
    return client


def test_a_ticket_is_had_with_the_name_and_password_of_the_device(serve: Callable[..., Any]) -> None:
    client = pc(serve())
    assert client.get_ticket().startswith("t=")


def test_the_profile_comes_for_the_ticket_and_the_hash(serve: Callable[..., Any]) -> None:
    client = pc(serve())
    client.get_ticket()
    profile = client.get_profile(small_device().hardware.hash)
    assert profile["CloudAssignedTenantDomain"] == "contoso.example"
    assert profile["ZtdRegistrationId"]
    assert client.complaints == []


def test_it_joins_where_discovery_sends_it(serve: Callable[..., Any]) -> None:
    served = serve()
    client = pc(served)
    answer = client.join(client.sign_in(USER, "right password", DRS), "contoso.example")
    assert client.device is not None
    subject = x509.load_der_x509_certificate(der_of(client.device)).subject.rfc4514_string()
    assert subject.removeprefix("CN=") in served.state.joined
    assert answer["User"]["Upn"] == USER
    assert [one["LocalSID"] for one in answer["MembershipChanges"]] == ["S-1-5-32-544"]
    assert client.complaints == []


def test_the_join_of_an_unknown_domain_is_refused_at_discovery(serve: Callable[..., Any]) -> None:
    client = pc(serve())
    with pytest.raises(Exception, match="DRS discovery: HTTP 4"):
        client.join("token", "nowhere.example")


def test_the_token_of_a_sign_in_names_the_mdm(serve: Callable[..., Any]) -> None:
    served = serve()
    client = pc(served)
    claims = claims_of(client.sign_in(USER, "right password", INTUNE))
    assert claims["mdm_enrollment_url"].startswith(served.base)
    client.discover(USER, claims["mdm_enrollment_url"])
    assert client.complaints == []


def test_discovery_policy_and_enrolment_give_windows_no_reason_to_complain(serve: Callable[..., Any]) -> None:
    client = pc(serve())
    client.probe()
    client.discover(USER)
    token = client.sign_in(USER, "right password", INTUNE)
    policy = client.policy(token)
    assert policy == {"length": "2048", "hash": "2.16.840.1.101.3.4.2.1"}
    client.enrol(token)
    assert client.complaints == []


def test_the_first_answer_holds_the_status_page(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    client.check_in()
    for name in ("SkipDeviceStatusPage", "SkipUserStatusPage"):
        assert client.tree.values[f"{FIRST_SYNC}/{name}"] == "false"
    assert client.complaints == []


def test_device_sessions_go_to_their_end_without_a_complaint_and_say_that_the_server_is_done(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    sessions = [client.check_in() for _ in range(4)]
    assert sessions[0].seen[0][0] == "Get"
    assert sessions[-1].seen == []
    assert client.tree.values[f"{FIRST_SYNC}/ServerHasFinishedProvisioning"] == "true"
    assert client.complaints == []


def test_the_part_of_the_user_comes_when_the_user_has_signed_in(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    for _ in range(3):
        client.check_in()
    token = client.sign_in(USER, "right password", "https://manage.microsoft.com/")
    seen = [one for _ in range(3) for one in client.check_in(token).seen]
    assert any(uri.startswith("./User/") for _, uri, _ in seen)
    assert client.tree.values[f"{USER_SYNC}/ServerHasFinishedProvisioning"] == "true"
    assert client.complaints == []


def test_an_autopilot_device_enrols_with_its_registration(serve: Callable[..., Any]) -> None:
    served = serve()
    client = pc(served)
    registration = next(iter(served.state.registrations.values())).identity.id
    client.profile = {"ZtdRegistrationId": registration}
    client.discover(USER)
    client.enrol(client.sign_in(USER, "right password", INTUNE))
    assert served.state.history[0].registration_id == registration


@pytest.mark.parametrize(
    ("changes", "items", "code"),
    [
        ({"tenant.users": [{**SMALL["tenant"]["users"][0], "assignedLicenses": []}]}, {}, "0x80180018"),
        ({"cloud.enrolled_devices": 15}, {}, "0x80180013"),
        ({}, {"DeviceID": None}, "0x80180001"),
    ],
    ids=["no licence", "too many devices", "no DeviceID"],
)
def test_a_refusal_is_a_fault_that_windows_can_read(
    serve: Callable[..., Any], changes: dict[str, object], items: dict[str, str | None], code: str
) -> None:
    served = serve(changes)
    with pytest.raises(FaultError) as caught:
        enrolled(served, **items)
    assert caught.value.code == code
    assert served.state.history == []


def test_a_token_that_nobody_signed_is_a_fault_of_authentication(serve: Callable[..., Any]) -> None:
    served = serve()
    client = pc(served)
    client.discover(USER)
    with pytest.raises(FaultError) as caught:
        client.enrol("eyJhbGciOiJub25lIn0.e30.")
    assert caught.value.code in ("0x80180002", "0x80180007")


def test_a_certificate_of_another_device_opens_no_session(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    other = WindowsClient(served.base, None, served.send, {"DeviceID": "F" * 32})
    other.device_id = "F" * 32
    other.discover(USER)
    other.enrol(other.sign_in(USER, "right password", INTUNE))
    client.mdm = other.mdm
    with pytest.raises(Exception, match="HTTP 403"):
        client.check_in()


def test_a_hybrid_device_gets_its_blob(serve: Callable[..., Any]) -> None:
    client = enrolled(serve(), BootstrapDomainJoin="true")
    alerts = (("com.microsoft/MDM/OdjSync", "device"),)
    seen = [one for _ in range(3) for one in client.check_in(alerts=alerts).seen]
    assert [data for verb, uri, data in seen if verb == "Exec" and uri.endswith("OfflineDomainJoin/Blob")]
    assert client.complaints == []


def test_the_same_over_a_socket(serve: Callable[..., Any]) -> None:
    client = enrolled(serve().over_a_socket())
    client.check_in()
    assert client.complaints == []
