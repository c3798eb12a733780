"""ROADtools against the served tenant (protocols.md 18.5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from plumbing import claims_of, from_url64, new_key, pair
from roadtools_client import RoadtoolsClient

from autopilot_agent.testing.small import TENANT_ID, USER, USER_ID

INTUNE = "https://enrollment.manage.microsoft.com/"
GRAPH = "https://graph.microsoft.com"


def client_of(served: Any) -> RoadtoolsClient:
    return RoadtoolsClient(served.base, None, served.send)


def joined(served: Any) -> RoadtoolsClient:
    client = client_of(served)
    client.join(client.sign_in(USER, "right password")["access_token"], "LAB-4711")
    return client


def test_the_tenant_is_found_by_its_domain(serve: Callable[..., Any]) -> None:
    found = client_of(serve()).find_tenant("contoso.example")
    assert TENANT_ID in found["token_endpoint"]
    assert found["tenant_region_scope"]


def test_realm_discovery_speaks_both_versions(serve: Callable[..., Any]) -> None:
    client = client_of(serve())
    assert client.find_user(USER)["NameSpaceType"] == "Managed"
    assert client.find_user(USER)["DomainName"] == "contoso.example"
    assert client.find_user(USER, "1.0")["account_type"] == "Managed"
    assert client.find_user("nobody")["NameSpaceType"] == "Unknown"


def test_a_password_brings_the_claims_of_the_user(serve: Callable[..., Any]) -> None:
    answer = client_of(serve()).sign_in(USER, "right password")
    claims = claims_of(answer["access_token"])
    assert (claims["upn"], claims["tid"], claims["oid"]) == (USER, TENANT_ID, USER_ID)
    assert answer["token_type"] == "Bearer"
    assert int(answer["expires_in"]) > 0


@pytest.mark.parametrize(
    ("user", "password", "code"),
    [(USER, "wrong", "AADSTS50126"), (USER, "", "AADSTS50126"), ("nobody@contoso.example", "x", "AADSTS50034")],
)
def test_a_sign_in_that_fails_says_the_code(serve: Callable[..., Any], user: str, password: str, code: str) -> None:
    with pytest.raises(Exception, match=code):
        client_of(serve()).sign_in(user, password)


def test_a_refresh_token_is_good_for_another_service(serve: Callable[..., Any]) -> None:
    client = client_of(serve())
    client.sign_in(USER, "right password")
    assert claims_of(client.renew(INTUNE)["access_token"])["aud"] == INTUNE


def test_a_token_names_a_key_that_is_published(serve: Callable[..., Any]) -> None:
    client = client_of(serve())
    token = client.sign_in(USER, "right password")["access_token"]
    header = json.loads(from_url64(token.split(".")[0]))
    assert header["kid"] in {one["kid"] for one in client.signing_keys()}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_join_answers_with_a_certificate_for_the_key(serve: Callable[..., Any], version: str) -> None:
    served = serve()
    client = client_of(served)
    name = client.join(client.sign_in(USER, "right password")["access_token"], "LAB-4711", version)
    assert len(name) == 36
    assert [one.display_name for one in served.state.joined.values()] == ["LAB-4711"]


def test_a_join_without_a_token_is_refused_and_nothing_is_made(serve: Callable[..., Any]) -> None:
    served = serve()
    with pytest.raises(Exception, match="join: HTTP 4"):
        client_of(served).join("no.token.here", "LAB-4711")
    assert not served.state.joined


def test_a_device_deletes_itself_with_its_certificate_once(serve: Callable[..., Any]) -> None:
    served = serve()
    client = joined(served)
    client.delete()
    assert not served.state.joined
    with pytest.raises(Exception, match="HTTP 4"):
        client.delete()


def test_another_device_cannot_delete_it(serve: Callable[..., Any]) -> None:
    served = serve()
    client, other = joined(served), joined(served)
    url = f"{served.base}/EnrollmentServer/device/{other.device_id()}?api-version=1.0"
    reply = served.send("DELETE", url, {}, b"", client.device)
    assert reply[0] in (401, 403)
    assert len(served.state.joined) == 2


def test_nobody_deletes_a_device_without_a_certificate(serve: Callable[..., Any]) -> None:
    served = serve()
    client = joined(served)
    url = f"{served.base}/EnrollmentServer/device/{client.device_id()}?api-version=1.0"
    assert served.send("DELETE", url, {}, b"", None)[0] in (401, 403)
    assert served.state.joined


def test_the_device_gets_a_token_of_its_own(serve: Callable[..., Any]) -> None:
    client = joined(serve())
    claims = claims_of(client.device_token(GRAPH)["access_token"])
    assert claims["deviceid"] == client.device_id()
    assert "upn" not in claims


def test_a_device_token_needs_a_nonce_of_this_server(serve: Callable[..., Any]) -> None:
    client = joined(serve())
    with pytest.raises(Exception, match="token: HTTP 4"):
        client.device_token(GRAPH, "invented")


def test_a_device_token_needs_the_key_of_the_certificate(serve: Callable[..., Any]) -> None:
    client = joined(serve())
    client.key = new_key()
    with pytest.raises(Exception, match="token: HTTP 4"):
        client.device_token(GRAPH)


def test_a_certificate_that_nobody_issued_brings_no_token(serve: Callable[..., Any]) -> None:
    served = serve()
    client = joined(served)
    client.device = _self_signed(client)
    with pytest.raises(Exception, match="token: HTTP 4"):
        client.device_token(GRAPH)


def test_a_deleted_device_gets_no_token(serve: Callable[..., Any]) -> None:
    client = joined(serve())
    client.delete()
    with pytest.raises(Exception, match="token: HTTP 4"):
        client.device_token(GRAPH)


@pytest.mark.parametrize("newer", [False, True])
def test_a_primary_refresh_token_brings_tokens_with_the_device_in_them(serve: Callable[..., Any], newer: bool) -> None:
    client = joined(serve())
    client.get_prt(USER, "right password")
    assert len(client.session_key) == 32
    claims = claims_of(client.use_prt(INTUNE, newer=newer)["access_token"])
    assert (claims["upn"], claims["deviceid"]) == (USER, client.device_id())


def test_a_hello_key_is_registered_with_a_token_that_knows_the_device(serve: Callable[..., Any]) -> None:
    served = serve()
    client = joined(served)
    token = client.renew("urn:ms-drs:enterpriseregistration.windows.net")["access_token"]
    answer = client.register_hello_key(token)
    assert answer["upn"] == USER
    assert answer["kid"]


def test_the_same_over_a_socket(serve: Callable[..., Any]) -> None:
    served = serve().over_a_socket()
    client = joined(served)
    assert client.device_token(GRAPH)["access_token"]
    client.delete()
    assert not served.state.joined


def _self_signed(client: RoadtoolsClient) -> tuple[bytes, bytes]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, client.device_id())])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(client.key.public_key())
    built = built.serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return pair(built.sign(client.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), client.key)
