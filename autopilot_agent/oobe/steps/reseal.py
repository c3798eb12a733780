"""P8: Reseal sets back what the user flow shall do again, takes the temporary join back, and switches the PC off."""

from __future__ import annotations

from autopilot_agent.clock import SECOND
from autopilot_agent.device import Device
from autopilot_agent.device.mirror import mirror_tracking
from autopilot_agent.device.registry import ENROLLMENTS, JOIN_INFO, SETTINGS, TRACKING
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult, switch_off
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.world import World
from autopilot_agent.service.entra import LeaveDirectory
from autopilot_agent.service.uris import TRACKING as TRACKING_NODE
from autopilot_agent.service.uris import first_sync

BACKUP = "WhiteGlove_PreReseal_Backup"
FORGOTTEN = (
    "IsSyncDone",
    "IsServerProvisioningDone",
    "ProvisioningStatus",
    "DevicePreparationDuration",
    "DeviceSetupDuration",
    "AccountSetupDuration",
    "TotalDuration",
)
"""Values that Reseal deletes from FirstSync (diagnostics.md 1.11); the names of the four durations are our reading."""
RESULTS = ("ServerHasFinishedProvisioning", "IsSyncDone", "WasDeviceSuccessfullyProvisioned")
EXPECTED = (
    "ExpectedPolicies",
    "ExpectedNetworkProfiles",
    "ExpectedMSIAppPackages",
    "ExpectedModernAppPackages",
    "ExpectedPFXCerts",
    "ExpectedSCEPCerts",
)
"""The lists of what the page waited for; their files are renamed, so the user flow gets new ones."""
DMCLIENT_FILES = r"%ProgramData%\Microsoft\DMClient"


async def reseal(device: Device, world: World) -> StepResult:
    """P8. One change after the other without a pause, so that no power cut can leave half of them (rule E-POWER)."""
    await world.sleep(SECOND)
    disk = device.disk
    kept = world.assumptions.get("Q-06") == "join kept"
    if disk.join is not None and not kept:
        try:
            await world.call(LeaveDirectory(disk.join.device_id))
        except CallFailed as failed:
            world.note("P8", f"Entra was not told that the device leaves ({failed.code}).")
    if not kept:
        _leave(device, world)
    _set_back(device)
    disk.resealed, disk.resealed_at, disk.technician = True, world.now, False
    disk.resume = disk.checkpoint = ""
    disk.esp_started.clear()
    disk.oobe_pages.clear()
    disk.left_page = False
    disk.restart_rule = disk.restart_kind = ""
    world.failure = None
    world.note("P8", "Device setup will run again for the user; the enrolment stays. The PC is switched off.")
    switch_off(device, world)
    return StepResult(Outcome.OK, "switched off")


def _leave(device: Device, world: World) -> None:
    """The join of the technician's part was temporary (Q-06); a device in a domain has none."""
    disk = device.disk
    if disk.join is None:
        return
    disk.certificates.pop(disk.join.thumbprint, None)
    disk.registry.delete(rf"{JOIN_INFO}\{disk.join.thumbprint}")
    disk.administrator_sids = ()
    disk.join = None
    world.note("P8", "The temporary Entra join is taken back.")


def _set_back(device: Device) -> None:
    """Copy and delete what makes the device part run again (diagnostics.md 1.11)."""
    disk = device.disk
    enrolment = disk.enrolment
    assert enrolment is not None
    registry, csp = disk.registry, disk.csp
    first = rf"{ENROLLMENTS}\{enrolment.enrolment_id}\FirstSync"
    registry.copy(first, rf"{ENROLLMENTS}\{enrolment.enrolment_id}\{BACKUP}_FirstSync")
    for name in FORGOTTEN:
        registry.remove(first, name)
    mirror_tracking(csp, registry)
    setup = rf"{TRACKING}\Device\Setup"
    registry.copy(setup, rf"{TRACKING}\Device\{BACKUP}_Setup")
    registry.delete(setup)
    csp.remove(f"./Device/{TRACKING_NODE}/Setup")
    registry.remove(SETTINGS, "DeviceSetupCategory.Status")
    root = first_sync(enrolment.provider_id)
    for name in EXPECTED:
        value = csp.read(f"{root}/{name}")
        if value:
            disk.files[rf"{DMCLIENT_FILES}\{enrolment.enrolment_id}\FirstSync\{BACKUP}_{name}"] = value
        csp.remove(f"{root}/{name}")
    for name in RESULTS:
        csp.remove(f"{root}/{name}")
