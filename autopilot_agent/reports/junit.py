"""JUnit XML, as Jenkins, GitLab, Azure Pipelines and GitHub's actions read it: a test case per run.

``time`` is virtual seconds: real ones would make two reports of the same runs differ. A property of each case says so.
"""

from __future__ import annotations

import posixpath
import re
from xml.etree import ElementTree

from autopilot_agent.reports.findings import (
    VERDICTS,
    Finding,
    advice_for,
    findings_of,
    one_line,
    shown_file,
    titles_of,
)
from autopilot_agent.reports.printable import printable
from autopilot_agent.reports.report import About, Need, Played
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.timeline import write
from autopilot_agent.reports.verdict import entries_of, last_events
from autopilot_agent.reports.words import count

_NOT_XML = re.compile("[\ufffe\uffff]")
PLAIN = Style(width=110)


class JUnit:
    """The report; with ``timeline`` each case has what happened as its output."""

    def __init__(self, name: str, *, timeline: bool) -> None:
        self.name = name
        self.timeline = timeline
        self.needs_events = Need.EVERYTHING if timeline else Need.FAILURES

    def render(self, played: list[Played], about: About) -> bytes:
        """One suite per folder, in the order in which they came."""
        folders: dict[str, list[tuple[str, Played]]] = {}
        for title, one in zip(titles_of([one.result for one in played]), played, strict=True):
            folders.setdefault(posixpath.dirname(shown_file(one.result.file)) or ".", []).append((title, one))
        root = ElementTree.Element("testsuites", {"name": "autopilot-agent", **_counts(played)})
        for folder, members in folders.items():
            suite = ElementTree.SubElement(root, "testsuite", {"name": _text(folder), **_counts([one for _, one in members])})
            if about.date:
                suite.set("timestamp", about.date.removesuffix("Z"))
            for title, one in members:
                self._case(suite, folder, title, one)
        ElementTree.indent(root)
        data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return data + b"\n"

    def _case(self, suite: ElementTree.Element, folder: str, name: str, one: Played) -> None:
        result = one.result
        findings = findings_of(result)
        file = shown_file(result.file)
        line = next((finding.spot.line for finding in findings if finding.spot.line and finding.spot.file == file), 0)
        words = {"name": _text(name), "classname": _text(_dotted(folder)), "file": _text(file)}
        if line:
            words["line"] = str(line)
        case = ElementTree.SubElement(suite, "testcase", {**words, "time": _seconds([one])})
        _properties(case, one)
        if result.verdict == "error":
            first = findings[0].sentence.partition("\n")[0]
            said = ElementTree.SubElement(case, "error", {"message": _text(first), "type": "error"})
            said.text = _text("\n".join([findings[0].sentence, *_rest(one)]), lines=True)
        elif findings:
            more = f" (and {count(len(findings) - 1, 'more check')})" if len(findings) > 1 else ""
            said = ElementTree.SubElement(
                case, "failure", {"message": _text(findings[0].sentence + more), "type": _text(findings[0].title)}
            )
            said.text = _text("\n".join(_failure(findings, one)), lines=True)
        elif result.verdict in ("skipped", "not_run", "xfailed"):
            reason = result.reason or "not played, because an earlier one was not as expected"
            kind = {"type": "xfail"} if result.verdict == "xfailed" else {}
            ElementTree.SubElement(case, "skipped", {**kind, "message": _text(reason)})
        if self.timeline and one.packed:
            out = ElementTree.SubElement(case, "system-out")
            out.text = _text("\n".join(write(entries_of(one), PLAIN)), lines=True)


def _properties(case: ElementTree.Element, one: Played) -> None:
    result = one.result
    code = result.error.code if result.error is not None else ""
    values = {
        "mode": result.mode,
        "case": result.case,
        "seed": result.seed if result.mode else "",
        "verdict": VERDICTS[result.verdict],
        "end_state": result.end_state,
        "outcome": result.outcome,
        "error": code,
        "trace_hash": result.trace_hash,
        "replay": result.replay,
        "tags": ", ".join(result.tags),
        "time_is": "virtual seconds" if result.end_state else "",
    }
    properties = ElementTree.SubElement(case, "properties")
    for name, value in values.items():
        if value != "":
            ElementTree.SubElement(properties, "property", {"name": name, "value": _text(value)})


def _failure(findings: list[Finding], one: Played) -> list[str]:
    lines: list[str] = []
    entries = entries_of(one)
    shown: set[float] = set()
    for finding in findings:
        lines += [f"{finding.spot}: {one_line(finding.title)}"]
        lines += [f"  expected: {one_line(finding.expected)}", f"  actual:   {one_line(finding.actual)}"]
        lines += [f"  {one_line(line)}" for line in finding.detail]
        if finding.at and finding.at not in shown:
            lines += [line.removeprefix("      ") for line in last_events(entries, finding.at, PLAIN)]
            shown.add(finding.at)
    return lines + _rest(one)


def _rest(one: Played) -> list[str]:
    advice = advice_for(one.result)
    lines = ["", *(f"{name}: {one_line(text)}" for name, text in advice)] if advice else []
    return lines + (["", f"Replay: {one_line(one.result.replay)}"] if one.result.replay else [])


def _counts(played: list[Played]) -> dict[str, str]:
    verdicts = [one.result.verdict for one in played]
    return {
        "tests": str(len(played)),
        "failures": str(sum(verdict in ("failed", "xpassed") for verdict in verdicts)),
        "errors": str(verdicts.count("error")),
        "skipped": str(sum(verdict in ("skipped", "not_run", "xfailed") for verdict in verdicts)),
        "time": _seconds(played),
    }


def _seconds(played: list[Played]) -> str:
    return f"{sum(one.result.virtual_seconds for one in played):.3f}"


def _dotted(folder: str) -> str:
    """A folder as a class: readers group by what is between dots."""
    return folder.strip("/").replace("/", ".") or "."


def _text(value: object, *, lines: bool = False) -> str:
    """Text that XML 1.0 can hold: what it cannot is written as an escape."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", printable(str(value), lines=lines))


JUNIT = JUnit("junit", timeline=False)
JUNIT_TIMELINE = JUnit("junit-timeline", timeline=True)
