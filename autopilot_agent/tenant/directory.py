"""Answers of Entra: branding, realm, sign-in, device registration, Hello and recovery keys, terms of use."""

from __future__ import annotations

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.entra import (
    Branding,
    DeviceJoined,
    DiscoverRealm,
    EscrowRecoveryKey,
    GetBranding,
    GetTermsOfUse,
    JoinDevice,
    LeaveDirectory,
    Realm,
    RegisterHelloKey,
    SignedIn,
    SignIn,
    TermsOfUse,
)
from autopilot_agent.tenant.graph.directory import ConditionalAccessPolicy, EntraDevice, MobilityManagementPolicy, User
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.graph.scopes import BUILT_IN_MDM, INTUNE_APP_ID
from autopilot_agent.tenant.state import OTHER_TENANT, Handlers, TenantState

WRONG_PASSWORD = "wrong"
ENROLMENT_APPS = ("d4ebce55-015a-49b5-a083-c84d1797ae8c", "0000000a-0000-0000-c000-000000000000", "All")
GLOBAL_ADMINISTRATORS = "S-1-12-1-1-1-1-1"
DEVICE_ADMINISTRATORS = "S-1-12-1-1-1-1-2"
WINDOWS_LICENCES = {
    "cb10e6cd-9da4-4992-867b-67546b1db821": "Enterprise",  # Windows 10/11 Enterprise E3
    "488ba24a-39a9-4473-8ee5-19291e71b002": "Enterprise",  # Windows 10/11 Enterprise E5
    "05e9a617-0261-4cee-bb44-138d3ef5d965": "Enterprise",  # Microsoft 365 E3
    "06ebc4ee-1bb5-47dd-8120-11324bc54e06": "Enterprise",  # Microsoft 365 E5
    "7cfd9a2b-e110-4c39-bf20-c6a3f36a3121": "Education",  # Microsoft 365 A3 for students
    "46c119d4-0379-4a9d-85e4-97c66d3f909e": "Education",  # Microsoft 365 A5 for students
}
"""Licences with a Windows subscription, by the id of the product."""
DONE = Done()


def branding(state: TenantState, call: GetBranding, now: int) -> Branding:
    """Company branding (formats.md 6.2)."""
    found = state.data.branding
    if call.domain and call.domain.casefold() not in state.domains and state.conditions.registered_elsewhere:
        return Branding(call.domain)
    if found is None:
        return Branding(state.display_name)
    return Branding(state.display_name, found.sign_in_page_text or "", found.username_hint_text or "", configured=True)


def realm(state: TenantState, call: DiscoverRealm, now: int) -> Realm:
    """Managed, federated or unknown."""
    domain = call.user_name.partition("@")[2].casefold()
    if domain not in state.domains:
        return Realm("Managed" if domain else "Unknown", domain, OTHER_TENANT)
    return Realm("Federated" if state.conditions.federated else "Managed", domain, state.tenant_id)


def sign_in(state: TenantState, call: SignIn, now: int) -> SignedIn:
    """Authenticate; MFA where a policy or the tenant asks for it. Users of other domains belong to another tenant."""
    domain = call.user_name.rpartition("@")[2].casefold()
    user = state.user(call.user_name)
    if domain not in state.domains and user is None:
        return SignedIn(state.guid("other user", call.user_name), call.user_name, "", OTHER_TENANT)
    if user is None or not user.account_enabled:
        raise ServiceFault("AADSTS50034", f"there is no user {call.user_name} in the directory", "U2")
    if call.password.casefold().startswith(WRONG_PASSWORD) or not call.password:
        raise ServiceFault("AADSTS50126", "wrong user name or password", "F-18")
    blocking = blocked_by(state, user)
    if blocking is not None:
        raise ServiceFault("AADSTS53003", f"Conditional Access policy {blocking.display_name!r} blocks the sign-in", "F-19")
    if not call.proof and (state.conditions.mfa or _mfa(state, user)):
        raise ServiceFault("AADSTS50076", "multifactor authentication is required", "U2")
    if call.proof == "denied":
        raise ServiceFault("AADSTS500121", "the second factor was denied", "F-18")
    state.sign_ins.append(user.user_principal_name)
    return token_of(state, user)


