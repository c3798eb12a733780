"""``run``: play scenario files, check what they expect, say how it went."""

from __future__ import annotations

import argparse
import sys

from autopilot_agent.cli.console import printable
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.batch import Options, Outcome, as_document, exit_code, run_files
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import Result


def main(args: argparse.Namespace) -> int:
    """Run every file; the exit code is that of the worst result."""
    if args.backend != "memory":
        _check_backend(args.backend)
    paths = find_scenarios(args.paths)
    if args.tag:
        wanted = set(args.tag)
        paths = [path for path in paths if wanted & set(load_scenario(path).scenario.tags)]
        if not paths:
            raise InputError(f"no scenario has the tag {' or '.join(args.tag)}.")
    verbosity = args.verbose - args.quiet
    timeline = verbosity > 0 or (verbosity == 0 and len(paths) == 1)
    options = Options(args.seed, args.speed, args.strict, args.backend, args.output, verbosity, timeline)
    results: list[Result] = []
    for outcome in run_files(paths, options, args.jobs):
        results.append(outcome.result)
        _print(outcome, options)
    if args.output == "json":
        import json

        _write(json.dumps(as_document(results), indent=2, ensure_ascii=False) + "\n")
    elif args.output == "text":
        _write(_summary(results, options))
    return exit_code(results)


def _print(outcome: Outcome, options: Options) -> None:
    if options.form == "jsonl":
        _write(outcome.printed.decode())
        if outcome.result.problem:
            print(f"autopilot-agent: {printable(outcome.result.problem)}", file=sys.stderr)
    elif options.form == "text" and (options.verbosity >= 0 or outcome.result.verdict != "passed"):
        _write(outcome.printed.decode())


def _summary(results: list[Result], options: Options) -> str:
    document = as_document(results)
    parts = [f"{document['passed']} passed", f"{document['failed']} failed"]
    if document["errors"]:
        parts.append(f"{document['errors']} with errors")
    return ", ".join(parts) + "\n"


def _check_backend(name: str) -> None:
    """Say at once that a backend does not exist, and not once per scenario."""
    from importlib.metadata import entry_points

    names = sorted({point.name for point in entry_points(group="autopilot_agent.backends")} | {"memory"})
    if name not in names:
        raise InputError(f"there is no backend {name!r}; installed are: {', '.join(names)}.")


def _write(text: str) -> None:
    sys.stdout.write(printable(text, lines=True))
