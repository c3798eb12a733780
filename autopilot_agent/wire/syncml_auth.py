"""Credentials inside SyncML: Basic, and MD5 with a nonce (protocols.md 12.3).

MD5 is the protocol's choice; it proves that the peer knows the secret of the provisioning document, next to what TLS proves.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from hashlib import md5, sha256
from typing import Any

import msgspec

from autopilot_agent.wire import syncml_document as dm

MD5, BASIC = "syncml:auth-md5", "syncml:auth-basic"
CLIENT, SERVER = "client", "server"
"""Who proves itself: the prefixes of the keys in the record of an enrolment and in the account of a device."""
W7 = {"client": "APPSRV", "server": "CLIENT"}
"""The same as AAUTHLEVEL of the provisioning document says it: to whom one proves oneself."""


class Secret(msgspec.Struct, frozen=True):
    """What one side proves itself with; ``nonce`` is base64, as AAUTHDATA and NextNonce have it."""

    name: str
    secret: str
    nonce: str = ""

    @classmethod
    def of(cls, kept: Mapping[str, Any], side: str) -> Secret | None:
        """The secret of a side in a record or an account (``client_name``, ``client_secret``, ``client_nonce``); None without.

        The names of the provisioning document (``APPSRV/AAUTHNAME`` ...) are taken as well.
        """
        level = W7[side]
        name = kept.get(f"{side}_name") or kept.get(f"{level}/AAUTHNAME") or ""
        secret = kept.get(f"{side}_secret") or kept.get(f"{level}/AAUTHSECRET") or ""
        if side == SERVER and not name:
            name = kept.get("PROVIDER-ID", "")  # the document names no user for the server: it is known by its provider id
        nonce = kept.get(f"{side}_nonce") or kept.get(f"{level}/AAUTHDATA") or ""
        return cls(str(name), str(secret), str(nonce)) if secret else None


def prove(secret: Secret, scheme: str = MD5) -> dm.Credentials:
    """The credentials of one message."""
    if scheme == BASIC:
        return dm.Credentials(BASIC, _b64(f"{secret.name}:{secret.secret}".encode()))
    inner = _b64(md5(f"{secret.name}:{secret.secret}".encode(), usedforsecurity=False).digest())
    data = inner.encode() + b":" + decoded(secret.nonce)
    return dm.Credentials(MD5, _b64(md5(data, usedforsecurity=False).digest()))


def proven(credentials: dm.Credentials, secret: Secret, schemes: tuple[str, ...] = (MD5,)) -> bool:
    """Whether credentials are those of the one who knows the secret, in a scheme that is accepted."""
    if credentials.type not in schemes:
        return False
    wanted = prove(secret, credentials.type).data
    return hmac.compare_digest(wanted.encode(), credentials.data.strip().encode())


def next_nonce(secret: Secret, purpose: str) -> str:
    """The nonce after this one: nobody can tell it who does not know the secret, and it differs for every purpose."""
    return _b64(sha256(f"{secret.secret}|{secret.nonce}|{purpose}".encode()).digest()[:16])


def decoded(nonce: str) -> bytes:
    """The bytes of a nonce; what is no base64 is taken as it stands, because such servers are about."""
    try:
        return base64.b64decode(nonce, validate=True)
    except ValueError:
        return nonce.encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
