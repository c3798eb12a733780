"""Every event of a run: what it is, what it says, the rule that caused it."""

from __future__ import annotations

from autopilot_agent.events import Event
from autopilot_agent.reports.html.elements import Element, Node, e
from autopilot_agent.reports.html.rules import rule_link, scrolled
from autopilot_agent.reports.words import clock, count

MOST_EVENTS = 1500
COMMON = ("seq", "at", "rule")


def events_table(trace: list[Event], cited: set[str]) -> Node:
    """The table; a very long run ends early and says so."""
    head = e("tr", [e("th", name, scope="col") for name in ("No.", "Time", "Event", "What", "Rule")])
    rows = [_row(event, cited) for event in trace[:MOST_EVENTS]]
    table = scrolled("Events", e("table", e("thead", head), e("tbody", rows), class_="events"))
    left = len(trace) - MOST_EVENTS
    said = f"{count(left, 'more event')} left out; --report jsonl has all." if left > 0 else ""
    return [table, e("p", said, class_="note") if said else None]


def _row(event: Event, cited: set[str]) -> Element:
    kind = str(event.__struct_config__.tag).replace("_", " ")
    link = e("td", rule_link(event.rule, cited))
    return e("tr", e("td", event.seq), e("td", clock(event.at)), e("td", kind), e("td", _words(event)), link)


def _words(event: Event) -> str:
    parts: list[str] = []
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in COMMON or value in ("", (), False):
            continue
        parts.append(name if value is True else ", ".join(value) if isinstance(value, tuple) else str(value))
    return " \u00b7 ".join(parts)
