"""Who checks a password, and how the sign-in page looks: realm, branding, the tenant's metadata and signing keys (3.1)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlsplit

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.entra import Branding, DiscoverRealm, GetBranding, Realm
from autopilot_agent.wire import claims, oauth, tokens
from autopilot_agent.wire.authority import der
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, as_json, refused
from autopilot_agent.wire.wallet import Wallet

HOST = oauth.HOST
CLOUD = "microsoftonline.com"
REALM = "/common/userrealm"
ACCOUNT_TYPES = ("Managed", "Federated", "Unknown")
EXISTS, DOES_NOT_EXIST = 0, 1
MANAGED, FEDERATED = 3, 4


def discover_realm(call: DiscoverRealm, wallet: Wallet) -> Flow[Realm]:
    """Look the user's domain up, then the tenant that the domain belongs to."""
    response = yield Request("GET", f"https://{HOST}{REALM}/{quote(call.user_name, safe='@')}?api-version=1.0")
    if not response.good:
        raise refused(response)
    account_type, domain = decode_realm(response.json())
    if account_type == "Unknown" or not domain:
        return Realm(account_type, domain)
    response = yield Request("GET", f"https://{HOST}/{quote(domain, safe='')}/.well-known/openid-configuration")
    return Realm(account_type, domain, decode_tenant(response) if response.good else "")


def decode_realm(body: dict[str, Any]) -> tuple[str, str]:
    """Account type and domain, of either version. Raises ``Malformed`` for another account type."""
    found = claims.text(body, "account_type", "NameSpaceType")
    if found not in ACCOUNT_TYPES:
        raise Malformed("the answer does not say whether the account is managed or federated")
    return found, claims.text(body, "domain_name", "DomainName")


def decode_tenant(response: Response) -> str:
    """The tenant's id, which is the first part of the path of its token endpoint."""
    try:
        return urlsplit(claims.text(response.json(), "token_endpoint")).path.strip("/").partition("/")[0]
    except ValueError as error:
        raise Malformed(f"the token endpoint is no address: {error}") from None


def get_branding(call: GetBranding, wallet: Wallet) -> Flow[Branding]:
    """Ask for the branding of a domain; anybody's name in it will do."""
    user = f"user@{call.domain}" if call.domain else "user"
    response = yield Request("GET", f"https://{HOST}{REALM}/{quote(user, safe='@')}?api-version=2.0")
    if not response.good:
        raise refused(response)
    return decode_branding(response.json())


def decode_branding(body: dict[str, Any]) -> Branding:
    """The branding of an answer, in the default language; other languages are not asked for."""
    looks = body.get("TenantBrandingInfo")
    found = [one for one in looks if isinstance(one, dict)] if isinstance(looks, list) else []
    look = next((one for one in found if one.get("Locale") in (0, "0")), found[0] if found else None)
    name = claims.text(body, "FederationBrandName")
    if look is None:
        return Branding(name)
    return Branding(name, claims.text(look, "BoilerPlateText"), claims.text(look, "UserIdLabel"), configured=True)


def encode_branding(branding: Branding) -> list[dict[str, Any]] | None:
    """``TenantBrandingInfo``; None for a tenant without branding. Pictures and colours are not modelled."""
    if not branding.configured:
        return None
    missing = dict.fromkeys(("BannerLogo", "TileLogo", "TileDarkLogo", "Illustration", "BackgroundColor"))
    texts = {"BoilerPlateText": branding.sign_in_text or None, "UserIdLabel": branding.user_hint or None}
    return [{"Locale": 0, **missing, **texts, "KeepMeSignedInDisabled": False}]


