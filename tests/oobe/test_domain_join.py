"""The steps of hybrid join one by one: blob, domain controller, restart, sign-on screen, registration, the extra prompt."""

from __future__ import annotations

import pytest

from autopilot_agent.device import Device
from autopilot_agent.device.domain_blob import DomainBlob, pack
from autopilot_agent.device.network import Vpn
from autopilot_agent.device.storage import Account, DomainState, Enrolment, InstalledApp
from autopilot_agent.errors import ServiceFault, Unreachable
from autopilot_agent.events import LogWritten
from autopilot_agent.oobe.management.domain import apply_blob, register
from autopilot_agent.oobe.management.vpn import missing
from autopilot_agent.oobe.person import Reply
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.steps import domain_join, domain_sign_in, hybrid_registration
from autopilot_agent.service.base import Done
from autopilot_agent.service.domain import (
    ComputerObject,
    ConnectionPoint,
    ConnectVpn,
    ControllerFound,
    FindDomainController,
    GetUserToken,
    HybridRegistered,
    LoggedOn,
    LogOnToDomain,
    ReadConnectionPoint,
    RegisterHybridDevice,
    WriteUserCertificate,
)
from autopilot_agent.service.entra import DiscoverRealm, Realm, SignedIn, SignIn
from autopilot_agent.service.management import Command, Commands, DomainJoinStanding, ManagementMessage
from autopilot_agent.service.network import CloudAssignedProfile
from autopilot_agent.service.uris import DOMAIN_JOIN_BLOB
from autopilot_agent.testing import StepDriver, run_step, small_device

USER, DOMAIN = "user1@contoso.example", "corp.contoso.example"
TOKEN = SignedIn("u1", USER, "User One", "t1")
BLOB = pack(DomainBlob(DOMAIN, "FAB-1", "secret"))
WAITS = Commands((), DomainJoinStanding(True))
NO_CONTROLLER = Unreachable("0x80072EE2", "nobody there", "NET-DC")
LOGON = {LogOnToDomain: LoggedOn(USER, "S-1-5-21-1-1-1-2000")}


def enrolled(*, skip: int = 0, config: int = 0) -> Device:
    """A PC that enrolled with a hybrid profile and has no domain yet."""
    device = small_device()
    device.disk.enrolment = Enrolment("E1", "MS DM Server", "dm1", "https://r.manage.microsoft.com", "u1", USER)
    device.memory.profile = device.disk.profile = CloudAssignedProfile(
        cloud_assigned_domain_join_method=1, cloud_assigned_oobe_config=config, hybrid_join_skip_dc_connectivity_check=skip
    )
    return device


def member(**more: int) -> Device:
    """The same after the restart into the domain."""
    device = enrolled(**more)
    device.disk.domain = DomainState(DOMAIN, "FAB-1", joined=True)
    return device


def numbers(events: list[object], channel: str = "DeviceManagement") -> list[int]:
    return [one.id for one in events if isinstance(one, LogWritten) and one.channel == channel and one.id not in (208, 209)]


def test_the_blob_is_awaited_and_applied() -> None:
    blob = Commands((Command(1, "Exec", DOMAIN_JOIN_BLOB, BLOB, "b64"),), DomainJoinStanding(True))
    device = enrolled()
    run = StepDriver(device, answers={ManagementMessage: [WAITS, WAITS, blob, Commands()]}).run(
        domain_join.domain_join_profile, domain_join.domain_join_blob
    )
    assert [one.outcome for one in run.results] == [Outcome.OK, Outcome.OK]
    assert numbers(run.events) == [111, 110, 109, 107]
    assert device.disk.domain == DomainState(DOMAIN, "FAB-1")


def test_without_a_profile_the_whole_budget_is_used_up() -> None:
    run = run_step(
        domain_join.domain_join_profile,
        enrolled(),
        answers={ManagementMessage: Commands((), DomainJoinStanding(False, "F-34", "no profile"))},
    )
    assert (run.result.outcome, run.result.rule) == (Outcome.FAILED, "F-34")
    assert 28 * 60_000 < run.milliseconds <= 30 * 60_000
    assert run.world.failure is not None
    assert run.world.failure.code == "0x80070774"


def test_what_keeps_the_blob_back_is_named_when_time_is_up() -> None:
    waits = Commands((), DomainJoinStanding(True, "F-32", "30132"))
    run = StepDriver(enrolled(), answers={ManagementMessage: waits}).run(
        domain_join.domain_join_profile, domain_join.domain_join_blob
    )
    assert (run.result.outcome, run.result.rule) == (Outcome.FAILED, "F-32")
    assert numbers(run.events)[-1] == 109


