"""What a call of ``run`` reads: files that neither a report nor a saved PC may be written over."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from autopilot_agent.cli.snapshots import ENDING
from autopilot_agent.errors import InputError
from autopilot_agent.reports.target import STANDARD_OUTPUT, same_file
from autopilot_agent.scenario.finding import STDIN
from autopilot_agent.scenario.inputs import files_read

REPLAY = "replay:"


class Inputs(msgspec.Struct, frozen=True):
    """Files by what their names have in common, and folders that hold nothing else; each with what it is."""

    files: dict[str, str] = {}
    folders: dict[Path, str] = {}
    snapshots: Path | None = None

    def what(self, file: str | Path) -> str:
        """What a file is for this call, "" for nothing."""
        key = same_file(file)
        if key in self.files:
            return self.files[key]
        for folder, what in self.folders.items():
            if Path(key).is_relative_to(folder):
                return what
        inside = self.snapshots is not None and Path(key).is_relative_to(self.snapshots)
        return "a place of --snapshot" if inside and key.endswith(ENDING) else ""


def inputs_of(args: argparse.Namespace, paths: list[Path], targets: Iterable[str | Path]) -> Inputs:
    """What the options and the scenarios of a call say is read; ``targets`` are the files that it is asked about."""
    wanted = [Path(target) for target in targets]
    files: dict[str, str] = {}
    for file, what in _files(args, paths, wanted):
        files.setdefault(same_file(file), what)
    folders: dict[Path, str] = {}
    if args.backend.startswith(REPLAY):
        folders[Path(same_file(args.backend.removeprefix(REPLAY)))] = "a file of the recording that is played"
    if args.record_http is not None:
        folders[Path(same_file(args.record_http))] = "a place of --record-http"
    return Inputs(files, folders, Path(same_file(args.snapshot)) if args.snapshot is not None else None)


def _files(args: argparse.Namespace, paths: list[Path], wanted: list[Path]) -> Iterator[tuple[Path, str]]:
    """The first word on what a file is counts."""
    yield from ((path, "a scenario that is to be played") for path in paths if path != STDIN)
    for name in ("device", "ca", "enrol_token_file"):
        file = getattr(args, name)
        if file is not None:
            yield file, f"the file of --{name.replace('_', '-')}"
    yield from files_read(paths, args.set, wanted)


def check_saved_device(args: argparse.Namespace, paths: list[Path]) -> None:
    """Raise ``InputError`` where the PC would be saved over something that is read; its own file it may be saved over."""
    file: Path | None = args.save_device
    if file is None:
        return
    what = inputs_of(args, paths, [file]).what(file)
    if what and what != "the file of --device":
        raise InputError(f"--save-device {file.as_posix()}: this is {what}; choose another file.")


def report_files(asked: list[str]) -> list[str]:
    """The files that the words after ``--report`` name."""
    files = [words.partition("=")[2] for words in asked]
    return [file for file in files if file.strip() and file != STANDARD_OUTPUT and "\0" not in file]
