"""``show``: the flow of a mode as a list, a Mermaid diagram or a Graphviz graph, a screen, and the table of resets."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import facts, say
from autopilot_agent.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Print a flow, a screen or the resets."""
    if args.what == "screen":
        return _screen(args.id)
    if args.what == "resets":
        return _resets(args.kinds, args.output)
    if args.format == "dot":
        say(dot(args.mode).rstrip("\n"))
        return 0
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


COLOURS = {"completed": "#cfe8d5", "failed": "#f3d0cf", "stuck": "#f5e6c4"}
"""Of ends, by their outcome."""


def dot(mode: str) -> str:
    """A flow in the language of Graphviz: one box a state with its rule, ends in the colour of their outcome."""
    from autopilot_agent.oobe.states import RULES, State

    start, targets, ends = _targets(mode)
    rules = {state.value: RULES[state] for state in State if state in RULES}
    lines = [
        f'digraph "{mode}" {{',
        "  rankdir=TB; nodesep=0.25; ranksep=0.45;",
        '  node [shape=box, style="rounded,filled", fillcolor="#e8eef7", fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=9, color="#667085"];',
    ]
    for state in targets:
        rule = f"\\n{rules[state]}" if state in rules else ""
        width = ", penwidth=2.5" if state == start else ""
        lines.append(f'  {state} [label="{state}{rule}"{width}];')
    lines += [f'  {name} [label="{name}", shape=ellipse, fillcolor="{COLOURS[outcome]}"];' for name, outcome in ends.items()]
    for state, reached in targets.items():
        for target, outcomes in reached.items():
            lines.append(f'  {state} -> {target} [label="{", ".join(outcomes)}"];')
    return "\n".join([*lines, "}"]) + "\n"


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
            ("on Windows 10", screen.windows_10),
            ("text", screen.text),
            ("choices", ", ".join(screen.choices)),
            ("fields", ", ".join(screen.fields)),
            ("actions", ", ".join(screen.actions)),
            ("evidence", screen.grade),
            ("source", screen.source),
        ]
    )
    return 0


def _resets(kinds: list[str], output: str) -> int:
    import msgspec

    from autopilot_agent import rulebook
    from autopilot_agent.scenario.problems import suggestion

    table = rulebook.resets()
    for name in kinds:
        if name not in table:
            raise InputError(f"{name[:60]!r} is not a kind of reset; {suggestion(name, table, 40)}")
    rows = [table[name] for name in kinds or table]
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode({"resets": rows}), indent=2).decode())
        return 0
    for number, row in enumerate(rows):
        say(("\n" if number else "") + f"{row.id}  {row.title}")
        aspects = msgspec.to_builtins(row)
        pairs = [(name.replace("_", " "), str(aspects[name])) for name in rulebook.RESET_ASPECTS]
        named = [(name, f"{word} (assumed)" if name.replace(" ", "_") in row.assumed else word) for name, word in pairs]
        facts([*named, ("evidence", row.grade), ("source", row.source)])
    return 0
