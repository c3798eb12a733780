"""What was expected and what came: checks, the lines of the scenario file that ask for them, and how to see it again."""

from __future__ import annotations

from autopilot_agent.reports.findings import FAILED_IN, PLACE, advice_for, failed_sentence
from autopilot_agent.reports.report import Played
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.timeline import HEAD, RESTART, SKIPPED, Entry, Timeline
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.expectations import Check
from autopilot_agent.scenario.finding import lines_of
from autopilot_agent.scenario.run import Result

LAST_EVENTS = 5
BRIEF = (FAILED_IN, "Code", "Apps", "Cause", "How to fix", "Rule")
"""What of the advice stands where there is little room."""
AROUND = 2
"""Lines of the file before and after the one that asks."""


def checks(result: Result, entries: list[Entry], style: Style) -> list[str]:
    """Passed checks in one line, failed ones at length."""
    passed = [check.name for check in result.checks if check.passed]
    failed = [check for check in result.checks if not check.passed]
    lines = [""]
    if not result.checks:
        lines.append("Checks: the scenario expects nothing in particular.")
    if passed:
        lines += style.block("Checks passed: ", clean(", ".join(passed)), hang=2, head_colour="green")
    lines += failures(failed, entries, style)
    return lines if len(lines) > 1 else []


def failures(failed: list[Check], entries: list[Entry], style: Style, *, indent: str = "", brief: bool = False) -> list[str]:
    """Failed checks with what came before each moment; ``brief`` names the line that asks instead of showing it."""
    lines: list[str] = []
    shown: set[float] = set()
    for check in failed:
        lines += failed_check(check, style, indent=indent)
        if brief:
            lines += [f"{indent}        {clean(check.place)}"] if check.place else []
        if entries and check.at and check.at not in shown:
            lines += last_events(entries, check.at, style, indent=indent)
            shown.add(check.at)
        if not brief:
            lines += excerpt(check.place, style) if not check.detail else []
    return lines


def advice(result: Result, style: Style, *, indent: str = "") -> list[str]:
    """Where the device failed and what helps, in a few lines; nothing where it did not fail."""
    facts = advice_for(result)
    return [line for name, text in facts if name in BRIEF for line in style.block(f"{indent}{name:10}  ", clean(text))]


def failed_check(check: Check, style: Style, *, indent: str = "") -> list[str]:
    """One failed check in one sentence."""
    lines = style.block(f"{indent}FAILED  ", clean(failed_sentence(check)), hang=len(indent) + 8, head_colour="alarm")
    return lines + [f"{indent}        {style.paint(_shade(line), clean(line))}" for line in check.detail]


def _shade(line: str) -> str:
    """The colour of a line of a unified difference."""
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def entries_of(one: Played) -> list[Entry]:
    """The plain timeline of a run whose events were kept; empty where they were not."""
    return Timeline(0, eleven="Windows 10" not in one.device).read(one.events())


def last_events(entries: list[Entry], seconds: float, style: Style, *, indent: str = "") -> list[str]:
    """The last things before a moment, each with its rule."""
    before = [entry for entry in entries if entry.at <= seconds * 1000 and entry.kind != SKIPPED][-LAST_EVENTS:]
    lines = [f"{indent}        before that:"] if before else []
    for entry in before:
        kind = "" if entry.kind in (HEAD, RESTART) else f"{entry.kind} "
        again = f" ({entry.times} times)" if entry.times > 1 else ""
        rule = f"  [{entry.rule}]" if entry.rule else ""
        lines += style.block(f"{indent}          {clock(entry.at)}  ", f"{kind}{entry.text}{again}{rule}", "dim")
    return lines


def excerpt(place: str, style: Style) -> list[str]:
    """The lines of the file around a place, the one that is meant marked; nothing when the file cannot be read."""
    found = PLACE.match(place)
    if found is None:
        return []
    file, line, column = found[1], int(found[2]), int(found[3] or 0)
    texts = lines_of(file)
    first, last = max(1, line - AROUND), min(len(texts), line + AROUND)
    size = len(str(last))
    lines = [f"        {clean(file)}:{line}" + (f":{column}" if column else "")]
    if not 0 < line <= len(texts) + 1:  # one more: what is missing is missed at the end of a file
        return lines
    for number in range(first, last + 1):
        text = _window(clean(texts[number - 1]), column if number == line else 0, max(30, style.width - size - 14))
        mark = ">" if number == line else " "
        shown = f"        {mark} {number:{size}} | {text}".rstrip()
        lines.append(style.paint("bold", shown) if number == line else shown)
    return lines


def _window(text: str, column: int, room: int) -> str:
    """What fits of a line, with what stands at a column."""
    if len(text) <= room:
        return text
    begin = min(max(0, column - room // 2), len(text) - room + 3) if column > room - 10 else 0
    head, end = "..." if begin else "", "..." if begin + room - 3 < len(text) else ""
    return head + text[begin + len(head) : begin + room - len(end)] + end


def problem(result: Result, style: Style, *, indent: str = "") -> list[str]:
    """What stopped a run, each sentence on its line, with the lines of the file it is about."""
    lines: list[str] = []
    for number, text in enumerate(result.problem.splitlines()):
        head = f"{indent}ERROR   " if not number else f"{indent}        "
        lines += style.block(head, clean(text), head_colour="alarm")
    return lines + (excerpt(result.problem.splitlines()[0], style) if result.problem else [])


def replay(result: Result, style: Style) -> list[str]:
    """The command that gives this run again, unwrapped: it is there to be copied."""
    return [f"Replay: {clean(result.replay)}"] if result.replay else []
