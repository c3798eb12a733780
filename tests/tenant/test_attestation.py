"""Attestation and enrolment without a user: whom the cloud believes, and who may enrol how often."""

from __future__ import annotations

import pytest
from test_intune import enrolment

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.attestation import GetDeviceToken, RequestAikCertificate
from autopilot_agent.service.enrolment import EnrollMdm
from autopilot_agent.service.ime import GetRequiredApps, GetSelectedApps
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import EDITOR, PORTAL, SMALL, USER

PROFILE = SMALL["tenant"]["windowsAutopilotDeploymentProfiles"][0]
ALLOWED = {"tenant.windowsAutopilotDeploymentProfiles": [{**PROFILE, "preprovisioningAllowed": True}]}
SERIAL = "5CG0000001"


def alone(state: TenantState, *, technician: bool = False) -> EnrollMdm:
    identity = state.find_identity(SERIAL)
    assert identity is not None
    made = enrolment(identity.id, user="")
    return EnrollMdm(*[getattr(made, name) for name in made.__struct_fields__[:13]], preprovisioning=technician)


def refusal(state: TenantState, call: object) -> tuple[str, str]:
    with pytest.raises(ServiceFault) as caught:
        answer(state, call, 0)  # type: ignore[type-var]
    return caught.value.code, caught.value.rule


def test_the_authority_wants_the_certificate_of_the_endorsement_key() -> None:
    assert refusal(small_state(), RequestAikCertificate("", "INTC", "1")) == ("0x80190190", "F-67")


def test_entra_believes_a_registered_device_with_a_good_attestation() -> None:
    token = answer(small_state(), GetDeviceToken("ztd", SERIAL, "AIK", "2.0"), 0)
    assert token.mdm_count == 1
    assert token.mdm_discovery_url


def test_entra_does_not_believe_an_unregistered_device() -> None:
    assert refusal(small_state(), GetDeviceToken("ztd", "5CG9999999", "AIK", "2.0"))[0] == "0x801C03EA"


def test_an_enrolment_without_a_user_has_no_primary_user_and_no_user_apps() -> None:
    state = small_state()
    answer(state, alone(state), 0)
    device = state.history[-1]
    assert (device.userless, device.primary_user, device.user_id) == (True, "", "")
    assert [one.app.id for one in device.apps] == [PORTAL]
    assert state.recorded()["enrollmentType"] == "azureADJoinedUsingDeviceAuthWithAutopilotProfile"


def test_a_record_enrols_only_once_without_a_user() -> None:
    state = small_state()
    answer(state, alone(state), 0)
    assert refusal(state, alone(state)) == ("0x80180014", "REG-ONE-TIME")
    answer(state, enrolment(alone(state).registration_id), 0)  # a user has no such limit
    state.used_registrations.clear()  # what unblocking or deleting does
    answer(state, alone(state), 0)


def test_oems_that_opted_in_have_no_such_limit() -> None:
    state = small_state({"device.manufacturer": "LENOVO"})
    answer(state, alone(state), 0)
    answer(state, alone(state), 0)
    assert len(state.history) == 2


def test_pre_provisioning_has_to_be_allowed() -> None:
    state = small_state()
    assert refusal(state, alone(state, technician=True)) == ("0x80180005", "F-51")
    allowed = small_state(ALLOWED)
    answer(allowed, alone(allowed, technician=True), 0)
    assert allowed.recorded()["enrollmentType"] == "azureADJoinedWithWhiteGlove"


@pytest.mark.parametrize(("user", "apps"), [(USER, {PORTAL, EDITOR}), ("", {PORTAL})])
def test_the_technicians_part_brings_the_apps_of_the_assigned_user(user: str, apps: set[str]) -> None:
    state = small_state({**ALLOWED, "device.assigned_user": user})
    dm = answer(state, alone(state, technician=True), 0)
    assert {app.id for app in answer(state, GetSelectedApps(dm.enrolment_id, "device"), 0).apps} == apps


@pytest.mark.parametrize(("tried", "apps"), [(True, {PORTAL, EDITOR}), (False, {PORTAL})])
def test_what_the_technicians_part_tries_is_a_setting(tried: bool, apps: set[str]) -> None:
    page = {**SMALL["tenant"]["deviceEnrollmentConfigurations"][0], "selectedMobileAppIds": [PORTAL]}
    page["allowNonBlockingAppInstallation"] = tried
    changes = {**ALLOWED, "device.assigned_user": USER, "tenant.deviceEnrollmentConfigurations": [page]}
    state = small_state(changes)
    dm = answer(state, alone(state, technician=True), 0)
    assert {app.id for app in answer(state, GetSelectedApps(dm.enrolment_id, "device"), 0).apps} == {PORTAL}
    assert {app.id for app in answer(state, GetRequiredApps(dm.enrolment_id), 0).apps} == apps
