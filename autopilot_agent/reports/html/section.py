"""One run on the page: what is wrong, where the time went, what came when, which way through the flow, and every event."""

from __future__ import annotations

import json
from enum import Enum

from autopilot_agent import rulebook
from autopilot_agent.events import Answered, Event, ScreenShown
from autopilot_agent.reports.findings import advice_for, findings_of, shown_file
from autopilot_agent.reports.html.bars import bars, time_went
from autopilot_agent.reports.html.diagram import diagrams
from autopilot_agent.reports.html.elements import Element, Node, e
from autopilot_agent.reports.html.events_table import events_table
from autopilot_agent.reports.html.overview import badge
from autopilot_agent.reports.html.rules import rule_link, scrolled
from autopilot_agent.reports.report import Played
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.timeline import ACT, HEAD, RESTART, SKIPPED, Entry, Timeline
from autopilot_agent.reports.verdict import excerpt
from autopilot_agent.reports.words import clock, count, span

EXCERPT = Style(width=120)


class Depth(Enum):
    """How much of a run the page shows."""

    BRIEF = 0
    TIMELINE = 1
    EVENTS = 2


def section(one: Played, number: int, title: str, depth: Depth, cited: set[str], *, opened: bool) -> Element:
    """The run as a section that opens, or is open at first."""
    result = one.result
    code = result.error.code if result.error is not None else ""
    took = span(result.virtual_seconds * 1000) if result.end_state else ""
    told = [part for part in (shown_file(result.file), result.mode, result.end_state.replace("_", " "), code, took) if part]
    summary = e(
        "summary",
        badge(result.verdict),
        e("h3", title),
        e("span", [e("span", part) for part in told], class_="told"),
    )
    trace = one.events() if depth is not Depth.BRIEF else []
    parts: list[Node] = [_reason(one), _findings(one), _advice(one, cited), _replay(one), _facts(one)]
    if trace:
        eleven = "Windows 10" not in one.device
        parts += [
            _part("Where the time went", time_went(trace)),
            _part("Status page and apps", bars(trace)),
            _part("Timeline", _timeline(Timeline(0, eleven=eleven).read(trace), cited)),
            _part("Way through the flow", diagrams(trace), folded=True),
            _part("Screens shown", _screens(trace), folded=True),
        ]
        parts.append(_part("Events", events_table(trace, cited), folded=True) if depth is Depth.EVENTS else None)
    parts.append(_checks(one))
    return e(
        "details",
        summary,
        e("div", parts, class_="inside"),
        class_="run",
        id=f"run-{number + 1}",
        data_verdict=result.verdict,
        data_mode=result.mode,
        data_tags=json.dumps(result.tags),
        open=opened,
    )


def _part(title: str, content: Node, *, folded: bool = False) -> Node:
    if content is None or content == []:
        return None
    if folded:
        return e("details", e("summary", e("h4", title)), content, class_="part")
    return e("section", e("h4", title), content, class_="part")


def _reason(one: Played) -> Node:
    return e("p", e("b", "Reason"), ": ", one.result.reason) if one.result.reason else None


def _findings(one: Played) -> Node:
    items: list[Node] = []
    for finding in findings_of(one.result):
        text = finding.sentence
        when = f" at {clock(finding.at * 1000)}" if finding.at else ""
        lines = finding.detail or [line.removeprefix(" " * 8) for line in excerpt(str(finding.spot), EXCERPT)[1:]]
        facts = e("p", text.removeprefix(f"{finding.spot}: "), class_="said")
        if finding.expected or finding.actual:
            pair = [e("dt", "Expected"), e("dd", finding.expected), e("dt", "Got"), e("dd", finding.actual, when)]
            facts = e("dl", pair, class_="facts")
        name = "What differs" if finding.detail else "Lines of the scenario"
        source = e("pre", "\n".join(lines), tabindex="0", aria_label=name) if lines else None
        items.append(e("li", e("b", finding.title), " ", e("code", str(finding.spot), class_="place"), facts, source))
    return _part("Not as expected", e("ul", items, class_="findings")) if items else None


