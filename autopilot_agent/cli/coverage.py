"""``coverage``: play scenario files and say what of the rulebook and of the flows they exercise."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.batch import Options, exit_code, run_jobs, went_wrong
from autopilot_agent.cli.console import warn, width, write, write_json
from autopilot_agent.cli.progress import with_progress
from autopilot_agent.cli.selection import jobs_of, selection_of
from autopilot_agent.reports.coverage import render
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.text import label
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.coverage import Tally, coverage_of
from autopilot_agent.scenario.loader import find_scenarios
from autopilot_agent.scenario.verdicts import FINE


def main(args: argparse.Namespace) -> int:
    """Run every file; the exit code is 1 when fewer rules than asked for are exercised, else that of the runs."""
    jobs = jobs_of(find_scenarios(args.paths), selection_of(args))
    tally, results = Tally(), []
    options = Options(form="coverage", settings=tuple(args.set))
    for _, outcomes in with_progress(run_jobs(jobs, options, args.jobs), len(jobs), went_wrong, quiet=False):
        for outcome in outcomes:
            results.append(outcome.result)
            if outcome.tally is not None:
                tally.add(outcome.tally)
            if outcome.result.problem:
                known = outcome.result.problem.startswith(f"{outcome.result.file}:")
                warn(outcome.result.problem if known else f"{label(outcome.result)}: {outcome.result.problem}")
    skipped = sum(result.verdict == "skipped" for result in results)
    if skipped:
        warn(f"note: {count(skipped, 'scenario')} skipped, and not counted.")
    found = coverage_of(tally, len(results) - skipped, sum(result.verdict not in FINE for result in results))
    if args.output == "json":
        import json

        import msgspec

        write_json(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False) + "\n")
    else:
        write(render(found, Style(False, width(), 0), everything=args.verbose > 0))
    worst = exit_code(results)
    if worst in (0, 1) and found.rules.percent < args.fail_under:
        said = f"{found.rules.percent:.1f} % of the rules are exercised, fewer than {args.fail_under:g} %."
        warn(said)
        return 1
    return worst
