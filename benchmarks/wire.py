"""Figures of the wire: the HTTP backend against bare requests, a run against its round trips, and what ``serve`` holds."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from wire_server import DEVICES, SCENARIO, server  # the module beside this one

EACH = 3
"""Enrolments that each of the devices makes, one after another, each time as another device."""


# One call, and a whole run.


class Asked:
    """A net that keeps what was sent with each answer's status; ``calls`` are those of the run with their moments."""

    def __init__(self, url: str, ca: str = "") -> None:
        from autopilot_agent.backends.addresses import Addresses
        from autopilot_agent.backends.net import RequestsNet

        self.net = RequestsNet(Addresses(url), ca=ca)
        self.sent: list[tuple[Any, int]] = []
        self.wallet: Any = None
        self.calls: list[tuple[Any, int, int]] = []

    def send(self, request: Any, wallet: Any) -> Any:
        answer = self.net.send(request, wallet)
        self.wallet = wallet
        self.sent.append((request, answer.status))
        return answer

    def bare(self) -> list[tuple[tuple[str, str, bytes | None, dict[str, str]], int]]:
        """Everything that was sent, as ``requests`` is given it, with the statuses of the answers."""
        from autopilot_agent.wire.clients import CLIENT_CERT, shown_header

        found = []
        for request, status in self.sent:
            headers, shown = request.headers, self.wallet.shown(request.certificate)
            if shown is not None:
                headers = {**headers, CLIENT_CERT: shown_header(shown.certificate)}
            found.append(((request.method, self.net.addresses.url(request.url), request.body or None, headers), status))
        return found


def backend_over(asked: Asked) -> Callable[[Any], Any]:
    """A backend that notes its calls, with how many requests each took."""
    from autopilot_agent.backends.http import HttpBackend
    from autopilot_agent.wire.keys import KeySource
    from autopilot_agent.wire.wallet import Wallet

    class Noting(HttpBackend):
        def send(self, call: Any, *, now: int) -> Any:
            before = len(asked.sent)
            answer = super().send(call, now=now)
            asked.calls.append((call, now, len(asked.sent) - before))
            return answer

    def make(state: Any) -> Any:
        backend = Noting(asked, Wallet(KeySource(pooled=True)))
        asked.backend = backend  # type: ignore[attr-defined]  # for who goes on with the same device
        return backend

    return make


def one_call(rounds: int, paired: Callable[..., Any]) -> list[tuple[str, list[list[float]]]]:
    """Seconds of a call through the backend and of its bytes through a bare session, for three calls of a run."""
    import requests

    from autopilot_agent.backends.http import HttpBackend
    from autopilot_agent.scenario.loader import load_scenario
    from autopilot_agent.scenario.run import run_scenario

    found = []
    with server("run") as served:
        asked = Asked(served.url)
        run = run_scenario(load_scenario(SCENARIO), backend=backend_over(asked))
        assert run.result.exit_code == 0, run.result.problem
        place, chosen = 0, {}
        wire = asked.bare()
        for call, now, took in asked.calls:
            name = type(call).__name__
            if name == "ManagementMessage" and not 4 <= len(call.statuses) <= 12:
                name = ""
            if took == 1 and name in ("DownloadProfile", "ManagementMessage", "SynchronizeTime"):
                chosen.setdefault(name, (call, now, wire[place]))
            place += took
        wallet = asked.backend.wallet  # type: ignore[attr-defined]  # see backend_over
        backend = HttpBackend(asked.net, wallet)
        session = requests.Session()
        for name, (call, now, ((method, url, body, headers), status)) in chosen.items():

            def ours(call: Any = call, now: int = now) -> None:
                backend.send(call, now=now)

            def bare(words: Any = (method, url), body: Any = body, headers: Any = headers, status: int = status) -> None:
                answer = session.request(*words, data=body, headers=headers)
                assert answer.status_code == status and answer.content is not None

            ours()
            bare()
            found.append((name, paired(rounds, 100, ours, bare)))
    return found


def whole_run(rounds: int) -> tuple[list[float], list[float], int, int]:
    """Seconds of a run and of its bare round trips, how many they are, and how many of them were answered otherwise again."""
    import requests

    from autopilot_agent.scenario.loader import load_scenario
    from autopilot_agent.scenario.run import run_scenario

    loaded = load_scenario(SCENARIO)
    runs, trips, count, other = [], [], 0, 0
    with server("run") as served:
        for number in range(rounds + 1):
            served.begin_anew()
            asked = Asked(served.url)
            began = time.perf_counter()
            run = run_scenario(loaded, backend=backend_over(asked))
            took = time.perf_counter() - began
            assert run.result.exit_code == 0, run.result.problem
            # A second enrolment ends the first, and its sessions would be refused: it comes last here.
            wire = sorted(asked.bare(), key=lambda one: "DeviceEnrollmentWebService" in one[0][1])
            session = requests.Session()
            began = time.perf_counter()
            statuses = [session.request(m, u, data=b, headers=h).status_code for (m, u, b, h), _ in wire]
            bare = time.perf_counter() - began
            if number:  # the first round fills caches and the pool of keys
                runs.append(took)
                trips.append(bare)
            count = len(wire)
            other = sum(one != status for one, (_, status) in zip(statuses, wire, strict=True))
            asked.net.close()
    return runs, trips, count, other


