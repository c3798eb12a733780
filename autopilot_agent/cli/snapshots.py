"""``run --snapshot DIR``: golden traces kept beside the scenarios, one file a case, compared or written anew.

A snapshot's name follows the scenario's place as seen from the folder that DIR lies in, so it is the same from every working
directory: ``scenarios/a.yaml`` beside ``snapshots/`` is kept as ``snapshots/scenarios/a.yaml.txt``, its case wifi as
``snapshots/scenarios/a.yaml@wifi.txt``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

import msgspec

from autopilot_agent.cli.console import warn
from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.snapshot import BEGINS, differences, snapshot
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.expectations import Check
from autopilot_agent.scenario.finding import STDIN
from autopilot_agent.scenario.replay import quoted
from autopilot_agent.scenario.run import Result, Run
from autopilot_agent.text.text_file import read_text

CHECK = "snapshot"
SAME, WRITTEN, CHANGED = "the same", "written", "written anew"
UP, ELSEWHERE, DASH = "_up", "_elsewhere", "stdin"
ENDING = ".txt"
LIMIT = 16 * 1024 * 1024
LONGEST = 80
MOST_NAMED = 20
_ODD = re.compile(r"[^\w.=,+() -]", re.ASCII)


class Store(msgspec.Struct, frozen=True):
    """The folder of ``--snapshot`` as it was typed, and whether what differs is written anew."""

    folder: Path
    update: bool = False

    def name(self, file: str, case: str) -> str:
        """The name of a case's snapshot inside the folder, with forward slashes."""
        return "/".join(self._source(file)) + (f"@{_slug(case)}" if case else "") + ENDING

    def _source(self, file: str) -> tuple[str, ...]:
        if file == STDIN.as_posix():
            return (DASH,)
        here = os.path.dirname(os.path.abspath(self.folder))
        try:
            steps = PurePath(os.path.relpath(file, here)).parts
        except ValueError:  # another drive
            whole = PurePath(os.path.abspath(file))
            steps = (ELSEWHERE, *whole.relative_to(whole.anchor).parts)
        return tuple(UP if step == os.pardir else step for step in steps)

    def source(self, name: str) -> Path:
        """The file that a name without case and ending was made from."""
        steps = [os.pardir if step == UP else step for step in name.split("/")]
        return Path(os.path.abspath(self.folder)).parent.joinpath(*steps)


def chosen_store(folder: Path | None, *, update: bool, several_seeds: bool) -> Store | None:
    """What the options say; raises ``InputError`` for those that make no sense, and for a folder that cannot be one."""
    if folder is None:
        if update:
            raise InputError("--update says that snapshots are written anew; say where they are with --snapshot DIR.")
        return None
    if several_seeds:
        raise InputError("a snapshot is of one run of a case; leave out --repeat and --seed-range, or --snapshot.")
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError("this is a file; snapshots are kept in a folder.", Place(str(folder)))
        if update:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(13, "no right to write")
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None
    return Store(folder, update)


def check_names(store: Store, cases: Iterable[tuple[str, str]]) -> None:
    """Raise ``InputError`` for two cases, each a file and a name, whose snapshots would be one file on Windows and macOS."""
    known: dict[str, str] = {}
    for file, case in cases:
        name = store.name(file, case)
        other = known.setdefault(name.casefold(), name)
        if other != name:
            said = (
                f"two cases differ in nothing but capitals, and their snapshots {other} and {name} are one file on Windows "
                "and macOS; rename one of the two."
            )
            raise InputError(said, Place(file))


def check_snapshot(run: Run, store: Store) -> None:
    """Compare a run with its snapshot, or write that; the outcome becomes a check of the run's result.

    A run that could not be played has no snapshot. A snapshot that cannot be read or written is a problem, exit code 2.
    """
    result = run.result
    if result.problem or result.verdict in ("skipped", "not_run"):
        return
    name = store.name(result.file, result.case)
    file = store.folder / name
    now = snapshot(run, name.removesuffix(ENDING))
    try:
        kept = read_text(file, LIMIT) if file.exists() else None
        result.checks.append(_compared(file, kept, now, store))
    except (InputError, OSError, ValueError) as error:
        said = error if isinstance(error, InputError) else _refused(file, error)
        result.verdict, result.exit_code, result.problem = "error", 2, str(said)
        return
    if not result.checks[-1].passed:
        result.replay += f" --snapshot {quoted(store.folder.as_posix())}"
        if result.verdict in ("passed", "xfailed"):
            result.verdict, result.exit_code = "failed", 1


