"""The Configuration Manager client of co-management: what follows its bootstrap MSI, until it reports to the status page."""

from __future__ import annotations

from collections.abc import Callable

from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.management.patience import patiently
from autopilot_agent.oobe.world import PLAIN_INSTALLER, World
from autopilot_agent.service.content import DownloadConfigMgrClient
from autopilot_agent.service.uris import CONFIGMGR, CONFIGMGR_NAME, CONFIGMGR_PRODUCT, PROVIDERS

NODE = f"{PROVIDERS}/{CONFIGMGR}"
COMPLETED, ERROR = "3", "4"
INSTALLING, READY, FAILED = "installing", "ready", "failed"


async def install_client(device: Device, world: World, changed: Callable[[], None]) -> None:
    """Download the client from the gateway, install it and register it with the site (rule COMANAGE)."""
    disk = device.disk
    disk.configmgr = INSTALLING
    world.note("COMANAGE", f"The {CONFIGMGR_NAME} comes from the cloud management gateway and is installed.")
    installer = world.installers.get(CONFIGMGR_PRODUCT, PLAIN_INSTALLER)
    code = installer.return_codes[0]
    try:
        await patiently(world, DownloadConfigMgrClient())
    except CallFailed as failed:
        code = int(failed.code, 16)
    if not code:
        wanted = installer.milliseconds
        await world.sleep(wanted if wanted is not None else world.duration("configmgr-client"))
        code = installer.return_codes[-1]
    if code:
        disk.configmgr = FAILED
        world.set_node(NODE + "/LastError", str(code), "F-105")
    else:
        disk.configmgr = READY
        disk.products.add(CONFIGMGR_PRODUCT)
        world.note("COMANAGE", f"The {CONFIGMGR_NAME} is registered with its site.")
    if disk.csp.exists(NODE):
        world.set_node(NODE + "/InstallationState", ERROR if code else COMPLETED, "A-EST")
    changed()
