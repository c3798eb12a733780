"""Messages of clients that are not ours, rebuilt wrongly, and every route with rubbish: answered, bounded, nothing half done.

tests/simulator/test_fuzz.py spoils what a device of ours sends; here the structure is spoilt (elements, members, fields) of
messages without private headers, certificates of other enrolled devices are shown, and calls have senseless values.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from copy import deepcopy
from functools import cache
from typing import Any, get_type_hints
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from aadinternals_client import DRS, INTUNE, AadInternalsClient
from conftest import BASE, Served
from fleet_client import FleetClient
from lxml import etree
from plumbing import ClientCertificate, Reply
from pytune_client import SCALE_UNIT, PytuneClient
from roadtools_client import RoadtoolsClient
from windows_client import WindowsClient

from autopilot_agent.scenario.saved_cloud import save_cloud
from autopilot_agent.service import CALLS
from autopilot_agent.testing.small import USER
from autopilot_agent.wire.table import ROUTES

Sent = tuple[str, str, dict[str, str], bytes, ClientCertificate]
SANE = {200, 201, 202, 204, 302, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 503}
ODD = ("", " ", "0", "-1", "9" * 400, "None", "é\u202e\U0001f600", "a.b.c.d", "10.0", "x" * 20_000, "../..", "%00", "]]>")
RUBBISH = (
    b"", b"\0", b"\xff\xfe", b"{}", b"[]", b"null", b"7", b'{"a":' * 2000, b"[" * 5000, b"<" * 500, b"<a>" * 2000, b"<a/>",
    b"a=b", b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>', b"&" * 500, b"grant_type=" + b"x" * 5000,
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body/></s:Envelope>',
    b'<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody/></SyncML>',
)  # fmt: skip

HOSTS = ("evil.example/path", "a b", '"><x>', "[::1", "x" * 5000, "a." * 200, "\xff", ":", "a:99999999")


@cache
def lives() -> tuple[Served, tuple[Sent, ...]]:
    """One served tenant, in which every client has done what it does; and what they sent."""
    served, sent = Served({}), []
    plain = served.send

    def send(method: str, url: str, headers: dict[str, str], body: bytes, certificate: ClientCertificate) -> Reply:
        sent.append((method, url, headers, body, certificate))
        return plain(method, url, headers, body, certificate)

    fleet = FleetClient(BASE, None, send)
    fleet.discover(USER)
    fleet.policy()
    fleet.enrol()
    fleet.check_in()
    pytune = PytuneClient(BASE, None, send, hardware_hash="aGFzaA==")
    pytune.join(pytune.sign_in(USER, "right password"), "contoso.example")
    pytune.enrol(SCALE_UNIT, pytune.token_for(INTUNE))
    pytune.check_in()
    pytune.locate()
    pytune.content(pytune.apps()[0])
    pytune.scripts()
    shell = AadInternalsClient(BASE, None, send)
    shell.join(shell.token(USER, "right password", DRS))
    shell.enrol(shell.token(USER, "right password", INTUNE), shell.discover(USER))
    shell.check_in()
    road = RoadtoolsClient(BASE, None, send)
    road.find_user(USER)
    road.find_tenant("contoso.example")
    road.join(road.sign_in(USER, "right password")["access_token"], "LAB")
    road.device_token(INTUNE)
    road.get_prt(USER, "right password")
    road.use_prt(INTUNE)
    road.register_hello_key(road.renew(DRS)["access_token"])
    pc = WindowsClient(BASE, None, send)
    pc.get_ticket()
    pc.probe()
    pc.discover(USER)
    pc.enrol(pc.sign_in(USER, "right password", INTUNE))
    pc.check_in()
    pc.check_in(pc.sign_in(USER, "right password", "https://manage.microsoft.com/"))
    return served, tuple(sent)


def xml_rebuilt(chance: random.Random, body: bytes) -> bytes:
    """An element gone, twice, deep inside itself, moved, renamed or with another text."""
    try:
        root = etree.fromstring(body)
    except etree.XMLSyntaxError:
        return body
    one: Any = chance.choice(list(root.iter("*")))
    other: Any = chance.choice(list(root.iter("*")))
    parent = one.getparent()
    how = chance.randrange(7)
    if how == 0 and parent is not None:
        parent.remove(one)
    elif how == 1 and parent is not None:
        for _ in range(chance.choice((1, 1, 30))):
            parent.append(deepcopy(one))
    elif how == 2:
        inner = one
        for _ in range(chance.choice((1, 5, 200))):
            inner = etree.SubElement(inner, one.tag)
    elif how == 3 and parent is not None and one not in list(other.iterancestors()):
        other.append(deepcopy(one))
    elif how == 4:
        one.tag, other.tag = other.tag, one.tag
    elif how == 5:
        one.attrib.clear()
        one.set(chance.choice(("Name", "ValueType", "xmlns.x")), chance.choice(ODD[:5]))
    else:
        one.text = re.sub("[^\x20-\ud7ff\U00010000-\U0010ffff]", "", chance.choice(ODD))
    return bytes(etree.tostring(root))


def json_rebuilt(chance: random.Random, body: bytes) -> bytes:
    """A member gone or of another type."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body
    spot = document
    while isinstance(spot, dict) and spot:
        name = chance.choice(list(spot))
        if isinstance(spot[name], dict) and chance.random() < 0.6:
            spot = spot[name]
            continue
        if isinstance(spot[name], str) and spot[name][:1] in "[{" and chance.random() < 0.5:
            spot[name] = json_rebuilt(chance, spot[name].encode()).decode()
        elif chance.random() < 0.3:
            del spot[name]
        else:
            spot[name] = chance.choice((None, True, -1, 1e300, 10**40, [], {}, [[]], *ODD))
        break
    return json.dumps(document).encode()


