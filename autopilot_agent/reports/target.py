"""Where a report goes: ``KIND=FILE`` read, looked at before the run, and written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError, Place

STANDARD_OUTPUT = "-"


class Target(msgspec.Struct, frozen=True):
    """A report that was asked for: its kind, and a file or ``-``."""

    kind: str
    file: str


def read_target(text: str) -> Target:
    """``KIND=FILE``; raises ``InputError`` for anything else."""
    kind, equals, file = text.partition("=")
    if not equals:
        said = f"--report {text[:60]!r} says no file; write KIND=FILE, such as junit=report.xml."
        raise InputError(said)
    if not kind.strip() or not file.strip():
        raise InputError(f"--report {text[:60]!r} is not KIND=FILE; such as junit=report.xml.")
    if "\0" in file:
        raise InputError(f"--report {kind}: the name of the file holds a NUL character; choose another.")
    return Target(kind.strip(), file)


def same_file(file: str | Path) -> str:
    """What two names of one file have in common: the way to it without links, in one case of letters.

    Windows and macOS take names that differ in nothing but case for one file; what is refused there is refused everywhere.
    """
    return os.path.normcase(os.path.realpath(file)).casefold()


def check_writable(file: str) -> None:
    """Say before the run what can be said: raises ``InputError`` where the file cannot be written."""
    path = Path(os.path.realpath(file))
    try:
        if path.is_dir():
            raise InputError("this is a folder; a report needs the name of a file in it.", Place(file))
        if _special(path):
            if not os.access(path, os.W_OK):
                raise InputError("the report cannot be written there (no right to); choose another place.", Place(file))
            return
        if not path.parent.is_dir():
            said = "the folder of the report does not exist; make it first, or choose another place."
            raise InputError(said, Place(file))
        beside, descriptor = _open_beside(path)
        os.close(descriptor)
        beside.unlink()
    except OSError as error:
        raise _refused(file, error) from None


def write_whole(file: str, data: bytes) -> None:
    """Write a report beside its place and move it there: readers see the old file or the new one, never half of it.

    Devices and pipes are written as they are. Raises ``InputError`` when it cannot be written; nothing is left behind then.
    """
    path = Path(os.path.realpath(file))
    try:
        if _special(path):
            with path.open("wb", buffering=0) as stream:
                _write(stream.fileno(), data)
            return
        beside, descriptor = _open_beside(path)
        try:
            try:
                _write(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if path.exists():
                os.chmod(beside, stat.S_IMODE(path.stat().st_mode))
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(file, error) from None


def append(file: str, data: bytes) -> None:
    """Add to a file that belongs to somebody else; raises ``InputError`` when that is impossible."""
    try:
        with Path(file).open("ab") as stream:
            stream.write(data)
    except OSError as error:
        raise _refused(file, error) from None


def _special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _open_beside(path: Path) -> tuple[Path, int]:
    """A new file in the same folder, with the rights that any new file gets."""
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return beside, os.open(beside, flags, 0o666)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _refused(file: str, error: OSError) -> InputError:
    said = (error.strerror or str(error)).rstrip(".").lower()
    advice = "choose another place, or make room or rights there."
    return InputError(f"the report cannot be written ({said}); {advice}", Place(file))
