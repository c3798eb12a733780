"""The pages that OOBE shows before the ESP when a step failed: something went wrong, and another organisation's user."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.world import World
from autopilot_agent.rulebook import diagnosis

AGAIN = {
    State.SIGN_IN: Outcome.RETRY_SIGN_IN,
    State.TERMS_OF_USE: Outcome.RETRY_TERMS_OF_USE,
    State.ENTRA_JOIN: Outcome.RETRY_JOIN,
    State.MDM_ENROLMENT: Outcome.RETRY_ENROLMENT,
    State.DOMAIN_JOIN_PROFILE: Outcome.RETRY_DOMAIN_JOIN,
    State.DOMAIN_JOIN_BLOB: Outcome.RETRY_DOMAIN_JOIN,
    State.DOMAIN_CONTROLLER: Outcome.RETRY_DOMAIN_JOIN,
}

RESTART = ("Restart",)
"""What somebody can do on any page without a button: hold the power key."""

NEEDS_SIGN_IN = ("F-22", "F-97")
"""The token or credentials were not accepted: trying again begins with a new sign-in."""


async def something_went_wrong(device: Device, world: World) -> StepResult:
    """WRONG: the code and Try again; Skip only where enrolment is not forced (flows.md 2.2) and nothing else hangs on it."""
    failure = world.failure
    if failure is None:
        return StepResult(Outcome.GIVE_UP)
    code = diagnosis.meaning_at(failure.code, failure.state.value, failure.rule)
    meaning = f" {code.meaning}" if code else ""
    choices: tuple[str, ...] = ("Try again",)
    if failure.state is State.MDM_ENROLMENT and not _needs_management(device):
        choices += ("Skip",)
    text = f"Something went wrong. {failure.code}{meaning}"
    question = Question("WRONG", choices, "", text=text, actions=RESTART, back=("Try again", *RESTART))
    reply = await world.ask(question, failure.rule)
    if reply.choice:
        world.failure = None  # what comes now is a new attempt
    if reply.choice == "Try again":
        where = State.SIGN_IN if failure.rule in NEEDS_SIGN_IN else failure.state
        return StepResult(AGAIN[where], f"tries {where.value.replace('_', ' ')} again", failure.rule)
    if reply.choice == "Skip":
        return StepResult(Outcome.NO_MDM, "went on without management", failure.rule)
    if reply.choice == "Restart":
        device.disk.resume = ""
        device.windows.join_needs_restart = False
        reboot(device, world, "the person restarted the PC", failure.rule)
        return StepResult(Outcome.REBOOT, "restarted by hand", failure.rule)
    return StepResult(Outcome.GIVE_UP, f"{failure.code}: nobody tried again", failure.rule)


def _needs_management(device: Device) -> bool:
    """Whether setup cannot go on unmanaged: enrolment is forced, or only MDM brings the domain join (rule H2)."""
    profile = device.memory.profile
    return profile is not None and bool(profile.cloud_assigned_forced_enrollment or profile.cloud_assigned_domain_join_method)


async def other_organization(device: Device, world: World) -> StepResult:
    """ORGERR: start over with an account of the right tenant (rule F-15)."""
    choices = ("Try again",) if device.memory.links_hidden else ("Try again", "Use another account")
    reply = await world.ask(Question("ORGERR", choices, "", back=choices), "F-15")
    if reply.choice:
        world.failure = None
        return StepResult(Outcome.RETRY_SIGN_IN, reply.choice, "F-15")
    return StepResult(Outcome.GIVE_UP, "the user belongs to another organisation", "F-15")
