"""EULA, ordinary pages, and U1 to U4: who is this, is it the right tenant, the MDM's terms of use."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.device.registry import DIAGNOSTICS
from autopilot_agent.device.storage import Account
from autopilot_agent.errors import CallFailed, ServiceFault, Unreachable
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.prefix import WINDOWS_KEY, windows_key
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.service.entra import Branding, DiscoverRealm, GetBranding, GetTermsOfUse, SignedIn, SignIn

OK = StepResult(Outcome.OK)

PREFILL_MANUFACTURERS = ("dell", "dynabook", "hp", "hewlett", "lenovo", "microsoft")
"""OEMs for which a prefilled user name is on (rule U1); Surface reports Microsoft Corporation."""

PASSWORD = ("Sign in", "Back")

MOST_ATTEMPTS = 10
"""Wrong passwords after which our person walks away; Windows itself would go on asking."""


async def eula(device: Device, world: World) -> StepResult:
    """The licence terms: after the profile is known and before sign-in (rule C-EULA)."""
    profile = device.memory.profile
    if profile is not None and profile.cloud_assigned_oobe_config & 16:
        return StepResult(Outcome.SKIPPED, "the profile hides the licence terms", "SET-EULA")
    if "eula" in device.disk.oobe_pages:
        return StepResult(Outcome.SKIPPED, "accepted before the restart")
    question = Question("EULA", ("Accept", "Decline"), "Accept", actions=windows_key(device, world))
    reply = await world.ask(question, "SET-EULA" if profile else "O1")
    if reply.choice == WINDOWS_KEY:
        return StepResult(Outcome.WINDOWS_KEY, rule="P1")
    if reply.choice != "Accept":
        return StepResult(Outcome.STUCK, "the licence terms were declined")
    device.disk.oobe_pages.add("eula")
    return OK


async def name_device(device: Device, world: World) -> StepResult:
    """Name your device: a page of ordinary OOBE only."""
    if device.memory.profile is not None or "name" in device.disk.oobe_pages:
        return StepResult(Outcome.SKIPPED)
    reply = await world.ask(Question("NAME", ("Next", "Skip"), "Skip", "device name", ""), "O2")
    device.disk.oobe_pages.add("name")
    if not reply.value or reply.value.isdigit():  # Next stays disabled for a name of digits only
        return StepResult(Outcome.SKIPPED, "not named")
    device.disk.computer_name = reply.value[:15]
    device.disk.resume = "profile"
    reboot(device, world, f"the device is now called {device.disk.computer_name}", "O2")
    return StepResult(Outcome.REBOOT, device.disk.computer_name)


async def account_choice(device: Device, world: World) -> StepResult:
    """Personal or work: only where the device does not know that it belongs to an organisation."""
    if device.memory.profile is not None:
        return StepResult(Outcome.SKIPPED, "the profile says whose device it is", "U0")
    if device.disk.resealed:
        return StepResult(Outcome.PERSONAL, "without the identity service only a local account can be made", "F-53")
    if device.windows.edition.startswith("Home"):
        return StepResult(Outcome.PERSONAL, f"Windows {device.windows.edition} has no work choice", "REQ-HOME")
    tiles = ("Set up for personal use", "Set up for work or school")
    reply = await world.ask(Question("ACCT", tiles, tiles[1]), "O3", "region-keyboard")
    return StepResult(Outcome.PERSONAL if reply.choice == tiles[0] else Outcome.WORK, reply.choice)


async def local_account(device: Device, world: World) -> StepResult:
    """A personal or local account: no join, no management (rule O4)."""
    device.disk.accounts["user"] = Account("user", "local", "administrators", "S-1-5-21-1-1-1-1001")
    device.memory.user_name = "user"
    device.memory.credentials = "local"
    device.disk.signed_in_user = "user"
    managed = device.disk.enrolment is not None  # by its own token, from a technician's part
    rest = "is managed all the same, as the technician left it" if managed else "is not managed"
    world.note("O4", f"A personal account: its user belongs to no organisation; the device {rest}.")
    return OK


async def identify(device: Device, world: World) -> StepResult:
    """U1. The branded sign-in page."""
    profile = device.memory.profile
    if not device.network.link(world.now):
        return StepResult(Outcome.BACK, "the network is gone: back to the network page", "F-13")
    try:
        assigned = profile.cloud_assigned_tenant_upn if profile is not None else ""
        federated = bool(assigned) and (await world.call(DiscoverRealm(assigned))).account_type == "Federated"
        if profile is not None:
            branding = await world.call(GetBranding(profile.cloud_assigned_tenant_domain))
        else:
            branding = Branding()
    except Unreachable as failed:
        if not device.network.link(world.now):
            return StepResult(Outcome.BACK, "the network is gone: back to the network page", "F-13")
        return _failed(world, State.SIGN_IN, "OOBEIDPS", failed.rule if failed.rule.startswith("F-") else "F-14", str(failed))
    except ServiceFault as fault:
        return _failed(world, State.SIGN_IN, "OOBEIDPS", fault.rule or "F-14", str(fault))
    text = " - ".join(part for part in (branding.tenant_name, branding.sign_in_text) if part)
    if profile is not None and not branding.configured:
        text, assigned = "", ""
        world.note("REQ-BRANDING", "The tenant has no company branding: the page is unbranded and nothing can be prefilled.")
    if assigned and federated:
        world.note("REG-ASSIGNED-USER", f"{assigned} is assigned to this device, but a federated name is not prefilled.")
        assigned = ""
    if assigned and not device.hardware.manufacturer.casefold().startswith(PREFILL_MANUFACTURERS):
        world.note("U1", f"{device.hardware.manufacturer} is not on the list of OEMs with a prefilled user name.")
        assigned = ""
    if assigned:
        world.note("REG-ASSIGNED-USER", f"{assigned} is assigned to this device; only the password is asked.")
        if windows_key(device, world):
            question = Question("SIGNIN", (), "", "user name", assigned, text=text, actions=windows_key(device, world))
            reply = await world.ask(question, "U1", "sign-in")
            if reply.choice == WINDOWS_KEY:
                return StepResult(Outcome.WINDOWS_KEY, rule="P1")
        else:
            world.show("SIGNIN", "U1", text or "prefilled")
            await world.spend("sign-in", "SIGNIN", world.count("SIGNIN"))
        device.memory.user_name = assigned
        return StepResult(Outcome.OK, assigned, "REG-ASSIGNED-USER")
    choices: tuple[str, ...] = ("Sign in",) if device.windows.eleven else ("Next",)
    hidden = profile is not None and bool(profile.cloud_assigned_forced_enrollment) and branding.configured
    device.memory.links_hidden = hidden
    if not hidden:
        choices += ("Sign-in options",)
    elif profile is not None:
        world.note("SET-ESCAPE-LINK", "The links that change the account are hidden.")
    question = Question("SIGNIN", choices, choices[0], "user name", text=text, actions=windows_key(device, world))
    reply = await world.ask(question, "EDU-SIGN-IN" if device.windows.se else "U1", "sign-in")
    if reply.choice == WINDOWS_KEY:
        return StepResult(Outcome.WINDOWS_KEY, rule="P1")
    if reply.choice == "Sign-in options":
        return StepResult(Outcome.STUCK, "left the organisation's sign-in", "SET-ESCAPE-LINK")
    if not reply.value:
        return StepResult(Outcome.STUCK, "nobody typed a user name")
    device.memory.user_name = reply.value.strip()
    return StepResult(Outcome.OK, device.memory.user_name)


async def authenticate(device: Device, world: World) -> StepResult:
    """U2. Password, then MFA where Entra asks for it; credentials stay in memory for the automatic sign-in later."""
    memory = device.memory
    proof = ""
    try:
        realm = await world.call(DiscoverRealm(memory.user_name))
        text = f"on {realm.domain}'s own page" if realm.account_type == "Federated" else ""
        for _ in range(MOST_ATTEMPTS):
            reply = await world.ask(
                Question("PWD", PASSWORD, PASSWORD[0], "password", "right password", secret=True, text=text, back=PASSWORD[1:]),
                "U2",
            )
            if reply.choice == "Back":
                return StepResult(Outcome.BACK)
            if not reply.choice and not reply.value:
                return StepResult(Outcome.STUCK, "nobody signed in")
            try:
                token = await _token(device, world, reply.value, proof)
            except ServiceFault as fault:
                if fault.code == "AADSTS50034":
                    if not world.count(f"unknown user {memory.user_name}"):
                        return StepResult(Outcome.BACK, fault.reason, "F-18")
                    return StepResult(Outcome.STUCK, f"{fault.reason}, and nobody typed another name", "F-18")
                if fault.code not in ("AADSTS50126", "AADSTS500121"):
                    raise
                world.show("PWD", "F-18", "That did not work. Try again.")
                continue
            return _signed_in(device, world, token, reply.value)
    except Unreachable as failed:
        if not device.network.link(world.now):
            return StepResult(Outcome.BACK, "the network is gone", "F-13")
        return _failed(world, State.SIGN_IN, "OOBEIDPS", failed.rule if failed.rule.startswith("F-") else "F-14", str(failed))
    except ServiceFault as fault:
        return _failed(world, State.SIGN_IN, fault.code, fault.rule or "U2", fault.reason)
    return StepResult(Outcome.STUCK, "the sign-in never succeeded", "F-18")


async def _token(device: Device, world: World, password: str, proof: str) -> SignedIn:
    try:
        return await world.call(SignIn(device.memory.user_name, password, proof))
    except ServiceFault as fault:
        if fault.code != "AADSTS50076":
            raise
    reply = await world.ask(Question("MFA", ("Approve", "Deny"), "Approve"), "U2", "")
    return await world.call(SignIn(device.memory.user_name, password, "approved" if reply.choice == "Approve" else "denied"))


def _signed_in(device: Device, world: World, token: SignedIn, password: str) -> StepResult:
    memory = device.memory
    memory.user_id, memory.user_name = token.user_id, token.user_name
    memory.subscription = token.windows_edition
    memory.credentials = "" if token.federated else "cached"
    memory.token = token
    device.disk.registry.set(DIAGNOSTICS, "AadTenantId", token.tenant_id)
    if memory.profile is not None and memory.profile.cloud_assigned_domain_join_method and device.disk.domain is None:
        world.note("H1", "These credentials serve for the enrolment in Intune; Windows will ask for those of the domain.")
    assigned = memory.profile.cloud_assigned_tenant_upn if memory.profile is not None else ""
    if token.federated and assigned and assigned.casefold() != token.user_name.casefold():
        world.note("F-109", f"{token.user_name} signed in to the device of {assigned}: a federated tenant does not enforce it.")
    return StepResult(Outcome.OK, token.user_name)


async def tenant_match(device: Device, world: World) -> StepResult:
    """U3. The user's tenant must be the one that owns the device."""
    profile, token = device.memory.profile, device.memory.token
    if profile is None or token is None:
        return OK
    matched = token.tenant_id == profile.cloud_assigned_tenant_id
    device.disk.registry.set(DIAGNOSTICS, "TenantMatched", int(matched))
    if matched:
        return OK
    world.failure = Failure("", State.TENANT_MATCH, "F-15", f"{token.user_name} belongs to another tenant")
    return StepResult(Outcome.MISMATCH, f"{token.user_name} belongs to another tenant", "F-15")


async def terms_of_use(device: Device, world: World) -> StepResult:
    """U4. Only when the token carries the MDM's terms of use address."""
    token = device.memory.token
    if token is None or not token.mdm_terms_of_use_url:
        return StepResult(Outcome.SKIPPED, "the token carries no terms of use address")
    try:
        page = await world.call(GetTermsOfUse(token.mdm_terms_of_use_url, token.user_id))
    except CallFailed as failed:
        rule = failed.rule if failed.rule.startswith("F-") else "F-16"
        return _failed(world, State.TERMS_OF_USE, failed.code, rule, failed.reason)
    reply = await world.ask(Question("TOU", ("Accept", "Decline"), "Accept", text=page.text), "U4")
    if reply.choice != "Accept":
        return _failed(world, State.TERMS_OF_USE, "rejectedTermsOfUse", "F-17", "the user declined the terms of use")
    device.memory.terms_accepted = "accepted"
    return OK


def _failed(world: World, state: State, code: str, rule: str, reason: str) -> StepResult:
    world.failure = Failure(code, state, rule, reason)
    return StepResult(Outcome.FAILED, f"{code}: {reason}", rule)
