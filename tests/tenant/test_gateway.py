"""The extension's gateway: apps as the device hears of them, content, scripts, results."""

from __future__ import annotations

from typing import Any

import pytest

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.content import DownloadMsi
from autopilot_agent.service.enrolment import EnrollMdm
from autopilot_agent.service.ime import (
    Apps,
    GetContentInfo,
    GetRequiredApps,
    GetScripts,
    GetSelectedApps,
    ReportAppResult,
    Win32App,
)
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.gateway import STORE, STORE_APP
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import GRAPH, PORTAL, USER_ID

ENROL = EnrollMdm(
    USER_ID, "user1@contoso.example", "d1", "PC-1", "ztd", 48, "10.0.26100.4349", "5CG0000001", "Contoso", "Notebook 14",
    "aGFzaA==", oobe=True,
)  # fmt: skip


def with_apps(*apps: dict[str, Any], **more: object) -> tuple[TenantState, str]:
    changes: dict[str, object] = dict(more)
    if apps:
        changes["tenant.mobileApps"] = list(apps)
    state = small_state(changes)
    return state, answer(state, ENROL, 0).enrolment_id


def app(number: int, **changes: object) -> dict[str, Any]:
    return {
        "@odata.type": GRAPH + "win32LobApp",
        "id": f"aaaaaaaa-0000-4000-8000-00000000000{number}",
        "displayName": f"App {number}",
        "installCommandLine": "setup.exe /q",
        "assignments": ["all devices"],
        **changes,
    }


def described(**changes: object) -> Win32App:
    state, enrolment = with_apps(app(1, **changes))
    apps: Apps = answer(state, GetRequiredApps(enrolment), 0)
    return apps.apps[0]


def test_an_app_is_described_in_the_gateway_s_words() -> None:
    found = described()
    assert (found.name, found.context, found.target) == ("App 1", "system", "device")
    assert found.id == "aaaaaaaa-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("command", "msi"),
    [("setup.exe /q", False), ("msiexec /i app.msi /qn", True), ("APP.MSI", True), ("MsiExec.exe /i x", True)],
)
def test_an_installer_that_needs_windows_installer_is_known(command: str, msi: bool) -> None:
    assert described(installCommandLine=command).msi is msi


def test_return_codes_travel_with_their_meaning() -> None:
    codes = [{"returnCode": 0, "type": "success"}, {"returnCode": 3010, "type": "softReboot"}]
    assert described(returnCodes=codes).return_codes == ((0, "success"), (3010, "softReboot"))


def test_dependencies_travel_beside_the_listed_apps() -> None:
    needs = [{"@odata.type": GRAPH + "mobileAppDependency", "targetId": app(2)["id"], "dependencyType": "autoInstall",
              "targetType": "child"}]  # fmt: skip
    state, enrolment = with_apps(app(1, relationships=needs), app(2, assignments=[]))
    apps = answer(state, GetSelectedApps(enrolment, "device"), 0)
    assert [one.name for one in apps.apps] == ["App 1"]
    assert apps.apps[0].dependencies == ((app(2)["id"], "autoInstall"),)
    assert [one.name for one in apps.others] == ["App 2"]


def test_apps_that_are_only_offered_are_not_required() -> None:
    offered = {"intent": "available", "target": {"@odata.type": GRAPH + "allLicensedUsersAssignmentTarget"}}
    state, enrolment = with_apps(app(1, assignments=[offered]), app(2))
    assert [one.name for one in answer(state, GetRequiredApps(enrolment), 0).apps] == ["App 2"]


def test_a_user_without_a_licence_gets_no_list_in_account_setup() -> None:
    state, enrolment = with_apps(**{"cloud.licence_lost_after_enrolment": True})
    assert answer(state, GetSelectedApps(enrolment, "device"), 0).apps
    with pytest.raises(ServiceFault, match="no Intune licence") as caught:
        answer(state, GetSelectedApps(enrolment, "account", USER_ID), 0)
    assert caught.value.rule == "F-45"


