"""The table of CSP nodes (``csp_nodes.jsonl``): which exist, what may be done with them, and a LocURI taken apart."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import unquote

import msgspec


class NodeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the node table: ``access`` letters A D E G R, ``scopes`` D, U or DU, ``default`` the value without a write."""

    path: str
    scopes: str
    access: str
    format: str
    default: str | None
    values: dict[str, list[str] | int] | None
    notes: str
    source: str


class Resolved(msgspec.Struct, frozen=True):
    """A LocURI taken apart: scope D or U, folded key, parents from the nearest upwards, display name, and its row.

    ``provider`` is the folded name of its CSP; ``permanent`` says that the node is always there: interior, without dynamic
    segments and not to be added.
    """

    key: str
    name: str
    user: bool
    parents: tuple[tuple[str, str], ...]
    row: NodeRow | None
    dynamic_parents: frozenset[str]
    provider: str
    permanent: bool


class _Level:
    """One step of the lookup by segments."""

    __slots__ = ("anything", "dynamic", "literal", "rows")

    def __init__(self) -> None:
        self.literal: dict[str, _Level] = {}
        self.dynamic: _Level | None = None
        self.anything: dict[str, NodeRow] = {}
        self.rows: dict[str, NodeRow] = {}


def _rows() -> list[NodeRow]:
    path = Path(__file__).with_name("csp_nodes.jsonl")
    return msgspec.json.Decoder(NodeRow).decode_lines(path.read_bytes())


@cache
def _table() -> _Level:
    top = _Level()
    for row in _rows():
        level = top
        for segment in row.path.split("/"):
            if segment == "**":
                level.anything.update(dict.fromkeys(row.scopes, row))
                break
            if segment.startswith("{"):
                level.dynamic = level.dynamic or _Level()
                level = level.dynamic
            else:
                level = level.literal.setdefault(segment.casefold(), _Level())
        else:
            level.rows.update(dict.fromkeys(row.scopes, row))
    return top


@cache
def _fixed() -> dict[tuple[str, bool], list[str]]:
    """Names of the nodes that are always there, by the path of their parent and whether they are the user's."""
    found: dict[tuple[str, bool], list[str]] = {}
    for row in _rows():
        parent, _, name = row.path.rpartition("/")
        permanent = row.format == "node" and "{" not in row.path and "A" not in row.access
        if parent and not name.startswith(("{", "*")) and (permanent or row.default is not None):
            for scope in row.scopes:
                found.setdefault((parent, scope == "U"), []).append(name)
    return found


def fixed_children(path: str, user: bool) -> tuple[str, ...]:
    """Names of the nodes that are below the row with this path without anybody having created them."""
    return tuple(_fixed().get((path, user), ()))


def _row(segments: list[str], scope: str) -> tuple[NodeRow | None, tuple[int, ...]]:
    """The row of a path and the depths of its dynamic segments; a literal segment wins over a dynamic one."""
    level = _table()
    dynamic: list[int] = []
    for depth, segment in enumerate(segments):
        found = level.literal.get(segment.casefold())
        if found is None:
            if level.dynamic is not None and not _unknown_area(segments, depth):
                dynamic.append(depth)
                found = level.dynamic
            elif scope in level.anything:
                return level.anything[scope], tuple(dynamic)
            else:
                return None, ()
        level = found
    return level.rows.get(scope), tuple(dynamic)


def _unknown_area(segments: list[str], depth: int) -> bool:
    """Policy areas beside the known ones are ADMX areas: ``ADMX_...``, or ingested ones, which contain a tilde."""
    if depth != 4 or segments[2].casefold() != "policy" or segments[3].casefold() != "config":
        return False
    return not (segments[4].casefold().startswith("admx_") or "~" in segments[4])


@lru_cache(maxsize=65536)
def resolve(uri: str) -> Resolved | None:
    """Take a LocURI apart; None when it is not one (it must begin with ``./``)."""
    if not uri.startswith("./"):
        return None
    segments = [unquote(part) for part in uri[2:].split("/") if part]
    scope = "D"
    if segments and segments[0].casefold() in ("device", "user"):
        scope = "U" if segments[0].casefold() == "user" else "D"
        segments = segments[1:]
    if not segments or len(segments) > 40:
        return None
    row, dynamic = _row(segments, scope)
    folded = [segment.casefold().replace("/", "%2f") for segment in segments]  # a slash inside a name is no separator
    keys = [f"{scope}/{'/'.join(folded[: depth + 1])}" for depth in range(len(segments))]
    parents = tuple((keys[depth - 1], segments[depth]) for depth in range(len(segments) - 1, 0, -1))
    dynamic_parents = frozenset(keys[depth] for depth in dynamic if depth < len(segments) - 1)
    provider = folded[2] if len(folded) > 2 else ""
    permanent = row is not None and row.format == "node" and "{" not in row.path and "A" not in row.access
    return Resolved(keys[-1], segments[-1], scope == "U", parents, row, dynamic_parents, provider, permanent)


def key_of(uri: str) -> str:
    """The key of a LocURI in ``CspTree.values``; raises ``ValueError`` when it is none."""
    found = resolve(uri)
    if found is None:
        raise ValueError(f"{uri!r} is not a LocURI")
    return found.key
