"""Calls to Entra: branding, sign-in, device registration, Windows Hello keys, and the MDM's terms of use page."""

from __future__ import annotations

from typing import ClassVar

from autopilot_agent.service.base import Answer, Call, Done


class Branding(Answer, frozen=True, gc=False):
    """Company branding of a tenant; empty texts mean that the tenant has none."""

    tenant_name: str = ""
    sign_in_text: str = ""
    user_hint: str = ""
    configured: bool = False


class GetBranding(Call[Branding], frozen=True, gc=False):
    """Branding of the tenant that owns the device, before any user name is known."""

    host: ClassVar[str] = "login.microsoftonline.com"
    rule: ClassVar[str] = "NET-ENTRA"

    domain: str


class Realm(Answer, frozen=True, gc=False):
    """Who checks this user's password: ``Managed`` (Entra), ``Federated`` (the STS) or ``Unknown``."""

    account_type: str
    domain: str = ""
    tenant_id: str = ""


class DiscoverRealm(Call[Realm], frozen=True, gc=False):
    """Look the user's domain up."""

    host: ClassVar[str] = "login.microsoftonline.com"
    rule: ClassVar[str] = "NET-ENTRA"

    user_name: str


class SignedIn(Answer, frozen=True, gc=False):
    """A token's content, as far as the device reads it. MDM URLs are empty when no MDM covers the user."""

    user_id: str
    user_name: str
    display_name: str
    tenant_id: str
    mdm_discovery_url: str = ""
    mdm_terms_of_use_url: str = ""
    mdm_count: int = 1
    federated: bool = False
    windows_edition: str = ""
    """The Windows edition that the user's subscription gives; it reaches Windows by a licensing service of its own."""
    administrator_by_role: bool = False
    """Whether a directory role makes this person a local administrator of every joined device."""


class SignIn(Call[SignedIn], frozen=True, gc=False):
    """Authenticate a person. ``proof`` is "" or what the person did at the MFA prompt ("approved", "denied").

    Refused with AADSTS50126 (wrong password), AADSTS50034 (unknown user), AADSTS50076 (MFA asked for), AADSTS500121 (denied).
    """

    host: ClassVar[str] = "login.microsoftonline.com"
    rule: ClassVar[str] = "NET-ENTRA"

    user_name: str
    password: str
    proof: str = ""


class DeviceJoined(Answer, frozen=True, gc=False):
    """The device object and certificate, and the SIDs that become local administrators."""

    device_id: str
    certificate_thumbprint: str
    administrator_sids: tuple[str, ...] = ()
    user_is_administrator_by_role: bool = False


class JoinDevice(Call[DeviceJoined], frozen=True, gc=False):
    """Entra join by the Device Registration Service. Refused with 0x801C codes.

    Where no user joins (``user_id`` is "") the device's own token and attestation stand for one.
    """

    host: ClassVar[str] = "enterpriseregistration.windows.net"
    rule: ClassVar[str] = "NET-DRS"
    takes: ClassVar[str] = "entra-join"

    user_id: str
    tenant_id: str
    device_name: str
    os_version: str
    registration_id: str = ""
    local_administrator: bool = True
    device_token: str = ""
    aik_certificate: str = ""


class LeaveDirectory(Call[Done], frozen=True, gc=False):
    """Take a join back: the device leaves Entra (a DELETE with the device's own certificate)."""

    host: ClassVar[str] = "enterpriseregistration.windows.net"
    rule: ClassVar[str] = "P8"

    device_id: str


class TermsOfUse(Answer, frozen=True, gc=False):
    """The MDM's terms of use page."""

    text: str


class GetTermsOfUse(Call[TermsOfUse], frozen=True, gc=False):
    """Open the MDM's terms of use page in the OOBE web view."""

    host: ClassVar[str] = "portal.manage.microsoft.com"
    rule: ClassVar[str] = "U4"

    url: str
    user_id: str


class RegisterHelloKey(Call[Done], frozen=True, gc=False):
    """Register the public key of a Windows Hello container."""

    host: ClassVar[str] = "enterpriseregistration.windows.net"
    rule: ClassVar[str] = "U15"

    user_id: str
    device_id: str


class EscrowRecoveryKey(Call[Done], frozen=True, gc=False):
    """Store the BitLocker recovery password in Entra before the drive is encrypted."""

    host: ClassVar[str] = "enterpriseregistration.windows.net"
    rule: ClassVar[str] = "U16"

    device_id: str
    volume: str
