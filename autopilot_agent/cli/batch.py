"""Many scenario files, in one process or several; what comes back does not depend on how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.errors import AutopilotAgentError, InputError
from autopilot_agent.events import to_json_lines
from autopilot_agent.reports.plain_json import as_document as as_document
from autopilot_agent.reports.plain_json import enclosed
from autopilot_agent.reports.plain_json import exit_code as exit_code
from autopilot_agent.reports.report import Need, Played, pack
from autopilot_agent.scenario.coverage import Tally, tally_of
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import Result, Run, run_scenario
from autopilot_agent.service import Backend
from autopilot_agent.tenant.state import TenantState

if TYPE_CHECKING:
    from autopilot_agent.scenario.saving import SavedDevice


class Options(msgspec.Struct, frozen=True):
    """How to run, and how to print it.

    ``form`` is text, json, jsonl, or coverage, which prints nothing and counts what was exercised;
    ``verbosity`` counts -v minus -q; ``timeline`` prints each run whole; ``several`` says
    that there is more than one file. ``colour``, ``width`` and ``name_width`` are those of ``reports.style.Style``.
    ``screens`` prints the pages in front of each run; ``kept`` is what reports want of each, None without reports.
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
    kept: Need | None = None


class Outcome(msgspec.Struct):
    """One file's result and what to print of it, or what it exercised."""

    result: Result
    printed: bytes = b""
    tally: Tally | None = None
    played: Played | None = None


def run_file(path: Path, options: Options) -> Outcome:
    """Load and run one file; whatever is wrong with it becomes a result with verdict "error"."""
    watch = None
    if options.screens:
        from autopilot_agent.walk.screens import Watcher

        watch = Watcher()
    try:
        run = run_scenario(
            load_scenario(path),
            seed=options.seed,
            speed=options.speed,
            strict=options.strict,
            backend=options.backend,
            device=_device(options),
            watch=watch,
        )
        _save(run, options)
    except AutopilotAgentError as error:
        problem = str(error) if not isinstance(error, InputError) or error.place else f"{path.as_posix()}: {error}"
        result = Result("", path.as_posix(), "", 0, problem=problem, exit_code=error.exit_code)
        return Outcome(result, _printed(Run(result, []), options), played=_kept(Run(result, []), options))
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
        return enclosed(run.result, to_json_lines(run.events)) if options.several else to_json_lines(run.events)
    if options.form == "text":
        from autopilot_agent.reports.style import Style
        from autopilot_agent.reports.text import render

        style = Style(options.colour, options.width, options.name_width)
        text = render(run, options.verbosity, timeline=options.timeline, style=style)
        return text.encode("utf-8", "backslashreplace")
    return b""


def run_files(paths: list[Path], options: Options, jobs: int = 1) -> Iterator[Outcome]:
    """Outcomes in the order of ``paths``; with several jobs the files are handed out in batches to worker processes."""
    if jobs <= 1 or len(paths) < 2:
        for path in paths:
            yield run_file(path, options)
        return
    from multiprocessing import get_context

    size = max(1, min(64, len(paths) // (jobs * 4) or 1))
    batches = [paths[start : start + size] for start in range(0, len(paths), size)]
    with get_context().Pool(min(jobs, len(batches)), _leave_interrupts) as pool:
        for outcomes in pool.imap(_Worker(options), batches):
            yield from outcomes


def _leave_interrupts() -> None:
    """Ctrl+C reaches every process of a terminal; the first one ends the others, and alone says so."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Worker:
    """A picklable function over one batch."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def __call__(self, batch: list[Path]) -> list[Outcome]:
        return [run_file(path, self.options) for path in batch]
