"""What is in force once the user is there: a subscription's edition, update rings, the user's own folders."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.oobe.world import World

SUBSCRIPTION_BUILD = 18362
"""Windows 10 1903: from there on a subscription needs no product key (rule EDITION-SUBSCRIPTION)."""
STEPS_UP = {"Pro": ("Enterprise", "Education"), "Pro Education": ("Education",)}
"""Which edition a subscription can make of which."""

UPDATES = "D/vendor/msft/policy/config/update/"
FOLDERS = "~onedrivengsc/kfmoptinnowizard"
SILENT = "~onedrivengsc/silentaccountconfig"


def step_up(device: Device, world: World) -> None:
    """A subscription of the user who signs in turns Pro into Enterprise, at once and without a restart."""
    windows, memory = device.windows, device.memory
    wanted = memory.subscription
    if not wanted or wanted not in STEPS_UP.get(windows.edition, ()) or device.disk.join is None:
        return
    if windows.number < SUBSCRIPTION_BUILD:
        return
    world.note("EDITION-SUBSCRIPTION", f"The subscription of {memory.user_name} turns {windows.edition} into {wanted}.")
    windows.edition = wanted


def tell_policies(device: Device, world: World) -> None:
    """Say what the policies that arrived do from now on."""
    values = device.disk.csp.values
    rings = [f"{key[len(UPDATES) :]} {value}" for key, value in values.items() if key.startswith(UPDATES)]
    if rings:
        world.note("WUFB", f"Windows Update for Business: {', '.join(sorted(rings))}.")
    of_onedrive = [key for key, value in values.items() if key.endswith((FOLDERS, SILENT)) and value not in ("0", "")]
    folders, silent = (any(key.endswith(name) for key in of_onedrive) for name in (FOLDERS, SILENT))
    if folders and silent:
        device.disk.known_folders = "OneDrive"
        world.note("KFM", "Desktop, Documents and Pictures are those of OneDrive: the user's files come back.")
    elif folders:
        world.note("KFM", "The known folders would move to OneDrive, but nobody has signed in there: silent sign-in is off.")
