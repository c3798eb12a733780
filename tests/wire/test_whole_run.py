"""What a device says over a whole run, looked at request by request: facts that no single call shows."""

from __future__ import annotations

import json
from functools import cache
from uuid import UUID

import pytest

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.service.network import CloudAssignedProfile
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import USER, small_scenario
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire import syncml_xml, ztd
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.syncml_client import ADDRESS
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


def test_an_msi_that_has_ended_is_told_once_by_an_alert_of_the_next_session() -> None:
    told = [syncml_xml.parse(one.body) for one in requests() if "/devicegatewayproxy/" in one.url]
    found = [(one.header, alert) for one in told for alert in one.alerts("1224") if alert.items[0].source]
    assert len(found) == 1
    header, alert = found[0]
    assert (header.session, header.message) == ("2", "1")
    meta = dm.Meta("int", "Reversed-Domain-Name:com.microsoft.mdm.win32csp_install", "informational")
    node = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B3FA85F64-0000-4000-8000-494D45000001%7D"
    assert alert.items == (dm.Item(source=node, meta=meta, data="0"),)


@pytest.mark.parametrize("correlation", ["", "9f0e8d7c-6b5a-4948-8736-251403f2e1d0"])
def test_a_profile_of_the_service_has_no_correlation_id_of_a_file(correlation: str) -> None:
    profile = CloudAssignedProfile(cloud_assigned_tenant_domain="contoso.example", ztd_correlation_id=correlation)
    assert ("ZtdCorrelationId" in json.loads(ztd.encode_profile(profile))) is bool(correlation)
    assert ztd.decode_profile(ztd.encode_profile(profile)) == profile


ASKED = {
    "./DevInfo/DevId": "",
    "./DevInfo/Lang": "en-US",
    "./DevDetail/LrgObj": "true",
    "./DevDetail/Ext/Microsoft/OSPlatform": "Windows 11 Pro",
    "./DevDetail/Ext/Microsoft/ProcessorArchitecture": "9",
    "./DevDetail/Ext/Microsoft/DeviceName": "DESKTOP-1Q3W2CL",
    "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/EnrollmentType": "Device",
    "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/UPN": USER,
    "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/AADDeviceID": "32096a80-f5cd-4488-a145-9423773d8b9e",
    "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/ManagementServiceAddress": ADDRESS,
}


class Asking(InProcessNet):
    """Answers the first session itself: Gets, and then nothing more."""

    heard: dm.Message | None = None
    source = ""

    def send(self, request: Request, wallet: Wallet) -> Response:
        if "/devicegatewayproxy/" not in request.url or self.heard is not None:
            return super().send(request, wallet)
        message = syncml_xml.parse(request.body)
        gets = [dm.Command("Get", str(number), items=(dm.Item(uri),)) for number, uri in enumerate(ASKED, 10)]
        if self.source:
            self.heard, gets = message, []
        self.source = message.header.source
        status = dm.Status("1", message.header.message, "0", dm.HEADER, "200")
        head = dm.Header(message.header.session, message.header.message, self.source, ADDRESS)
        return Response(200, {}, syncml_xml.serialize(dm.Message(head, (status, *gets))))


def test_a_device_knows_what_it_told_when_it_enrolled() -> None:
    nets: list[Asking] = []

    def backend(state: TenantState) -> HttpBackend:
        nets.append(Asking(Application(TenantDesk(state, one_authority()))))
        return HttpBackend(nets[0], Wallet(KeySource(pooled=True)), tell=lambda rule, text: state.tell(rule, text))

    assert run_scenario(small_scenario(), backend=backend).result.exit_code == 0
    heard = nets[0].heard
    assert heard is not None
    found = {one.source: one.data for results in heard.results() for one in results.items}
    assert found == ASKED | {"./DevInfo/DevId": nets[0].source}
