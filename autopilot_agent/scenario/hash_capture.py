"""Reading the hardware hash from a PC, so that somebody can register it."""

from __future__ import annotations

from autopilot_agent.scenario.act_specs import CaptureHash
from autopilot_agent.scenario.plan import Plan

FILE = r"C:\HWID\AutopilotHWID.csv"
HEADER = "Device Serial Number,Windows Product ID,Hardware Hash"


def capture_hash(plan: Plan, act: CaptureHash) -> None:
    """Write the import file, or tell why Windows 11 SE does not let the tool (rule EDU-HASH)."""
    device, world = plan.device, plan.world
    if device.windows.se and act.way != "by hand":
        tool = "Configuration Manager" if act.way == "configmgr" else "a PowerShell script"
        world.note("EDU-HASH", f"{tool} cannot capture the hardware hash on Windows 11 SE.".capitalize())
        world.note("EDU-REGISTRATION", "An OEM, partner or reseller registers it, or somebody exports the hash by hand.")
        return
    hardware = device.hardware
    device.disk.files[FILE] = f"{HEADER}\r\n{hardware.serial_number},,{hardware.hash}\r\n"
    rule = "EDU-HASH" if device.windows.se else "REG-SOURCES"
    world.note(rule, f"The hardware hash of {hardware.serial_number} is in {FILE}.")
