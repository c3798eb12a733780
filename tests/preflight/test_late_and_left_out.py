"""What a finding says of a page that waits in vain, of downloads that go on, and of users who are like the one played."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.preflight.findings import Finding, Severity
from autopilot_agent.preflight.report import preflight

GRAPH = "#microsoft.graph."
LAPTOPS = f"""
windowsAutopilotDeploymentProfiles:
  - displayName: Laptops
    assignments: [all devices]
deviceEnrollmentConfigurations:
  - "@odata.type": "{GRAPH}windows10EnrollmentCompletionPageConfiguration"
    displayName: Page
    priority: 1
    showInstallationProgress: true
    installProgressTimeoutInMinutes: 20
    assignments: [all devices]
"""
EDGE = "device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_hidefirstrunexperience"
CATALOG = f"""
configurationPolicies:
  - name: Browser
    platforms: windows10
    technologies: mdm
    assignments: [all devices]
    settings:
      - settingInstance: {{settingDefinitionId: {EDGE}, choiceSettingValue: {{value: {EDGE}_1}}}}
"""
REFUSED = f"""
deviceConfigurations:
  - "@odata.type": "{GRAPH}windows10CustomConfiguration"
    displayName: Browser by hand
    assignments: [all devices]
    omaSettings:
      - "@odata.type": "{GRAPH}omaSettingString"
        displayName: home page
        omaUri: ./Device/Vendor/MSFT/Policy/Config/microsoft_edge/HomePage
        value: <enabled/>
"""
LARGE = f"""
mobileApps:
  - "@odata.type": "{GRAPH}win32LobApp"
    displayName: Large
    size: 60000000000
    installCommandLine: setup.exe
    assignments: [all devices]
"""
PEOPLE = """
users:
  - {userPrincipalName: user1@contoso.example}
  - {userPrincipalName: user2@contoso.example, assignedPlans: []}
  - {userPrincipalName: user3@contoso.example, assignedPlans: []}
  - {userPrincipalName: user4@contoso.example, assignedPlans: [], accountEnabled: false}
"""


def found_in(text: str, folder: Path) -> list[Finding]:
    file = folder / "tenant.yaml"
    file.write_text(LAPTOPS + text, encoding="utf-8")
    return preflight(file).findings


def test_a_setting_of_edge_from_the_catalog_holds_nobody_up(tmp_path: Path) -> None:
    assert found_in(CATALOG, tmp_path) == []


def test_a_setting_that_the_device_does_not_take_is_named_with_its_policy(tmp_path: Path) -> None:
    (one,) = found_in(REFUSED, tmp_path)
    assert one.rule == "F-40" and "settings that do not come" in one.title and "apps" not in one.fix
    assert "the row Security policies is not finished" in one.what and "microsoft_edge/HomePage" in one.what
    assert [each.name for each in one.about] == ["Page", "Browser by hand"]


def test_a_download_that_is_not_over_counts_until_the_end(tmp_path: Path) -> None:
    (one,) = found_in(LARGE, tmp_path)
    assert "0 of 1 app is there" in one.what and "took 18m" in one.what.partition("downloads")[2]


@pytest.mark.parametrize(
    ("scope", "severity", "names", "words"),
    [
        ("appliesTo: none", Severity.ERROR, ["Microsoft Intune"], "No MDM covers any user"),
        (
            "appliesTo: selected, includedGroups: [{id: g1}]",
            Severity.WARNING,
            ["user2@contoso.example", "Microsoft Intune"],
            "user2@contoso.example: no MDM covers this user and 1 other user",
        ),
    ],
)
def test_a_scope_that_covers_nobody_is_an_error_and_one_finding(
    scope: str, severity: Severity, names: list[str], words: str, tmp_path: Path
) -> None:
    text = f"""
users:
  - {{userPrincipalName: user1@contoso.example, memberOf: [Pilots]}}
  - {{userPrincipalName: user2@contoso.example}}
  - {{userPrincipalName: user3@contoso.example}}
groups:
  - {{id: g1, displayName: Pilots}}
mobilityManagementPolicies:
  - {{id: 0000000a-0000-0000-c000-000000000000, displayName: Microsoft Intune, {scope}}}
"""
    (one,) = [found for found in found_in(text, tmp_path) if found.check == "not-managed"]
    assert (one.severity, [each.name for each in one.about]) == (severity, names)
    assert words in one.what


def test_a_user_without_a_licence_is_said_to_be_like_others(tmp_path: Path) -> None:
    (one,) = found_in(PEOPLE, tmp_path)
    assert one.what == "user2@contoso.example has no Intune licence, like 1 other user."


def test_who_cannot_enrol_does_not_stand_for_the_others_of_a_group(tmp_path: Path) -> None:
    text = (
        LARGE.replace("all devices", "Finance")
        + """
users:
  - {userPrincipalName: user1@contoso.example}
  - {userPrincipalName: user2@contoso.example}
  - {userPrincipalName: user3@contoso.example, memberOf: [Finance], assignedPlans: []}
  - {userPrincipalName: user4@contoso.example, memberOf: [Finance]}
groups:
  - {id: g1, displayName: Finance}
"""
    )
    found = {one.rule: one for one in found_in(text, tmp_path)}
    assert set(found) == {"F-27", "F-40"}
    assert any("user4@contoso.example" in seen for seen in found["F-40"].seen)
