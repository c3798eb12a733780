"""Many scenarios, in one process or several; what comes back does not depend on how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.cli.selection import Job
from autopilot_agent.errors import AutopilotAgentError, InputError
from autopilot_agent.events import to_json_lines
from autopilot_agent.reports.plain_json import as_document as as_document
from autopilot_agent.reports.plain_json import begun
from autopilot_agent.reports.plain_json import exit_code as exit_code
from autopilot_agent.reports.report import Need, Played, pack
from autopilot_agent.scenario.coverage import Tally, tally_of
from autopilot_agent.scenario.finding import STDIN, give_standard_input, standard_input
from autopilot_agent.scenario.loader import Draft, LoadedScenario, drafts_of
from autopilot_agent.scenario.run import Result, Run, run_scenario
from autopilot_agent.scenario.verdicts import FINE
from autopilot_agent.service import Backend
from autopilot_agent.tenant.state import TenantState

if TYPE_CHECKING:
    from autopilot_agent.cli.snapshots import Store
    from autopilot_agent.scenario.saving import SavedDevice


class Options(msgspec.Struct, frozen=True):
    """How to run, and how to print it.

    ``form`` is text, json, jsonl, or coverage, which prints nothing and counts what was exercised;
    ``verbosity`` counts -v minus -q; ``timeline`` prints each run whole; ``several`` says
    that there is more than one run. ``colour``, ``width`` and ``name_width`` are those of ``reports.style.Style``.
    ``screens`` prints the pages in front of each run; ``kept`` is what reports want of each, None without reports.
    ``settings`` are those of ``--set``; ``repeated`` says that every case is played with several seeds, from ``seed`` or its
    own upward; ``stdin`` is what a worker process takes for standard input; ``snapshots`` are what runs are compared with.
    """

    seed: int | None = None
    speed: float | None = None
    strict: bool = False
    backend: str | Callable[[TenantState], Backend] = "memory"
    form: str = "text"
    verbosity: int = 0
    timeline: bool = True
    several: bool = False
    colour: bool = False
    width: int = 100
    name_width: int = 0
    device: Path | None = None
    save_device: Path | None = None
    screens: bool = False
    settings: tuple[str, ...] = ()
    repeated: bool = False
    stdin: str | None = None
    kept: Need | None = None
    snapshots: Store | None = None


class Outcome(msgspec.Struct):
    """One run's result and what to print of it, or what it exercised."""

    result: Result
    printed: bytes = b""
    tally: Tally | None = None
    played: Played | None = None


def run_job(job: Job, options: Options) -> list[Outcome]:
    """Play the cases of a job, each with its seeds; whatever is wrong with one becomes a result with verdict "error"."""
    try:
        drafts = _drafts(job, options)
    except InputError as error:
        return [_refused(job.path, job.case, error, options)]
    found: list[Outcome] = []
    for draft in drafts:
        try:
            loaded = draft.load()
        except InputError as error:
            found += [_refused(draft.path, draft.case, error, options)] if not job.start else []
            continue
        if loaded.scenario.skip is not None:
            found += [_run(loaded, options.seed, options)] if not job.start else []
            continue
        found += [_run(loaded, seed, options) for seed in seeds_of(job, draft, options)]
    return found


def seeds_of(job: Job, draft: Draft, options: Options) -> list[int | None]:
    """The seeds of a job's runs; None is the scenario's own."""
    if not options.repeated:
        return [options.seed]
    first = draft.seed if options.seed is None else options.seed
    return list(range(first + job.start, first + job.start + job.count))


def not_run(job: Job, played: int, options: Options) -> list[Result]:
    """Results of a job for what was not played, because an earlier run failed; ``played`` of its runs were."""
    draft = job.draft
    if draft is None:
        return [Result("", job.path.as_posix(), "", 0, verdict="not_run", case=job.case)] if not played else []
    title = draft.document.value.get("scenario")
    return [
        Result(
            title if isinstance(title, str) else "",
            job.path.as_posix(),
            "",
            draft.seed if seed is None else seed,
            verdict="not_run",
            case=job.case,
        )
        for seed in seeds_of(job, draft, options)[played:]
    ]


_last: dict[Path, tuple[tuple[str, ...], list[Draft]]] = {}
"""The cases of the file that was played last in this process: its next case comes soon."""


