"""Bars over virtual time: rows of the status page, apps, and where the time of a run went."""

from __future__ import annotations

import msgspec

from autopilot_agent.events import AppChanged, Event, RowChanged, StateEntered, StateLeft
from autopilot_agent.reports.html.elements import Element, Node, e, svg
from autopilot_agent.reports.spent import time_spent
from autopilot_agent.reports.words import ROWS, clock, in_sentence, span, state_title

WIDE = 1000
MOST_STATES = 12
LOOKS = {
    "notStarted": "waiting",
    "failedFromPreviousSubcategory": "waiting",
    "inProgress": "working",
    "downloading": "loading",
    "installing": "working",
    "succeeded": "good",
    "installed": "good",
    "failed": "bad",
}
PHASES = {"preparation": "device_preparation", "device": "device_setup", "account": "account_setup"}
"""What the status page calls its parts, with their states."""
LEAST = 1000
"""States that took less, in milliseconds, are left out."""


class Bar(msgspec.Struct):
    """One row: the group it belongs to, its name, when it changed to what, and what it said last; milliseconds."""

    group: str
    name: str
    changes: list[tuple[int, str]]
    text: str = ""
    until: int = 0


def bars(trace: list[Event]) -> Node:
    """Rows and apps, each group with the time from its first to its last change."""
    groups: dict[str, list[Bar]] = {}
    for bar in _read(trace):
        groups.setdefault(bar.group, []).append(bar)
    order = sorted(groups, key=lambda name: name == "Apps")
    return [_group(name, groups[name]) for name in order] or None


def _read(trace: list[Event]) -> list[Bar]:
    found: dict[tuple[str, str, int], Bar] = {}
    visit = 0
    for event in trace:
        if isinstance(event, StateEntered) and event.state in PHASES.values():
            visit += 1
        elif isinstance(event, RowChanged):
            group = state_title(PHASES.get(event.phase, event.phase))
            key = (event.phase, event.row, visit)
            bar = found.setdefault(key, Bar(group, event.row, []))
            bar.changes.append((event.at, event.state))
            bar.text, bar.until = event.text, event.at
        elif isinstance(event, AppChanged):
            bar = found.setdefault(("apps", event.app, 0), Bar("Apps", event.name, []))
            bar.changes.append((event.at, event.state))
            bar.text, bar.until = event.state + (f", code {event.code}" if event.code not in ("", "0") else ""), event.at
        elif isinstance(event, StateLeft) and event.state in PHASES.values():
            for bar in found.values():
                if bar.until < event.at and LOOKS.get(bar.changes[-1][1]) in ("working", "waiting", "loading"):
                    bar.until = event.at
    return list(found.values())


def _group(title: str, members: list[Bar]) -> Element:
    begin = min(bar.changes[0][0] for bar in members)
    end = max(max(bar.until for bar in members), begin + 1)
    rows: list[Node] = []
    for bar in members:
        state = bar.changes[-1][1]
        look = LOOKS.get(state, "quiet")
        word = ROWS.get(state, state.replace("_", " "))
        said = bar.text if bar.text.startswith(bar.name) or title == "Apps" else f"{bar.text} ({word})"
        label = e("span", f"{bar.name} " if title == "Apps" else "", e("span", said, class_=f"word {look}"))
        took = span(bar.until - bar.changes[0][0])
        rows.append(e("li", e("span", label, e("span", took, class_="took"), class_="label"), _bar(bar, begin, end)))
    axis = e("p", e("span", clock(begin)), e("span", clock(end)), class_="axis", aria_hidden="true")
    return e("div", e("h5", title), e("ul", rows, class_="bars"), axis)


def _bar(bar: Bar, begin: int, end: int) -> Element:
    scale = WIDE / (end - begin)
    parts: list[Node] = [e("rect", x=0, y=4, width=WIDE, height=2, class_="rail")]
    told: list[str] = []
    for index, (at, state) in enumerate(bar.changes):
        until = bar.changes[index + 1][0] if index + 1 < len(bar.changes) else bar.until
        left, right = round((at - begin) * scale), round((until - begin) * scale)
        last = index + 1 == len(bar.changes)
        if right - left < 6 and last:
            left = min(left, WIDE - 6)
            right = left + 6
        if right > left:
            parts.append(e("rect", x=left, y=0, width=right - left, height=10, class_=LOOKS.get(state, "quiet")))
        told.append(f"{ROWS.get(state, state)} from {clock(at)}")
    return svg(WIDE, 10, f"{bar.name}: {', '.join(dict.fromkeys(told))}", parts, stretched=True)


def time_went(trace: list[Event]) -> Node:
    """Who took the time, and in which states."""
    spent = time_spent(trace)
    if spent.total < 1:
        return None
    parts = [("device", spent.device), ("person", spent.person), ("restarts", spent.restarts), ("switched off", spent.off)]
    shares: list[Node] = []
    legend: list[Node] = []
    begin = 0
    for name, value in parts:
        if value <= 0:
            continue
        end = begin + round(value * WIDE / spent.total)
        look = f"who-{name.split()[0]}"
        shares.append(e("rect", x=begin, y=0, width=max(1, end - begin), height=14, class_=look))
        square = e("rect", x=0, y=0, width=10, height=10, class_=look)
        swatch = e("svg", square, class_="swatch", viewBox="0 0 10 10", width=10, aria_hidden="true")
        legend.append(e("li", swatch, f" {name} {span(value)} ({value * 100 / spent.total:.0f} %)"))
        begin = end
    whole = svg(WIDE, 14, f"{span(spent.total)} of virtual time", shares, stretched=True, class_="share")
    long = [(value, state) for state, value in spent.states.items() if value >= LEAST]
    longest = sorted(long, key=lambda one: (-one[0], one[1]))
    rows: list[Node] = []
    for value, state in longest[:MOST_STATES]:
        name = in_sentence(state)
        share = e("span", f"{span(value)} ({value * 100 / spent.total:.0f} %)", class_="took")
        label = e("span", e("span", name), share, class_="label")
        width = max(1, round(value * WIDE / longest[0][0]))
        rail = e("rect", x=0, y=4, width=WIDE, height=2, class_="rail")
        bar = e("rect", x=0, y=0, width=width, height=10, class_="working")
        rows.append(e("li", label, svg(WIDE, 10, f"{name}: {span(value)}", rail, bar, stretched=True)))
    return [whole, e("ul", legend, class_="legend"), e("ul", rows, class_="bars")]
