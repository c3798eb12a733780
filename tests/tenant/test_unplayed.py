"""Notices about a tenant: what is not played, what Intune would not take, and what is for other devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.plan import make_plan

HERE = Path(__file__).parents[2] / "scenarios" / "here.yaml"
FILTERED = (
    "{target: {'@odata.type': '#microsoft.graph.allDevicesAssignmentTarget', deviceAndAppManagementAssignmentFilterId: f1, "
    "deviceAndAppManagementAssignmentFilterType: include}}"
)
DYNAMIC = "groupTypes: [DynamicMembership]"
USER = "users: [{userPrincipalName: A@contoso.example}]"
PAGE = "'@odata.type': windows10EnrollmentCompletionPageConfiguration"
FIRST = "settings: [{settingInstance: {settingDefinitionId: "


def many(collection: str, number: int, what: str = "description: x") -> str:
    return f"{collection}: [{', '.join(f'{{displayName: N{n}, {what}}}' for n in range(number))}]"


def page(what: str) -> str:
    return f"deviceEnrollmentConfigurations: [{{{PAGE}, displayName: E, priority: 1, {what}}}]"


def notices(tenant: str) -> str:
    return "\n".join(make_plan(load_scenario_text(f"scenario: x\ntenant: {{{tenant}}}\n", HERE)).notices)


@pytest.mark.parametrize(
    ("tenant", "said"),
    [
        (f"groups: [{{displayName: D, {DYNAMIC}, membershipRule: 'device.foo -eq 1'}}]", '"device.foo" is not known here'),
        (f"groups: [{{displayName: D, {DYNAMIC}, membershipRule: 'device.'}}]", 'the dynamic group "D" counts as empty'),
        ("groups: [{displayName: G, members: [nobody@contoso.example]}]", 'no user, device or group is called "nobody@contoso'),
        ("groups: [{displayName: G, members: [a, b]}]", 'is called "a" and 1 more'),
        (f"windowsAutopilotDeploymentProfiles: [{{displayName: P, assignments: [{FILTERED}]}}]", 'filter "f1" is not in'),
        (
            "windowsAutopilotDeploymentProfiles: [{displayName: P, assignments: [all devices, {group: G, exclude: true}]}], "
            "groups: [{displayName: G}]",
            "excluding a group from all devices is not supported",
        ),
        ("windowsAutopilotDeploymentProfiles: [{displayName: P, deviceType: holoLens}]", '"P" is for holoLens: it'),
        ("deviceConfigurations: [{'@odata.type': windows99Configuration, displayName: C}]", "type windows99Configuration"),
        (f"configurationPolicies: [{{name: C, {FIRST}other_x, simpleSettingValue: {{value: 1}}}}}}]}}]", '"C": none of its'),
        (f"groups: [{{displayName: {'n' * 201}}}]", "has more than 200 characters"),
        (many("windowsAutopilotDeploymentProfiles", 351), "at most 350 deployment profiles, these are 351"),
        (many("deviceEnrollmentConfigurations", 51, PAGE), "at most 50 status pages beside the default one, these are 51"),
        (page(f"selectedMobileAppIds: [{', '.join(f'a{n}' for n in range(101))}]"), '"E": 101 apps block'),
        (page(f"customErrorMessage: {'x' * 10_001}"), '"E": its message has more than 10000 characters'),
    ],
)  # fmt: skip
def test_what_comes_to_nothing_is_noticed_with_its_place(tenant: str, said: str) -> None:
    found = [line for line in notices(tenant).splitlines() if said in line]
    assert len(found) == 1
    assert "here.yaml:2:" in found[0]


@pytest.mark.parametrize(
    "tenant",
    [
        f"groups: [{{displayName: G, members: [a@contoso.example, H]}}, {{displayName: H}}], {USER}",
        "deviceConfigurations: [{'@odata.type': iosGeneralDeviceConfiguration, displayName: C}]",
        "deviceConfigurations: [{'@odata.type': windows10GeneralConfiguration, displayName: C}]",
        f"configurationPolicies: [{{name: C, platforms: macOS, {FIRST}other_x, simpleSettingValue: {{value: 1}}}}}}]}}]",
        "windowsAutopilotDeploymentProfiles: [{displayName: P, deviceType: windowsPc}]",
        f"groups: [{{displayName: {'n' * 200}}}]",
        many("windowsAutopilotDeploymentProfiles", 350),
        many("deviceEnrollmentConfigurations", 50, f"{PAGE}, priority: 1"),
        page(f"customErrorMessage: {'x' * 10_000}"),
    ],
)  # fmt: skip
def test_what_is_well_is_not(tenant: str) -> None:
    assert [line for line in notices(tenant).splitlines() if "taken as licensed" not in line] == []


def test_a_profile_for_another_kind_of_device_does_not_reach_a_pc() -> None:
    data: Any = make_plan(
        load_scenario_text(
            "scenario: x\ntenant: {windowsAutopilotDeploymentProfiles: [{displayName: P, deviceType: surfaceHub2, "
            "assignments: [all devices]}]}\n",
            HERE,
        )
    ).state
    assert data.targeting.deployment_profile(data.identity, frozenset()) == (None, False)
