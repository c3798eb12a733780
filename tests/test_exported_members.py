"""The public names of the package are pinned: another list here is a change that users notice."""

from __future__ import annotations

import subprocess
import sys

import pytest

import autopilot_agent
import autopilot_agent.testing

PACKAGE = [
    "AutopilotAgentError", "Defect", "Event", "InputError", "LoadedScenario", "Result", "Run", "ServiceFault",
    "ServiceUnavailable", "Unreachable", "__version__", "find_scenarios", "load_scenario", "load_scenario_text",
    "load_scenarios", "run_scenario", "to_dict", "to_json_lines", "trace_hash",
]  # fmt: skip
KIT = [
    "CONTRACT", "ScriptedBackend", "StepDriver", "StepRun", "check_backend", "run_step", "small_device", "small_scenario",
    "small_state",
]  # fmt: skip


def test_the_names_of_the_package_are_these() -> None:
    assert sorted(autopilot_agent.__all__) == PACKAGE == dir(autopilot_agent)


def test_the_names_of_the_testing_kit_are_these() -> None:
    assert sorted(autopilot_agent.testing.__all__) == KIT


@pytest.mark.parametrize("name", PACKAGE)
def test_a_public_name_loads(name: str) -> None:
    assert getattr(autopilot_agent, name) is not None


@pytest.mark.parametrize("name", [name for name in PACKAGE if name not in ("__version__", "Event")])
def test_a_public_name_says_what_it_is(name: str) -> None:
    assert getattr(autopilot_agent, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'run_scenarios'"):
        autopilot_agent.run_scenarios  # noqa: B018  the access is the test


def test_importing_the_package_imports_no_room() -> None:
    code = "import autopilot_agent, sys; print([name for name in sys.modules if name.startswith('autopilot_agent.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_testing_kit_needs_no_test_framework() -> None:
    frameworks = ("pytest", "_pytest", "unittest", "hypothesis")
    code = f"import autopilot_agent.testing, sys; print([name for name in {frameworks} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
