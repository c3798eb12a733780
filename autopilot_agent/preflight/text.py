"""A preflight as text of 80 columns: what each device gets, the table of findings, and each finding at length."""

from __future__ import annotations

from autopilot_agent.preflight.findings import Finding, Moment, Severity
from autopilot_agent.preflight.report import Played, Report
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.words import clock, count, span

COLOURS = {Severity.ERROR: "alarm", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
WIDTH = 80
MOST_SEEN = 2
"""Rehearsals that a finding names; the rest are counted."""
MOST_NAMES = 3
MOST_REMARKS = 8


def render(report: Report, style: Style = Style(width=WIDTH), *, verbosity: int = 0) -> str:
    """The whole report; ``verbosity`` below 0 leaves out the devices and the details, above 0 it shows all evidence."""
    lines = style.block("", f"Preflight of {clean(report.tenant)}", "bold")
    if verbosity >= 0:
        lines += ["", *devices(report, style)]
    lines += ["", *table(report, style)]
    if verbosity >= 0:
        for number, one in enumerate(report.findings, 1):
            lines += ["", *finding(number, one, style, report.replays, whole=verbosity > 0)]
        lines += remarks(report, style, whole=verbosity > 0)
        if not report.replays:
            lines += ["", "To play one of these runs by itself: --save-scenarios DIR"]
    lines += ["", summary(report)]
    return "\n".join(lines) + "\n"


def summary(report: Report) -> str:
    """The last line."""
    found = [count(report.counted(severity), severity.value) for severity in Severity]
    played = count(len(report.devices), "run")
    seconds = sum(one.seconds for one in report.devices)
    return f"{played}, {span(seconds * 1000)} of virtual time: {', '.join(found)}"


def devices(report: Report, style: Style) -> list[str]:
    """Which profile and page each device gets, and why; how it ended for whom."""
    lines = [style.paint("bold", "What each device gets")]
    grouped: dict[tuple[str, str], list[Played]] = {}
    for one in report.devices:
        grouped.setdefault((one.device, one.mode), []).append(one)
    for (device, mode), played in grouped.items():
        lines += style.block("  ", f"{clean(device)}, {mode}", "bold")
        first = played[0]
        profile = f"{first.profile} ({first.profile_why})" if first.profile else f"none: {first.profile_why}"
        lines += style.block("    profile  ", clean(profile))
        pages: dict[str, list[Played]] = {}
        for one in played:
            if one.page:
                pages.setdefault(f"{one.page} ({one.page_why})", []).append(one)
        for page, those in pages.items():
            whom = f": {', '.join(one.user for one in those)}" if len(pages) > 1 else ""
            lines += style.block("    page     ", clean(page + whom))
        for one in played:
            lines += style.block("    end      ", clean(_end(one)), "" if one.outcome == "completed" else "red")
            lines += [f"    again    {clean(one.replay)}"] if one.replay else []
    return lines


def _end(one: Played) -> str:
    code = " ".join(part for part in (one.code, f"[{one.rule}]" if one.rule else "") if part)
    who = f", {one.user}" if one.user else ""
    return f"{one.end_state} in {span(one.seconds * 1000)}{who}" + (f": {code}" if code else "")


def table(report: Report, style: Style) -> list[str]:
    """One line a finding, the worst first."""
    if not report.findings:
        return [style.paint("green", "No findings.")]
    lines = [style.paint("bold", "Findings")]
    for number, one in enumerate(report.findings, 1):
        head = f"  {number:>3}  {one.severity.value:7}  "
        names = ", ".join(each.name for each in one.about[:MOST_NAMES])
        more = f" and {len(one.about) - MOST_NAMES} more" if len(one.about) > MOST_NAMES else ""
        line = f"{one.title}: {names}{more}" if names else one.title
        lines += style.block(head, clean(line), head_colour=COLOURS[one.severity])
    return lines


def finding(number: int, one: Finding, style: Style, replays: dict[str, str], *, whole: bool) -> list[str]:
    """One finding at length; ``replays`` has the commands that play runs again, by their labels."""
    head = f"{number}. {one.severity.value.upper()}  "
    lines = style.block(head, clean(one.title), "bold", head_colour=COLOURS[one.severity])
    lines += style.block("   ", clean(one.what))
    for index, resource in enumerate(one.about):
        lines += style.block("             " if index else "   about     ", f"{clean(resource.kind)} {clean(resource.name)}")
        if resource.place.file:
            lines.append(f"             {clean(resource.place)}")
    rule = f"{one.rule}, {one.grade} ({one.source}): {one.statement}"
    lines += style.block("   rule      ", clean(rule))
    seen = one.seen if whole else one.seen[:MOST_SEEN]
    more = len(one.seen) - len(seen)
    for index, name in enumerate(seen):
        lines += style.block("             " if index else "   seen in   ", clean(name), hang=15)
        lines += [line for moment in one.moments if moment.rehearsal == name for line in _moment(moment, style)]
        lines += [f"     again   {clean(replays[name])}"] if name in replays else []
    if more > 0:
        lines.append(f"             {more} more")
    return lines + style.block("   fix       ", clean(one.fix)) + [f"   check     {one.check}"]


def _moment(moment: Moment, style: Style) -> list[str]:
    at = clock(moment.at) if moment.at is not None else ""
    return style.block(f"     {at:>7} ", clean(moment.text), "dim")


def remarks(report: Report, style: Style, *, whole: bool) -> list[str]:
    """What the reading of the export remarked and no finding is about."""
    if not report.remarks:
        return []
    shown = report.remarks if whole else report.remarks[:MOST_REMARKS]
    lines = ["", style.paint("bold", "Remarks on the export")]
    for text in shown:
        lines += style.block("  ", clean(text), hang=4)
    left = len(report.remarks) - len(shown)
    return [*lines, f"  {left} more (-v shows them)"] if left > 0 else lines
