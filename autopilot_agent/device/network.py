"""The adapter in use: what it is plugged into and which hosts can be reached through it."""

from __future__ import annotations

import msgspec

DOMAIN_CONTROLLER = "domain-controller"
"""The name under which calls, and the hosts that a scenario closes, speak of whatever domain controller answers."""


EVERYTHING = "*"
"""The host that stands for all of them, where no name can be found (rule NET-DNS)."""


class Vpn(msgspec.Struct, frozen=True):
    """The organisation's VPN as this PC could use it; times in milliseconds.

    ``client`` is the id of the app that installs the client with its connection ("" for the client of Windows itself, whose
    connection is a device's VPN policy). ``all_users`` says whether the connection is there before anybody signs in,
    ``certificate`` whether the gateway wants a certificate of the machine, ``by_itself`` whether it connects without being
    started. ``drops_after`` the connection is lost, and comes back ``back_after`` that.
    """

    client: str = ""
    all_users: bool = True
    certificate: bool = False
    by_itself: bool = False
    drops_after: int | None = None
    back_after: int | None = None


class NetworkAdapter(msgspec.Struct):
    """``lost_at`` and ``back_at`` are virtual milliseconds; ``blocked`` hosts may begin with ``*.``; ``megabits`` per second.

    ``domain`` says whether this is the organisation's own network, ``vpn`` whether a connection into it is up, ``client`` what
    could make one. ``proxy`` is none, wpad or needed.
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
    domain: bool = True
    vpn: bool = False
    client: Vpn | None = None
    proxy: str = "none"

    def link(self, now: int) -> bool:
        """Whether the adapter carries data now."""
        if self.lost_at is None or now < self.lost_at:
            return True
        return self.back_at is not None and now >= self.back_at

    def closed(self, host: str) -> str | None:
        """The pattern that closes ``host``, or None. A domain controller answers in its own network or through a VPN."""
        if host == DOMAIN_CONTROLLER and not (self.domain or self.vpn):
            return DOMAIN_CONTROLLER
        for pattern in self.blocked:
            if pattern in (host, EVERYTHING):
                return pattern
            if pattern.startswith("*.") and (host.endswith(pattern[1:]) or host == pattern[2:]):
                return pattern
        return None

    def milliseconds(self, size: int) -> int:
        """How long ``size`` bytes take."""
        return size * 8 // (self.megabits * 1000) if size else 0
