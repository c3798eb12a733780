"""The command line that gives a run again."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from autopilot_agent.scenario.finding import STDIN


@runtime_checkable
class Chosen(Protocol):
    """A maker of backends that the command line can name."""

    def words(self) -> list[str]:
        """The options that choose it again."""
        ...


def replay_command(
    path: Path, seed: int, *, strict: bool = False, backend: object = "memory", case: str = "", settings: Sequence[str] = ()
) -> str:
    """The command that gives a run again, fit to be pasted into a POSIX shell, PowerShell or cmd."""
    words = ["autopilot-agent run", "-" if path == STDIN else quoted(path.as_posix()), f"--seed {seed}"]
    if case:
        words.append(_option("--only", case))
    words += [_option("--set", one) for one in settings]
    if strict:
        words.append("--strict")
    if isinstance(backend, str):
        words += [f"--backend {quoted(backend)}"] if backend != "memory" else []
    elif isinstance(backend, Chosen):
        words += [word if word.startswith("--") else quoted(word) for word in backend.words()]
    return " ".join(words)


def _option(name: str, value: str) -> str:
    """An option with its value; one that begins with a hyphen would be taken for another option."""
    return quoted(f"{name}={value}", path=False) if value.startswith("-") else f"{name} {quoted(value, path=False)}"


def quoted(word: str, *, windows: bool = os.name == "nt", path: bool = True) -> str:
    """One word of a command line; double quotes serve every shell unless the word holds what a POSIX shell expands in them."""
    if path and word.startswith("-"):
        word = f"./{word}"
    if re.fullmatch(r"[A-Za-z0-9_./:+=-]+", word):
        return word
    if windows:
        return '"' + word.replace('"', r"\"") + '"'
    if not re.search(r'[$`"\\!\x00-\x1f]', word):
        return f'"{word}"'
    return shlex.quote(word)
