"""Parts that several scenarios share: what a file includes, and ``_defaults.yaml`` of the folders it lies in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.inclusion import check_loop, include_root, included_paths, moved
from autopilot_agent.scenario.layers import Layer
from autopilot_agent.text.yaml_text import Document, load_yaml

DEFAULTS = "_defaults.yaml"
PRIVATE = "_"
"""Files whose name begins so are parts of scenarios, not scenarios."""
MAX_PARTS = 100
NOT_SHARED = ("scenario", "matrix")
"""Keys that belong to one file."""

Stamp = tuple[str, int, int] | None


class Parts(msgspec.Struct):
    """What a folder gives to every scenario in it: layers (the farthest folder's first), and how far includes may reach."""

    layers: list[Layer] = []
    root: Path | None = None


class _Known(msgspec.Struct):
    watched: list[str]
    stamps: list[Stamp]
    parts: Parts


_NOTHING = Parts()
_chains: dict[tuple[str, str], list[str]] = {}
_known: dict[tuple[str, str], _Known] = {}


def defaults_for(path: Path) -> Parts:
    """The defaults that hold for a scenario file; read once per folder until one of the files changes."""
    key = (os.path.dirname(path), os.getcwd())
    known = _known.get(key)
    if known is not None and [_stamp(name) for name in known.watched] == known.stamps:
        return known.parts
    chain = _chains.get(key)
    if chain is None:
        chain = _chains[key] = _chain(key[0])
    found = [name for name in chain if _stamp(name) is not None]
    reading = _Reading(key[0])
    parts = _read(found, reading) if found else _NOTHING
    watched = list(dict.fromkeys([*chain, *reading.files]))
    if len(_known) > 1_000:
        _known.clear()
    _known[key] = _Known(watched, [_stamp(name) for name in watched], parts)
    return parts


def defaults_files(path: Path) -> list[Path]:
    """The ``_defaults.yaml`` of the folders that a scenario file lies in, the nearest first, right or wrong."""
    return [Path(name) for name in _chain(os.path.dirname(path)) if _stamp(name) is not None]


def _stamp(name: str) -> Stamp:
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return name, status.st_mtime_ns, status.st_size


def _chain(folder: str) -> list[str]:
    """Where defaults may lie, the nearest first: up to the repository, or to a folder that may not be read."""
    found: list[str] = []
    here, absolute = folder, os.path.abspath(folder)
    while os.access(absolute, os.R_OK | os.X_OK):
        found.append(os.path.join(here, DEFAULTS))
        above = os.path.dirname(absolute)
        if above == absolute or os.path.exists(os.path.join(absolute, ".git")):
            break
        here = os.path.normpath(os.path.join(here, os.pardir)) if here else os.pardir
        absolute = above
    return found


def _read(names: list[str], reading: _Reading) -> Parts:
    """The layers of these files, nearest first, as far as the first that says it is the root."""
    layers: list[Layer] = []
    top = Path(names[0])
    for name in names:
        document = load_yaml(Path(name))
        value = document.value
        if not isinstance(value, dict):
            raise InputError("defaults are keys and values of a scenario, found a list.", document.place())
        for key in NOT_SHARED:
            if key in value:
                raise InputError(f"{key!r} belongs to one scenario; write it there.", document.place((key,), key=True))
        root = value.get("root", False)
        if not isinstance(root, bool):
            sentence = "root: expected true or false; true takes no defaults from folders above."
            raise InputError(sentence, document.place(("root",)))
        own = Document(document.name, {key: one for key, one in value.items() if key != "root"}, document.root)
        layers = reading.layers(own, Path(name), include_root(Path(name)), ()) + layers
        top = Path(name)
        if root:
            break
    return Parts(layers, include_root(top))


def included_layers(document: Document, path: Path, root: Path | None) -> list[Layer]:
    """The layers of a scenario file: what it includes, in that order, and then itself."""
    return _Reading(os.path.dirname(path)).layers(document, path, root or include_root(path), ())


class _Reading:
    """One pass over fragments, for scenarios in one folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files: list[str] = []

    def layers(self, document: Document, path: Path, root: Path, above: tuple[Path, ...]) -> list[Layer]:
        """The layers of one file, weakest first."""
        value: dict[str, Any] = document.value
        found: list[Layer] = []
        if "include" in value:
            here = path.resolve()
            for shown, real, place in included_paths(value["include"], document, ("include",), path, root):
                check_loop(real, (*above, here), place)
                found += self.fragment(shown, real, root, (*above, here), place)
        own = {name: one for name, one in value.items() if name != "include"}
        return [*found, Layer(document, moved(own, os.path.dirname(path), self.folder))] if own else found

    def fragment(self, shown: Path, real: Path, root: Path, above: tuple[Path, ...], place: Place) -> list[Layer]:
        """The layers of an included file."""
        if real.is_dir() or real.suffix.lower() not in (".yaml", ".yml"):
            raise InputError(
                f"{shown} is no YAML file; 'include' at the top takes files with keys of a scenario, "
                "and 'tenant: {include: ...}' takes tenants.",
                place,
            )
        self.files.append(str(shown))
        if len(self.files) > MAX_PARTS:
            raise InputError(f"more than {MAX_PARTS} files are included; include less.", place)
        document = load_yaml(shown)
        if not isinstance(document.value, dict):
            raise InputError("an included file is keys and values of a scenario, found a list.", document.place())
        if "root" in document.value:
            sentence = "'root' belongs to a scenario or to _defaults.yaml, not to an included file."
            raise InputError(sentence, document.place(("root",), key=True))
        return self.layers(document, shown, root, above)
