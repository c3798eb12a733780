"""What befalls the PC or the tenant in the middle of a run: a cable pulled, the power cut, a fault, an administrator."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.device.network import NetworkAdapter
from autopilot_agent.errors import InputError
from autopilot_agent.oobe.world import World
from autopilot_agent.scenario.act_specs import Admin
from autopilot_agent.scenario.administration import administer
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.faults import apply_faults, name_of_fault
from autopilot_agent.scenario.installers import installers_of
from autopilot_agent.scenario.parts import FaultSpec, Happening
from autopilot_agent.scenario.pc import make_adapter, make_device
from autopilot_agent.scenario.tenants import merged

if TYPE_CHECKING:
    from autopilot_agent.scenario.model import Scenario
    from autopilot_agent.scenario.plan import Plan

ALL = "all"
_WINDOWS = ("wlidsvc", "join_needs_restart", "oobe_restarts")
"""What a fault may change in the Windows of a PC that is already on the desk."""


class Happenings:
    """What happens to one run besides its acts. ``struck`` has the numbers of the scenario's own that came to pass."""

    def __init__(self, plan: Plan, timed: list[Happening]) -> None:
        self._known_by = ref(plan)
        self._timed: list[tuple[int, Happening]] = [(parse_duration(one.at or "0s"), one) for one in timed]
        self.struck: set[int] = set()

    @property
    def _plan(self) -> Plan:
        """The plan, which knows this and is held weakly: a cycle would keep both until the collector comes by."""
        plan = self._known_by()
        assert plan is not None, "whoever plays a plan holds it"
        return plan

    def arm(self) -> None:
        """Set an alarm for everything that is still to come; whoever starts the clock again does this again."""
        plan = self._plan
        for index, (at, _) in enumerate(self._timed):
            if index not in self.struck and at > plan.world.now:
                plan.clock.alarm_at(at, partial(self._strike, index))

    def add(self, at: int, one: Happening) -> None:
        """One more, at a virtual time to come."""
        self._timed.append((at, one))
        self._plan.clock.alarm_at(at, partial(self._strike, len(self._timed) - 1))

    def strike_now(self, at: int, one: Happening) -> None:
        """One more, in this moment."""
        self._timed.append((at, one))
        self._strike(len(self._timed) - 1)

    def forget_last(self) -> None:
        """The last one could not happen."""
        self.struck.discard(len(self._timed) - 1)
        self._timed.pop()

    def happened(self) -> list[tuple[int, Happening]]:
        """Those with a time that came to pass, in order."""
        return sorted((self._timed[index] for index in sorted(self.struck)), key=lambda one: one[0])

    def _strike(self, index: int) -> None:
        self.struck.add(index)
        self.carry_out(self._timed[index][1])

    def carry_out(self, one: Happening) -> None:
        """Let it happen now. A power cut raises ``PowerCut``; what cannot happen any more is an ``InputError``."""
        plan = self._plan
        world, network = plan.world, plan.device.network
        if one.network == "lost":
            _unplug(world, network)
        elif one.network == "back":
            _plug_in(world, network)
        elif one.network == "cable":
            network.kind, network.metered, network.captive_portal, network.connected = "ethernet", False, False, False
            network.lost_at = network.back_at = None
            plan.links.append((len(world.trace), "ethernet"))
            world.note("C5", "Somebody plugs in a cable.")
        if one.inject is not None:
            self._inject(one.inject)
        if one.clear is not None:
            self._clear(one.clear)
        if one.admin is not None:
            self._administer(one.admin)
        if one.power_off is not None:
            world.off_for = parse_duration(one.power_off)
            plan.clock.cut_power(world.mute)

    def _administer(self, words: dict[str, Any]) -> None:
        plan = self._plan
        act = admin_act(words)
        index = -1 - len(plan.changes)
        if act.tenant and plan.loaded is not None:
            from autopilot_agent.scenario.plan import changed_tenant

            plan.written, plan.changed = merged(plan.written, act.tenant), merged(plan.changed, act.tenant)
            plan.changes[index] = changed_tenant(plan.loaded, plan.written, plan.changed)
        administer(plan, index, act)
        plan.agenda.arm(plan.clock)  # what comes of it in its own time

    # Faults.

    def _inject(self, spec: FaultSpec) -> None:
        plan = self._plan
        name = name_of_fault(spec)
        changed, calls, blocked = apply_faults(msgspec.structs.replace(plan.scenario, faults=[spec]))
        row = rulebook.injections().get(spec.fault)
        paths = tuple(row.change) if row is not None else ()
        for path in paths:
            refuse_late(path, name)
        plan.world.note("", f"From now on: {name}.")
        for path in paths:
            self._change(path, changed, name)
        plan.device.network.blocked.update(blocked)
        for fault in calls:
            plan.spoil(fault)

    def _change(self, path: str, changed: Scenario, name: str) -> None:
        plan = self._plan
        network, world = plan.device.network, plan.world
        if path.startswith("cloud."):
            from autopilot_agent.scenario.plan import conditions_of

            plan.state.conditions = conditions_of(changed.cloud, plan.scenario.device.registered_by)
        elif path.startswith("installers."):
            world.installers = {**world.installers, **installers_of(changed.installers, plan.state.data)}
        elif path.startswith("device.windows."):
            field = path.rpartition(".")[2]
            setattr(plan.device.windows, field, getattr(changed.device.windows, field))
        elif path == "device.network.lost_at":
            _unplug(world, network)
        elif path == "device.network.captive_portal":
            network.captive_portal = True
        elif path == "device.clock_skew" and plan.loaded is not None:
            plan.device.windows.clock_error = make_device(changed.device, {}, plan.loaded.document).windows.clock_error

    def _clear(self, name: str) -> None:
        plan = self._plan
        every = name == ALL
        known = {fault.name for fault in plan.calls} | {fault for fault in plan.device.network.blocked.values() if fault}
        known |= {spec.fault for spec in plan.scenario.faults if spec.fault} | plan.injected
        if not every and name not in known:
            raise InputError(f"no fault {name!r} is at work; there {_are(known)}.")
        plan.world.note("", f"No longer: {'any fault' if every else name}.")
        plan.heal(None if every else name)
        network = plan.device.network
        for host in [host for host, fault in network.blocked.items() if fault and (every or fault == name)]:
            del network.blocked[host]
        for fault in sorted(known) if every else [name]:
            row = rulebook.injections().get(fault)
            for path in row.change if row is not None else ():
                self._restore(path)

    def _restore(self, path: str) -> None:
        """Put one thing back as the scenario has it without its faults."""
        plan = self._plan
        clean = plan.loaded.scenario if plan.loaded is not None else plan.scenario
        adapter = make_adapter(clean.device.network, {})
        if path == "device.network.captive_portal":
            plan.device.network.captive_portal = adapter.captive_portal
        elif path == "device.network.lost_at":
            _plug_in(plan.world, plan.device.network)
        elif path.startswith("device.windows.") and path.rpartition(".")[2] in _WINDOWS:
            field = path.rpartition(".")[2]
            setattr(plan.device.windows, field, getattr(clean.device.windows, field))
        elif path.startswith(("cloud.", "installers.", "device.clock_skew")):
            self._change(path, clean, "")
            if path.startswith("installers."):
                plan.world.installers = installers_of(clean.installers, plan.state.data)