def _drafts(job: Job, options: Options) -> list[Draft]:
    if job.draft is not None:
        return [job.draft]
    if options.stdin is not None:
        give_standard_input(options.stdin)
    if job.index is None:
        return drafts_of(job.path, options.settings, text=job.text)
    known = _last.get(job.path)
    if known is None or known[0] != options.settings:
        _last.clear()
        known = _last[job.path] = (options.settings, drafts_of(job.path, options.settings, text=job.text))
    return [known[1][job.index]]


def _refused(path: Path, case: str, error: AutopilotAgentError, options: Options) -> Outcome:
    problem = str(error) if not isinstance(error, InputError) or error.place else f"{path.as_posix()}: {error}"
    result = Result("", path.as_posix(), "", 0, problem=problem, exit_code=error.exit_code, case=case)
    run = Run(result, [])
    return Outcome(result, _printed(run, options), played=_kept(run, options))


def _run(loaded: LoadedScenario, seed: int | None, options: Options) -> Outcome:
    watch = None
    if options.screens:
        from autopilot_agent.walk.screens import Watcher

        watch = Watcher()
    try:
        run = run_scenario(
            loaded,
            seed=seed,
            speed=options.speed,
            strict=options.strict,
            backend=options.backend,
            device=_device(options),
            watch=watch,
            several_seeds=options.repeated,
        )
        _save(run, options)
        if options.snapshots is not None:
            from autopilot_agent.cli.snapshots import check_snapshot

            check_snapshot(run, options.snapshots)
    except AutopilotAgentError as error:
        return _refused(loaded.path, loaded.case, error, options)
    if options.form == "coverage":
        return Outcome(run.result, tally=tally_of(run.events))
    printed = _printed(run, options)
    printed = watch.text().encode("utf-8", "backslashreplace") + printed if watch is not None else printed
    return Outcome(run.result, printed, played=_kept(run, options))


def _kept(run: Run, options: Options) -> Played | None:
    """What the reports want of a run."""
    return pack(run, options.kept) if options.kept is not None else None


def _device(options: Options) -> SavedDevice | None:
    if options.device is None:
        return None
    from autopilot_agent.scenario.saving import read_device

    return read_device(options.device)


def _save(run: Run, options: Options) -> None:
    """Keep the device of a run that was played to its end, whatever was expected of it."""
    if options.save_device is None or run.plan is None or run.result.exit_code > 1:
        return
    from autopilot_agent.scenario.saving import save_device, write_device

    write_device(options.save_device, save_device(run.plan))


def _printed(run: Run, options: Options) -> bytes:
    if options.form == "jsonl":
        return begun(run.result, to_json_lines(run.events)) if options.several else to_json_lines(run.events)
    if options.form == "text" and not options.repeated:
        from autopilot_agent.reports.style import Style
        from autopilot_agent.reports.text import render

        style = Style(options.colour, options.width, options.name_width)
        text = render(run, options.verbosity, timeline=options.timeline, style=style)
        return text.encode("utf-8", "backslashreplace")
    return b""


def run_files(paths: list[Path], options: Options, processes: int = 1) -> Iterator[Outcome]:
    """Outcomes of every case of these files, in the order of ``paths`` and of the cases in them."""
    for _, outcomes in run_jobs([Job(path) for path in paths], options, processes):
        yield from outcomes


def run_jobs(jobs: list[Job], options: Options, processes: int = 1) -> Iterator[tuple[Job, list[Outcome]]]:
    """Jobs with their outcomes, in the order of ``jobs``; several processes are handed batches of them."""
    if processes <= 1 or len(jobs) < 2:
        for job in jobs:
            yield job, run_job(job, options)
        return
    from multiprocessing import get_context

    if any(job.path == STDIN for job in jobs):
        options = msgspec.structs.replace(options, stdin=standard_input())
    size = max(1, min(64, len(jobs) // (processes * 4) or 1))
    batches = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    light = [[msgspec.structs.replace(job, draft=None) for job in batch] for batch in batches]
    with get_context().Pool(min(processes, len(batches)), _leave_interrupts) as pool:
        for batch, done in zip(batches, pool.imap(_Worker(options), light), strict=True):
            yield from zip(batch, done, strict=True)


def went_wrong(played: tuple[Job, list[Outcome]]) -> bool:
    """Whether a job holds a run that is not as expected."""
    return any(outcome.result.verdict not in FINE for outcome in played[1])


def _leave_interrupts() -> None:
    """Ctrl+C reaches every process of a terminal; the first one ends the others, and alone says so."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Worker:
    """A picklable function over one batch."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def __call__(self, batch: list[Job]) -> list[list[Outcome]]:
        return [run_job(job, self.options) for job in batch]
