"""A preflight as plain data and as Markdown."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from autopilot_agent.preflight.findings import Finding, Severity
from autopilot_agent.preflight.report import Played, Report
from autopilot_agent.preflight.text import MOST_SEEN, summary
from autopilot_agent.reports.style import clean
from autopilot_agent.reports.words import clock, span

VERSION = 1
_MARKS = re.compile(r"([\\`*_{}\[\]<>|#])")


def plain(report: Report) -> dict[str, Any]:
    """The json of ``preflight --output json``."""
    return {
        "version": VERSION,
        "tenant": report.tenant,
        "errors": report.counted(Severity.ERROR),
        "warnings": report.counted(Severity.WARNING),
        "notes": report.counted(Severity.NOTE),
        "findings": [_finding(one) for one in report.findings],
        "devices": [msgspec.to_builtins(one) for one in report.devices],
        "remarks": report.remarks,
        "replays": report.replays,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "check": one.check,
        "severity": one.severity.value,
        "title": one.title,
        "what": one.what,
        "about": [
            {"kind": each.kind, "name": each.name, **msgspec.to_builtins(each.place)} for each in one.about
        ],
        "rule": one.rule,
        "statement": one.statement,
        "grade": one.grade,
        "source": one.source,
        "evidence": [
            {"run": each.rehearsal, "at": each.at / 1000 if each.at is not None else None, "text": each.text}
            for each in one.moments
        ],
        "seen": one.seen,
        "fix": one.fix,
    }


def markdown(report: Report) -> str:
    """The report for a pull request or a wiki; names cannot break out of it."""
    lines = [f"# Preflight of {_text(report.tenant)}", "", f"{summary(report)}.", "", "## Findings", ""]
    if report.findings:
        lines += ["| | severity | finding | rule |", "|--:|---|---|---|"]
        lines += [
            f"| {number} | {one.severity.value} | {_text(one.title)} | {one.rule} |"
            for number, one in enumerate(report.findings, 1)
        ]
    else:
        lines.append("None.")
    for number, one in enumerate(report.findings, 1):
        lines += ["", f"### {number}. {_text(one.title)} ({one.severity.value})", "", _text(one.what), ""]
        for each in one.about:
            place = f" ({_text(str(each.place))})" if each.place.file else ""
            lines.append(f"- **about** {_text(each.kind)} {_text(each.name)}{place}")
        lines.append(f"- **rule** {one.rule}, {one.grade} ({_text(one.source)}): {_text(one.statement)}")
        for moment in one.moments:
            at = f"{clock(moment.at)} " if moment.at is not None else ""
            lines.append(f"- **seen** {at}{_text(moment.text)} ({_text(moment.rehearsal)})")
        again = dict.fromkeys(report.replays[name] for name in one.seen if name in report.replays)
        lines += [f"- **again** {_code(command)}" for command in list(again)[:MOST_SEEN]]
        lines += [f"- **fix** {_text(one.fix)}", f"- **check** `{one.check}`"]
    head = ["device", "mode", "user", "profile", "page", "end", *(["again"] if report.replays else [])]
    lines += ["", "## What each device gets", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [_row(one) for one in report.devices]
    if report.remarks:
        lines += ["", "## Remarks on the export", "", *(f"- {_text(one)}" for one in report.remarks)]
    return "\n".join(lines) + "\n"


def _row(one: Played) -> str:
    profile = f"{one.profile} ({one.profile_why})" if one.profile else one.profile_why
    page = f"{one.page} ({one.page_why})" if one.page else one.page_why
    end = f"{one.end_state} in {span(one.seconds * 1000)}" + (f", {one.code}" if one.code else "")
    cells = [_text(cell) for cell in (one.device, one.mode, one.user, profile, page, end)]
    cells += [_code(one.replay).replace("|", r"\|")] if one.replay else []
    return f"| {' | '.join(cells)} |"


def _code(command: str) -> str:
    """A command to be copied: as code, fenced by more backticks than it has in a row."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {clean(command)} {fence}" if longest else f"{fence}{clean(command)}{fence}"


def _text(text: str) -> str:
    """Data inside Markdown: one line, no marks of its own."""
    return _MARKS.sub(r"\\\1", clean(text))
