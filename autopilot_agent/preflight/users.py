"""Checks of users: licences, the MDM scope and who is asked for it."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.preflight.blame import as_whole
from autopilot_agent.preflight.findings import Found, Severity
from autopilot_agent.preflight.people import people_of
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.reports.words import count


@check(
    "not-managed",
    "F-29",
    Severity.ERROR,
    "A device ends without management: the MDM scope does not cover its user",
    "Set the MDM user scope (Entra, Mobility) to all, or to a group with these users.",
)
def not_managed(preflight: Preflight) -> Iterator[Found]:
    """A device with a profile whose user set it up, and that is not enrolled."""
    targeting = preflight.fleet.targeting
    people = people_of(preflight.data)
    outside = [user for user in people if targeting.mdm_for(user) is None]
    nobody = len(outside) == len(people)
    for one in preflight.rehearsals:
        failed = one.error is not None and one.error.rule == "F-29"
        if one.candidate.profile is None or one.run.result.mdm_enrolled or one.user is None or not (failed or one.completed):
            continue
        scopes = preflight.data.mobility_management_policies
        said = one.citing("F-29")
        who = one.user.user_principal_name
        others = sum(user.id != one.user.id for user in outside)
        more = f" and {count(others, 'other user')}" if others else ""
        covers = "No MDM covers any user" if nobody else f"{who}: no MDM covers this user{more}"
        yield Found(
            what=f"{covers}; no device is managed that {'a' if nobody else 'such a' if others else 'this'} user sets up.",
            about=(
                *(() if nobody and scopes else (preflight.resource("users", one.user),)),
                *(preflight.resource("mobility_management_policies", each) for each in scopes),
            ),
            moments=(
                *(one.moment(event) for event in said[:1]),
                as_whole(one, f"ends at {one.run.result.end_state}, not enrolled in any MDM"),
            ),
            severity=Severity.ERROR if nobody else Severity.WARNING,
        )


@check(
    "registration-for-unknown-user",
    "REG-ASSIGNED-USER",
    Severity.WARNING,
    "A registration is for a user whom the directory does not have",
    "Unassign the user from the registration, or assign an existing one.",
)
def unknown_owner(preflight: Preflight) -> Iterator[Found]:
    """The assigned user of a registration is not among the users of the export."""
    if not preflight.data.users:
        return
    for one in preflight.rehearsals:
        identity = one.candidate.identity
        name = identity.user_principal_name if identity is not None else None
        if identity is None or not name or not one.completed or preflight.fleet.targeting.user(name) is not None:
            continue
        yield Found(
            what=f"{identity.serial_number} is assigned to {name}, who is not in the export.",
            about=(preflight.resource("windows_autopilot_device_identities", identity),),
            moments=(one.end(),),
        )
