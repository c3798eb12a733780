"""On premises: when the connector makes a blob, what keeps it from it, and when a hybrid device is known in Entra."""

from __future__ import annotations

import pytest

from autopilot_agent.device.domain_blob import unpack
from autopilot_agent.errors import InputError, ServiceFault
from autopilot_agent.service.domain import (
    FindDomainController,
    GetUserToken,
    LogOnToDomain,
    ReadConnectionPoint,
    RegisterHybridDevice,
    WriteUserCertificate,
)
from autopilot_agent.service.ime import GetRequiredApps, GetSelectedApps
from autopilot_agent.service.management import DOMAIN_JOIN_ALERT, Alert, Commands, ManagementMessage
from autopilot_agent.service.uris import DOMAIN_JOIN_BLOB
from autopilot_agent.tenant.active_directory import Computer, wrong_unit
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import small_scenario, small_state
from autopilot_agent.testing.samples import enrol_call
from autopilot_agent.testing.small import DOMAIN, SMALL, USER

MINUTE = 60_000


def joining(changes: dict[str, object] | None = None) -> tuple[TenantState, str]:
    """A tenant with a hybrid enrolment that has not asked for its blob yet."""
    state = small_state(changes)
    return state, answer(state, enrol_call(registration_id="ztd", domain_join=True), 0).enrolment_id


def ask(state: TenantState, enrolment: str, now: int) -> Commands:
    return answer(state, ManagementMessage(enrolment, 1, 1, (Alert(1201), DOMAIN_JOIN_ALERT)), now)


def domain_join(**settings: object) -> dict[str, object]:
    policy = dict(SMALL["tenant"]["deviceConfigurations"][0])
    return {"tenant.deviceConfigurations": [{**policy, **settings}]}


def joined(changes: dict[str, object] | None = None) -> tuple[TenantState, str]:
    """A tenant with one computer object, and that computer's name."""
    state, enrolment = joining(changes)
    ask(state, enrolment, 0)
    blob = unpack(ask(state, enrolment, 0).commands[0].value)
    assert blob is not None
    return state, blob.computer_name


def test_the_first_check_in_only_reads_the_hardware() -> None:
    state, enrolment = joining()
    first = ask(state, enrolment, 0)
    assert [(one.verb, one.uri) for one in first.commands] == [("Get", "./DevDetail/Ext/DeviceHardwareData")]
    assert first.domain_join is not None
    assert first.domain_join.configured


def test_the_blob_comes_once_the_connector_had_its_time() -> None:
    state, enrolment = joining()
    state.active_directory.connector_takes = 2 * MINUTE
    ask(state, enrolment, 0)
    assert ask(state, enrolment, MINUTE).commands == ()
    made = ask(state, enrolment, 2 * MINUTE).commands
    assert [(one.verb, one.uri) for one in made] == [("Exec", DOMAIN_JOIN_BLOB)]
    blob = unpack(made[0].value)
    assert blob is not None
    assert blob.domain == DOMAIN
    assert blob.computer_name.startswith("CON-")
    assert len(blob.computer_name) == 15


def test_a_session_without_the_alert_brings_no_blob() -> None:
    state, enrolment = joining()
    ask(state, enrolment, 0)
    plain = answer(state, ManagementMessage(enrolment, 2, 1, (Alert(1201),)), 0)
    assert plain.domain_join is None
    assert all(one.uri != DOMAIN_JOIN_BLOB for one in plain.commands)


def test_an_enrolment_gets_one_computer_however_often_it_asks() -> None:
    state, enrolment = joining()
    for _ in range(4):
        ask(state, enrolment, 0)
    assert len(state.active_directory.computers) == 1


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"cloud.odj_connector": "down"}, "F-31"),
        ({"cloud.odj_connector": "inactive"}, "F-31"),
        ({"cloud.odj_connector": "no_rights"}, "F-32"),
        ({"cloud.odj_connector": "quota"}, "F-32"),
        (domain_join(organizationalUnit="CN=Computers,DC=corp,DC=contoso,DC=example"), "F-34"),
        (domain_join(organizationalUnit="OU=Autopilot"), "F-34"),
        (domain_join(activeDirectoryDomainName="corp.fabrikam.example"), "H4"),
    ],
)
def test_what_hinders_the_connector_keeps_the_blob_back(changes: dict[str, object], rule: str) -> None:
    state, enrolment = joining(changes)
    ask(state, enrolment, 0)
    later = ask(state, enrolment, 20 * MINUTE)
    assert later.commands == ()
    assert later.domain_join is not None
    assert (later.domain_join.configured, later.domain_join.rule) == (True, rule)