def test_content_has_an_address_and_a_size() -> None:
    state, enrolment = with_apps(app(1, size=123_456))
    found = answer(state, GetContentInfo(enrolment, app(1)["id"]), 0)
    assert found.size == 123_456
    assert found.url.startswith("https://")
    with pytest.raises(ServiceFault, match="0x87D30065"):
        answer(state, GetContentInfo(enrolment, "nothing"), 0)


def demanding(**users: object) -> dict[str, object]:
    policy = {
        "displayName": "CA",
        "state": "enabled",
        "conditions": {"applications": {"includeApplications": [STORE_APP]}, "users": users},
        "grantControls": {"operator": "OR", "builtInControls": ["compliantDevice"]},
    }
    staff = {"id": "99999999-0000-4000-8000-000000000001", "displayName": "Staff", "members": [USER_ID]}
    return {"tenant.conditionalAccessPolicies": [policy], "tenant.groups": [staff]}


@pytest.mark.parametrize(
    "users", [{"includeUsers": ["All"]}, {"includeUsers": [USER_ID]}, {"includeGroups": ["staff"]}], ids=str
)
def test_the_store_gives_nothing_where_a_policy_demands_a_compliant_device(users: dict[str, object]) -> None:
    state, _ = with_apps(**demanding(**users))
    with pytest.raises(ServiceFault, match="'CA' demands a compliant device") as caught:
        answer(state, DownloadMsi(STORE + "1"), 0)
    assert caught.value.rule == "F-44"
    assert answer(state, DownloadMsi("https://cdn.contoso.example/a.msi"), 0)


@pytest.mark.parametrize(
    "users",
    [
        {"includeUsers": ["All"], "excludeGroups": ["staff"]},
        {"includeUsers": ["All"], "excludeUsers": [USER_ID]},
        {"includeGroups": ["Staff"], "excludeGroups": ["Staff"]},
        {"includeUsers": ["None"]},
    ],
    ids=str,
)
def test_a_policy_that_leaves_the_user_out_demands_nothing_of_the_store(users: dict[str, object]) -> None:
    state, _ = with_apps(**demanding(**users))
    assert answer(state, DownloadMsi(STORE + "1"), 0)


def test_a_device_without_a_user_meets_no_policy_about_users() -> None:
    state, enrolment = with_apps(**demanding(includeUsers=["All"]))
    state.enrolled[enrolment].user_id = ""
    assert answer(state, DownloadMsi(STORE + "1"), 0)


def test_scripts_of_a_user_wait_for_the_user() -> None:
    scripts = [
        {"displayName": "Device", "assignments": ["all devices"], "runAsAccount": "system"},
        {"displayName": "User", "assignments": ["all users"], "runAsAccount": "user"},
    ]
    state, enrolment = with_apps(**{"tenant.deviceManagementScripts": scripts})
    assert [one.name for one in answer(state, GetScripts(enrolment), 0).scripts] == ["Device"]
    assert [one.name for one in answer(state, GetScripts(enrolment, USER_ID), 0).scripts] == ["Device", "User"]


def test_the_latest_result_of_an_app_is_kept() -> None:
    state, enrolment = with_apps()
    for word in ("failed", "installed"):
        answer(state, ReportAppResult(enrolment, PORTAL, word, "0"), 0)
    assert state.recorded()["app_results"] == {PORTAL: "installed"}


@pytest.mark.parametrize(
    "call",
    [GetSelectedApps("x", "device"), GetRequiredApps("x"), GetScripts("x"), ReportAppResult("x", PORTAL, "installed", "0")],
    ids=lambda call: type(call).__name__,
)
def test_an_unknown_enrolment_is_refused(call: Any) -> None:
    with pytest.raises(ServiceFault) as caught:
        answer(small_state(), call, 0)
    assert caught.value.code == "0x80190193"
