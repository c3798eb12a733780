"""Which flow a device went through, read from the trace: the profile decides, not the mode of the scenario."""

from __future__ import annotations

from autopilot_agent.events import DiskErased, Event, StateLeft

FLOWS = {
    "user_driven": "user-driven",
    "hybrid": "hybrid",
    "hybrid_user": "pre-provisioned",
    "self_deploying": "self-deploying",
    "technician": "pre-provisioned",
    "ordinary": "ordinary-oobe",
}
"""What each way out of the branch (C11) is called."""


def flow_played(trace: list[Event], whole: list[Event]) -> str:
    """Which flow the device took at the last branch of a trace, one act's or the whole; "" when it never came so far."""
    last = next((event for event in reversed(trace) if isinstance(event, StateLeft) and event.state == "branch"), None)
    if last is None:
        return ""
    flow = FLOWS[last.outcome]
    if flow == "ordinary-oobe":
        return flow
    if last.rule == "B4":
        return "existing-device"
    return "pre-provisioned" if _resealed_before(whole, last.seq) else flow


def _resealed_before(trace: list[Event], seq: int) -> bool:
    """Whether the disk of an event had been resealed: a reset or a wipe since then takes that away."""
    for event in reversed(trace[:seq]):
        if isinstance(event, DiskErased):
            return False
        if isinstance(event, StateLeft) and event.state == "reseal":
            return True
    return False
