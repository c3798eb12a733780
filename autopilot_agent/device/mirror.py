"""The registry's view of the tracking nodes: EnrollmentStatusTracking as tools read it (diagnostics.md 1.4)."""

from __future__ import annotations

from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.registry import TRACKING, Registry, Value

ROOT = "/vendor/msft/enrollmentstatustracking"


def mirror_tracking(csp: CspTree, registry: Registry) -> None:
    """Write every tracking node under ``Device`` or the user's SID; the CSP tree stays the truth, so once is enough."""
    for scope, owner in (("D", "Device"), ("U", csp.user_sid)):
        if owner:
            _mirror(csp, registry, scope + ROOT, rf"{TRACKING}\{owner}")


def _mirror(csp: CspTree, registry: Registry, node: str, key: str) -> None:
    for child, name in csp.child_keys(node):
        value = csp.values.get(child)
        if csp.child_keys(child) or not value:
            _mirror(csp, registry, child, rf"{key}\{name}")
        else:
            registry.set(key, name, _number(value))


def _number(value: str) -> Value:
    return {"true": 1, "false": 0}.get(value, int(value) if value.isdigit() else value)
