"""Paths that files name: relative to the file that names them, and never out of the folder that the scenarios live in."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath
from typing import Any

from autopilot_agent.errors import InputError, Place
from autopilot_agent.text.yaml_text import Document

ROOT = "scenarios"
"""A scenario may include what is below its nearest ancestor of this name, else below its own directory."""


def include_root(path: Path) -> Path:
    """The directory that includes of a scenario file must not leave."""
    folder = path.parent.resolve()
    return next((one for one in (folder, *folder.parents) if one.name == ROOT), folder)


def included_path(item: str, file: Path, root: Path, place: Place) -> tuple[Path, Path]:
    """An included path as shown and as resolved; raises ``InputError`` at ``place`` when it leaves ``root`` or is not there."""
    windows = PureWindowsPath(item)
    if Path(item).is_absolute() or windows.drive or windows.root:
        raise InputError(f"{item!r} is an absolute path; write it relative to this file.", place)
    if "\\" in item:
        raise InputError(f"{item!r} has backslashes; write '/' so that the file works on every system.", place)
    shown = Path(os.path.normpath(file.parent / item))
    try:
        real = (file.parent / item).resolve()
        exists = real.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{item!r} cannot be used as a path ({error}).", place) from None
    if not real.is_relative_to(root):
        raise InputError(
            f"{item!r} leads out of {root}; includes stay below the nearest folder named '{ROOT}', "
            "or below the scenario's own folder.",
            place,
        )
    if not exists:
        raise InputError(f"there is no file or folder {shown}; check the name, it is relative to this file.", place)
    return shown, real


def included_paths(
    written: object, document: Document, at: tuple[str, ...], file: Path, root: Path
) -> list[tuple[Path, Path, Place]]:
    """Every path of a list of includes, as shown and as resolved, with the place that asks for it; each once."""
    items = written if isinstance(written, list) else [written]
    found: list[tuple[Path, Path, Place]] = []
    for index, item in enumerate(items):
        place = document.place((*at, index) if isinstance(written, list) else at)
        if not isinstance(item, str) or not item.strip():
            raise InputError("an include is the path of a folder or a file, as text.", place)
        shown, real = included_path(item, file, root, place)
        if any(real == before for _, before, _ in found):
            raise InputError(f"{item!r} is included twice; keep one.", place)
        found.append((shown, real, place))
    return found


def check_loop(real: Path, above: tuple[Path, ...], place: Place) -> None:
    """Refuse a file that is already being read further up."""
    if real in above:
        loop = " -> ".join(one.name for one in (*above[above.index(real) :], real))
        raise InputError(f"the includes form a loop ({loop}); remove one of them.", place)


def moved(value: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    """Part of a scenario that stands in the folder ``source``, with the paths it names as a file in ``target`` writes them.

    These are ``tenant.include``, ``device.autopilot_file.file`` and ``import_csv`` of acts. What is no path stays as it is.
    """
    if os.path.normpath(source or ".") == os.path.normpath(target or "."):
        return value

    def path(item: object) -> object:
        if not isinstance(item, str) or not item.strip() or os.path.isabs(item) or "\\" in item:
            return item
        there = os.path.relpath(os.path.join(source, item), target or ".").replace(os.sep, "/")
        return f"{there}/" if item.endswith("/") else there

    found = dict(value)
    tenant, device, acts = value.get("tenant"), value.get("device"), value.get("acts")
    if isinstance(tenant, dict) and "include" in tenant:
        items = tenant["include"]
        found["tenant"] = {**tenant, "include": [path(one) for one in items] if isinstance(items, list) else path(items)}
    if isinstance(device, dict) and isinstance(device.get("autopilot_file"), dict) and "file" in device["autopilot_file"]:
        file = device["autopilot_file"]
        found["device"] = {**device, "autopilot_file": {**file, "file": path(file["file"])}}
    if isinstance(acts, list):
        found["acts"] = [_moved_act(act, path) for act in acts]
    return found


def _moved_act(act: Any, path: Any) -> Any:
    text = act.get("import_csv") if isinstance(act, dict) else None
    if not isinstance(text, str) or "\n" in text or "," in text:
        return act
    return {**act, "import_csv": path(text)}
