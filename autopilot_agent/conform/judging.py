"""From evidence to findings: every demand with what was seen against it, or why it could not be tested."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from autopilot_agent.conform.checks import CHECKS, Seen
from autopilot_agent.conform.demands import Demand, demands
from autopilot_agent.conform.evidence import NotReached, Visit
from autopilot_agent.conform.visiting import STAGES

CORE = ("discovery", "enrolment", "document", "sessions")
"""Stages that every server has something to show in; the others may be empty where nobody asked for them by name."""
MOST_SEEN = 10
"""Things seen against one demand that are told."""

LONGEST = 500
"""Characters of what was seen that are told; some of them are words of the server."""


class Mark(Enum):
    """How a demand came out."""

    MET = "met"
    COMPLAINT = "complaint"
    NOT_REACHED = "not reached"


class Finding(msgspec.Struct, frozen=True):
    """One demand and what became of it. ``seen`` is what is wrong, ``reason`` why it could not be tested."""

    demand: Demand
    mark: Mark
    seen: tuple[Seen, ...] = ()
    reason: str = ""

    @property
    def wrong(self) -> bool:
        """Whether Windows fails or misbehaves over it."""
        return self.mark is Mark.COMPLAINT and self.demand.level == "must"


def judge(visit: Visit, stages: Sequence[str] = STAGES) -> list[Finding]:
    """Every demand of the stages, in their order."""
    return [_judged(one, visit) for one in demands().values() if one.stage in stages]


def untested(findings: Sequence[Finding], asked: Sequence[str] = ()) -> dict[str, str]:
    """Stages of which nothing could be tested, each with the reason; without any that were asked for, of the core ones.

    A visit that shows nothing of what it was made for has not passed, whatever else it shows. An enrolment that had no
    answer to judge counts as untested as a whole.
    """
    found: dict[str, str] = {}
    for stage in asked or CORE:
        mine = [one for one in findings if one.demand.stage == stage]
        key = [one for one in mine if one.demand.id == "ENR-ANSWER"] or mine
        if mine and all(one.mark is Mark.NOT_REACHED for one in key):
            found[stage] = key[0].reason
    return found


def _judged(demand: Demand, visit: Visit) -> Finding:
    found: list[Seen] = []
    try:
        for one in CHECKS[demand.id](visit):
            found.append(msgspec.structs.replace(one, text=one.text[:LONGEST]))
            if len(found) == MOST_SEEN:
                break
    except NotReached as missing:
        if not found:
            return Finding(demand, Mark.NOT_REACHED, reason=str(missing)[:LONGEST])
    return Finding(demand, Mark.COMPLAINT if found else Mark.MET, tuple(found))
