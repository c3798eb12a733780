"""The TPM proves the device to Entra: certificate of its endorsement key, attestation key, device token (protocols.md 6)."""

from __future__ import annotations

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed, ServiceFault, Unreachable
from autopilot_agent.oobe.management.client import CLOCK_TOLERANCE
from autopilot_agent.oobe.world import World
from autopilot_agent.service.attestation import (
    AnswerAikChallenge,
    FetchAmdEkCertificate,
    FetchIntelEkCertificate,
    FetchQualcommEkCertificate,
    GetDeviceToken,
    RequestAikCertificate,
)
from autopilot_agent.service.network import SynchronizeTime

MOST_ATTEMPTS = 5
"""Attempts that Windows makes by itself before it says 0x81039001; how many they are is not published (rule F-63)."""
PAUSE = MINUTE
"""Between two of them (estimate)."""

VENDOR_HOSTS = {"INTC": FetchIntelEkCertificate, "QCOM": FetchQualcommEkCertificate, "AMD": FetchAmdEkCertificate}

FIRST_WINDOWS_11, MENDED = 22000, 675
"""Windows 11 21H2 attests from KB5013943, the May 2022 update, on (rule F-64)."""

SLOW_FIRMWARE = ("IFX", "15.22")
"""Infineon SLB9672 with this firmware never finishes (rule F-69)."""

TIMED_OUT, NOT_FOUND, TOO_MANY, TOO_OLD, WEAK = "0x800705B4", "0x80070490", "0x81039001", "0x81039023", "0x81039024"
REFUSED = "0x801C03EA"


async def attest(device: Device, world: World) -> None:
    """Attest and keep the device's token in memory. Raises ``CallFailed`` with the code that the page shows."""
    began = world.now
    if world.count("tpm provisioning") == 0:
        await world.spend("tpm-provisioning")
    await _set_clock(device, world)
    await _hopeless(device, world)
    attempt, last = 0, CallFailed(TIMED_OUT)
    limit = world.duration("attestation-limit")
    while attempt < MOST_ATTEMPTS:
        world.log("Autopilot", 177, f"configuring the TPM, attempt {attempt + 1} of {MOST_ATTEMPTS}", "ESP-ROW-TPM")
        try:
            await _attempt(device, world)
        except Unreachable as failed:
            last = failed
            if world.now - began >= limit:
                rule = failed.rule if failed.rule.startswith("F-") else "NET-TPM"
                raise CallFailed(TIMED_OUT, f"attestation timed out: {failed.reason}", rule) from None
        except ServiceFault as failed:
            if failed.code == REFUSED:
                raise
            last = failed
            attempt += 1
        else:
            world.log("Autopilot", 157, f"attestation took {(world.now - began) * 1000} microseconds", "ESP-ROW-TPM")
            world.log("Autopilot", 169, "TPM identity confirmed", "ESP-ROW-TPM")
            return
        world.log("Autopilot", 187, f"waiting before the next attempt: {last.code}", last.rule)
        await world.sleep(PAUSE)
    world.log("Autopilot", 189, f"the most attempts were made; the last one gave {last.code}", "F-63")
    rule = last.rule if last.rule.startswith("F-") else "F-63"
    raise CallFailed(TOO_MANY, f"the most attestation attempts were exceeded ({last.code}: {last.reason})", rule)


async def _set_clock(device: Device, world: World) -> None:
    """A clock that is off makes every certificate invalid: Windows tries to set it once more."""
    if abs(device.windows.clock_error) <= CLOCK_TOLERANCE:
        return
    world.log("Autopilot", 750, "a certificate is not valid: is the clock right?", "F-30")
    try:
        await world.call(SynchronizeTime())
    except CallFailed:
        return
    world.log("Autopilot", 751, "the clock was set", "NET-NTP")
    device.windows.clock_error = 0