def form_rebuilt(chance: random.Random, body: bytes) -> bytes:
    """A field gone, twice, or with another value."""
    fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    if not fields:
        return body
    place = chance.randrange(len(fields))
    how = chance.randrange(3)
    if how == 0:
        del fields[place]
    elif how == 1:
        fields += [fields[place]] * chance.choice((1, 200))
    else:
        fields[place] = (fields[place][0], chance.choice(ODD))
    return urlencode(fields).encode()


def spoilt(chance: random.Random, sent: tuple[Sent, ...]) -> Sent:
    """One message, rebuilt, with another certificate or other headers."""
    method, url, headers, body, certificate = chance.choice(sent)
    rebuild = json_rebuilt if body[:1] in (b"{", b"[") else xml_rebuilt if body[:1] == b"<" else form_rebuilt
    how = chance.randrange(8)
    if how < 5 and body:
        for _ in range(chance.choice((1, 1, 2, 4))):
            body = rebuild(chance, body)
    elif how == 5:
        certificate = chance.choice(sent)[4]
    elif how == 6:
        name = chance.choice([*headers, "content-type", "authorization"])
        headers = {one: value for one, value in headers.items() if one.lower() != name.lower()}
        kept = dict(chance.choice(sent)[2])
        values = ("text/html; charset=x", "Bearer a.b.c", "Basic eDp5", ", ".join([kept.get("Authorization", "Bearer ")] * 2))
        headers[name] = chance.choice((*values, *(one for one in kept.values() if one.isascii())))
    else:
        body, headers = chance.choice(sent)[3], chance.choice(sent)[2]
    return method, url, headers, body, certificate


def fingerprint(served: Served) -> bytes:
    """What the tenant holds, without counters that a question alone moves."""
    kept = msgspec.json.decode(msgspec.json.encode(save_cloud(served.state)))
    for name in ("made", "told", "mismatched"):
        kept.pop(name, None)
    for one in kept["history"]:
        for field in ("sessions", "pending", "asked", "next_command", "sent"):
            one["fields"].pop(field, None)
    return msgspec.json.encode(kept)


def sane(reply: Reply) -> bool:
    """A status that a client understands; a SOAP fault may come as a 500."""
    return len(reply[2]) < 3_000_000 and (reply[0] in SANE or (reply[0] == 500 and b":Fault>" in reply[2]))


