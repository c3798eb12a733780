"""What the runs show of something that no device gets: a run that gets something else, when, and in how many it never comes.

What is assigned to nobody, or to users where devices are meant, cannot happen in a run: its evidence is what happened instead.
"""

from __future__ import annotations

from autopilot_agent.events import Answered, CallAnswered, CallRefused, Event, StateLeft
from autopilot_agent.preflight.blame import as_whole
from autopilot_agent.preflight.findings import Moment
from autopilot_agent.preflight.registry import Preflight
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import count
from autopilot_agent.tenant.graph.directory import Group
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile

ASKING = "DownloadProfile"
"""The call with which a device asks for its deployment profile."""
ENROLLING = "EnrollMdm"
"""The call whose answer decides the status page."""


def never_got_profile(preflight: Preflight, profile: WindowsAutopilotDeploymentProfile) -> tuple[Moment, ...]:
    """A profile that is assigned to nobody: what the first device got when it asked, and that none got this one."""
    asking = [one for one in preflight.rehearsals if _asked(one, ASKING)]
    if not asking:
        return _nobody(preflight, f"no run asks for a profile, so none shows {profile.display_name}")
    one = next((each for each in asking if _profile_taken(each) is not None), asking[0])
    return (*_profile_moments(one), _in_none(one, asking, "ask for a profile", profile.display_name))


def too_late_for_profile(
    preflight: Preflight, profile: WindowsAutopilotDeploymentProfile, group: Group | None
) -> tuple[Moment, ...]:
    """A profile for users: a run in which one of them signs in, long after the device asked and got something else."""
    asking = [one for one in preflight.rehearsals if _asked(one, ASKING)]
    theirs = [one for one in asking if _signed_in(one) is not None and _belongs(preflight, one, group)]
    if not theirs:
        return never_got_profile(preflight, profile)
    one = next((each for each in theirs if _profile_taken(each) is not None), theirs[0])
    signed = _signed_in(one)
    assert signed is not None
    name = profile.display_name
    return (*_profile_moments(one), one.moment(signed), _in_none(one, theirs, "are set up by such a user", name))


def never_got_page(preflight: Preflight, page: EspConfiguration) -> tuple[Moment, ...]:
    """A status page that is assigned to nobody: which page applied when a device enrolled, and that it was this one in none."""
    enrolling = [one for one in preflight.rehearsals if one.page is not None and _asked(one, ENROLLING)]
    if not enrolling:
        return _nobody(preflight, f"no run comes as far as the choice of a status page, so none shows {page.display_name}")
    one = enrolling[0]
    said = one.noted("ESP-SELECTION")
    assert one.page is not None
    shown = one.moment(said[0]) if said else Moment(one.label, _asked(one, ENROLLING)[0].at, f"gets {one.page.display_name}")
    return (shown, _in_none(one, enrolling, "come to a status page", page.display_name))


def _asked(one: Rehearsal, call: str) -> list[Event]:
    return [event for event in one.events if isinstance(event, CallAnswered | CallRefused) and event.call == call]


def _profile_taken(one: Rehearsal) -> StateLeft | None:
    """The moment in which the device took its profile, which names it."""
    name = one.candidate.profile.display_name if one.candidate.profile is not None else ""
    left = (event for event in one.events if isinstance(event, StateLeft) and event.detail == f"profile {name!r}")
    return next(left, None)


def _profile_moments(one: Rehearsal) -> tuple[Moment, ...]:
    taken = _profile_taken(one)
    return (one.moment(_asked(one, ASKING)[0]), *((one.moment(taken),) if taken is not None else ()))


def _signed_in(one: Rehearsal) -> Answered | None:
    """When the user of a run said who is there."""
    name = one.user.user_principal_name if one.user is not None else ""
    answers = (event for event in one.events if isinstance(event, Answered) and event.screen == "SIGNIN")
    return next((event for event in answers if name and event.answer.partition(" / ")[0] == name), None)


def _belongs(preflight: Preflight, one: Rehearsal, group: Group | None) -> bool:
    """Whether the user of a run is one of those whom the profile is for; ``group`` None: all of them."""
    if one.user is None:
        return False
    return group is None or group.id in preflight.fleet.targeting.user_groups(one.user)


def _in_none(one: Rehearsal, those: list[Rehearsal], what: str, name: str) -> Moment:
    """How many runs could have shown it. Nothing is said of a time: it did not happen."""
    return as_whole(one, f"of {count(len(those), 'run')} that {_verb(what, len(those))}, none gets {name}")


def _verb(what: str, number: int) -> str:
    """The words about several runs, or about one."""
    first, _, rest = what.partition(" ")
    one = {"are": "is"}.get(first, f"{first}s")
    return f"{one if number == 1 else first} {rest}"


def _nobody(preflight: Preflight, said: str) -> tuple[Moment, ...]:
    return (as_whole(preflight.rehearsals[0], said),) if preflight.rehearsals else ()
