"""Scenario files found and read: every name in them checked, every mistake with its place."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.model import Scenario
from autopilot_agent.text.yaml_text import Document, load_yaml, load_yaml_text

ENDINGS = (".yaml", ".yml")
NOT_SEARCHED = "tenants"
"""Directories of this name hold the clouds that scenarios share, not scenarios."""


class LoadedScenario(msgspec.Struct):
    """A scenario, and the file it came from."""

    scenario: Scenario
    document: Document
    path: Path


def load_scenario(path: Path) -> LoadedScenario:
    """Read and check one scenario file; raises ``InputError`` that names every problem with its place."""
    return _checked(load_yaml(path), path)


def load_scenario_text(text: str, path: Path) -> LoadedScenario:
    """The same for text that is not in a file; ``path`` is what places and includes go by."""
    return _checked(load_yaml_text(text, str(path)), path)


def find_scenarios(paths: list[Path]) -> list[Path]:
    """The scenario files meant by files and directories, each once; raises ``InputError`` when a path means none."""
    found: dict[str, Path] = {}
    for path in paths:
        for one in _files_of(path):
            found.setdefault(os.path.realpath(one), one)
    return list(found.values())


def _files_of(path: Path) -> list[Path]:
    try:
        is_directory, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"the path cannot be used ({error}); check its spelling.", Place(str(path))) from None
    if not exists:
        raise InputError("there is no such file or directory; check the name and the folder.", Place(str(path)))
    if not is_directory:
        return [path]
    files: list[Path] = []
    for folder, names, leaves in os.walk(path):
        names[:] = [name for name in names if name != NOT_SEARCHED and not name.startswith(".")]
        files += [Path(folder, leaf) for leaf in leaves if leaf.endswith(ENDINGS) and not leaf.startswith(".")]
    if not files:
        raise InputError(
            "no scenario is in this directory; expected files named *.yaml or *.yml, in it or below it "
            f"(folders named '{NOT_SEARCHED}' are not searched).",
            Place(str(path)),
        )
    return sorted(files, key=lambda one: one.as_posix())


def _checked(document: Document, path: Path) -> LoadedScenario:
    if not isinstance(document.value, dict):
        raise InputError("a scenario is keys and values, found a list; begin with 'scenario: ...'.", document.place())
    try:
        scenario = msgspec.convert(document.value, Scenario)
    except msgspec.ValidationError as error:
        from autopilot_agent.scenario.problems import refusal
        from autopilot_agent.scenario.shape import problems_of

        problems = problems_of(document, Scenario)
        if not problems:
            raise InputError(f"the file does not have a scenario's form ({error}).", document.place()) from None
        raise refusal(document, problems) from None
    from autopilot_agent.scenario.names import check_names

    check_names(scenario, document)
    return LoadedScenario(scenario, document, path)
