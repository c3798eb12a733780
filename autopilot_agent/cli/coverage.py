"""``coverage``: play scenario files and say what of the rulebook and of the flows they exercise."""

from __future__ import annotations

import argparse
import sys

from autopilot_agent.cli.batch import Options, exit_code, run_files
from autopilot_agent.cli.console import width
from autopilot_agent.reports.coverage import render
from autopilot_agent.reports.style import Style
from autopilot_agent.scenario.coverage import Tally, coverage_of
from autopilot_agent.scenario.loader import find_scenarios


def main(args: argparse.Namespace) -> int:
    """Run every file; the exit code is 1 when fewer rules than asked for are exercised, else that of the runs."""
    paths = find_scenarios(args.paths)
    tally, results = Tally(), []
    for outcome in run_files(paths, Options(form="coverage"), args.jobs):
        results.append(outcome.result)
        if outcome.tally is not None:
            tally.add(outcome.tally)
        if outcome.result.problem:
            print(f"autopilot-agent: {outcome.result.file}: {outcome.result.problem}", file=sys.stderr)
    found = coverage_of(tally, len(results), sum(result.verdict != "passed" for result in results))
    if args.output == "json":
        import json

        import msgspec

        sys.stdout.write(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(render(found, Style(False, width(), 0), everything=args.verbose > 0))
    worst = exit_code(results)
    if worst in (0, 1) and found.rules.percent < args.fail_under:
        said = f"{found.rules.percent:.1f} % of the rules are exercised, fewer than {args.fail_under:g} %."
        print(f"autopilot-agent: {said}", file=sys.stderr)
        return 1
    return worst
