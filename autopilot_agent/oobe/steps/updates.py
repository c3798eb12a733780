"""C8 to C11 and U11: activation, critical updates, the Autopilot update node, the device name, the branch, quality updates."""

from __future__ import annotations

from autopilot_agent.clock import HOUR
from autopilot_agent.device import Device
from autopilot_agent.device.windows import AUTOPILOT_EDITIONS
from autopilot_agent.errors import CallFailed, InputError
from autopilot_agent.oobe.engine import StepResult, elsewhere, reboot
from autopilot_agent.oobe.names import expand_template, wrong_name
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.world import World
from autopilot_agent.service.network import Activate, ScanForUpdates, Update

OK = StepResult(Outcome.OK)

QUALITY_UPDATE_REVISIONS = {22000: 1 << 30, 22621: 5549, 22631: 5549, 26100: 4484}
"""Lowest revision with the OS part of quality updates in OOBE: the 2025-06 D updates KB5060829 and KB5060826; later builds
have it, the first Windows 11 does not (rule QU-OS)."""

OLDEST_BUILD = 19045
"""Windows 10 22H2, the last Windows 10; what is older gets no updates any more (rule REQ-OS)."""

FIRST_HYBRID = 17763
SINCE_1809 = "it came with Windows 10 1809, build 10.0.17763"
"""Hybrid join by Autopilot (rule E-OLD-WINDOWS)."""

UPDATE_POLICIES = "./Device/Vendor/MSFT/Policy/Config/Update"
DAY = 24 * HOUR
LONGEST_WAIT = 30
"""Days of deferral that hide a monthly release altogether: it is never older when the next one comes."""


async def activation(device: Device, world: World) -> StepResult:
    """C8. Never blocks the flow."""
    try:
        await world.call(Activate())
    except CallFailed as failed:
        return StepResult(Outcome.SKIPPED, f"activation failed with {failed.code}; the flow goes on", "C8-NOT-BLOCKING")
    return OK


async def critical_updates(device: Device, world: World) -> StepResult:
    """C9. Always checked, cannot be declined; a closed Windows Update never blocks the flow."""
    world.show("UPD", "EDU-UPDATES" if device.windows.se else "C9")
    try:
        found = await world.call(ScanForUpdates("critical", tuple(device.disk.updates)))
    except CallFailed as failed:
        rule = failed.rule if failed.rule.startswith("F-") else "F-12"
        return StepResult(Outcome.OK, f"Windows Update cannot be reached ({failed.code}): no updates", rule)
    restart = await _install(device, world, found.updates)
    if restart:
        device.disk.resume = ""
        reboot(device, world, f"critical update {restart}", "C9")
        return StepResult(Outcome.REBOOT, restart)
    profile = device.memory.profile
    if profile is not None and not profile.cloud_assigned_autopilot_update_disabled:
        return await _update_node(device, world, profile.cloud_assigned_autopilot_update_timeout)
    return OK if profile is not None else StepResult(Outcome.OK, "as on every Windows", "C-UPDATES-EVERYWHERE")


async def _update_node(device: Device, world: World, limit: int) -> StepResult:
    """The part of Windows that belongs to the Autopilot service updates itself, within a limit and never in the way."""
    try:
        found = await world.call(ScanForUpdates("autopilot", tuple(device.disk.updates)))
    except CallFailed as failed:
        return StepResult(Outcome.OK, f"the Autopilot update was not found ({failed.code})", "TIME-UPDATE-NODE")
    left = limit
    for update in found.updates:
        if update.milliseconds > left:
            await world.sleep(left)
            return StepResult(Outcome.OK, f"the Autopilot update took longer than {limit // 60000} min", "TIME-UPDATE-NODE")
        await world.sleep(update.milliseconds)
        left -= update.milliseconds
        device.disk.updates.append(update.kb)
        world.note("UPD-NODE", f"The Autopilot update node installed {update.title} ({update.kb}).")
    return StepResult(Outcome.OK, "Autopilot update node" if found.updates else "no Autopilot update", "TIME-UPDATE-NODE")