def token_of(state: TenantState, user: User) -> SignedIn:
    """What a token says of a user, with the MDM that covers that one."""
    mdm = state.targeting.mdm_for(user)
    built_in = BUILT_IN_MDM if mdm is not None and mdm.id == INTUNE_APP_ID else MobilityManagementPolicy()
    terms = state.conditions.terms_of_use or state.conditions.terms_of_use_broken
    covering = [one for one in state.data.mobility_management_policies if one.applies_to != "none"]
    return SignedIn(
        user.id,
        user.user_principal_name,
        user.display_name or user.user_principal_name,
        state.tenant_id,
        (mdm.discovery_url or built_in.discovery_url or "") if mdm else "",
        (mdm.terms_of_use_url or built_in.terms_of_use_url or "") if mdm and terms else "",
        len(covering) or 1,
        state.conditions.federated,
        _windows_edition(user),
        state.targeting.is_local_administrator_role(user),
    )


def _windows_edition(user: User) -> str:
    """Enterprise or Education, where a licence of the user brings Windows along."""
    for licence in user.assigned_licenses or ():
        edition = WINDOWS_LICENCES.get((licence.sku_id or "").casefold())
        if edition is not None:
            return edition
    return ""


def _applies(state: TenantState, policy: ConditionalAccessPolicy, user: User) -> bool:
    if policy.state != "enabled":
        return False
    conditions = policy.conditions
    if not any(app in conditions.applications.include_applications for app in ENROLMENT_APPS):
        return False
    if any(app in conditions.applications.exclude_applications for app in ENROLMENT_APPS[:2]):
        return False
    return state.targeting.covers(conditions.users, user)


def blocked_by(state: TenantState, user: User) -> ConditionalAccessPolicy | None:
    """A policy on the enrolment app that a device in OOBE cannot satisfy: compliance, terms of use, or a plain block."""
    for policy in state.data.conditional_access_policies:
        controls = policy.grant_controls
        if controls is None or not _applies(state, policy, user):
            continue
        wanted = set(controls.built_in_controls)
        if "block" in wanted or controls.terms_of_use:
            return policy
        if wanted & {"compliantDevice", "domainJoinedDevice"} and not (controls.operator == "OR" and "mfa" in wanted):
            return policy
    return None


def _mfa(state: TenantState, user: User) -> bool:
    return any(
        policy.grant_controls is not None and "mfa" in policy.grant_controls.built_in_controls and _applies(state, policy, user)
        for policy in state.data.conditional_access_policies
    )


def join(state: TenantState, call: JoinDevice, now: int) -> DeviceJoined:
    """Device registration (flows.md U5); the registration's own device object is used again."""
    if call.tenant_id != state.tenant_id:
        raise ServiceFault("0x801C0013", "the tenant of the token is not known here", "F-22")
    user = state.user(call.user_id) if call.user_id else None
    if user is not None:
        _refuse_user(state, user)
    elif call.user_id or not call.device_token:
        raise ServiceFault("0x801C0002", "the user of the token is not known", "F-22")
    elif not call.aik_certificate:
        raise ServiceFault("0x801C0010", "the join carries no certificate of an attestation key", "F-104")
    identity = registered(state, call.registration_id)
    if _object_deleted(state, call.registration_id):
        state.explain("REG-OBJECT", "The registration made an Entra device object, and somebody deleted it.")
        raise ServiceFault("0x801C03F3", "the Entra object of the registration was deleted", "F-24")
    device_id = (identity.azure_active_directory_device_id if identity else None) or state.unique("joined device")
    state.joined[device_id] = EntraDevice(id=device_id, device_id=device_id, display_name=call.device_name)
    if user is not None:
        state.owners[device_id] = user.id
    role = user is not None and state.targeting.is_local_administrator_role(user)
    return DeviceJoined(
        device_id,
        state.guid("device certificate", device_id).replace("-", "").upper() + "00000000",
        (GLOBAL_ADMINISTRATORS, DEVICE_ADMINISTRATORS),
        role,
    )


