"""``validate``: read scenario files and their tenants, and name everything that is wrong."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import complain, say, warn
from autopilot_agent.cli.selection import Job, drafts_chosen, selection_of
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import drafts_of, find_scenarios
from autopilot_agent.scenario.plan import make_plan
from autopilot_agent.scenario.run import place_of


def main(args: argparse.Namespace) -> int:
    """Check every case; exit code 2 when one of them is wrong."""
    jobs = drafts_chosen(find_scenarios(args.paths), selection_of(args))
    wrong = 0
    told: set[str] = set()
    for job in jobs:
        try:
            notices = _notices(job, tuple(args.set))
        except InputError as error:
            wrong += 1
            if str(error) not in told:  # what is wrong with a file is wrong with each of its cases
                told.add(str(error))
                complain(str(error))
            continue
        for notice in notices:
            if notice not in told:
                told.add(notice)
                warn(f"note: {notice}")
    if wrong:
        complain(f"{wrong} of {_scenarios(len(jobs))} {'has' if wrong == 1 else 'have'} errors.")
        return 2
    say(f"{_scenarios(len(jobs))}, no errors.")
    return 0


def _notices(job: Job, settings: tuple[str, ...]) -> tuple[str, ...]:
    draft = job.draft if job.draft is not None else drafts_of(job.path, settings)[0]
    loaded = draft.load()
    try:
        return make_plan(loaded).notices
    except InputError as error:
        raise InputError(error.message, place_of(error, loaded)) from None


def _scenarios(count: int) -> str:
    return f"{count} scenario{'' if count == 1 else 's'}"
