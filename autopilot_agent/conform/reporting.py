"""Findings as text for people, JSON for programs, and JUnit for CI systems."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from autopilot_agent.conform.evidence import Exchange
from autopilot_agent.conform.judging import Finding, Mark
from autopilot_agent.wire import secrecy
from autopilot_agent.wire.http import Request, Response

WIDTH = 80
MARKS = {Mark.MET: "ok  ", Mark.COMPLAINT: "", Mark.NOT_REACHED: "-   "}
TITLES = {
    "discovery": "Discovery",
    "policy": "Enrolment policy",
    "enrolment": "Enrolment",
    "document": "Provisioning document",
    "sessions": "Management sessions",
    "esp": "Enrollment Status Page",
    "faults": "Faults",
    "renewal": "Renewal",
}
LONGEST_BODY = 4_000
"""Characters of a body that are shown."""


def summary(findings: Sequence[Finding]) -> str:
    """One line over all."""
    must = sum(one.wrong for one in findings)
    should = sum(one.mark is Mark.COMPLAINT and not one.wrong for one in findings)
    missing = sum(one.mark is Mark.NOT_REACHED for one in findings)
    met = len(findings) - must - should - missing
    return f"{len(findings)} demands: {met} met, {must} not met, {should} advice not followed, {missing} not reached"


def as_text(
    findings: Sequence[Finding], url: str, *, missed: Mapping[str, str] | None = None, details: bool = False
) -> str:
    """Demands by stage, then each complaint: what was seen, what Windows does then, what to do, and where it says so.

    ``missed`` are stages of which nothing could be tested, each with the reason.
    """
    lines = [f"Conformance of {printable(url)}", ""]
    for stage, title in TITLES.items():
        mine = [one for one in findings if one.demand.stage == stage]
        if not mine:
            continue
        lines.append(title)
        for one in mine:
            mark = MARKS[one.mark] or ("FAIL" if one.wrong else "hint")
            lines += _wrapped(f"  {mark} {one.demand.id:<21} ", one.demand.demand)
        lines.append("")
    complaints = [one for one in findings if one.mark is Mark.COMPLAINT]
    if complaints:
        lines += ["What Windows objects to", ""]
    for one in sorted(complaints, key=lambda each: not each.wrong):
        lines.append(f"{'FAIL' if one.wrong else 'hint'} {one.demand.id} ({one.demand.level})")
        lines += _wrapped("  demand   ", one.demand.demand)
        for seen in one.seen:
            lines += _wrapped("  seen     ", printable(seen.text))
        lines += _wrapped("  Windows  ", one.demand.windows)
        lines += _wrapped("  do       ", one.demand.advice)
        lines += _wrapped("  source   ", f"{one.demand.source} ({one.demand.grade})")
        if details:
            lines += _details(one)
        lines.append("")
    missing: dict[str, list[str]] = {}
    for one in findings:
        if one.mark is Mark.NOT_REACHED:
            missing.setdefault(one.reason, []).append(one.demand.id)
    if missing:
        lines.append("Not reached")
        for reason, ids in missing.items():
            lines += _wrapped("  ", f"{', '.join(ids)}: {printable(reason)}")
        lines.append("")
    lines += _wrapped("", summary(findings) + ".")
    for stage, why in (missed or {}).items():
        lines += _wrapped("", f"Not passed: nothing of {TITLES[stage]!r} could be judged: {printable(why)}.")
    return "\n".join(lines) + "\n"


def as_json(findings: Sequence[Finding], url: str, *, missed: Mapping[str, str] | None = None) -> str:
    """One document. ``passed`` is true where everything that was asked for was tested and Windows fails nowhere."""
    complaints = sum(one.wrong for one in findings)
    document = {
        "schema_version": 1,
        "url": url,
        "findings": [
            {
                "id": one.demand.id,
                "stage": one.demand.stage,
                "level": one.demand.level,
                "result": one.mark.value,
                "demand": one.demand.demand,
                "seen": [seen.text for seen in one.seen],
                "reason": one.reason,
                "windows": one.demand.windows,
                "advice": one.demand.advice,
                "source": one.demand.source,
                "grade": one.demand.grade,
            }
            for one in findings
        ],
        "complaints": complaints,
        "untested": dict(missed or {}),
        "passed": not complaints and not missed,
    }
    return json.dumps(document, indent=2) + "\n"


def as_junit(findings: Sequence[Finding], url: str, *, missed: Mapping[str, str] | None = None) -> str:
    """One test case a demand; advice that is not followed passes, with a word about it.

    A demand that was not reached is skipped; where nothing of its stage was, it is an error, because a suite of
    skipped cases is green.
    """
    failures = sum(one.wrong for one in findings)
    missing = [one for one in findings if one.mark is Mark.NOT_REACHED]
    errors = sum(one.demand.stage in (missed or ()) for one in missing)
    counts = {"tests": len(findings), "failures": failures, "errors": errors, "skipped": len(missing) - errors}
    numbers = {name: str(value) for name, value in counts.items()}
    root = etree.Element("testsuites", {"name": "autopilot-agent conform", **numbers})
    suite = etree.SubElement(root, "testsuite", {"name": printable(url), **numbers})
    for one in findings:
        case = etree.SubElement(suite, "testcase", name=one.demand.id, classname=f"conform.{one.demand.stage}", time="0")
        said = "\n".join(printable(seen.text) for seen in one.seen)
        if one.wrong:
            failure = etree.SubElement(case, "failure", message=printable(one.demand.demand), type=one.demand.level)
            failure.text = f"{said}\nWindows: {one.demand.windows}\nDo: {one.demand.advice}\nSource: {one.demand.source}"
        elif one.mark is Mark.NOT_REACHED:
            kind = "error" if one.demand.stage in (missed or ()) else "skipped"
            etree.SubElement(case, kind, message=printable(one.reason))
        elif said:
            etree.SubElement(case, "system-out").text = f"advice not followed: {said}"
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)).decode()


def printable(text: str) -> str:
    """A server's words without what a terminal or an XML file would take for more than words."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def _wrapped(first: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=True, break_on_hyphens=False
    ) or [first.rstrip()]


def _details(finding: Finding) -> list[str]:
    """The exchanges behind a complaint, as they were, without secrets."""
    lines: list[str] = []
    shown: list[Exchange] = []
    for seen in finding.seen:
        if seen.exchange is not None and seen.exchange not in shown:
            shown.append(seen.exchange)
            lines += _message(secrecy.request(seen.exchange.request))
            if seen.exchange.response is not None:
                lines += _message(secrecy.response(seen.exchange.response))
    return lines


def _message(one: Request | Response) -> list[str]:
    first = f"> {one.method} {one.url}" if isinstance(one, Request) else f"< HTTP {one.status}"
    mark = first[0]
    lines = [printable(first), *(printable(f"{mark} {name}: {value}") for name, value in one.headers.items())]
    body = one.body.decode("utf-8", "replace")
    cut = f" ... ({len(body)} characters)" if len(body) > LONGEST_BODY else ""
    lines += [printable(f"{mark} {line}") for line in (body[:LONGEST_BODY] + cut).splitlines()]
    return ["  " + line for line in lines]


FORMS: dict[str, Any] = {"json": as_json, "junit": as_junit}
"""Forms for programs."""
