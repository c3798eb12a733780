"""What the checks of a run come to; the verdicts are listed at ``Result``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopilot_agent.scenario.run import Result

FINE = frozenset({"passed", "xfailed", "skipped"})
"""Verdicts of what went as it was expected to go."""


def judge_together(results: list[Result]) -> None:
    """Fail runs of one case with several seeds, in the last one, for faults and answers that none of them used."""
    played = [result for result in results if result.end_state]
    if not played:
        return
    never = [check for check in played[-1].unused if all(check in result.unused for result in played)]
    if never and played[-1].verdict in ("passed", "failed"):
        played[-1].checks += never
        judge(played[-1], None)


def judge(result: Result, xfail: str | None) -> None:
    """Verdict and exit code of a run that was played to its end, by its checks and by the reason of ``xfail``."""
    passed = all(check.passed for check in result.checks)
    if xfail is None:
        result.verdict, result.exit_code = ("passed", 0) if passed else ("failed", 1)
    else:
        result.verdict, result.exit_code = ("xpassed", 1) if passed else ("xfailed", 0)
        result.reason = xfail