def refuse_late(path: str, name: str) -> None:
    """Raise ``InputError`` for a fault that is about how the PC or the person was from the beginning."""
    if path.startswith("person."):
        raise InputError(f"{name} is something a person does: do it on the page itself.")
    late = path.startswith(("cloud.", "installers.", "device.network.", "device.clock_skew"))
    if not late and path.rpartition(".")[2] not in _WINDOWS:
        raise InputError(f"{name} has to be there at power-on ({path}); write it under faults: in the scenario.")


def admin_act(words: dict[str, Any]) -> Admin:
    """What an administrator does, from the words of a file; raises ``InputError``."""
    try:
        return msgspec.convert(words, Admin)
    except msgspec.ValidationError as error:
        raise InputError(f"admin: {error}.") from None


def _unplug(world: World, network: NetworkAdapter) -> None:
    network.lost_at, network.back_at = world.now + 1, None  # what was answered in this very moment was answered
    world.note("F-13", "The network link goes down.")


def _plug_in(world: World, network: NetworkAdapter) -> None:
    if network.link(world.now + 1):
        return
    network.back_at = max(world.now, network.lost_at or 0)
    world.note("F-13", "The network is back.")


def _are(known: set[str]) -> str:
    return f"are: {', '.join(sorted(known))}" if known else "is none"