def _compared(file: Path, kept: str | None, now: str, store: Store) -> Check:
    expected = f"as in {file.as_posix()}"
    if kept is not None and not kept.startswith(BEGINS):
        raise InputError("this file is no snapshot; move it away, or keep snapshots in another folder.", Place(str(file)))
    if kept is not None and kept.replace("\r\n", "\n") == now:
        return Check(CHECK, expected, SAME, True)
    if store.update:
        write_whole(file, now)
        return Check(CHECK, expected, WRITTEN if kept is None else CHANGED, True)
    if kept is None:
        return Check(CHECK, expected, "no such file; --update writes it", False)
    line = _first_difference(kept, now)
    found = differences(kept, now, file.as_posix())
    actual = f"another trace from line {line} on; if the new one is right, --update keeps it"
    return Check(CHECK, expected, actual, False, place=f"{file.as_posix()}:{line}", detail=found)


def _first_difference(kept: str, now: str) -> int:
    lines = zip(kept.replace("\r\n", "\n").split("\n"), now.split("\n"), strict=False)
    return next((number for number, (old, new) in enumerate(lines, 1) if old != new), 1)


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody sees half of it; raises ``OSError``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name[:LONGEST]}.{os.getpid()}.new")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def tell(store: Store, results: Sequence[Result], *, whole: bool, quiet: bool) -> None:
    """Say on standard error what became of the snapshots, and of those that belong to nothing any more.

    ``whole`` says that every case of every file was chosen.
    """
    states: dict[str, str] = {}
    for result in results:
        states |= {store.name(result.file, result.case): str(check.actual) for check in result.checks if check.name == CHECK}
    lost = list(_orphans(store, results, whole=whole))
    if not store.update:
        for name in lost[:MOST_NAMED]:
            warn(f"note: the snapshot {(store.folder / name).as_posix()} belongs to no scenario any more; --update removes it.")
        _tell_rest(lost)
        return
    for name in lost:
        _remove(store.folder / name)
    if quiet:
        return
    fresh = [(word, name) for name, word in states.items() if word in (WRITTEN, CHANGED)] + [("removed", name) for name in lost]
    for word, name in fresh[:MOST_NAMED]:
        warn(f"snapshot {word}: {(store.folder / name).as_posix()}")
    _tell_rest(fresh)
    number = Counter(states.values())
    parts = [f"{number[word]} {word}" for word in (WRITTEN, CHANGED, SAME) if number[word]]
    parts += [f"{len(lost)} removed"] if lost else []
    warn(f"{count(len(states), 'snapshot')}: {', '.join(parts) or 'none'}.")


def _tell_rest(names: Sequence[object]) -> None:
    if len(names) > MOST_NAMED:
        warn(f"... and {len(names) - MOST_NAMED} more.")


def _orphans(store: Store, results: Sequence[Result], *, whole: bool) -> Iterator[str]:
    """Names of snapshots whose scenario file is gone, or whose file was chosen whole and has no such case."""
    expected = {store.name(result.file, result.case) for result in results}
    unread = {result.file for result in results if result.verdict == "error" and not result.case}
    played = {store.name(result.file, "").removesuffix(ENDING) for result in results if result.file not in unread}
    for file in sorted(store.folder.rglob("*" + ENDING)):
        name = file.relative_to(store.folder).as_posix()
        if name in expected or not _is_snapshot(file):
            continue
        stem = name.removesuffix(ENDING)
        sources = [stem, stem.rpartition("@")[0]] if "@" in stem else [stem]
        if stem == DASH or stem.startswith(ELSEWHERE):
            continue
        gone = not any(store.source(source).exists() for source in sources)
        if gone or (whole and any(source in played for source in sources)):
            yield name


def _is_snapshot(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(BEGINS)) == BEGINS.encode()
    except OSError:
        return False


def _remove(file: Path) -> None:
    try:
        file.unlink()
    except OSError as error:
        raise _refused(file, error) from None


def _slug(case: str) -> str:
    """A case's name as part of a file's name on any system; what had to be changed is told apart by a hash."""
    slug = _ODD.sub("-", case)[:LONGEST]
    return slug if slug == case else f"{slug}~{hashlib.sha256(case.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _refused(path: Path, error: OSError | ValueError) -> InputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"the snapshot cannot be kept there ({reason.lower()}); choose another folder.", Place(str(path)))
