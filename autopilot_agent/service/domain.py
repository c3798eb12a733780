"""Calls about Active Directory: domain controller, logon, hybrid registration, the VPN that leads there, the user's token."""

from __future__ import annotations

from typing import ClassVar

from autopilot_agent.service.base import Answer, Call, Done
from autopilot_agent.service.entra import SignedIn


class ControllerFound(Answer, frozen=True, gc=False):
    """A domain controller that answered the ping."""

    name: str


class FindDomainController(Call[ControllerFound], frozen=True, gc=False):
    """Look the domain's service records up and ping a controller. Refused with 0x8007054B for a domain that is not here."""

    host: ClassVar[str] = "domain-controller"
    rule: ClassVar[str] = "NET-DC"
    takes: ClassVar[str] = "dc-ping"

    domain: str


class LoggedOn(Answer, frozen=True, gc=False):
    """A logon that the domain granted; ``user_name`` is the sign-in name, ``sid`` the account's."""

    user_name: str
    sid: str


class LogOnToDomain(Call[LoggedOn], frozen=True, gc=False):
    """Sign in to Windows with Active Directory credentials. Refused with 0x8007052E (wrong name or password)."""

    host: ClassVar[str] = "domain-controller"
    rule: ClassVar[str] = "NET-DC"

    domain: str
    computer_name: str
    user_name: str
    password: str


class ConnectionPoint(Answer, frozen=True, gc=False):
    """The service connection point: which tenant computers of this forest register in, and whether AD FS speaks for them."""

    tenant_id: str
    tenant_domain: str
    federated: bool = False


class ReadConnectionPoint(Call[ConnectionPoint], frozen=True, gc=False):
    """Read the service connection point in Active Directory. Refused with 0x801C001D where there is none."""

    host: ClassVar[str] = "domain-controller"
    rule: ClassVar[str] = "NET-DC"

    domain: str


class ComputerObject(Answer, frozen=True, gc=False):
    """The computer's own object: its GUID becomes the Entra device id."""

    object_guid: str
    sid: str


class WriteUserCertificate(Call[ComputerObject], frozen=True, gc=False):
    """Write the self-signed certificate to ``userCertificate`` of the computer's own object; the directory sync takes it."""

    host: ClassVar[str] = "domain-controller"
    rule: ClassVar[str] = "NET-DC"

    domain: str
    computer_name: str


class HybridRegistered(Answer, frozen=True, gc=False):
    """The hybrid device object and the device certificate."""

    device_id: str
    certificate_thumbprint: str


class RegisterHybridDevice(Call[HybridRegistered], frozen=True, gc=False):
    """``PUT {JoinEndpoint}/{deviceId}``, JoinType 6. Refused with ``error_missing_device`` until the sync has been there."""

    host: ClassVar[str] = "enterpriseregistration.windows.net"
    rule: ClassVar[str] = "NET-DRS"

    device_id: str
    computer_name: str
    domain: str
    os_version: str


class GetUserToken(Call[SignedIn], frozen=True, gc=False):
    """The token that a domain sign-in brings without a question: by AD FS, or by the device's own registration in Entra."""

    host: ClassVar[str] = "login.microsoftonline.com"
    rule: ClassVar[str] = "NET-ENTRA"

    user_name: str
    device_id: str


class ConnectVpn(Call[Done], frozen=True, gc=False):
    """Connect to the organisation's VPN gateway."""

    host: ClassVar[str] = "vpn.contoso.example"
    rule: ClassVar[str] = "V4"

    connection: str
