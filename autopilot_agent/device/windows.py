"""The installed Windows: edition, build, languages, services, and what an image can bring along."""

from __future__ import annotations

import msgspec

PRODUCT_INFO = {
    "Home": 101,
    "Home Single Language": 100,
    "Pro": 48,
    "Pro Education": 164,
    "Pro for Workstations": 161,
    "Enterprise": 4,
    "Enterprise LTSC": 125,
    "Education": 121,
    "SE": 203,
}
"""GetProductInfo's number of each edition; the keys are the editions that a scenario may name."""

KEYS = {"ENTER": "Enterprise", "EDUCA": "Education", "PROED": "Pro Education"}
"""How the product keys of our tenants begin, and the edition that such a key is for."""
UPGRADES = {
    "Pro": ("Pro Education", "Education", "Enterprise"),
    "Pro Education": ("Education",),
    "Enterprise": ("Education",),
}
"""Which editions a key can make of which (rule EDITION-PATHS)."""

AUTOPILOT_EDITIONS = frozenset(
    ("Pro", "Pro Education", "Pro for Workstations", "Enterprise", "Enterprise LTSC", "Education", "SE")
)
"""Editions that Autopilot supports (rule REQ-EDITION); SE belongs to the education flow."""


class Windows(msgspec.Struct):
    """``build`` is ``10.0.<build>.<revision>``; ``clock_error`` is how far the clock is off, in milliseconds.

    ``winre``: the recovery environment is switched on; ``winre_lost``: it is on and yet cannot be found (rule F-83).
    """

    edition: str = "Pro"
    build: str = "10.0.26100.4349"
    languages: tuple[str, ...] = ("en-US",)
    region: str = "US"
    keyboard: str = "00000409"
    wlidsvc: bool = True
    oobe_restarts: int = 0
    provisioning_package: tuple[str, ...] = ()
    enrolled_before: bool = False
    clock_error: int = 0
    join_needs_restart: bool = False
    winre: bool = True
    winre_lost: bool = False

    @property
    def number(self) -> int:
        """26100 of 10.0.26100.4349."""
        return int(self.build.split(".")[2])

    @property
    def se(self) -> bool:
        """Windows 11 SE, the edition for schools that only approved apps run on."""
        return self.edition == "SE"

    @property
    def eleven(self) -> bool:
        """Windows 11 begins with build 22000."""
        return self.number >= 22000

    @property
    def revision(self) -> int:
        """4349 of 10.0.26100.4349."""
        return int(self.build.split(".")[3])
