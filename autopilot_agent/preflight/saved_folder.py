"""A folder of saved rehearsals: looked at before, written whole or not at all; what somebody else put there stays."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError, Place

INDEX = "_rehearsals.json"
KIND = "autopilot-agent rehearsals"
_MOST_INDEX = 16_000_000


class _Index(msgspec.Struct, forbid_unknown_fields=True):
    """What a preflight wrote into the folder: each file with its hash."""

    kind: str
    files: dict[str, str]


def check_folder(folder: Path) -> Path:
    """The folder without links in its path. Raises ``InputError`` when rehearsals cannot or must not be written there."""
    try:
        real = folder.resolve()
        _check(folder, real)
        beside = _beside(real, "new")
        shutil.rmtree(beside, ignore_errors=True)  # of a process of this number that was killed
        beside.mkdir()
        beside.rmdir()
    except (OSError, ValueError, RuntimeError) as error:
        raise _refused(folder, error) from None
    return real


def _check(folder: Path, real: Path) -> None:
    place = Place(str(folder))
    if real.exists() and not real.is_dir():
        raise InputError("this is a file; rehearsals need a folder of their own.", place)
    if not real.parent.is_dir():
        raise InputError("the folder above does not exist; make it first, or choose another place.", place)
    if Path.cwd().resolve().is_relative_to(real):
        raise InputError("this folder is the one you are in, or above it; name a folder below.", place)
    if real.is_dir():
        foreign = _foreign(real)
        if foreign:
            said = f"{foreign[:80]!r} in this folder was not written by a preflight, or was changed since"
            raise InputError(f"{said}; choose an empty folder or a new name.", place)


def _foreign(folder: Path) -> str:
    """The first thing in the folder that an earlier preflight did not leave there as it is; "" for none."""
    known = _index(folder)
    for one in sorted(folder.rglob("*")):
        name = one.relative_to(folder).as_posix()
        if one.is_symlink():
            return name
        if one.is_dir():
            if not any(each.startswith(f"{name}/") for each in known):
                return name
        elif name == INDEX and known:
            continue
        elif name not in known or hashlib.sha256(one.read_bytes()).hexdigest() != known[name]:
            return name
    return ""


def _index(folder: Path) -> dict[str, str]:
    file = folder / INDEX
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MOST_INDEX:
        return {}
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_Index)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found.files if found.kind == KIND else {}


def write_folder(folder: Path, files: dict[str, bytes], check: Callable[[Path], None]) -> None:
    """Put the files into a folder beside, let ``check`` look at them there, and move it to its place.

    What an earlier preflight wrote is replaced. Raises ``InputError`` when that is impossible; nothing is left behind then.
    """
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    index = msgspec.json.format(msgspec.json.encode(_Index(KIND, hashes)), indent=2) + b"\n"
    beside = _beside(folder, "new")
    try:
        try:
            for name, data in {**files, INDEX: index}.items():
                file = beside / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            check(beside)
            _move(beside, folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None


def _move(beside: Path, folder: Path) -> None:
    """Put the new folder where the old one is; when that fails, the old one stays."""
    if not folder.exists():
        beside.rename(folder)
        return
    _check(folder, folder)  # somebody may have come while the devices were played
    old = _beside(folder, "old")
    folder.rename(old)
    try:
        beside.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f".{folder.name[:60]}.{os.getpid()}.{ending}")


def _refused(folder: Path, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = reason.rstrip(".").lower()
    return InputError(f"the rehearsals cannot be written ({said}); choose another place.", Place(str(folder)))
