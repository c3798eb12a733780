"""``run --report KIND=FILE``: reports chosen and looked at before the run, fed while it goes, and written after it."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from autopilot_agent import __version__
from autopilot_agent.cli.console import complain
from autopilot_agent.cli.inputs import Inputs, inputs_of, report_files
from autopilot_agent.errors import InputError
from autopilot_agent.reports.plain_json import worst
from autopilot_agent.reports.registry import OURS, report_of
from autopilot_agent.reports.report import About, Announcing, Need, Played, Report
from autopilot_agent.reports.target import STANDARD_OUTPUT, append, check_writable, read_target, same_file, write_whole
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.run import Result

LATEST = 253_402_300_799
"""The last second that a date can be written for."""


class Chosen(msgspec.Struct, frozen=True):
    """A report and where it goes."""

    report: Report
    file: str


class Reports:
    """The reports of one call. What is wrong with one is said at once, and the others are written all the same."""

    def __init__(self, asked: list[str], inputs: Inputs) -> None:
        """``asked`` are the words after ``--report``; ``inputs`` is what this call reads."""
        self.chosen: list[Chosen] = []
        self.refused = 0
        self._defect: Exception | None = None
        self.played: list[Played] = []
        self.date, wrong = _date(os.environ.get("SOURCE_DATE_EPOCH", ""))
        self._codes = [2] if wrong else []
        if wrong:
            complain(wrong)
        taken: dict[str, str] = {}
        for words in asked:
            try:
                self.chosen.append(_chosen(words, taken, inputs))
            except InputError as error:
                self._refuse(str(error))

    @property
    def need(self) -> Need:
        """Of which runs the events are wanted."""
        return max((one.report.needs_events for one in self.chosen), key=lambda need: need.value, default=Need.NOTHING)

    def take(self, played: Played) -> None:
        """Keep the next run."""
        self.played.append(played)

    def take_results(self, results: list[Result]) -> None:
        """Keep what has a result and was not played."""
        self.played += [Played(result) for result in results]

    def write(self, code: int, say: Callable[[str], None]) -> int:
        """Write every report; ``code`` is the exit code of the runs, the result that of the call. ``say`` prints."""
        about = About(__version__, code, self.date)
        written = [self._write(one, about, say) for one in self.chosen].count(True)
        if self.refused:
            complain(f"{count(self.refused, 'report')} not written, {written} written; what is wrong is said above.")
        if self._defect is not None:  # after the others are written
            raise self._defect
        return worst([code, *self._codes])

    def _write(self, one: Chosen, about: About, say: Callable[[str], None]) -> bool:
        """Whether it could be made and written."""
        kind = one.report.name
        announced = ""
        try:
            try:
                data = one.report.render(self.played, about)
                if one.file == STANDARD_OUTPUT and isinstance(one.report, Announcing):
                    announced = one.report.announce(self.played, about)
            except InputError:
                raise
            except Exception as error:
                if kind not in OURS:
                    raise InputError(f"it ended with {type(error).__name__}: {error}; ask who made it.") from None
                self._defect = error
                return False
            if one.file != STANDARD_OUTPUT:
                write_whole(one.file, data)
            elif isinstance(one.report, Announcing):
                say(announced)
                summary = os.environ.get(one.report.appended_to) if one.report.appended_to else ""
                if summary:
                    append(summary, data)
        except InputError as error:
            self._refuse(f"report {kind}: {error}")
            return False
        return True

    def _refuse(self, said: str) -> None:
        self.refused += 1
        self._codes.append(2)
        complain(said)


def _date(text: str) -> tuple[str, str]:
    """The date that SOURCE_DATE_EPOCH says, "" for none; and what is wrong with it."""
    if not text:
        return "", ""
    if re.fullmatch("[0-9]{1,12}", text) and int(text) <= LATEST:
        return datetime.fromtimestamp(int(text), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), ""
    return "", f"SOURCE_DATE_EPOCH is {text[:40]!r}; expected seconds since 1970, such as 1767225600."


def chosen_reports(args: argparse.Namespace, paths: list[Path]) -> Reports:
    """The reports that were asked for. A report never takes the place of a file that is read, or of another report."""
    inputs = inputs_of(args, paths, report_files(args.report))
    if args.save_device is not None:
        inputs.files.setdefault(same_file(args.save_device), "the file of --save-device")
    return Reports(args.report, inputs)


def _chosen(words: str, taken: dict[str, str], inputs: Inputs) -> Chosen:
    target = read_target(words)
    report = report_of(target.kind)
    if target.file == STANDARD_OUTPUT:
        if not isinstance(report, Announcing):
            raise InputError(f"a {target.kind} report goes to a file; write {target.kind}=FILE (json and jsonl: see --output).")
        key, what = STANDARD_OUTPUT, ""
    else:
        key, what = same_file(target.file), inputs.what(target.file)
    if what or key in taken:
        name = "standard output" if target.file == STANDARD_OUTPUT else target.file
        raise InputError(f"--report {words}: {name} is {what or taken[key]}; choose another file.")
    if key != STANDARD_OUTPUT:
        check_writable(target.file)
    taken[key] = f"the place of another report ({target.kind})"
    return Chosen(report, target.file)
