"""Every check finds its mistake: the planted ones of the example, and small tenants for what that one cannot hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent import rulebook
from autopilot_agent.preflight.families import CHECKS
from autopilot_agent.preflight.findings import Finding
from autopilot_agent.preflight.inputs import subject_of
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.preflight.report import preflight, rehearse
from autopilot_agent.reports.sentences import sentence

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "preflight"

PLANTED = {
    ("does-not-finish", "F-19", "Compliant devices only"),
    ("does-not-finish", "F-26", "Insiders need previews"),
    ("does-not-finish", "F-27", "newcomer@contoso.example"),
    ("does-not-finish", "F-34", "Branch, Branch domain join"),
    ("does-not-finish", "F-40", "Studio page"),
    ("does-not-finish", "F-42", "Ledger add-in, Ledger"),
    ("does-not-finish", "F-48", "Vault password, Vault isolation"),
    ("does-not-finish", "REG-ONE-TIME", "5CG4000012"),
    ("group-rule-matches-nothing", "REG-ORDERID", "Warehouse scanners"),
    ("profile-for-users", "REG-ZTDID", "Managers, Staff"),
    ("registered-without-profile", "F-03", "5CG4000002"),
    ("app-limit-beyond-page", "APP-LIMIT", "Archive reader, Archive page"),
    ("app-restarts-the-device", "REBOOT-HARD", "Press archive"),
    ("check-skipped-without-vpn", "V4", "Roaming"),
    ("device-apps-for-users", "S5", "Lobby, Signage player"),
    ("group-counts-as-empty", "REG-ORDERID", "Workshop tablets"),
    ("hybrid-app-in-user-context", "APP-HYBRID-USER", "Route planner"),
    ("links-without-branding", "REQ-BRANDING", "Press"),
    ("name-too-long", "SET-NAME-RULES", "Archive"),
    ("not-managed", "F-29", "contractor@contoso.example, Microsoft Intune"),
    ("office-beside-win32", "APP-M365", "Office suite"),
    ("page-for-users", "ESP-USER-TARGETED", "Reception page"),
    ("page-missing-for-technician", "REQ-ESP", "Depot"),
    ("page-missing-without-user", "S5", "Lobby"),
    ("page-never-reached", "ESP-SELECTION", "Former office page, Office page"),
    ("page-time-is-tight", "ESP-TIMEOUT", "Lab page"),
    ("page-waits-for-sync", "H11", "Roaming page"),
    ("policy-restarts-the-device", "F-47", "Application control"),
    ("policy-stops-automatic-sign-in", "REBOOT-PASSWORD-POLICY", "Counter password"),
    ("profiles-conflict", "SET-CONFLICT", "Sales, Pilot"),
    ("registration-for-unknown-user", "REG-ASSIGNED-USER", "5CG4000020"),
    ("selected-app-not-assigned", "APP-FILTER", "Office page, Retired viewer"),
    ("device-name-ignored", "SET-DEVICE-NAME", "5CG4000010"),
    ("firmware-policy-not-sent", "DFCI-REGISTERED", "Firmware of research"),
    ("keyboard-without-language", "SET-KEYBOARD", "Sales"),
    ("page-not-assigned", "ESP-SELECTION", "Left over page"),
    ("profile-not-assigned", "REG-STATES", "Left over"),
    ("settings-locked", "SET-LOCKS", "Lobby"),
}
"""The mistakes of examples/preflight/planted, as examples/preflight/README.md lists them."""

PAGE = """
  - "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"
    displayName: Page
    priority: 1
    showInstallationProgress: true
"""
USERS = """
users:
  - {userPrincipalName: user1@contoso.example, memberOf: [Staff]}
groups:
  - {id: g1, displayName: Staff}
"""
PROFILE = """
windowsAutopilotDeploymentProfiles:
  - displayName: Laptops
    assignments: [all devices]
"""
KIOSK = """
windowsAutopilotDeploymentProfiles:
  - displayName: Kiosk
    assignments: [all devices]
    preprovisioningAllowed: {preprovisioned}
    outOfBoxExperienceSetting:
      {{deviceUsageType: shared, eulaHidden: true, privacySettingsHidden: true, escapeLinkHidden: true, userType: standard}}
"""
TOOL = """
mobileApps:
  - "@odata.type": "#microsoft.graph.win32LobApp"
    id: a1
    displayName: Tool
    installCommandLine: setup.exe
    assignments: [all devices]
"""

SMALL = {
    "exclusion-without-effect": """
groups:
  - id: g1
    displayName: Lab
    groupTypes: [DynamicMembership]
    membershipRule: '(device.devicePhysicalIds -any (_ -eq "[OrderID]:LAB"))'
