"""The PC: hardware, TPM, network adapter, Windows, and the two places where facts live: disk and memory."""

from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.device import Device
from autopilot_agent.device.hardware import Hardware, Tpm
from autopilot_agent.device.network import NetworkAdapter
from autopilot_agent.device.storage import Disk, Memory
from autopilot_agent.device.windows import Windows

__all__ = ["CspTree", "Device", "Disk", "Hardware", "Memory", "NetworkAdapter", "Tpm", "Windows"]
