"""H3 to H7: the blob is asked for and applied, a domain controller looked for, Windows restarts as a domain member."""

from __future__ import annotations

from autopilot_agent.clock import MINUTE, SECOND
from autopilot_agent.device import Device
from autopilot_agent.device.registry import DOMAIN
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.management.domain import NOT_CONFIGURED, TIMED_OUT, WAITING, odj_state
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.steps.self_description import DEVICE_NAME, DNS_NAME
from autopilot_agent.oobe.steps.status_error import failed_outcome
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.service.domain import FindDomainController
from autopilot_agent.service.management import DomainJoinStanding

NO_DOMAIN = "0x80070774"
"""What the page shows whenever the domain could not be joined in time (flows.md 9, F-31 to F-34 and F-38)."""

POLL = 30 * SECOND
"""Between two sessions that ask for the blob (estimate)."""
PING_AGAIN = MINUTE
"""Between two looks for a domain controller (estimate)."""


async def domain_join_profile(device: Device, world: World) -> StepResult:
    """H3. The budget of H3 to H6 begins; without a Domain Join profile the state stays "not configured" until it is used up."""
    disk, memory = device.disk, device.memory
    memory.domain_join_since = world.now
    if disk.domain is not None:
        if disk.technician:
            return StepResult(Outcome.TECHNICIAN, "the blob is applied already", "P5")
        return StepResult(Outcome.SKIPPED, "the blob is applied already", "H5")
    world.show("WAIT", "H3")
    if disk.join is not None:
        world.note("F-38", "A user is assigned to this device: it was joined to Entra and cannot join a domain any more.")
        return _failed(world, State.DOMAIN_JOIN_PROFILE, "F-38", "the device is joined to Entra", failed_outcome(device))
    world.log("DeviceManagement", 111, f"the wait begins; controller required: {not _skips_check(device)}".lower(), "EVT-ODJ")
    told = False
    while True:
        standing, failed = await _ask_for_blob(device, world)
        if standing is not None and standing.configured:
            return StepResult(Outcome.OK, rule="H3")
        if standing is not None and not told:
            told = True
            odj_state(world, 110, NOT_CONFIGURED)
        if world.now + POLL > _deadline(world, device):
            break
        await world.sleep(POLL)
    if standing is None:
        rule, reason = _link_rule(failed), failed.reason if failed is not None else ""
    else:
        rule, reason = standing.rule or "F-34", standing.reason
    world.note(rule, f"No Domain Join profile arrived: {reason}.")
    return _failed(world, State.DOMAIN_JOIN_PROFILE, rule, reason, failed_outcome(device))


async def domain_join_blob(device: Device, world: World) -> StepResult:
    """H4 and H5. Sessions are polled until the blob comes and is applied, or the time is up."""
    disk = device.disk
    standing: DomainJoinStanding | None = None
    failed: CallFailed | None = None
    odj_state(world, 110, WAITING)
    while disk.domain is None:
        if world.now + POLL > _deadline(world, device):
            odj_state(world, 109, TIMED_OUT)
            rule, reason = _link_rule(failed), failed.reason if failed is not None else "no blob came in time"
            if failed is None and standing is not None and standing.rule:
                rule, reason = standing.rule, standing.reason
            world.note(rule, f"The blob did not come: {reason}.")
            return _failed(world, State.DOMAIN_JOIN_BLOB, rule, reason, failed_outcome(device))
        await world.sleep(POLL)
        standing, failed = await _ask_for_blob(device, world)
    world.note("H4", f"The connector made the computer object {disk.domain.computer_name} in {disk.domain.domain}.")
    if not device.network.domain:
        world.note("V1", "The blob came over the internet: Intune relays it.")
    if disk.technician:
        return StepResult(Outcome.TECHNICIAN, "the restart and the domain controller wait for the user", "P5")
    return StepResult(Outcome.OK, disk.domain.computer_name, "H5")


async def _ask_for_blob(device: Device, world: World) -> tuple[DomainJoinStanding | None, CallFailed | None]:
    """One session: how the server stands to the device, or why there was no session."""
    client = start_management(device, world)
    try:
        await client.session(domain_join=True)
    except CallFailed as failed:
        return None, failed
    return client.domain_join, None


async def domain_controller(device: Device, world: World) -> StepResult:
    """H6. A controller must answer before the restart, unless the profile skips this check."""
    memory, domain = device.memory, device.disk.domain
    if domain is None:  # a device that was resealed without a blob has nothing to look for
        return _failed(world, State.DOMAIN_CONTROLLER, "H5", "no blob was ever applied")
    if device.disk.resealed:
        world.note("PU2B", "Restart and domain controller were left to the user's part; nobody signs in to Entra before.")
    if _skips_check(device):
        world.note("V2", "The profile skips the connectivity check: nobody looks for a domain controller.")
        return StepResult(Outcome.SKIPPED, "the profile skips the check", "SET-SKIP-DC")
    if memory.domain_join_since is None:
        memory.domain_join_since = world.now
    world.show("WAIT", "H6")
    while True:
        world.log("DeviceManagement", 105, f"looking for a controller of {domain.domain}", "H6")
        try:
            found = await world.call(FindDomainController(domain.domain))
        except CallFailed as failed:
            reason = failed.reason
        else:
            world.log("DeviceManagement", 106, f"{found.name} answers", "H6")
            world.log("DeviceManagement", 101, f"{domain.domain} was reached", "EVT-ODJ")
            return StepResult(Outcome.OK, found.name)
        if world.now + PING_AGAIN > _deadline(world, device):
            break
        await world.sleep(PING_AGAIN)
    world.log("DeviceManagement", 100, f"{domain.domain} could not be reached", "F-33")
    odj_state(world, 109, TIMED_OUT)
    return _failed(world, State.DOMAIN_CONTROLLER, "F-33", reason)


async def domain_restart(device: Device, world: World) -> StepResult:
    """H7. Always; Windows comes back as a member, under the name of its computer object."""
    disk = device.disk
    domain = disk.domain
    assert domain is not None
    world.note("SET-DOMAIN-JOIN", f"The Domain Join profile gives domain and name: {domain.computer_name} in {domain.domain}.")
    domain.joined = True
    disk.computer_name = domain.computer_name
    disk.csp.write_all({DEVICE_NAME: domain.computer_name, DNS_NAME: f"{domain.computer_name}.{domain.domain}"})
    disk.registry.update(DOMAIN, {"Domain": domain.domain, "Hostname": domain.computer_name})
    disk.resume = "device_setup" if disk.resealed else "device_preparation"
    reboot(device, world, f"{domain.computer_name} joins {domain.domain}", "H7")
    return StepResult(Outcome.REBOOT, domain.computer_name)


def _deadline(world: World, device: Device) -> int:
    """Q-04: one budget for the blob and the controller."""
    since = device.memory.domain_join_since
    return (world.now if since is None else since) + world.maximum("odj-blob")


def _skips_check(device: Device) -> bool:
    profile = device.memory.profile or device.disk.profile
    return profile is not None and bool(profile.hybrid_join_skip_dc_connectivity_check)


def _link_rule(failed: CallFailed | None) -> str:
    """The rule of a session that could not be held; the wait itself where every session was good."""
    if failed is None:
        return "H4"
    return failed.rule if failed.rule.startswith("F-") else "NET-INTUNE"


def _failed(world: World, state: State, rule: str, reason: str, outcome: Outcome = Outcome.FAILED) -> StepResult:
    world.failure = Failure(NO_DOMAIN, state, rule, reason)
    return StepResult(outcome, f"{NO_DOMAIN}: {reason}", rule)