def test_a_technician_stops_after_the_blob_and_fails_on_the_red_page() -> None:
    blob = Commands((Command(1, "Exec", DOMAIN_JOIN_BLOB, BLOB, "b64"),), DomainJoinStanding(True))
    device = enrolled()
    device.disk.technician = True
    run = StepDriver(device, answers={ManagementMessage: [WAITS, blob, Commands()]}).run(
        domain_join.domain_join_profile, domain_join.domain_join_blob
    )
    assert run.result.outcome is Outcome.TECHNICIAN
    again = run_step(domain_join.domain_join_profile, device)
    assert again.result.outcome is Outcome.TECHNICIAN
    failing = enrolled()
    failing.disk.technician = True
    nothing = Commands((), DomainJoinStanding(False))
    assert (
        run_step(domain_join.domain_join_profile, failing, answers={ManagementMessage: nothing}).result.outcome
        is Outcome.TECHNICIAN_FAILED
    )


def test_a_blob_that_cannot_be_read_changes_nothing() -> None:
    driver = StepDriver(enrolled())
    apply_blob(driver.device, driver.world, "nonsense")
    assert driver.device.disk.domain is None
    assert numbers(driver.world.trace) == [108]


def test_a_device_that_joined_entra_cannot_join_a_domain() -> None:
    device = enrolled()
    device.disk.join = object()  # type: ignore[assignment]  # whatever the join was
    run = run_step(domain_join.domain_join_profile, device)
    assert (run.result.outcome, run.result.rule) == (Outcome.FAILED, "F-38")


def test_the_controller_is_looked_for_until_it_answers() -> None:
    device = enrolled()
    device.disk.domain = DomainState(DOMAIN, "FAB-1")
    found = ControllerFound("dc1")
    run = run_step(domain_join.domain_controller, device, answers={FindDomainController: [NO_CONTROLLER, NO_CONTROLLER, found]})
    assert run.result.outcome is Outcome.OK
    assert numbers(run.events)[-1] == 101


def test_without_a_controller_the_device_does_not_restart() -> None:
    device = enrolled()
    device.disk.domain = DomainState(DOMAIN, "FAB-1")
    run = run_step(domain_join.domain_controller, device, answers={FindDomainController: NO_CONTROLLER})
    assert (run.result.outcome, run.result.rule) == (Outcome.FAILED, "F-33")
    assert 100 in numbers(run.events)
    assert not device.disk.domain.joined


def test_a_resealed_device_goes_on_at_device_setup() -> None:
    device = enrolled(skip=1)
    device.disk.domain = DomainState(DOMAIN, "FAB-1")
    device.disk.resealed = True
    run = StepDriver(device).run(domain_join.domain_controller, domain_join.domain_restart)
    assert [one.outcome for one in run.results] == [Outcome.SKIPPED, Outcome.REBOOT]
    assert (device.disk.resume, device.disk.computer_name) == ("device_setup", "FAB-1")
    assert {"PU2B", "V2", "SET-SKIP-DC"} <= run.rules


@pytest.mark.parametrize(("config", "group"), [(0, "administrators"), (2, "users")])
def test_the_profile_decides_the_rights_of_the_domain_user(config: int, group: str) -> None:
    device = member(config=config)
    run_step(domain_sign_in.domain_sign_in, device, answers=LOGON)
    account = device.disk.accounts[USER]
    assert (account.kind, account.group) == ("domain", group)


def test_another_administrator_leaves_the_user_a_standard_user() -> None:
    device = member()
    device.disk.accounts["helpdesk"] = Account("helpdesk", "local", "administrators")
    run = run_step(domain_sign_in.domain_sign_in, device, answers=LOGON)
    assert device.disk.accounts[USER].group == "users"
    assert "F-108" in run.rules


def test_cached_credentials_do_without_a_controller_but_not_with_another_password() -> None:
    device = member()
    run_step(domain_sign_in.domain_sign_in, device, answers=LOGON)
    again = run_step(domain_sign_in.domain_sign_in, device, answers={LogOnToDomain: NO_CONTROLLER})
    assert again.result.outcome is Outcome.OK
    assert "V5" in again.rules
    other = run_step(
        domain_sign_in.domain_sign_in, device, answers={LogOnToDomain: NO_CONTROLLER}, person={"LOGON": "another password"}
    )
    assert (other.result.outcome, other.result.rule) == (Outcome.STUCK, "H9")


@pytest.mark.parametrize(
    ("vpn", "answer", "does", "rule", "why"),
    [
        (Vpn("Office VPN"), Done(), "Sign in", "V3", "Office VPN is not installed"),
        (Vpn("Client", certificate=True), Done(), "Sign in", "V3", "certificate of the machine"),
        (Vpn("Client", all_users=False), Done(), "Sign in", "V4", "a user's own"),
        (None, Done(), "Sign in", "V4", "no VPN is set up"),
        (Vpn("Client"), NO_CONTROLLER, "Start the VPN and sign in", "V4", "the VPN does not connect"),
        (Vpn("Client", by_itself=True), NO_CONTROLLER, "Sign in", "V4", "the VPN does not connect"),
        (Vpn("Client"), Done(), "Sign in", "F-36", "no cached credentials"),
        (Vpn("Client"), Done(), "Start the VPN and sign in", "H9", "no domain controller answers"),
    ],
)
def test_without_a_controller_the_ending_says_what_the_vpn_lacks(
    vpn: Vpn | None, answer: object, does: str, rule: str, why: str
) -> None:
    device = member(skip=1)
    device.network.domain = False
    device.network.client = vpn
    device.disk.apps["c1"] = InstalledApp("c1", "Client", "installed")
    answers = {ConnectVpn: answer, LogOnToDomain: NO_CONTROLLER}
    later = "Sign in" if isinstance(answer, Done) else does  # the button goes once the VPN is up
    replies = [Reply(choice, "right password", button=True) for choice in (does, later, later)]
    driver = StepDriver(device, answers=answers, person={"LOGON": replies})
    run = driver.run(domain_sign_in.domain_sign_in)
    assert (run.result.outcome, run.result.rule) == (Outcome.STUCK, rule)
    assert why in run.result.detail
    assert rule == "F-36" or "F-36" not in run.rules


