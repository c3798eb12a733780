"""The adapter in use: what it is plugged into and which hosts can be reached through it."""

from __future__ import annotations

import msgspec


class NetworkAdapter(msgspec.Struct):
    """``lost_at`` and ``back_at`` are virtual milliseconds; ``blocked`` hosts may begin with ``*.``; ``megabits`` per second.

    ``blocked`` maps each closed host to the fault that closed it ("" for the scenario's own firewall).
    """

    kind: str = "ethernet"
    ssid: str = ""
    internet: bool = True
    metered: bool = False
    captive_portal: bool = False
    blocked: dict[str, str] = {}
    megabits: int = 100
    lost_at: int | None = None
    back_at: int | None = None
    connected: bool = False

    def link(self, now: int) -> bool:
        """Whether the adapter carries data now."""
        if self.lost_at is None or now < self.lost_at:
            return True
        return self.back_at is not None and now >= self.back_at

    def closed(self, host: str) -> str | None:
        """The pattern that closes ``host``, or None."""
        for pattern in self.blocked:
            if host == pattern or (pattern.startswith("*.") and (host.endswith(pattern[1:]) or host == pattern[2:])):
                return pattern
        return None

    def milliseconds(self, size: int) -> int:
        """How long ``size`` bytes take."""
        return size * 8 // (self.megabits * 1000) if size else 0
