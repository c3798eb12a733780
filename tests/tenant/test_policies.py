"""Policies of Graph as CSP settings: each template's nodes and values, and nodes that the device's own tree accepts."""

from __future__ import annotations

from typing import Any

import pytest

from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.nodes import resolve
from autopilot_agent.tenant.graph.policies import ConfigurationPolicy, DeviceConfiguration
from autopilot_agent.tenant.policies import Setting, definition_uri, settings_of
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import GRAPH

POLICY_ID = "88888888-0000-4000-8000-000000000001"
POLICY = "./Device/Vendor/MSFT/Policy/Config"


def template(kind: str, **raw: object) -> DeviceConfiguration:
    one = {"@odata.type": GRAPH + kind, "id": POLICY_ID, "displayName": "A policy", "assignments": ["all devices"]}
    return small_state({"tenant.deviceConfigurations": [{**one, **raw}]}).data.device_configurations[0]


def catalog(*settings: dict[str, Any]) -> ConfigurationPolicy:
    one = {"name": "Catalog", "platforms": "windows10", "technologies": "mdm", "assignments": ["all devices"]}
    return small_state({"tenant.configurationPolicies": [{**one, "settings": list(settings)}]}).data.configuration_policies[0]


def pairs(policy: DeviceConfiguration | ConfigurationPolicy, target: str = "device") -> dict[str, str]:
    return {one.uri: one.value for one in settings_of(policy, target)}


def flat(settings: tuple[Setting, ...]) -> list[Setting]:
    return [child for one in settings for child in (one.group or (one,))]


CASES: list[tuple[str, dict[str, object], str, str]] = [
    ("windowsUpdateForBusinessConfiguration", {"qualityUpdatesDeferralPeriodInDays": 7},
     POLICY + "/Update/DeferQualityUpdatesPeriodInDays", "7"),
    ("windowsUpdateForBusinessConfiguration", {"qualityUpdatesPaused": True}, POLICY + "/Update/PauseQualityUpdates", "1"),
    ("windows10GeneralConfiguration", {"passwordRequired": True}, POLICY + "/DeviceLock/DevicePasswordEnabled", "0"),
    ("windows10GeneralConfiguration", {"passwordMinimumLength": 8}, POLICY + "/DeviceLock/MinDevicePasswordLength", "8"),
    ("windows10GeneralConfiguration", {"cortanaBlocked": True}, POLICY + "/Experience/AllowCortana", "0"),
    ("windows10EndpointProtectionConfiguration", {"bitLockerEncryptDevice": True},
     "./Device/Vendor/MSFT/BitLocker/RequireDeviceEncryption", "1"),
    ("windows10EndpointProtectionConfiguration", {"deviceGuardEnableVirtualizationBasedSecurity": True},
     POLICY + "/DeviceGuard/EnableVirtualizationBasedSecurity", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "raw", "uri", "value"), CASES, ids=[next(iter(case[1])) for case in CASES])
def test_a_property_becomes_a_node(kind: str, raw: dict[str, object], uri: str, value: str) -> None:
    assert pairs(template(kind, **raw))[uri] == value


@pytest.mark.parametrize("raw", [{}, {"cortanaBlocked": False, "cameraBlocked": False}, {"passwordMinimumLength": None}])
def test_what_is_not_configured_sets_nothing(raw: dict[str, object]) -> None:
    assert settings_of(template("windows10GeneralConfiguration", **raw), "device") == ()


def test_custom_settings_are_sent_as_written() -> None:
    written = [("Integer", "/Update/AllowAutoUpdate", 4), ("Boolean", "/Camera/AllowCamera", False), ("String", "/A/B", "text")]
    items = [
        {"@odata.type": f"{GRAPH}omaSetting{kind}", "displayName": kind, "omaUri": POLICY + path, "value": value}
        for kind, path, value in written
    ]
    found = settings_of(template("windows10CustomConfiguration", omaSettings=items), "device")
    assert [(one.value, one.format) for one in found] == [("4", "int"), ("false", "bool"), ("text", "chr")]


def test_a_wifi_profile_is_waited_for() -> None:
    found = settings_of(template("windowsWifiConfiguration", ssid="Contoso Corp"), "device")[0]
    assert found.uri == "./Device/Vendor/MSFT/WiFi/Profile/Contoso%20Corp/WlanXml"
    assert (found.expect, found.expected_uri) == ("network", found.uri)


@pytest.mark.parametrize(("target", "expect"), [("device", "network"), ("user", "")])
def test_a_vpn_profile_is_waited_for_on_the_device_only(target: str, expect: str) -> None:
    found = settings_of(template("windows10VpnConfiguration", connectionName="Contoso VPN"), target)[0]
    assert found.expect == expect
    assert found.uri.startswith("./User/" if target == "user" else "./Device/")


