"""What a code means where it is shown, and what helps where a failure cites a rule that is no row of the failure catalogue."""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from autopilot_agent.rulebook import Code, FaultRow, Grade, codes_of_fault, faults, normalised_code, read_table


class Advice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a failure is called that cites this rule, why it happened ("" where only the run can say), and what helps."""

    id: str
    symptom: str
    cause: str
    fix: str
    retry: Literal["useful", "after-fix", "needs-hardware", "needs-reset", "useless", "none"]
    source: str


@cache
def advice() -> dict[str, Advice]:
    """The table of advice by rule."""
    return {row.id: row for row in read_table("advice", Advice)}


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What helps where a run ends in the state ``id`` and nothing failed: somebody just did not go on."""

    id: str
    fix: str
    grade: Grade
    source: str


@cache
def endings() -> dict[str, Ending]:
    """The table of ends by state."""
    return {row.id: row for row in read_table("endings", Ending)}


@cache
def _rows() -> dict[str, tuple[Code, ...]]:
    table: dict[str, list[Code]] = {}
    for row in read_table("codes", Code):
        table.setdefault(row.code, []).append(row)
    return {code: tuple(rows) for code, rows in table.items()}


def meanings(code: str) -> tuple[Code, ...]:
    """Everything that a code can mean, the usual meaning first; nothing for a code that is not known."""
    return _rows().get(normalised_code(code), ())


def meaning_at(code: str, step: str, rule: str = "") -> Code | None:
    """What a code means in a step: the row for the rule behind it, the row for the step, else the one that counts anywhere."""
    rows = meanings(code)
    chosen = [row for row in rows if rule in row.at] or [row for row in rows if step in row.at] or [r for r in rows if not r.at]
    return chosen[0] if chosen else None


def known_cause(rule: str) -> FaultRow | Advice | None:
    """The row of the catalogue, or of the table of advice, that a failure's rule names."""
    return faults().get(rule) or advice().get(rule)


def retry_of(cause: FaultRow | Advice | None, code: Code | None) -> str:
    """Whether to try again, in the word of a row: a fault says it for its usual code, another code of its row for itself."""
    if cause is None:
        return code.retry if code is not None else ""
    if isinstance(cause, FaultRow) and code is not None and code.retry and code.code in codes_of_fault(cause.id)[1:]:
        return code.retry
    return cause.retry
