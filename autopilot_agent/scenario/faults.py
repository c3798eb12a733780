"""Named faults: what each one changes in the scenario and which calls it spoils (rulebook/injections.jsonl)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.backends.faults import CallFault
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.durations import parse_duration, parse_signed_duration
from autopilot_agent.scenario.model import FaultSpec, Scenario

FOR_GOOD = "for good"
"""How long a link is lost that does not come back."""


def apply_faults(scenario: Scenario) -> tuple[Scenario, list[CallFault], dict[str, str]]:
    """The scenario with every named fault's changes, the call faults, and the hosts that faults close (host -> fault).

    Raises ``InputError`` for a fault that cannot be injected.
    """
    calls: list[CallFault] = []
    blocked: dict[str, str] = {}
    changes: dict[str, object] = {}
    for spec in scenario.faults:
        if not spec.fault:
            calls.append(_call_fault(spec, name_of_fault(spec)))
            continue
        row = rulebook.injections().get(spec.fault)
        if row is None:
            raise InputError(f"the fault {spec.fault} cannot be injected in this version")
        _refuse_idle_words(spec, row)
        for path, value in row.change.items():
            if path == "device.network.blocked":
                blocked.update({str(host): spec.fault for host in _items(value)})
            else:
                changes[path] = _filled(value, spec)
        for call in row.calls:
            merged = {**call, **_given(spec)}
            calls.append(_call_fault(msgspec.convert(merged, FaultSpec), spec.fault))
    if changes:
        scenario = _changed(scenario, changes)
    return scenario, calls, blocked


def name_of_fault(spec: FaultSpec) -> str:
    """What a fault without a name of the catalogue is called."""
    if spec.fault:
        return spec.fault
    return f"command {spec.uri}" if spec.uri else spec.on or f"state {spec.in_state}"


def _given(spec: FaultSpec) -> dict[str, Any]:
    """What the scenario says itself about a named fault wins over the row: when, how often, which code."""
    written = msgspec.to_builtins(spec)
    written.pop("fault", None)
    return dict(written)


def _refuse_idle_words(spec: FaultSpec, row: rulebook.Injection) -> None:
    """A named fault without calls takes no code and no count: what would do nothing is an error."""
    if row.calls:
        return
    takes = {found[1] for value in row.change.values() if isinstance(value, str) and (found := _PLACEHOLDER.fullmatch(value))}
    idle = sorted(_given(spec).keys() - takes)
    if idle:
        kept = f"it takes only {' and '.join(sorted(takes))}" if takes else "it takes nothing else"
        raise InputError(f"{', '.join(idle)} would do nothing to the fault {spec.fault}: {kept}")


_PLACEHOLDER = re.compile(r"\{(since|until)\|([^}]*)\}")


def _filled(value: object, spec: FaultSpec) -> object:
    """``{since|2m}`` in a change is the time the scenario writes beside the fault's name, else what stands after the bar."""
    found = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    return getattr(spec, found[1]) or found[2] or None


def _changed(scenario: Scenario, changes: dict[str, object]) -> Scenario:
    """Set dotted paths of the model; ``+name`` at the end appends to a list."""
    data = msgspec.to_builtins(scenario)
    for path, value in changes.items():
        *parents, last = path.split(".")
        spot = data
        for name in parents:
            found = spot.setdefault(name, {})
            if isinstance(found, str):  # ``network: wifi`` is short for a mapping
                found = spot[name] = {"kind" if name == "network" else "state": found}
            spot = found
        if last.startswith("+"):
            spot.setdefault(last[1:], []).extend(_items(value))
        else:
            spot[last] = value
    return msgspec.convert(data, Scenario)


def _call_fault(spec: FaultSpec, name: str) -> CallFault:
    def time(text: str | None) -> int | None:
        return parse_duration(text) if text else None

    befalls = spec.network_lost or spec.clock_skew or spec.power_cut  # the PC, once, unless the scenario says how often
    return CallFault(
        name,
        spec.on or ("ManagementMessage" if spec.uri else ""),
        spec.code,
        spec.status,
        spec.drop,
        time(spec.delay) or 0,
        spec.nth,
        1 if befalls and spec.times is None else spec.times,
        time(spec.since),
        time(spec.until),
        spec.in_state,
        spec.uri,
        spec.app,
        time(spec.retry_after) or 0,
        spec.malformed,
        -1 if spec.network_lost == FOR_GOOD else time(spec.network_lost) or 0,
        parse_signed_duration(spec.clock_skew) if spec.clock_skew else 0,
        time(spec.power_cut) or 0,
        time(spec.after) or 0,
        1.0 if spec.probability is None else spec.probability,
    )


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]
