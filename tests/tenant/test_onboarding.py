"""Before anybody signs in: which profile a device gets, what it looks like on the device, and why it may get none."""

from __future__ import annotations

import json

import pytest

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.network import (
    Activate,
    CloudAssignedProfile,
    DownloadProfile,
    NetworkTime,
    ProbeConnectivity,
    ScanForUpdates,
    SynchronizeTime,
    UploadDiagnostics,
)
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import TENANT_ID

SERIAL = "5CG0000001"


def asking(serial: str = SERIAL, product_key: str = "") -> DownloadProfile:
    return DownloadProfile("aGFzaA==", serial, product_key, "Contoso", "Notebook 14", "10.0.26100.4349", 48)


def profile(**settings: object) -> dict[str, object]:
    outside = {name: settings.pop(name) for name in list(settings) if name in OUTSIDE}
    return {
        "tenant.windowsAutopilotDeploymentProfiles": [
            {"displayName": "P", "assignments": ["all devices"], "outOfBoxExperienceSetting": settings, **outside}
        ]
    }


OUTSIDE = ("deviceNameTemplate", "locale", "assignments", "@odata.type")


def downloaded(changes: dict[str, object], now: int = 0) -> CloudAssignedProfile:
    return answer(small_state(changes), asking(), now)


def refusal(changes: dict[str, object], call: DownloadProfile | None = None) -> ServiceFault:
    with pytest.raises(ServiceFault) as caught:
        answer(small_state(changes), call or asking(), 0)
    return caught.value


def identity(**more: object) -> dict[str, object]:
    one = {"id": "66666666-0000-4000-8000-000000000001", "serialNumber": SERIAL}
    return {"tenant.windowsAutopilotDeviceIdentities": [{**one, **more}]}


def test_a_profile_names_the_tenant() -> None:
    found = downloaded({})
    assert found.cloud_assigned_tenant_id == TENANT_ID
    assert found.cloud_assigned_tenant_domain == "contoso.example"
    assert found.deployment_profile_name == "Contoso user-driven"
    assert found.ztd_registration_id


def test_server_data_repeats_the_choices() -> None:
    found = downloaded(profile(escapeLinkHidden=True, deviceNameTemplate="CON-%SERIAL%"))
    config = json.loads(found.cloud_assigned_aad_server_data)["ZeroTouchConfig"]
    assert config["CloudAssignedTenantDomain"] == "contoso.example"
    assert config["ForcedEnrollment"] == 1 == found.cloud_assigned_forced_enrollment
    assert config["CloudAssignedDeviceName"] == "CON-%SERIAL%" == found.cloud_assigned_device_name


@pytest.mark.parametrize(
    ("setting", "bit"),
    [
        ({"userType": "standard"}, 2),
        ({"privacySettingsHidden": True}, 4),
        ({"eulaHidden": True}, 16),
        ({"keyboardSelectionPageSkipped": True}, 1024),
        ({"deviceUsageType": "shared"}, 2 + 4 + 16 + 32 + 64 + 128),
    ],
    ids=str,
)
def test_each_setting_has_its_bit(setting: dict[str, object], bit: int) -> None:
    plain = downloaded(profile(userType="administrator")).cloud_assigned_oobe_config
    assert plain & (8 + 256) == 8 + 256
    with_it = downloaded(profile(**{"userType": "administrator", **setting})).cloud_assigned_oobe_config
    assert with_it == plain | bit


def test_self_deploying_is_forced_and_hides_its_pages_whatever_was_saved() -> None:
    found = downloaded(profile(deviceUsageType="shared", userType="administrator", escapeLinkHidden=False))
    assert (found.cloud_assigned_oobe_config, found.cloud_assigned_forced_enrollment) == (510, 1)


@pytest.mark.parametrize(
    ("locale", "language"), [("de-DE", "de-DE"), ("os-default", "os-default"), ("", ""), ("user-select", "")]
)
def test_a_language_is_the_profile_s_or_the_user_s(locale: str, language: str) -> None:
    assert downloaded(profile(locale=locale)).cloud_assigned_language == language


@pytest.mark.parametrize(
    ("changes", "call", "code", "rule"),
    [
        ({"device.registered": False}, asking(), "807", "F-02"),
        ({}, asking("5CG9999999"), "807", "F-02"),
        (profile(assignments=[]), asking(), "815", "F-03"),
        ({"cloud.profile_deleted": True}, asking(), "809", "F-04"),
        ({"cloud.registration_mismatch": True}, asking(), "908", "F-05"),
        (identity(productKey="AAAAA"), asking(product_key="BBBBB"), "908", "F-05"),
        (identity(remediationState="manualRemediationRequired"), asking(), "908", "F-89"),
    ],
    ids=str,
)
def test_each_reason_for_no_profile_has_its_code(
    changes: dict[str, object], call: DownloadProfile, code: str, rule: str
) -> None:
    found = refusal(changes, call)
    assert (found.code, found.rule) == (code, rule)


def test_a_profile_that_is_still_on_its_way_is_empty() -> None:
    changes: dict[str, object] = {"cloud.profile_pending_until": "10m"}
    assert downloaded(changes, now=599_999) == CloudAssignedProfile()
    assert downloaded(changes, now=600_000).cloud_assigned_tenant_id == TENANT_ID


def test_the_registration_s_own_name_wins_over_the_template() -> None:
    changes = profile(deviceNameTemplate="CON-%SERIAL%") | identity(displayName="RECEPTION-1")
    assert downloaded(changes).cloud_assigned_device_name == "RECEPTION-1"


def test_an_assigned_user_travels_in_the_profile() -> None:
    assert downloaded(identity(userPrincipalName="user1@contoso.example")).cloud_assigned_tenant_upn == "user1@contoso.example"


def test_the_profile_for_all_devices_counts_as_the_default() -> None:
    assert not downloaded({}).is_explicit_profile_assignment


def test_calls_without_a_decision_are_done() -> None:
    state = small_state()
    assert answer(state, ProbeConnectivity(), 0) == answer(state, Activate(), 0) == Done()
    assert answer(state, SynchronizeTime(), 0) == NetworkTime()


def test_windows_update_offers_what_is_not_installed() -> None:
    state = small_state({"windows_update.quality": {"kb": "KB5000002", "duration": "20m"}})
    assert [one.kb for one in answer(state, ScanForUpdates("critical"), 0).updates] == ["KB5000001"]
    assert [one.kb for one in answer(state, ScanForUpdates("quality"), 0).updates] == ["KB5000002"]
    assert answer(state, ScanForUpdates("critical", ("KB5000001",)), 0).updates == ()
    assert answer(state, ScanForUpdates("autopilot"), 0).updates == ()


def test_uploaded_logs_are_counted() -> None:
    state = small_state()
    answer(state, UploadDiagnostics(), 0)
    assert state.recorded()["diagnostics_uploads"] == 1
