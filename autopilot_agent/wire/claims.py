"""What Entra says of a person in a token, and the names of the applications and resources that tokens are for (3.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from autopilot_agent.errors import Malformed
from autopilot_agent.service.entra import SignedIn
from autopilot_agent.wire.hosts import is_production
from autopilot_agent.wire.http import Incoming

BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
"""The client id of Microsoft's authentication broker, which asks for every token of a device."""
WINDOWS_SIGN_IN = "38aa3b87-a06d-4817-b275-7a316988d93b"
DRS = "urn:ms-drs:enterpriseregistration.windows.net"
"""The resource of device registration."""
DRS_APP = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9"
ENROLMENT = "https://enrollment.manage.microsoft.com/"
"""The resource of Intune's enrolment service, terms of use page included."""
ENROLMENT_APP = "d4ebce55-015a-49b5-a083-c84d1797ae8c"
MANAGEMENT = "https://manage.microsoft.com/"
"""The resource that the user's token on OMA-DM sessions is for (``AADResourceID``)."""
GRAPH = "https://graph.microsoft.com"

ADMINISTRATOR_ROLES = frozenset({"62e90394-69f5-4237-9190-012177145e10", "9f06204d-73c1-4d4c-880a-6edb90606fd8"})
"""Role templates whose holders administer joined devices: global administrator, device local administrator."""
DEVICE_ADMINISTRATOR = "9f06204d-73c1-4d4c-880a-6edb90606fd8"
LONGEST_URL = 2_000
LONGEST = 20_000
"""Characters of a claim that is read."""


def text(claims: dict[str, Any], *names: str) -> str:
    """The first of some claims that is a text, "" where none is."""
    for name in names:
        found = claims.get(name)
        if isinstance(found, str) and found:
            return found[:LONGEST]
    return ""


def person(signed_in: SignedIn, incoming: Incoming) -> dict[str, Any]:
    """The claims of a person. That MDM addresses travel as claims is an inference (protocols.md 3.2)."""
    said: dict[str, Any] = {
        "oid": signed_in.user_id,
        "sub": signed_in.user_id,
        "tid": signed_in.tenant_id,
        "upn": signed_in.user_name,
        "unique_name": signed_in.user_name,
        "name": signed_in.display_name,
        "mdm_enrollment_url": here(signed_in.mdm_discovery_url, incoming),
        "mdm_terms_of_use_url": here(signed_in.mdm_terms_of_use_url, incoming),
        "wids": [DEVICE_ADMINISTRATOR] if signed_in.administrator_by_role else [],
    }
    return {name: value for name, value in said.items() if value}


def here(url: str, incoming: Incoming) -> str:
    """An MDM's address as a client shall use it: one of Microsoft's becomes this server's; nobody goes to the real one."""
    if incoming.ours or not url:
        return url
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return url
    return f"{incoming.base}{parts.path}" if is_production(host) else url


def signed_in(claims: dict[str, Any]) -> SignedIn:
    """What a device reads from a token. Raises ``Malformed`` where it does not say who signed in, or in which tenant."""
    user_id, tenant_id = text(claims, "oid"), text(claims, "tid")
    user_name = text(claims, "upn", "unique_name", "preferred_username")
    if not (user_id and tenant_id and user_name):
        raise Malformed("the token does not say who signed in: it needs oid, tid and upn")
    return SignedIn(
        user_id,
        user_name,
        text(claims, "name"),
        tenant_id,
        text(claims, "mdm_enrollment_url"),
        text(claims, "mdm_terms_of_use_url"),
        administrator_by_role=administers(claims),
    )


def administers(claims: dict[str, Any]) -> bool:
    """Whether a role makes this person an administrator of every joined device."""
    roles = claims.get("wids")
    return isinstance(roles, list) and any(isinstance(one, str) and one.casefold() in ADMINISTRATOR_ROLES for one in roles)


def is_address(url: str) -> bool:
    """Whether a text from a server is an address that a request can go to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    return plain and parts.scheme in ("https", "http") and bool(parts.hostname) and port != 0 and not parts.fragment


def is_token(text: str) -> bool:
    """Whether a text from a server can stand in an Authorization header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text and len(text) <= LONGEST


def scope_of(resource: str) -> str:
    """What a token for a resource permits; MDM servers look for ``mdm_delegation``."""
    return "mdm_delegation" if resource in (ENROLMENT, ENROLMENT_APP) else "user_impersonation"
