"""What a served tenant keeps in its data file: one transaction per request, on the disk before the answer leaves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from autopilot_agent.errors import AutopilotAgentError, InputError, Place
from autopilot_agent.simulator.enrolments import Enrolments
from autopilot_agent.simulator.graph_resources import Changed
from autopilot_agent.simulator.parts import Lines, Members, Part, Table, Whole
from autopilot_agent.simulator.passing import Order
from autopilot_agent.simulator.store import DataFile, Row
from autopilot_agent.tenant.active_directory import ActiveDirectory, Computer
from autopilot_agent.tenant.graph.directory import EntraDevice
from autopilot_agent.tenant.state import Conditions, Registration, TenantState

FACTS, RECORD = "facts", "record:"
SETS = ("unregistered", "mismatched", "deleted_objects", "used_registrations", "told")
LISTS = ("left_over", "sync_answers", "import_errors", "sign_ins")
BEGUN = "begun"
"""The fact that this tenant's records are in the file."""


class NotKept(AutopilotAgentError):
    """The data file could not be written: ``NotKept(sentence)``. What the request changed is undone."""


def _without_computers(directory: ActiveDirectory) -> ActiveDirectory:
    return msgspec.structs.replace(directory, computers={}, log=[])


def parts_of(state: TenantState) -> list[Part]:
    """Everything of a tenant that is kept, in the order in which it is put back."""
    found: list[Part] = [
        Changed(state),
        Whole("conditions", state, "conditions", Conditions),
        *(Whole(name, state, name, int) for name in ("hello_keys", "recovery_keys", "diagnostics")),
        Whole("synced_at", state, "synced_at", int | None),
        *(Members(name, state, name) for name in SETS),
        *(Lines(name, state, name) for name in LISTS),
        Table("registration", state, "registrations", Registration),
        Table("joined", state, "joined", EntraDevice),
        Table("hybrid", state, "hybrid", EntraDevice),
        Table("owner", state, "owners", str),
        Table("made", state, "made", int, key=lambda text: tuple(msgspec.json.decode(text)), spelled=_spelled),
        Whole("active_directory", state, "active_directory", ActiveDirectory, _without_computers),
        Enrolments(state),
    ]
    return found


