"""Records that only matter for a while: the oldest of them give way, so that no client fills the server's memory."""

from __future__ import annotations

MOST = 10_000
KINDS = frozenset(("nonce", "member", "prt"))
"""Used nonces, names of devices that asked for a ticket, primary refresh tokens; their clients can ask again."""


class Order:
    """In which order records of passing kinds came."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, None]] = {}

    def came(self, kind: str, key: str) -> str | None:
        """A record was kept: the key of one of that kind that has to go, or None."""
        if kind not in KINDS:
            return None
        keys = self._keys.setdefault(kind, {})
        keys.pop(key, None)
        keys[key] = None
        if len(keys) <= MOST:
            return None
        oldest = next(iter(keys))
        del keys[oldest]
        return oldest

    def went(self, kind: str, key: str) -> None:
        """A record was dropped."""
        self._keys.get(kind, {}).pop(key, None)
