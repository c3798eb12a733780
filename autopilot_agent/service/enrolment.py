"""Calls of MDM enrolment: discovery and the certificate request that brings back the provisioning document."""

from __future__ import annotations

from hashlib import sha256
from typing import ClassVar

import msgspec

from autopilot_agent.service.base import Answer, Call


class EnrolmentService(Answer, frozen=True, gc=False):
    """Where to enrol."""

    enrolment_url: str
    authentication: str = "Federated"


class DiscoverEnrolment(Call[EnrolmentService], frozen=True, gc=False):
    """MS-MDE2 discovery at the URL that Entra gave for the user."""

    host: ClassVar[str] = "enrollment.manage.microsoft.com"
    rule: ClassVar[str] = "NET-INTUNE"

    user_name: str
    discovery_url: str


class Retries(msgspec.Struct, frozen=True, gc=False):
    """How often the OMA-DM client tries a session again, and after which milliseconds: w7 APPLICATION with its defaults.

    The pause is ``first`` before the first new try, then twice as long each time, but never above ``most`` (protocols.md 10).
    """

    times: int = 3
    first: int = 16_000
    most: int = 86_400_000

    def pause(self, attempt: int) -> int:
        """Milliseconds before the try that follows ``attempt`` failed ones (from 1)."""
        return min(self.first << min(attempt - 1, 30), self.most)


class Enrolled(Answer, frozen=True, gc=False):
    """The provisioning document: certificate, OMA-DM account, and first settings as (LocURI, value) pairs."""

    enrolment_id: str
    provider_id: str
    ent_dm_id: str
    certificate_thumbprint: str
    management_url: str
    settings: tuple[tuple[str, str], ...] = ()
    install_quality_updates: bool = False
    esp_target: str = "default"
    """device, user or default: which assignment chose the ESP profile. How Windows learns this and the line above is not
    published; they travel here so that nothing else has to guess."""
    retries: Retries = Retries()


class EnrollMdm(Call[Enrolled], frozen=True, gc=False):
    """Ask the MDM for a device certificate with the user's token. Refused with 0x8018 codes.

    ``edition`` is GetProductInfo's number; ``registration_id`` the ZTDID if the device has one; ``terms_accepted`` the answer
    of the terms of use page ("" if it was not asked). ``user_id`` is "" where the device enrols by itself; with
    ``preprovisioning`` in the technician's hands. ``domain_join`` is BootstrapDomainJoin; ``offline_correlation`` the
    ZtdCorrelationId of a profile file (OfflineAutopilotEnrollmentCorrelator).
    """

    host: ClassVar[str] = "enrollment.manage.microsoft.com"
    rule: ClassVar[str] = "NET-INTUNE"
    takes: ClassVar[str] = "mdm-enrolment"

    user_id: str
    user_name: str
    device_id: str
    device_name: str
    registration_id: str
    edition: int
    os_version: str
    serial_number: str
    manufacturer: str
    model: str
    hardware_hash: str
    oobe: bool
    terms_accepted: str = ""
    preprovisioning: bool = False
    domain_join: bool = False
    offline_correlation: str = ""


def hardware_id(manufacturer: str, model: str, serial_number: str) -> str:
    """HWDevID, 64 hexadecimal digits in capitals; what Windows makes it of is not published."""
    return sha256("/".join((manufacturer, model, serial_number)).encode()).hexdigest().upper()
