"""What stands between the routes and the tenant: one call at a time, with what was answered kept before it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from autopilot_agent.device.hardware_hash import WrongHash, read_hash
from autopilot_agent.service.base import Answer, Call
from autopilot_agent.service.entra import SignIn
from autopilot_agent.simulator.passing import Order
from autopilot_agent.tenant.cloud import answer as tenant_answer
from autopilot_agent.tenant.registration import identities
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.wire import private
from autopilot_agent.wire.authority import Authority
from autopilot_agent.wire.http import Incoming, Records

A = TypeVar("A", bound=Answer)
FACTS = (("serial_number", "serial_number"), ("device", "device_id"), ("enrolment", "enrolment_id"))
"""What the log says of a call, and the fields of calls that say so."""


class MemoryRecords:
    """Records that last as long as the process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}
        self._order = Order()

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record, or None."""
        return self._kept.get((kind, key))

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Keep a record."""
        self._kept[kind, key] = value
        oldest = self._order.came(kind, key)
        if oldest is not None:
            self.drop(kind, oldest)

    def drop(self, kind: str, key: str) -> None:
        """Forget a record."""
        self._kept.pop((kind, key), None)
        self._order.went(kind, key)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every record of a kind."""
        return [value for (one, _), value in list(self._kept.items()) if one == kind]


class TenantDesk:
    """The ``Desk`` of a tenant (see wire/http.py).

    ``keep`` gives a context for each request: when it ends, whatever the request changed is on the disk. ``trouble`` says why
    changes cannot be kept at present, "" where they can.
    """

    def __init__(
        self,
        state: TenantState,
        authority: Authority,
        records: Records | None = None,
        keep: Callable[[], AbstractContextManager[None]] | None = None,
        credentials: str = "",
        *,
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        self.forgotten = 0  # enrolments that left no trace, see forget_enrolment
        self.state = state
        self.authority = authority
        self.credentials = credentials
        self.records: Records = records or MemoryRecords()
        self.keep = keep
        self.trouble = trouble
        self.lock = threading.RLock()

    def kept(self) -> AbstractContextManager[None]:
        """The context of one request; after it nothing that was answered is lost. Raises ``NotKept``."""
        return self.keep() if self.keep is not None else nullcontext()

    def answer(self, call: Call[A], incoming: Incoming) -> A:
        """The tenant's answer; raises ``ServiceFault``. The device's private fields are filled in before."""
        if incoming.ours:
            call = private.restore_call(call, incoming.headers.get(private.CALL, ""))
        for name, field in FACTS:
            if found := getattr(call, field, ""):
                incoming.facts[name] = str(found)
        said: list[tuple[str, str]] = []
        with self.lock:
            before, self.state.tell = self.state.tell, lambda rule, text: said.append((rule, text))
            try:
                answer = tenant_answer(self.state, call, incoming.now)
            finally:
                self.state.tell = before
                if said and incoming.ours:
                    incoming.private[private.SAID] = private.pack(said)
        header = private.answer_header(answer)
        if header and incoming.ours:
            incoming.private[private.ANSWER] = header
        return answer

    def serial_number_of(self, registration_id: str) -> str:
        """The serial number of the hardware with a registration; "" where there is none."""
        with self.lock:
            known = identities(self.state)
        return next((one.serial_number or "" for one in known if one.id == registration_id), "")

    def discovery_paths(self) -> tuple[str, ...]:
        """The paths at which the tenant's MDM applications say that discovery is."""
        found: dict[str, None] = {}
        for one in self.state.data.mobility_management_policies:
            with suppress(ValueError):  # a text that is no address
                path = urlsplit(one.discovery_url or "").path
                if path.startswith("/") and "<" not in path:  # the mark of a variable in a route
                    found[path] = None
        return tuple(found)

    def registration_of_hash(self, hardware_hash: str) -> tuple[str, str]:
        """Registration id and serial number of the hardware that a hash describes; each "" where it is not known."""
        try:
            serial_number = read_hash(hardware_hash).serial_number
        except WrongHash:
            return "", ""
        with self.lock:
            identity = self.state.find_identity(serial_number, hardware_hash)
        return (identity.id if identity is not None else ""), serial_number

    def tenant_of(self, name: str = "") -> str:
        """The id of the tenant here when ``name`` is that id, one of its domains or ""; "" for every other name."""
        wanted = name.casefold()
        ours = not wanted or wanted == self.state.tenant_id.casefold() or wanted in self.state.domains
        return self.state.tenant_id if ours else ""

    def somebody(self) -> str:
        """Sign-in name of the first licensed user ("" in a tenant without one)."""
        users = self.state.data.users
        return next((one.user_principal_name for one in users if one.licensed and one.account_enabled), "")

    def user_id_of(self, name: str) -> str:
        """The object id of a user by id or sign-in name; "" for nobody."""
        user = self.state.user(name)
        return user.id if user is not None else ""

    def check_password(self, name: str, password: str) -> str:
        """The object id of a user whose password is right; raises ``ServiceFault`` otherwise."""
        with self.lock:
            return tenant_answer(self.state, SignIn(name, password, "approved"), 0).user_id

    def user_of_enrolment(self, enrolment_id: str) -> str:
        """The object id of the user whose device an enrolment is; "" for nobody."""
        known = self.state.enrolled.get(enrolment_id)
        return known.primary_user if known is not None else ""

    def forget_enrolment(self, enrolment_id: str) -> None:
        """The same device enrolled again under the same DeviceID: the enrolment of before is over.

        One that never held a session leaves no trace in the reports either, so requests that are sent again and again do not
        fill the memory.
        """
        with self.lock:
            gone = self.state.enrolled.pop(enrolment_id, None)
            if gone is not None and not gone.sessions and self.keep is None:
                self.state.history = [one for one in self.state.history if one is not gone]
                self.forgotten += 1

    def enrolments(self) -> list[str]:
        """Ids of the enrolments that stand."""
        return list(self.state.enrolled)
