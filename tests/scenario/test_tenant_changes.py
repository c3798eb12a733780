"""Changes of what a tenant's includes bring: under ``tenant.change``, by ``--set``, by a matrix row, by an administrator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import load_scenario, load_scenarios
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.scenario.tenants import tenant_of
from autopilot_agent.tenant.graph import TenantData

ESP = "11111111-0000-4000-8000-0000000000e1_Windows10EnrollmentCompletionPageConfiguration"
EXPORT: dict[str, list[dict[str, Any]]] = {
    "deviceEnrollmentConfigurations": [
        {
            "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
            "id": ESP,
            "displayName": "ESP for laptops",
            "priority": 1,
            "showInstallationProgress": True,
            "installProgressTimeoutInMinutes": 60,
            "assignments": [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}],
        }
    ],
    "windowsAutopilotDeploymentProfiles": [
        {
            "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
            "id": "11111111-0000-4000-8000-0000000000a1",
            "displayName": "Laptops",
            "outOfBoxExperienceSettings": {"hideEULA": True, "userType": "standard", "hidePrivacySettings": True},
            "assignments": [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}],
        },
        {"id": "11111111-0000-4000-8000-0000000000a2", "displayName": "Twice", "outOfBoxExperienceSetting": {}},
        {"id": "11111111-0000-4000-8000-0000000000a3", "displayName": "Twice", "outOfBoxExperienceSetting": {}},
    ],
    "mobileApps": [
        {
            "@odata.type": "#microsoft.graph.win32LobApp",
            "displayName": "Editor",
            "installCommandLine": "editor.exe /q",
            "assignments": [{"intent": "required", "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}],
        }
    ],
    "groups": [{"id": "11111111-0000-4000-8000-0000000000b1", "displayName": "Sales", "groupTypes": []}],
    "organization": [{"id": "6f1d2a3b-0000-4000-8000-00000000c001", "displayName": "Contoso"}],
}
SCENARIO = "scenario: x\ntenant:\n  include: [contoso/]\n"
PAGE = "tenant.deviceEnrollmentConfigurations[ESP for laptops]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "contoso").mkdir()
    for name, items in EXPORT.items():
        (tmp_path / "contoso" / f"{name}.json").write_text(json.dumps({"value": items}), encoding="utf-8")
    return tmp_path


def tenant(folder: Path, *settings: str, more: str = "") -> TenantData:
    path = folder / "x.yaml"
    path.write_text(SCENARIO + more, encoding="utf-8")
    return tenant_of(load_scenario(path, settings))


def refusal(folder: Path, *settings: str, more: str = "") -> str:
    with pytest.raises(InputError) as caught:
        tenant(folder, *settings, more=more)
    return str(caught.value)


def minutes(found: TenantData) -> int:
    return found.device_enrollment_configurations[0].install_progress_timeout_in_minutes  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("name", ["ESP for laptops", "esp for LAPTOPS", ESP])
def test_a_resource_is_found_by_its_name_or_id(folder: Path, name: str) -> None:
    changed = tenant(folder, f'tenant.deviceEnrollmentConfigurations."{name}".installProgressTimeoutInMinutes=5')
    assert minutes(changed) == 5
    assert changed.device_enrollment_configurations[0].priority == 1, "what is not named stays"
    assert minutes(tenant(folder)) == 60, "and so does the included tenant"


def test_a_change_is_written_in_the_scenario_and_set_over(folder: Path) -> None:
    more = "  change: {deviceEnrollmentConfigurations: {ESP for laptops: {installProgressTimeoutInMinutes: 7, priority: 3}}}\n"
    assert minutes(tenant(folder, more=more)) == 7
    both = tenant(folder, f"{PAGE}.installProgressTimeoutInMinutes=9", more=more)
    assert (minutes(both), both.device_enrollment_configurations[0].priority) == (9, 3)


def test_a_row_of_a_matrix_changes_it(folder: Path) -> None:
    path = folder / "m.yaml"
    path.write_text(f"{SCENARIO}matrix: {{'{PAGE}.installProgressTimeoutInMinutes': [1, 2]}}\n", encoding="utf-8")
    assert [minutes(tenant_of(one)) for one in load_scenarios(path)] == [1, 2]


def test_a_property_under_its_old_name_gives_way_and_nothing_is_said_of_it(folder: Path) -> None:
    at = "tenant.windowsAutopilotDeploymentProfiles.Laptops.outOfBoxExperienceSetting"
    before, after = tenant(folder), tenant(folder, f"{at}.eulaHidden=false", f"{at}.userType=administrator")
    setting = after.windows_autopilot_deployment_profiles[0].out_of_box_experience_setting
    assert (setting.eula_hidden, setting.user_type, setting.privacy_settings_hidden) == (False, "administrator", True)
    assert [one.text for one in after.notices] == [one.text for one in before.notices]
    assert [one.id for one in after.mobile_apps] == [one.id for one in before.mobile_apps]


def test_lists_are_replaced_or_reached_into(folder: Path) -> None:
    app = "tenant.mobileApps.Editor.assignments"
    assert [one.intent for one in tenant(folder, f"{app}[0].intent=available").mobile_apps[0].assignments] == ["available"]
    replaced = tenant(folder, f"{app}=[Sales]").mobile_apps[0].assignments
    assert [one.target.group_id for one in replaced] == ["11111111-0000-4000-8000-0000000000b1"]
    assert "assignments has 1 items, counted from 0; there is no [4]" in refusal(folder, f"{app}[4].intent=available")


def test_assignments_that_were_exported_on_their_own_give_way(folder: Path) -> None:
    part = {
        "@odata.context": f"https://graph.example/beta/$metadata#deviceManagement/deviceEnrollmentConfigurations('{ESP}')/assignments",
        "value": [{"target": {"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}],
    }
    (folder / "contoso" / "part.json").write_text(json.dumps(part), encoding="utf-8")

    def targets(found: TenantData) -> list[str]:
        return [one.target.kind for one in found.device_enrollment_configurations[0].assignments]

    assert targets(tenant(folder)) == ["allLicensedUsers"]
    assert targets(tenant(folder, f"{PAGE}.priority=2")) == ["allLicensedUsers"]
    assert targets(tenant(folder, f"{PAGE}.assignments=[all devices]")) == ["allDevices"]


def test_the_one_organization_is_changed_without_a_name(folder: Path) -> None:
    found = tenant(folder, "tenant.organization.displayName=Fabrikam").organization
    assert found is not None
    assert (found.display_name, found.id) == ("Fabrikam", "6f1d2a3b-0000-4000-8000-00000000c001")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (f"{PAGE}.instalProgressTimeoutInMinutes=5", 'it changes nothing; did you mean "installProgressTimeoutInMinutes"'),
        (f"{PAGE}.largeIcon=5", '"largeIcon" is not read here, so changing it changes nothing'),
        (f"{PAGE}.installProgressTimeoutInMinutes=soon", 'a whole number for installProgressTimeoutInMinutes, got "soon"'),
        (f"{PAGE}.id=5", '"id" says which resource it is'),
        (f"{PAGE}=5", "expected keys and values, properties with what is to change, got 5"),
        ("tenant.mobileApps.Editr.publisher=x", 'no resource of mobileApps is called "Editr"; did you mean "Editor"'),
        ("tenant.mobileApps.Zip.publisher=x", 'is called "Zip"; there are: Editor'),
        ("tenant.mobileApps[0].publisher=x", "say which by its name, tenant.mobileApps[NAME]"),
        ("tenant.mobileApps.Editor.assignments=[Sails]", "no group of the tenant is called 'Sails'; did you mean 'Sales'"),
        ("tenant.windowsAutopilotDeploymentProfiles.Twice.locale=de-DE", "by its id: 11111111-0000-4000-8000-0000000000a2"),
        ("tenant.windowsAutopilotDeploymentProfiles.Laptops.outOfBoxExperienceSetting.userTipe=x", 'did you mean "userType"'),
        ("tenant.users.nobody.displayName=x", "the tenant has no users, so none can be changed"),
        ("tenant.branding.signInPageText=x", "the tenant has no branding to be changed"),
        ("tenant.change.mobileApp.Editor.publisher=x", '"mobileApp" is not a collection that is read here'),
        ("tenant.change=5", "expected keys and values, collections of the tenant"),
    ],
)
def test_what_changes_nothing_is_refused_at_its_option(folder: Path, setting: str, said: str) -> None:
    sentence = refusal(folder, setting)
    assert said in sentence and sentence.startswith(f"--set {setting.partition('=')[0]}"[:70])


def test_a_wrong_change_is_refused_at_its_line(folder: Path) -> None:
    more = "  change:\n    mobileApps:\n      Editor:\n        publisher: {a: b}\n"
    assert refusal(folder, more=more).startswith(f"{folder / 'x.yaml'}:7:20: ")


def test_the_device_feels_it(folder: Path) -> None:
    path = folder / "x.yaml"
    path.write_text(SCENARIO + "installers: {Editor: {duration: 20m}}\n", encoding="utf-8")
    ends = [
        run_scenario(load_scenario(path, settings)).result.end_state
        for settings in ((), (f"{PAGE}.installProgressTimeoutInMinutes=10",), ())
    ]
    assert ends[0] == ends[2] == "desktop" and ends[1] == "esp_failed"


def test_an_administrator_changes_it_between_two_acts(folder: Path) -> None:
    path = folder / "x.yaml"
    change = "{mobileApps: {Editor: {displayName: Editor 2}}}"
    path.write_text(f"{SCENARIO}acts:\n  - {{act: admin, tenant: {{change: {change}}}}}\n  - provision\n", encoding="utf-8")
    run = run_scenario(load_scenario(path))
    assert run.result.verdict == "passed", run.result.problem
    assert run.result.apps == {"Editor 2": "installed"}
