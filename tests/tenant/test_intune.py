"""Intune: who may enrol, what the first settings say, and which commands a session brings, once and in order."""

from __future__ import annotations

from typing import Any

import pytest

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, Enrolled, EnrollMdm
from autopilot_agent.service.management import RESULT_ALERT, Alert, Command, Commands, ManagementMessage, Status
from autopilot_agent.service.uris import LIST_SEPARATOR, PROVIDERS, SIDECAR, first_sync
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import EDITOR, GRAPH, PORTAL, SMALL, USER_ID

Changes = dict[str, object]
MDM = "MS DM Server"
ROOT = first_sync(MDM)


def enrolment(registration: str = "ztd", *, edition: int = 48, user: str = USER_ID, oobe: bool = True) -> EnrollMdm:
    return EnrollMdm(
        user, "user1@contoso.example", "d1", "DESKTOP-1", registration, edition, "10.0.26100.4349", "5CG0000001", "Contoso",
        "Notebook 14", "aGFzaA==", oobe,
    )  # fmt: skip


def enrolled(changes: Changes | None = None, **more: Any) -> tuple[TenantState, Enrolled]:
    state = small_state(changes)
    return state, answer(state, enrolment(**more), 0)


def esp(**changes: object) -> Changes:
    page = dict(SMALL["tenant"]["deviceEnrollmentConfigurations"][0])
    return {"tenant.deviceEnrollmentConfigurations": [{**page, **changes}]}


def restriction(**platform: object) -> Changes:
    kind = GRAPH + "deviceEnrollmentPlatformRestrictionsConfiguration"
    return {
        "tenant.deviceEnrollmentConfigurations": [
            {"@odata.type": kind, "displayName": "All Users", "priority": 0, "windowsRestriction": platform}
        ]
    }


PERSONAL_BLOCKED = restriction(personalDeviceEnrollmentBlocked=True)


def play(state: TenantState, dm: Enrolled, number: int, user_id: str = "", *, code: int = 200) -> list[Command]:
    """One session; every Get is answered with "x", everything else with ``code``."""
    statuses: tuple[Status, ...] = ()
    alerts: tuple[Alert, ...] = (Alert(1201),)
    found: list[Command] = []
    for message in range(1, 30):
        got: Commands = answer(state, ManagementMessage(dm.enrolment_id, number, message, alerts, (), statuses, user_id), 0)
        if not got.commands:
            return found
        found.extend(got.commands)
        statuses = tuple(Status(one.id, 200, "x") if one.verb == "Get" else Status(one.id, code) for one in got.commands)
        alerts = ()
    raise AssertionError("the session does not end")


def by_uri(commands: list[Command]) -> dict[str, Command]:
    return {one.uri: one for one in commands}


def test_enrolment_is_found_at_intune() -> None:
    assert "manage.microsoft.com" in answer(small_state(), DiscoverEnrolment("user1@contoso.example", ""), 0).enrolment_url


@pytest.mark.parametrize(
    ("changes", "more", "expected"),
    [
        ({}, {"edition": 101}, ("0x80180022", "F-87")),
        ({}, {"edition": 100}, ("0x80180022", "F-87")),
        ({}, {"user": "nobody"}, ("0x80180002", "F-97")),
        ({"cloud.device_already_enrolled": True}, {}, ("0x8018000A", "F-28")),
        ({"cloud.enrolled_devices": 15}, {}, ("0x80180013", "F-25")),
        ({"tenant.users": [{**SMALL["tenant"]["users"][0], "assignedLicenses": []}]}, {}, ("0x80180018", "F-27")),
        (restriction(platformBlocked=True), {}, ("0x80180014", "F-26")),
        (PERSONAL_BLOCKED | {"device.registered": False}, {"registration": ""}, ("0x80180014", "F-77")),
    ],
    ids=str,
)
def test_each_refused_enrolment_has_its_code(changes: Changes, more: dict[str, Any], expected: tuple[str, str]) -> None:
    with pytest.raises(ServiceFault) as caught:
        enrolled(changes, **more)
    assert (caught.value.code, caught.value.rule) == expected


def test_a_registered_device_is_not_personal() -> None:
    assert enrolled(PERSONAL_BLOCKED)[1].enrolment_id


def test_the_limit_counts_the_devices_that_are_there() -> None:
    assert enrolled({"cloud.enrolled_devices": 4})[1].enrolment_id


