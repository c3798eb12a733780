"""How deep JSON from strangers may be nested: whoever runs out of stack on a value has no good way to say so."""

from __future__ import annotations

DEEPEST = 64
"""Objects and lists within each other; no protocol here needs ten."""
TOO_DEEP = f"values are nested deeper than {DEEPEST} levels"
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(one for one in range(256) if one not in b"[]{}")


def too_deep(data: bytes) -> bool:
    """Whether a JSON document is nested too deeply to be read. What is no JSON may be either; it cannot be read anyway.

    Pairs are taken away from the inside, a level a round, in steps that each run at the speed of C: a loop over 8 MB of
    brackets would take seconds from everybody else.
    """
    if data.count(b"{") + data.count(b"[") <= DEEPEST:  # nearly every document
        return False
    outside = data.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]  # of texts, whose brackets mean nothing
    left = b"".join(outside).translate(_ALIKE, _OTHERS)
    for _ in range(DEEPEST):
        before, left = left, left.replace(b"[]", b"")
        if left == before:  # nothing more, or brackets that do not match
            return left.count(b"[") > DEEPEST
    return bool(left)
