"""The HTTP server around the application: cheroot, with bounds on everything that a client can make long, large or slow.

What is ours here: the TLS handshake happens in a worker, so that a client that never finishes it stops nobody; a connection
takes a worker only when it has something to say; a request has to be complete by a deadline; what cannot be framed without
doubt is refused; and nothing is ever written to standard error.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cheroot.makefile import MakeFile
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

from autopilot_agent.simulator.idle_connections import Connections, readable
from autopilot_agent.simulator.reading import Chunks, make_file

HEADER_BYTES = 256 * 1024
"""All headers of a request; each private header may have 48 kB."""
BODY_BYTES = 16 * 1024 * 1024
"""The largest body that is read at all; each route has a smaller bound of its own."""
MOST_CONNECTIONS = 400
"""Open connections without a request; one more takes the place of the one that is idle longest. Windows selects among 512."""
WAITING = 256
"""Requests that may wait for a worker; a client beyond that is told 503."""
LINGER = 0.02
"""Seconds that a worker stays with a connection for its next request, while nobody else waits."""
DRAIN = 1_000_000
"""Bytes of a refused request that are read and forgotten, so that the client sees the refusal and no reset."""
MOST_HEADERS = 200
_LENGTH = re.compile(rb"[0-9]{1,15}")
_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")
"""A token of RFC 9110 without the underscore, which WSGI cannot tell from a hyphen."""
_ONCE = frozenset((b"Content-Length", b"Transfer-Encoding", b"Host", b"Authorization", b"Content-Type"))


class StrictHeaders(HeaderReader):
    """Reads headers as RFC 9112 wants them: no folded lines, no blanks in names, nothing twice that can only be once."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """All headers up to the empty line. Raises ``ValueError``, which cheroot answers with 400."""
        found = {} if hdict is None else hdict
        for _ in range(MOST_HEADERS):
            line: bytes = rfile.readline()
            if line == b"\r\n":
                return found
            name, colon, value = line.partition(b":")
            if not line.endswith(b"\r\n") or not colon or b"\0" in line or b"\r" in line[:-2]:
                raise ValueError("A header line is not complete.")
            if not _NAME.fullmatch(name):
                if b"_" in name:
                    continue
                raise ValueError("The name of a header is wrong.")
            name, value = name.title(), value.strip()
            if name in found:
                if name in _ONCE:
                    raise ValueError("A header stands twice that can only be there once.")
                value = found[name] + b", " + value
            found[name] = value
        raise ValueError("There are too many headers.")


class StrictRequest(HTTPRequest):
    """A request whose length is beyond doubt."""

    header_reader = StrictHeaders()

    def read_request_line(self) -> bool:
        """Read the first line; an address that is none (``http://[::1/``) is no defect of ours."""
        try:
            return bool(super().read_request_line())  # type: ignore[no-untyped-call]  # cheroot's stubs lack the type
        except ValueError:
            self.simple_response("400 Bad Request", "Malformed Request-URI")
            return False

    def read_request_headers(self) -> bool:
        """Read the headers; refuse a length that is not clear (RFC 9112, 6.1), and HTTP/1.1 without a host (3.2)."""
        if not super().read_request_headers():  # type: ignore[no-untyped-call]  # the same
            return False
        length, coding = self.inheaders.get(b"Content-Length"), self.inheaders.get(b"Transfer-Encoding")
        newest = self.response_protocol == "HTTP/1.1"
        wrong = "" if b"Host" in self.inheaders or not newest else "There is no Host."
        clear = coding is None or (length is None and newest and coding.lower() == b"chunked")
        if not clear or (length is not None and not _LENGTH.fullmatch(length)):
            wrong = "The length of the body is not clear."
        if wrong:
            self.close_connection = True
            self.simple_response("400 Bad Request", wrong)
        return not wrong

    def respond(self) -> None:
        """Answer, with our reader where the body comes in chunks."""
        if not self.chunked_read:
            super().respond()
            return
        self.rfile = Chunks(self.conn.rfile, BODY_BYTES, self.header_reader)
        self.server.gateway(self).respond()
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def send_headers(self) -> None:
        """Send the headers; a body in chunks that nobody read to its end cannot be told from the next request."""
        if self.chunked_read and not getattr(self.rfile, "closed", True):
            self.close_connection = True
        super().send_headers()


class Connection(HTTPConnection):
    """One client. ``began`` is when its unfinished request began, None between requests; ``served`` whether there was one."""

    RequestHandlerClass = StrictRequest
    fresh = True
    served = False
    began: float | None = None

    def __init__(self, server: Any, sock: socket.socket, makefile: Any = None) -> None:
        super().__init__(server, sock, make_file)

    def communicate(self) -> bool:
        """Serve requests as long as one follows another at once; whether the connection stays open."""
        self.began = time.monotonic()
        if not self._shaken_hands():
            return False
        while super().communicate():  # type: ignore[no-untyped-call]  # the same
            self.began, self.served = None, True
            if not self._more_at_once():
                return True
            self.began = time.monotonic()
        self._drain()
        return False

    def _shaken_hands(self) -> bool:
        """The TLS handshake, once."""
        sock = self.socket
        if not isinstance(sock, ssl.SSLSocket) or self.ssl_env:
            return True
        try:
            sock.do_handshake()
        except (OSError, ValueError) as error:
            if "HTTP_REQUEST" in str(getattr(error, "reason", "")):
                self._say_plainly()
            self.server.error_log(f"TLS: {type(error).__name__} {getattr(error, 'reason', None) or ''}".strip())
            return False
        self.ssl_env = {"wsgi.url_scheme": "https", "HTTPS": "on"}
        shown = sock.getpeercert(binary_form=True)
        if shown:
            self.ssl_env["SSL_CLIENT_CERT"] = ssl.DER_cert_to_PEM_cert(shown).strip()
        return True

    def _say_plainly(self) -> None:
        """Tell a client that speaks HTTP that this port wants HTTPS."""
        said = b"This port speaks HTTPS.\n"
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {len(said)}\r\n\r\n"
        try:
            plain = socket.socket(fileno=socket.dup(self.socket.fileno()))
        except OSError:
            return
        with plain:
            try:
                plain.sendall(head.encode() + said)
                plain.shutdown(socket.SHUT_WR)
            except OSError:
                return

    def _more_at_once(self) -> bool:
        """Whether the next request is here already, or comes in a moment in which no other client waits."""
        if self.rfile.has_data() or getattr(self.socket, "pending", int)():
            return True
        if self.server.requests.qsize or not self.server.ready:
            return False
        return readable(self.socket, LINGER)

    def _drain(self) -> None:
        """Read on for a moment what the client still sends; closing over it would reset the connection."""
        try:
            self.socket.settimeout(0.3)
            if not isinstance(self.socket, ssl.SSLSocket):
                self.socket.shutdown(socket.SHUT_WR)
            left = DRAIN
            while left > 0 and readable(self.socket, 0.1):
                data = self.socket.recv(65_536)
                if not data:
                    return
                left -= len(data)
        except (OSError, ValueError):
            return


class Handshakes:
    """Wraps sockets for TLS without a word to the client: that is for a worker to say."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: socket.socket) -> socket.socket:
        """The listening socket as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """A socket before its handshake; the connection learns the client's certificate afterwards."""
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:
        """What requests are read from."""
        return MakeFile(sock, mode, bufsize)


class BoundedServer(Server):
    """Cheroot's server with the bounds of this module. ``deadline`` is how many seconds a whole request may take."""

    ConnectionClass = Connection
    max_request_header_size = HEADER_BYTES
    max_request_body_size = BODY_BYTES
    keep_alive_conn_limit = MOST_CONNECTIONS
    expiration_interval = 0.2

    def __init__(
        self,
        address: tuple[str, int],
        application: Any,
        *,
        context: ssl.SSLContext | None = None,
        threads: int = 32,
        timeout: float = 10,
        deadline: float = 30,
        complain: Callable[[str], None] = lambda text: None,
    ) -> None:
        super().__init__(
            address,
            application,
            numthreads=threads,
            max=threads,
            server_name="autopilot-agent",
            request_queue_size=128,
            timeout=timeout,  # type: ignore[arg-type]  # the stubs say int; sockets take fractions
            shutdown_timeout=5,
            accepted_queue_size=WAITING,
            accepted_queue_timeout=0.05,  # type: ignore[arg-type]  # the same
        )
        self.deadline = deadline
        self.complain = complain
        if context is not None:
            self.ssl_adapter = Handshakes(context)

    def prepare(self) -> None:
        """Bind and begin to listen. Raises ``OSError``."""
        super().prepare()
        self._connections.close()  # cheroot's own, with nothing in it yet
        self._connections: Any = Connections(self)

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        """Bind a socket, or close it; cheroot leaves one behind that cannot be bound."""
        try:
            socket_.bind(bind_addr)
        except BaseException:
            socket_.close()
            raise
        return socket_

    def process_conn(self, conn: Connection) -> None:
        """Give a connection to a worker; a new one first waits until its client says something."""
        if not conn.fresh:
            super().process_conn(conn)
        elif self.can_add_keepalive_connection or self._connections.make_room():
            conn.fresh = False
            self.put_conn(conn)
        else:
            conn.close()

    def stop(self) -> None:
        """Answer what was asked, and wait for nobody who has not asked to the end yet."""
        for one in self.workers():
            with suppress(OSError):
                socket.socket.shutdown(one.socket, socket.SHUT_RD)  # that of TLS would write the answer in the clear
        super().stop()

    def workers(self) -> list[Connection]:
        """The connections that workers are busy with."""
        busy = (getattr(worker, "conn", None) for worker in list(self.requests._threads))
        return [one for one in busy if one is not None]

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """One line for the log; never a traceback, never standard error."""
        self.complain(str(msg))
