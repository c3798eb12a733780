"""``validate``: read scenario files and their tenants, and name everything that is wrong."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import complain, say, warn
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.tenants import tenant_of


def main(args: argparse.Namespace) -> int:
    """Check every file; exit code 2 when one of them is wrong."""
    files = find_scenarios(args.paths)
    wrong = 0
    told: set[str] = set()
    for path in files:
        try:
            tenant = tenant_of(load_scenario(path))
        except InputError as error:
            wrong += 1
            complain(str(error))
            continue
        for notice in tenant.notices:
            if str(notice) not in told:
                told.add(str(notice))
                warn(f"note: {notice}")
    if wrong:
        complain(f"{wrong} of {_scenarios(len(files))} {'has' if wrong == 1 else 'have'} errors.")
        return 2
    say(f"{_scenarios(len(files))}, no errors.")
    return 0


def _scenarios(count: int) -> str:
    return f"{count} scenario{'' if count == 1 else 's'}"
