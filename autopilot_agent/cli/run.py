"""``run``: play scenario files, check what they expect, say how it went."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.cli.batch import Options, Outcome, as_document, exit_code, not_run, run_jobs, went_wrong
from autopilot_agent.cli.console import colourful, warn, width, write, write_as_it_is, write_json
from autopilot_agent.cli.progress import with_progress
from autopilot_agent.cli.selection import Job, Selection, jobs_of, selection_of
from autopilot_agent.cli.servers import chosen_backend
from autopilot_agent.errors import InputError
from autopilot_agent.reports.findings import VERDICTS, counts
from autopilot_agent.reports.plain_json import ended
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.words import count, span
from autopilot_agent.scenario.loader import find_scenarios
from autopilot_agent.scenario.run import Result
from autopilot_agent.scenario.verdicts import FINE, judge_together

if TYPE_CHECKING:
    from autopilot_agent.backends.choice import ServerChoice
    from autopilot_agent.cli.reporting import Reports

WIDEST_NAME = 64
"""Columns that the names of files get at most in a list of many runs."""


def main(args: argparse.Namespace) -> int:
    """Run every case; the exit code is that of the worst result."""
    if args.what_if:
        from autopilot_agent.cli.whatif import main as compare_with_change

        return compare_with_change(args)
    backend = chosen_backend(args)
    wrong = _leading_nowhere(args.paths) if args.output == "json" else {}
    paths = find_scenarios([path for path in args.paths if path not in wrong])
    first, repeat = _seeds(args)
    selection = selection_of(args)
    jobs = jobs_of(paths, selection, repeat) if paths else []
    if len(jobs) > 1 and (args.device or args.save_device):
        raise InputError("a device file belongs to one scenario; give one file, and with --only one case of it.")
    if repeat and args.save_device:
        raise InputError("--save-device keeps one PC, and each seed gives another; leave out --repeat and --seed-range, or it.")
    if len(jobs) > 1 and args.record_http:
        raise InputError("a recording is of one scenario; give one file, and with --only one case of it.")
    if args.save_device is not None:
        from autopilot_agent.cli.inputs import check_saved_device

        check_saved_device(args, paths)
    options = _options(args, jobs, first, repeat, backend)
    reports = _reports(args, paths)
    if reports is not None:
        options = msgspec.structs.replace(options, kept=reports.need)
    if args.snapshot is not None or args.update:
        from autopilot_agent.cli.snapshots import check_names, chosen_store

        store = chosen_store(args.snapshot, update=args.update, several_seeds=repeat > 0)
        if store is not None:  # of every case, so that what is refused does not depend on what is chosen
            every = jobs_of(paths, Selection(settings=selection.settings)) if selection.chooses else jobs
            check_names(store, ((job.path.as_posix(), job.case) for job in every))
        options = msgspec.structs.replace(options, snapshots=store)
    results = _play(jobs, options, args, reports)
    missing = [Result("", path.as_posix(), "", 0, problem=said, exit_code=2) for path, said in wrong.items()]
    results += missing
    if args.output == "json":
        import json

        write_json(json.dumps(as_document(results), indent=2, ensure_ascii=False) + "\n")
    elif args.output == "text" and options.verbosity >= 0:
        write(_notices(results) + summary(results))
    if options.snapshots is not None:
        from autopilot_agent.cli.snapshots import tell

        chosen = selection.chooses or any(result.verdict == "not_run" for result in results)
        tell(options.snapshots, results, whole=not chosen, quiet=args.quiet > args.verbose)
    if results and all(result.verdict == "skipped" for result in results):
        warn("note: every scenario that was chosen is skipped; nothing was played.")
    code = exit_code(results)
    if reports is None:
        return code
    reports.take_results(missing)
    return reports.write(code, write_as_it_is if args.output == "text" else _beside)


def _reports(args: argparse.Namespace, paths: list[Path]) -> Reports | None:
    """The reports that were asked for; their rooms are not loaded where there are none."""
    if not args.report:
        return None
    from autopilot_agent.cli.reporting import chosen_reports

    return chosen_reports(args, paths)


def _beside(text: str) -> None:
    """Print where standard output is data: a CI system reads along on both."""
    if sys.stderr is not None:
        sys.stderr.write(text)


def _seeds(args: argparse.Namespace) -> tuple[int | None, int]:
    """The seed to begin with (None: each case's own) and how many; 0 seeds where nothing is repeated."""
    if args.seed_range is None:
        return args.seed, args.repeat or 0
    first, last = args.seed_range
    if args.seed is not None:
        raise InputError("--seed and --seed-range both say the seed; keep one.")
    if args.repeat and args.repeat > last - first + 1:
        raise InputError(f"--repeat {args.repeat} wants more seeds than --seed-range {first}..{last} has ({last - first + 1}).")
    return first, args.repeat or last - first + 1


def _play(jobs: list[Job], options: Options, args: argparse.Namespace, reports: Reports | None) -> list[Result]:
    """Play, and print what comes as it comes; with ``--fail-fast`` what follows the first failure is not played."""
    results: list[Result] = []
    group: list[Result] = []
    held: Outcome | None = None  # the last of a group is judged with all of it before it is printed
    stopped = False
    played = with_progress(run_jobs(jobs, options, args.jobs), len(jobs), went_wrong, quiet=args.quiet > args.verbose)
    for number, (job, outcomes) in enumerate(played):
        for index, outcome in enumerate(outcomes):
            result = outcome.result
            if group and (group[0].file, group[0].case) != (result.file, result.case):
                _write_group(group, held, options)
                group, held = [], None
            results.append(result)
            if reports is not None and outcome.played is not None:
                reports.take(outcome.played)
            if options.repeated:
                if held is not None:
                    _print(held, options)
                group.append(result)
                held = outcome
            else:
                _print(outcome, options, first=len(results) == 1)
            if args.fail_fast and result.verdict not in FINE:
                stopped = True
                left = not_run(job, index + 1, options)
                left += [one for later in jobs[number + 1 :] for one in not_run(later, 0, options)]
                results += left
                if reports is not None:
                    reports.take_results(left)
                break
        if stopped:
            break
    _write_group(group, held, options)
    return results


def _write_group(group: list[Result], last: Outcome | None, options: Options) -> None:
    judge_together(group)
    if last is not None:
        _print(last, options)
    if group and options.form == "text":
        from autopilot_agent.reports.repeats import render

        write(render(group, options.verbosity, Style(options.colour, options.width, options.name_width)))


def _leading_nowhere(paths: list[Path]) -> dict[Path, str]:
    """Paths that mean no scenario, each with what is wrong: json is one document also when one of many is misspelt."""
    found: dict[Path, str] = {}
    for path in paths:
        try:
            find_scenarios([path])
        except InputError as error:
            found[path] = str(error)
    return found


def _options(args: argparse.Namespace, jobs: list[Job], first: int | None, repeat: int, backend: str | ServerChoice) -> Options:
    verbosity = args.verbose - args.quiet
    several = len(jobs) > 1 or repeat > 0
    return Options(
        first,
        args.speed,
        args.strict,
        backend,
        args.output,
        verbosity,
        timeline=verbosity > 0 or (verbosity == 0 and not several),
        several=several,
        colour=args.output == "text" and colourful(args.color),
        width=width(),
        device=args.device,
        save_device=args.save_device,
        screens=args.show_screens and args.output == "text",
        name_width=min(WIDEST_NAME, max((len(clean(job.label)) for job in jobs), default=0)),
        settings=tuple(args.set),
        repeated=repeat > 0,
    )


def _print(outcome: Outcome, options: Options, *, first: bool = False) -> None:
    if options.form == "jsonl":
        ending = ended(outcome.result) if options.several and outcome.printed else b""
        write_json((outcome.printed + ending).decode())
        if outcome.result.problem:
            warn(outcome.result.problem)
    elif options.form == "text" and not options.repeated:
        between = "" if first or not options.timeline else "\n" + "-" * options.width + "\n\n"
        write(between + outcome.printed.decode())


def _notices(results: list[Result]) -> str:
    """What the reading of the tenants remarked, each remark once however many scenarios share it."""
    remarks = dict.fromkeys(notice for result in results for notice in result.notices)
    return "".join(f"note: {clean(remark)}\n" for remark in remarks)


def summary(results: list[Result]) -> str:
    """One line over all of them; what there is none of is left out, but for passed and failed."""
    found = {"passed": 0, "failed": 0} | counts(results)
    parts = [f"{number} {'with errors' if verdict == 'error' else VERDICTS[verdict]}" for verdict, number in found.items()]
    virtual = span(sum(result.virtual_seconds for result in results) * 1000)
    cases = len({(result.file, result.case) for result in results})
    runs = "" if cases == len(results) else f" in {count(len(results), 'run')}"
    return f"{count(cases, 'scenario')}{runs}: {', '.join(parts)}; {virtual} of virtual time\n"