def test_a_device_without_a_user_asks_who_signs_in() -> None:
    device = member()
    device.disk.enrolment = Enrolment("E1", "MS DM Server", "dm1", "", "", "")
    run = run_step(domain_sign_in.domain_sign_in, device, answers=LOGON, person={"LOGON": [USER, "right password"]})
    assert run.screens.count("LOGON") == 2
    assert device.disk.signed_in_user == USER


@pytest.mark.parametrize(
    ("vpn", "lacking"),
    [
        (None, "no VPN is set up"),
        (Vpn("Office VPN"), "is not installed"),
        (Vpn(), "no VPN connection"),
        (Vpn("Client", all_users=False), "a user's own"),
        (Vpn("Client", certificate=True), "certificate"),
        (Vpn("Client"), ""),
    ],
)
def test_a_vpn_needs_client_connection_and_certificate(vpn: Vpn | None, lacking: str) -> None:
    device = member()
    device.disk.apps["c1"] = InstalledApp("c1", "Client", "installed")
    device.network.client = vpn
    assert lacking in missing(device)
    assert bool(missing(device)) == bool(lacking)


def test_the_vpn_is_started_at_the_sign_on_screen() -> None:
    device = member(skip=1)
    device.network.domain = False
    device.network.client = Vpn("Client")
    device.disk.apps["c1"] = InstalledApp("c1", "Client", "installed")
    run = run_step(domain_sign_in.domain_sign_in, device, answers={ConnectVpn: Done(), **LOGON})
    assert run.result.outcome is Outcome.OK
    assert {"V3", "V4"} <= run.rules


REGISTRATION = {
    ReadConnectionPoint: ConnectionPoint("t1", "contoso.example"),
    WriteUserCertificate: ComputerObject("g1", "s1"),
    RegisterHybridDevice: HybridRegistered("g1", "THUMB"),
}


def test_one_run_of_the_task_registers_the_device() -> None:
    device = member()
    driver = StepDriver(device, answers=REGISTRATION)
    assert driver.world.clock.run(register(device, driver.world, "a test")) == ""
    assert device.disk.domain is not None
    assert device.disk.domain.registration == "g1"
    assert numbers(driver.world.trace, "UserDeviceRegistration") == [4096, 101, 306]


def test_a_run_that_fails_says_so_in_event_304() -> None:
    device = member()
    refused = ServiceFault("error_missing_device", "not synced yet", "H11")
    driver = StepDriver(device, answers={**REGISTRATION, RegisterHybridDevice: refused})
    assert driver.world.clock.run(register(device, driver.world, "a test")) == "error_missing_device"
    assert numbers(driver.world.trace, "UserDeviceRegistration") == [4096, 101, 304]


def registered() -> Device:
    device = member()
    assert device.disk.domain is not None
    device.disk.domain.registration = "g1"
    device.disk.signed_in_user = USER
    device.disk.accounts[USER] = Account(USER, "domain", "users")
    return device


def test_ad_fs_spares_the_prompt() -> None:
    device = registered()
    run = run_step(
        hybrid_registration.entra_prompt,
        device,
        answers={DiscoverRealm: Realm("Federated", "contoso.example", "t1"), GetUserToken: TOKEN},
    )
    assert run.result.outcome is Outcome.SKIPPED
    assert run.screens == ()
    assert device.memory.token == TOKEN


@pytest.mark.parametrize(("box", "token"), [("ticked", TOKEN), ("unticked", None)])
def test_the_box_decides_whether_intune_gets_a_token(box: str, token: SignedIn | None) -> None:
    device = registered()
    run = run_step(
        hybrid_registration.entra_prompt,
        device,
        answers={DiscoverRealm: Realm("Managed", "contoso.example", "t1"), SignIn: TOKEN},
        person={"STAY": box},
    )
    assert run.screens[:3] == ("SIGNIN", "PWD", "STAY")
    assert device.memory.token == token


def test_a_prompt_that_nobody_answers_only_leaves_the_token_out() -> None:
    device = registered()
    run = run_step(
        hybrid_registration.entra_prompt,
        device,
        answers={DiscoverRealm: Realm("Managed", "contoso.example", "t1")},
        person={"SIGNIN": "nothing"},
    )
    assert (run.result.outcome, run.result.rule) == (Outcome.SKIPPED, "H12")
    assert run.world.failure is None
