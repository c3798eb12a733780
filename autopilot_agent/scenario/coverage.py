"""What runs have exercised of what the simulator knows: rules, states, transitions, screens, faults, choices on error pages."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.events import ActBegan, Answered, Event, ScreenShown, StateEntered, StateLeft
from autopilot_agent.oobe.modes import WAYS, flow_for
from autopilot_agent.oobe.states import ENDS, State
from autopilot_agent.scenario.expected import ERROR_PAGES


class Tally(msgspec.Struct):
    """What one run, or several, exercised, in texts: ``flow state outcome`` of an edge, ``page: choice`` of a button."""

    rules: set[str] = msgspec.field(default_factory=set)
    states: set[str] = msgspec.field(default_factory=set)
    transitions: set[str] = msgspec.field(default_factory=set)
    screens: set[str] = msgspec.field(default_factory=set)
    offered: set[str] = msgspec.field(default_factory=set)
    pressed: set[str] = msgspec.field(default_factory=set)

    def add(self, other: Tally) -> None:
        """Take up what another run exercised."""
        for field in self.__struct_fields__:
            getattr(self, field).update(getattr(other, field))


def tally_of(events: Iterable[Event]) -> Tally:
    """What a run exercised: a rule by being cited, a state by being left otherwise than skipped, or by being an end."""
    found = Tally()
    flow = ""
    for event in events:
        if isinstance(event, ActBegan):
            flow = event.flow or flow
        elif isinstance(event, StateEntered):
            if State(event.state) in ENDS:
                found.states.add(event.state)
        elif isinstance(event, StateLeft):
            found.transitions.add(f"{flow} {event.state} {event.outcome}")
            if event.outcome != "skipped":
                found.states.add(event.state)
        elif isinstance(event, ScreenShown):
            found.screens.add(event.screen)
            if event.screen in ERROR_PAGES:
                found.offered.update(f"{event.screen}: {choice}" for choice in event.choices)
        elif isinstance(event, Answered) and event.screen in ERROR_PAGES:
            found.pressed.add(f"{event.screen}: {event.answer}")
        if event.rule:
            found.rules.add(event.rule)
    return found


class Part(msgspec.Struct):
    """How much of one kind was exercised; ``percent`` has one decimal and never says 100 while something is missing.

    ``listed`` are the missing ones that ``rulebook/uncovered.jsonl`` gives a reason for.
    """

    total: int
    percent: float
    missing: list[str]
    listed: dict[str, str] = {}


class TransitionsPart(Part):
    """The union of all tables: an edge counts once. ``modes`` has the same for the table of each flow."""

    modes: dict[str, Part] = {}


class ChoicesPart(Part):
    """Buttons of the error pages that somebody pressed; ``never_offered`` are those that no page even showed."""

    never_offered: list[str] = []


class Coverage(msgspec.Struct):
    """The json of ``coverage``."""

    schema_version: int
    scenarios: int
    not_passed: int
    rules: Part
    states: Part
    transitions: TransitionsPart
    screens: Part
    faults: Part
    choices: ChoicesPart


def coverage_of(tally: Tally, scenarios: int, not_passed: int = 0) -> Coverage:
    """Hold what was exercised against everything there is."""
    faults = rulebook.faults()
    rules = [rule for rule in rulebook.rules() if rule not in faults]
    edges = {name: [f"{edge.state.value} {edge.outcome.value}" for edge in flow_for(name).edges] for name in WAYS}
    union = list(dict.fromkeys(edge for flow in edges.values() for edge in flow))
    states = list(dict.fromkeys(state.value for name in WAYS for state in flow_for(name).states))
    taken = {edge.split(" ", 1)[1] for edge in tally.transitions}
    buttons = [f"{page}: {choice}" for page in ERROR_PAGES for choice in rulebook.screens()[page].choices]
    of_rules, of_edges, pressed = _part(rules, tally.rules), _part(union, taken), _part(buttons, tally.pressed)
    never_offered = [one for one in buttons if one not in tally.offered]
    return Coverage(
        1,
        scenarios,
        not_passed,
        of_rules,
        _part(states, tally.states),
        TransitionsPart(
            of_edges.total,
            of_edges.percent,
            of_edges.missing,
            of_edges.listed,
            {name: _part([f"{name} {edge}" for edge in flow], tally.transitions) for name, flow in edges.items()},
        ),
        _part(list(rulebook.screens()), tally.screens),
        _part(list(faults), tally.rules),
        ChoicesPart(pressed.total, pressed.percent, pressed.missing, _reasons(pressed.missing + never_offered), never_offered),
    )


def _part(everything: list[str], exercised: set[str]) -> Part:
    missing = [one for one in everything if one not in exercised]
    done = len(everything) - len(missing)
    percent = done * 1000 // len(everything) / 10 if everything else 100.0
    return Part(len(everything), percent, missing, _reasons(missing))


def _reasons(missing: list[str]) -> dict[str, str]:
    known = rulebook.uncovered()
    return {one: known[one].reason for one in missing if one in known}
