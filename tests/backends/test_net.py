"""Real connections: what a device sees of servers that are wrong, slow, gone or not to be talked to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest
from cryptography.x509 import DNSName

from autopilot_agent.__main__ import main as command_line
from autopilot_agent.backends.addresses import Addresses
from autopilot_agent.backends.choice import ServerChoice
from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.backends.net import LARGEST, RequestsNet
from autopilot_agent.errors import InputError, Malformed, ServiceUnavailable, Unreachable
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.service.network import SynchronizeTime
from autopilot_agent.simulator.certificates import server_context
from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.testing.small import SMALL, small_scenario, small_state
from autopilot_agent.wire.authority import Authority, common_name
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Credential, Wallet

NOBODY = Wallet(KeySource(pooled=True))
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def answering(*answers: bytes | None) -> Iterator[str]:
    """A server that reads a request and answers with these bytes, one connection each; None keeps silent."""
    done = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for one in answers:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                if one is None:
                    done.wait(20)
                else:
                    connection.sendall(one)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        done.set()
        with suppress(OSError):  # wakes a server that still waits for a client
            socket.create_connection(listening.getsockname(), 1).close()
        listening.close()
        thread.join(20)


@contextmanager
def dripping(head: bytes, authority: Authority | None) -> Iterator[str]:
    """A server that sends this and then a byte every 50 ms, for 8 seconds at most."""
    done = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    context = server_context(authority) if authority is not None else None

    def serve() -> None:
        connection, _ = listening.accept()
        with suppress(OSError), context.wrap_socket(connection, server_side=True) if context else connection as stream:
            stream.recv(65_536)
            stream.sendall(head)
            for _ in range(160):
                stream.sendall(b"0")
                if done.wait(0.05):
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if authority is not None else ''}://localhost:{listening.getsockname()[1]}"
    finally:
        done.set()
        listening.close()
        thread.join(20)


def get(net: RequestsNet, url: str) -> Response:
    return net.send(Request("GET", url), NOBODY)


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(Unreachable) as caught:
        work()
    assert "127.0.0.1" not in caught.value.reason, "what is on record must not differ from run to run"
    return caught.value.code


def test_nobody_at_the_address_cannot_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code_of(lambda: get(RequestsNet(Addresses()), f"http://127.0.0.1:{port}/")) == "0x80072EFD"


def test_a_name_that_is_nowhere_is_not_resolved() -> None:
    net = RequestsNet(Addresses(), allowed=frozenset({"nowhere.invalid"}))
    assert code_of(lambda: get(net, "http://nowhere.invalid/")) == "0x80072EE7"


def test_silence_is_a_time_out() -> None:
    with answering(None) as url:
        assert code_of(lambda: get(RequestsNet(Addresses(), seconds=0.2), url)) == "0x80072EE2"


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: ", b"",
                                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])  # fmt: skip
@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_that_drips_in_is_a_time_out(said: bytes, tls: bool, tmp_path: Path) -> None:
    """A byte every 50 ms is never silence, and still no answer."""
    authority = one_authority() if tls else None
    with dripping(said, authority) as url:
        net = RequestsNet(Addresses(), ca=ca_of(authority, tmp_path) if authority is not None else "", seconds=0.4)
        before = monotonic()
        assert code_of(lambda: get(net, url)) == "0x80072EE2"
        assert monotonic() - before < 5
        net.close()


def test_a_connection_that_is_used_again_has_its_whole_time_again() -> None:
    with serving(small_state()) as server:
        net = RequestsNet(Addresses(), seconds=0.6)
        for _ in range(4):
            assert get(net, server.url + "/health").status == 200
            sleep(0.2)
        net.close()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", b"\x16\x03\x01 no HTTP\r\n\r\n"])
def test_an_answer_that_breaks_off_is_an_aborted_connection(said: bytes) -> None:
    with answering(said) as url:
        assert code_of(lambda: get(RequestsNet(Addresses()), url)) == "0x80072EFE"


def test_an_answer_is_taken_as_it_is() -> None:
    with answering(b"HTTP/1.1 404 Not Found\r\nX-One: 1\r\nContent-Length: 0\r\n\r\n") as url:
        answer = get(RequestsNet(Addresses()), url + "/a?b=c")
    assert (answer.status, answer.headers["x-one"], answer.body) == (404, "1", b"")


def test_a_redirect_is_not_followed() -> None:
    away = b"HTTP/1.1 302 Found\r\nLocation: https://login.microsoftonline.com/\r\nContent-Length: 0\r\n\r\n"
    with answering(away) as url:
        assert get(RequestsNet(Addresses()), url).status == 302


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopilot_agent.backends.net.LARGEST", 0xF0000)
    assert LARGEST > 10_000_000
    piece = b"f0000\r\n" + b"x" * 0xF0000 + b"\r\n"
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * 3
    with answering(said) as url, pytest.raises((Malformed, Unreachable)):
        get(RequestsNet(Addresses()), url)


@pytest.mark.parametrize("value", ["a secret\r\nx-two: b", "a secret\r", "a secret \u20ac"])
def test_headers_that_cannot_be_sent_are_no_crash_and_in_no_sentence(value: str) -> None:
    with answering(HELLO, HELLO) as url:
        net = RequestsNet(Addresses())
        with pytest.raises(Malformed) as caught:
            net.send(Request("GET", url, {"authorization": value}), NOBODY)
        assert "secret" not in str(caught.value) and "20ac" not in str(caught.value)
        assert get(net, url).body == b"hi", "the next request is sent as if nothing had been"


@pytest.mark.parametrize(
    "url",
    ["https://login.microsoftonline.com/x", "https://a@login.microsoftonline.com/", "http://LOGIN.live.com.:8080/",
     "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx", "https://mdm.contoso.example/"],
)  # fmt: skip
def test_no_connection_is_opened_to_a_host_that_is_not_allowed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_args: object, **_named: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "getaddrinfo", opened)
    with pytest.raises(InputError) as caught:
        get(RequestsNet(Addresses()), url)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("beginning", ["http://", "HTTP://", "HtTp://a@", "http://a:b@", "https://", "http:\\", "http:/", "//"])
def test_one_good_host_opens_the_door_to_no_other(beginning: str) -> None:
    with answering(HELLO) as url:
        net = RequestsNet(Addresses())
        assert get(net, url).body == b"hi"
        with pytest.raises((InputError, Unreachable)) as caught:
            get(net, f"{beginning}login.live.com/RST2.srf")
        assert isinstance(caught.value, InputError) or caught.value.code != "0x80072EE7", "somebody asked for its address"


@pytest.mark.parametrize("url", ["https:// localhost/", "https://[::1/x", "ftp://localhost/", "https://a..b/", "https://localhost:x/",
                                 "https://xn--\u20ac/", f"https://{'a' * 70}.example/"])  # fmt: skip
def test_a_server_that_names_no_address_is_a_failed_call(url: str) -> None:
    allowed = frozenset({"a..b", "xn--\u20ac", f"{'a' * 70}.example"})
    assert code_of(lambda: get(RequestsNet(Addresses(), allowed=allowed), url)) == "0x80072EE5"
    mapped = Addresses("", {"manage": "https://localhost:1"})
    assert code_of(lambda: get(RequestsNet(mapped, allowed=allowed), url)) == "0x80072EE5"


def test_an_address_that_only_the_url_library_refuses_is_one_sentence() -> None:
    with pytest.raises(InputError, match="is no address"):
        RequestsNet(Addresses("https://-\u00fc-:1"))


def test_a_flood_for_an_introduction_names_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopilot_agent.backends.net.LARGEST", 10)
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + b"x" * 50
    with answering(said) as url, pytest.raises(ServiceUnavailable, match=f"{url} cannot be used: the answer has more than 10"):
        ServerChoice(url)(small_state())


def test_a_server_that_names_a_production_host_ends_the_run() -> None:
    """Discovery may name any URL; what it names goes through the same door."""
    with pytest.raises(InputError, match="never talks to it"):
        get(RequestsNet(Addresses("", {"manage": "https://localhost:1"})), "https://login.live.com/RST2.srf")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(small_state(), tls=True, authority=one_authority) as server:
        yield server


def ca_of(authority: Authority, folder: Path) -> str:
    path = folder / "ca.pem"
    path.write_bytes(authority.certificate_pem())
    return str(path)


def test_a_server_of_an_unknown_authority_is_not_trusted(served: Served, tmp_path: Path) -> None:
    ca = ca_of(Authority.make("another"), tmp_path)
    assert code_of(lambda: get(RequestsNet(Addresses(served.url), ca=ca), served.url)) == "0x80072F0D"


@pytest.mark.parametrize(
    ("target", "value", "code"),
    [
        ("autopilot_agent.wire.authority._name", lambda text: DNSName("elsewhere.example"), "0x80072F06"),
        ("autopilot_agent.wire.authority.moment", lambda: datetime(2020, 1, 1, tzinfo=UTC), "0x80072F05"),
        ("autopilot_agent.wire.authority.moment", lambda: datetime(2090, 1, 1, tzinfo=UTC), "0x80072F05"),
    ],
)
def test_a_certificate_for_another_name_or_time_is_not_trusted(
    target: str, value: object, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = one_authority()
    monkeypatch.setattr(target, value)
    with serving(small_state(), tls=True, authority=lambda: authority) as server:
        net = RequestsNet(Addresses(), ca=ca_of(authority, tmp_path))
        assert code_of(lambda: get(net, server.url)) == code


def test_plain_http_where_tls_is_wanted_is_told(served: Served) -> None:
    assert get(RequestsNet(Addresses()), served.url.replace("https:", "http:")).status == 400


@pytest.mark.parametrize(
    "said",
    [b"This port speaks HTTPS.", b"<center>The plain HTTP request was sent to HTTPS port</center>",
     b"Client sent an HTTP request to an HTTPS server.", b"Reason: You're speaking plain HTTP to an SSL-enabled server port."],
)  # fmt: skip
def test_an_address_where_tls_is_wanted_is_said_to_be_one_when_it_was_given(said: bytes) -> None:
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    with answering(answer) as url, pytest.raises(InputError, match=f"write https{url[4:]}\\."):
        ServerChoice(url)(small_state())
    with answering(HELLO.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), answer) as url:
        net = RequestsNet(Addresses(url))
        assert [get(net, url).status for _ in range(2)] == [200, 400], "later it is an answer as any other"


def test_run_and_conform_say_where_tls_is_wanted(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    plain = served.url.replace("https:", "http:")
    run = run_scenario(small_scenario(), backend=ServerChoice(plain))
    assert (run.result.exit_code, f"write {served.url}." in run.result.problem) == (2, True)
    assert command_line(["conform", plain]) == 2
    assert f"write {served.url}." in capsys.readouterr().err


def test_a_device_shows_the_certificate_that_it_has_now(served: Served, tmp_path: Path) -> None:
    """Certificates of the server's authority pass; the name inside is seen by the server (here: a device nobody knows)."""
    authority = one_authority()
    net = RequestsNet(Addresses(served.url), ca=ca_of(authority, tmp_path))
    wallet = Wallet(KeySource(pooled=True))
    seen = []
    for name in ("first", "second"):
        key = wallet.new_key("device")
        wallet.device = Credential(authority.issue(key.public_key(), common_name(name)), key)
        url = "https://enterpriseregistration.windows.net/EnrollmentServer/device/first?api-version=1.0"
        seen.append(net.send(Request("DELETE", url, certificate="device"), wallet).status)
    assert seen == [400, 403], "the first is of a device that is not there, the second of another one"


