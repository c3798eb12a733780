"""What strangers can do to the HTTP server: it answers with the right status, stays up, and tells nobody where it hurts."""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from autopilot_agent.simulator.access_log import AccessLog
from autopilot_agent.simulator.idle_connections import Connections
from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.testing.in_process import one_authority as shared_authority
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire.authority import Authority, common_name
from autopilot_agent.wire.http import Desk, Incoming, Response, Route
from autopilot_agent.wire.keys import KeySource, to_pem

PATIENCE = 60
TOKEN = "token of the tests"
WRONG_CHUNKS = (
    b"nonsense\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"0x2\r\n{}\r\n0\r\n\r\n", b"0_2\r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n",
    b"2\r\n{}xx0\r\n\r\n", b"2;" + b"x" * 5000 + b"\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
)  # fmt: skip
POST = b"POST /autopilot-agent/calls/ProbeConnectivity HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def served(log: io.StringIO) -> Iterator[Served]:
    with serving(small_state(), token=TOKEN, authority=shared_authority, log=AccessLog(log)) as server:
        yield server


def spoken(served: Served, data: bytes, *, end: bool = False) -> bytes:
    """Everything that the server says to these bytes; ``end`` closes our side."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        sock.sendall(data)
        if end:
            sock.shutdown(socket.SHUT_WR)
        found = b""
        while True:
            try:
                more = sock.recv(65_536)
            except ConnectionResetError:
                break
            if not more:
                break
            found += more
    return found


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def well(served: Served) -> bool:
    return requests.get(f"{served.url}/health", timeout=PATIENCE).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n", 400),
        (POST + b"Content-Length: -5\r\n\r\n", 400),
        (POST + b"Content-Length: 1_0\r\n\r\n", 400),
        (POST + b"Content-Length: 5, 5\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        *((POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, 400) for chunks in WRONG_CHUNKS),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n", 400),
        (b"GET http://[::1/health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
        (POST + b"Content-Length: 2000000\r\nConnection: close\r\n\r\n" + b"x" * 2_000_000, 413),
        (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(300)) + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 300_000 + b"\r\n\r\n", 413),
        (b"GET /%00%ff%c3%28 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"GET / HTTP/1.1\r\nHost: <bad host>\r\nConnection: close\r\n\r\n", 404),
        (b"BREW /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
)
def test_a_request_that_is_none_gets_its_status_and_harms_nobody(served: Served, data: bytes, wanted: int) -> None:
    answer = spoken(served, data)
    assert status(answer) == wanted, answer[:200]
    assert b"Traceback" not in answer and b"simulator" not in answer
    assert well(served)


def test_a_truncated_body_is_refused(served: Served) -> None:
    answer = spoken(served, POST + b"Content-Length: 500\r\n\r\nhalf of it", end=True)
    assert not answer or status(answer) == 400
    assert well(served)


def test_a_body_in_chunks_is_read_and_the_connection_stays_open(served: Served) -> None:
    body = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    answer = spoken(served, body + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


def test_a_trailer_is_not_taken_for_the_next_request(served: Served) -> None:
    body = POST + b"Transfer-Encoding: chunked\r\n\r\n2;name=value\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"
    answer = spoken(served, body + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


def test_chunks_that_nobody_reads_are_not_taken_for_the_next_request(served: Served) -> None:
    hidden = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    answer = spoken(served, data)
    assert status(answer) == 404 and answer.count(b"HTTP/1.1") == 1


def test_a_header_with_an_underscore_stands_for_no_other(served: Served) -> None:
    answer = spoken(served, b"GET /autopilot-agent/cloud HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    b"Autopilot_Agent: 1\r\nSSL_CLIENT_CERT: x\r\n\r\n")  # fmt: skip
    assert status(answer) == 401


@pytest.mark.parametrize("kind", ["text/xml", "application/octet-stream", ""])
def test_a_wrong_content_type_is_no_reason_to_fail(served: Served, kind: str) -> None:
    url = f"{served.url}/autopilot-agent/calls/ProbeConnectivity"
    answer = requests.post(url, b"\xff\xfe<a/>", headers={"content-type": kind}, timeout=PATIENCE)
    assert answer.status_code == 400


def test_many_silent_clients_stop_nobody(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(40)]
    try:
        assert well(served)
    finally:
        for one in silent:
            one.close()


def test_a_client_that_dribbles_is_cut_at_the_deadline() -> None:
    with serving(small_state(), authority=shared_authority, deadline=0.3, timeout=30) as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")  # and never the end of it
            said = sock.recv(1000)
            assert not said or status(said) in (400, 408)
        assert well(served)


def test_a_client_that_says_nothing_more_times_out() -> None:
    with serving(small_state(), authority=shared_authority, timeout=0.3) as served:
        answer = spoken(served, POST + b"Content-Length: 50\r\n\r\n{")
        assert not answer or status(answer) in (400, 408)
        assert spoken(served, b"") == b""
        assert well(served)


HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def connected(served: Served) -> socket.socket:
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def answered(sock: socket.socket) -> int:
    """The status of one whole answer, whose head and body may come apart."""
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    answer.read()
    return answer.status


def kept_by(served: Served) -> Connections:
    """What looks after the idle connections, once the worker has given one back to it."""
    assert served._server is not None
    connections: Connections = served._server._connections
    while not connections._num_connections:  # its worker stays with it for a moment
        time.sleep(0.01)
    return connections


def look(connections: Connections, later: float) -> None:
    """The server's next look at its idle connections, as if it came so many seconds later."""
    looked, expire = threading.Event(), connections._expire

    def expire_later(threshold: float) -> None:
        expire(threshold + later)
        looked.set()

    connections._expire = expire_later  # type: ignore[method-assign]
    assert looked.wait(PATIENCE)
    connections._expire = expire  # type: ignore[method-assign]