@pytest.mark.parametrize("seed", range(3))
def test_messages_of_other_clients_that_are_rebuilt_wrongly_are_answered_and_a_refusal_changes_nothing(seed: int) -> None:
    served, sent = lives()
    chance, statuses = random.Random(seed), Counter[int]()
    served.state.tell = lambda rule, text: None
    before = fingerprint(served)
    for _ in range(250):
        one = spoilt(chance, sent)
        reply = served.send(*one)
        what = f"{reply[0]}: {one[0]} {one[1][:150]} {one[3][:3000]!r}"
        assert sane(reply), what
        after = fingerprint(served)
        assert reply[0] < 400 or after == before, f"refused, and something changed: {what}"
        before = after
        statuses[reply[0]] += 1
    assert statuses[200] > 40
    assert sum(count for status, count in statuses.items() if status >= 400) > 60


@pytest.mark.parametrize("ours", [False, True], ids=["of a stranger", "of a device of ours"])
def test_rubbish_at_every_route_is_answered(ours: bool) -> None:
    served = Served({})
    chance = random.Random(1)
    kinds = ("json", "soap+xml", "vnd.syncml.dm+xml", "vnd.syncml.dm+wbxml", "x-www-form-urlencoded", "; charset=\xff")
    for route in ROUTES:
        for body in RUBBISH:
            path = re.sub("<[^>]*>", lambda _: chance.choice(("x", "%2e%2e", "a" * 2000, "%00%ff", "'")), route.path)
            headers = {"content-type": "application/" + chance.choice(kinds)}
            if ours:
                more = ("{}", "[]", '{"user_id": 7}', "{" * 40, "\xff")
                headers |= {"autopilot-agent": "1", "autopilot-agent-call": chance.choice(more)}
                headers["autopilot-agent-time"] = chance.choice(("0", "-1", "x", "9" * 30))
            reply = served.send(route.method, f"{BASE}{path}", headers, body, None)
            assert sane(reply), f"{reply[0]}: {route.method} {path[:200]} {headers} {body[:200]!r}"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_calls_with_senseless_values_are_answered(name: str) -> None:
    served, chance = Served({}), random.Random(name)
    headers = {"content-type": "application/json", "autopilot-agent": "1", "autopilot-agent-time": "5"}
    known = list(served.state.registrations)
    for _ in range(12):
        call = {field: senseless(chance, hint, known) for field, hint in get_type_hints(CALLS[name]).items()}
        call = {field: value for field, value in call.items() if field in CALLS[name].__struct_fields__}
        reply = served.send("POST", f"{BASE}/autopilot-agent/calls/{name}", headers, json.dumps(call).encode(), None)
        assert sane(reply), f"{reply[0]} {call}"


def senseless(chance: random.Random, hint: Any, known: list[str]) -> Any:
    """A value of a type."""
    if hint is str:
        return chance.choice((*ODD, *known, USER, "5CG0000001"))
    if hint is bool:
        return chance.random() < 0.5
    if hint is int:
        return chance.choice((0, 1, -1, 48, 10**15, -(2**62)))
    return []


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_header_breaks_nothing_and_gets_nothing_into_an_answer(host: str) -> None:
    served = Served({})
    for path in ("/EnrollmentServer/Discovery.svc", "/contoso.example/Discover?api-version=1.7"):
        reply = served.send("GET", BASE + path, {"host": host}, b"", None)
        assert sane(reply), f"{reply[0]}: {host}"
        assert b'"><x>' not in reply[2] and b"evil.example" not in reply[2]


@pytest.mark.parametrize("said", ("0" * 5000, "0" * 20 + "9" * 30, "9" * 30, "-5", "1e9", ""))
def test_the_time_that_a_device_says_breaks_nothing(said: str) -> None:
    served, sent = lives()
    for method, url, headers, body, certificate in sent:
        if "bootstrappolicies" in url.casefold() or "oauth2" in url or "Discovery" in url:
            more = {**headers, "autopilot-agent": "1", "autopilot-agent-time": said}
            assert sane(served.send(method, url, more, body, certificate))
