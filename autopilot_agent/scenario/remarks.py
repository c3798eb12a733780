"""Remarks on a run that passed or failed all the same: what its author may have meant otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent import rulebook
from autopilot_agent.device import NetworkAdapter
from autopilot_agent.events import CallAnswered, CallRefused

if TYPE_CHECKING:
    from autopilot_agent.scenario.parts import ExpectSpec
    from autopilot_agent.scenario.plan import Plan
    from autopilot_agent.scenario.run import Result

ORDINARY_PAGES = frozenset(("ACCT", "NAME", "account_choice", "local_account", "name_device"))
"""Pages and states of ordinary OOBE alone: who expects to see them knows which flow it is."""


def remarks(plan: Plan, result: Result) -> list[str]:
    """Every remark on a run."""
    return [*idle_walls(plan), *another_flow(plan, result)]


def idle_walls(plan: Plan) -> list[str]:
    """Remarks on hosts that the scenario's firewall closes and that no call of the run was for: a slip of the pen, perhaps."""
    closed = [host for host, fault in plan.device.network.blocked.items() if not fault]
    if not closed:
        return []
    asked = {event.host for event in plan.world.trace if isinstance(event, CallAnswered | CallRefused)}
    idle = [host for host in closed if not any(NetworkAdapter(blocked={host: ""}).closed(one) for one in asked)]
    return [f"the blocked host {host} stopped nothing: the run had no call for it" for host in idle]


def another_flow(plan: Plan, result: Result) -> list[str]:
    """The device went through another flow than the mode says, and nothing in the scenario shows that this is meant."""
    scenario = plan.loaded.scenario if plan.loaded is not None else plan.scenario
    if not result.flow or result.flow == scenario.mode or scenario.mode == "lifecycle":
        return []
    acts = [act.expect for act in plan.acts if act.expect is not None]
    if scenario.device.registered is False or any(_tells(expect) for expect in (scenario.expect, *acts)):
        return []
    if any(spec.fault and rulebook.faults()[spec.fault].step == "C7" for spec in scenario.faults):
        return []
    meant = f"write flow: {result.flow} under expect if that is meant"
    where = f"{result.file} [{result.case}]" if result.case else result.file
    return [f"{where}: the mode is {scenario.mode}, but the device went through {result.flow}; {meant}"]


def _tells(expect: ExpectSpec) -> bool:
    """Whether an expectation is about which flow the device takes."""
    if expect.flow is not None or not ORDINARY_PAGES.isdisjoint([*(expect.visits or ()), *(expect.screens or ())]):
        return True
    faults = rulebook.faults()
    return any(rule == "B6" or (rule in faults and faults[rule].step == "C7") for rule in expect.rules or ())
