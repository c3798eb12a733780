"""The checks, one module for each stage of a visit; importing this room registers all of them."""

from autopilot_agent.conform.checks import (
    account,
    atomics,
    discovery,
    document,
    enrolment,
    envelopes,
    esp,
    esp_nodes,
    faults,
    frames,
    policy,
    renewal,
    sessions,
)
from autopilot_agent.conform.checks.registry import CHECKS, Seen

__all__ = [
    "CHECKS", "Seen", "account", "atomics", "discovery", "document", "enrolment", "envelopes", "esp", "esp_nodes", "faults",
    "frames", "policy", "renewal", "sessions",
]  # fmt: skip
