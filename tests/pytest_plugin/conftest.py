"""An inner pytest with the plug-in, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from inner_pytest import Inner, Write

import autopilot_agent.pytest_plugin.devices  # loaded once here, or every inner pytest loads it again
from autopilot_agent.scenario.finding import lines_of

PLUGIN = autopilot_agent.pytest_plugin.__name__

INI = """[pytest]
autopilot_scenarios = scenarios
addopts = --strict-markers --strict-config
filterwarnings = error
"""


@pytest.fixture
def write(pytester: pytest.Pytester) -> Write:
    """Write a file into the folder of the inner pytest."""

    def write(name: str, text: str) -> Path:
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def inner(pytester: pytest.Pytester, write: Write) -> Inner:
    """Run pytest in this process, in a new folder whose ``scenarios`` are scenarios; warnings are errors there, too."""
    write("pytest.ini", INI)
    (pytester.path / "scenarios").mkdir()
    alone = ("--disable-plugin-autoload", "-p", PLUGIN)  # else what is loaded here already is to be rewritten, with a warning

    def run(*words: str) -> pytest.RunResult:
        lines_of.cache_clear()  # another folder had a file of this name
        return pytester.runpytest_inprocess(*alone, "--color=no", *words)

    return run
