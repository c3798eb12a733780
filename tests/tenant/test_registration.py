"""Registrations: who may register what, boards that do not fit, and the Sync button."""

from __future__ import annotations

import pytest
from msgspec import structs

from autopilot_agent.device import Hardware
from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.network import DownloadProfile
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.registration import (
    NewDevice,
    Refused,
    check_user,
    deregister,
    known_registration,
    register,
    synchronize,
)
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.small import small_device, small_state


def new(hardware: Hardware, **changes: object) -> NewDevice:
    device = NewDevice(
        hardware.serial_number, hardware.product_key, hardware.manufacturer, hardware.model, hardware.hash
    )
    return structs.replace(device, **changes)


def ask(state: TenantState, hardware: Hardware) -> str:
    call = DownloadProfile(
        hardware.hash, hardware.serial_number, hardware.product_key, hardware.manufacturer, hardware.model, "10.0.26100.1", 48
    )
    try:
        return answer(state, call, 0).deployment_profile_name
    except ServiceFault as fault:
        return fault.code


def test_the_hash_decides_and_not_the_serial_number() -> None:
    state, pc = small_state(), small_device().hardware
    assert ask(state, pc) == "Contoso user-driven"
    assert ask(state, structs.replace(pc, board=2)) == "908"
    assert state.identity is not None
    assert state.identity.remediation_state == "manualRemediationRequired"
    assert ask(state, pc) == "908"  # Attention required: no profile until it is registered again


def test_a_device_is_registered_once() -> None:
    state, pc = small_state({"device.registered": False}), small_device().hardware
    assert ask(state, pc) == "807"
    register(state, new(pc), 0)
    assert ask(state, pc) == "Contoso user-driven"
    with pytest.raises(Refused, match="806"):
        register(state, new(pc), 0)


def test_another_tenants_device_is_refused() -> None:
    state, pc = small_state({"device.registered": False, "cloud.registered_elsewhere": True}), small_device().hardware
    with pytest.raises(Refused, match="808"):
        register(state, new(pc), 0)
    assert ask(state, pc) == "The former owner's profile"


@pytest.mark.parametrize("source", ["partner", "oem"])
def test_a_repaired_board_is_found_only_by_its_hash(source: str) -> None:
    state, pc = small_state({"device.registered": False}), small_device().hardware
    with pytest.raises(Refused) as refused:
        register(state, new(pc, source=source, repaired=True), 0)
    assert refused.value.code == "ZtdDeviceNotFound"


def test_a_new_registration_has_an_id_and_an_object_of_its_own() -> None:
    state, pc = small_state(), small_device().hardware
    first = known_registration(state, pc.serial_number)
    assert first is not None
    deregister(state, first)
    assert ask(state, pc) == "807"
    second = register(state, new(pc), 0)
    assert second.identity.id != first.identity.id
    assert second.identity.azure_active_directory_device_id != first.identity.azure_active_directory_device_id


@pytest.mark.parametrize("name", ["user1@fabrikam.example", "user1", ""])
def test_an_assigned_user_needs_a_domain_of_the_tenant(name: str) -> None:
    with pytest.raises(Refused):
        check_user(small_state(), name)


def test_a_user_who_does_not_exist_passes_the_check_of_the_domain() -> None:
    check_user(small_state(), "nobody@contoso.example")


def test_sync_is_answered_by_the_clock() -> None:
    state = small_state()
    answers = [synchronize(state, now, 120, 600) for now in (0, 60, 119, 120, 599, 600, 720)]
    assert answers == [204, 409, 409, 429, 429, 204, 429]
