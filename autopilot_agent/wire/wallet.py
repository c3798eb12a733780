"""What the network code of a device keeps between calls: tickets, tokens, certificates with their keys, addresses."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from autopilot_agent.wire.keys import BITS, KeySource

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

    from autopilot_agent.wire.packages import Package


class Credential(msgspec.Struct):
    """A certificate that was issued to the device, and the key it holds for it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class Tokens(msgspec.Struct):
    """What one sign-in brought. ``access`` is by resource; ``expires`` in virtual milliseconds.

    ``session`` is the key of a primary refresh token, b"" where ``refresh`` is an ordinary one.
    """

    access: dict[str, str] = {}
    expires: dict[str, int] = {}
    refresh: str = ""
    claims: dict[str, Any] = {}
    password: str = ""
    session: bytes = b""


class Wallet:
    """One device's. ``private`` tells whether the peer is a tenant of ours, ``now`` the device's virtual milliseconds."""

    def __init__(self, keys: KeySource | None = None, name: str = "device", *, private: bool = True) -> None:
        self.keys = keys or KeySource()
        self.name = name
        self.private = private
        self.replayed = False
        """Whether answers come from a recording: then certificates are for keys that nobody kept."""
        self.now = 0
        self.made = 0
        self.ticket = ""
        self.users: dict[str, Tokens] = {}
        self.device_token = ""
        self.device_token_until = 0
        """Virtual milliseconds until which the device's own token is good."""
        self.device: Credential | None = None
        self.transport: rsa.RSAPrivateKey | None = None
        """The key whose public half went along with the join: Entra encrypts session keys to it."""
        self.mdm: Credential | None = None
        self.places: dict[str, str] = {}
        """Addresses that a service named, by what they are for ("join", "ime", ...)."""
        self.request_version = "5.0"
        """What the device says in discovery and enrolment: 1.0 to 9.0; which build says what is not published."""
        self.account: dict[str, str] = {}
        """The OMA-DM account of the provisioning document by parameter (ADDR, PROVIDER-ID ...; those of the two APPAUTH blocks
        as CLIENT/... and APPSRV/..., those of Renew as Renew/...), with "DeviceID" (what the device calls itself to the MDM
        server), "DeviceName", "OSVersion" and "OSEdition" (what it enrolled as) and "enrolment" (the id that calls name)."""
        self.packages: dict[str, Package] = {}
        """What the extension has learned of the packages of Win32 apps, by app id."""
        self.enrol_token = ""
        """What somebody gave the device to enrol with: a JWT, or the text of another token of a user."""
        self.session: Any = None
        """The OMA-DM session that is going on."""

    def shown(self, which: str) -> Credential | None:
        """The certificate that a request names ("device" or "mdm"); None for "", and for one that the device does not have."""
        return {"device": self.device, "mdm": self.mdm}.get(which)

    def new_id(self, purpose: str) -> str:
        """A new id for a purpose: 32 hexadecimal digits in capitals, the same in every run of the same device."""
        self.made += 1
        return sha256(f"{self.name}/{purpose}/{self.made}".encode()).hexdigest()[:32].upper()

    def new_guid(self, purpose: str) -> str:
        """The same as a GUID: in five groups, in small letters."""
        return str(UUID(self.new_id(purpose)))

    def new_key(self, purpose: str, bits: int = BITS) -> rsa.RSAPrivateKey:
        """A key for a purpose; every one asked for is another (of a pool: another name)."""
        self.made += 1
        return self.keys.make(self.name, purpose, self.made, bits=bits)
