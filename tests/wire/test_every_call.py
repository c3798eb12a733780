"""Every call has its way over the wire, every private field exists, and no two routes answer the same request."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from autopilot_agent.service import CALLS
from autopilot_agent.service.base import Call
from autopilot_agent.wire import private
from autopilot_agent.wire.http import Route
from autopilot_agent.wire.table import FLOWS, ROUTES

ASKED = {
    "SynchronizeTime": "NTP is no HTTP",
    "Activate": "what activation says is not known",
    "ScanForUpdates": "Windows Update has a protocol of its own, which is no part of this project",
    "UploadDiagnostics": "an upload to a store of blobs, whose content nobody here reads",
    "EscrowRecoveryKey": "the message is not known",
    "DownloadConfigMgrClient": "the cloud management gateway is no part of this project",
    "IssueCertificate": "SCEP of a connector, no part of this project",
    "FindDomainController": "DNS and LDAP",
    "LogOnToDomain": "Kerberos",
    "ConnectVpn": "a VPN's own protocol",
}
"""Calls that go over the private route on purpose, and why."""
ANSWERS = {private.answer_kind(kind).__name__: private.answer_kind(kind) for kind in CALLS.values()}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_has_a_protocol_or_a_reason_to_have_none(name: str) -> None:
    has_protocol = CALLS[name] in FLOWS
    assert has_protocol != (name in ASKED), f"{name}: give it a flow in wire/table.py, or a reason in ASKED; not both"


def test_only_calls_have_protocols_and_reasons() -> None:
    assert set(FLOWS) <= set(CALLS.values()) and set(ASKED) <= set(CALLS)
    assert all(isinstance(kind, type) and issubclass(kind, Call) for kind in FLOWS)


@pytest.mark.parametrize("name", sorted(private.CALL_FIELDS))
def test_a_private_field_of_a_call_exists(name: str) -> None:
    fields = private.CALL_FIELDS[name]
    assert set(fields) <= set(CALLS[name].__struct_fields__) and len(set(fields)) == len(fields) > 0


@pytest.mark.parametrize("name", sorted(private.ANSWER_FIELDS))
def test_a_private_field_of_an_answer_exists(name: str) -> None:
    fields = private.ANSWER_FIELDS[name]
    assert set(fields) <= set(ANSWERS[name].__struct_fields__) and len(set(fields)) == len(fields) > 0


def test_private_fields_belong_to_calls_with_a_protocol() -> None:
    assert not set(private.CALL_FIELDS) & set(ASKED), "a call of the private route carries all its fields anyway"


def pattern(route: Route) -> str:
    """The path without the names of its parameters and without regard to case."""
    return re.sub(r"<(\w+:)?\w+>", lambda found: f"<{found[1] or ''}>", route.path).casefold()


def test_no_two_routes_have_one_method_and_path() -> None:
    for one, other in combinations(ROUTES, 2):
        assert (one.method, pattern(one)) != (other.method, pattern(other)), f"{one.path} and {other.path}"


def sample(route: Route) -> str:
    """A path that the route is for."""
    return re.sub(r"<(?:\w+:)?\w+>", "sample", route.path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_is_the_one_that_answers_its_path(route: Route) -> None:
    rules = [Rule(one.path, endpoint=one, methods=[one.method]) for one in ROUTES]
    adapter = Map(rules, strict_slashes=False, merge_slashes=False).bind("localhost")
    try:
        found, _ = adapter.match(sample(route), route.method)
    except HTTPException as error:
        raise AssertionError(f"nothing answers {sample(route)}") from error
    assert found is route, f"{found.path} answers what is for {route.path}"


def test_every_route_says_what_it_is_and_how_large_a_body_may_be() -> None:
    for route in ROUTES:
        assert route.name and route.path.startswith("/") and route.method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
        assert 0 < route.largest <= 16_000_000
