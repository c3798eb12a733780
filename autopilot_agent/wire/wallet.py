"""What the network code of a device keeps between calls: tickets, tokens, certificates with their keys, addresses."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from autopilot_agent.wire.keys import KeySource

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa


class Credential(msgspec.Struct):
    """A certificate that was issued to the device, and the key it holds for it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class Tokens(msgspec.Struct):
    """What one sign-in brought. ``access`` is by resource; ``expires`` in virtual milliseconds."""

    access: dict[str, str] = {}
    expires: dict[str, int] = {}
    refresh: str = ""
    claims: dict[str, Any] = {}
    password: str = ""


class Wallet:
    """One device's. ``private`` tells whether the peer is a tenant of ours, ``now`` the device's virtual milliseconds."""

    def __init__(self, keys: KeySource | None = None, name: str = "device", *, private: bool = True) -> None:
        self.keys = keys or KeySource()
        self.name = name
        self.private = private
        self.now = 0
        self.made = 0
        self.ticket = ""
        self.users: dict[str, Tokens] = {}
        self.device_token = ""
        self.device: Credential | None = None
        self.mdm: Credential | None = None
        self.places: dict[str, str] = {}
        """Addresses that a service named, by what they are for ("join", "ime", ...)."""
        self.account: dict[str, str] = {}
        """The OMA-DM account of the provisioning document by parameter (ADDR, PROVIDER-ID ...), with "DeviceID" (what the
        device calls itself to the MDM server) and "enrolment" (the enrolment id that calls name)."""
        self.session: Any = None
        """The OMA-DM session that is going on."""

    def new_id(self, purpose: str) -> str:
        """A new id for a purpose: 32 hexadecimal digits in capitals, the same in every run of the same device."""
        self.made += 1
        return sha256(f"{self.name}/{purpose}/{self.made}".encode()).hexdigest()[:32].upper()

    def new_key(self, purpose: str) -> rsa.RSAPrivateKey:
        """A key for a purpose; every one asked for is another (of a pool: another name)."""
        self.made += 1
        return self.keys.make(self.name, purpose, self.made)