def test_a_certificate_of_another_authority_does_not_get_through(served: Served, tmp_path: Path) -> None:
    net = RequestsNet(Addresses(served.url), ca=ca_of(one_authority(), tmp_path))
    wallet = Wallet(KeySource(pooled=True))
    key = wallet.new_key("device")
    wallet.device = Credential(Authority.make("another").issue(key.public_key(), common_name("x")), key)
    url = "https://enterpriseregistration.windows.net/EnrollmentServer/device/x?api-version=1.0"
    with pytest.raises(Unreachable) as caught:
        net.send(Request("DELETE", url, certificate="device"), wallet)
    assert caught.value.code in ("0x80072EFE", "0x80072F7D")
    assert get(net, served.url + "/health").status == 200, "the server is still there"


@pytest.mark.parametrize("after", [8, 20, 30])
def test_a_server_that_dies_in_mid_session_is_seen_as_windows_sees_it(after: int, tmp_path: Path) -> None:
    with serving(small_state(), tls=True, authority=one_authority) as server:
        net = RequestsNet(Addresses(server.url), ca=ca_of(one_authority(), tmp_path), seconds=5)

        class Dying:
            sent = 0

            def send(self, request: Request, wallet: Wallet) -> Response:
                self.sent += 1
                if self.sent == after:
                    server.stop()
                return net.send(request, wallet)

        def backend(state: TenantState) -> HttpBackend:
            server.serve(state)
            return HttpBackend(Dying(), Wallet(KeySource(pooled=True)), tell=lambda rule, text: state.tell(rule, text))

        run = run_scenario(small_scenario(), backend=backend)
    assert run.result.problem == ""
    assert run.result.outcome in ("failed", "gave_up", "blocked") or run.result.error is not None
    refused = [event for event in run.events if type(event).__name__ == "CallRefused"]
    assert {event.code for event in refused} & {"0x80072EFD", "0x80072EFE"}  # type: ignore[attr-defined]


