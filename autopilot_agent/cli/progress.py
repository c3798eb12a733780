"""How far a long run has come, on standard error, for a person who sits in front of it; nobody else sees any of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from autopilot_agent.cli import console

PATIENCE = 1.0
"""Seconds before anything is shown: what is over sooner needs no bar."""
PACE = 0.1
"""Seconds between two drawings."""
One = TypeVar("One")


class Bar(Protocol):
    """Something on the screen that can be drawn and taken away."""

    def draw(self, done: int, bad: int) -> None:
        """Show how many are done, and how many of them went wrong."""
        ...

    def hide(self) -> None:
        """Leave the screen as if it had never been there."""
        ...


def watched() -> bool:
    """Whether a person watches standard error: a terminal that can move its cursor, and no CI system."""
    if sys.stderr is None or not sys.stderr.isatty():
        return False
    return os.environ.get("CI", "").lower() in ("", "0", "false") and os.environ.get("TERM") != "dumb"


def with_progress(
    items: Iterable[One], total: int, failed: Callable[[One], bool], *, quiet: bool, make: Callable[[int], Bar] | None = None
) -> Iterator[One]:
    """The items, and beside them how many of ``total`` came and how many ``failed``; nothing of it when nobody watches."""
    if quiet or total < 2 or not watched():
        yield from items
        return
    bar: Bar | None = None
    done = bad = 0
    last = time.monotonic() + PATIENCE - PACE
    try:
        for one in items:
            yield one
            done += 1
            bad += failed(one)
            if time.monotonic() - last >= PACE:
                if bar is None:
                    bar = (make or _bar)(total)
                    console.before_output.append(bar.hide)
                bar.draw(done, bad)
                last = time.monotonic()
    finally:
        if bar is not None:
            bar.hide()
            console.before_output.remove(bar.hide)


def _bar(total: int) -> Bar:
    try:
        return Drawn(total)
    except ImportError:
        return Counter(total)


class Counter:
    """A line of plain characters."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._shown = 0

    def draw(self, done: int, bad: int) -> None:
        """Write over the line."""
        line = f"  {done} of {self.total}" + (f", {bad} not as expected" if bad else "")
        self._put("\r" + line.ljust(self._shown))
        self._shown = len(line)

    def hide(self) -> None:
        """Blank the line."""
        if self._shown:
            self._put("\r" + " " * self._shown + "\r")
            self._shown = 0

    def _put(self, text: str) -> None:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()


class Drawn:
    """A bar by rich; raises ``ImportError`` where it is not installed."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = ("  ", BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        # rich would send what is printed meanwhile to standard error as well: it must not touch standard output
        self._progress: Any = Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: Any = self._progress.add_task("", total=total)
        self._shown = False

    def draw(self, done: int, bad: int) -> None:
        """Draw it below what has been printed."""
        said = f"{bad} not as expected" if bad else ""
        self._progress.update(self._task, completed=done, description=said)
        if self._shown:
            self._progress.refresh()
        else:
            self._progress.start()  # draws
            self._shown = True

    def hide(self) -> None:
        """Take it away."""
        if self._shown:
            self._progress.stop()
            self._shown = False
