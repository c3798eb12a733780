"""Which users a preflight lets sit down: as few as show everything that assignments, licences and scopes make of a user."""

from __future__ import annotations

from collections import Counter

from autopilot_agent.preflight.directory import Directory
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.targeting import Targeting

MOST_USERS = 12
"""Users that are played with each device."""


def people_of(data: TenantData) -> list[User]:
    """Who can set up a PC at all: guests and disabled accounts cannot."""
    return [user for user in data.users if user.account_enabled and user.user_type != "Guest"]


def representatives(
    data: TenantData, targeting: Targeting, directory: Directory, also: frozenset[str] = frozenset()
) -> list[User]:
    """Users who together have everything that a user of this tenant can have: a typical one, then those who add the most.

    A tenant without users gives none. ``also`` are names of users who come anyway.
    """
    left = {user.id: (user, _features(user, data, targeting, directory)) for user in people_of(data)}
    chosen = _typical(left, targeting)
    covered: set[tuple[str, object]] = set()
    for user in chosen:
        covered |= left.pop(user.id)[1]
    while left and len(chosen) < MOST_USERS:
        best = max(left.values(), key=lambda one: (len(one[1] - covered), usable(one[0], targeting)))
        if chosen and not best[1] - covered:
            break
        chosen.append(best[0])
        covered |= best[1]
        del left[best[0].id]
    return [*chosen, *(user for user, _ in left.values() if user.user_principal_name in also)]


def _typical(
    users: dict[str, tuple[User, set[tuple[str, object]]]], targeting: Targeting
) -> list[User]:
    """The user who is like most others that can set up a device: what goes wrong with that one goes wrong with most."""
    able = [(user, frozenset(features)) for user, features in users.values() if usable(user, targeting)]
    often = Counter(features for _, features in able)
    best = max(able, key=lambda one: often[one[1]], default=None)
    return [best[0]] if best is not None else []


def usable(user: User, targeting: Targeting) -> bool:
    """Whether this user can join and enrol a device at all."""
    return user.licensed and targeting.mdm_for(user) is not None and targeting.may_join(user)


def _features(user: User, data: TenantData, targeting: Targeting, directory: Directory) -> set[tuple[str, object]]:
    mdm = targeting.mdm_for(user)
    found: set[tuple[str, object]] = {
        ("licensed", user.licensed),
        ("mdm", mdm.id if mdm is not None else ""),
        ("joins", targeting.may_join(user)),
    }
    if not usable(user, targeting):
        return found  # the run ends before groups and policies show anything: somebody else has to show them
    groups = targeting.user_groups(user)
    found |= {("group", group) for group in groups if group in directory.uses}
    for policy in data.conditional_access_policies:
        users = policy.conditions.users
        names = {user.id, user.user_principal_name}
        named = names & set(users.include_users) or any(_is(group, groups, directory) for group in users.include_groups)
        left_out = names & set(users.exclude_users) or any(_is(group, groups, directory) for group in users.exclude_groups)
        found.add((f"policy {policy.id}", "left out" if left_out else "named" if named else "all"))
    return found


def _is(reference: str, groups: frozenset[str], directory: Directory) -> bool:
    group = directory.group(reference)
    return group is not None and group.id in groups
