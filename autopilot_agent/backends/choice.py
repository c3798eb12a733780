"""A server as the cloud of a run: what the command line says of it, made into a backend for each run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autopilot_agent.backends.addresses import MDM, MEMORY, Addresses, host_of
from autopilot_agent.backends.http import HttpBackend, Net
from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.backends.recorded import RecordingNet, ReplayNet, new_session
from autopilot_agent.errors import InputError, Malformed, ServiceUnavailable, Unreachable
from autopilot_agent.service.base import Call
from autopilot_agent.service.content import DownloadMsi
from autopilot_agent.wire import calls
from autopilot_agent.wire.content import NETWORKS
from autopilot_agent.wire.hosts import is_production
from autopilot_agent.wire.http import Request
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.table import FLOWS
from autopilot_agent.wire.wallet import Wallet

if TYPE_CHECKING:
    from autopilot_agent.tenant.state import TenantState

PRODUCT = "autopilot-agent"
ABOUT = "/autopilot-agent"
"""Where a tenant of ours says that it is one."""
CLOUD = "/autopilot-agent/cloud"


class About(msgspec.Struct):
    """How a tenant of ours introduces itself."""

    product: str
    version: str = ""
    tenant_id: str = ""


class ServerChoice(msgspec.Struct, frozen=True):
    """``--backend URL`` with all that belongs to it; called with a tenant state it makes the backend of one run.

    ``url`` serves everything if it is a tenant of ours, else enrolment and management; ``table`` says otherwise for single
    services. ``ca`` is a file of trusted certificates, ``allowed`` hosts besides loopback, ``token`` the administrator's.
    ``enrol_token`` is what the device enrols with instead of the user's token.
    ``pooled`` keys are for runs whose keys nobody looks at. ``record`` is a folder to keep the session in; ``replay`` is
    such a folder, instead of a server.
    """

    url: str
    table: dict[str, str] = {}
    ca: str = ""
    allowed: tuple[str, ...] = ()
    token: str = ""
    pooled: bool = False
    record: str = ""
    replay: str = ""
    enrol_token: str = ""

    def __call__(self, state: TenantState) -> HttpBackend:
        """The backend; raises ``InputError`` for a host that may not be talked to, ``ServiceUnavailable`` without a server."""
        wallet = Wallet(KeySource(pooled=self.pooled), state.guid("network", "wallet"))
        if self.replay:
            recording = ReplayNet(Path(self.replay))
            session = recording.session
            wallet.private, wallet.replayed = session.private, True
            known = "recorded" if recording.has(CLOUD) else ""
            return RemoteBackend(recording, wallet, state, Addresses(session.url, session.served), token=known)
        from autopilot_agent.backends.net import RequestsNet

        wallet.enrol_token = self.enrol_token
        net = RequestsNet(Addresses(self.url, self.table), ca=self.ca, allowed=frozenset(self.allowed))
        ours = wallet.private = introduced(net, self.url) is not None
        if not ours:
            net.addresses = Addresses("", {**dict.fromkeys(MDM, self.url), **self.table})
        used: Net = net
        if self.record:
            served = net.addresses
            used = RecordingNet(net, Path(self.record), new_session(served.base, served.table, private=ours))
        return RemoteBackend(used, wallet, state, net.addresses, token=self.token if ours else "", close=net.close)

    def hosts(self) -> list[str]:
        """The hosts that would be asked."""
        return [host_of(base) for base in Addresses(self.url, self.table).bases()]

    def words(self) -> list[str]:
        """The options that choose the same server again, for the line that repeats a run; the token is not among them."""
        found = ["--backend", f"replay:{self.replay}" if self.replay else self.url]
        for name, place in self.table.items():
            found += ["--map", f"{name}={place}"]
        for host in self.allowed:
            found += ["--allow-host", host]
        return found + (["--ca", self.ca] if self.ca else [])


class RemoteBackend(HttpBackend):
    """An HTTP backend whose cloud is not in this process, so the run has to ask it for what it recorded."""

    def __init__(
        self,
        net: Net,
        wallet: Wallet,
        state: TenantState,
        addresses: Addresses,
        *,
        token: str = "",
        close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            net,
            wallet,
            local=MemoryBackend(state),
            elsewhere=lambda call: serves(addresses, call),
            tell=lambda rule, text: state.tell(rule, text),
        )
        self.token = token
        self._close = close

    def cloud(self) -> bytes | None:
        """The records of a tenant of ours as ``SavedCloud`` in JSON; None where nobody lets us look."""
        if not self.token:
            return None
        headers = {"authorization": f"Bearer {self.token}"}
        try:
            answer = self.net.send(Request("GET", f"https://{calls.HOST}{CLOUD}", headers), self.wallet)
        except Unreachable as error:
            raise ServiceUnavailable(f"the records of the served tenant cannot be read: {error.reason}.") from None
        except Malformed as error:
            raise ServiceUnavailable(f"the records of the served tenant cannot be read: {error}.") from None
        if answer.status == 401:
            raise InputError("the server does not take this administrator's token; 'serve' says where the right one is.")
        return answer.body if answer.good else None

    def close(self) -> None:
        """Close the connections; a recording has none."""
        if self._close is not None:
            self._close()


def serves(addresses: Addresses, call: Call[Any]) -> bool:
    """Whether a call goes to a server at all.

    A package is fetched from where an MDM that is not ours says that it lies, unless that is a host of the simulation.
    """
    kind = type(call)
    host = kind.host if kind in FLOWS else calls.HOST
    if isinstance(call, DownloadMsi) and call.url.startswith(("http:", "https:")):
        host = host_of(call.url) or host
        if addresses.place_of(host) is None and addresses.place_of(kind.host) is None:
            return not is_production(host) and host not in NETWORKS
    place = addresses.place_of(host)
    return place is not None and place != MEMORY


def introduced(net: Net, url: str) -> About | None:
    """How a server introduces itself; None for one that is not ours. Raises ``ServiceUnavailable`` when nobody is there."""
    try:
        answer = net.send(Request("GET", url + ABOUT), _nobody())
    except Unreachable as error:
        raise ServiceUnavailable(f"{url} cannot be used: {error.reason} ({error.code}).") from None
    except Malformed as error:
        raise ServiceUnavailable(f"{url} cannot be used: {error}.") from None
    try:
        found = msgspec.json.decode(answer.body, type=About) if answer.good else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found is not None and found.product == PRODUCT else None


@cache
def _nobody() -> Wallet:
    """A wallet with nothing in it."""
    return Wallet()
