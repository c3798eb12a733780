"""A served tenant without a socket: requests go through the WSGI application in the same process."""

from __future__ import annotations

import io
from functools import cache
from urllib.parse import urlsplit

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.wire.authority import Authority, der
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Wallet


@cache
def one_authority() -> Authority:
    """One authority for all in-process servers of a process: making one takes as long as many runs."""
    return Authority.make()


class InProcessNet:
    """Calls a WSGI application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def send(self, request: Request, wallet: Wallet) -> Response:
        """The application's response."""
        parts = urlsplit(request.url)
        environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": _unquoted(parts.path),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.version": (1, 0),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "CONTENT_LENGTH": str(len(request.body)),
        }
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        shown = wallet.shown(request.certificate)
        if shown is not None:
            from ssl import DER_cert_to_PEM_cert

            environ["SSL_CLIENT_CERT"] = DER_cert_to_PEM_cert(der(shown.certificate))
        kept: list[tuple[int, dict[str, str]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            kept.append((int(status[:3]), {name.lower(): value for name, value in headers}))

        body = b"".join(self.application(environ, start))
        return Response(kept[0][0], kept[0][1], body)


def _unquoted(path: str) -> str:
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path).decode("latin-1")


def in_process_backend(state: TenantState) -> HttpBackend:
    """A backend that speaks HTTP to a server over this tenant state, both in this process."""
    return backend_of(TenantDesk(state, one_authority()))


def backend_of(desk: TenantDesk) -> HttpBackend:
    """The same with a desk of one's own."""
    net = InProcessNet(Application(desk))
    return HttpBackend(net, Wallet(KeySource(pooled=True)), tell=lambda rule, text: desk.state.tell(rule, text))