def test_the_first_settings_describe_the_page() -> None:
    settings = dict(enrolled()[1].settings)
    assert settings[ROOT + "/SkipDeviceStatusPage"] == "false"
    assert settings[ROOT + "/SkipUserStatusPage"] == "false"
    assert settings[ROOT + "/TimeOutUntilSyncFailure"] == "60"


@pytest.mark.parametrize(
    ("changes", "bits"),
    [
        ({"blockDeviceSetupRetryByUser": True}, "0"),
        ({"blockDeviceSetupRetryByUser": False}, "2"),
        ({"blockDeviceSetupRetryByUser": False, "allowDeviceResetOnInstallFailure": True}, "3"),
        ({"blockDeviceSetupRetryByUser": False, "allowDeviceUseOnInstallFailure": True}, "6"),
        (
            {
                "blockDeviceSetupRetryByUser": False,
                "allowDeviceResetOnInstallFailure": True,
                "allowDeviceUseOnInstallFailure": True,
            },
            "7",
        ),
    ],
    ids=str,
)
def test_the_buttons_are_bits(changes: Changes, bits: str) -> None:
    assert dict(enrolled(esp(**changes))[1].settings)[ROOT + "/BlockInStatusPage"] == bits


def test_a_hidden_page_is_skipped() -> None:
    settings = dict(enrolled(esp(showInstallationProgress=False))[1].settings)
    assert (settings[ROOT + "/SkipDeviceStatusPage"], settings[ROOT + "/SkipUserStatusPage"]) == ("true", "true")


def test_a_tenant_without_a_page_has_the_built_in_hidden_one() -> None:
    found = enrolled({"tenant.deviceEnrollmentConfigurations": []})[1]
    assert found.esp_target == "default"
    assert dict(found.settings)[ROOT + "/SkipDeviceStatusPage"] == "true"


def test_outside_oobe_there_is_no_device_page() -> None:
    assert dict(enrolled(oobe=False)[1].settings)[ROOT + "/SkipDeviceStatusPage"] == "true"


def test_the_error_text_and_the_log_button_travel() -> None:
    changes = esp(customErrorMessage="Call us", allowLogCollectionOnInstallFailure=True)
    settings = dict(enrolled(changes)[1].settings)
    assert settings[ROOT + "/CustomErrorText"] == "Call us"
    assert settings[ROOT + "/AllowCollectLogsButton"] == "true"


def test_without_progress_no_other_setting_of_the_page_counts() -> None:
    changes = esp(
        showInstallationProgress=False,
        customErrorMessage="Call us",
        allowLogCollectionOnInstallFailure=True,
        allowDeviceResetOnInstallFailure=True,
    )
    settings = dict(enrolled(changes)[1].settings)
    assert settings[ROOT + "/CustomErrorText"] == ""
    assert settings[ROOT + "/AllowCollectLogsButton"] == "false"
    assert settings[ROOT + "/BlockInStatusPage"] == "0"


def test_the_first_session_reads_the_device_and_announces_the_extension() -> None:
    state, dm = enrolled()
    commands = play(state, dm, 1)
    assert commands[0].verb == "Get"
    assert by_uri(commands)[f"{PROVIDERS}/{SIDECAR}"].verb == "Add"
    assert [one for one in commands if one.verb == "Exec" and "EnterpriseDesktopAppManagement" in one.uri]


def test_without_apps_and_scripts_the_extension_is_not_sent() -> None:
    state, dm = enrolled({"tenant.mobileApps": [], "tenant.deviceManagementScripts": []})
    commands = play(state, dm, 1)
    assert not [one for one in commands if "EnterpriseDesktopAppManagement" in one.uri]
    assert by_uri(commands)[f"{PROVIDERS}/{SIDECAR}/InstallationState"].value == "2"


def test_device_setup_ends_with_the_server_s_word_and_comes_once() -> None:
    state, dm = enrolled()
    play(state, dm, 1)
    second, third = play(state, dm, 2), play(state, dm, 3)
    done = ROOT + "/ServerHasFinishedProvisioning"
    assert by_uri(second)[done].value == "true"
    assert done not in by_uri(third)
    assert third == []