windowsAutopilotDeviceIdentities:
  - {serialNumber: 5CG1, groupTag: LAB}
windowsAutopilotDeploymentProfiles:
  - displayName: Laptops
    assignments: [all devices, {group: Lab, exclude: true}]
""",
    "group-tag-unknown": PROFILE
    + """
  - displayName: Lab laptops
    assignments: [Lab]
groups:
  - id: g1
    displayName: Lab
    groupTypes: [DynamicMembership]
    membershipRule: '(device.devicePhysicalIds -any (_ -eq "[OrderID]:LAB"))'
windowsAutopilotDeviceIdentities:
  - {serialNumber: 5CG1, groupTag: LAB}
  - {serialNumber: 5CG2, groupTag: LABB}
""",
    "page-hidden": PROFILE + TOOL,
    "user-apps-not-waited-for": PROFILE
    + TOOL.replace("all devices", "all users")
    + "deviceEnrollmentConfigurations:"
    + PAGE
    + """    assignments: [all devices]
deviceConfigurations:
  - "@odata.type": "#microsoft.graph.windows10CustomConfiguration"
    displayName: No account setup
    assignments: [all devices]
    omaSettings:
      - "@odata.type": "#microsoft.graph.omaSettingBoolean"
        displayName: skip
        omaUri: ./Vendor/MSFT/DMClient/Provider/MS DM Server/FirstSyncStatus/SkipUserStatusPage
        value: true
""",
    "preprovisioning-of-self-deploying": KIOSK.format(preprovisioned="true")
    + "deviceEnrollmentConfigurations:"
    + PAGE
    + "    assignments: [all devices]\n",
    "app-does-not-apply": PROFILE
    + TOOL
    + "    minimumFreeDiskSpaceInMB: 900000\n"
    + "deviceEnrollmentConfigurations:"
    + PAGE
    + "    assignments: [all devices]\n",
    "app-fails-beside-the-page": PROFILE
    + TOOL
    + """    relationships: [{"@odata.type": "#microsoft.graph.mobileAppDependency", targetId: a9, targetType: child}]
  - {"@odata.type": "#microsoft.graph.win32LobApp", id: a2, displayName: Portal, assignments: [all devices]}
deviceEnrollmentConfigurations:"""
    + PAGE
    + "    selectedMobileAppIds: [a2]\n    assignments: [all devices]\n",
    "msi-beside-win32": PROFILE
    + TOOL
    + """
  - {"@odata.type": "#microsoft.graph.windowsMobileMSI", id: a2, displayName: Ledger, assignments: [all devices]}
deviceEnrollmentConfigurations:"""
    + PAGE
    + "    assignments: [all devices]\n",
    "quality-updates-not-honoured": PROFILE
    + USERS
    + "deviceEnrollmentConfigurations:"
    + PAGE
    + "    installQualityUpdates: true\n    assignments: [Staff]\n",
    "kiosk-loses-its-sign-in": KIOSK.format(preprovisioned="false")
    + "deviceEnrollmentConfigurations:"
    + PAGE
    + """    installQualityUpdates: true
    assignments: [all devices]
deviceConfigurations:
  - "@odata.type": "#microsoft.graph.windowsKioskConfiguration"
    displayName: Signage kiosk
    assignments: [all devices]
    kioskProfiles:
      - appConfiguration: {uwpApp: {name: Signage}}
        userAccountsConfiguration: [{"@odata.type": "#microsoft.graph.windowsKioskAutologon"}]
""",
}
"""One small tenant for each check that the example does not plant."""

FAILURES = {
    "F-20": (
        PROFILE
        + USERS
        + """
deviceRegistrationPolicy: {azureADJoin: {allowedToJoin: {"@odata.type": "#microsoft.graph.noDeviceRegistrationMembership"}}}
""",
        "user1@contoso.example",
    ),
    "F-24": (
        PROFILE
        + """
windowsAutopilotDeviceIdentities:
  - {serialNumber: 5CG1, azureActiveDirectoryDeviceId: 11111111-0000-4000-8000-000000000001}
devices:
  - {id: d2, deviceId: 11111111-0000-4000-8000-000000000002, displayName: other}
""",
        "5CG1",
    ),
    "F-39": (
        """
windowsAutopilotDeploymentProfiles:
  - "@odata.type": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile"
    displayName: Hybrid
    assignments: [all devices]
deviceEnrollmentConfigurations:
  - "@odata.type": "#microsoft.graph.deviceComanagementAuthorityConfiguration"
    displayName: Co-management
    priority: 1
    installConfigurationManagerAgent: true
    assignments: [all devices]