async def _install(device: Device, world: World, updates: tuple[Update, ...]) -> str:
    restart = ""
    for update in updates:
        await world.sleep(update.milliseconds)
        device.disk.updates.append(update.kb)
        world.note("C9", f"Installed {update.title} ({update.kb}).")
        if update.restart:
            restart = update.kb
    return restart


async def rename(device: Device, world: World) -> StepResult:
    """C10. Entra join profiles with a name template; a rename needs a restart, and the profile is looked at again after it."""
    profile = device.memory.profile
    if profile is not None and profile.cloud_assigned_domain_join_method:
        return StepResult(Outcome.OK, "the Domain Join profile gives the name later", "H0")
    if profile is None or not profile.cloud_assigned_device_name:
        return OK
    if device.disk.resealed:
        return StepResult(Outcome.OK, "named by the technician", "PU1")
    name = expand_template(profile.cloud_assigned_device_name, device.hardware.serial_number, world.clock.draw)
    if name == device.disk.computer_name:
        return OK
    wrong = wrong_name(name)
    if wrong:
        world.note("SET-NAME-RULES", f"The template {profile.cloud_assigned_device_name} gives {name!r}, {wrong}: not renamed.")
        return OK
    world.note("SET-NAME-TEMPLATE", f"The template {profile.cloud_assigned_device_name} gives {name}.")
    device.disk.computer_name = name
    if world.chosen("Q-17") == "no reboot":
        return StepResult(Outcome.OK, f"named {name} without a restart of its own (Q-17)", "C10")
    device.disk.resume = "profile"
    reboot(device, world, f"the device is now called {name}", "P4" if device.disk.technician else "C10")
    return StepResult(Outcome.REBOOT, name)


async def branch(device: Device, world: World) -> StepResult:
    """C11. Which flow runs is the profile's word (flows.md 2.1)."""
    profile = device.memory.profile
    if profile is None:
        return StepResult(Outcome.ORDINARY, "no profile: ordinary OOBE", "B6")
    if device.windows.edition not in AUTOPILOT_EDITIONS:
        world.note("REQ-EDITION", f"Windows {device.windows.edition} is not an edition that Autopilot supports.")
    if device.windows.number < OLDEST_BUILD:
        world.note("REQ-OS", f"Windows {device.windows.build} is out of support; Autopilot asks for a supported Windows.")
    if device.hardware.virtual_machine and not profile.self_deploying:
        world.note("REQ-VM", "A virtual machine can be deployed with a user; it needs 2 processors and 4 GB.")
    if profile.offline:
        rule = "B4"
    elif profile.is_explicit_profile_assignment:
        rule = "B2"
    else:
        rule = "B3"
        world.note("SET-DEFAULT-PROFILE", "The profile for all devices acts as the default.")
    if device.disk.resealed:
        days = (world.now - device.disk.resealed_at) // DAY
        when = f"{days} day{'s' * (days != 1)} after" if days else "on the day of"
        world.note("PU0", f"The user flow begins {when} the technician's part.")
    name = profile.deployment_profile_name or "the profile of AutopilotConfigurationFile.json"
    hybrid = bool(profile.cloud_assigned_domain_join_method)
    kind = "hybrid join" if hybrid else "Entra join"
    if hybrid and device.windows.number < FIRST_HYBRID:
        cannot = f"which Windows {device.windows.build} cannot do; {SINCE_1809}"
        raise InputError(f"the profile {name!r} is for hybrid join, {cannot}")
    if device.disk.technician:
        outcome, kind = Outcome.TECHNICIAN, f"pre-provisioning with {kind}"
    elif profile.self_deploying:
        outcome, kind = Outcome.SELF_DEPLOYING, "self-deploying"
        world.note("SET-MODE", "The profile's mode says that nobody signs in: the device attests itself and joins by itself.")
        world.note("S0", "The profile needs nobody: the device will prove itself with its TPM.")
    elif hybrid:
        outcome = Outcome.HYBRID_USER if device.disk.resealed else Outcome.HYBRID
    else:
        outcome = Outcome.USER_DRIVEN
    if world.flow is not None and not world.offers(outcome):
        raise InputError(f"the profile {name!r} is for {kind}, which is not what this scenario's mode plays")
    return StepResult(outcome, name, rule)


