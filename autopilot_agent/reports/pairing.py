"""Which run of one recording is compared with which of another: by file, case and seed."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.reports.recording import Recording

HINT = "compare the same scenarios, or choose with --only the cases to compare"
Key = TypeVar("Key", tuple[str, str], tuple[int | None, int])
Pair = tuple[Recording, Recording]


def pairs_of(a: list[Recording], b: list[Recording]) -> list[Pair]:
    """The runs that belong together, in the order of ``a``; raises ``InputError`` for one that only one side has.

    One run on each side belongs to the other, whatever they are called. A file's name counts where a side has runs of
    several files, so that two files with the same cases can be compared; a seed counts where a case was played with several.
    """
    if len(a) == len(b) == 1:
        return [(a[0], b[0])]
    files = any(len({one.file for one in side}) > 1 for side in (a, b))
    mine, theirs = (_by_case(side, files=files) for side in (a, b))
    _check(mine, theirs)
    return [pair for case, runs in mine.items() for pair in _of_case(runs, theirs[case])]


def _by_case(runs: list[Recording], *, files: bool) -> dict[tuple[str, str], list[Recording]]:
    found: dict[tuple[str, str], list[Recording]] = {}
    for one in runs:
        found.setdefault((one.file if files else "", one.case), []).append(one)
    return found


def _of_case(a: list[Recording], b: list[Recording]) -> list[Pair]:
    """The runs of one case; where each side has one, its seed is no matter."""
    if len(a) == len(b) == 1:
        return [(a[0], b[0])]
    mine, theirs = _by_seed(a), _by_seed(b)
    _check({key: [one] for key, one in mine.items()}, {key: [one] for key, one in theirs.items()})
    return [(one, theirs[key]) for key, one in mine.items()]


def _by_seed(runs: list[Recording]) -> dict[tuple[int | None, int], Recording]:
    """Runs by their seed, and by their number among those of one seed; each says its seed in its name."""
    found: dict[tuple[int | None, int], Recording] = {}
    for one in runs:
        number = sum(seed == one.seed for seed, _ in found)
        name = one.name if one.seed is None else f"{one.name}, seed {one.seed}"
        found[one.seed, number] = msgspec.structs.replace(one, name=name)
    return found


def _check(a: dict[Key, list[Recording]], b: dict[Key, list[Recording]]) -> None:
    """Raise ``InputError`` when one side has what the other has not."""
    for side, mine, theirs in (("A", a, b), ("B", b, a)):
        alone = [runs[0] for key, runs in mine.items() if key not in theirs]
        if alone:
            more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
            raise InputError(f"only {side} has a run of {alone[0].name}{more}; {HINT}.")
