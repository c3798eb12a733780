"""What Windows demands of an MDM server, as data: one row a demand, with its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

STAGE_OF = {
    "DISC": "discovery",
    "POL": "policy",
    "ENR": "enrolment",
    "WAP": "document",
    "DM": "sessions",
    "ESP": "esp",
    "FLT": "faults",
    "REN": "renewal",
}


class Demand(msgspec.Struct, frozen=True):
    """``level`` is must (Windows fails or misbehaves) or should (documented advice); ``windows`` what it does otherwise.

    ``source`` names the public text, or where it was seen; ``grade`` is documented, observed or assumed.
    """

    id: str
    level: str
    demand: str
    windows: str
    source: str
    grade: str = "documented"

    @property
    def stage(self) -> str:
        """The part of a visit that shows it."""
        return STAGE_OF[self.id.partition("-")[0]]


@cache
def demands() -> dict[str, Demand]:
    """All demands by id, in the order in which a device comes to them."""
    lines = files("autopilot_agent.conform").joinpath("demands.jsonl").read_bytes()
    return {one.id: one for one in msgspec.json.Decoder(Demand).decode_lines(lines)}