def realm(incoming: Incoming, desk: Desk) -> Response:
    """Both versions of the answer. Addresses of a federation server are made up: this server does not speak for one."""
    user = incoming.parameters.get("user", "")
    found = desk.answer(DiscoverRealm(user), incoming)
    sts = f"https://sts.{found.domain}"
    federated = found.account_type == "Federated"
    if not incoming.query.get("api-version", "").startswith("2"):
        body: dict[str, Any] = {"ver": "1.0", "account_type": found.account_type, "domain_name": found.domain}
        if federated:
            body["federation_protocol"] = "WSTrust"
            body["federation_metadata_url"] = f"{sts}/adfs/services/trust/mex"
            body["federation_active_auth_url"] = f"{sts}/adfs/services/trust/2005/usernamemixed"
        return as_json({**body, "cloud_instance_name": CLOUD, "cloud_audience_urn": "urn:federation:MicrosoftOnline"})
    branding = desk.answer(GetBranding(user.rpartition("@")[2] if "@" in user else ""), incoming)
    body = {"NameSpaceType": found.account_type, "Login": user, "DomainName": found.domain}
    body["FederationBrandName"] = branding.tenant_name or None
    if federated:
        body["AuthURL"] = f"{sts}/adfs/ls/"
    return as_json({**body, "TenantBrandingInfo": encode_branding(branding), "cloud_instance_name": CLOUD})


def credential_type(incoming: Incoming, desk: Desk) -> Response:
    """What the sign-in page asks once a name is typed."""
    user = claims.text(incoming.json(), "username")
    found = desk.answer(DiscoverRealm(user), incoming)
    branding = desk.answer(GetBranding(user.rpartition("@")[2] if "@" in user else ""), incoming)
    federated = found.account_type == "Federated"
    return as_json(
        {
            "Username": user,
            "Display": user,
            "IfExistsResult": EXISTS if desk.user_id_of(user) else DOES_NOT_EXIST,
            "ThrottleStatus": 0,
            "Credentials": {"PrefCredential": 4 if federated else 1, "HasPassword": not federated},
            "EstsProperties": {
                "UserTenantBranding": encode_branding(branding),
                "DomainType": FEDERATED if federated else MANAGED,
            },
        }
    )


def metadata(incoming: Incoming, desk: Desk) -> Response:
    """OpenID Connect discovery of a tenant; every domain that is not this tenant's belongs to one other tenant."""
    name = incoming.parameters["tenant"]
    tenant = name if name.casefold() in oauth.ANY_TENANT else desk.tenant_of(name)
    if not tenant:
        tenant = desk.answer(DiscoverRealm(f"user@{name}"), incoming).tenant_id
    root = incoming.url(HOST, "")
    version = "/v2.0" if "/v2.0/" in incoming.path else ""
    return as_json(
        {
            "issuer": f"{root}/{tenant}/v2.0" if version else f"{tokens.ISSUER}{tenant}/",
            "authorization_endpoint": f"{root}/{tenant}/oauth2{version}/authorize",
            "token_endpoint": f"{root}/{tenant}/oauth2{version}/token",
            "jwks_uri": f"{root}/common/discovery{version}/keys",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": CLOUD,
        }
    )


def keys(incoming: Incoming, desk: Desk) -> Response:
    """The key that tokens are signed with, as a JWK."""
    numbers = desk.authority.public_key.public_numbers()
    certificate = base64.b64encode(der(desk.authority.certificate)).decode()
    key = {"kty": "RSA", "use": "sig", "kid": desk.authority.key_id, "n": _number(numbers.n), "e": _number(numbers.e)}
    return as_json({"keys": [{**key, "x5c": [certificate]}]})


def _number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """The errors of these routes are those of the token endpoint."""
    return oauth.refuse(fault, incoming)


FLOWS: Flows = {DiscoverRealm: discover_realm, GetBranding: get_branding}
ROUTES = (
    Route("GET", f"{REALM}/<path:user>", realm, refuse, "user realm"),
    Route("GET", REALM, realm, refuse, "user realm"),
    Route("POST", "/common/GetCredentialType", credential_type, refuse, "credential type", 100_000),
    *(
        Route("GET", f"/<tenant>{version}/.well-known/openid-configuration", metadata, refuse, "openid configuration")
        for version in ("", "/v2.0")
    ),
    *(Route("GET", f"/<tenant>/discovery{version}/keys", keys, refuse, "signing keys") for version in ("", "/v2.0")),
)
