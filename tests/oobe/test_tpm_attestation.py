"""Attestation: what the TPM and the services make of it, how often Windows tries, and which code the page shows."""

from __future__ import annotations

from typing import Any

import pytest

from autopilot_agent.device.storage import Enrolment, JoinState
from autopilot_agent.errors import ServiceFault, Unreachable
from autopilot_agent.events import RowChanged
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.steps.device_authentication import device_enrolment, device_join, secure_hardware
from autopilot_agent.oobe.steps.tpm_attestation import MOST_ATTEMPTS
from autopilot_agent.service.attestation import (
    AikCertificate,
    AikChallenge,
    AnswerAikChallenge,
    DeviceToken,
    EkCertificate,
    FetchAmdEkCertificate,
    FetchIntelEkCertificate,
    GetDeviceToken,
    RequestAikCertificate,
)
from autopilot_agent.service.base import Done
from autopilot_agent.service.entra import DeviceJoined, JoinDevice
from autopilot_agent.service.network import NetworkTime, SynchronizeTime, UploadDiagnostics
from autopilot_agent.testing import StepDriver, small_device
from autopilot_agent.testing.steps import StepRun

GOOD: dict[Any, Any] = {
    FetchIntelEkCertificate: EkCertificate("EK"),
    RequestAikCertificate: AikChallenge("credential for EK"),
    AnswerAikChallenge: AikCertificate("AIK"),
    GetDeviceToken: DeviceToken("token", "tenant", "https://mdm"),
    UploadDiagnostics: Done(),
}
BUSY = ServiceFault("0x801901F7", "busy", "")


def attested(changes: dict[str, object] | None = None, answers: dict[Any, Any] | None = None) -> StepRun:
    return StepDriver(small_device(changes), answers={**GOOD, **(answers or {})}).run(secure_hardware)


def code(run: StepRun) -> str:
    return run.world.failure.code if run.world.failure is not None else ""


def calls(run: StepRun, kind: type) -> int:
    return sum(isinstance(call, kind) for _, call in run.backend.calls)  # type: ignore[attr-defined]


def rows(run: StepRun) -> list[str]:
    return [event.state for event in run.events if isinstance(event, RowChanged)][-4:]


def test_a_good_tpm_brings_the_devices_own_token() -> None:
    run = attested()
    assert run.result.outcome is Outcome.OK
    assert run.device.memory.device_token == DeviceToken("token", "tenant", "https://mdm")
    assert run.device.memory.aik_certificate == "AIK"


def test_a_discrete_chip_asks_no_vendor() -> None:
    run = attested({"device.tpm": {"vendor": "IFX"}})
    assert run.result.outcome is Outcome.OK
    assert calls(run, FetchIntelEkCertificate) == 0


def test_each_vendor_has_a_host_of_its_own() -> None:
    run = attested({"device.tpm": {"vendor": "AMD"}}, {FetchAmdEkCertificate: EkCertificate("EK")})
    assert (calls(run, FetchAmdEkCertificate), calls(run, FetchIntelEkCertificate)) == (1, 0)


@pytest.mark.parametrize(
    ("device", "rule", "shown"),
    [
        ({"virtual_machine": True}, "F-52", "0x800705B4"),
        ({"tpm": {"present": False}}, "F-52", "0x800705B4"),
        ({"tpm": {"version": "1.2"}}, "F-61", "0x800705B4"),
        ({"tpm": {"attestation": False}}, "REQ-TPM", "0x800705B4"),
        ({"tpm": {"vendor": "IFX", "firmware": "15.22"}}, "F-69", "0x800705B4"),
        ({"tpm": {"vulnerable": True}}, "F-65", "0x81039024"),
        ({"tpm": {"vendor": "AMD", "old_firmware": True}}, "F-66", "0x80070490"),
        ({"windows": {"build": "10.0.22000.674"}}, "F-64", "0x81039023"),
    ],
)
def test_what_no_attempt_can_mend_fails_without_one(device: dict[str, object], rule: str, shown: str) -> None:
    run = attested({f"device.{name}": value for name, value in device.items()})
    assert (run.result.outcome, run.result.rule, code(run)) == (Outcome.FAILED, rule, shown)
    assert calls(run, RequestAikCertificate) == 0
    assert rows(run) == ["failed", *["failedFromPreviousSubcategory"] * 3]


def test_the_update_of_may_2022_mends_windows_11() -> None:
    assert attested({"device.windows.build": "10.0.22000.675"}).result.outcome is Outcome.OK


def test_windows_makes_several_attempts_by_itself() -> None:
    run = attested(answers={RequestAikCertificate: [BUSY, BUSY, AikChallenge("credential for EK")]})
    assert run.result.outcome is Outcome.OK
    assert calls(run, RequestAikCertificate) == 3


def test_the_attempts_have_an_end() -> None:
    run = attested(answers={RequestAikCertificate: BUSY})
    assert (code(run), run.result.rule) == ("0x81039001", "F-63")
    assert calls(run, RequestAikCertificate) == MOST_ATTEMPTS


def test_a_closed_authority_runs_into_the_time_limit() -> None:
    run = attested(answers={RequestAikCertificate: Unreachable("0x80072EE2", "closed", "NET-TPM")})
    assert (code(run), run.result.rule) == ("0x800705B4", "NET-TPM")
    assert run.milliseconds >= 7 * 60_000


def test_entras_refusal_is_final() -> None:
    run = attested(answers={GetDeviceToken: ServiceFault("0x801C03EA", "no", "F-62")})
    assert (code(run), run.result.rule, calls(run, GetDeviceToken)) == ("0x801C03EA", "F-62", 1)


def test_a_wrong_clock_is_set_once_more_before_the_attempt() -> None:
    run = attested({"device.clock_skew": "3h"}, {SynchronizeTime: NetworkTime()})
    assert run.result.outcome is Outcome.OK
    assert run.device.windows.clock_error == 0
    left = attested({"device.clock_skew": "3h"}, {SynchronizeTime: Unreachable("0x80072EE2", "closed", "")})
    assert (code(left), left.result.rule) == ("0x800705B4", "F-30")


def test_a_technician_sees_the_red_page_instead_of_the_error_page() -> None:
    device = small_device({"device.virtual_machine": True})
    device.disk.technician = True
    run = StepDriver(device, answers=GOOD).run(secure_hardware)
    assert (run.result.outcome, run.result.rule) == (Outcome.TECHNICIAN_FAILED, "F-52")


def test_a_joined_and_enrolled_device_does_neither_again() -> None:
    device = small_device()
    device.disk.join = JoinState("d1", "tenant", "", "AA")
    device.disk.enrolment = Enrolment("e1", "MS DM Server", "dm1", "https://mdm", "", "")
    run = StepDriver(device, answers=GOOD).run(secure_hardware, device_join, device_enrolment)
    assert [one.outcome for one in run.results] == [Outcome.OK, Outcome.SKIPPED, Outcome.SKIPPED]


def test_a_device_cannot_choose_between_two_mdms() -> None:
    answers = {**GOOD, GetDeviceToken: DeviceToken("token", "tenant", "https://mdm", 2), JoinDevice: DeviceJoined("d1", "AA")}
    run = StepDriver(small_device(), answers=answers).run(secure_hardware, device_join, device_enrolment)
    assert (code(run), run.result.rule) == ("0xC1036501", "F-68")
    assert run.device.disk.enrolment is None