def _advice(one: Played, cited: set[str]) -> Node:
    error = one.result.error
    if error is None:
        return None
    rows: list[Node] = []
    for name, text in advice_for(one.result):
        link = [rule_link(error.rule, cited), text.removeprefix(error.rule)] if name == "Rule" else text
        rows += [e("dt", name), e("dd", link)]
    return _part("What failed, and what helps", e("dl", rows, class_="facts advice"))


def _replay(one: Played) -> Node:
    if not one.result.replay:
        return None
    button = e("button", "Copy", type="button", class_="copy", hidden=True, aria_label="Copy the replay command")
    return _part("Replay", e("div", e("code", one.result.replay, tabindex="0"), button, class_="replay"))


def _facts(one: Played) -> Node:
    result = one.result
    if not result.mode:
        return None
    managed = "managed" if result.mdm_enrolled else "not managed"
    acts = [f"{act.act.replace('_', ' ')}: {act.end_state or 'done'}" for act in result.acts] if len(result.acts) > 1 else []
    facts = {
        "Device": one.device,
        "Tenant": one.tenant,
        "End": f"{result.end_state} ({result.outcome})" if result.end_state else "",
        "Join": f"{result.join}, {managed}" if result.end_state else "",
        "Device name": result.device_name,
        "Restarts": str(result.reboots) if result.end_state else "",
        "Apps": ", ".join(f"{name}: {state}" for name, state in result.apps.items()),
        "Acts": "; ".join(acts),
        "Seed": str(result.seed),
        "Tags": ", ".join(result.tags),
        "Trace hash": result.trace_hash,
    }
    rows = [[e("dt", name), e("dd", text)] for name, text in facts.items() if text]
    return _part("Facts", e("dl", rows, class_="facts"))


def _timeline(entries: list[Entry], cited: set[str]) -> Node:
    names = {HEAD: "state", RESTART: "restart", SKIPPED: "skipped", ACT: "act"}
    items: list[Node] = []
    for entry in entries:
        kind = names.get(entry.kind, entry.kind)
        again = f" ({entry.times} times, last at {clock(entry.until)})" if entry.times > 1 else ""
        took = e("span", f" {span(entry.took)}", class_="took") if entry.took >= 1000 else None
        bad = " wrong" if entry.colour in ("red", "alarm") else ""
        word = None if entry.kind in (HEAD, ACT) else e("span", kind, class_="kind")
        rule = [" ", rule_link(entry.rule, cited)] if entry.rule else None
        text = e("span", entry.text, again, rule, took, class_="what")
        items.append(e("li", e("time", clock(entry.at)), e("span", word, " ", text, class_="body"), class_=f"t-{kind}{bad}"))
    return e("ol", items, class_="timeline") if items else None


def _screens(trace: list[Event]) -> Node:
    rows: list[Element] = []
    answers: dict[int, str] = {}
    shown: list[ScreenShown] = []
    for event in trace:
        if isinstance(event, ScreenShown):
            shown.append(event)
        elif isinstance(event, Answered) and shown:
            answers[len(shown) - 1] = event.answer
    for number, event in enumerate(shown):
        screen = rulebook.screens().get(event.screen)
        cells = (clock(event.at), event.screen, screen.title if screen else "", event.text, ", ".join(event.choices))
        rows.append(e("tr", [e("td", cell) for cell in cells], e("td", answers.get(number, ""))))
    if not rows:
        return None
    head = e("tr", [e("th", name, scope="col") for name in ("Time", "Page", "Title", "Text", "Choices", "Answer")])
    return scrolled("Screens shown", e("table", e("thead", head), e("tbody", rows)))


def _checks(one: Played) -> Node:
    passed = [check.name for check in one.result.checks if check.passed]
    if not passed:
        return None
    items = e("ul", [e("li", name) for name in passed], class_="checks")
    return _part(f"{count(len(passed), 'check')} passed", items, folded=True)