def test_a_profile_for_users_does_not_reach_the_device() -> None:
    state, enrolment = joining(domain_join(assignments=["all users"]))
    standing = ask(state, enrolment, 0).domain_join
    assert standing is not None
    assert not standing.configured


def test_a_connector_that_comes_back_takes_the_request_up() -> None:
    state, enrolment = joining({"cloud.odj_connector": {"state": "down", "until": "10m"}})
    ask(state, enrolment, 0)
    assert ask(state, enrolment, 9 * MINUTE).commands == ()
    assert ask(state, enrolment, 11 * MINUTE).commands != ()


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("", ""),
        ("OU=Autopilot,DC=corp,DC=contoso,DC=example", ""),
        ('"OU=Autopilot,DC=corp"', "quotation marks"),
        ("CN=Computers,DC=corp", "container"),
        ("OU=Autopilot", "DC parts"),
        ("OU=Other,DC=corp", "there is no OU"),
    ],
)
def test_an_ou_is_a_full_name_of_something_that_exists(unit: str, said: str) -> None:
    known = ("OU=Autopilot,DC=corp,DC=contoso,DC=example",)
    wrong = wrong_unit(unit, known)
    assert said in wrong
    assert bool(wrong) == bool(said)


def test_the_sync_takes_a_certificate_with_its_next_cycle() -> None:
    directory = small_state().active_directory
    directory.sync_every, directory.sync_phase = 30 * MINUTE, 5 * MINUTE
    computer = Computer("CON-1", "", "guid", "sid", "password", 0)
    assert not directory.synced(computer, 60 * MINUTE)
    computer.certificate_at = 6 * MINUTE
    assert not directory.synced(computer, 34 * MINUTE)
    assert directory.synced(computer, 35 * MINUTE)


def test_a_sync_that_was_off_begins_when_it_is_on_again() -> None:
    directory = small_state({"cloud.entra_connect": {"state": "off", "until": "60m"}}).active_directory
    directory.sync_every = 10 * MINUTE
    computer = Computer("CON-1", "", "guid", "sid", "password", 0, certificate_at=MINUTE)
    assert not directory.synced(computer, 59 * MINUTE)
    assert directory.synced(computer, 60 * MINUTE)


def test_a_device_is_missing_in_entra_until_it_was_synced() -> None:
    state, name = joined()
    state.active_directory.sync = "off"
    computer = answer(state, WriteUserCertificate(DOMAIN, name), MINUTE)
    call = RegisterHybridDevice(computer.object_guid, name, DOMAIN, "10.0.26100.4349")
    with pytest.raises(ServiceFault, match="error_missing_device"):
        answer(state, call, 2 * MINUTE)
    state.active_directory.sync = "on"
    assert answer(state, call, 3 * MINUTE).device_id == computer.object_guid


def test_ad_fs_needs_no_sync() -> None:
    state, name = joined({"cloud.federated": True, "cloud.entra_connect": "off"})
    computer = answer(state, WriteUserCertificate(DOMAIN, name), MINUTE)
    assert answer(state, RegisterHybridDevice(computer.object_guid, name, DOMAIN, "10.0.26100.4349"), MINUTE)


def test_nobody_gets_a_token_on_a_device_that_is_not_registered() -> None:
    state, _ = joined()
    with pytest.raises(ServiceFault, match="has no token on this device"):
        answer(state, GetUserToken(USER, ""), 0)


