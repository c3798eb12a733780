"""Where the virtual time of a run went: to which states, and whether device, person or restarts took it."""

from __future__ import annotations

import msgspec

from autopilot_agent.events import Answered, Event, Rebooted, ScreenShown, StateEntered, StateLeft


class Spent(msgspec.Struct):
    """Milliseconds: by state, waiting for the person, in restarts, and in all."""

    states: dict[str, int]
    person: int
    restarts: int
    total: int

    @property
    def device(self) -> int:
        """What is left: the device and the services working."""
        return self.total - self.person - self.restarts


def time_spent(trace: list[Event]) -> Spent:
    """Sum up a trace. A page counts for the person from when it is shown until it is answered."""
    spent = Spent({}, 0, 0, trace[-1].at if trace else 0)
    began = shown = 0
    restarted = False
    for event in trace:
        if isinstance(event, StateEntered):
            began = event.at
        elif isinstance(event, StateLeft):
            taken = event.at - began
            if event.state == "boot" and restarted:
                spent.restarts += taken
                restarted = False
            else:
                spent.states[event.state] = spent.states.get(event.state, 0) + taken
        elif isinstance(event, Rebooted):
            restarted = True
        elif isinstance(event, ScreenShown):
            shown = event.at
        elif isinstance(event, Answered):
            spent.person += event.at - shown
    return spent
