"""The CSP tree: configuration service provider nodes with the access rules of their DDF, answered honestly.

What may be done with a node is data (``csp_nodes.jsonl``). A node that no row describes does not exist (404); a verb that the
row does not allow gives 405; an Add of something that is there gives 418; a value that does not fit gives 415 or 500
(MS-MDM status codes as in protocols.md 12.3 and 12.6).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote

from autopilot_agent.device.csp_values import NOT_ALLOWED, OK, fits, frozen, taken_back
from autopilot_agent.device.nodes import NodeRow, Resolved, fixed_children, key_of, resolve

ACCEPTED, BAD_REQUEST, NOT_FOUND, ALREADY_EXISTS, OPTIONAL = 202, 400, 404, 418, 406
PROPERTIES = ("?prop=", "?list=")
"""What may follow a LocURI in a Get: one property of the node, or the structure below it."""
RESULT, CONFIG = "/policy/result/", "/policy/config/"


@lru_cache(maxsize=64)
def _many(uris: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, dict[str, str]], ...]]:
    """The keys of several LocURIs, and what each of their parents has to hold."""
    tree = CspTree()
    for uri in uris:
        tree.write(uri, "")
    return tuple(key_of(uri) for uri in uris), tree.parents()


@lru_cache(maxsize=64)
def _unwritten(uris: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    """The keys of several LocURIs, and what is read there before anything was written."""
    tree = CspTree()
    return tuple((key_of(uri), tree.read(uri)) for uri in uris)


class CspTree:
    """The values of one device. ``user_sid`` is set while a user context exists; ``./User`` is closed without one.

    ``version`` grows with every change, ``shape`` with every change of which nodes there are.
    """

    __slots__ = ("_children", "shape", "user_sid", "values", "version")

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._children: dict[str, dict[str, str]] = {}
        self.user_sid = ""
        self.version = 0
        self.shape = 0

    def dump(self) -> dict[str, object]:
        """The tree as plain data; ``load`` makes it again."""
        return {"values": self.values, "children": self._children}

    @classmethod
    def load(cls, data: dict[str, dict[str, Any]]) -> CspTree:
        """A tree from what ``dump`` gave."""
        tree = cls()
        tree.values, tree._children = dict(data["values"]), {key: dict(one) for key, one in data["children"].items()}
        return tree

    # What the device itself does: no access rules, the caller is Windows.

    def read(self, uri: str) -> str | None:
        """The value, the row's default if nothing was written, or None."""
        found = resolve(uri)
        if found is None:
            return None
        value = self.values.get(found.key)
        if value is None and found.row is not None:
            return found.row.default
        return value

    def read_all(self, uris: tuple[str, ...]) -> list[str | None]:
        """Several values as ``read`` gives them; the keys of one set of LocURIs are worked out once per process."""
        values = self.values
        return [values.get(key, default) for key, default in _unwritten(uris)]

    def write(self, uri: str, value: str) -> None:
        """Set a leaf and create its parents."""
        found = resolve(uri)
        if found is None:
            raise ValueError(f"{uri!r} is not a LocURI")
        self._store(found, value)

    def write_all(self, values: dict[str, str]) -> None:
        """Set several leaves; the parents of one set of LocURIs are worked out once per process."""
        keys, parents = _many(tuple(values))
        self.values.update(zip(keys, values.values(), strict=True))
        for parent, children in parents:
            known = self._children.get(parent)
            if known is None:
                self._children[parent] = children.copy()
            else:
                known.update(children)
        self.version += 1
        self.shape += 1

    def create(self, uri: str) -> None:
        """Create an interior node."""
        found = resolve(uri)
        if found is None:
            raise ValueError(f"{uri!r} is not a LocURI")
        self._link(found)
        self._children.setdefault(found.key, {})
        self.version += 1

    def exists(self, uri: str) -> bool:
        """Whether the node is there."""
        found = resolve(uri)
        return found is not None and self._exists(found)

    def children(self, uri: str) -> tuple[str, ...]:
        """Names of the nodes that were created below ``uri``, in the order of their creation."""
        found = resolve(uri)
        return tuple(self._children.get(found.key, {}).values()) if found else ()

    def parents(self) -> tuple[tuple[str, dict[str, str]], ...]:
        """Every parent with its children, key to name."""
        return tuple(self._children.items())

    def child_keys(self, key: str) -> tuple[tuple[str, str], ...]:
        """Keys and names of what was created below a key; ``values`` is read with such keys where it must be cheap."""
        return tuple(self._children.get(key, {}).items())

    def remove(self, uri: str) -> None:
        """Take a subtree away."""
        found = resolve(uri)
        if found is not None:
            self._remove(found)

    def drop_user(self) -> None:
        """Forget everything in user scope."""
        for key in [key for key in self.values if key.startswith("U/")]:
            del self.values[key]
        for key in [key for key in self._children if key.startswith("U/")]:
            del self._children[key]
        self.shape += 1

    def copy_from(self, other: CspTree, uri: str) -> None:
        """Take over a subtree of another tree, in device scope, with the parents that lead to it."""
        found = resolve(uri)
        if found is None:
            raise ValueError(f"{uri!r} is not a LocURI")
        if found.key not in other.values and found.key not in other._children:
            return
        self._link(found)
        waiting = [found.key]
        while waiting:
            key = waiting.pop()
            if key in other.values:
                self.values[key] = other.values[key]
            if key in other._children:
                self._children[key] = dict(other._children[key])
                waiting += other._children[key]
        self.version += 1

    def snapshot(self) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """The whole tree, to come back to (Atomic)."""
        return dict(self.values), {key: dict(children) for key, children in self._children.items()}

    def restore(self, state: tuple[dict[str, str], dict[str, dict[str, str]]]) -> None:
        """Back to a snapshot."""
        self.values, self._children = state
        self.version += 1
        self.shape += 1

    # What a server asks for: verb by verb, with the status it gets.

    def apply(self, verb: str, uri: str, value: str = "", fmt: str = "chr") -> tuple[int, str | None]:
        """Carry out one command; the second part is the Results data of a Get."""
        if verb == "Get" and any(one in uri for one in PROPERTIES):
            return self._property(*uri.rsplit("?", 1))
        found = resolve(uri)
        if found is None:
            return BAD_REQUEST, None
        if found.user and not self.user_sid:
            return NOT_ALLOWED, None
        row = found.row
        if row is None:
            return NOT_FOUND, None
        if verb == "Get":
            return self._get(found, row)
        if verb == "Exec":
            if "E" not in row.access:
                return NOT_ALLOWED, None
            if not self._parents_exist(found):
                return NOT_FOUND, None
            if value:
                self._store(found, value)
            return OK, None
        if verb == "Delete":
            if "D" not in row.access or frozen(found, self.values):
                return NOT_ALLOWED, None
            if not self._exists(found):
                return NOT_FOUND, None
            self._remove(found)
            return OK, None
        if verb not in ("Add", "Replace"):
            return BAD_REQUEST, None
        return self._set(verb, found, row, value, fmt), None

    def _get(self, found: Resolved, row: NodeRow) -> tuple[int, str | None]:
        if "G" not in row.access:
            return NOT_ALLOWED, None
        if row.format == "node":
            if not self._exists(found):
                return NOT_FOUND, None
            return OK, "/".join(quote(name, safe="") for name in self._names_below(found, row))
        value = self.values.get(found.key.replace(RESULT, CONFIG, 1))  # one source of policies: the result is what it set
        if value is None:
            value = row.default if self._parents_exist(found) else None
        return (OK, value) if value is not None else (NOT_FOUND, None)

    def _names_below(self, found: Resolved, row: NodeRow) -> list[str]:
        """Names of the children, those that were created before those that are always there."""
        created = self._children.get(found.key, {})
        fixed = (name for name in fixed_children(row.path, found.user) if f"{found.key}/{name.casefold()}" not in created)
        return [*created.values(), *fixed]

    def _property(self, uri: str, asked: str) -> tuple[int, str | None]:
        """A property of a node instead of its value; 406 for one that is not kept here."""
        code, _ = self.apply("Get", uri)
        found = resolve(uri)
        if code != OK or found is None or found.row is None:
            return code, None
        known = {"prop=Name": found.name, "prop=Format": found.row.format, "prop=Type": "text/plain"}
        return (OK, known[asked]) if asked in known else (OPTIONAL, None)

    def _set(self, verb: str, found: Resolved, row: NodeRow, value: str, fmt: str) -> int:
        if verb == "Add":
            if "A" not in row.access:
                return ALREADY_EXISTS if row.format == "node" and self._exists(found) else NOT_ALLOWED
            if found.key in self.values or found.key in self._children:
                return ALREADY_EXISTS
        elif "R" not in row.access:
            return NOT_ALLOWED
        elif "A" not in row.access and not self._exists(found) and not self._parents_exist(found):
            return NOT_FOUND
        if frozen(found, self.values):
            return NOT_ALLOWED
        if row.format == "node":
            self._link(found)
            self._children.setdefault(found.key, {})
            self.version += 1
            return OK
        status = fits(row, value, fmt) or taken_back(found.name, self.values.get(found.key), value)
        if status == OK:
            self._store(found, value.lower() if row.format == "bool" else value)
        return status

    def _exists(self, found: Resolved) -> bool:
        if found.key in self.values or found.key in self._children:
            return True
        row = found.row
        return found.permanent or (row is not None and row.default is not None and self._parents_exist(found))

    def _parents_exist(self, found: Resolved) -> bool:
        return found.dynamic_parents <= self._children.keys()

    def _store(self, found: Resolved, value: str) -> None:
        key, values = found.key, self.values
        if key not in values:
            self._link(found)
        values[key] = value
        self.version += 1

    def _link(self, found: Resolved) -> None:
        self.shape += 1
        key, tree = found.key, self._children
        for parent, display in found.parents:
            children = tree.get(parent)
            if children is not None:  # who has children is linked itself
                children.setdefault(key, display)
                return
            tree[parent] = {key: display}
            key = parent

    def _remove(self, found: Resolved) -> None:
        self.version += 1
        self.shape += 1
        for child in list(self._children.get(found.key, {})):
            self._remove_key(child)
        self._remove_key(found.key)
        if found.parents:
            self._children.get(found.parents[0][0], {}).pop(found.key, None)

    def _remove_key(self, key: str) -> None:
        for child in list(self._children.pop(key, {})):
            self._remove_key(child)
        self.values.pop(key, None)
