"""Calls of TPM attestation: the endorsement key's certificate, the attestation key's certificate, the device's own token.

Attestation is how a device proves itself where nobody signs in (self-deploying and pre-provisioning, protocols.md 6). Hosts are
class attributes, so each vendor's certificate service is a call of its own.
"""

from __future__ import annotations

from typing import ClassVar

from autopilot_agent.service.base import Answer, Call


class EkCertificate(Answer, frozen=True, gc=False):
    """The vendor's certificate for the endorsement key of one TPM."""

    certificate: str


class FetchIntelEkCertificate(Call[EkCertificate], frozen=True, gc=False):
    """Ask Intel for the certificate of a firmware TPM. Refused with HTTP 404 when Intel has none for this key."""

    host: ClassVar[str] = "ekop.intel.com"
    rule: ClassVar[str] = "NET-TPM"

    endorsement_key: str


class FetchQualcommEkCertificate(Call[EkCertificate], frozen=True, gc=False):
    """The same for Qualcomm."""

    host: ClassVar[str] = "ekcert.spserv.microsoft.com"
    rule: ClassVar[str] = "NET-TPM"

    endorsement_key: str


class FetchAmdEkCertificate(Call[EkCertificate], frozen=True, gc=False):
    """The same for AMD."""

    host: ClassVar[str] = "ftpm.amd.com"
    rule: ClassVar[str] = "NET-TPM"

    endorsement_key: str


class AikChallenge(Answer, frozen=True, gc=False):
    """A secret, encrypted to the endorsement key: only the TPM that holds the key can read it."""

    credential: str


class RequestAikCertificate(Call[AikChallenge], frozen=True, gc=False):
    """First round of the attestation key's enrolment. The host stands for ``<vendor>-keyid-<hex>.microsoftaik.azure.net``.

    Refused with 0x80190190 (HTTP 400) without a certificate of the endorsement key.
    """

    host: ClassVar[str] = "tpm-keyid.microsoftaik.azure.net"
    rule: ClassVar[str] = "NET-TPM"

    endorsement_certificate: str
    vendor: str
    firmware: str


class AikCertificate(Answer, frozen=True, gc=False):
    """The certificate of the attestation identity key."""

    certificate: str


class AnswerAikChallenge(Call[AikCertificate], frozen=True, gc=False):
    """Second round: the decrypted secret. Refused with 0x80190190 when it is not the one that was asked for."""

    host: ClassVar[str] = "tpm-keyid.microsoftaik.azure.net"
    rule: ClassVar[str] = "NET-TPM"

    secret: str


class DeviceToken(Answer, frozen=True, gc=False):
    """What Entra gives a device that has proved itself: a token, and which MDM manages devices without a user.

    ``mdm_count`` is how many are configured; a device without a user cannot choose between several.
    """

    token: str
    tenant_id: str
    mdm_discovery_url: str = ""
    mdm_count: int = 1


class GetDeviceToken(Call[DeviceToken], frozen=True, gc=False):
    """Present the attestation to Entra. ``tpm_version`` is the specification that the TPM runs at present.

    Refused with 0x801C03EA when Entra does not accept it.
    """

    host: ClassVar[str] = "login.microsoftonline.com"
    rule: ClassVar[str] = "S1"

    registration_id: str
    serial_number: str
    aik_certificate: str
    tpm_version: str