"""
        + PAGE.lstrip("\n")
        + """    assignments: [all devices]
deviceConfigurations:
  - "@odata.type": "#microsoft.graph.windowsDomainJoinConfiguration"
    displayName: Join
    assignments: [all devices]
    activeDirectoryDomainName: corp.contoso.example
    computerNameStaticPrefix: H-
    computerNameSuffixRandomCharCount: 8
""",
        "Co-management",
    ),
    "F-62": (
        KIOSK.format(preprovisioned="false").replace("all devices", "One")
        + """
  - displayName: Other
    assignments: [Two]
groups:
  - {id: g1, displayName: One, members: [11111111-0000-4000-8000-000000000001]}
  - {id: g2, displayName: Two, members: [11111111-0000-4000-8000-000000000001]}
windowsAutopilotDeviceIdentities:
  - {serialNumber: 5CG1, azureActiveDirectoryDeviceId: 11111111-0000-4000-8000-000000000001}
""",
        "Kiosk, Other",
    ),
}
"""Small tenants in which a device does not get on: the rule, and what is to blame."""

NEVER_HAPPENS = {
    "profile-for-users": ("Managers", "StateLeft", "Answered"),
    "profile-not-assigned": ("Left over", "StateLeft"),
    "page-not-assigned": ("Left over page", "Noted"),
}
"""Checks that find what cannot happen in a run: what no device gets, and the kinds of events that show what came instead."""


def named(one: Finding) -> tuple[str, str, str]:
    return one.check, one.rule, ", ".join(each.name for each in one.about)


def test_the_planted_mistakes_are_found_and_nothing_else() -> None:
    assert {named(one) for one in preflight(EXAMPLE / "planted").findings} == PLANTED
    assert len(preflight(EXAMPLE / "planted").findings) == len(PLANTED)


def test_the_mended_tenant_has_no_finding() -> None:
    report = preflight(EXAMPLE / "mended")
    assert report.findings == []
    refused = [one for one in report.devices if one.outcome != "completed"]
    assert [(one.mode, one.rule) for one in refused] == [("ordinary-oobe", "F-77")]  # nobody registered it: as it is meant


@pytest.mark.parametrize("name", SMALL)
def test_a_check_finds_its_mistake_and_nothing_else(name: str, tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text(SMALL[name], encoding="utf-8")
    assert [one.check for one in preflight(file).findings] == [name]


@pytest.mark.parametrize("rule", FAILURES)
def test_a_failure_names_its_rule_and_what_is_to_blame(rule: str, tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text(FAILURES[rule][0], encoding="utf-8")
    failed = [named(one) for one in preflight(file).findings if one.check == "does-not-finish"]
    assert failed == [("does-not-finish", rule, FAILURES[rule][1])]


def test_a_group_that_a_policy_excludes_is_not_refused(tmp_path: Path) -> None:
    text = (
        PROFILE
        + USERS
        + """
conditionalAccessPolicies:
  - displayName: Compliant devices
    state: enabled
    conditions:
      applications: {includeApplications: [All]}
      users: {includeUsers: [All], excludeGroups: [Staff]}
    grantControls: {operator: OR, builtInControls: [compliantDevice]}
