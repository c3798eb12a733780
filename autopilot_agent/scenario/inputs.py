"""The files that playing scenarios reads, found without playing: nothing that is written may take the place of one.

More is found than is read: a key that names a file counts wherever it stands, and a file that is wrong in itself keeps nothing
from being found. So a name is refused too often rather than too seldom.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.finding import text_of
from autopilot_agent.scenario.fragments import defaults_files
from autopilot_agent.scenario.inclusion import include_root
from autopilot_agent.scenario.problems import Steps
from autopilot_agent.scenario.settings import parse_settings
from autopilot_agent.text.text_file import read_text
from autopilot_agent.text.yaml_text import load_yaml_documents

NAMING = ("include", "file", "import_csv")
"""Keys whose values name files."""
YAML = (".yaml", ".yml")


def files_read(paths: Iterable[Path], settings: Iterable[str], targets: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Files that playing ``paths`` reads beside themselves, each with what it is.

    What scenarios include is looked for only where one of ``targets`` could be it: includes stay below a folder.
    """
    real = [Path(os.path.realpath(target)) for target in targets]
    reading = _Reading()
    typed = [{_key(one.path): one.value} for one in parse_settings(settings)]
    seen: set[Path] = set()  # many scenarios share one tenant
    for path in paths:
        defaults = defaults_files(path)
        yield from ((file, f"the defaults file of {path.as_posix()}") for file in defaults)
        reach = [include_root(one) for one in (path, *defaults)]
        if any(target.is_relative_to(root) for target in real for root in reach):
            found = [*reading.named(path), *(one for file in defaults for one in reading.named(file))]
            found += [one for value in typed for one in reading.below(value, path)]
            fresh = [file for file in dict.fromkeys(found) if file not in seen]
            seen.update(fresh)
            yield from ((file, f"a file that {path.as_posix()} includes") for file in fresh)


class _Reading:
    """What files name; each file is opened once, and found again for every scenario."""

    def __init__(self) -> None:
        self._named: dict[str, list[Path]] = {}

    def named(self, path: Path) -> list[Path]:
        """Every file that a YAML file names, and what those name."""
        key = os.path.realpath(path)
        if key not in self._named:
            found: list[Path] = []
            self._named[key] = found  # known before it is full: includes may form a loop
            for value in _values(path):
                found += self.below(value, path)
        return [*self._named[key]]  # as it is now: it may be growing

    def below(self, value: Any, path: Path) -> Iterator[Path]:
        """The files that a value of the file ``path`` names."""
        for name in _names(value, naming=False):
            yield from self._at(path.parent / name)

    def _at(self, file: Path) -> Iterator[Path]:
        try:
            if file.is_dir():
                yield from (one for one in file.rglob("*") if one.is_file())
            elif file.is_file():
                yield file
                yield from self.named(file) if file.suffix.lower() in YAML else ()
        except (OSError, ValueError, RuntimeError):  # no path at all: that is said when it is read
            return


def _values(path: Path) -> list[Any]:
    try:
        text = read_text(path) if path.suffix.lower() in YAML else text_of(path)
        return [document.value for document in load_yaml_documents(text, str(path))]
    except InputError:
        return []


def _names(value: Any, *, naming: bool) -> Iterator[str]:
    if isinstance(value, str) and naming:
        yield from () if "\n" in value or "\0" in value else (value,)  # rows of a CSV may stand in place of its name
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _names(one, naming=_last(str(key)) in NAMING)
    elif isinstance(value, list):
        for one in value:
            yield from _names(one, naming=naming)


def _key(path: Steps) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _last(key: str) -> str:
    """The key that a path ends with, without ``[0]``; rows of a matrix have paths for keys."""
    return key.rpartition(".")[2].partition("[")[0].strip("\"'")
