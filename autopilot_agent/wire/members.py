"""JSON from strangers: the members of objects read with defaults, whatever they turn out to be."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.errors import Malformed
from autopilot_agent.wire.nesting import TOO_DEEP, too_deep

WIDEST = 1 << 63
"""Numbers beyond 64 bits are taken for missing."""


def decode(data: bytes | str) -> Any:
    """The value of a JSON document; raises ``Malformed`` for one that is broken or nested too deeply."""
    if too_deep(data.encode("utf-8", "replace") if isinstance(data, str) else data):
        raise Malformed(f"this is no JSON that can be read: {TOO_DEEP}")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"this is no JSON: {error}") from None


def encode(value: Any) -> str:
    """JSON as a string, as the gateway puts documents into members of others. Raises ``Malformed`` for half a character."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeError:
        raise Malformed("the text holds characters that JSON has no way to write") from None


def embedded(holder: dict[str, Any], name: str) -> Any:
    """A member that is a document itself, or a string that holds one; None for anything else."""
    found = holder.get(name)
    if not isinstance(found, str):
        return found
    try:
        return decode(found)
    except Malformed:
        return None


def an_object(value: Any) -> dict[str, Any]:
    """The value where it is an object, {} otherwise."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; an object alone counts as a list of one."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number(holder: dict[str, Any], name: str, default: int = 0) -> int:
    """A whole number, also one written as a string; the default for anything else."""
    found = holder.get(name)
    if isinstance(found, str) and found.isascii() and found.removeprefix("-").isdecimal() and len(found) < 20:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not -WIDEST <= found < WIDEST:
        return default
    return found


def text(holder: dict[str, Any], name: str, default: str = "") -> str:
    """A string; the default for anything else."""
    found = holder.get(name)
    return found if isinstance(found, str) else default


def truth(holder: dict[str, Any], name: str) -> bool:
    """Whether a member is true."""
    return holder.get(name) is True
