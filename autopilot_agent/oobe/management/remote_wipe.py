"""RemoteWipe, CleanPC and Unenroll: an Exec is accepted or refused at once; the reset itself begins after the session."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from autopilot_agent import rulebook
from autopilot_agent.device.csp import NOT_FOUND
from autopilot_agent.device.csp_values import CSP_FAILED, OK
from autopilot_agent.device.nodes import key_of

if TYPE_CHECKING:
    from autopilot_agent.device import Device
    from autopilot_agent.oobe.world import World

STATUS = "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/Status"
LAST_ERROR = "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/LastError"
COMPLETE, SCHEDULED, WAITING_FOR_RESTART, FAILED_IN_EXEC = "1", "10", "20", "30"

NOT_SUPPORTED = 0x80070032
REMOTE_RESET = "autopilot-reset-remote"
FIRST_REMOTE = 17763
"""Windows 10 1809, the first with the nodes of AutomaticRedeployment (rule RST-OS)."""


@cache
def _orders() -> dict[str, str]:
    return {key_of(row.command): row.id for row in rulebook.resets().values() if row.command}


def take_order(device: Device, world: World, key: str) -> int:
    """What follows from an Exec: the status it gets. A node that orders no reset is not looked at."""
    kind = _orders().get(key)
    if kind is None:
        return OK
    row = rulebook.resets()[kind]
    if kind == REMOTE_RESET and device.windows.number < FIRST_REMOTE:
        device.memory.order_refused = "RST-OS"
        return NOT_FOUND
    device.disk.reset_order = kind
    able = row.winre == "not needed" or device.windows.winre
    if kind == REMOTE_RESET:
        world.set_node(STATUS, SCHEDULED if able else FAILED_IN_EXEC, "RST-STATUS")
        world.set_node(LAST_ERROR, "0" if able else str(NOT_SUPPORTED - (1 << 32)), "RST-STATUS")
    return OK if able else CSP_FAILED
