"""The table of checks: each a small function with an id, the rule it goes by, a severity, a title and what helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.preflight.devices import Fleet
from autopilot_agent.preflight.directory import Directory
from autopilot_agent.preflight.findings import MOST_EVIDENCE, Finding, Found, Moment, Resource, Severity
from autopilot_agent.preflight.rehearsal import Rehearsal, Stage
from autopilot_agent.rulebook import diagnosis
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.base import Entity


class Preflight(msgspec.Struct):
    """What checks look at: the tenant as it was read, the devices played, and how to play more."""

    data: TenantData
    directory: Directory
    fleet: Fleet
    stage: Stage
    rehearsals: list[Rehearsal]

    def resource(self, collection: str, entity: Entity, kind: str = "") -> Resource:
        """A resource as a finding names it."""
        return self.directory.resource(collection, entity, kind)

    def profile_of(self, rehearsal: Rehearsal) -> tuple[Resource, ...]:
        """The deployment profile of a rehearsal, if it has one."""
        profile = rehearsal.candidate.profile
        return (self.resource("windows_autopilot_deployment_profiles", profile),) if profile is not None else ()


Look = Callable[[Preflight], Iterator[Found]]


class Check(msgspec.Struct, frozen=True):
    """One row of the table. An empty ``fix`` is that of the rulebook."""

    id: str
    rule: str
    severity: Severity
    title: str
    fix: str
    look: Look


CHECKS: dict[str, Check] = {}


def check(id: str, rule: str, severity: Severity, title: str, fix: str = "") -> Callable[[Look], Look]:
    """Put a function into the table; ``fix`` may stay empty where the rulebook says what helps."""

    def enter(look: Look) -> Look:
        CHECKS[id] = Check(id, rule, severity, title, fix, look)
        return look

    return enter


def findings_of(preflight: Preflight) -> list[Finding]:
    """What every check finds, joined and ordered: the worst first, then by check and resource."""
    found: list[Finding] = []
    for one in CHECKS.values():
        joined: dict[tuple[str, ...], Finding] = {}
        for each in one.look(preflight):
            known = joined.get(each.identity)
            if known is None:
                joined[each.identity] = _finding(one, each)
            else:
                _join(known, each)
        found += joined.values()
    return sorted(found, key=lambda one: (one.severity.order, one.check, one.rule, [each.name for each in one.about], one.what))


def _finding(check: Check, found: Found) -> Finding:
    rule = found.rule or check.rule
    statement, grade, source = cited(rule)
    return Finding(
        check=check.id,
        severity=found.severity or check.severity,
        title=found.title or check.title,
        what=found.what,
        about=list(found.about),
        rule=rule,
        statement=statement,
        grade=grade,
        source=source,
        fix=found.fix or check.fix or fix_of(rule),
        moments=list(found.moments[:MOST_EVIDENCE]),
        seen=_seen(found),
    )


def _join(known: Finding, found: Found) -> None:
    known.seen += [one for one in _seen(found) if one not in known.seen]
    severity = found.severity
    if severity is not None and severity.order < known.severity.order:
        known.severity = severity
    for moment in found.moments:
        if len(known.moments) < MOST_EVIDENCE and not any(same_evidence(moment, one) for one in known.moments):
            known.moments.append(moment)


def same_evidence(one: Moment, other: Moment) -> bool:
    """Whether two moments show the same thing of two rehearsals."""
    return one.text == other.text


def _seen(found: Found) -> list[str]:
    return list(dict.fromkeys([*(one.rehearsal for one in found.moments if one.rehearsal), *found.seen]))


def cited(rule: str) -> tuple[str, str, str]:
    """What a rule or a row of the failure catalogue says, how sure that is, and where it is written."""
    row = rulebook.faults().get(rule)
    if row is not None:
        return f"{row.symptom}: {row.cause[:1].lower()}{row.cause[1:]}.", row.grade, row.source
    known = rulebook.rules()[rule]
    return known.statement, known.grade, known.source


def fix_of(rule: str) -> str:
    """What the rulebook says against it, or ""."""
    row = diagnosis.known_cause(rule)
    return row.fix if row is not None else ""
