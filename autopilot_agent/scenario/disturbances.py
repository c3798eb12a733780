"""What a fault does to the PC itself: the link goes down, the clock jumps, the power goes; on a call, or in a state."""

from __future__ import annotations

from functools import partial

from autopilot_agent.backends.faults import CallFault
from autopilot_agent.oobe.states import State
from autopilot_agent.oobe.world import World


class Disturbances:
    """The faults of one run that are about the PC. ``strike`` is for calls, ``entering`` for states."""

    def __init__(self, world: World, faults: list[CallFault]) -> None:
        self._world = world
        self._by_state: dict[str, list[CallFault]] = {}
        for fault in faults:
            self.add(fault)

    def add(self, fault: CallFault) -> None:
        """One more, if it is a fault of a state."""
        if not fault.on and not fault.uri:
            self._by_state.setdefault(fault.in_state, []).append(fault)

    def remove(self, name: str | None) -> None:
        """Faults of that name are over (None: all)."""
        for faults in self._by_state.values():
            faults[:] = [one for one in faults if name is not None and one.name != name]

    @property
    def idle(self) -> bool:
        """Whether no state is disturbed."""
        return not self._by_state

    async def entering(self, state: State) -> None:
        """A state begins: strike at once, or when its time has come."""
        world = self._world
        for fault in self._by_state.get(state.value, ()):
            chance = world.clock.draw("fault", fault.name, fault.seen) if fault.probability < 1 else 0.0
            if not fault.due(world.now, state.value, chance):
                continue
            if fault.after:
                world.clock.alarm(fault.after, partial(self._report_and_strike, fault))
                continue
            world.injected(fault.name, state.value)
            if fault.delay:
                await world.sleep(fault.delay)
            if fault.disturbs:
                self.strike(fault)

    def _report_and_strike(self, fault: CallFault) -> None:
        self._world.injected(fault.name, fault.in_state)
        self.strike(fault)

    def strike(self, fault: CallFault) -> None:
        """Do it. A power cut raises ``PowerCut`` and leaves no record of what is cleaned up after it."""
        world, device = self._world, self._world.device
        if fault.network_lost:
            device.network.lost_at = world.now + 1  # what was answered in this moment was answered
            device.network.back_at = None if fault.network_lost < 0 else world.now + 1 + fault.network_lost
            world.note("F-13", "The network link goes down.")
        if fault.clock_skew:
            device.windows.clock_error += fault.clock_skew
            world.note("F-30", f"The clock jumps by {fault.clock_skew // 1000} s.")
        if fault.power_cut:
            world.off_for = fault.power_cut
            world.clock.cut_power(world.mute)