def after_device_phase(device: Device) -> str:
    """Where a restart at the end of the device's part goes on."""
    if device.disk.domain is not None:
        return "domain_sign_in"
    userless = device.disk.enrolment is not None and not device.disk.enrolment.user_id
    return "deployment_done" if userless else "first_sign_in"


async def quality_updates(device: Device, world: World) -> StepResult:
    """U11 and flows.md 5.8; after the device phase and before anybody signs in (Q-03)."""
    userless = device.disk.enrolment is not None and not device.disk.enrolment.user_id
    late = world.chosen("Q-03") == "after the status page" and not userless and device.disk.domain is None
    if late:
        return StepResult(Outcome.SKIPPED, "they come after the status page (Q-03)", "QU-POSITION")
    result = await install_quality_updates(device, world)
    if result.outcome is Outcome.REBOOT:
        return result
    if device.disk.domain is not None:
        return elsewhere(Outcome.DOMAIN, result)
    if userless:
        return elsewhere(Outcome.USERLESS, result)
    return result


async def install_quality_updates(device: Device, world: World) -> StepResult:
    """Look whether they are wanted and possible, and install them; a restart has happened when the outcome says REBOOT."""
    management = world.management
    if management is None:
        return StepResult(Outcome.SKIPPED, "no management")
    esp = management.esp
    if not esp.install_quality_updates or not esp.device_page_shown:
        return StepResult(Outcome.SKIPPED, "the ESP does not ask for them", "ESP-QUALITY")
    if not esp.device_targeted:
        return StepResult(Outcome.SKIPPED, "a user-targeted ESP profile is not honoured here", "QU-TARGETING")
    needed = QUALITY_UPDATE_REVISIONS.get(device.windows.number)
    if not device.windows.eleven or (needed is not None and device.windows.revision < needed):
        return StepResult(Outcome.SKIPPED, f"Windows {device.windows.build} cannot do it", "QU-OS")
    if device.network.metered:
        return StepResult(Outcome.SKIPPED, "metered network", "QU-METERED")
    if device.disk.left_page and world.failure is None:
        return StepResult(Outcome.SKIPPED, "the page was left: nobody waits for updates", "QU-BLOCKING")
    read = device.disk.csp.read
    deferral = read(f"{UPDATE_POLICIES}/DeferQualityUpdatesPeriodInDays") or "0"
    if read(f"{UPDATE_POLICIES}/PauseQualityUpdates") == "1" or (deferral.isdigit() and int(deferral) >= LONGEST_WAIT):
        return StepResult(Outcome.SKIPPED, "the update ring pauses or defers the monthly release", "QU-RING")
    try:
        found = await world.call(ScanForUpdates("quality", tuple(device.disk.updates)))
    except CallFailed as failed:
        return StepResult(Outcome.SKIPPED, f"Windows Update cannot be reached ({failed.code})", "NET-WU")
    if not found.updates:
        return StepResult(Outcome.SKIPPED, "none on offer")
    world.show("QU", "QU-POSITION")
    restart = await _install(device, world, found.updates)
    if restart:
        device.disk.resume, device.disk.restart_rule = after_device_phase(device), "F-93"
        reboot(device, world, f"quality update {restart}", "F-93")
        return StepResult(Outcome.REBOOT, restart, "F-93")
    return StepResult(Outcome.OK, rule="QU-DURATION")
