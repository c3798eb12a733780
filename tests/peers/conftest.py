"""Ways for clients that are not ours to reach a served tenant: its WSGI application in this process, or a socket."""

from __future__ import annotations

import base64
import io
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests
from plumbing import ClientCertificate, Reply, Send

from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import one_authority as authority_of_the_process
from autopilot_agent.testing.small import small_state

BASE = "https://cloud.contoso.example"


class Served:
    """A tenant that is served, and how to reach it."""

    def __init__(self, changes: dict[str, object]) -> None:
        self.state: TenantState = small_state(changes)
        self.application = Application(TenantDesk(self.state, authority_of_the_process()))
        self.base = BASE
        self.send: Send = wsgi_transport(self.application)
        self.stop: Callable[[], None] = lambda: None

    def over_a_socket(self) -> Served:
        """Serve the same on a port of this machine, without TLS: certificates go in the header of RFC 9440."""
        server = make_server("127.0.0.1", 0, self.application, _Threaded, _Quiet)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self.base, self.send, self.stop = f"http://127.0.0.1:{server.server_port}", socket_transport(None), stop
        return self


class _Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serves the small tenant with changes: ``serve({"cloud.mfa": True})``."""
    made: list[Served] = []

    def start(changes: dict[str, object] | None = None) -> Served:
        made.append(Served(changes or {}))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def wsgi_transport(application: Callable[..., Any]) -> Send:
    """Calls a WSGI application as a server with TLS would."""

    def send(method: str, url: str, headers: dict[str, str], body: bytes, certificate: ClientCertificate) -> Reply:
        parts = urlsplit(url)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname or "",
            "SERVER_PORT": str(parts.port or 443),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": parts.netloc,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.version": (1, 0),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        if certificate is not None:
            environ["SSL_CLIENT_CERT"] = certificate[0].decode()
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, answered: list[tuple[str, str]], exc_info: object = None) -> None:
            begun.append((status, answered))

        result = application(environ, start)
        try:
            answer = b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        status, answered = begun[-1]
        return int(status.split(" ")[0]), {name.lower(): value for name, value in answered}, answer

    return send


def socket_transport(authority: str | None) -> Send:
    """Real HTTP with requests; ``authority`` is the file of the CA to trust. Redirects are shown, not followed."""
    session = requests.Session()
    session.trust_env = False

    def send(method: str, url: str, headers: dict[str, str], body: bytes, certificate: ClientCertificate) -> Reply:
        more = dict(headers)
        if certificate is not None and url.startswith("http:"):
            der = ssl.PEM_cert_to_DER_cert(certificate[0].decode())
            more["Client-Cert"] = f":{base64.b64encode(der).decode()}:"
        found = session.request(
            method, url, headers=more, data=body, verify=authority or True, allow_redirects=False, timeout=20
        )
        return found.status_code, {name.lower(): value for name, value in found.headers.items()}, found.content

    return send