def test_a_certificate_is_asked_for_in_one_piece_and_waited_for() -> None:
    found = settings_of(template("windows81SCEPCertificateProfile", keySize="size4096"), "device")[0]
    assert (found.verb, found.expect) == ("Atomic", "certificate")
    assert found.group[-1].verb == "Exec"
    assert {one.uri.rpartition("/")[2]: one.value for one in found.group}["KeyLength"] == "4096"
    assert all(one.uri.startswith(found.expected_uri) for one in found.group)


def test_what_targets_the_user_goes_to_the_user_s_tree() -> None:
    found = pairs(template("windowsWifiConfiguration", ssid="Contoso Corp"), "user")
    assert list(found) == ["./User/Vendor/MSFT/WiFi/Profile/Contoso%20Corp/WlanXml"]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("device_vendor_msft_policy_config_update_managepreviewbuilds", POLICY + "/update/managepreviewbuilds"),
        ("user_vendor_msft_policy_config_experience_allowcortana", "./User/Vendor/MSFT/Policy/Config/experience/allowcortana"),
        ("device_vendor_msft_policy_config_admx_taskbar_hide_it", POLICY + "/ADMX_taskbar/hide_it"),
        (
            "device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_hidefirstrunexperience",
            POLICY + "/microsoft_edge~policy~microsoft_edge/hidefirstrunexperience",
        ),
        (
            "device_vendor_msft_policy_config_microsoft_edgev78diff~policy~microsoft_edge~startup_homepagelocation",
            POLICY + "/microsoft_edgev78diff~policy~microsoft_edge~startup/homepagelocation",
        ),
        (
            "user_vendor_msft_policy_config_office16v2~policy~l_microsoftofficesystem~l_securitysettings_l_macroruntimescanscope",
            "./User/Vendor/MSFT/Policy/Config/office16v2~policy~l_microsoftofficesystem~l_securitysettings/l_macroruntimescanscope",
        ),
        (
            "device_vendor_msft_policy_config_onedrivengscv2~policy~onedrivengsc_kfmoptinnowizard",
            POLICY + "/onedrivengscv2~policy~onedrivengsc/kfmoptinnowizard",
        ),
        ("device_vendor_msft_policy_config_microsoft_edge~policy~microsoft", ""),
        ("device_vendor_msft_policy_config_update", ""),
        ("something_else", ""),
    ],
)
def test_an_id_of_the_catalog_names_a_node(name: str, uri: str) -> None:
    assert definition_uri(name) == uri


def test_choices_and_their_children_become_nodes() -> None:
    name = "device_vendor_msft_policy_config_update_allowautoupdate"
    child = "device_vendor_msft_policy_config_update_scheduledinstallday"
    policy = catalog(
        {
            "settingInstance": {
                "settingDefinitionId": name,
                "choiceSettingValue": {
                    "value": name + "_4",
                    "children": [{"settingDefinitionId": child, "simpleSettingValue": {"value": 3}}],
                },
            }
        }
    )
    found = {one.uri.rpartition("/")[2]: (one.value, one.format) for one in settings_of(policy, "device")}
    assert found == {"allowautoupdate": ("4", "int"), "scheduledinstallday": ("3", "int")}


def test_a_kind_that_nobody_models_sets_nothing() -> None:
    assert settings_of(template("windowsIdentityProtectionConfiguration"), "device") == ()


ACCEPTED = [
    *((kind, raw) for kind, raw, _, _ in CASES),
    ("windowsWifiConfiguration", {"ssid": "Contoso Corp"}),
    ("windows10VpnConfiguration", {"connectionName": "Contoso VPN"}),
    ("windows81SCEPCertificateProfile", {}),
    ("windows81TrustedRootCertificate", {}),
    ("windowsKioskConfiguration", {}),
]


@pytest.mark.parametrize(("kind", "raw"), ACCEPTED, ids=[kind for kind, _ in ACCEPTED])
def test_the_device_accepts_what_is_sent(kind: str, raw: dict[str, object]) -> None:
    tree = CspTree()
    for one in flat(settings_of(template(kind, **raw), "device")):
        assert resolve(one.uri) is not None
        status, _ = tree.apply(one.verb, one.uri, one.value, one.format)
        assert status in (200, 202), one


def test_the_page_does_not_wait_for_ever_for_a_setting_of_edge_from_the_catalog() -> None:
    name = "device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_hidefirstrunexperience"
    policy = catalog({"settingInstance": {"settingDefinitionId": name, "choiceSettingValue": {"value": name + "_1"}}})
    (one,) = settings_of(policy, "device")
    tree = CspTree()
    assert (one.expect, tree.apply(one.verb, one.uri, one.value, one.format)[0]) == ("policy", 200)
    assert tree.exists(one.expected_uri)
