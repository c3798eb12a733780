"""The technician's pages: what they offer, what each answer does, and what Reseal leaves behind."""

from __future__ import annotations

import pytest

from autopilot_agent.device import Device
from autopilot_agent.device.registry import ENROLLMENTS, SETTINGS, TRACKING
from autopilot_agent.device.storage import Enrolment, JoinState
from autopilot_agent.errors import Unreachable
from autopilot_agent.events import ScreenShown
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.preprovisioning import preprovisioning, technician_failure, what_to_do
from autopilot_agent.oobe.steps.reseal import reseal
from autopilot_agent.oobe.world import Failure
from autopilot_agent.service.base import Done
from autopilot_agent.service.entra import LeaveDirectory
from autopilot_agent.service.network import CloudAssignedProfile, DownloadProfile, GetDeviceTicket
from autopilot_agent.testing import StepDriver, small_device

PROFILE = CloudAssignedProfile(cloud_assigned_tenant_id="t1", cloud_assigned_tenant_domain="contoso.example")
WINDOWS_10 = "10.0.19045.6456"


def known(build: str = "10.0.26100.4349") -> Device:
    device = small_device({"device.windows.build": build})
    device.memory.profile = device.disk.profile = PROFILE
    return device


def prepared() -> Device:
    device = known()
    disk = device.disk
    disk.technician = True
    disk.join = JoinState("d1", "t1", "", "AA")
    disk.enrolment = Enrolment("E1", "MS DM Server", "dm1", "https://mdm", "", "")
    disk.registry.update(rf"{ENROLLMENTS}\E1\FirstSync", {"IsSyncDone": 1, "SyncFailureTimeout": 60})
    disk.registry.set(SETTINGS, "DeviceSetupCategory.Status", "{}")
    disk.csp.write("./Device/Vendor/MSFT/EnrollmentStatusTracking/Setup/Apps/Tracking/Sidecar/a/InstallationState", "3")
    disk.esp_started["device"] = 1
    disk.oobe_pages.add("region")
    return device


@pytest.mark.parametrize(
    ("build", "option", "start"),
    [
        ("10.0.26100.4349", "Pre-provision with Windows Autopilot", "Next"),
        (WINDOWS_10, "Windows Autopilot provisioning", "Provision"),
    ],
)
def test_windows_10_and_11_call_things_differently(build: str, option: str, start: str) -> None:
    run = StepDriver(known(build)).run(what_to_do, preprovisioning)
    pages = {event.screen: event.choices for event in run.events if isinstance(event, ScreenShown)}
    assert pages == {"WHATDO": (option,), "PPINFO": ("Refresh", start)}
    assert run.device.disk.technician
    assert run.result.rule == "P4"


def test_refresh_downloads_the_profile_again() -> None:
    other = CloudAssignedProfile(cloud_assigned_tenant_id="t1", deployment_profile_name="Changed")
    answers = {GetDeviceTicket: Done(), DownloadProfile: other}
    run = StepDriver(known(), answers=answers, person={"PPINFO": ["Refresh"]}).run(preprovisioning)
    assert run.device.disk.profile == run.device.memory.profile == other


def test_a_refresh_without_an_answer_keeps_the_profile() -> None:
    answers = {GetDeviceTicket: Unreachable("0x80072EE2", "nobody there", "")}
    run = StepDriver(known(), answers=answers, person={"PPINFO": ["Refresh"]}).run(preprovisioning)
    assert run.device.memory.profile == PROFILE
    assert run.result.outcome is Outcome.OK


def test_without_a_profile_nothing_can_be_started() -> None:
    device = small_device()
    device.memory.profile_error = "815"
    run = StepDriver(device).run(preprovisioning)
    assert run.result.outcome is Outcome.STUCK
    assert run.world.failure == Failure("815", State.PREPROVISIONING, "P3", "no profile, so nothing can be started (815)")
    assert not device.disk.technician


def test_a_technician_who_goes_back_for_ever_walks_away() -> None:
    for times, outcome in ((20, Outcome.BACK), (21, Outcome.STUCK)):
        driver = StepDriver(known(), person={"WHATDO": "Back"})
        assert driver.run(*[what_to_do] * times).result.outcome is outcome


@pytest.mark.parametrize(
    ("answer", "state", "outcome"),
    [
        ("Retry", State.SECURE_HARDWARE, Outcome.RETRY_HARDWARE),
        ("Retry", State.DEVICE_JOIN, Outcome.RETRY_DEVICE_JOIN),
        ("Retry", State.DEVICE_ENROLMENT, Outcome.RETRY_DEVICE_ENROLMENT),
        ("Retry", State.DOMAIN_JOIN_BLOB, Outcome.RETRY_DOMAIN_JOIN),
        ("Retry", State.DEVICE_SETUP, Outcome.RETRY_DEVICE_SETUP),
        ("Reset", State.DEVICE_SETUP, Outcome.RESET),
        ("nothing", State.DEVICE_SETUP, Outcome.GIVE_UP),
    ],
)
def test_each_button_of_the_red_page_does_what_it_says(answer: str, state: State, outcome: Outcome) -> None:
    driver = StepDriver(known(), person={"PPFAIL": answer})
    driver.world.failure = Failure("0x800705B4", state, "F-63")
    assert driver.run(technician_failure).result.outcome is outcome


def test_reseal_sets_back_what_the_user_flow_does_again() -> None:
    run = StepDriver(prepared(), answers={LeaveDirectory: Done()}).run(reseal)
    disk = run.device.disk
    assert (disk.resealed, disk.technician, disk.join, disk.checkpoint) == (True, False, None, "")
    assert disk.enrolment is not None
    get = disk.registry.get
    assert get(rf"{ENROLLMENTS}\E1\FirstSync", "IsSyncDone") is None
    assert get(rf"{ENROLLMENTS}\E1\FirstSync", "SyncFailureTimeout") == 60
    assert get(rf"{ENROLLMENTS}\E1\WhiteGlove_PreReseal_Backup_FirstSync", "IsSyncDone") == 1
    assert not disk.registry.has(rf"{TRACKING}\Device\Setup")
    assert disk.registry.has(rf"{TRACKING}\Device\WhiteGlove_PreReseal_Backup_Setup\Apps\Tracking\Sidecar\a")
    assert get(SETTINGS, "DeviceSetupCategory.Status") is None
    assert (disk.esp_started, disk.oobe_pages) == ({}, set())


def test_reseal_works_without_entra() -> None:
    run = StepDriver(prepared(), answers={LeaveDirectory: Unreachable("0x80072EE2", "nobody there", "")}).run(reseal)
    assert run.device.disk.join is None
    assert run.result.outcome is Outcome.OK


def test_the_other_reading_of_reseal_keeps_the_join() -> None:
    run = StepDriver(prepared(), assumptions={"Q-06": "join kept"}).run(reseal)
    assert run.device.disk.join is not None
