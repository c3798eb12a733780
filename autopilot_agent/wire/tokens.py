"""Signed tokens: what Entra and the device ticket service hand out, as JWT; made and checked by a server, read by a device."""

from __future__ import annotations

import base64
from typing import Any

import jwt

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.entra import SignedIn
from autopilot_agent.wire import members
from autopilot_agent.wire.authority import Authority
from autopilot_agent.wire.http import Incoming

HOUR = 3600
SEALED = ("ticket", "nonce", "refresh", "prt", "terms")
"""Uses of tokens that only the server itself ever reads. They are sealed with a secret of its own instead of a signature that
others could check: 10 us instead of 400."""
LIFETIME = HOUR
"""Seconds that an access token is good for; Entra's are good for 60 to 90 minutes."""
UNAUTHORIZED = "0x80190191"
"""HTTP 401, as Windows shows it."""


def mint(authority: Authority, claims: dict[str, Any], epoch: int, lifetime: int = LIFETIME) -> str:
    """A token with these claims; ``epoch`` is now, in seconds since 1970."""
    stamped = {"iss": ISSUER, "iat": epoch, "nbf": epoch - 300, "exp": epoch + lifetime, **claims}
    if claims.get("use") in SEALED:
        made = jwt.encode(stamped, authority.secret, algorithm="HS256")
    else:
        made = jwt.encode(stamped, authority.key, algorithm="RS256", headers={"kid": authority.key_id})
    authority.remember(made)
    return made


ISSUER = "https://sts.windows.net/"


def check(authority: Authority, token: str, epoch: int, kind: str = "") -> dict[str, Any]:
    """The claims of a token that this server signed and that is good at ``epoch``; ``kind`` is what its ``use`` must be.

    Raises ``ServiceFault`` with HTTP 401 for a foreign, changed, expired or other token.
    """
    claims = read(token) if authority.remembers(token) else _verified(authority, token, kind)
    if not isinstance(claims.get("exp"), int) or claims["exp"] < epoch:
        raise ServiceFault(UNAUTHORIZED, "the token has expired")
    if kind and claims.get("use") != kind:
        raise ServiceFault(UNAUTHORIZED, f"the token is no {kind} token")
    return claims


def _verified(authority: Authority, token: str, kind: str) -> dict[str, Any]:
    """The claims of a token whose seal or signature is good. Its use tells which of the two it must have, never its header."""
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    key: Any = (authority.secret, "HS256") if kind in SEALED else (authority.public_key, "RS256")
    try:
        claims: dict[str, Any] = jwt.decode(token, key[0], algorithms=[key[1]], options=options)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise ServiceFault(UNAUTHORIZED, f"the token is not one of this server: {error}") from None
    authority.remember(token)
    return claims


def read(token: str) -> dict[str, Any]:
    """The claims of a token as its bearer reads them, without a check. Raises ``Malformed``."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Malformed("the token has not the three parts of a JWT")
    try:
        claims = members.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, Malformed) as error:  # the base64, the JSON
        raise Malformed(f"the token cannot be read: {error}") from None
    if not isinstance(claims, dict):
        raise Malformed("the token holds no claims")
    return claims


def unsigned(user: SignedIn) -> str:
    """A token that nobody signed, for a server that takes a user's word: what Entra would say (protocols.md 3.2)."""
    claims = {
        "aud": "https://enrollment.manage.microsoft.com/",
        "iss": ISSUER,
        "oid": user.user_id,
        "tid": user.tenant_id,
        "upn": user.user_name,
        "unique_name": user.user_name,
        "scp": "mdm_delegation",
    }
    return jwt.encode(claims, "", algorithm="none")


def bearer(incoming: Incoming, authority: Authority, kind: str = "") -> dict[str, Any]:
    """The claims of the request's bearer token, {} without one. Raises ``ServiceFault`` with HTTP 401 for a wrong one."""
    word, _, token = incoming.headers.get("authorization", "").partition(" ")
    return check(authority, token.strip(), incoming.epoch, kind) if word.casefold() == "bearer" else {}
