"""Realm, branding, metadata and keys: what a stranger reads, and what a device reads without private headers."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from entra_server import device, served, stranger, token_of
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.entra import Branding, DiscoverRealm, GetBranding, Realm
from autopilot_agent.testing.small import TENANT_ID, USER
from autopilot_agent.wire import claims, entra
from autopilot_agent.wire.http import Incoming, Response

VALUES = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.none() | st.just({"Locale": 0}), max_size=2)
JSON = VALUES | st.lists(st.dictionaries(st.sampled_from(["Locale", "BoilerPlateText"]), VALUES, max_size=2), max_size=2)
MEMBERS = ("account_type", "NameSpaceType", "domain_name", "FederationBrandName", "TenantBrandingInfo", "token_endpoint")


def test_a_stranger_reads_the_first_version_of_the_realm() -> None:
    answer = stranger(served()).get(f"/common/userrealm/{USER}?api-version=1.0").json
    assert (answer["account_type"], answer["domain_name"]) == ("Managed", "contoso.example")


def test_a_federated_realm_names_its_federation_server() -> None:
    client = stranger(served({"cloud.federated": True}))
    first = client.get(f"/common/userrealm/{USER}?api-version=1.0").json
    assert first["account_type"] == "Federated" and first["federation_active_auth_url"].startswith("https://sts.contoso")
    second = client.get(f"/common/userrealm/{USER}?api-version=2.0").json
    assert second["NameSpaceType"] == "Federated" and second["AuthURL"]


def test_the_second_version_carries_the_branding() -> None:
    answer = stranger(served()).get(f"/common/userrealm/{USER}?api-version=2.0").json
    assert answer["TenantBrandingInfo"][0]["BoilerPlateText"] == "Welcome to Contoso"
    assert answer["FederationBrandName"] == "Contoso"


@pytest.mark.parametrize("name", ["a/b@contoso.example", "ünal@contoso.example", "a b?c#d@contoso.example", ""])
def test_odd_names_have_a_realm_too(name: str) -> None:
    assert isinstance(device(served()).send(DiscoverRealm(name), now=0), Realm)


def test_a_device_learns_the_tenant_from_its_metadata() -> None:
    found = device(served()).send(DiscoverRealm(USER), now=0)
    assert found == Realm("Managed", "contoso.example", TENANT_ID)


def test_a_device_reads_the_branding_without_private_headers() -> None:
    found = device(served()).send(GetBranding("contoso.example"), now=0)
    assert found == Branding("Contoso", "Welcome to Contoso", "", configured=True)


def test_a_tenant_without_branding_is_not_configured() -> None:
    found = device(served({"tenant.branding": None})).send(GetBranding("contoso.example"), now=0)
    assert found == Branding("Contoso")


def test_the_sign_in_page_asks_whether_a_user_exists() -> None:
    client = stranger(served())
    known = client.post("/common/GetCredentialType", json={"username": USER, "isOtherIdpSupported": True}).json
    assert (known["IfExistsResult"], known["EstsProperties"]["DomainType"]) == (0, 3)
    assert known["EstsProperties"]["UserTenantBranding"][0]["Locale"] == 0
    assert client.post("/common/GetCredentialType", json={"username": "no@contoso.example"}).json["IfExistsResult"] == 1
    assert client.post("/common/GetCredentialType", data="[").status_code == 400


def test_tokens_are_signed_by_the_key_that_is_published() -> None:
    client = stranger(served())
    metadata = client.get("/contoso.example/.well-known/openid-configuration").json
    assert metadata["token_endpoint"] == f"http://localhost/{TENANT_ID}/oauth2/token"
    keys = client.get("/common/discovery/v2.0/keys").json["keys"]
    token = token_of(client)["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == keys[0]["kid"]
    key: Any = jwt.PyJWK(keys[0])
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    assert jwt.decode(
        token, key, algorithms=["RS256"], audience="urn:ms-drs:enterpriseregistration.windows.net", options=options
    )


def test_the_second_version_of_the_metadata_leads_to_the_second_token_endpoint() -> None:
    metadata = stranger(served()).get(f"/{TENANT_ID}/v2.0/.well-known/openid-configuration").json
    assert metadata["token_endpoint"].endswith(f"/{TENANT_ID}/oauth2/v2.0/token")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXT, TEXT, TEXT)
def test_branding_survives_the_wire(name: str, text: str, hint: str) -> None:
    branding = Branding(name, text, hint, configured=True)
    body = {"FederationBrandName": name, "TenantBrandingInfo": entra.encode_branding(branding)}
    assert entra.decode_branding(body) == branding


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=6))
def test_any_json_is_a_realm_or_malformed(body: dict[str, Any]) -> None:
    for decode in (entra.decode_realm, entra.decode_branding):
        try:
            decode(body)
        except Malformed:
            continue


@given(st.binary(max_size=60))
def test_any_bytes_are_metadata_or_malformed(body: bytes) -> None:
    try:
        entra.decode_tenant(Response(200, {}, body))
    except Malformed:
        return


def test_a_server_that_fails_is_a_refusal() -> None:
    with pytest.raises(ServiceFault, match="0x801901F4"):
        flow = entra.get_branding(GetBranding("contoso.example"), device(served()).wallet)
        next(flow)
        flow.send(Response(500))


@pytest.mark.parametrize(
    ("host", "kept"),
    [("enrollment.manage.microsoft.com", False), ("enrollment.manage.microsoft.us", False), ("MDM.Windows.NET", False),
     ("mdm.contoso.example", True), ("notmicrosoft.com", True), ("", True)],
)  # fmt: skip
def test_no_client_is_sent_to_a_production_host(host: str, kept: bool) -> None:
    url = f"https://{host}/discover"
    assert claims.here(url, Incoming("GET", "/", base="https://localhost:1")) == (
        url if kept else "https://localhost:1/discover"
    )
    assert claims.here(url, Incoming("GET", "/", base="https://localhost:1", ours=True)) == url
