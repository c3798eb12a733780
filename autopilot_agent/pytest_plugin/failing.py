"""What pytest shows of a scenario that failed: its own lines, what was expected and what came, and how to see it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.pytest_plugin.choices import named_here
from autopilot_agent.reports.printable import obeyed_by_nobody, printable
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.text import label
from autopilot_agent.reports.timeline import Timeline
from autopilot_agent.reports.verdict import checks, excerpt, failed_check, problem, replay
from autopilot_agent.reports.words import clock, span, state_title
from autopilot_agent.scenario.run import ErrorReport, Result, Run

STYLE = Style(width=110)
_RED = ("FAILED", "ERROR", "What failed")


class Crash(msgspec.Struct, frozen=True):
    """The failure in one line, as pytest's summary shows it."""

    message: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class Failure:
    """The failure at length: plain text, coloured only on a terminal.

    It has what pytest looks for in such a thing (``toterminal``, ``reprcrash``); the class it uses itself is not public.
    ``brief`` is for ``--tb=line``: pytest prints ``reprcrash`` then, and nothing has to be added.
    """

    def __init__(self, text: str, message: str, where: str = "", *, brief: bool = False) -> None:
        self.text = text
        self.reprcrash = Crash(message, where)
        self.brief = brief
        self.carried = (text, message, where, brief)
        """What another process makes the same failure of: a worker of pytest-xdist sends it."""

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        """Whether it is the same: pytest-xdist shows a mistake that each of its workers finds once."""
        return isinstance(other, Failure) and self.carried == other.carried

    def __hash__(self) -> int:
        return hash(self.carried)

    def toterminal(self, tw: Any) -> None:
        """Print it."""
        for line in [] if self.brief else self.text.splitlines():
            bare = line.strip()
            if bare.startswith(_RED):
                tw.line(line, red=True, bold=True)
            else:
                tw.line(line, bold=bare.startswith("> "))


class _Shown(Exception):  # facts about scenarios
    """Carries a failure to pytest's report."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.autopilot_failure = failure

    def __str__(self) -> str:
        return self.autopilot_failure.text


class NotMet(_Shown):
    """An expectation of a scenario was not met: ``NotMet(failure)``."""


class NotPlayed(_Shown):
    """A scenario could not be played: ``NotPlayed(failure)``; ``xfail`` does not cover that."""


def said(text: str) -> str:
    """Lines with data from elsewhere, for whoever reads pytest's output: terminals and CI systems obey nothing in them."""
    return obeyed_by_nobody(printable(text, lines=True))


def refusal_of(error: InputError, file: Path) -> Failure:
    """A mistake in a file: its sentence with the place, and the lines around it; in short without the name of the file."""
    sentences = named_here(str(error)).splitlines()
    text = "\n".join([clean(line) for line in sentences] + excerpt(sentences[0], STYLE))
    return Failure(said(text), said(clean(sentences[0].removeprefix(f"{file}:").strip())), str(file))


def failure_of(run: Run, *, brief: bool = False) -> Failure:
    """Why a run did not go as its scenario says."""
    place = next((check.place for check in run.result.checks if not check.passed), "")
    return Failure(text_of(run), message_of(run.result), place, brief=brief)


def message_of(result: Result) -> str:
    """The same in one line."""
    return said(_message(result))


def _message(result: Result) -> str:
    failed = [check for check in result.checks if not check.passed]
    if result.problem:
        return clean(result.problem.splitlines()[0])
    if not failed:
        return f"everything passed, but the scenario says xfail: {clean(result.reason)}"
    message = failed_check(failed[0], Style(width=100_000))[0].removeprefix("FAILED  ")
    return message + (f" (and {len(failed) - 1} more)" if len(failed) > 1 else "")


def text_of(run: Run) -> str:
    """The whole text of a failure, without colour."""
    result = run.result
    lines = [clean(result.scenario), f"{clean(label(result))}, {result.mode}, seed {result.seed}"]
    if result.end_state:
        lines.append(
            f"Ended at {clean(result.end_state)} ({clean(result.outcome)}) after {span(result.virtual_seconds * 1000)}."
        )
        eleven = run.plan is None or run.plan.device.windows.eleven
        since = run.plan.resumed_at if run.plan is not None else 0
        lines += checks(result, Timeline(0, eleven=eleven).read(run.events[since:]), STYLE)
    lines += _error(result.error) if result.error is not None else []
    lines += ["", *problem(result, STYLE)] if result.problem else []
    return said("\n".join([*lines, "", *replay(result, STYLE)]))


def summary_of(result: Result) -> str:
    """A run in one short line, for assertion messages."""
    code = f", {clean(result.error.code)}" if result.error is not None and result.error.code else ""
    end = f" at {clean(result.end_state)} ({clean(result.outcome)}{code}) after {clock(result.virtual_seconds * 1000)}"
    failed = [f"{check.name}: expected {check.expected!r}, got {check.actual!r}" for check in result.checks if not check.passed]
    more = f"; {clean(failed[0])[:120]}" if failed else ""
    more += f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return said(f"<{clean(label(result))} {result.verdict}{end if result.end_state else ''}{more}>")


def device_of(run: Run) -> str:
    """Where a device ended and why, in a few lines: pytest shows them below a Python test that failed."""
    result = run.result
    lines = [summary_of(result)[1:-1], *(_error(result.error)[1:] if result.error is not None else [])]
    return said("\n".join([*lines, *replay(result, STYLE)])) + "\n"


def _error(error: ErrorReport) -> list[str]:
    """What the rulebook knows about the device's error."""
    where = state_title(error.step) if error.step else "the flow"
    lines = ["", f"What failed: {clean(where)}"]
    named = f"{error.code}: {error.meaning}" if error.code else ""
    facts = (
        ("Code", named),
        ("Cause", error.cause if error.cause != error.meaning or not named else ""),
        ("How to fix", error.fix),
        ("Rule", error.rule),
    )
    for name, value in facts:
        if value:
            lines += STYLE.block(f"  {name:12}", clean(value))
    return lines
