"""Checks of groups: rules that no registration can match, group tags that no group looks for, groups that count as empty."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autopilot_agent.preflight.blame import as_whole
from autopilot_agent.preflight.directory import about_devices
from autopilot_agent.preflight.findings import Found, Moment, Severity
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import count
from autopilot_agent.tenant.graph.directory import Group

_MARK = re.compile(r"\[\s*(ztdid|orderid|purchaseorderid)\s*\]", re.IGNORECASE)
_RULES = {"ztdid": "REG-ZTDID", "orderid": "REG-ORDERID", "purchaseorderid": "REG-PURCHASEORDER"}


def _rule_of(group: Group) -> str:
    found = _MARK.search(group.membership_rule or "")
    return _RULES[found[1].casefold()] if found is not None else "REG-ZTDID"


def _uses(preflight: Preflight, group: Group) -> str:
    """What is assigned to a group, in words."""
    names = dict.fromkeys(use.resource.display_name for use in preflight.directory.uses.get(group.id, ()) if not use.excluded)
    shown = list(names)[:4]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _severity(preflight: Preflight, group: Group) -> Severity:
    uses = preflight.directory.uses.get(group.id, ())
    decides = any(use.collection == "windows_autopilot_deployment_profiles" and not use.excluded for use in uses)
    return Severity.ERROR if decides else Severity.WARNING


@check(
    "group-counts-as-empty",
    "REG-ZTDID",
    Severity.WARNING,
    "A dynamic group counts as empty",
    "Mend the membership rule, or switch its processing on again.",
)
def empty(preflight: Preflight) -> Iterator[Found]:
    """A rule that cannot be read, or whose processing is paused, of a group that something is assigned to."""
    said_of = {str(notice.place): notice.text for notice in preflight.fleet.targeting.notices}
    for group in preflight.data.groups:
        said = said_of.get(str(preflight.data.place("groups", group.id)))
        if said is None or f'"{group.display_name}" counts as empty' not in said or not _uses(preflight, group):
            continue
        why = said.rpartition("counts as empty: ")[2]
        yield Found(
            what=f"{group.display_name}: {why}. Nothing that is assigned to it arrives: {_uses(preflight, group)}.",
            about=(preflight.resource("groups", group),),
            moments=_without(preflight, group),
            rule=_rule_of(group),
            severity=_severity(preflight, group),
        )


@check(
    "group-rule-matches-nothing",
    "REG-ORDERID",
    Severity.WARNING,
    "A dynamic group that no registration can match",
    'Write the whole entry, as in (device.devicePhysicalIds -any (_ -eq "[OrderID]:Sales")) or -startsWith "[ZTDID]".',
)
def unmatched(preflight: Preflight) -> Iterator[Found]:
    """The rule asks for something that a registration never has."""
    empties = {one.about[0].place for one in empty(preflight)}
    for group in preflight.fleet.unmatched:
        resource = preflight.resource("groups", group)
        if resource.place in empties:
            continue
        yield Found(
            what=f"{group.display_name}: no registration matches {group.membership_rule}. "
            f"Nothing that is assigned to it arrives: {_uses(preflight, group)}.",
            about=(resource,),
            moments=_without(preflight, group),
            rule=_rule_of(group),
            severity=_severity(preflight, group),
        )


def _without(preflight: Preflight, group: Group) -> tuple[Moment, ...]:
    """The rehearsal of a device that should be in the group: which profile it got instead."""
    for one in preflight.rehearsals:
        if one.candidate.made_for == group.display_name:
            profile = one.candidate.profile
            got = profile.display_name if profile is not None else "no profile"
            return (as_whole(one, f"is not in {group.display_name} and gets {got}"),)
    played = preflight.rehearsals
    said = f"of {count(len(played), 'run')}, none has a device or a user of {group.display_name}"
    return (as_whole(played[0], said),) if played else ()


@check(
    "group-tag-unknown",
    "REG-ORDERID",
    Severity.WARNING,
    "No group looks for the group tag of a registration",
    "Correct the group tag of the registration, or make a dynamic group that looks for it.",
)
def unknown_tag(preflight: Preflight) -> Iterator[Found]:
    """Tags are used in this tenant, and this one by no group: probably misspelt."""
    for one in preflight.rehearsals:
        identity = one.candidate.identity
        profile = one.candidate.profile
        if identity is None or one.candidate.made_up or not tag_unknown(preflight, one) or profile is None:
            continue  # without a profile that is the finding
        got = profile.display_name
        yield Found(
            what=f"{identity.serial_number} has the group tag {identity.group_tag}; no dynamic group looks for it.",
            about=(preflight.resource("windows_autopilot_device_identities", identity),),
            moments=(as_whole(one, f"is in no group by its tag and gets {got}"),),
        )


def tag_unknown(preflight: Preflight, one: Rehearsal) -> bool:
    """Whether a device has a group tag that no group looks for, although others are looked for."""
    identity = one.candidate.identity
    if identity is None or not identity.group_tag:
        return False
    looking = [group for group in preflight.data.groups if about_devices(group)]
    looking = [group for group in looking if "[orderid]" in (group.membership_rule or "").casefold()]
    return bool(looking) and not any(group.id in one.candidate.groups for group in looking)
