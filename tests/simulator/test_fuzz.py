"""Requests of real lives, spoilt in every way that chance finds: the server answers, stays up, and keeps nothing half done."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.scenario.saved_cloud import save_cloud
from autopilot_agent.simulator import administration, health
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import MemoryRecords, TenantDesk
from autopilot_agent.simulator.passing import MOST
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire.authority import common_name
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.table import ROUTES
from autopilot_agent.wire.wallet import Credential, Wallet

ROOT = Path(__file__).parents[2] / "scenarios"
LIVES = ("user-driven/standard-user-wired.yaml", "hybrid/ad-fs.yaml", "pre-provisioned/all-required-apps-tried.yaml")
SANE = {200, 201, 202, 204, 302, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 503}
TOKEN = "an-admin-token"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">'
    b'<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><a>&d;</a>'
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>'
WORDS = (b"", b"\0", b"\xff\xfe\x00", b"null", b"[]", b"{}", b"true", b'{"a":' * 3000, b"<" * 3000, b"<a>" * 3000, BOMB,
         OUTSIDE, b"9" * 400, b"-1", b"NaN", "\u202e\ufeff\U0001f600".encode(), b"%00%0a../../..", b"A" * 200_000)  # fmt: skip

Spoiler = Callable[[random.Random, Request], None]


def bytes_flipped(chance: random.Random, one: Request) -> None:
    body = bytearray(one.body or b"x")
    for _ in range(chance.randrange(1, 9)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    one.body = bytes(body)


def cut_short(chance: random.Random, one: Request) -> None:
    one.body = one.body[: chance.randrange(len(one.body) + 1)]


def a_piece_twice(chance: random.Random, one: Request) -> None:
    begin = chance.randrange(len(one.body) + 1)
    end = chance.randrange(begin, len(one.body) + 1)
    one.body = one.body[:end] + one.body[begin:end] * chance.choice((1, 2, 50)) + one.body[end:]


def a_piece_gone(chance: random.Random, one: Request) -> None:
    begin = chance.randrange(len(one.body) + 1)
    one.body = one.body[:begin] + one.body[chance.randrange(begin, len(one.body) + 1) :]


def another_body(chance: random.Random, one: Request) -> None:
    one.body = chance.choice(WORDS)


def a_value_exchanged(chance: random.Random, one: Request) -> None:
    """One text between tags or quotes becomes another."""
    found = [match.span(1) for match in re.finditer(rb'>([^<>]{1,400})<|:"([^"]{1,400})"', one.body) if match.span(1)[0] >= 0]
    if found:
        begin, end = chance.choice(found)
        one.body = one.body[:begin] + chance.choice(WORDS)[:2000] + one.body[end:]


def an_element_renamed(chance: random.Random, one: Request) -> None:
    names = sorted(set(re.findall(rb"<([A-Za-z:]+)", one.body)))
    if len(names) > 1:
        one.body = one.body.replace(chance.choice(names), chance.choice(names))


def a_header_gone(chance: random.Random, one: Request) -> None:
    if one.headers:
        one.headers = {name: value for name, value in one.headers.items() if name != chance.choice(list(one.headers))}


def a_header_exchanged(chance: random.Random, one: Request) -> None:
    name = chance.choice([*one.headers, "content-type", "authorization", "client-cert", "autopilot-agent-call"])
    values = ("", "x", "Bearer x.y.z", "application/xml", "text/html", "{}", '{"user_id":7}', "9" * 30, ":A:", "\xe9")
    one.headers = {**one.headers, name: chance.choice(values)}


def another_path(chance: random.Random, one: Request) -> None:
    path = chance.choice(ROUTES).path
    path = re.sub("<[^>]*>", lambda _: chance.choice(("x", "%2e%2e", "0", "a" * 3000, "%00", "'); --")), path)
    one.url = "https://localhost" + path


def another_query(chance: random.Random, one: Request) -> None:
    one.url = one.url.partition("?")[0] + "?" + chance.choice(("api-version=", "api-version=-1", "a=b&" * 300, "%ff=%ff", "="))


def another_method(chance: random.Random, one: Request) -> None:
    one.method = chance.choice(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "X"))


def another_certificate(chance: random.Random, one: Request) -> None:
    one.certificate = chance.choice(("", "device", "mdm", "stranger"))


def no_private_headers(chance: random.Random, one: Request) -> None:
    one.headers = {name: value for name, value in one.headers.items() if not name.startswith("autopilot-agent")}


SPOILERS: tuple[Spoiler, ...] = (
    bytes_flipped, cut_short, a_piece_twice, a_piece_gone, another_body, a_value_exchanged, an_element_renamed, a_header_gone,
    a_header_exchanged, another_path, another_query, another_method, another_certificate, no_private_headers,
)  # fmt: skip


class Tape:
    """Keeps what a device sends, with the wallet that sent it."""

    def __init__(self, net: InProcessNet) -> None:
        self.net = net
        self.sent: list[Request] = []

    def send(self, request: Request, wallet: Wallet) -> Response:
        self.sent.append(Request(request.method, request.url, dict(request.headers), request.body, request.certificate))
        return self.net.send(request, wallet)


class Stranger(Wallet):
    """Shows the certificates of the life, or one of this authority that stands for no device."""


@cache
def life(name: str) -> tuple[Application, TenantState, Wallet, tuple[Request, ...]]:
    made: list[tuple[Application, TenantState, Wallet, Tape]] = []

    def backend(state: TenantState) -> HttpBackend:
        routes = (*health.routes(health.Metrics()), *administration.routes(TOKEN), *ROUTES)
        application = Application(TenantDesk(state, one_authority()), routes)
        tape, wallet = Tape(InProcessNet(application)), Wallet(KeySource(pooled=True))
        made.append((application, state, wallet, tape))
        return HttpBackend(tape, wallet, tell=lambda rule, text: state.tell(rule, text))

    run = run_scenario(load_scenario(ROOT / name), backend=backend)
    assert run.result.problem == ""
    application, state, wallet, tape = made[0]
    state.tell = lambda rule, text: None
    return application, state, wallet, tuple(tape.sent)


def sane(answer: Response) -> bool:
    """A status that a client can make sense of; 500 is how a SOAP fault comes, and nothing else."""
    return answer.status in SANE or (answer.status == 500 and b":Fault>" in answer.body)


def fingerprint(state: TenantState) -> bytes:
    """What the tenant holds, without what a read alone may add (ids given out, what was said)."""
    kept = msgspec.json.decode(msgspec.json.encode(save_cloud(state)))
    for name in ("made", "told", "mismatched"):
        kept.pop(name, None)
    for one in kept["history"]:
        for field in ("sessions", "pending", "asked", "next_command", "sent"):
            one["fields"].pop(field, None)
    return msgspec.json.encode(kept)


@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize("seed", range(3))
def test_spoilt_requests_are_answered_and_change_nothing_when_refused(name: str, seed: int) -> None:
    application, state, wallet, sent = life(name)
    chance, statuses = random.Random(f"{name} {seed}"), Counter[int]()
    net, stranger = InProcessNet(application), Wallet(KeySource(pooled=True))
    key = stranger.new_key("device")
    nobody = Credential(one_authority().issue(key.public_key(), common_name("nobody")), key)
    for _ in range(300):
        one = chance.choice(sent)
        request = Request(one.method, one.url, dict(one.headers), one.body, one.certificate)
        spoilers = chance.sample(SPOILERS, chance.choice((1, 1, 1, 2, 3)))
        for spoil in spoilers:
            spoil(chance, request)
        stranger.device, stranger.mdm = wallet.device, wallet.mdm
        if request.certificate == "stranger":
            request.certificate, stranger.device = "device", nobody
        before = fingerprint(state)
        answer = net.send(request, stranger)
        what = f"{[one.__name__ for one in spoilers]} {request.method} {request.url[:120]}"
        assert sane(answer), f"{answer.status}: {what}"
        assert len(answer.body) < 3_000_000, what
        assert b"Traceback" not in answer.body, what
        if answer.status >= 400:
            assert fingerprint(state) == before, f"refused with {answer.status}, and something changed: {what}"
        statuses[answer.status] += 1
    assert statuses[200] > 20, "the spoilers leave nothing that is understood"
    assert sum(count for status, count in statuses.items() if status >= 400) > 60


@pytest.mark.parametrize("name", LIVES)
def test_a_life_played_again_out_of_order_is_answered(name: str) -> None:
    application, _state, wallet, sent = life(name)
    net, chance = InProcessNet(application), random.Random(name)
    order = list(sent) * 2
    chance.shuffle(order)
    for one in order:
        answer = net.send(one, wallet)
        assert sane(answer), f"{answer.status} {one.method} {one.url} {one.body[:2000]!r}"


def test_the_administrators_paths_bear_the_same() -> None:
    state = small_state()
    application = Application(TenantDesk(state, one_authority()), (*administration.routes(TOKEN), *ROUTES))
    net, chance = InProcessNet(application), random.Random("administrator")
    base = "https://localhost/admin/v1.0/deviceManagement/"
    names = ("windowsAutopilotDeploymentProfiles", "windowsAutopilotDeviceIdentities", "deviceEnrollmentConfigurations",
             "importedWindowsAutopilotDeviceIdentities", "managedDevices", "autopilotEvents", "users", "x")  # fmt: skip
    ends = ("", "/x", "/x/assign", "/x/assignments", "/x/wipe", "/import", "/x/updateDeviceProperties",
            "?$filter=a eq 'b", "?$top=-1")  # fmt: skip
    bodies = (*WORDS, b'{"serialNumber": 7}', b'{"displayName": "x", "assignments": [7]}', b'{"id": null, "@odata.type": []}')
    for _ in range(400):
        url = base + chance.choice(names) + chance.choice(ends)
        method = chance.choice(("GET", "POST", "PATCH", "DELETE"))
        headers = {"authorization": f"Bearer {chance.choice((TOKEN, TOKEN, TOKEN, 'no'))}", "content-type": "application/json"}
        answer = net.send(Request(method, url, headers, chance.choice(bodies)), Wallet(KeySource(pooled=True)))
        assert answer.status in SANE, f"{answer.status} {method} {url}"


def test_passing_records_do_not_fill_the_memory() -> None:
    records = MemoryRecords()
    for number in range(MOST + 50):
        records.put("nonce", str(number), {"until": number})
        records.put("enrolment", str(number % 7), {"enrolment_id": "x"})
    assert len(records.all("nonce")) == MOST
    assert records.get("nonce", "0") is None and records.get("nonce", str(MOST)) is not None
    assert len(records.all("enrolment")) == 7
