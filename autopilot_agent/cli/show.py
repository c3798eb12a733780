"""``show``: the flow of a mode as a list or a Mermaid diagram, and a screen."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import facts, say
from autopilot_agent.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Print a flow or a screen."""
    if args.what == "screen":
        return _screen(args.id)
    return _mermaid(args.mode) if args.format == "mermaid" else _text(args.mode)


def _targets(mode: str) -> tuple[str, dict[str, dict[str, list[str]]], dict[str, str]]:
    """Start, outcomes by target by state, and the outcome of every end."""
    from autopilot_agent.oobe.modes import flow_for
    from autopilot_agent.oobe.states import ENDS

    flow = flow_for(mode)
    found: dict[str, dict[str, list[str]]] = {}
    for edge in flow.edges:
        found.setdefault(edge.state.value, {}).setdefault(edge.target.value, []).append(edge.outcome.value)
    return flow.start.value, found, {state.value: ENDS[state] for state in flow.ends}


def _text(mode: str) -> int:
    from autopilot_agent.oobe.states import RULES, State

    start, targets, ends = _targets(mode)
    rules = {state.value: RULES[state] for state in State if state in RULES}
    say(f"{mode}: starts in {start}")
    for state, reached in targets.items():
        say(f"\n{state}" + (f"  ({rules[state]})" if state in rules else ""))
        size = max(len(", ".join(outcomes)) for outcomes in reached.values())
        for target, outcomes in reached.items():
            say(f"  {', '.join(outcomes).ljust(size)}  ->  {target}")
    say("\nends")
    size = max((len(name) for name in ends), default=0)
    for name, outcome in ends.items():
        say(f"  {name.ljust(size)}  {outcome}")
    return 0


def _mermaid(mode: str) -> int:
    start, targets, ends = _targets(mode)
    say("stateDiagram-v2")
    say(f"    [*] --> {start}")
    for state, reached in targets.items():
        for target, outcomes in reached.items():
            say(f"    {state} --> {target}: {', '.join(outcomes)}")
    for name in ends:
        say(f"    {name} --> [*]")
    return 0


def _screen(name: str) -> int:
    from autopilot_agent import rulebook
    from autopilot_agent.scenario.problems import suggestion

    screens = rulebook.screens()
    screen = screens.get(name) or screens.get(name.upper())
    if screen is None:
        raise InputError(f"{name[:60]!r} is not a screen; {suggestion(name, screens, 40)}")
    say(f"{screen.id}  {screen.title}")
    facts(
        [
            ("text", screen.text),
            ("choices", ", ".join(screen.choices)),
            ("fields", ", ".join(screen.fields)),
            ("evidence", screen.grade),
            ("source", screen.source),
        ]
    )
    return 0
