"""pytest in pytest: each test gets a folder of its own with the plug-in switched on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PLUGIN = "autopilot_agent.pytest_plugin"
Inner = Callable[..., "pytest.RunResult"]


@pytest.fixture
def inner(pytester: pytest.Pytester) -> Inner:
    """Run pytest in this process, in a new folder whose ``scenarios`` are scenarios; warnings are errors there, too."""
    pytester.makeini(
        "[pytest]\nautopilot_scenarios = scenarios\naddopts = --strict-markers -p no:xdist -p no:cacheprovider\n"
        "filterwarnings = error\nxfail_strict = false\n"
    )
    (pytester.path / "scenarios").mkdir()

    def run(*words: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess("-p", PLUGIN, "--color=no", *words)

    return run


@pytest.fixture
def write(pytester: pytest.Pytester) -> Callable[[str, str], Path]:
    """Write a file of that folder."""

    def write(name: str, text: str) -> Path:
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write
