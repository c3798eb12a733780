"""A served tenant as a whole: the application, its own routes, the data file and the HTTP server, started and ended."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from autopilot_agent.errors import InputError, Malformed
from autopilot_agent.simulator import about, administration, health
from autopilot_agent.simulator.access_log import AccessLog, Seen
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.certificates import server_context
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.simulator.http_server import BoundedServer
from autopilot_agent.simulator.keeping import FACTS, Keeper, StoredRecords
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.wire.authority import Authority
from autopilot_agent.wire.http import Route
from autopilot_agent.wire.table import ROUTES

if TYPE_CHECKING:
    from autopilot_agent.simulator.store import DataFile

F = TypeVar("F")
AUTHORITY, TENANT, BEGAN, SEED = "authority", "tenant_id", "began", "seed"
"""Facts of a data file: key and certificate, whose records it has, when its virtual time began, the seed of its ids."""


def new_token() -> str:
    """An administrator's token. It begins with no hyphen: ``--admin-token "$(cat token)"`` would take that for an option."""
    return secrets.token_urlsafe(24).replace("-", "_")


class Served:
    """A tenant that answers at ``url``. Another ``desk`` may take over between requests; its authority should be the same."""

    def __init__(self, desk: TenantDesk, *, token: str = "", log: AccessLog | None = None, began: float | None = None) -> None:
        self.token = token or new_token()
        self.metrics = health.Metrics()
        self.log = log
        self.url = ""
        self.tls = False
        routes: tuple[Route, ...] = (
            *about.routes(self.token, lambda: self.tls),
            *health.routes(self.metrics),
            *administration.routes(self.token),
            *ROUTES,
        )
        self.application = Application(desk, routes, began=began, observe=self._seen, shielded=True)
        self._server: BoundedServer | None = None
        self._thread: threading.Thread | None = None

    def _seen(self, one: Seen) -> None:
        self.metrics.seen(one)
        if self.log is not None:
            self.log.seen(one)

    @property
    def desk(self) -> TenantDesk:
        """Who answers now."""
        return self.application.desk

    @desk.setter
    def desk(self, desk: TenantDesk) -> None:
        self.application.desk = desk

    def serve(self, state: TenantState) -> TenantDesk:
        """Answer from another tenant from now on, with the same authority and no records; returns its desk."""
        self.desk = TenantDesk(state, self.desk.authority)
        return self.desk

    @property
    def ca_pem(self) -> bytes:
        """The certificate that clients have to trust."""
        return self.desk.authority.certificate_pem()

    def start(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: bool = False,
        threads: int = 32,
        timeout: float = 10,
        deadline: float = 30,
        names: tuple[str, ...] = (),
    ) -> None:
        """Begin to listen; port 0 takes a free one. ``names`` are more host names for the certificate.

        Raises ``InputError`` for an address that cannot be used.
        """
        own = () if host in ("", "0.0.0.0", "::") else (host,)
        server = BoundedServer(
            (host, port),
            self.application,
            context=server_context(self.desk.authority, (*names, *own)) if tls else None,
            threads=threads,
            timeout=timeout,
            deadline=deadline,
            complain=self.log.said if self.log is not None else lambda text: None,
        )
        try:
            server.prepare()
        except (OSError, OverflowError, UnicodeError) as error:
            reason = str(error).rpartition("] ")[2].rstrip(")") or str(error)
            raise InputError(f"port {port} of {host} cannot be used ({reason}); choose another with --port.") from None
        self.tls = tls
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{shown}:{server.bind_addr[1]}"
        self._server = server
        self._thread = threading.Thread(target=server.serve, name="autopilot-agent server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, and stop listening."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None


def desk_of(
    state: TenantState, file: DataFile | None = None, tell: Callable[[str], None] = lambda text: None
) -> tuple[TenantDesk, float | None]:
    """The desk of a tenant, and when its virtual time began: both as the data file has them, where there is one.

    ``tell`` is told when the file cannot be written any more, and when it can again. Raises ``InputError`` for the data file
    of another tenant.
    """
    if file is None:
        return TenantDesk(state, Authority.make()), None
    known = fact(file, TENANT, str) or state.tenant_id
    if known != state.tenant_id:
        raise InputError(f"{file.path}: this data file belongs to tenant {known}, not to {state.tenant_id}; name another file.")
    authority = authority_of(file)
    began = fact(file, BEGAN, float)
    began = time.time() if began is None else began
    records = StoredRecords(file)
    keeper = Keeper(file, state, records, tell)
    keeper.remember(TENANT, state.tenant_id)
    keeper.remember(BEGAN, began)
    return TenantDesk(state, authority, records, keeper.request, trouble=lambda: keeper.trouble), began


def authority_of(file: DataFile) -> Authority:
    """The authority of a data file; a new one where it has none yet."""
    kept = kept_authority(file)
    if kept is not None:
        return kept
    made = Authority.make()
    file.keep([(FACTS, AUTHORITY, made.to_pem())])
    return made


def kept_authority(file: DataFile) -> Authority | None:
    """The authority of a data file, if there is one. Raises ``InputError`` for one that cannot be read."""
    kept = file.rows(FACTS).get(AUTHORITY)
    try:
        return Authority.load(kept) if kept is not None else None
    except Malformed:
        raise file.damaged("its authority cannot be read") from None


def fact(file: DataFile, name: str, kind: type[F]) -> F | None:
    """A fact of a data file, None where it is not there. Raises ``InputError`` for one that cannot be read."""
    kept = file.rows(FACTS).get(name)
    try:
        return msgspec.json.decode(kept, type=kind) if kept is not None else None
    except (msgspec.DecodeError, UnicodeError):
        raise file.damaged(f"its {name} cannot be read") from None


def seed_of(file: DataFile, seed: int | None) -> int | None:
    """The seed that a data file's ids were made with; ``seed`` where no tenant began yet. Raises ``InputError`` for another."""
    facts = file.rows(FACTS)
    if SEED not in facts or TENANT not in facts:
        file.keep([(FACTS, SEED, msgspec.json.encode(seed))])
        return seed
    found = fact(file, SEED, int) if facts[SEED] != b"null" else None
    if seed is not None and seed != found:
        begun = f"with seed {found}" if found is not None else "without a seed"
        raise InputError(f"{file.path}: this data file was begun {begun}; leave --seed out, or name another file.")
    return found


@contextmanager
def serving(
    state_or_desk: TenantState | TenantDesk,
    *,
    tls: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str = "",
    log: AccessLog | None = None,
    threads: int = 8,
    timeout: float = 10,
    deadline: float = 30,
    authority: Callable[[], Authority] = Authority.make,
) -> Iterator[Served]:
    """A tenant on a free port of the loopback address, for as long as the block lasts."""
    desk = state_or_desk if isinstance(state_or_desk, TenantDesk) else TenantDesk(state_or_desk, authority())
    served = Served(desk, token=token, log=log)
    served.start(host, port, tls=tls, threads=threads, timeout=timeout, deadline=deadline)
    try:
        yield served
    finally:
        with suppress(OSError):
            served.stop()