# Fifty devices at once.


def enrolment(url: str, ca: str, number: int) -> Callable[[], None]:
    """A device that has joined; called, it enrols: discovery, policies, certificate, and the first session to its end."""
    from autopilot_agent.backends.addresses import Addresses
    from autopilot_agent.backends.http import HttpBackend
    from autopilot_agent.backends.net import RequestsNet
    from autopilot_agent.service.base import Call
    from autopilot_agent.service.enrolment import DiscoverEnrolment, EnrollMdm
    from autopilot_agent.service.entra import JoinDevice, SignIn
    from autopilot_agent.service.network import GetDeviceTicket
    from autopilot_agent.testing.samples import BUILD, PRO, session
    from autopilot_agent.wire.keys import KeySource
    from autopilot_agent.wire.wallet import Wallet

    net = RequestsNet(Addresses(url), ca=ca)
    backend = HttpBackend(net, Wallet(KeySource(pooled=True), f"device {number}"))
    serial, name, user = f"5CG{number:07}", f"DESKTOP-{number:07}", f"user{number % DEVICES}@contoso.example"

    def ask(call: Call[Any]) -> Any:
        return backend.send(call, now=1_000)

    ask(GetDeviceTicket("aGFzaA=="))
    token = ask(SignIn(user, "right password"))
    joined = ask(JoinDevice(token.user_id, token.tenant_id, name, BUILD))

    def enrol() -> None:
        service = ask(DiscoverEnrolment(user, token.mdm_discovery_url))
        assert service.enrolment_url
        wanted = EnrollMdm(
            token.user_id, user, joined.device_id, name, "", PRO, BUILD, serial, "Contoso", "Notebook 14", "aGFzaA==", oobe=True
        )
        enrolled = ask(wanted)
        session(ask, enrolled.enrolment_id, 1, "", set())
        net.close()

    return enrol


def at_once(*words: str) -> float:
    """Enrolments per second of fifty devices at the same time."""
    failed: list[BaseException] = []
    with server("fleet", "tls", *words) as served:
        queues = [[enrolment(served.url, served.ca, EACH * one + two) for two in range(EACH)] for one in range(DEVICES)]

        def work(queue: list[Callable[[], None]]) -> None:
            try:
                start.wait()
                for enrol in queue:
                    enrol()
            except BaseException as error:
                failed.append(error)

        start = threading.Barrier(DEVICES + 1)
        threads = [threading.Thread(target=work, args=(queue,)) for queue in queues]
        for one in threads:
            one.start()
        start.wait()
        began = time.perf_counter()
        for one in threads:
            one.join()
        took = time.perf_counter() - began
    if failed:
        raise failed[0]
    return DEVICES * EACH / took


def keys_alone(*, pooled: bool) -> float:
    """Enrolments per second if they were nothing but a key, a signed request, its check, and an issued certificate."""
    from cryptography.x509 import load_der_x509_csr

    from autopilot_agent.wire import pkcs10
    from autopilot_agent.wire.authority import Authority, common_name
    from autopilot_agent.wire.keys import KeySource

    authority, source, times = Authority.make(), KeySource(pooled=pooled), 40
    for number in range(times if pooled else 0):
        source.make(number)
    began = time.perf_counter()
    for number in range(times):
        key = source.make(number)
        request = load_der_x509_csr(pkcs10.build(key, "device", "device"))
        assert request.is_signature_valid
        authority.issue(key.public_key(), common_name("device"))
    return times / (time.perf_counter() - began)


def figures(rounds: int, fleets: int, paired: Callable[..., Any], figure: Callable[..., Any]) -> list[Any]:
    """All rows of the table; ``paired`` and ``figure`` are those of run.py."""
    rows = []
    for name, (ours, bare) in one_call(rounds, paired):
        ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
        rows.append(figure(f"`{name}` by the HTTP backend", "`requests.Session().request` of the same bytes", ratio,
                           "<=1.15", "<=0.85", f"{statistics.median(ours) * 1e6:.0f} us"))  # fmt: skip
    runs, trips, count, other = whole_run(rounds)
    ratio = statistics.median(a / b for a, b in zip(runs, trips, strict=True))
    said = f"{statistics.median(runs) * 1000:.0f} ms, {count} requests" + (f", {other} answered otherwise" if other else "")
    rows.append(figure("user-driven run, five apps, over HTTP", "its round trips, bare", ratio, "<=1.5", "", said))
    without, stored, fresh, pool = [], [], [], []
    for _ in range(fleets):
        without.append(at_once())
        stored.append(at_once("data"))
        fresh.append(keys_alone(pooled=False))
        pool.append(keys_alone(pooled=True))
    held = statistics.median(without)
    for keys, what in ((fresh, "new keys and signatures"), (pool, "signatures alone (pooled keys)")):
        ratio = statistics.median(a / b for a, b in zip(without, keys, strict=True))
        said = f"{held:.1f} a second; {what} on one core {statistics.median(keys):.0f} a second"
        rows.append(figure(f"enrolments of {DEVICES} devices at once, TLS", what, ratio, "", "", said))
    ratio = statistics.median(a / b for a, b in zip(stored, without, strict=True))
    rows.append(figure("the same with `--data`", "without", ratio, "", "", f"{statistics.median(stored):.1f} a second"))
    return rows
