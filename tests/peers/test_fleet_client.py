"""Fleet's test client against the served tenant (protocols.md 18.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from fleet_client import FleetClient

from autopilot_agent.testing.small import USER

SETUP = "/Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation/PolicyProviders/Sidecar"


def enrolled(served: Any) -> FleetClient:
    client = FleetClient(served.base, None, served.send)
    client.discover(USER)
    client.policy()
    client.enrol()
    return client


def uris(commands: list[Any]) -> list[str]:
    return [one.text or "" for command in commands for one in command.iterfind(".//{*}Target/{*}LocURI")]


def test_discovery_at_fleets_path_offers_on_premise_authentication_and_no_newer_version(serve: Callable[..., Any]) -> None:
    served = serve()
    found = FleetClient(served.base, None, served.send).discover(USER)
    assert found["AuthPolicy"] in ("OnPremise", "Federated")
    assert float(found["EnrollmentVersion"]) <= 5.0
    assert found["EnrollmentServiceUrl"].startswith(served.base)


def test_the_policy_at_fleets_path_says_the_key_length_and_the_hash(serve: Callable[..., Any]) -> None:
    served = serve()
    policy = FleetClient(served.base, None, served.send).policy()
    assert policy.findtext(".//{*}minimalKeyLength") == "2048"
    assert "2.16.840.1.101.3.4.2.1" in [one.text for one in policy.iter() if one.tag.endswith("}value")]


def test_a_device_with_an_orbit_key_enrols_and_is_somebody_of_the_tenant(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    assert client.account()["APPID"] == "w7"
    assert client.account()["ADDR"].startswith(served.base)
    assert x509.load_der_x509_certificate(client.certificate_der()).not_valid_before_utc is not None
    assert [one.user_id for one in served.state.history] == [served.state.user(USER).id]


def test_a_session_without_certificate_and_credentials_is_known_by_its_source_and_ends(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    first = client.start_session()
    assert first
    came = [client.statuses[0].findtext("{*}CmdRef"), client.statuses[0].findtext("{*}Cmd")]
    assert came == ["0", "SyncHdr"]
    assert {one.findtext("{*}CmdRef") for one in client.statuses} == {"0", "2", "3", "4"}
    commands = list(first.values())
    while first:
        first = client.respond(first)
        commands.extend(first.values())
    assert "./DevDetail/SwV" in uris(commands)
    assert any(SETUP in uri for uri in uris(commands))


def test_values_of_a_get_arrive_by_their_reference(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    client.check_in()
    assert served.state.history[0].facts["./DevDetail/SwV"] == "10.0.19045.2965"


def test_sessions_come_to_rest(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    numbers = [len(client.check_in()) for _ in range(4)]
    assert numbers[0] > 0
    assert numbers[-1] == 0


@pytest.mark.parametrize("code", ["404", "405", "418", "500"])
def test_a_device_that_fails_every_command_still_comes_to_the_end_of_its_session(serve: Callable[..., Any], code: str) -> None:
    client = enrolled(serve())
    commands = client.start_session()
    while commands and client.message < 40:
        commands = client.respond(commands, code)
    assert not commands


def test_two_devices_are_told_apart_by_their_source(serve: Callable[..., Any]) -> None:
    served = serve()
    one = enrolled(served)
    other = FleetClient(served.base, None, served.send, "0123456789ABCDEF0123456789ABCDEF")
    other.enrol()
    assert len(one.check_in()) == len(other.check_in()) > 0
    assert len({device.enrolment_id for device in served.state.history}) == 2


def test_a_device_that_never_enrolled_is_refused(serve: Callable[..., Any]) -> None:
    served = serve()
    client = FleetClient(served.base, None, served.send)
    with pytest.raises(Exception, match=r"HTTP 4|root is"):
        client.check_in()


def test_the_same_over_a_socket(serve: Callable[..., Any]) -> None:
    client = enrolled(serve().over_a_socket())
    assert client.check_in()
