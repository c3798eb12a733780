"""Requests over real connections: prepared once, sent by ``requests``, with the device's certificate where one is shown."""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, LocationValueError, NameResolutionError, NewConnectionError, ReadTimeoutError
from urllib3.util import parse_url

from autopilot_agent.backends.addresses import Addresses, bad_url
from autopilot_agent.backends.punctual import POOLS
from autopilot_agent.errors import InputError, Malformed, Unreachable
from autopilot_agent.wire.authority import der
from autopilot_agent.wire.clients import CLIENT_CERT, shown_header
from autopilot_agent.wire.hosts import check_host
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import to_pem

if TYPE_CHECKING:
    from autopilot_agent.wire.wallet import Credential, Wallet

SECONDS = 30.0
"""Real seconds in which a server's whole answer has to come after the request; the device sees a time-out then."""
MOST_SERVERS = 64
"""Servers whose connections are kept."""
_SERVER = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?=[/?#]|\Z)")
"""The beginning of an ordinary URL, up to where its path may begin."""
_WANTS_TLS = re.compile(rb"speaks HTTPS|HTTP request (?:was sent )?to (?:an )?HTTPS|speaking plain HTTP to an SSL", re.I)
"""What servers answer to HTTP on a port for HTTPS: ours and cheroot, nginx and Go, Apache."""
LARGEST = 64_000_000
"""Bytes of an answer that are read where nobody says less; packages come this way, too."""
NAME, CONNECT, TIME, RESET = "0x80072EE7", "0x80072EFD", "0x80072EE2", "0x80072EFE"
DATE, COMMON_NAME, AUTHORITY, CHANNEL = "0x80072F05", "0x80072F06", "0x80072F0D", "0x80072F7D"
SAID = {
    NAME: "the server's name cannot be resolved",
    CONNECT: "nobody answers at the server's address",
    TIME: "no answer came in time",
    RESET: "the connection was closed before an answer came",
    DATE: "the server's certificate has expired or is not valid yet",
    COMMON_NAME: "the server's certificate is for another name",
    AUTHORITY: "the server's certificate comes from an authority that the device does not trust",
    CHANNEL: "no secure connection could be made",
}
"""What the record says, without anything that differs from run to run."""


class GuardedAdapter(HTTPAdapter):
    """The only way out: looks at the host of every request that is really sent, redirects included.

    What ``requests`` would find out again for each request (whether the file of authorities is there, which proxy and which
    pool belong to a URL, what cookies came) is found out once for a server or not at all: a fifth of the client's time.
    """

    def __init__(self, allowed: frozenset[str], context: ssl.SSLContext | None = None) -> None:
        self._allowed = allowed
        self._context = context
        self._pools: dict[str, Any] = {}
        self._passed: set[str] = set()
        super().__init__(pool_connections=MOST_SERVERS)

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        """Connections with the context that holds the device's certificate, and with an end to their patience."""
        if self._context is not None:
            named["ssl_context"] = self._context
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def send(self, request: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:
        """Send, if the host may be talked to; raises ``InputError`` otherwise, ``LocationValueError`` for no address."""
        server = _server_of(request)
        if server not in self._passed:
            check_host(parse_url(request.url or "").host or "", self._allowed)
            if len(self._passed) < MOST_SERVERS:
                self._passed.add(server)
        return super().send(request, *args, **named)

    def get_connection_with_tls_context(self, request: requests.PreparedRequest, verify: Any, *args: Any, **named: Any) -> Any:
        """The connections to a server, which are told whom to trust when they are made."""
        server = _server_of(request)
        pool = self._pools.get(server)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, *args, **named)
            super().cert_verify(pool, request.url or "", verify, None)  # type: ignore[no-untyped-call]  # not in the stubs
            if len(self._pools) >= MOST_SERVERS:  # beyond so many urllib3 closes the oldest
                self._pools.clear()
            self._pools[server] = pool
        return pool

    def close(self) -> None:
        """Close the connections; none of them is taken for another request."""
        self._pools.clear()
        super().close()

    def cert_verify(self, *args: Any) -> None:
        """Nothing: see above."""

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """The path, because nothing goes through a proxy."""
        return request.path_url

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """The answer without cookies and a guess at its encoding."""
        found = requests.Response()
        found.status_code, found.headers, found.raw, found.connection = answer.status, answer.headers, answer, self
        return found


def _server_of(request: requests.PreparedRequest) -> str:
    """What of a URL tells the server; all of it where that takes more than a look."""
    url = request.url or ""
    found = _SERVER.match(url)
    return found[0] if found else url


class RequestsNet:
    """Sends requests to the servers of ``addresses``. ``ca`` is a file with certificates that are trusted besides the usual.

    Raises ``InputError`` for a host that may not be talked to, ``Unreachable`` with Windows' code for everything that fails.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        ca: str = "",
        allowed: frozenset[str] = frozenset(),
        seconds: float = SECONDS,
        largest: int | None = None,
    ) -> None:
        self.addresses = addresses
        self.ca = ca
        self.allowed = allowed
        self.seconds = seconds
        self.largest = largest if largest is not None else LARGEST
        self._adapters: dict[str, tuple[Credential | None, GuardedAdapter]] = {}
        self._unheard = {base for base in addresses.bases() if base.startswith("http:")}
        for base in addresses.bases():
            check_host(_host_of(base), allowed)

    def send(self, request: Request, wallet: Wallet) -> Response:
        """The server's response."""
        shown = wallet.shown(request.certificate)
        url = self.addresses.url(request.url)
        headers = request.headers
        if shown is not None and url.startswith("http:"):
            headers = {**headers, CLIENT_CERT: shown_header(shown.certificate)}
            shown = None  # no connection shows it, and making a context for one takes as long as 30 requests
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.body = request.method, url, request.body or None
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers = {**headers, "Content-Length": str(len(request.body))}
        prepared.headers = headers  # type: ignore[assignment]  # a plain dict does, and 25 us sooner
        adapter = self._adapter(request.certificate if shown is not None else "", shown)
        try:
            answer = adapter.send(prepared, stream=True, timeout=self.seconds, verify=self.ca or True, proxies={})
            body = answer.raw.read(self.largest + 1, decode_content=True)
            answer.close() if len(body) > self.largest else answer.raw.release_conn()
        except (LocationValueError, requests.exceptions.InvalidURL):
            raise bad_url() from None
        except requests.RequestException as error:
            raise _unreachable(error) from None
        except ReadTimeoutError as error:
            raise _unreachable(requests.Timeout(error)) from None
        except (HTTPError, OSError) as error:
            raise _unreachable(requests.ConnectionError(error)) from None
        except ValueError:  # a header or a name that the URL library does not send; its words would show the header
            adapter.close()
            raise Malformed("the request cannot be sent: a header or the address holds what HTTP does not take") from None
        if len(body) > self.largest:
            raise Malformed(f"the answer has more than {self.largest} bytes")
        if self._unheard:
            self._listen(url, answer.status_code, body)
        return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)

    def _listen(self, url: str, status: int, body: bytes) -> None:
        """Hear the first answer of an address that somebody gave; raises ``InputError`` where it asks for HTTPS."""
        for base in [one for one in self._unheard if url.startswith(one)]:
            self._unheard.discard(base)
            if status == 400 and _WANTS_TLS.search(body[:4000]):
                raise InputError(f"{base} answers that HTTPS is spoken there; write https:{base.partition(':')[2]}.")

    def close(self) -> None:
        """Close all connections."""
        for _, adapter in self._adapters.values():
            adapter.close()
        self._adapters.clear()

    def _adapter(self, which: str, shown: Credential | None) -> GuardedAdapter:
        """Connections that show a certificate; they are made anew when the device gets another one."""
        known, adapter = self._adapters.get(which, (None, None))
        if adapter is not None and known is shown:
            return adapter
        if adapter is not None:
            adapter.close()
        made = GuardedAdapter(self.allowed, self._context(shown) if shown is not None else None)
        self._adapters[which] = (shown, made)
        return made

    def _context(self, shown: Credential) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca or None)
        data = to_pem(shown.key) + ssl.DER_cert_to_PEM_cert(der(shown.certificate)).encode()
        # The ssl module reads certificates from files only; this one is gone before anything is sent.
        handle, name = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            context.load_cert_chain(name)
        finally:
            os.unlink(name)
        return context


def _host_of(base: str) -> str:
    """The host of an address that somebody gave; raises ``InputError`` where the URL library finds none."""
    try:
        return parse_url(base).host or ""
    except LocationValueError:
        raise InputError(f"{base[:80]!r} is no address; expected one such as https://localhost:8443.") from None


def _unreachable(error: requests.RequestException) -> Unreachable:
    code = _code(error)
    return Unreachable(code, SAID[code])


def _code(error: requests.RequestException) -> str:
    """Windows' code for what went wrong underneath (WinINet errors as HRESULT, protocols.md 17)."""
    if isinstance(error, requests.exceptions.SSLError):
        text = str(error)
        if "expired" in text or "not yet valid" in text:
            return DATE
        if "match" in text:
            return COMMON_NAME
        return AUTHORITY if "CERTIFICATE_VERIFY_FAILED" in text else CHANNEL
    if isinstance(error, requests.exceptions.Timeout):
        return TIME
    causes = [*error.args, getattr(error.args[0], "reason", None) if error.args else None]
    if any(isinstance(one, NameResolutionError) for one in causes):
        return NAME
    return CONNECT if any(isinstance(one, NewConnectionError) for one in causes) else RESET
