"""Device names from templates (formats.md 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

LONGEST = 15
_RANDOM = re.compile(r"%RAND:(\d+)%", re.IGNORECASE)
_SERIAL = re.compile(r"%SERIAL%", re.IGNORECASE)
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9-]")


def expand_template(template: str, serial: str, draw: Callable[..., float]) -> str:
    """The name a template gives: at most 15 characters; a serial number that is too long loses its beginning.

    ``%RAND:x%`` becomes x decimal digits from ``draw``; characters that names do not allow are removed from the serial.
    """

    def digits(match: re.Match[str]) -> str:
        return "".join(str(int(draw("device name", n) * 10)) for n in range(min(int(match.group(1)), LONGEST)))

    return _with_serial(_RANDOM.sub(digits, template), serial)


@lru_cache(maxsize=256)
def _with_serial(name: str, serial: str) -> str:
    clean = _NOT_ALLOWED.sub("", serial)
    if _SERIAL.search(name):
        room = max(0, LONGEST - len(_SERIAL.sub("", name)))
        name = _SERIAL.sub(lambda _match: clean[-room:] if room else "", name)
    return name[:LONGEST]


def wrong_name(name: str) -> str:
    """Why Windows would not take a computer name, or "" (rule SET-NAME-RULES)."""
    if not name:
        return "which is empty"
    if name.isdigit():
        return "which is only digits"
    return ""
