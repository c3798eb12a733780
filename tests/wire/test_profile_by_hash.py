"""The Autopilot profile of a device that says nothing in private: its hash alone tells the serial number."""

from __future__ import annotations

import pytest
from entra_server import device, served
from msgspec import structs

from autopilot_agent.errors import ServiceFault
from autopilot_agent.testing.samples import profile_call


def test_the_hash_leads_to_the_profile() -> None:
    backend = device(served())
    registration = next(iter(backend.net.application.desk.state.registrations.values()))  # type: ignore[attr-defined]
    call = structs.replace(profile_call(), hardware_hash=registration.hardware_hash)
    assert backend.send(call, now=0).ztd_registration_id == registration.identity.id


def test_what_is_no_hash_is_not_registered() -> None:
    with pytest.raises(ServiceFault, match="807"):
        device(served()).send(profile_call(), now=0)