def _spelled(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(names).decode()


class StoredRecords:
    """What the protocols keep about their clients, in the data file. See ``Records`` in wire/http.py."""

    def __init__(self, file: DataFile) -> None:
        self.file = file
        self.begin()

    def begin(self) -> None:
        """Take the records from the file; what was put since, and is not in it, is forgotten."""
        self._kept: dict[tuple[str, str], bytes] = {}
        self._new: dict[tuple[str, str], bytes | None] = {}
        self._order = Order()
        for kind in self.file.kinds(RECORD):
            for key, value in self.file.rows(kind).items():
                try:
                    msgspec.json.decode(value, type=dict)
                except (msgspec.DecodeError, UnicodeError):
                    raise self.file.damaged(f"a row of {kind} cannot be read") from None
                self._kept[kind.removeprefix(RECORD), key] = value
                self._order.came(kind.removeprefix(RECORD), key)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record, or None."""
        found = self._kept.get((kind, key))
        return None if found is None else dict(msgspec.json.decode(found))

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Keep a record; it is on the disk before the response leaves."""
        encoded = msgspec.json.encode(value)
        if self._kept.get((kind, key)) != encoded:
            self._kept[kind, key] = self._new[kind, key] = encoded
            oldest = self._order.came(kind, key)
            if oldest is not None:
                self.drop(kind, oldest)

    def drop(self, kind: str, key: str) -> None:
        """Forget a record."""
        self._order.went(kind, key)
        if self._kept.pop((kind, key), None) is not None:
            self._new[kind, key] = None

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every record of a kind."""
        return [dict(msgspec.json.decode(value)) for (one, _), value in self._kept.items() if one == kind]

    def changes(self) -> Iterator[Row]:
        """The records that changed since the last time."""
        new, self._new = self._new, {}
        for (kind, key), value in new.items():
            yield RECORD + kind, key, value


class _Pending:
    """What one request changed: ``kept`` once it is on the disk, ``failed`` (the reason) when it never will be."""

    def __init__(self, rows: list[Row], failed: str = "", *, kept: bool = False) -> None:
        self.rows, self.failed, self.kept = rows, failed, kept


class Keeper:
    """Keeps a tenant and the records of its clients. ``request`` is the context in which each request is handled.

    Requests are handled one at a time, and written together: while one transaction is on its way to the disk, those that
    are finished meanwhile gather for the next. Each of them is in it whole, in its order, and answered after it.

    Where the file cannot be written, everything that is not in it is undone, by reading the tenant from it as after a restart:
    the requests that were on their way, and those that may have seen what they did, are refused. ``trouble`` says why, until
    a change is kept again; ``tell`` is told when it begins and when it ends.
    """

    def __init__(
        self, file: DataFile, state: TenantState, records: StoredRecords, tell: Callable[[str], None] = lambda text: None
    ) -> None:
        self.file, self.state, self.records, self.tell = file, state, records, tell
        self.trouble = ""
        self.parts = parts_of(state)
        self._computers = Table("computer", state.active_directory, "computers", Computer)
        self._log = Lines("connector_log", state.active_directory, "log")
        begun = BEGUN in file.rows(FACTS)
        try:
            self._begin(begun)
        except (InputError, msgspec.DecodeError, ValueError) as error:
            said = (error.message if isinstance(error, InputError) else str(error)).rstrip(".")
            text = f"this data file does not fit the tenant: {said}; name another file, or begin a new one."
            raise InputError(text, Place(str(file.path))) from None
        self._handling = threading.RLock()
        self._gathering = threading.Lock()
        self._writing = threading.Lock()
        self._gathered: list[_Pending] = []
        self._last = _Pending([], kept=True)
        self._stale = ""  # why the tenant in memory is ahead of the file, and has to be read from it
        if not begun:
            file.keep([*self._changes(), (FACTS, BEGUN, b"true")])

    def _begin(self, begun: bool) -> None:
        """Put the tenant back as the file has it; ``begun``: whether it is in there."""
        for part in self.parts:
            part.begin(self.file.rows(part.kind) if begun else None)
        self._computers.owner = self._log.owner = self.state.active_directory
        for part in (self._computers, self._log):
            part.begin(self.file.rows(part.kind) if begun else None)

    def _changes(self) -> list[Row]:
        self._computers.owner = self._log.owner = self.state.active_directory  # an administrator may have put another there
        found = [row for part in self.parts for row in part.changes()]
        found += self._computers.changes()
        found += self._log.changes()
        found += self.records.changes()
        return found

    @contextmanager
    def request(self) -> Iterator[None]:
        """Handle a request; when this ends, it is on the disk. Raises ``NotKept``."""
        with self._handling:
            self._undo()
            try:
                yield
            finally:
                last = self._gather(self._changes())
        self._wait_for(last)

    def _gather(self, rows: list[Row]) -> _Pending:
        """What has to be on the disk before this request is answered: its own rows, or the last that it may have seen."""
        with self._gathering:
            if self._stale:
                return _Pending(rows, self._stale)
            if rows:
                self._last = _Pending(rows)
                self._gathered.append(self._last)
            return self._last

    def _wait_for(self, last: _Pending) -> None:
        if not last.kept and not last.failed:
            with self._writing:
                if not last.kept and not last.failed:
                    self._write()
        if last.failed:
            raise NotKept(last.failed)

    def _write(self) -> None:
        with self._gathering:
            batch = list(self._gathered)
        try:
            self.file.write(row for one in batch for row in one.rows)
        except sqlite3.Error as error:
            self._fail(f"The change could not be kept ({error}) and was undone; make room on the server's disk, and ask again.")
            self._say(f"the data file cannot be written ({error}): changes are refused and undone; make room on its disk.")
            return
        with self._gathering:
            del self._gathered[: len(batch)]
            for one in batch:
                one.kept = True
        if self.trouble:
            self.trouble = ""
            self.tell(f"{self.file.path}: the data file can be written again.")

    def _fail(self, why: str) -> None:
        """Nothing that waits will be written: what was handled meanwhile may build on what is undone."""
        with self._gathering:
            for one in self._gathered:
                one.failed = why
            self._gathered.clear()
            self._stale = why

    def _say(self, trouble: str) -> None:
        """Once for as long as it lasts, not once a request."""
        before, self.trouble = self.trouble, trouble
        if not before:
            self.tell(f"{self.file.path}: {trouble}")

    def _undo(self) -> None:
        """Read the tenant from the file again after a failure. Nobody writes then: nothing is gathered while it is stale."""
        if not self._stale:
            return
        try:
            self.records.begin()
            self._begin(True)
        except sqlite3.Error as error:
            raise NotKept(f"The data file cannot be read ({error}); check the server's disk, and ask again.") from None
        with self._gathering:
            self._stale, self._last = "", _Pending([], kept=True)

    def remember(self, name: str, value: Any) -> None:
        """Keep a fact of the server itself, at once. Raises ``InputError``."""
        self.file.keep([(FACTS, name, msgspec.json.encode(value))])
