"""Downloads: Win32 packages from the content network, MSI and Store packages, Microsoft 365 Apps."""

from __future__ import annotations

from typing import ClassVar

from autopilot_agent.service.base import Answer, Call


class Content(Answer, frozen=True, gc=False):
    """A package of ``size`` bytes; how long that takes is the network adapter's affair."""

    size: int = 0


class DownloadContent(Call[Content], frozen=True, gc=False):
    """A Win32 package (``.intunewin.bin``)."""

    host: ClassVar[str] = "swda01-mscdn.manage.microsoft.com"
    patient: ClassVar[bool] = True
    rule: ClassVar[str] = "NET-CONTENT"

    app_id: str
    size: int = 0


class DownloadMsi(Call[Content], frozen=True, gc=False):
    """A line-of-business MSI or modern package that an OMA-DM job points to; the IME agent itself comes this way."""

    host: ClassVar[str] = "naprodimedatapri.azureedge.net"
    patient: ClassVar[bool] = True
    rule: ClassVar[str] = "NET-CONTENT"

    url: str


class DownloadOffice(Call[Content], frozen=True, gc=False):
    """Microsoft 365 Apps from the Office content network."""

    host: ClassVar[str] = "officecdn.microsoft.com"
    patient: ClassVar[bool] = True
    rule: ClassVar[str] = "APP-M365"

    product_id: str


class DownloadConfigMgrClient(Call[Content], frozen=True, gc=False):
    """The Configuration Manager client from the organisation's cloud management gateway."""

    host: ClassVar[str] = "cmg.contoso.example"
    patient: ClassVar[bool] = True
    rule: ClassVar[str] = "COMANAGE"


class IssueCertificate(Call[Content], frozen=True, gc=False):
    """A SCEP request to the certificate connector's server."""

    host: ClassVar[str] = "ndes.contoso.example"
    patient: ClassVar[bool] = True
    rule: ClassVar[str] = "ESP-ROW-CERTIFICATES"

    url: str
    unique_id: str
