"""Answers about TPM attestation: vendors' certificates, the attestation key's authority, Entra's token for a device."""

from __future__ import annotations

from typing import Any

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.attestation import (
    AikCertificate,
    AikChallenge,
    AnswerAikChallenge,
    DeviceToken,
    EkCertificate,
    FetchAmdEkCertificate,
    FetchIntelEkCertificate,
    FetchQualcommEkCertificate,
    GetDeviceToken,
    RequestAikCertificate,
)
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile
from autopilot_agent.tenant.graph.scopes import BUILT_IN_MDM, INTUNE_APP_ID
from autopilot_agent.tenant.registration import groups_of, profile_of
from autopilot_agent.tenant.state import Handlers, TenantState

BAD_REQUEST = "0x80190190"
"""HTTP 400 of the attestation key's authority, as Windows shows it."""


def ek_certificate(state: TenantState, call: Any, now: int) -> EkCertificate:
    """A vendor knows every key that it burnt in; a key that it does not know ("") has no certificate."""
    if not call.endorsement_key:
        raise ServiceFault("0x80190194", "the vendor has no certificate for this key", "F-67")
    return EkCertificate(f"EK {call.endorsement_key}")


def challenge(state: TenantState, call: RequestAikCertificate, now: int) -> AikChallenge:
    """A challenge that only the TPM with the certified key can answer."""
    if not call.endorsement_certificate:
        raise ServiceFault(BAD_REQUEST, "the request carries no certificate of the endorsement key", "F-67")
    return AikChallenge(f"credential for {call.endorsement_certificate}")


def aik_certificate(state: TenantState, call: AnswerAikChallenge, now: int) -> AikCertificate:
    """The certificate, for the right answer."""
    if not call.secret.startswith("secret of "):
        raise ServiceFault(BAD_REQUEST, "the answer to the challenge is wrong", "F-63")
    return AikCertificate(f"AIK {state.guid('aik', call.secret)}")


def device_token(state: TenantState, call: GetDeviceToken, now: int) -> DeviceToken:
    """A token for a registered device whose attestation is good; a TPM in an older mode or two profiles are not (F-62)."""
    identity = state.find_identity(call.serial_number)
    if identity is None or not call.aik_certificate:
        raise ServiceFault("0x801C03EA", "the attestation is of no device that is registered here", "F-62")
    if call.tpm_version != "2.0":
        raise ServiceFault("0x801C03EA", f"the TPM can do 2.0 but runs as {call.tpm_version}", "F-62")
    groups = groups_of(state, identity)
    profile, _ = profile_of(state, identity, groups)
    if profile is not None and profile.self_deploying and len(state.targeting.profiles_by_group(groups)) > 1:
        raise ServiceFault("0x801C03EA", "two groups bring two different deployment profiles to the device", "F-62")
    url, count = _management(state, profile)
    return DeviceToken(f"device token {state.guid('device token', call.serial_number, now)}", state.tenant_id, url, count)


def _management(state: TenantState, profile: WindowsAutopilotDeploymentProfile | None) -> tuple[str, int]:
    """Where a device without a user enrols, and among how many services it would have to choose (rule SET-MANAGEMENT-APP)."""
    services = [one for one in state.data.mobility_management_policies if one.applies_to != "none"]
    wanted = profile.management_service_app_id if profile is not None else None
    if wanted:
        services = [one for one in services if one.id == wanted]
    chosen = next((one for one in services if one.id == INTUNE_APP_ID), services[0] if services else BUILT_IN_MDM)
    url = chosen.discovery_url or (BUILT_IN_MDM.discovery_url if chosen.id == INTUNE_APP_ID else "")
    return url or "", len(services) or 1


HANDLERS: Handlers = {
    FetchIntelEkCertificate: ek_certificate,
    FetchQualcommEkCertificate: ek_certificate,
    FetchAmdEkCertificate: ek_certificate,
    RequestAikCertificate: challenge,
    AnswerAikChallenge: aik_certificate,
    GetDeviceToken: device_token,
}
