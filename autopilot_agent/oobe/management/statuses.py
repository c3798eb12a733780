"""What the OMA-DM client says of its commands: the format of what was read, and the statuses inside an Atomic that failed."""

from __future__ import annotations

from autopilot_agent.device.nodes import resolve
from autopilot_agent.service.management import Command, Status


def node_format(uri: str) -> str:
    """The format of a node that was read; "chr" where the table of nodes does not know it."""
    found = resolve(uri)
    return (found.row.format if found is not None and found.row is not None else "") or "chr"


def rolled_back(command: Command, codes: list[int]) -> tuple[Status, ...]:
    """The statuses inside an Atomic whose last tried command failed: 216 before it, 215 after it (protocols.md 12.3)."""
    tried = len(codes) - 1
    every = [216] * tried + codes[tried:] + [215] * (len(command.children) - len(codes))
    return tuple(
        Status(child.id, code, children=tuple(Status(one.id, 215) for one in child.children))
        for child, code in zip(command.children, every, strict=True)
    )
