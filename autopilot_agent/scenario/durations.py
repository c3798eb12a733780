"""Durations as people write them: ``40m``, ``1h30m``, ``250ms``."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
LONGEST = 3650 * UNITS["d"]
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|d|h|m|s)")
_EXPECTED = "expected a duration such as 40m, 1h30m, 90s, 2d or 250ms"


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> int:
    """Milliseconds of a duration; raises ``ValueError`` with a sentence. Units go from large to small, each once."""
    compact = text.replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        if compact.isascii() and compact.isdigit():
            raise ValueError(f"'{text}' has no unit; write {compact}s for seconds or {compact}m for minutes")
        raise ValueError(f"'{text[:40]}' is not a duration; {_EXPECTED}")
    units = [unit for _, unit in parts]
    order = list(UNITS)
    if any(order.index(a) >= order.index(b) for a, b in pairwise(units)):
        raise ValueError(f"'{text[:40]}' is not a duration; units go from large to small and stand once, as in 1h30m")
    total = sum(_part(number, UNITS[unit]) for number, unit in parts)
    if total > LONGEST:
        raise ValueError(f"'{text[:40]}' is longer than ten years; {_EXPECTED}")
    return total


def format_duration(milliseconds: int) -> str:
    """Short text for people: ``1h 02m 03s``, ``40m 00s``, ``2.5s``, ``0s``; ``parse_duration`` reads it back exactly."""
    if milliseconds < 0:
        return "-" + format_duration(-milliseconds)
    seconds, rest = divmod(milliseconds, 1000)
    if seconds < 60:
        fraction = f".{rest:03d}".rstrip("0") if rest else ""
        return f"{seconds}{fraction}s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = f"{seconds:02d}.{rest:03d}s" if rest else f"{seconds:02d}s"
    text = f"{minutes:02d}m {text}" if hours or days else f"{minutes}m {text}"
    if days:
        return f"{days}d {hours:02d}h {text}"
    return f"{hours}h {text}" if hours else text


def _part(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def parse_signed_duration(text: str) -> int:
    """The same with an optional sign in front, for a clock that is ahead (``10m``) or behind (``-10m``)."""
    return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text.removeprefix("+"))
