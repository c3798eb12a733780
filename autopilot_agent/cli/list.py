"""``list``: scenarios, faults, rules, screens and states, one per line or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.cli.console import table, write_json
from autopilot_agent.errors import InputError

Row = dict[str, Any]


def main(args: argparse.Namespace) -> int:
    """Print the list."""
    if args.paths and args.what != "scenarios":
        raise InputError(f"'list {args.what}' takes no paths; remove {str(args.paths[0])!r}.")
    rows = _scenarios(args.paths) if args.what == "scenarios" else _TABLES[args.what]()
    if args.output == "json":
        import json

        write_json(json.dumps(rows, indent=2) + "\n")
        return 0
    columns = _COLUMNS[args.what]
    table([[_first(row, column) for column in columns[:-1]] + [_last(row, columns[-1])] for row in rows])
    return 0


def _scenarios(paths: list[Path]) -> list[Row]:
    from autopilot_agent.scenario.loader import find_scenarios, load_scenarios

    found = [one for path in find_scenarios(paths or [Path("scenarios")]) for one in load_scenarios(path)]
    return [
        {
            "path": one.path.as_posix(),
            "case": one.case,
            "mode": one.scenario.mode,
            "tags": one.scenario.tags,
            "scenario": one.scenario.scenario,
            "teaches": one.scenario.teaches,
            "source": one.scenario.source,
            "skip": one.scenario.skip or "",
            "xfail": one.scenario.xfail or "",
        }
        for one in found
    ]


def _faults() -> list[Row]:
    try:
        injectable = rulebook.injections()
    except FileNotFoundError:
        injectable = {}
    return [
        {
            **_row(row),
            "can_be_injected": row.id in injectable,
            "needs": rulebook.needs_of(injectable[row.id]) if row.id in injectable else "",
        }
        for row in rulebook.faults().values()
    ]


def _rules() -> list[Row]:
    return [_row(row) for row in rulebook.rules().values()]


def _screens() -> list[Row]:
    return [_row(row) for row in rulebook.screens().values()]


def _states() -> list[Row]:
    from autopilot_agent.oobe.modes import flow_for, flow_names
    from autopilot_agent.oobe.states import ENDS, RULES, State

    flows = {mode: frozenset(flow_for(mode).states) for mode in flow_names()}
    return [
        {
            "state": state.value,
            "rule": RULES.get(state, ""),
            "ends": ENDS.get(state, ""),
            "modes": [mode for mode, states in flows.items() if state in states],
        }
        for state in State
    ]


_TABLES: dict[str, Callable[[], list[Row]]] = {
    "faults": _faults,
    "rules": _rules,
    "screens": _screens,
    "states": _states,
}
_COLUMNS = {
    "scenarios": ("path", "mode", "scenario"),
    "faults": ("id", "code", "step", "can_be_injected", "symptom"),
    "rules": ("id", "grade", "statement"),
    "screens": ("id", "title"),
    "states": ("state", "rule", "ends", "modes"),
}


def _row(row: msgspec.Struct) -> Row:
    built: Row = msgspec.to_builtins(row)
    return built


def _first(row: Row, column: str) -> str:
    """A cell; a path has the case in the file behind it."""
    case = row.get("case") if column == "path" else ""
    return f"{row[column]} [{case}]" if case else _cell(row[column])


def _last(row: Row, column: str) -> str:
    """The widest cell; a fault's says what the scenario needs besides."""
    return _cell(row[column]) + (f" (needs {row['needs']})" if row.get("needs") else "")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "injectable" if value else "-"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    return str(value) or "-"
