"""Which function tests which demand: a check is given the evidence, and yields what it has seen that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from autopilot_agent.conform.evidence import Exchange, Visit


class Seen(msgspec.Struct, frozen=True):
    """Something wrong, in one sentence, and the exchange that shows it."""

    text: str
    exchange: Exchange | None = None


Check = Callable[[Visit], Iterable[Seen]]
CHECKS: dict[str, Check] = {}
"""By the id of the demand. A check raises ``NotReached`` where the evidence for it is missing."""


def tests(*ids: str) -> Callable[[Check], Check]:
    """Register a check for demands."""

    def keep(check: Check) -> Check:
        for one in ids:
            CHECKS[one] = check
        return check

    return keep
