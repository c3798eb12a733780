"""Clients that keep connections and say nothing: they take nobody's place, and hold up no end."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time

import pytest

from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.testing.small import small_state

PATIENCE = 60
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def connected(served: Served) -> socket.socket:
    host, port = served.url.partition("://")[2].split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def answered(sock: socket.socket) -> int:
    sock.sendall(HEALTH)
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    answer.read()
    return answer.status


def idle(served: Served, number: int) -> None:
    """Wait until the server looks after so many connections."""
    assert served._server is not None
    while served._server._connections._num_connections != number:
        time.sleep(0.01)


def test_a_new_client_takes_the_place_of_the_one_that_is_silent_longest() -> None:
    with serving(small_state(), authority=one_authority, timeout=PATIENCE) as served:
        assert served._server is not None
        used = connected(served)
        assert answered(used) == 200
        idle(served, 1)
        silent = []
        for number in (2, 3, 4):
            silent.append(connected(served))
            idle(served, number)
        served._server.keep_alive_conn_limit = 4
        new = connected(served)
        assert answered(new) == 200
        assert silent[0].recv(1) == b"", "the first of those that never asked anything"
        for one in (used, *silent[1:]):
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.recv(1)
        for one in (used, new, *silent):
            one.close()


def test_one_that_has_asked_goes_where_there_is_no_other() -> None:
    with serving(small_state(), authority=one_authority, timeout=PATIENCE) as served:
        assert served._server is not None
        for _ in range(3):
            with connected(served) as first:
                assert answered(first) == 200
                idle(served, 1)
                served._server.keep_alive_conn_limit = 1
                with connected(served) as second:
                    assert answered(second) == 200
                    assert first.recv(1) == b""
            idle(served, 0)


@pytest.mark.parametrize("tls", [False, True])
def test_clients_in_the_middle_of_a_request_do_not_hold_up_the_end(tls: bool) -> None:
    half = b"\x16\x03\x01" if tls else b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
    with serving(small_state(), tls=tls, authority=one_authority, timeout=1000, deadline=1000) as served:
        server = served._server
        assert server is not None
        server.shutdown_timeout = 1000  # type: ignore[assignment]  # seconds it would wait for a worker
        clients = [connected(served) for _ in range(3)]
        for one in clients:
            one.sendall(half)
        while sum(one.began is not None for one in server.workers()) < 3:
            time.sleep(0.01)
        ending = threading.Thread(target=served.stop, daemon=True)
        ending.start()
        ending.join(PATIENCE)
        assert not ending.is_alive()
        for one in clients:
            one.close()


@pytest.mark.parametrize("tls", [False, True])
def test_what_was_asked_is_answered_at_the_end(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    held, free = threading.Event(), threading.Event()
    with serving(small_state(), tls=tls, authority=one_authority) as served:
        server = served._server
        assert server is not None
        respond = served.application.respond

        def slow(*words: object) -> object:
            held.set()
            free.wait(PATIENCE)
            return respond(*words)  # type: ignore[arg-type]

        monkeypatch.setattr(served.application, "respond", slow)
        sock = connected(served)
        if tls:
            context = ssl.create_default_context(cadata=served.ca_pem.decode())
            sock = context.wrap_socket(sock, server_hostname="localhost")
        statuses: list[int] = []
        asking = threading.Thread(target=lambda: statuses.append(answered(sock)))
        asking.start()
        assert held.wait(PATIENCE)
        ending = threading.Thread(target=served.stop)
        ending.start()
        while server.ready:
            time.sleep(0.01)
        free.set()
        asking.join(PATIENCE)
        ending.join(PATIENCE)
        assert statuses == [200]
        sock.close()