def test_the_domain_checks_its_own_passwords() -> None:
    state, name = joined()
    assert answer(state, LogOnToDomain(DOMAIN, name, USER, "right password"), 0).user_name == USER
    for user, password in ((USER, "wrong"), (USER, ""), ("nobody@contoso.example", "right password")):
        with pytest.raises(ServiceFault, match="0x8007052E"):
            answer(state, LogOnToDomain(DOMAIN, name, user, password), 0)


def test_the_domain_knows_only_its_own_computers() -> None:
    state, _ = joined()
    with pytest.raises(ServiceFault, match="0x800706FC"):
        answer(state, LogOnToDomain(DOMAIN, "STRANGER", USER, "right password"), 0)
    with pytest.raises(ServiceFault, match="0x800706FC"):
        answer(state, WriteUserCertificate(DOMAIN, "STRANGER"), 0)


def test_a_controller_answers_for_its_domain_alone() -> None:
    state = small_state()
    assert answer(state, FindDomainController(DOMAIN.upper()), 0).name == f"dc1.{DOMAIN}"
    with pytest.raises(ServiceFault, match="0x8007054B"):
        answer(state, FindDomainController("corp.fabrikam.example"), 0)


def test_a_forest_may_lack_its_connection_point() -> None:
    assert answer(small_state(), ReadConnectionPoint(DOMAIN), 0).tenant_id
    with pytest.raises(ServiceFault, match="0x801C001D"):
        answer(small_state({"cloud.active_directory.connection_point": False}), ReadConnectionPoint(DOMAIN), 0)


def test_an_app_for_the_device_in_user_context_is_never_tracked_on_a_hybrid_device() -> None:
    app = {**SMALL["tenant"]["mobileApps"][0], "installExperience": {"runAsAccount": "user"}}
    state, enrolment = joining({"tenant.mobileApps": [app]})
    assert [answer(state, GetSelectedApps(enrolment, phase), 0).apps for phase in ("device", "account")] == [(), ()]
    assert [one.untracked for one in answer(state, GetRequiredApps(enrolment), 0).apps] == [True]
    ordinary = answer(state, enrol_call(registration_id="ztd"), 0).enrolment_id
    assert len(answer(state, GetSelectedApps(ordinary, "account"), 0).apps) == 1


@pytest.mark.parametrize("hybrid", [True, False])
def test_co_management_announces_a_provider_to_hybrid_devices(hybrid: bool) -> None:
    policy = {
        "@odata.type": "#microsoft.graph.deviceComanagementAuthorityConfiguration",
        "displayName": "Co-management",
        "priority": 1,
        "assignments": ["all devices"],
        "installConfigurationManagerAgent": True,
    }
    pages = [*SMALL["tenant"]["deviceEnrollmentConfigurations"], policy]
    state = small_state({"tenant.deviceEnrollmentConfigurations": pages})
    enrolment = answer(state, enrol_call(registration_id="ztd", domain_join=hybrid), 0).enrolment_id
    answer(state, ManagementMessage(enrolment, 1, 1, (Alert(1201),)), 0)
    sent = answer(state, ManagementMessage(enrolment, 1, 2), 0).commands
    assert any(one.uri.endswith("/PolicyProviders/ConfigMgr") for one in sent)
    # a hybrid device is told of the provider and never gets its client (F-39)
    assert any("9C0AE69B" in one.uri for one in sent) != hybrid


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"computerNameStaticPrefix": "CON-%SERIAL%"}, "macros such as %SERIAL% are not possible"),
        ({"computerNameStaticPrefix": "CONTOSO-LAPTOP-"}, "at most 12 characters"),
        ({"computerNameSuffixRandomCharCount": 12}, "12 random characters do not fit"),
        ({"activeDirectoryDomainName": ""}, "it names no domain"),
    ],
)
def test_a_domain_join_profile_that_intune_would_not_save_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        small_state(domain_join(**settings))


def test_a_vpn_client_that_no_app_installs_is_refused() -> None:
    with pytest.raises(InputError, match="the tenant has no app 'Nothing'"):
        small_state({"device.vpn": {"client": "Nothing"}})
    assert small_scenario({"device.vpn": {"client": "Company Portal"}}).scenario.device.vpn is not None
