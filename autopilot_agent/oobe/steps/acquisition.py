"""Connectivity checks and profile acquisition (C6, C7): the same work at a wired power-on and after the network page."""

from __future__ import annotations

import msgspec

from autopilot_agent.device import Device
from autopilot_agent.device.registry import CORRELATIONS, DIAGNOSTICS, POLICY_CACHE
from autopilot_agent.device.windows import PRODUCT_INFO
from autopilot_agent.errors import CallFailed, ServiceFault, Unreachable
from autopilot_agent.oobe.steps.offline import use_profile_file
from autopilot_agent.oobe.world import World
from autopilot_agent.service.network import (
    CloudAssignedProfile,
    DownloadProfile,
    GetDeviceTicket,
    ProbeConnectivity,
    SynchronizeTime,
)

PROFILE_FILE = r"%WINDIR%\ServiceState\wmansvc\AutopilotDDSZTDFile.json"

NOT_REGISTERED = "807"
"""The one answer of the service after which the file of an existing device counts (rule X4)."""

OOBE_SETTINGS = (
    (4, "AUTOPILOT_OOBE_SETTINGS_SKIP_EXPRESS_SETTINGS"),
    (16, "AUTOPILOT_OOBE_SETTINGS_SKIP_EULA"),
    (1024, "AUTOPILOT_OOBE_SETTINGS_SKIP_KEYBOARD"),
)

NOT_IN_FILE = ("CloudAssignedTenantUpn", "CloudAssignedAadServerData")
"""Travel beside the online profile; the cached file of a real device does not have them (flows.md 2.4)."""

ANSWERS = {807: "EVT-807", 809: "EVT-809", 815: "EVT-815", 908: "EVT-908"}
"""Refusals of the service that Windows logs under their own numbers."""

FIRST_AUTOPILOT = 15063
"""Windows 10 1703, the first that asks the service for a profile (rule E-OLD-WINDOWS)."""

BROKEN_ACQUISITION = {19044: range(1645, 1708)}
"""Revisions from the April 2022 update to the one before KB5015020, which mends it (rule F-113)."""


async def check_connectivity(device: Device, world: World) -> bool:
    """DHCP, NCSI probe and time; True when Windows takes itself for online. Sets ``device.network.connected``."""
    network = device.network
    network.connected = False
    if not network.internet:
        world.log("Autopilot", 165, "no internet", "NET-NCSI")
        return False
    if network.proxy == "needed":
        world.note("NET-PROXY", "Only a proxy leads out, and WPAD names none: an Intune policy would come too late to set it.")
        world.log("Autopilot", 165, "no internet", "NET-NCSI")
        return False
    if network.captive_portal:
        world.note("F-11", "A captive portal answers the connectivity probe: Windows does not count this as internet.")
        world.log("Autopilot", 165, "no internet", "NET-NCSI")
        return False
    try:
        await world.call(ProbeConnectivity())
    except CallFailed as failed:
        world.note("F-09", f"The connectivity probe failed ({failed.code}): Windows takes itself for offline.")
        world.log("Autopilot", 165, "no internet", "NET-NCSI")
        return False
    if network.proxy == "wpad":
        world.note("NET-PROXY", "WPAD names a proxy; Windows uses it from now on.")
    if not world.passes("FetchRevocationList", "crl3.digicert.com", "NET-CRL"):
        world.note("NET-CRL", "Revocation lists cannot be fetched. Windows does not hold that against a server here.")
    network.connected = True
    await _set_time(device, world)
    return True


async def _set_time(device: Device, world: World) -> None:
    try:
        await world.call(SynchronizeTime())
    except CallFailed:
        if device.windows.clock_error:
            world.note("F-30", f"The clock is {device.windows.clock_error // 1000} s off and no time server can be reached.")
        return
    if device.windows.clock_error:
        world.note("NET-NTP", f"The clock was {device.windows.clock_error // 1000} s off; the time server set it right.")
        device.windows.clock_error = 0


