"""Coverage as text: a line per kind, then what is missing of each."""

from __future__ import annotations

from autopilot_agent.reports.style import Style
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.coverage import Coverage, Part

KINDS = ("rules", "states", "transitions", "screens", "faults", "choices")
TITLES = {"choices": "error choices"}


def render(coverage: Coverage, style: Style, *, everything: bool = False) -> str:
    """The report; ``everything`` adds the edges that are missing in the table of each mode."""
    lines = [f"{count(coverage.scenarios, 'scenario')} exercised:"]
    for kind in KINDS:
        part: Part = getattr(coverage, kind)
        done = part.total - len(part.missing)
        lines.append(f"  {TITLES.get(kind, kind):14}{part.percent:5.1f} %  {done} of {part.total}")
    listed: dict[str, str] = {}
    for kind in KINDS:
        part = getattr(coverage, kind)
        listed |= part.listed
        missing = [one for one in part.missing if one not in listed]
        if missing:
            lines += ["", f"Not exercised, {TITLES.get(kind, kind)} ({len(missing)}):"]
            lines += style.block("  ", ", ".join(missing), hang=2)
    never = [one for one in coverage.choices.never_offered if one not in listed]
    if never:
        lines += ["", "Never even offered:", *style.block("  ", ", ".join(never), hang=2)]
    if listed:
        lines += ["", f"What no scenario can exercise ({len(listed)}):"]
        size = max(24, *(len(name) + 2 for name in listed))
        for name, reason in listed.items():
            lines += style.block(f"  {name:{size}}", reason)
    if everything:
        for mode, part in coverage.transitions.modes.items():
            lines += ["", f"Transitions of {mode}: {part.percent:.1f} % of {part.total}"]
            if part.missing:
                lines += style.block("  ", ", ".join(one.removeprefix(f"{mode} ") for one in part.missing), hang=2)
    if coverage.not_passed:
        lines += ["", f"{count(coverage.not_passed, 'scenario')} did not pass; what they did not reach is missing above."]
    return "\n".join(lines) + "\n"
