"""Which scenario files are meant by files, folders, wildcards and ``-``."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.fragments import PRIVATE
from autopilot_agent.text.text_file import MAX_BYTES, decode, read_text

ENDINGS = (".yaml", ".yml")
NOT_SEARCHED = "tenants"
"""Directories of this name hold the clouds that scenarios share, not scenarios."""
STDIN = Path("<stdin>")
"""The file that ``-`` means; what it includes is relative to the working directory."""
DASH = "-"

_given: list[str] = []


def find_scenarios(paths: list[Path]) -> list[Path]:
    """The scenario files meant by files, directories, wildcards and ``-`` (standard input), each once.

    Raises ``InputError`` when a path means none.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for one in _files_of(path):
            found.setdefault(os.path.realpath(one), one)
    return list(found.values())


def _files_of(path: Path) -> list[Path]:
    if str(path) == DASH:
        return [STDIN]
    try:
        is_directory, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"the path cannot be used ({error}); check its spelling.", Place(str(path))) from None
    if is_directory:
        return _below(path)
    if exists:
        if path.name.startswith(PRIVATE) and path.name.endswith(ENDINGS):
            sentence = "files whose name begins with '_' are parts of scenarios; name a scenario that uses it."
            raise InputError(sentence, Place(str(path)))
        return [path]
    if re.search(r"[*?\[]", str(path)):
        return _matching(path)
    raise InputError("there is no such file or directory; check the name and the folder.", Place(str(path)))


def _below(path: Path) -> list[Path]:
    files: list[Path] = []
    for folder, names, leaves in os.walk(path):
        names[:] = [name for name in names if name != NOT_SEARCHED and not name.startswith((".", PRIVATE))]
        files += [Path(folder, leaf) for leaf in leaves if leaf.endswith(ENDINGS) and not leaf.startswith((".", PRIVATE))]
    if not files:
        raise InputError(
            "no scenario is in this directory; expected files named *.yaml or *.yml, in it or below it "
            f"(folders named '{NOT_SEARCHED}' are not searched, and names that begin with '{PRIVATE}' are parts of scenarios).",
            Place(str(path)),
        )
    return sorted(files, key=lambda one: one.as_posix())


def _matching(path: Path) -> list[Path]:
    """What a wildcard means where the shell has not said so: cmd and PowerShell leave that to programs."""
    from glob import glob

    pattern = str(path)
    fixed = next(index for index, part in enumerate(path.parts) if re.search(r"[*?\[]", part))
    files: list[Path] = []
    for name in glob(pattern, recursive=True):
        one = Path(name)
        hidden = any(part.startswith((".", PRIVATE)) or part == NOT_SEARCHED for part in one.parts[fixed:])
        if not hidden and name.endswith(ENDINGS) and one.is_file():
            files.append(one)
        elif not hidden and "**" not in pattern and one.is_dir():
            try:
                files += _below(one)
            except InputError:
                continue  # a folder beside the scenarios
    if not files:
        raise InputError(
            "the wildcard matches no scenario; expected files named *.yaml or *.yml ('**' stands for folders of any depth).",
            Place(pattern),
        )
    return sorted(set(files), key=lambda one: one.as_posix())


def text_of(path: Path) -> str:
    """The text of a scenario file, or of standard input for ``STDIN``."""
    return standard_input() if path == STDIN else read_text(path)


def standard_input() -> str:
    """What came by standard input; read once. Raises ``InputError``."""
    if not _given:
        if sys.stdin is None:
            raise InputError("there is no standard input to read; name a file.", Place(str(STDIN)))
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(f"more than {MAX_BYTES:,} bytes came by standard input; write a file.", Place(str(STDIN)))
        _given.append(decode(data, str(STDIN)))
    return _given[0]


def give_standard_input(text: str | None) -> None:
    """Use this text as standard input, or with None read it again: for worker processes and for tests."""
    _given.clear()
    if text is not None:
        _given.append(text)


@lru_cache(maxsize=8)
def lines_of(file: str) -> tuple[str, ...]:
    """The lines of a scenario file, to show some of them; none when it cannot be read."""
    try:
        return tuple(text_of(Path(file)).replace("\r\n", "\n").removesuffix("\n").split("\n"))
    except InputError:
        return ()
