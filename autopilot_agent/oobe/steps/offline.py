"""X4 to X6: the profile of AutopilotConfigurationFile.json, for the first boot of a device that the service does not know."""

from __future__ import annotations

import msgspec

from autopilot_agent.device import Device
from autopilot_agent.device.offline_profile import look
from autopilot_agent.device.registry import DIAGNOSTICS, POLICY_CACHE
from autopilot_agent.oobe.world import World
from autopilot_agent.service.network import CloudAssignedProfile

NOT_IN_CACHE = ("CloudAssignedTenantUpn", "IsExplicitProfileAssignment", "CloudAssignedPrivacyDiagnostics")
"""Fields that only a profile of the service has."""


def use_profile_file(device: Device, world: World) -> bool:
    """Take the profile from the file, if there is one that Windows accepts; says why not. True when a profile is in force."""
    disk = device.disk
    reading = look(disk.files)
    if disk.offline_profile_used:
        world.note("X6", "A profile file guided an earlier setup of this PC; it guides only the first boot.")
        return False
    if reading is None:
        return False
    for finding in reading.findings:
        world.note("X-FINDINGS", f"{finding[0].upper()}{finding[1:]}.")
    if reading.rejected is not None:
        rejected = reading.rejected
        if rejected.event:
            world.log("Autopilot", rejected.event, rejected.why, rejected.rule)
        world.note(rejected.rule, f"AutopilotConfigurationFile.json does not count: {rejected.why}.")
        return False
    profile = reading.profile
    if profile is None:
        return False
    world.log("Autopilot", 310, "the offline profile file was found", "X1")
    device.memory.profile = disk.profile = profile
    disk.offline_profile_used = True
    _write(device, profile)
    world.note("X4", f"The profile of the file counts (correlation {profile.ztd_correlation_id}).")
    return True


def _write(device: Device, profile: CloudAssignedProfile) -> None:
    """The registry as it looks in this scenario: with a correlation, without name and registration (formats.md 2.5)."""
    fields = msgspec.to_builtins(profile)
    kept = {name: value for name, value in fields.items() if value != "" and name not in NOT_IN_CACHE}
    device.disk.registry.update(
        DIAGNOSTICS,
        {
            "CloudAssignedTenantDomain": profile.cloud_assigned_tenant_domain,
            "CloudAssignedTenantId": profile.cloud_assigned_tenant_id,
            "CloudAssignedOobeConfig": profile.cloud_assigned_oobe_config,
            "ZtdCorrelationId": profile.ztd_correlation_id,
            "IsAutoPilotDisabled": 0,
            "isForcedEnrollmentEnabled": profile.cloud_assigned_forced_enrollment,
        },
    )
    device.disk.registry.update(
        POLICY_CACHE,
        {
            "ProfileAvailable": 1,
            "PolicyJsonCache": msgspec.json.encode(kept).decode(),
            "AutopilotMode": 0,
            "CloudAssignedDomainJoinMethod": profile.cloud_assigned_domain_join_method,
            "CloudAssignedOobeConfig": profile.cloud_assigned_oobe_config,
            "CloudAssignedAadServerData": profile.cloud_assigned_aad_server_data,
            "CloudAssignedDeviceName": profile.cloud_assigned_device_name,
            "ZtdCorrelationId": profile.ztd_correlation_id,
        },
    )
