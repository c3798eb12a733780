"""A simulated Windows PC that goes through Windows Autopilot. The names below are the public ones; they load when used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopilot_agent.errors import (
        AutopilotAgentError,
        Defect,
        InputError,
        ServiceFault,
        ServiceUnavailable,
        Unreachable,
    )
    from autopilot_agent.events import Event, to_dict, to_json_lines, trace_hash
    from autopilot_agent.scenario.loader import (
        LoadedScenario,
        find_scenarios,
        load_scenario,
        load_scenario_text,
        load_scenarios,
    )
    from autopilot_agent.scenario.run import Result, Run, run_scenario

__version__ = "0.1.0"

__all__ = [
    "AutopilotAgentError",
    "Defect",
    "Event",
    "InputError",
    "LoadedScenario",
    "Result",
    "Run",
    "ServiceFault",
    "ServiceUnavailable",
    "Unreachable",
    "__version__",
    "find_scenarios",
    "load_scenario",
    "load_scenario_text",
    "load_scenarios",
    "run_scenario",
    "to_dict",
    "to_json_lines",
    "trace_hash",
]

_ROOMS = {
    "autopilot_agent.errors": (
        "AutopilotAgentError",
        "Defect",
        "InputError",
        "ServiceFault",
        "ServiceUnavailable",
        "Unreachable",
    ),
    "autopilot_agent.events": ("Event", "to_dict", "to_json_lines", "trace_hash"),
    "autopilot_agent.scenario.loader": (
        "LoadedScenario",
        "find_scenarios",
        "load_scenario",
        "load_scenario_text",
        "load_scenarios",
    ),
    "autopilot_agent.scenario.run": ("Result", "Run", "run_scenario"),
}
"""Where each public name lives. The package itself imports nothing, so that ``--version`` and ``--help`` stay quick."""


def __getattr__(name: str) -> object:
    for room, names in _ROOMS.items():
        if name in names:
            from importlib import import_module

            found: object = getattr(import_module(room), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
