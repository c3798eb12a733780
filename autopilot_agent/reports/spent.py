"""Where the virtual time of a run went: to which states, and whether device, person or restarts took it."""

from __future__ import annotations

import msgspec

from autopilot_agent.events import Answered, Event, Finished, PowerLost, Rebooted, ScreenShown, StateEntered, StateLeft


class Spent(msgspec.Struct):
    """Milliseconds: by state, waiting for the person, in restarts, in all, and switched off between acts."""

    states: dict[str, int]
    person: int
    restarts: int
    total: int
    off: int = 0

    @property
    def device(self) -> int:
        """What is left: the device and the services working."""
        return self.total - self.person - self.restarts - self.off


def time_spent(trace: list[Event]) -> Spent:
    """Sum up a trace. A page counts for the person from when it is shown until it is answered."""
    spent = Spent({}, 0, 0, trace[-1].at if trace else 0)
    began = shown = 0
    off_since: int | None = None
    restarted = False
    for event in trace:
        if isinstance(event, StateEntered):
            began = event.at
            if off_since is not None:
                spent.off += began - off_since
                off_since = None
        elif isinstance(event, StateLeft):
            taken = event.at - began
            if event.state == "boot" and restarted:
                spent.restarts += taken
                restarted = False
            else:
                spent.states[event.state] = spent.states.get(event.state, 0) + taken
        elif isinstance(event, Rebooted):
            restarted = True
        elif isinstance(event, Finished | PowerLost) and off_since is None:
            off_since = event.at
        elif isinstance(event, ScreenShown):
            shown = event.at
        elif isinstance(event, Answered):
            spent.person += event.at - shown
    return spent
