"""The organisation's VPN at the sign-on screen: whether this PC has what it takes by now, and connecting it (V3, V4)."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.world import World
from autopilot_agent.service.domain import ConnectVpn


def lacking(device: Device) -> tuple[str, str]:
    """What a VPN connection at the sign-on screen lacks, as the rule that asks for it and in words; ("", "") when nothing."""
    vpn, disk = device.network.client, device.disk
    if vpn is None:
        return "V4", "no VPN is set up for this PC"
    if vpn.client:
        if not any(vpn.client in (app.id, app.name) and app.state == "installed" for app in disk.apps.values()):
            return "V3", f"{vpn.client} is not installed: Device setup did not bring it"
    elif not disk.vpn_profiles:
        return "V3", "Device setup brought no VPN connection"
    if not vpn.all_users:
        return "V4", "the connection is a user's own and is not there before that user signs in"
    if vpn.certificate and not any(name.startswith("SCEP") for name in disk.certificates.values()):
        return "V3", "the gateway wants a certificate of the machine, and Device setup brought none"
    return "", ""


def missing(device: Device) -> str:
    """What a VPN connection at the sign-on screen lacks, in words, or ""."""
    return lacking(device)[1]


async def connect(device: Device, world: World) -> str:
    """Start the connection; "" when the organisation's network can be reached through it, else why not."""
    network = device.network
    vpn = network.client
    if vpn is None or missing(device):
        return missing(device)
    try:
        await world.call(ConnectVpn(vpn.client or "VPN"))
    except CallFailed as failed:
        world.note("V4", f"The VPN does not connect: {failed.reason}.")
        return f"the VPN does not connect: {failed.reason}"
    network.vpn = True
    world.note("V4", f"The VPN is up, {'by itself' if vpn.by_itself else 'started at the sign-on screen'}.")
    if vpn.drops_after is not None:
        world.clock.alarm(vpn.drops_after, lambda: _set(device, up=False))
        if vpn.back_after is not None:
            world.clock.alarm(vpn.drops_after + vpn.back_after, lambda: _set(device, up=True))
    return ""


def _set(device: Device, *, up: bool) -> None:
    device.network.vpn = up
