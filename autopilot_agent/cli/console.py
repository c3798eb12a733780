"""What every command shares in talking to a person: safe text, columns, and errors as sentences with an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from autopilot_agent.reports.printable import json_obeyed_by_nobody, obeyed_by_nobody, safe_json
from autopilot_agent.reports.printable import printable as printable

PROGRAM = "autopilot-agent"
INTERRUPTED = 130
BROKEN_PIPE = 141
TRACEBACK = "AUTOPILOT_AGENT_TRACEBACK"

before_output: list[Callable[[], None]] = []
"""What has to happen before anything is written: a progress bar takes itself off the screen."""


def say(text: str = "") -> None:
    """Print one or more lines that may hold data from elsewhere."""
    print(obeyed_by_nobody(printable(text, lines=True)))


def write(text: str) -> None:
    """Print at once what is safe already: whoever reads along sees each result when it is there."""
    write_as_it_is(obeyed_by_nobody(text))


def write_as_it_is(text: str) -> None:
    """The same for text of ours that a CI system is to obey, and for data that must stay what it is."""
    if sys.stdout is not None and text:
        if before_output and sys.stdout.isatty():
            for prepare in before_output:
                prepare()
        sys.stdout.write(text)
        sys.stdout.flush()


def write_json(text: str) -> None:
    """JSON that loses nothing: what a console must not see or cannot encode is written as an escape of JSON."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    write_as_it_is(safe_json(json_obeyed_by_nobody(text), ascii_only=encoding not in ("utf8", "utf16", "utf32")))


def read_input(file: Path, limit: int) -> bytes:
    """The bytes of a file, or of standard input for ``-``; raises ``InputError``."""
    from autopilot_agent.errors import InputError, Place
    from autopilot_agent.text.text_file import read_bytes

    if str(file) != "-":
        return read_bytes(file, limit)
    if sys.stdin is None:
        raise InputError("there is no standard input to read; name a file.", Place("<stdin>"))
    data = sys.stdin.buffer.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"more than {limit:,} bytes came by standard input.", Place("<stdin>"))
    return data


def colourful(choice: str = "auto") -> bool:
    """Whether standard output gets colour: as ``--color`` says; with ``auto`` as NO_COLOR, FORCE_COLOR and the terminal say.

    NO_COLOR (no-color.org) wins over FORCE_COLOR (force-color.org); set to nothing, neither counts, and FORCE_COLOR=0 forces
    nothing.
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0").lower() not in ("", "0", "false"):
        return True
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    if sys.platform == "win32":
        return any(name in os.environ for name in ("WT_SESSION", "ANSICON", "ConEmuANSI", "TERM"))
    return os.environ.get("TERM", "dumb") != "dumb"


def complain(text: str) -> None:
    """One error sentence on standard error."""
    warn(f"error: {text}")


def warn(text: str) -> None:
    """One remark on standard error."""
    if sys.stderr is not None:
        for prepare in before_output:
            prepare()
        with suppress(OSError):  # nobody to tell: the exit code still says it
            print(obeyed_by_nobody(printable(f"{PROGRAM}: {text}", lines=True)), file=sys.stderr)


def width() -> int:
    """Columns to write in: those of the terminal, between 60 and 120; 100 when there is none."""
    import shutil

    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))


def table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns; the last column takes what is left of the line and is not cut when output is not a terminal."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        return
    wide = [max(len(row[index]) for row in cells) for index in range(len(cells[0]) - 1)]
    room = width() - sum(wide) - 2 * len(wide)
    cut = sys.stdout is not None and sys.stdout.isatty()
    for row in cells:
        last = row[-1]
        if cut and len(last) > room > 10:
            last = last[: room - 3] + "..."
        say("  ".join([cell.ljust(size) for cell, size in zip(row, wide, strict=False)] + [last]).rstrip())


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Print named facts below a heading; empty ones are left out, long ones wrapped."""
    import textwrap

    kept = [(name, printable(value)) for name, value in pairs if value]
    size = max((len(name) for name, _ in kept), default=0)
    for name, value in kept:
        head = f"  {name.ljust(size)}  "
        say(textwrap.fill(value, width(), initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False))


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever it raises becomes a sentence and an exit code."""
    _tolerant(sys.stdout)
    _tolerant(sys.stderr)
    try:
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BaseException as error:
        return _failed(error)


def _failed(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    from autopilot_agent.errors import AutopilotAgentError, Defect

    if isinstance(error, OSError) and (_pipe_closed(error) or error.errno == errno.ENOSPC):
        return not_written(error)
    if isinstance(error, KeyboardInterrupt):
        warn("interrupted.")
        return INTERRUPTED
    if os.environ.get(TRACEBACK) == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, AutopilotAgentError) and not isinstance(error, Defect):
        complain(str(error))
        return error.exit_code
    text = str(error).strip()
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    complain(
        f"{said.rstrip('.')}. This is a defect of {PROGRAM}; please report it with this line and the command"
        + ("." if os.environ.get(TRACEBACK) == "1" else f" (with {TRACEBACK}=1 in the environment it shows where).")
    )
    return 4


def not_written(error: OSError) -> int:
    """The exit code where standard output took no more; a reader who has gone is not told."""
    _drop_output()
    if _pipe_closed(error):
        return BROKEN_PIPE
    why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or type(error).__name__
    complain(f"the output could not be written: {why}.")
    return 2


def _pipe_closed(error: OSError) -> bool:
    closed = sys.platform == "win32" and error.errno == errno.EINVAL
    return isinstance(error, BrokenPipeError) or closed


def _drop_output() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not complain."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError, AttributeError):
        pass


def _tolerant(stream: object) -> None:
    """A console that cannot show a character shows '?' instead of ending the program."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