def _default_quota(state: TenantState) -> int:
    """Newer pages say 50 devices a user, older ones 20 (Q-25)."""
    return 20 if state.assumptions.get("Q-25") == "20 devices" else 50


def _refuse_user(state: TenantState, user: User) -> None:
    """Who may join, and how often; a device that joins by itself is not asked (rule REQ-JOIN-RIGHT).

    The limit is one of each user (rule REQ-DEVICE-LIMIT): devices that belong to others do not count.
    """
    if not state.targeting.may_join(user):
        state.explain("REQ-JOIN-RIGHT", f"{user.user_principal_name} lacks the right to join devices to Entra.")
        raise ServiceFault("0x801C0003", f"{user.user_principal_name} may not join devices", "F-20")
    policy = state.data.device_registration_policy
    quota, unsure = (policy.user_device_quota, "") if policy is not None else (_default_quota(state), " (Q-25)")
    owned = sum(owner == user.id and device in state.joined for device, owner in state.owners.items())
    if state.conditions.joined_devices + owned >= quota:
        state.explain("REQ-DEVICE-LIMIT", f"The limit of devices a user may join is {quota} here{unsure}.")
        raise ServiceFault("0x801C000E", f"{user.user_principal_name} has reached the limit of {quota} devices", "F-21")


def leave(state: TenantState, call: LeaveDirectory, now: int) -> Done:
    """The device is not joined any more; the registration keeps its object."""
    state.joined.pop(call.device_id, None)
    return DONE


def registered(state: TenantState, registration_id: str) -> WindowsAutopilotDeviceIdentity | None:
    """The registration of that id that this run made or changed; None for those that only an export knows."""
    known = dict.values(state.registrations)  # only read: no row of a data file is touched
    return next((one.identity for one in known if one.identity.id == registration_id), None)


def _object_deleted(state: TenantState, registration_id: str) -> bool:
    """Whether the registration's object was deleted, or the export shows device objects without it (I-27)."""
    data = state.data
    identity = registered(state, registration_id)
    if identity is not None and identity.azure_active_directory_device_id in state.deleted_objects:
        return True
    known = next((one for one in data.windows_autopilot_device_identities if one.id == registration_id), None)
    if known is None or not data.devices or not known.azure_active_directory_device_id:
        return False
    return state.entra_object(known) is None


def terms(state: TenantState, call: GetTermsOfUse, now: int) -> TermsOfUse:
    """The MDM's page; a user without a licence never gets it (rule F-16)."""
    user = state.user(call.user_id)
    if state.conditions.terms_of_use_broken or user is None or not user.licensed:
        raise ServiceFault("0x80190194", "the MDM terms of use page cannot be reached", "F-16")
    return TermsOfUse(state.conditions.terms_of_use)


def hello_key(state: TenantState, call: RegisterHelloKey, now: int) -> Done:
    """Keep count of keys."""
    state.hello_keys += 1
    return DONE


def recovery_key(state: TenantState, call: EscrowRecoveryKey, now: int) -> Done:
    """Keep count of recovery keys."""
    state.recovery_keys += 1
    return DONE


HANDLERS: Handlers = {
    GetBranding: branding,
    DiscoverRealm: realm,
    SignIn: sign_in,
    JoinDevice: join,
    LeaveDirectory: leave,
    GetTermsOfUse: terms,
    RegisterHelloKey: hello_key,
    EscrowRecoveryKey: recovery_key,
}
