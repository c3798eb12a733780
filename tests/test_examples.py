"""The examples: each one runs by itself in its folder and prints what it says it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autopilot_agent.scenario.loader import find_scenarios

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
SCENARIOS = find_scenarios([EXAMPLES])


def in_folder(folder: Path, *words: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    environment["PYTEST_PLUGINS"] = "autopilot_agent.pytest_plugin"  # also where this checkout is not installed
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_there_are_examples() -> None:
    assert len(FOLDERS) >= 3


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_has_its_parts(folder: Path) -> None:
    assert {"README.md", "run.py", "expected.txt"} <= {path.name for path in folder.iterdir()}
    assert f"]({folder.name}/)" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", ["0", "4711"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_prints_what_it_promises(folder: Path, seed: str) -> None:
    done = in_folder(folder, "-W", "error", "run.py", seed=seed)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == (folder / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_a_scenario_of_an_example_passes(path: Path) -> None:
    done = in_folder(path.parent, "-m", "autopilot_agent", "run", path.name, "-q")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("test_*.py")), ids=lambda path: path.parent.name)
def test_the_tests_of_an_example_pass(path: Path) -> None:
    done = in_folder(path.parent, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", path.name)
    assert done.returncode == 0, done.stdout


def test_examples_name_nobody_real() -> None:
    for path in EXAMPLES.rglob("*.*"):
        if path.suffix in (".json", ".yaml", ".py", ".md", ".txt"):
            text = path.read_text(encoding="utf-8")
            assert "@" not in text.replace("@odata", "").replace("@contoso.example", "").replace("@pytest", ""), path
