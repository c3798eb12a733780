"""What a served tenant keeps in its data file: one transaction per request, on the disk before the answer leaves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from autopilot_agent.errors import AutopilotAgentError, InputError, Place
from autopilot_agent.scenario.saved_cloud import KeptEnrolment, enrolment_again, kept_enrolment
from autopilot_agent.simulator.graph_resources import Changed
from autopilot_agent.simulator.parts import Lines, Members, Part, Table, Watched, Whole
from autopilot_agent.simulator.passing import Order
from autopilot_agent.simulator.store import DataFile, Row
from autopilot_agent.tenant.active_directory import ActiveDirectory, Computer
from autopilot_agent.tenant.graph.directory import EntraDevice
from autopilot_agent.tenant.state import Conditions, EnrolledDevice, Registration, TenantState

FACTS, RECORD = "facts", "record:"
SETS = ("unregistered", "mismatched", "deleted_objects", "used_registrations", "told")
LISTS = ("left_over", "sync_answers", "import_errors", "sign_ins")
BEGUN = "begun"
"""The fact that this tenant's records are in the file."""


class NotKept(AutopilotAgentError):
    """The data file could not be written: ``NotKept(sentence)``. The request is answered with an error."""


class _KeptDevice(msgspec.Struct):
    """The row of an enrolment: its number in the history, whether it stands, and what it is."""

    number: int
    stands: bool
    device: KeptEnrolment


class Enrolments:
    """The history of enrolments and those that stand: a row each. See ``Part``."""

    kind = "enrolment"

    def __init__(self, state: TenantState) -> None:
        self.state = state
        self._numbers: dict[str, int] = {}
        self._known = 0
        self._last: dict[str, int] = {}

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        state = self.state
        if rows is not None:
            read = sorted((msgspec.json.decode(row, type=_KeptDevice) for row in rows.values()), key=lambda one: one.number)
            state.history = [enrolment_again(state, one.device) for one in read]
            pairs = zip(read, state.history, strict=True)
            state.enrolled = Watched((device.enrolment_id, device) for one, device in pairs if one.stands)
            self._last = {name: hash(row) for name, row in rows.items()}
            self._count()
        else:
            state.enrolled = Watched(state.enrolled.items())
        self._watched().touched.clear()

    def _watched(self) -> Watched:
        found = self.state.enrolled
        if not isinstance(found, Watched):
            found = self.state.enrolled = Watched(found.items())
        return found

    def _count(self) -> set[str]:
        """The enrolments that were added since the last time."""
        new = self.state.history[self._known :]
        self._numbers.update({one.enrolment_id: number for number, one in enumerate(new, self._known)})
        self._known += len(new)
        return {one.enrolment_id for one in new}

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        enrolled = self._watched()
        touched = enrolled.touched | self._count()
        for name in sorted(touched & self._numbers.keys()):
            number = self._numbers[name]
            device: EnrolledDevice = self.state.history[number]
            row = msgspec.json.encode(_KeptDevice(number, name in enrolled, kept_enrolment(device)))
            if self._last.get(name) != hash(row):
                self._last[name] = hash(row)
                yield self.kind, name, row
        enrolled.touched.clear()


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
        self._kept: dict[tuple[str, str], bytes] = {}
        self._new: dict[tuple[str, str], bytes | None] = {}
        self._order = Order()
        for kind in file.kinds(RECORD):
            for key, value in file.rows(kind).items():
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


class Keeper:
    """Keeps a tenant and the records of its clients. ``request`` is the context in which each request is handled.

    Requests are handled one at a time, and written together: while one transaction is on its way to the disk, those that
    are finished meanwhile gather for the next. Each of them is in it whole, in its order, and answered after it.
    """

    def __init__(self, file: DataFile, state: TenantState, records: StoredRecords) -> None:
        self.file, self.state, self.records = file, state, records
        self.parts = parts_of(state)
        begun = BEGUN in file.rows(FACTS)
        try:
            for part in self.parts:
                part.begin(file.rows(part.kind) if begun else None)
        except (InputError, msgspec.DecodeError, ValueError) as error:
            said = error.message if isinstance(error, InputError) else str(error)
            raise InputError(f"this data file does not fit the tenant: {said}", Place(str(file.path))) from None
        self._computers = Table("computer", state.active_directory, "computers", Computer)
        self._log = Lines("connector_log", state.active_directory, "log")
        for part in (self._computers, self._log):
            part.begin(file.rows(part.kind) if begun else None)
        self._handling = threading.RLock()
        self._gathering = threading.Lock()
        self._writing = threading.Lock()
        self._gathered: list[list[Row]] = []
        self._finished = self._written = 0
        if not begun:
            file.write([*self._changes(), (FACTS, BEGUN, b"true")])

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
            try:
                yield
            finally:
                rows = self._changes()
                with self._gathering:
                    if rows:
                        self._gathered.append(rows)
                        self._finished += 1
                    number = self._finished
        self._wait_for(number)

    def _wait_for(self, number: int) -> None:
        if self._written >= number:
            return
        with self._writing:
            if self._written >= number:
                return
            with self._gathering:
                batch, upto = list(self._gathered), self._finished
            try:
                self.file.write(row for rows in batch for row in rows)
            except sqlite3.Error as error:
                raise NotKept(f"the data file cannot be written: {error}") from None
            with self._gathering:
                del self._gathered[: len(batch)]
            self._written = upto

    def remember(self, name: str, value: Any) -> None:
        """Keep a fact of the server itself, at once."""
        self.file.write([(FACTS, name, msgspec.json.encode(value))])
