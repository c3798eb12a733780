"""The cloud a scenario plays against: the tenants it includes, read once per process, then what it writes itself."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.assignments import ShorthandBuilder
from autopilot_agent.scenario.inclusion import check_loop, include_root, included_paths
from autopilot_agent.scenario.layers import merged_value
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import Scenario
from autopilot_agent.tenant.graph import Source, TenantData, read_file, read_folder, read_inline
from autopilot_agent.text.yaml_text import Document, load_yaml

YAML = (".yaml", ".yml")
CHANGE = "change"
"""The key of a scenario's tenant for properties of resources that stand elsewhere."""

Stamp = tuple[tuple[str, int, int], ...]


class _Included(msgspec.Struct):
    """What a list of includes gave, and the state of the files it was read from."""

    builder: ShorthandBuilder
    stamps: dict[Path, Stamp]
    plain: bool
    """Whether nothing but files was read, no folder."""
    finished: TenantData | None = None


_cache: dict[tuple[Path, ...], _Included] = {}

Identity = tuple[int, int, int, int]
"""Device, file number, time of change and size: what a path leads to, however it is written, and its state."""

_asked: dict[tuple[str, Path | None, tuple[object, ...]], tuple[tuple[Identity, ...], _Included]] = {}
"""What a scenario file's includes led to last time; saves resolving every path again for every run of it."""


def tenant_of(loaded: LoadedScenario) -> TenantData:
    """The tenant of a scenario: includes in their order, its own collections, then its changes; raises ``InputError``.

    Includes are kept in memory until one of their files changes; what is returned must not be changed.
    """
    tenant = loaded.scenario.tenant
    own = {name: value for name, value in tenant.items() if name not in ("include", CHANGE)}
    base = _included(loaded, tenant.get("include", []))
    if not own and CHANGE not in tenant:
        if base.finished is None:
            base.finished = base.builder.branch().finish()
        return base.finished
    builder = base.builder.branch()
    read_inline(own, lambda path: loaded.document.place(("tenant", *path)), builder)
    if CHANGE in tenant:
        from autopilot_agent.tenant.graph.amending import amend

        amend(tenant[CHANGE], lambda path: loaded.document.place(("tenant", CHANGE, *path)), builder)
    return builder.finish()


def merged(written: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    """A tenant as a scenario writes it, with changes: what has the id or the name of something known takes its place."""
    found = dict(written)
    for name, value in changes.items():
        old = found.get(name)
        if name == CHANGE:
            found[name] = merged_value(old, value)
            continue
        if not isinstance(value, list) or not isinstance(old, list):
            found[name] = value
            continue
        kept = [one for one in old if not any(_same(one, new) for new in value)]
        found[name] = kept + value
    return found


NAMES = ("displayName", "name", "userPrincipalName")
"""Properties by which a resource without an id is known."""


def _same(one: object, other: object) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    if "id" in one and "id" in other:
        return bool(one["id"] == other["id"])
    return any(one.get(key) is not None and one.get(key) == other.get(key) for key in NAMES)


def without_replaced(data: TenantData, changes: dict[str, object]) -> TenantData:
    """The tenant without what an include brought and an administrator has put something of the same id or name in its place."""
    found: dict[str, object] = {}
    for name, value in changes.items():
        field = re.sub("[A-Z]+", lambda capital: f"_{capital[0].lower()}", name)
        old = getattr(data, field, None)
        if not isinstance(value, list) or not isinstance(old, tuple):
            continue
        count = sum(1 for one in value if isinstance(one, dict))
        before, new = old[: len(old) - count], old[len(old) - count :]
        found[field] = tuple(one for one in before if not any(_replaces(other, one) for other in new)) + new
    return msgspec.structs.replace(data, **found) if found else data


def _replaces(new: object, old: object) -> bool:
    names = ("display_name", "name", "user_principal_name")
    same_id = getattr(new, "id", None) == getattr(old, "id", "")
    return same_id or any(getattr(new, key, None) and getattr(new, key, None) == getattr(old, key, None) for key in names)


def read_tenant(path: Path) -> TenantData:
    """The tenant in a folder of exports, a JSON file or a YAML file of collections; raises ``InputError``."""
    try:
        real = path.resolve()
        exists = real.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"the path cannot be used ({error}); check its spelling.", Place(str(path))) from None
    if not exists:
        raise InputError("there is no such file or folder; check the name.", Place(str(path)))
    reading = _Reading(include_root(path))
    reading.read(path, real, Place(str(path)), ())
    return reading.builder.finish()