def test_the_result_is_asked_for_when_the_device_says_that_there_is_one() -> None:
    state, dm = enrolled()
    play(state, dm, 1)
    play(state, dm, 2)
    message = ManagementMessage(dm.enrolment_id, 3, 1, (Alert(1201), RESULT_ALERT))
    assert [one.uri for one in answer(state, message, 0).commands] == [ROOT + "/WasDeviceSuccessfullyProvisioned"]


def test_account_setup_comes_with_a_user_and_once() -> None:
    state, dm = enrolled()
    for number in (1, 2):
        play(state, dm, number)
    done = first_sync(MDM, user=True) + "/ServerHasFinishedProvisioning"
    assert by_uri(play(state, dm, 3, USER_ID))[done].value == "true"
    assert done not in by_uri(play(state, dm, 4, USER_ID))


def test_ids_of_commands_are_unique_within_an_enrolment() -> None:
    state, dm = enrolled()
    ids = [one.id for number, user in enumerate(("", "", USER_ID), 1) for one in play(state, dm, number, user)]
    assert len(ids) == len(set(ids))


def test_a_packaged_app_is_on_the_list_of_its_phase() -> None:
    product = "{12345678-0000-4000-8000-000000000001}"
    msi = {"@odata.type": GRAPH + "windowsMobileMSI", "displayName": "Agent", "productCode": product, "productVersion": "1.0",
           "assignments": ["all devices"]}  # fmt: skip
    state, dm = enrolled({"tenant.mobileApps": [msi]})
    play(state, dm, 1)
    listed = by_uri(play(state, dm, 2))[ROOT + "/ExpectedMSIAppPackages"].value.split(LIST_SEPARATOR)
    assert len(listed) == 1
    assert listed[0].endswith("/Status;1")
    assert "12345678" in listed[0]


def test_failed_commands_are_kept_and_a_repeated_add_is_not_one() -> None:
    for code, kept in ((500, True), (418, False)):
        state, dm = enrolled()
        play(state, dm, 1)
        play(state, dm, 2, code=code)
        assert bool(state.recorded()["failed_commands"]) is kept


@pytest.mark.parametrize(("first", "second", "word"), [("1", "0", "success"), ("0", "1", "failure"), ("2", "1", "success")])
def test_the_report_keeps_the_first_result(first: str, second: str, word: str) -> None:
    state, dm = enrolled()
    play(state, dm, 1)
    asked = ROOT + "/WasDeviceSuccessfullyProvisioned"
    for number, value in ((2, first), (3, second)):
        statuses: tuple[Status, ...] = ()
        for message in range(1, 30):
            alerts = (RESULT_ALERT,) if message == 1 else ()
            got = answer(state, ManagementMessage(dm.enrolment_id, number, message, alerts, (), statuses), 0)
            if not got.commands:
                break
            statuses = tuple(Status(one.id, 200, value if one.uri == asked else None) for one in got.commands)
    assert state.recorded()["deviceSetupStatus"] == word


def test_an_unknown_enrolment_is_refused() -> None:
    with pytest.raises(ServiceFault, match="0x80190193"):
        answer(small_state(), ManagementMessage("nobody", 1, 1), 0)


def test_the_apps_of_each_phase_are_those_of_its_context() -> None:
    from autopilot_agent.service.ime import GetRequiredApps, GetSelectedApps

    state, dm = enrolled()
    assert [one.id for one in answer(state, GetSelectedApps(dm.enrolment_id, "device"), 0).apps] == [PORTAL]
    assert [one.id for one in answer(state, GetSelectedApps(dm.enrolment_id, "account", USER_ID), 0).apps] == [EDITOR]
    assert [one.id for one in answer(state, GetRequiredApps(dm.enrolment_id), 0).apps] == [PORTAL, EDITOR]


def test_a_selection_narrows_what_the_page_waits_for() -> None:
    from autopilot_agent.service.ime import GetRequiredApps, GetSelectedApps

    state, dm = enrolled(esp(selectedMobileAppIds=[EDITOR]))
    assert answer(state, GetSelectedApps(dm.enrolment_id, "device"), 0).apps == ()
    assert [one.id for one in answer(state, GetSelectedApps(dm.enrolment_id, "account", USER_ID), 0).apps] == [EDITOR]
    assert [one.id for one in answer(state, GetRequiredApps(dm.enrolment_id), 0).apps] == [PORTAL, EDITOR]
