"""What two CSPs do that change the PC itself: an edition upgrade by product key, and firmware settings (DFCI)."""

from __future__ import annotations

from collections.abc import Callable

from autopilot_agent.clock import HOUR
from autopilot_agent.device import Device
from autopilot_agent.device.windows import KEYS, PRODUCT_INFO, UPGRADES
from autopilot_agent.oobe.world import World

STATUS = "./Device/Vendor/MSFT/WindowsLicensing/Status"
EDITION = "./Vendor/MSFT/WindowsLicensing/Edition"
FAILED, PENDING, DONE = "0", "1", "3"
RESTARTS_AFTER = 2 * HOUR
KEY_LENGTH = 29
DFCI_REVISION = 2454
"""Revision of Windows 11 24H2 from KB5046740, before which Pro cannot enrol in DFCI (rule F-94)."""


def take_key(device: Device, world: World, key: str) -> bool:
    """A product key arrived: True when an upgrade waits for a restart now."""
    csp, edition = device.disk.csp, device.windows.edition
    wanted = KEYS.get(key.partition("-")[0], "") if len(key) == KEY_LENGTH else ""
    if wanted == edition:
        csp.write(STATUS, DONE)
        world.note("EDITION-PATHS", f"The key is for {wanted}, which this PC has.")
        return False
    if wanted not in UPGRADES.get(edition, ()):
        csp.write(STATUS, FAILED)
        why = f"leads from {edition} to {wanted}, which is no upgrade path" if wanted else "is none that Windows takes"
        world.note("EDITION-PATHS", f"The edition upgrade failed: the key {why}.")
        return False
    csp.write(STATUS, PENDING)
    device.disk.edition_key = wanted
    world.note("EDITION-UPGRADE", f"{edition} becomes {wanted} at the next restart, at the latest in two hours.")
    return True


async def restart_for_edition(device: Device, world: World, restart: Callable[[str, str], None]) -> None:
    """Two hours later Windows restarts by itself if the upgrade still waits."""
    await world.sleep(RESTARTS_AFTER)
    if device.disk.edition_key:
        restart("the edition upgrade restarts Windows after two hours", "EDITION-UPGRADE")


def finish_upgrade(device: Device) -> str:
    """A restart completes a waiting upgrade; the new edition, or ""."""
    wanted, device.disk.edition_key = device.disk.edition_key, ""
    if wanted:
        device.windows.edition = wanted
        device.disk.csp.write(STATUS, DONE)
        device.disk.csp.write(EDITION, str(PRODUCT_INFO[wanted]))
    return wanted


def take_firmware_settings(device: Device, world: World) -> bool:
    """Firmware settings arrived: True when a restart is wanted for them."""
    windows, disk = device.windows, device.disk
    if not device.hardware.dfci:
        if not disk.dfci:
            world.note("C-DFCI", "The firmware of this PC cannot be managed: nothing follows from the DFCI settings.")
        disk.dfci = "not supported"
        return False
    if windows.number == 26100 and windows.revision < DFCI_REVISION and windows.edition == "Pro":
        if not disk.dfci:
            world.note("F-94", "Windows 11 24H2 Pro before KB5046740 does not enrol in DFCI in set-up, but later.")
        disk.dfci = "later"
        return False
    if not disk.dfci:
        world.note("C-DFCI", "The firmware enrols in DFCI at one more restart.")
    disk.dfci = "enrolled"
    return True
