"""What the options of commands take: each function reads one text, or raises argparse's error with a sentence."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

MOST_SEEDS = 10_000
"""Seeds of one call."""
SLOWEST = 0.1
"""The least ``--speed``: slower, and a wait is longer than an operating system can count."""
_SEED = re.compile("[-+]?[0-9]{1,4300}")


def path(text: str) -> Path:
    """A path that is not empty."""
    if not text:  # an unset variable of a shell; as a Path it would be the current directory
        raise argparse.ArgumentTypeError("the path is empty; write a file or a folder, '.' for this one")
    return Path(text)


def seed(text: str) -> int:
    """A seed: a whole number of any size."""
    if not _SEED.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a seed; expected a whole number, such as 7")
    return int(text)


def port(text: str) -> int:
    """A port, 0 to 65535."""
    if not text.isdecimal() or not text.isascii() or len(text) > 5 or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port; expected 0 to 65535")
    return int(text)


def times(text: str) -> int:
    """How many runs, 1 to ``MOST_SEEDS``."""
    if not text.isdecimal() or not text.isascii() or len(text) > 6 or not 1 <= int(text) <= MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of runs; expected 1 to {MOST_SEEDS}")
    return int(text)


def seed_range(text: str) -> tuple[int, int]:
    """``A..B``, both included."""
    found = re.fullmatch(r"([-+]?[0-9]{1,18})\.\.([-+]?[0-9]{1,18})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a range of seeds; expected A..B, such as 1..100")
    first, last = int(found[1]), int(found[2])
    if not 0 <= last - first < MOST_SEEDS:
        said = "ends before it begins" if last < first else f"has {last - first + 1:,} seeds, more than {MOST_SEEDS:,}"
        raise argparse.ArgumentTypeError(f"{text[:40]!r} {said}; expected A..B, such as 1..100")
    return first, last


def count(text: str) -> int:
    """How many processes, 1 to 1024."""
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:6]) <= 1024 or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of processes; expected 1 to 1024")
    return int(text)


def percent(text: str) -> float:
    """A percentage, 0 to 100."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or float(text) > 100:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a percentage; expected 0 to 100, such as 95")
    return float(text)


def speed(text: str) -> float:
    """A speed, from ``SLOWEST`` up."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not SLOWEST <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a speed; expected a number from {SLOWEST} up, such as 60")
    return number