def test_a_request_that_comes_while_the_server_is_busy_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection was idle for too long at the next look, but not when the request came."""
    with serving(small_state(), authority=shared_authority) as served, connected(served) as kept:
        kept.sendall(HEALTH)
        assert answered(kept) == 200
        connections, server = kept_by(served), served._server
        assert server is not None
        process, held, free = server.process_conn, threading.Event(), threading.Event()

        def busy(connection: Any) -> None:
            if threading.current_thread() is served._thread and not held.is_set():
                held.set()
                free.wait(PATIENCE)
                connections._expire(time.time() + 1000)
            process(connection)

        monkeypatch.setattr(server, "process_conn", busy)
        with connected(served):
            assert held.wait(PATIENCE)
            kept.sendall(HEALTH)
            free.set()
            assert answered(kept) == 200


def test_a_connection_that_was_used_stays_open_while_there_are_few() -> None:
    with serving(small_state(), authority=shared_authority, timeout=10) as served, connected(served) as kept:
        for _ in range(2):
            kept.sendall(HEALTH)
            assert answered(kept) == 200
            look(kept_by(served), later=30)
        connections = kept_by(served)
        connections.server.keep_alive_conn_limit = 2
        look(connections, later=30)
        assert kept.recv(1) == b"", "with many it is closed as the others are"


def test_a_connection_that_was_used_is_closed_in_the_end() -> None:
    with serving(small_state(), authority=shared_authority, timeout=10) as served, connected(served) as kept:
        kept.sendall(HEALTH)
        assert answered(kept) == 200
        look(kept_by(served), later=300)
        assert kept.recv(1) == b""


def test_what_goes_wrong_inside_is_told_to_the_log_and_not_to_the_client(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(incoming: Incoming, desk: Desk) -> Response:
        raise ZeroDivisionError("a secret of the house")

    lines = io.StringIO()
    with serving(small_state(), authority=shared_authority, log=AccessLog(lines)) as served:
        application = served.application
        route = Route("GET", "/broken", broken, lambda fault, incoming: Response(400), "broken")
        served.application = type(application)(served.desk, (route,), observe=application.observe, shielded=True)
        served._server.wsgi_app = served.application  # type: ignore[union-attr]
        answer = requests.get(f"{served.url}/broken", timeout=PATIENCE)
    assert answer.status_code == 500 and answer.text == "The server failed to answer; its log says more.\n"
    told = json.loads(lines.getvalue().splitlines()[-1])
    assert (told["error"], told["status"], told["path"]) == ("ZeroDivisionError", 500, "/broken")
    assert "secret" not in lines.getvalue()
    assert capfd.readouterr().err == ""


def test_the_log_has_no_secrets_and_no_control_characters(served: Served, log: io.StringIO) -> None:
    url = f"{served.url}/admin/v1.0/users/%1b%5b31m%e2%80%ae?password=hunter2&$select=id"
    requests.get(url, headers={"Authorization": f"Bearer {TOKEN}", "Cookie": "biscuit"}, timeout=PATIENCE)
    line = log.getvalue().splitlines()[-1]
    told = json.loads(line)
    assert told["query"] == ["password", "$select"]
    assert told["route"] == "admin users" and told["status"] == 404 and told["client"] == "127.0.0.1"
    assert not {word for word in ("hunter2", TOKEN, "biscuit") if word in line}
    assert line.isascii() and line.isprintable()


def test_health_and_metrics_count(served: Served) -> None:
    assert well(served)
    text = requests.get(f"{served.url}/metrics", timeout=PATIENCE).text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(samples['autopilot_agent_requests_total{route="health",status="200"}']) >= 1
    assert samples["autopilot_agent_enrolled_devices"] == "0"
    count = samples['autopilot_agent_request_seconds_count{route="health"}']
    assert samples['autopilot_agent_request_seconds_bucket{route="health",le="+Inf"}'] == count
    assert samples["autopilot_agent_errors_total"] == "0"


def test_another_tenant_can_take_over() -> None:
    with serving(small_state(), authority=shared_authority) as served:
        before = requests.get(f"{served.url}/autopilot-agent", timeout=PATIENCE).json()
        other = small_state({"tenant.organization.id": "6f1d2a3b-0000-4000-8000-00000000ffff"})
        served.serve(other)
        after = requests.get(f"{served.url}/autopilot-agent", timeout=PATIENCE).json()
    assert before["tenant_id"] != after["tenant_id"] == other.tenant_id
    assert before["product"] == "autopilot-agent" and before["tls"] is False


# Over TLS.


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    ca = tmp_path_factory.mktemp("tls") / "ca.pem"
    with serving(small_state(), tls=True, authority=shared_authority, timeout=1) as server:
        ca.write_bytes(server.ca_pem)
        yield server, str(ca)


def client_of(authority: Authority, folder: Path) -> str:
    """A file with a key, and a certificate of an authority."""
    key = KeySource(pooled=True).make("client")
    issued = authority.issue(key.public_key(), common_name("device"))
    from cryptography.hazmat.primitives.serialization import Encoding

    file = folder / "client.pem"
    file.write_bytes(to_pem(key) + issued.public_bytes(Encoding.PEM))
    return str(file)


def get(served: Served, ca: str, **more: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # else a bundle named in the environment is trusted instead
        return session.get(f"{served.url}/autopilot-agent", verify=ca, timeout=PATIENCE, **more)  # type: ignore[arg-type]


def test_a_client_with_and_without_a_certificate_of_ours_is_served(secure: tuple[Served, str], tmp_path: Path) -> None:
    served, ca = secure
    assert get(served, ca).json()["tls"] is True
    assert get(served, ca, cert=client_of(shared_authority(), tmp_path)).status_code == 200
    answer = requests.get(f"{served.url}/autopilot-agent/ca.pem", verify=ca, timeout=PATIENCE)
    assert answer.content == served.ca_pem


def test_a_certificate_of_a_foreign_authority_is_turned_away(secure: tuple[Served, str], tmp_path: Path) -> None:
    served, ca = secure
    with pytest.raises(requests.ConnectionError):
        get(served, ca, cert=client_of(Authority.make("elsewhere"), tmp_path))
    assert get(served, ca).status_code == 200


def test_the_certificate_that_was_shown_reaches_the_route(secure: tuple[Served, str], tmp_path: Path) -> None:
    served, ca = secure
    shown: list[bytes] = []

    def look(incoming: Incoming, desk: Desk) -> Response:
        shown.append(incoming.certificate)
        return Response(204)

    before = served._server.wsgi_app  # type: ignore[union-attr]
    route = Route("GET", "/autopilot-agent", look, lambda fault, incoming: Response(400))
    served._server.wsgi_app = type(served.application)(served.desk, (route,))  # type: ignore[union-attr]
    try:
        get(served, ca, cert=client_of(shared_authority(), tmp_path))
        get(served, ca)
    finally:
        served._server.wsgi_app = before  # type: ignore[union-attr]
    assert shown[0].startswith(b"\x30") and shown[1] == b""


def test_plain_http_on_the_tls_port_is_answered_in_plain_words(secure: tuple[Served, str]) -> None:
    served, ca = secure
    host, port = served.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = sock.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"speaks HTTPS" in answer
    assert get(served, ca).status_code == 200


def test_handshakes_that_never_end_stop_nobody(secure: tuple[Served, str]) -> None:
    served, ca = secure
    host, port = served.url.removeprefix("https://").split(":")
    hanging = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(30)]
    for one in hanging[:5]:
        one.sendall(b"\x16\x03\x01")  # the beginning of a ClientHello
    try:
        assert get(served, ca).status_code == 200
    finally:
        for one in hanging:
            one.close()


def test_old_versions_of_tls_are_refused(secure: tuple[Served, str]) -> None:
    served, _ = secure
    context = served._server.ssl_adapter.context  # type: ignore[union-attr]
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2 and context.verify_mode is ssl.CERT_OPTIONAL
