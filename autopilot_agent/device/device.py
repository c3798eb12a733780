"""One PC, put together."""

from __future__ import annotations

from autopilot_agent.device.hardware import Hardware
from autopilot_agent.device.network import NetworkAdapter
from autopilot_agent.device.storage import Disk, Memory
from autopilot_agent.device.windows import Windows


class Device:
    """Hardware that never changes, a network adapter, Windows, a disk that lasts and a memory that does not."""

    __slots__ = ("disk", "hardware", "memory", "network", "windows")

    def __init__(self, hardware: Hardware, network: NetworkAdapter, windows: Windows) -> None:
        self.hardware = hardware
        self.network = network
        self.windows = windows
        self.disk = Disk()
        self.memory = Memory()

    def lose_memory(self) -> None:
        """What a reboot or a power cut does to everything that is not on disk."""
        self.memory = Memory()
        self.network.connected = False
        self.network.vpn = False
        self.disk.boots += 1
        self.disk.csp.user_sid = ""
