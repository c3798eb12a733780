"""Resources of every kind are read into Structs with Graph's values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from graph_samples import GROUP, esp, inline, profile, target, to_group, win32

from autopilot_agent.tenant.graph import apps, enrollment
from autopilot_agent.tenant.graph.apps import DEFAULT_RETURN_CODES, AppRule, Win32LobApp
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile


def one_profile(**changes: object) -> WindowsAutopilotDeploymentProfile:
    return inline(windowsAutopilotDeploymentProfiles=[profile(**changes)]).windows_autopilot_deployment_profiles[0]


def one_win32(**changes: object) -> Win32LobApp:
    app = inline(mobileApps=[win32(**changes)]).mobile_apps[0]
    assert isinstance(app, Win32LobApp)
    return app


def test_a_profile_keeps_what_the_portal_shows() -> None:
    read = one_profile()
    assert (read.hybrid, read.locale, read.device_name_template, read.preprovisioning_allowed) == (
        False,
        "de-DE",
        "CON-%SERIAL%",
        True,
    )
    assert read.description is None
    assert read.created_date_time == datetime(2023, 5, 4, 10, 11, 12, 123457, UTC)
    assert read.last_modified_date_time is None
    setting = read.out_of_box_experience_setting
    assert (setting.user_type, setting.device_usage_type, setting.escape_link_hidden) == ("standard", "singleUser", True)
    assert [(line.kind, line.group, line.filter_id) for line in read.assignments] == [("group", GROUP, None)]


def test_old_property_names_alone_give_the_same_profile() -> None:
    old = profile()
    for name in ("outOfBoxExperienceSetting", "locale", "hardwareHashExtractionEnabled", "preprovisioningAllowed"):
        del old[name]
    assert inline(windowsAutopilotDeploymentProfiles=[old]).windows_autopilot_deployment_profiles[0] == one_profile()


def test_where_old_and_new_names_differ_the_new_one_wins_with_a_notice() -> None:
    data = inline(windowsAutopilotDeploymentProfiles=[profile(locale="fr-FR", enableWhiteGlove=False)])
    read = data.windows_autopilot_deployment_profiles[0]
    assert (read.locale, read.preprovisioning_allowed) == ("fr-FR", True)
    assert [notice.text for notice in data.notices[:2]] == [
        "language and locale differ (locale): locale is used",
        "enableWhiteGlove and preprovisioningAllowed differ (preprovisioningAllowed): preprovisioningAllowed is used",
    ]


def test_differing_setup_settings_are_named() -> None:
    old = {**profile()["outOfBoxExperienceSettings"], "hideEULA": False}
    data = inline(windowsAutopilotDeploymentProfiles=[profile(outOfBoxExperienceSettings=old)])
    assert "(eula_hidden)" in data.notices[0].text
    assert data.windows_autopilot_deployment_profiles[0].out_of_box_experience_setting.eula_hidden


@pytest.mark.parametrize("written", ["user-select", "user_select", ""])
def test_every_spelling_of_user_select_is_an_empty_locale(written: str) -> None:
    assert one_profile(locale=written, language=written).locale == ""


def test_the_hybrid_type_makes_a_hybrid_profile() -> None:
    read = one_profile(
        **{"@odata.type": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile"},
        deviceNameTemplate="",
        hybridAzureADJoinSkipConnectivityCheck=True,
    )
    assert read.hybrid
    assert read.hybrid_azure_ad_join_skip_connectivity_check


def test_a_win32_app_is_read_whole() -> None:
    app = one_win32()
    assert (app.kind, app.size, app.install_experience.max_run_time_in_minutes) == ("win32LobApp", 1234567, 45)
    assert app.architectures == ("x86", "x64")
    assert app.minimum_free_disk_space_in_mb == 500
    assert [(code.return_code, code.type) for code in app.return_codes] == [(0, "success"), (3010, "softReboot")]


def test_both_forms_of_rules_give_equal_rules() -> None:
    older = one_win32(
        rules=None,
        detectionRules=[
            {
                "@odata.type": "#microsoft.graph.win32LobAppFileSystemDetection",
                "path": "%ProgramFiles%\\Fabrikam",
                "fileOrFolderName": "reader.exe",
                "check32BitOn64System": True,
                "detectionType": "version",
                "operator": "greaterThanOrEqual",
                "detectionValue": "4.2",
            }
        ],
    )
    assert older.rules == one_win32().rules
    assert older.detection_rules == (
        AppRule(
            kind="file_system", purpose="detection", path="%ProgramFiles%\\Fabrikam", name="reader.exe", operation="version",
            operator="greaterThanOrEqual", value="4.2", check32_bit=True,
        ),
    )  # fmt: skip


def test_registry_product_and_script_rules_are_one_struct() -> None:
    app = one_win32(
        rules=[
            {"@odata.type": "microsoft.graph.win32LobAppRegistryRule", "ruleType": "detection", "keyPath": "HKLM\\Software\\F",
             "valueName": "V", "operationType": "exists"},
            {"@odata.type": "#microsoft.graph.win32LobAppProductCodeRule", "ruleType": "detection", "productCode": "{A}",
             "productVersionOperator": "equal", "productVersion": "1.0"},
            {"@odata.type": "#microsoft.graph.win32LobAppPowerShellScriptRule", "ruleType": "requirement", "displayName": "RAM",
             "scriptContent": "JGE=", "operationType": "integer", "operator": "greaterThan", "comparisonValue": "4"},
        ]
    )  # fmt: skip
    assert [(r.kind, r.purpose, r.path, r.name, r.value) for r in app.rules] == [
        ("registry", "detection", "HKLM\\Software\\F", "V", ""),
        ("product_code", "detection", "", "{A}", "1.0"),
        ("script", "requirement", "", "RAM", "4"),
    ]
    assert [rule.name for rule in app.requirement_rules] == ["RAM"]


def test_missing_return_codes_are_the_portals() -> None:
    assert one_win32(returnCodes=[]).return_codes == one_win32(returnCodes=None).return_codes == DEFAULT_RETURN_CODES


def test_the_old_operating_system_flags_give_the_release() -> None:
    flags = {"v10_1607": False, "v10_1909": True, "v10_2H20": False}
    assert one_win32(minimumSupportedOperatingSystem=flags).minimum_supported_windows_release == "1909"


def test_allowed_architectures_win_over_applicable_none() -> None:
    assert one_win32(applicableArchitectures="none", allowedArchitectures="x64,arm64").architectures == ("x64", "arm64")


def test_relationships_tell_dependencies_from_supersedence() -> None:
    app = one_win32(
        relationships=[
            {"@odata.type": "#microsoft.graph.mobileAppDependency", "targetId": "a", "dependencyType": "autoInstall"},
            {"@odata.type": "#microsoft.graph.mobileAppSupersedence", "targetId": "b", "supersedenceType": "replace"},
        ]
    )
    assert [(r.kind, r.target_id) for r in app.relationships] == [("dependency", "a"), ("supersedence", "b")]


@pytest.mark.parametrize(
    ("name", "struct"),
    [
        ("win32CatalogApp", apps.Win32CatalogApp),
        ("winGetApp", apps.WinGetApp),
        ("windowsMobileMSI", apps.WindowsMobileMSI),
        ("officeSuiteApp", apps.OfficeSuiteApp),
        ("windowsUniversalAppX", apps.WindowsUniversalAppX),
        ("microsoftStoreForBusinessApp", apps.MicrosoftStoreForBusinessApp),
        ("windowsMicrosoftEdgeApp", apps.WindowsMicrosoftEdgeApp),
        ("windowsWebApp", apps.WindowsWebApp),
    ],
)
def test_every_kind_of_app_has_its_struct(name: str, struct: type) -> None:
    app = inline(mobileApps=[{"@odata.type": f"#microsoft.graph.{name}", "id": "a", "displayName": "A"}]).mobile_apps[0]
    assert type(app) is struct
    assert app.kind == name


def test_enrollment_configurations_are_told_apart_and_the_default_is_known_by_its_id() -> None:
    data = inline(
        deviceEnrollmentConfigurations=[
            esp(),
            esp(id="t_DefaultWindows10EnrollmentCompletionPageConfiguration", priority=0, assignments=[]),
            {"@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration", "id": "t_DefaultLimit", "limit": 15},
            {
                "@odata.type": "#microsoft.graph.deviceEnrollmentPlatformRestrictionsConfiguration",
                "id": "t_DefaultPlatformRestrictions",
                "windowsRestriction": {"platformBlocked": False, "personalDeviceEnrollmentBlocked": True},
            },
        ]
    )
    assert [one.is_default for one in data.device_enrollment_configurations] == [False, True, True, True]
    limit = data.device_enrollment_configurations[2]
    assert isinstance(limit, enrollment.DeviceEnrollmentLimitConfiguration)
    assert limit.limit == 15
    assert data.esp_configurations[0].install_progress_timeout_in_minutes == 90


def test_a_device_configuration_keeps_its_type_and_all_its_settings() -> None:
    data = inline(
        deviceConfigurations=[
            {
                "@odata.type": "#microsoft.graph.windowsDomainJoinConfiguration",
                "id": "d",
                "displayName": "Domain join",
                "activeDirectoryDomainName": "corp.contoso.example",
                "computerNameStaticPrefix": "CON-",
                "assignments": [{"target": target("allDevices")}],
            }
        ]
    )
    policy = data.device_configurations[0]
    assert (policy.kind, policy.settings["activeDirectoryDomainName"]) == (
        "windowsDomainJoinConfiguration",
        "corp.contoso.example",
    )
    assert policy.assignments[0].kind == "allDevices"


@pytest.mark.parametrize(
    ("written", "licensed", "known"),
    [
        ({}, True, False),
        ({"assignedLicenses": []}, False, True),
        ({"assignedLicenses": [{"skuId": "s"}]}, True, True),
        ({"assignedPlans": [{"service": "SCO", "capabilityStatus": "Enabled"}]}, True, True),
        ({"assignedPlans": [{"service": "SCO", "capabilityStatus": "Deleted"}]}, False, True),
        ({"assignedPlans": [{"service": "exchange", "capabilityStatus": "Enabled"}]}, False, True),
    ],
)
def test_a_user_is_licensed_by_plan_or_license_or_when_nothing_is_said(
    written: dict[str, object], licensed: bool, known: bool
) -> None:
    data = inline(users=[{"id": "u", "userPrincipalName": "ada@contoso.example", **written}])
    assert data.users[0].licensed is licensed
    assert ("taken as licensed" in "".join(notice.text for notice in data.notices)) is not known


def test_singletons_and_scopes_are_read() -> None:
    data = inline(
        organization={"id": "t", "verifiedDomains": [{"name": "contoso.example", "isDefault": True}]},
        branding={"signInPageText": "Welcome", "backgroundColor": "#123456"},
        mobilityManagementPolicies=[{"id": "m", "appliesTo": "selected", "includedGroups": [{"id": GROUP}]}],
        deviceRegistrationPolicy={
            "userDeviceQuota": 20,
            "azureADJoin": {"allowedToJoin": {"@odata.type": "#microsoft.graph.noDeviceRegistrationMembership"}},
        },
    )
    assert data.organization is not None
    assert data.organization.default_domain == "contoso.example"
    assert data.branding is not None
    assert data.branding.sign_in_page_text == "Welcome"
    assert data.mobility_management_policies[0].included_groups == (GROUP,)
    assert data.device_registration_policy is not None
    assert data.device_registration_policy.azure_ad_join.allowed_to_join.kind == "none"
    assert data.device_registration_policy.user_device_quota == 20


def test_the_virtual_groups_are_all_devices_and_all_users() -> None:
    lines = [to_group("adadadad-808e-44e2-905a-0b7873a8a531"), to_group("acacacac-9df4-4c7d-9d50-4ef0226f57a9")]
    assert [line.kind for line in one_profile(assignments=lines).assignments] == ["allDevices", "allLicensedUsers"]


def test_the_all_zero_ids_of_a_registration_mean_none() -> None:
    nothing = "00000000-0000-0000-0000-000000000000"
    data = inline(
        windowsAutopilotDeviceIdentities=[
            {"id": "z", "serialNumber": "5CG1234", "managedDeviceId": nothing, "azureActiveDirectoryDeviceId": nothing}
        ]
    )
    read = data.windows_autopilot_device_identities[0]
    assert (read.managed_device_id, read.azure_active_directory_device_id) == (None, None)
