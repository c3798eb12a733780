"""A tenant's resources without the secrets that some exports hold; what is copied beside rehearsals loses them."""

from __future__ import annotations

import re
from typing import Any

FILTERED = "[filtered]"
ENDINGS = ("password", "secret", "sharedkey", "privatekey", "token", "passphrase")
"""Ends of properties whose text is a secret, in lower case; what only speaks of a password is no text (passwordRequired)."""
NODES = ("/password", "/pfxcertpassword", "/pfxcertblob", "/challenge", "/aauthsecret")
"""Ends of addresses of settings whose value is a secret."""
_KEY_MATERIAL = re.compile(r"(keyMaterial(?:>|&gt;))(.*?)((?:<|&lt;)/)", re.DOTALL)


def without_secrets(value: Any) -> Any:
    """The same, with ``FILTERED`` in the place of each secret text; what has none comes back equal."""
    if isinstance(value, dict):
        secret = str(_uri(value)).casefold().endswith(NODES)
        return {name: _filtered(name, one, secret=secret) for name, one in value.items()}
    if isinstance(value, list):
        return [without_secrets(one) for one in value]
    if isinstance(value, str):
        return _KEY_MATERIAL.sub(rf"\1{FILTERED}\3", value)
    return value


def _uri(value: dict[Any, Any]) -> object:
    return value.get("omaUri") or value.get("OmaUri") or ""


def _filtered(name: object, value: Any, *, secret: bool) -> Any:
    plain = str(name).casefold()
    if isinstance(value, str) and value and (plain.endswith(ENDINGS) or (secret and plain == "value")):
        return FILTERED
    return without_secrets(value)