"""
    )
    file = tmp_path / "tenant.yaml"
    file.write_text(text, encoding="utf-8")
    assert preflight(file).findings == []
    file.write_text(text.replace("excludeGroups: [Staff]", "excludeGroups: []"), encoding="utf-8")
    assert {one.rule for one in preflight(file).findings} == {"F-19"}


def test_every_check_is_shown_by_a_tenant() -> None:
    assert {check for check, _, _ in PLANTED} | set(SMALL) == set(CHECKS)


def test_a_finding_has_a_rule_a_source_a_place_a_fix_and_evidence() -> None:
    known = rulebook.rules().keys() | rulebook.faults().keys()
    for one in preflight(EXAMPLE / "planted").findings:
        assert one.rule in known and one.source and one.grade and one.statement and one.fix, one
        assert one.about and all(each.place.line for each in one.about), one
        assert one.seen and {moment.rehearsal for moment in one.moments} <= set(one.seen), one
        assert one.moments, one


def test_every_check_goes_by_a_rule_that_is_known() -> None:
    for one in CHECKS.values():
        assert one.rule in rulebook.rules() or one.rule in rulebook.faults(), one.id


def test_what_a_finding_shows_happened_in_the_run_that_it_names() -> None:
    played = {one.label: one for one in rehearse(subject_of(EXAMPLE / "planted")).rehearsals}
    for one in preflight(EXAMPLE / "planted").findings:
        for moment in one.moments:
            rehearsal = played.get(moment.rehearsal)
            if rehearsal is None or moment.at is None or "ends at" in moment.text or " takes " in moment.text:
                continue
            if " ends, " in moment.text:
                continue
            assert (moment.at, moment.text) in {(event.at, sentence(event)) for event in rehearsal.events}, moment


@pytest.mark.parametrize("name", NEVER_HAPPENS)
def test_what_cannot_happen_is_shown_by_what_happened_instead(name: str) -> None:
    missing, *kinds = NEVER_HAPPENS[name]
    found = rehearse(subject_of(EXAMPLE / "planted"))
    one = next(each for each in preflight(EXAMPLE / "planted").findings if each.check == name)
    run = next(each for each in found.rehearsals if each.label == one.moments[0].rehearsal)
    timed = {(moment.at, moment.text) for moment in one.moments if moment.at is not None}
    shown = {type(event).__name__ for event in run.events if (event.at, sentence(event)) in timed}
    assert shown >= set(kinds) and not any(missing in text for _, text in timed)
    *_, last = one.moments
    number = int(last.text.split()[1])
    assert last.at is None and last.text.endswith(f"none gets {missing}")
    assert 0 < number == len(candidates_of(found.rehearsals, name))
    assert missing not in {each.page.display_name for each in found.rehearsals if each.page is not None}


def candidates_of(rehearsals: list[Rehearsal], name: str) -> list[Rehearsal]:
    """The runs in which it could have been seen, counted in another way than the product does."""
    if name == "page-not-assigned":
        return [one for one in rehearsals if one.page is not None]
    staff = ("user1@", "user2@", "auditor@", "newcomer@", "insider@", "contractor@")
    asked = [one for one in rehearsals if any(getattr(event, "call", "") == "DownloadProfile" for event in one.events)]
    if name == "profile-not-assigned":
        return asked
    members = {"000000000001", "000000000002", "000000000003", "000000000005", "000000000006"}
    assert all(one.user is None or one.user.user_principal_name.startswith(staff) for one in asked)
    theirs = [one for one in asked if one.user is not None and one.user.id[-12:] in members]
    return [one for one in theirs if "SIGNIN" in one.run.result.screens]


def test_evidence_of_a_tenant_in_which_nothing_is_enrolled_says_so(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    nobody = """
deviceRegistrationPolicy: {azureADJoin: {allowedToJoin: {"@odata.type": "#microsoft.graph.noDeviceRegistrationMembership"}}}
"""
    text = PROFILE.replace("[all devices]", "[]") + USERS + nobody + "deviceEnrollmentConfigurations:" + PAGE
    file.write_text(text, encoding="utf-8")
    found = {one.check: one.moments for one in preflight(file).findings}
    refused, last = found["profile-not-assigned"]
    assert refused.text == "DownloadProfile is refused, 807: ZtdDeviceIsNotRegistered" and refused.at == 75_557
    assert (last.at, last.text) == (None, "of 1 run that asks for a profile, none gets Laptops")
    said = [(moment.at, moment.text) for moment in found["page-not-assigned"]]
    assert said == [(None, "no run comes as far as the choice of a status page, so none shows Page")]


def test_a_profile_that_a_registration_names_is_not_called_unassigned(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    text = PROFILE.replace("[all devices]", "[]").replace("displayName: Laptops", "displayName: Laptops\n    id: p1")
    text += "windowsAutopilotDeviceIdentities:\n  - {serialNumber: 5CG1, intendedDeploymentProfile: {id: p1}}\n"
    file.write_text(text, encoding="utf-8")
    assert "profile-not-assigned" not in {one.check for one in preflight(file).findings}
    file.write_text(text.replace("{id: p1}", "{id: p2}"), encoding="utf-8")
    assert "profile-not-assigned" in {one.check for one in preflight(file).findings}


def test_a_group_of_users_that_counts_as_empty_has_evidence_too(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    group = """
groups:
  - id: g1
    displayName: Sales people
    groupTypes: [DynamicMembership]
    membershipRule: '(user.department -eq "Sales")'
    membershipRuleProcessingState: Paused
"""
    users = "users: [{userPrincipalName: user1@contoso.example, department: Sales}]\n"
    file.write_text(PROFILE + users + group + TOOL.replace("all devices", "Sales people"), encoding="utf-8")
    [one] = [each for each in preflight(file).findings if each.check == "group-counts-as-empty"]
    assert [moment.text for moment in one.moments] == ["of 2 runs, none has a device or a user of Sales people"]
