"""``validate``: read scenario files and their tenants, and name everything that is wrong."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import complain, say, warn
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.plan import make_plan
from autopilot_agent.scenario.run import place_of


def main(args: argparse.Namespace) -> int:
    """Check every file; exit code 2 when one of them is wrong."""
    files = find_scenarios(args.paths)
    wrong = 0
    told: set[str] = set()
    for path in files:
        try:
            loaded = load_scenario(path)
            try:
                notices = make_plan(loaded).notices
            except InputError as error:
                raise InputError(error.message, place_of(error, loaded)) from None
        except InputError as error:
            wrong += 1
            complain(str(error))
            continue
        for notice in notices:
            if notice not in told:
                told.add(notice)
                warn(f"note: {notice}")
    if wrong:
        complain(f"{wrong} of {_scenarios(len(files))} {'has' if wrong == 1 else 'have'} errors.")
        return 2
    say(f"{_scenarios(len(files))}, no errors.")
    return 0


def _scenarios(count: int) -> str:
    return f"{count} scenario{'' if count == 1 else 's'}"