def test_a_choice_without_a_server_is_exit_3(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    run = run_scenario(small_scenario(), backend=ServerChoice(f"http://127.0.0.1:{port}"))
    assert run.result.exit_code == 3
    with pytest.raises(ServiceUnavailable, match="cannot be used"):
        ServerChoice(f"http://127.0.0.1:{port}")(small_state())


def test_a_choice_of_our_server_takes_the_whole_course_and_sees_its_records(tmp_path: Path) -> None:
    changes = {"expect": {"end_state": "desktop", "cloud": {"managed_devices": 1}}}
    with serving(small_state(), tls=True, authority=one_authority, token="an-admin-token") as server:
        ca = ca_of(one_authority(), tmp_path)
        blind = run_scenario(small_scenario(changes), backend=ServerChoice(server.url, ca=ca, pooled=True))
        server.serve(small_state())
        right = ServerChoice(server.url, ca=ca, token="an-admin-token", pooled=True)
        run = run_scenario(small_scenario(changes), backend=right)
        wrong = run_scenario(small_scenario(changes), backend=ServerChoice(server.url, ca=ca, token="wrong-token", pooled=True))
        made = right(small_state())
        assert isinstance(made.net, RequestsNet)
        made.send(SynchronizeTime(), now=0)
        used = len(made.net._adapters)
        made.close()
        assert used and not made.net._adapters
    assert run.result.verdict == "passed"
    assert [check.actual for check in blind.result.checks if check.name == "cloud managed_devices"] != [1]
    assert blind.result.verdict == "failed"
    assert (wrong.result.exit_code, "token" in wrong.result.problem) == (2, True)


def test_a_server_with_another_tenant_is_told_from_a_device_file(tmp_path: Path) -> None:
    other = small_scenario({"tenant": {**SMALL["tenant"], "mobileApps": []}})
    with serving(small_state(), tls=True, authority=one_authority, token="an-admin-token") as server:
        choice = ServerChoice(server.url, ca=ca_of(one_authority(), tmp_path), token="an-admin-token", pooled=True)
        result = run_scenario(other, backend=choice).result
    assert result.exit_code == 2
    assert "the served tenant managed the PC with the app" in result.problem and "device file" not in result.problem


def test_only_mdm_calls_go_to_a_server_that_is_not_ours() -> None:
    with answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as url:
        backend = ServerChoice(url)(small_state())
    assert not backend.wallet.private
    from autopilot_agent.backends.choice import serves
    from autopilot_agent.testing.samples import enrol_call, join_call, profile_call

    addresses = Addresses("", {"enrollment": url, "manage": url})
    assert serves(addresses, enrol_call())
    assert not serves(addresses, join_call()) and not serves(addresses, profile_call())


@pytest.mark.parametrize("token", ["", '{"type": 1, "payload": {"auth_token": "user1@contoso.example"}}'])
def test_a_device_enrols_at_an_mdm_server_that_is_not_ours(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own server in the part of a stranger's: no word in private, Entra and the Autopilot service in this process."""
    monkeypatch.setattr("autopilot_agent.backends.choice.introduced", lambda net, url: None)
    with serving(small_state()) as server:
        choice = ServerChoice(server.url, {"ime": server.url, "content": server.url}, enrol_token=token, pooled=True)
        run = run_scenario(small_scenario(), backend=choice)
        managed = len(server.desk.state.enrolled)
    assert run.result.problem == ""
    if token:
        assert (managed, run.result.mdm_enrolled, run.result.apps["Company Portal"]) == (1, True, "installed")
        assert "account_setup" in run.result.states, "the user's part needs tokens that this server's Entra signed"
    else:
        assert run.result.error is not None
        assert (managed, run.result.error.code) == (0, "0x80180002"), "nobody signed the token, and this server looks"
