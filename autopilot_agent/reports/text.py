"""A run as a timeline that a person understands."""

from __future__ import annotations

from autopilot_agent.scenario.run import Run


def render(run: Run, verbosity: int, *, timeline: bool) -> str:
    """The text of one run; ``timeline`` False gives the one line that a list of many runs needs."""
    result = run.result
    lines = [f"{result.verdict:7} {result.file}  {result.end_state} {result.problem}"]
    lines += [f"        {c.name}: expected {c.expected}, got {c.actual}  ({c.place})" for c in result.checks if not c.passed]
    return "\n".join(lines) + "\n"