async def acquire_profile(device: Device, world: World) -> None:
    """Ask the Autopilot service once per boot, until a profile is resident; leaves what a real device leaves behind."""
    memory, disk = device.memory, device.disk
    memory.profile_asked = True
    if device.windows.number < FIRST_AUTOPILOT:
        _no_profile(device, world, f"Windows {device.windows.build} is older than Autopilot", "E-OLD-WINDOWS")
        return
    without_ticket = disk.sign_in_assistant_off or not device.windows.wlidsvc
    if disk.resealed and without_ticket:  # the user flow asks anew, and what the technician had does not help it
        disk.profile = None
        world.log("Autopilot", 710, "no device ticket: wlidsvc does not run", "F-53")
        _no_profile(device, world, "no device ticket", "F-53")
        return
    again = world.chosen("Q-23") == "each restart" and disk.profile is not None and not disk.profile.offline
    if disk.profile is not None and not again:
        memory.profile, memory.profile_resident = disk.profile, True
        world.log("Autopilot", 163, "the profile is already resident; no download", "EVT-163")
        return
    if disk.profile is not None:
        world.note("C-ONE-DOWNLOAD", "The profile is downloaded again, although one is there (Q-23).")
    world.log("Autopilot", 160, "profile acquisition begins", "EVT-160")
    world.log("Autopilot", 164, "internet available", "EVT-160")
    if without_ticket:
        world.log("Autopilot", 710, "no device ticket: wlidsvc does not run", "F-07")
        _no_profile(device, world, "no device ticket", "F-07")
        return
    hardware, windows = device.hardware, device.windows
    if windows.number in BROKEN_ACQUISITION and windows.revision in BROKEN_ACQUISITION[windows.number]:
        _no_profile(device, world, f"Windows {windows.build} neither collects the hash nor applies a profile", "F-113")
        return
    try:
        await world.call(GetDeviceTicket(hardware.hash))
        profile = await world.call(
            DownloadProfile(
                hardware.hash,
                hardware.serial_number,
                hardware.product_key,
                hardware.manufacturer,
                hardware.model,
                windows.build,
                PRODUCT_INFO[windows.edition],
            )
        )
    except ServiceFault as fault:
        number = int(fault.code) if fault.code.isdigit() else 824
        world.log("Autopilot", number, fault.reason, ANSWERS.get(number, fault.rule))
        if fault.code == NOT_REGISTERED:
            disk.files[PROFILE_FILE] = f'{{"ErrorCode":{number},"ErrorReason":"ZtdDeviceIsNotRegistered"}}'
            if use_profile_file(device, world):
                return
        _no_profile(device, world, fault.code, fault.rule)
        return
    except Unreachable as failed:
        for _ in range(3):
            world.log("Autopilot", 100, "policy not found while the profile is awaited", "EVT-100")
        rule = failed.rule if failed.rule.startswith("F-") else "F-01"
        world.log("Autopilot", 314, f"the profile could not be downloaded: {failed.code}", rule)
        if use_profile_file(device, world):
            return
        _no_profile(device, world, failed.code, rule)
        return
    if not profile.cloud_assigned_tenant_id:
        world.log("Autopilot", 704, "the service answered with an empty profile", "F-06")
        disk.registry.update(POLICY_CACHE, {"ProfileAvailable": 0, "PolicyJsonCache": "{}"})
        _no_profile(device, world, "empty profile", "F-06")
        return
    world.log("Autopilot", 161, "settings retrieved", "EVT-160")
    world.log("Autopilot", 111, "RetrieveSettings succeeded", "A-DDSZTD")
    world.log("Autopilot", 153, "state changed from ProfileState_Unknown to ProfileState_Available", "EVT-160")
    memory.profile = disk.profile = profile
    _write_profile(device, profile)
    world.log("Autopilot", 101, f"CloudAssignedOobeConfig = {profile.cloud_assigned_oobe_config}", "A-DIAGNOSTICS")
    world.log("Autopilot", 103, f"CloudAssignedTenantDomain = {profile.cloud_assigned_tenant_domain}", "A-PROFILE-JSON")
    for bit, name in OOBE_SETTINGS:
        if profile.cloud_assigned_oobe_config & bit:
            world.log("Autopilot", 109, f"OOBE setting = {name}; state = enabled", "A-OOBECONFIG")


async def refresh_profile(device: Device, world: World) -> None:
    """Refresh on the technician's page: the profile is downloaded again; one that cannot be had keeps its place (P3)."""
    memory, disk = device.memory, device.disk
    before, disk.profile = disk.profile, None
    memory.profile, memory.profile_error = None, ""
    await acquire_profile(device, world)
    if memory.profile is None and memory.profile_error.startswith("0x"):
        memory.profile = disk.profile = before


def _write_profile(device: Device, profile: CloudAssignedProfile) -> None:
    disk = device.disk
    fields = msgspec.to_builtins(profile)
    kept = {name: value for name, value in fields.items() if value != "" and name not in NOT_IN_FILE}
    text = msgspec.json.encode(kept).decode()
    disk.files[PROFILE_FILE] = text
    disk.registry.update(
        DIAGNOSTICS,
        {
            "CloudAssignedTenantDomain": profile.cloud_assigned_tenant_domain,
            "CloudAssignedTenantId": profile.cloud_assigned_tenant_id,
            "CloudAssignedMdmId": profile.cloud_assigned_mdm_id,
            "CloudAssignedOobeConfig": profile.cloud_assigned_oobe_config,
            "DeploymentProfileName": profile.deployment_profile_name,
            "IsAutoPilotDisabled": 0,
            "isForcedEnrollmentEnabled": profile.cloud_assigned_forced_enrollment,
        },
    )
    disk.registry.update(
        CORRELATIONS,
        {
            "ZtdRegistrationId": profile.ztd_registration_id,
            "AutopilotServiceCorrelationId": profile.autopilot_service_correlation_id,
        },
    )
    disk.registry.update(
        POLICY_CACHE,
        {
            "ProfileAvailable": 1,
            "PolicyJsonCache": text,
            "AutopilotMode": 2 if disk.technician else 1 if profile.self_deploying else 0,
            "CloudAssignedDomainJoinMethod": profile.cloud_assigned_domain_join_method,
            "CloudAssignedOobeConfig": profile.cloud_assigned_oobe_config,
            "CloudAssignedDeviceName": profile.cloud_assigned_device_name,
            "DeploymentProfileName": profile.deployment_profile_name,
        },
    )


def _no_profile(device: Device, world: World, why: str, rule: str) -> None:
    if device.disk.profile is not None:  # asked for a second time: the one that is there goes on to count
        device.memory.profile = device.disk.profile
        world.note(rule, f"No other profile arrived ({why}): the one that is resident counts.")
        return
    device.memory.profile_error = why
    device.disk.registry.update(
        DIAGNOSTICS,
        {"CloudAssignedTenantDomain": "", "CloudAssignedTenantId": "", "IsAutoPilotDisabled": 1},
    )
    world.note(rule, f"No Autopilot profile arrived ({why}): this device goes through ordinary OOBE.")
