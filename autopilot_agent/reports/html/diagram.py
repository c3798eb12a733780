"""The way through the flow as a picture: states from top to bottom in the order they came, and where else they lead.

The layout is our own: a column of boxes, steps to the next box straight, steps back on the left, steps ahead on the right
side of the column, and beside each box the ends and states to which it could have gone and did not.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.events import ActBegan, Event, Finished, PowerLost, StateEntered, StateLeft
from autopilot_agent.oobe.flow import Flow
from autopilot_agent.oobe.modes import flow_for
from autopilot_agent.oobe.states import State
from autopilot_agent.reports.html.elements import Element, Node, e, svg
from autopilot_agent.reports.timeline import BAD_OUTCOMES
from autopilot_agent.reports.words import span, state_title

LEFT, BOX, HIGH, ROW = 44, 190, 30, 50
ASIDE = LEFT + BOX + 16
WIDTH = ASIDE + 144
LONGEST = 27
"""Characters that fit into a box."""


class Stop(msgspec.Struct):
    """A state on the way: how often, for how long (milliseconds), whether its step had nothing to do, and how it was left."""

    state: str
    times: int = 0
    took: int = 0
    skipped: bool = True
    wrong: bool = False
    outcomes: list[str] = []


class Way(msgspec.Struct):
    """What one act played; ``steps`` are (from, outcome, to) by number of the stop."""

    title: str
    flow: str
    stops: list[Stop] = []
    steps: list[tuple[int, str, int]] = []
    end: str = ""


def diagrams(trace: list[Event]) -> Node:
    """A picture for each act that plays a flow."""
    ways = [way for way in read_ways(trace) if way.stops]
    if len(ways) == 1:
        ways[0].title = ""
    return [[e("h5", way.title) if way.title else None, picture(way)] for way in ways] or None


def read_ways(trace: list[Event]) -> list[Way]:
    """The ways in a trace, one an act."""
    ways = [Way("", "")]
    numbers: dict[str, int] = {}
    last: tuple[int, str] | None = None
    began = 0
    for event in trace:
        way = ways[-1]
        if isinstance(event, ActBegan):
            name = event.act.replace("_", " ")
            ways.append(Way(f"{name.capitalize()} ({event.flow})" if event.flow else name.capitalize(), event.flow))
            numbers, last = {}, None
        elif isinstance(event, StateEntered):
            began = event.at
            if event.state not in numbers:
                numbers[event.state] = len(way.stops)
                way.stops.append(Stop(event.state))
            number = numbers[event.state]
            way.stops[number].times += 1
            if last is not None and (*last, number) not in way.steps:
                way.steps.append((*last, number))
            last = (number, "restart")
        elif isinstance(event, StateLeft) and event.state in numbers:
            stop = way.stops[numbers[event.state]]
            stop.took += event.at - began
            stop.skipped = stop.skipped and event.skipped
            stop.wrong = stop.wrong or event.outcome in BAD_OUTCOMES
            stop.outcomes.append(event.outcome)
            last = (numbers[event.state], event.outcome)
        elif isinstance(event, PowerLost) and last is not None:
            last = (last[0], "power lost")
        elif isinstance(event, Finished):
            way.end = event.end_state
            number = numbers.setdefault(event.end_state, len(way.stops))
            if number == len(way.stops):
                way.stops.append(Stop(event.end_state, 1, 0, False, event.outcome not in ("completed", "interrupted")))
                if last is not None:
                    way.steps.append((*last, number))
    return ways


def picture(way: Way) -> Element:
    """The way as SVG, with its order in words for those who do not see it."""
    flow: Flow | None = None
    with suppress(InputError):
        flow = flow_for(way.flow)
    visited = {stop.state for stop in way.stops}
    height = len(way.stops) * ROW + 8
    drawn: list[Node] = [_line(number, outcome, to) for number, outcome, to in way.steps]
    for number, stop in enumerate(way.stops):
        drawn.append(_box(number, stop, end=stop.state == way.end))
        drawn.append(_aside(number, _elsewhere(flow, stop, visited)))
    order = " to ".join(state_title(stop.state) for stop in way.stops)
    return svg(WIDTH, height, f"The way: {order}", drawn, class_="diagram")


def _elsewhere(flow: Flow | None, stop: Stop, visited: set[str]) -> list[str]:
    """Where the flow could have gone from a state and did not, and nothing else went either."""
    if flow is None:
        return []
    targets = next((edges for state, edges in flow.table.items() if state.value == stop.state), {})
    names: dict[State, None] = dict.fromkeys(targets.values())
    return [state_title(target.value) for target in names if target.value not in visited]


def _box(number: int, stop: Stop, *, end: bool) -> Element:
    top = number * ROW + 4
    look = "wrong" if stop.wrong else "passed-by" if stop.skipped else "visited"
    times = f" x{stop.times}" if stop.times > 1 else ""
    title = state_title(stop.state)
    took = span(stop.took) if stop.took >= 1000 else ""
    shown = _short(title, LONGEST - len(took) - len(times)) + times
    middle = top + HIGH // 2 + 4
    left = ", ".join(dict.fromkeys(stop.outcomes)) or "the end"
    said = f"{title}: {'skipped' if stop.skipped else took or 'at once'}, {left}"
    return e(
        "g",
        e("title", said.replace("_", " ")),
        e("rect", x=LEFT, y=top, width=BOX, height=HIGH, rx=14 if end else 4),
        e("text", shown, x=LEFT + 9, y=middle),
        e("text", took, x=LEFT + BOX - 8, y=middle, class_="took") if took else None,
        class_=f"box {look}{' end' if end else ''}",
    )


def _aside(number: int, names: list[str]) -> Node:
    if not names:
        return None
    middle = number * ROW + 4 + HIGH // 2
    lines = [_short(name, 20) for name in names[:2]]
    more = f" +{len(names) - 2}" if len(names) > 2 else ""
    top = middle + (4 if len(lines) == 1 else -3)
    lines[-1] += more
    texts = [e("text", text, x=ASIDE + 8, y=top + row * 13) for row, text in enumerate(lines)]
    way = e("path", d=f"M{LEFT + BOX} {middle} H{ASIDE + 4}")
    return e("g", e("title", f"It could have gone to: {', '.join(names)}"), way, texts, class_="aside")


def _line(number: int, outcome: str, to: int) -> Element:
    word = "" if outcome in ("ok", "skipped") else outcome.replace("_", " ")
    begin = number * ROW + 4 + HIGH
    if to == number + 1:
        x = LEFT + 24
        end = to * ROW + 4
        label = e("text", word, x=x + 8, y=begin + 14) if word else None
        return e("g", e("path", d=f"M{x} {begin} V{end - 2}"), _head(x, end, 0, 1), label, class_="step")
    side = -1 if to <= number else 1
    edge = LEFT if side < 0 else LEFT + BOX
    bow = edge + side * min(40 if side < 0 else 14, 10 + 3 * abs(to - number))
    first, last = number * ROW + 4 + HIGH // 2 + 6, to * ROW + 4 + HIGH // 2 - 6
    curve = f"M{edge} {first} C{bow} {first} {bow} {last} {edge} {last}"
    title = e("title", f"{word or 'goes on'}: {'back' if side < 0 else 'ahead'}")
    return e("g", title, e("path", d=curve), _head(edge, last, -side, 0), class_="step bow")


def _head(x: int, y: int, across: int, down: int) -> Element:
    """The tip of an arrow at a point, pointing along (across, down)."""
    if down:
        return e("path", d=f"M{x} {y} l-4 -7 h8 z", class_="tip")
    return e("path", d=f"M{x} {y} l{-7 * across} -4 v8 z", class_="tip")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\u2026"
