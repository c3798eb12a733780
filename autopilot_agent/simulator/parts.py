"""Parts of a tenant's records that are kept row by row: each knows which of its rows a request changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from autopilot_agent.simulator.store import Row


class Part(Protocol):
    """Something that is kept: ``kind`` is that of its rows."""

    kind: str

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """Put rows back into the tenant, or begin with the tenant as it is (None: nothing was kept yet).

        Rows may be put back again later: what is not in them is undone then.
        """
        ...

    def changes(self) -> Iterator[Row]:
        """The rows that changed since the last time."""
        ...


class Watched(dict[Any, Any]):
    """A dict that remembers which of its values somebody may have changed: all that were looked at."""

    def __init__(self, found: Iterable[tuple[Any, Any]] = ()) -> None:
        super().__init__(found)
        self.touched: set[Any] = set(self)

    def __getitem__(self, key: Any) -> Any:
        self.touched.add(key)
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, remembered as touched."""
        if key in self:
            self.touched.add(key)
        return super().get(key, default)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.touched.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        self.touched.add(key)
        super().__delitem__(key)

    def pop(self, key: Any, *default: Any) -> Any:
        """Take a value out."""
        if key in self:
            self.touched.add(key)
        return super().pop(key, *default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value, set if there is none."""
        self.touched.add(key)
        return super().setdefault(key, default)

    def popitem(self) -> tuple[Any, Any]:
        """Take the last one out."""
        found = super().popitem()
        self.touched.add(found[0])
        return found

    def update(self, *more: Any, **named: Any) -> None:
        """Take over other values."""
        for key, value in dict(*more, **named).items():
            self[key] = value

    def clear(self) -> None:
        """Take everything out."""
        self.touched.update(self)
        super().clear()

    def values(self) -> Any:
        """All values, which counts as touching each."""
        self.touched.update(self)
        return super().values()

    def items(self) -> Any:
        """The same with keys."""
        self.touched.update(self)
        return super().items()


class Whole:
    """A value that is kept in one row: a number, a small Struct."""

    def __init__(self, kind: str, owner: Any, name: str, type: Any, encode: Callable[[Any], Any] = lambda value: value) -> None:
        self.kind, self.owner, self.name, self.type, self.encode = kind, owner, name, type, encode
        self._last: bytes | None = None

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        self._last = (rows or {}).get("")
        if self._last is not None:
            setattr(self.owner, self.name, msgspec.json.decode(self._last, type=self.type))

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        now = msgspec.json.encode(self.encode(getattr(self.owner, self.name)))
        if now != self._last:
            self._last = now
            yield self.kind, "", now


class Members:
    """A set of texts, a row each."""

    def __init__(self, kind: str, owner: Any, name: str) -> None:
        self.kind, self.owner, self.name = kind, owner, name
        self._last: set[str] = set()

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        if rows is not None:
            self._last = set(rows)
            setattr(self.owner, self.name, set(rows))

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        now = getattr(self.owner, self.name)
        if now == self._last:
            return
        yield from ((self.kind, key, b"") for key in sorted(now - self._last))
        yield from ((self.kind, key, None) for key in sorted(self._last - now))
        self._last = set(now)


class Lines:
    """A list that mostly grows, a row each."""

    def __init__(self, kind: str, owner: Any, name: str) -> None:
        self.kind, self.owner, self.name = kind, owner, name
        self._last: list[Any] = []

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        if rows is not None:
            self._last = [msgspec.json.decode(rows[key]) for key in sorted(rows)]
            setattr(self.owner, self.name, list(self._last))

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        now = getattr(self.owner, self.name)
        if now == self._last:
            return
        for number, (old, new) in enumerate(zip(self._last, now, strict=False)):
            if old != new:
                yield self.kind, f"{number:09}", msgspec.json.encode(new)
        for number in range(len(self._last), len(now)):
            yield self.kind, f"{number:09}", msgspec.json.encode(now[number])
        for number in range(len(now), len(self._last)):
            yield self.kind, f"{number:09}", None
        self._last = list(now)


class Table:
    """A dict, a row for each value, with a number in front that keeps the order."""

    def __init__(
        self,
        kind: str,
        owner: Any,
        name: str,
        type: Any,
        *,
        key: Callable[[str], Any] = str,
        spelled: Callable[[Any], str] = str,
    ) -> None:
        self.kind, self.owner, self.name = kind, owner, name
        self.type, self.key, self.spelled = type, key, spelled
        self._last: dict[Any, tuple[int, int]] = {}
        self._next = 0

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        if rows is None:
            setattr(self.owner, self.name, Watched(getattr(self.owner, self.name).items()))
            return
        read: list[tuple[int, Any, Any]] = []
        self._last = {}
        for name, row in rows.items():
            number, _, value = row.partition(b" ")
            self._last[self.key(name)] = (int(number), hash(value))
            read.append((int(number), self.key(name), msgspec.json.decode(value, type=self.type)))
        read.sort(key=lambda one: one[0])
        self._next = read[-1][0] + 1 if read else 0
        found = Watched((key, value) for _, key, value in read)
        found.touched.clear()
        setattr(self.owner, self.name, found)

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        now = getattr(self.owner, self.name)
        if not isinstance(now, Watched):  # somebody put another dict in its place
            now = Watched(now.items())
            now.touched.update(self._last)
            setattr(self.owner, self.name, now)
        if not now.touched:
            return
        for key in [one for one in now if one in now.touched] if len(now.touched) > 1 else list(now.touched & now.keys()):
            value = msgspec.json.encode(dict.__getitem__(now, key))
            number, mark = self._last.get(key, (self._next, 0))
            if number == self._next:
                self._next += 1
            elif mark == hash(value):
                continue
            self._last[key] = (number, hash(value))
            yield self.kind, self.spelled(key), b"%d %b" % (number, value)
        for key in sorted(now.touched - now.keys(), key=self.spelled):
            if self._last.pop(key, None) is not None:
                yield self.kind, self.spelled(key), None
        now.touched.clear()