def files_of(path: Path, items: list[str], root: Path | None = None) -> list[Path]:
    """Every file that these includes of a scenario at ``path`` read, what they include themselves among them."""
    loaded = LoadedScenario(Scenario(scenario="", tenant={"include": items}), Document(str(path), {}), path, root=root)
    found: list[Path] = []
    for real in _included(loaded, items).stamps:
        found += sorted(one for one in real.rglob("*") if one.is_file()) if real.is_dir() else [real]
    return found


def _included(loaded: LoadedScenario, written: object) -> _Included:
    """What the includes give; paths are resolved again only when one of them leads somewhere else than last time."""
    folder = os.path.dirname(loaded.path)
    items = tuple(written) if isinstance(written, list) else (written,)
    leads_to = _identities(folder, items)
    if leads_to is not None:
        before = _asked.get((folder, loaded.root, items))
        if before is not None and before[0] == leads_to:
            known = before[1]
            if known.plain and len(known.stamps) == len(items):  # the included files are all there is, and were just asked
                return known
            if _unchanged(known):
                return known
    found = _resolved(loaded, written)
    if leads_to is not None:
        if len(_asked) > 10_000:
            _asked.clear()
        _asked[folder, loaded.root, items] = (leads_to, found)
    return found


def _identities(folder: str, items: tuple[object, ...]) -> tuple[Identity, ...] | None:
    """What the included paths lead to now, in their order; None when one is no path or leads nowhere."""
    found: list[Identity] = []
    for item in items:
        if not isinstance(item, str):
            return None
        try:
            status = os.stat(os.path.join(folder, item))
        except (OSError, ValueError):
            return None
        found.append((status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _unchanged(known: _Included) -> bool:
    return all(_stamp(path) == stamp for path, stamp in known.stamps.items())


def _resolved(loaded: LoadedScenario, written: object) -> _Included:
    root = loaded.root or include_root(loaded.path)
    reading = _Reading(root)
    targets = included_paths(written, loaded.document, ("tenant", "include"), loaded.path, root)
    key = tuple(real for _, real, _ in targets)
    known = _cache.get(key)
    if known is not None and _unchanged(known):
        return known
    for shown, real, place in targets:
        reading.read(shown, real, place, (loaded.path.resolve(),))
    found = _Included(reading.builder, reading.stamps, all(real.is_file() for real in reading.stamps))
    _cache[key] = found
    return found


class _Reading:
    """One pass over a scenario's includes and what they include."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.builder = ShorthandBuilder()
        self.stamps: dict[Path, Stamp] = {}

    def read(self, shown: Path, real: Path, place: Place, above: tuple[Path, ...]) -> None:
        check_loop(real, above, place)
        if real in self.stamps:
            if real.is_file():
                return  # two files may share a third one
            raise InputError(f"the folder {shown} is included twice; keep one.", place)
        self.stamps[real] = _stamp(real)
        if real.is_dir():
            read_folder(shown, self.builder)
        elif real.suffix.lower() in YAML:
            self.read_yaml(shown, real, above)
        else:
            read_file(shown, self.builder)

    def read_yaml(self, shown: Path, real: Path, above: tuple[Path, ...]) -> None:
        document = load_yaml(shown)
        value = document.value
        if isinstance(value, dict) and "include" in value:
            for target, resolved, place in included_paths(value["include"], document, ("include",), shown, self.root):
                self.read(target, resolved, place, (*above, real))
            rest = {name: one for name, one in value.items() if name != "include"}
            read_inline(rest, document.place, self.builder)
        else:
            from autopilot_agent.tenant.graph.documents import read_document
            from autopilot_agent.tenant.graph.hints import collection_of_file

            source = Source(str(shown), document.place)
            read_document(value, source, collection_of_file(Path(shown.name)), self.builder, written=True)


def _stamp(path: Path) -> Stamp:
    """Name, time of change and size of a file, or of every file below a folder; empty when it is gone."""
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return ((str(path), status.st_mtime_ns, status.st_size),)
        found: list[tuple[str, int, int]] = []
        waiting = [str(path)]
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        status = entry.stat()
                        found.append((entry.path, status.st_mtime_ns, status.st_size))
        return tuple(sorted(found))
    except OSError:
        return ()
