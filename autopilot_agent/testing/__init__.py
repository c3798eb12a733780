"""The public testing kit: the contract of a backend, and single steps driven without a flow. It needs no test framework.

    from autopilot_agent.testing import check_backend, run_step

``check_backend(make_backend)`` is what every backend must pass; ``run_step(step, ...)`` plays one step with scripted answers.
"""

from autopilot_agent.testing.contract import CONTRACT, check_backend
from autopilot_agent.testing.small import small_device, small_scenario, small_state
from autopilot_agent.testing.steps import ScriptedBackend, StepDriver, StepRun, run_step

__all__ = [
    "CONTRACT",
    "ScriptedBackend",
    "StepDriver",
    "StepRun",
    "check_backend",
    "run_step",
    "small_device",
    "small_scenario",
    "small_state",
]
