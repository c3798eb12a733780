"""The organisation's VPN at the sign-on screen: whether this PC has what it takes by now, and connecting it (V3, V4)."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.world import World
from autopilot_agent.service.domain import ConnectVpn


def missing(device: Device) -> str:
    """What a VPN connection at the sign-on screen lacks, in words, or ""."""
    vpn, disk = device.network.client, device.disk
    if vpn is None:
        return "no VPN is set up for this PC"
    if vpn.client:
        if not any(vpn.client in (app.id, app.name) and app.state == "installed" for app in disk.apps.values()):
            return f"{vpn.client} is not installed: Device setup did not bring it"
    elif not disk.vpn_profiles:
        return "Device setup brought no VPN connection"
    if not vpn.all_users:
        return "the connection is a user's own and is not there before that user signs in"
    if vpn.certificate and not any(name.startswith("SCEP") for name in disk.certificates.values()):
        return "the gateway wants a certificate of the machine, and Device setup brought none"
    return ""


async def connect(device: Device, world: World) -> bool:
    """Start the connection; True when the organisation's network can be reached through it."""
    network = device.network
    vpn = network.client
    if vpn is None or missing(device):
        return False
    try:
        await world.call(ConnectVpn(vpn.client or "VPN"))
    except CallFailed as failed:
        world.note("F-36", f"The VPN does not connect: {failed.reason}.")
        return False
    network.vpn = True
    world.note("V4", f"The VPN is up, {'by itself' if vpn.by_itself else 'started at the sign-on screen'}.")
    if vpn.drops_after is not None:
        world.clock.alarm(vpn.drops_after, lambda: _set(device, up=False))
        if vpn.back_after is not None:
            world.clock.alarm(vpn.drops_after + vpn.back_after, lambda: _set(device, up=True))
    return True


def _set(device: Device, *, up: bool) -> None:
    device.network.vpn = up
