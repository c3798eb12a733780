"""What Windows itself does about the domain: applying the blob, and the task that registers the device in Entra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.clock import HOUR
from autopilot_agent.device import Device
from autopilot_agent.device.domain_blob import unpack
from autopilot_agent.device.registry import CDJ, JOIN_INFO, ODJ_APPLIED
from autopilot_agent.device.storage import DomainState
from autopilot_agent.errors import CallFailed, Unreachable
from autopilot_agent.oobe.world import World
from autopilot_agent.service.domain import ReadConnectionPoint, RegisterHybridDevice, WriteUserCertificate

if TYPE_CHECKING:
    from autopilot_agent.oobe.management.client import ManagementClient

NOT_CONFIGURED, WAITING, PROCESSED, TIMED_OUT = range(4)
"""The states of the offline domain join that events 109 and 110 carry."""

MISSING_DEVICE = "error_missing_device"


def odj_state(world: World, number: int, state: int, rule: str = "EVT-ODJ") -> None:
    """Put a state of the domain join on record: 109 when it is set, 110 as what it is now."""
    word = ("not configured", "waiting", "processed", "timed out")[state]
    world.log("DeviceManagement", number, f"offline domain join state {state}: {word}", rule)


def apply_blob(device: Device, world: World, value: str) -> None:
    """H5: the blob makes the computer a member; that shows after the restart."""
    blob = unpack(value)
    if blob is None:
        world.log("DeviceManagement", 108, "the domain join blob cannot be read", "H5")
        return
    device.disk.domain = DomainState(blob.domain, blob.computer_name)
    device.disk.registry.set(ODJ_APPLIED, "Domain", blob.domain)
    odj_state(world, 109, PROCESSED)
    world.log("DeviceManagement", 107, "the domain join blob was applied", "H5")


async def register(device: Device, world: World, why: str) -> str:
    """One run of the task Automatic-Device-Join; "" when the device is registered, else the code that it failed with.

    The computer first writes its certificate to its own object: the directory sync takes that to Entra.
    """
    domain = device.disk.domain
    if domain is None or not domain.joined:
        return MISSING_DEVICE
    if domain.registration:
        return ""
    domain.tried_at = world.now
    world.log("UserDeviceRegistration", 4096, f"Automatic-Device-Join starts: {why}", "H11-TASK")
    try:
        point = await world.call(ReadConnectionPoint(domain.domain))
        world.log("UserDeviceRegistration", 101, "the service connection point was read", "EVT-UDR")
        computer = await world.call(WriteUserCertificate(domain.domain, domain.computer_name))
        domain.object_guid = computer.object_guid
        call = RegisterHybridDevice(computer.object_guid, domain.computer_name, domain.domain, device.windows.build)
        registered = await world.call(call)
    except CallFailed as failed:
        return _not_registered(device, world, failed)
    domain.registration = registered.device_id
    disk = device.disk
    disk.certificates[registered.certificate_thumbprint] = f"CN={registered.device_id} (MS-Organization-Access)"
    disk.registry.update(rf"{JOIN_INFO}\{registered.certificate_thumbprint}", {"TenantId": point.tenant_id, "UserEmail": ""})
    disk.registry.set(CDJ, "FallbackToSyncJoin", int(not point.federated))
    world.log("UserDeviceRegistration", 306, "automatic registration succeeded", "EVT-UDR")
    world.note("H11", f"The device is registered in Entra as {registered.device_id}: it is hybrid joined now.")
    return ""


def _not_registered(device: Device, world: World, failed: CallFailed) -> str:
    code = failed.code
    domain = device.disk.domain
    if isinstance(failed, Unreachable) and domain is not None and not domain.object_guid:
        code = "0x801C001D"
        world.log("UserDeviceRegistration", 307, f"{code}: the service connection point cannot be read", "EVT-UDR")
    world.log("UserDeviceRegistration", 304, f"automatic registration failed: {code}", "EVT-UDR")
    if isinstance(failed, Unreachable) and not device.network.domain:
        world.note("V6", f"No way into the organisation's network ({failed.reason}): the registration has to wait.")
    return code


def begin_task(device: Device, world: World, client: ManagementClient) -> None:
    """After a start: the task runs because the device was joined, and every hour until it succeeds."""
    domain = device.disk.domain
    if domain is not None and domain.joined and not domain.registration:
        client.beside(_every_hour(device, world))


async def _every_hour(device: Device, world: World) -> None:
    domain = device.disk.domain
    assert domain is not None
    if domain.tried_at < 0:
        await register(device, world, "the device was joined to its domain")
    while not domain.registration:
        await world.sleep(max(1, domain.tried_at + HOUR - world.now))
        if domain.tried_at + HOUR <= world.now and not domain.registration:
            await register(device, world, "an hour has passed")