async def _hopeless(device: Device, world: World) -> None:
    """What no attempt can mend: the hardware, its firmware, the build of Windows, the clock."""
    hardware, windows = device.hardware, device.windows
    tpm = hardware.tpm
    slow = ""
    if hardware.virtual_machine:
        slow, rule = "a virtual TPM cannot attest: a physical device is needed", "F-52"
    elif not tpm.present:
        slow, rule = "there is no TPM", "F-52"
    elif tpm.version != "2.0":
        slow, rule = f"the TPM is of version {tpm.version}, 2.0 is needed", "F-52" if device.disk.technician else "F-61"
    elif not tpm.attestation:
        slow, rule = "the TPM cannot attest keys", "REQ-TPM"
    elif (tpm.vendor, tpm.firmware) == SLOW_FIRMWARE:
        slow, rule = "TPM attestation timed out: Infineon SLB9672 with firmware 15.22", "F-69"
    elif abs(windows.clock_error) > CLOCK_TOLERANCE:
        slow, rule = f"the clock is {windows.clock_error // 1000} s off, so no certificate is valid", "F-30"
    if slow:
        world.log("Autopilot", 211, slow, rule)
        await world.spend("attestation-limit")
        raise CallFailed(TIMED_OUT, slow, rule)
    world.log("Autopilot", 212, f"vulnerability detected: {tpm.vulnerable}", "F-65" if tpm.vulnerable else "")
    quick = None
    if tpm.vulnerable:
        quick = CallFailed(WEAK, "the TPM's firmware has a known weakness", "F-65")
    elif tpm.vendor == "AMD" and tpm.old_firmware:
        quick = CallFailed(NOT_FOUND, "the firmware of AMD's TPM is too old", "F-66")
    elif windows.number == FIRST_WINDOWS_11 and windows.revision < MENDED:
        quick = CallFailed(TOO_OLD, f"Windows {windows.build} lacks the update of May 2022", "F-64")
    elif device.disk.reset_by_technician and not tpm.survives_reset:
        quick = CallFailed(TOO_MANY, "the TPM does not attest again after the reset", "F-58")
    if quick is not None:
        await world.spend("tpm-attestation", "checked")
        raise quick


async def _attempt(device: Device, world: World) -> None:
    """One attempt, from the endorsement key's certificate to the device's token."""
    tpm, memory, profile = device.hardware.tpm, device.memory, device.memory.profile
    if not memory.aik_certificate:
        certificate = await _endorsement_certificate(device, world)
        world.log("Autopilot", 208 if certificate else 209, "", "ESP-ROW-TPM")
        world.log("Autopilot", 190, "the attestation key asks for its certificate", "ESP-ROW-TPM")
        asked = await world.call(RequestAikCertificate(certificate, tpm.vendor, tpm.firmware))
        await world.spend("tpm-attestation", world.count("attestation"))
        given = await world.call(AnswerAikChallenge(asked.credential.replace("credential for", "secret of")))
        memory.aik_certificate = given.certificate
    else:
        world.log("Autopilot", 191, "the attestation key has its certificate", "ESP-ROW-TPM")
    world.log("Autopilot", 168, "TPM identity updated", "ESP-ROW-TPM")
    registration = profile.ztd_registration_id if profile is not None else ""
    memory.device_token = await world.call(
        GetDeviceToken(registration, device.hardware.serial_number, memory.aik_certificate, tpm.running)
    )


async def _endorsement_certificate(device: Device, world: World) -> str:
    """From the chip's own memory, or from the vendor's host; "" when there is none."""
    tpm = device.hardware.tpm
    key = f"{tpm.vendor} {device.hardware.serial_number}"
    if tpm.certificate_place == "stored":
        return f"EK {key}"
    if tpm.certificate_place == "missing":
        return ""
    kind = VENDOR_HOSTS.get(tpm.vendor, FetchIntelEkCertificate)
    try:
        answer = await world.call(kind(key))
    except CallFailed as failed:
        world.note("F-67", f"{kind.host} gave no certificate for the endorsement key ({failed.code}).")
        return ""
    return str(answer.certificate)
