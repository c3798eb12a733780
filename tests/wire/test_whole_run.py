"""What a device says over a whole run, looked at request by request: facts that no single call shows."""

from __future__ import annotations

import json
from functools import cache
from uuid import UUID

import pytest

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import small_scenario
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Wallet


class Listening(InProcessNet):
    """Remembers every request."""

    def __init__(self, application: Application) -> None:
        super().__init__(application)
        self.heard: list[Request] = []

    def send(self, request: Request, wallet: Wallet) -> Response:
        self.heard.append(request)
        return super().send(request, wallet)


@cache
def requests() -> tuple[Request, ...]:
    """All that a PC of the small tenant asks from its first boot to the desktop."""
    nets: list[Listening] = []

    def backend(state: TenantState) -> HttpBackend:
        nets.append(Listening(Application(TenantDesk(state, one_authority()))))
        return HttpBackend(nets[0], Wallet(KeySource(pooled=True)), tell=lambda rule, text: state.tell(rule, text))

    assert run_scenario(small_scenario()).result.exit_code == 0
    assert run_scenario(small_scenario(), backend=backend).result.exit_code == 0
    return tuple(nets[0].heard)


@pytest.mark.parametrize("part", ["/EnrollmentServer/device/", "SideCarGatewaySessions", "/devicegatewayproxy/"])
def test_a_request_id_is_a_guid_with_its_dashes(part: str) -> None:
    found = [one.headers["client-request-id"] for one in requests() if part in one.url]
    assert found and all(str(UUID(one)) == one for one in found)


def test_the_extension_says_which_computer_it_is_on() -> None:
    told = [json.loads(json.loads(one.body)["ClientInfo"]) for one in requests() if "SideCarGatewaySessions" in one.url]
    assert {one["DeviceName"] for one in told} == {"DESKTOP-1Q3W2CL"}
    assert {one["OperatingSystemVersion"] for one in told} == {"10.0.26100"}
    assert {one["ExtendedInventoryMap"]["OperatingSystemRevisionNumber"] for one in told} == {"4349"}
