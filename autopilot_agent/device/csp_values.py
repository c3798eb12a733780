"""Which values a node takes from a server (protocols.md 12.6, 13.4): its format, its range, and what cannot be taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping

from autopilot_agent.device.nodes import NodeRow, Resolved

OK, NOT_ALLOWED, UNSUPPORTED, CSP_FAILED = 200, 405, 415, 500
_WHOLE = re.compile(r"-?(0x[0-9A-Fa-f]{1,16}|0|[1-9][0-9]{0,18})")
FIRST_SYNC = "/firstsyncstatus"


def fits(row: NodeRow, value: str, fmt: str) -> int:
    """0 when the value suits the node's format and range, else a status."""
    if row.values is None and row.format not in ("int", "bool"):
        return 0
    if row.format == "int":
        if fmt not in ("int", "chr"):
            return UNSUPPORTED
        if not _WHOLE.fullmatch(value):
            return CSP_FAILED
        number = int(value, 0)
        limits = row.values or {}
        low, high, names = limits.get("min"), limits.get("max"), limits.get("enum")
        if (isinstance(low, int) and number < low) or (isinstance(high, int) and number > high):
            return CSP_FAILED
        if isinstance(names, list) and value not in names:
            return CSP_FAILED
    elif row.values and isinstance(row.values.get("enum"), list):
        return 0 if value in row.values["enum"] else CSP_FAILED  # type: ignore[operator]  # a list, see the line above
    elif row.format == "bool":
        if fmt not in ("bool", "chr", "int"):
            return UNSUPPORTED
        if value.lower() not in ("true", "false"):
            return CSP_FAILED
    return 0


def taken_back(name: str, old: str | None, new: str) -> int:
    """200, or 405 for values that cannot be taken back (protocols.md 13.4)."""
    if old is None:
        return OK
    folded = name.casefold()
    if folded == "serverhasfinishedprovisioning" and old == "true" and new.lower() == "false":
        return NOT_ALLOWED
    if folded == "issyncdone" and old == "true":
        return NOT_ALLOWED
    if folded == "wasdevicesuccessfullyprovisioned" and old in ("0", "1"):
        return NOT_ALLOWED
    return OK


def frozen(found: Resolved, values: Mapping[str, str]) -> bool:
    """Whether a list of what the ESP waits for was closed: the server has said that it has finished (protocols.md 13.4)."""
    parent = found.parents[0][0] if found.parents else ""
    if not found.name.casefold().startswith("expected") or not parent.endswith(FIRST_SYNC):
        return False
    return values.get(f"{parent}/serverhasfinishedprovisioning") == "true"
