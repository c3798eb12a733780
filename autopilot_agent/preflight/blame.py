"""Which resources are behind what a rehearsal showed: apps, policies, pages, profiles, registrations, users."""

from __future__ import annotations

from collections.abc import Callable

from autopilot_agent.events import CallRefused, LogWritten, Noted
from autopilot_agent.preflight.findings import Moment, Resource
from autopilot_agent.preflight.registry import Preflight
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import span
from autopilot_agent.tenant.commands import required
from autopilot_agent.tenant.graph.apps import MobileApp, OfficeSuiteApp, WindowsMobileMSI, known_as
from autopilot_agent.tenant.graph.enrollment import (
    DeviceComanagementAuthorityConfiguration,
    DeviceEnrollmentPlatformRestrictionConfiguration,
    DeviceEnrollmentPlatformRestrictionsConfiguration,
)
from autopilot_agent.tenant.graph.policies import ConfigurationPolicy, DeviceConfiguration
from autopilot_agent.tenant.policies import Setting, settings_of

LEAST_DOWNLOAD = 5_000
"""Milliseconds of downloading that are worth a word."""
OF_THE_USER = ("F-15", "F-16", "F-18", "F-20", "F-21", "F-25", "F-27", "F-29", "F-45", "F-97", "F-98", "F-101")
"""Failures that come from who sits there: a warning where others get on."""
SLOWEST = 3
"""Apps that are named where time is short."""


def domain_join_of_user(one: Rehearsal) -> list[DeviceConfiguration]:
    """Domain Join profiles that reach the user of a device and not the device."""
    policies = [each for each in (one.enrolled.policies if one.enrolled is not None else []) if each.target == "user"]
    found = [each.policy for each in policies if isinstance(each.policy, DeviceConfiguration)]
    return [each for each in found if each.kind == "windowsDomainJoinConfiguration"]


def app_times(one: Rehearsal) -> dict[str, tuple[str, int, str]]:
    """Name, milliseconds from the first sign of life, and last state of each app of a rehearsal."""
    found: dict[str, tuple[str, int, str]] = {}
    end = one.events[-1].at if one.events else 0
    for key, changes in one.apps().items():
        done = changes[-1].state in ("installed", "failed", "not applicable")
        found[key] = (changes[0].name, (changes[-1].at if done else end) - changes[0].at, changes[-1].state)
    return found


def slowest(one: Rehearsal) -> str:
    """The apps of a rehearsal that took longest, with their times."""
    times = sorted(app_times(one).values(), key=lambda each: -each[1])
    return ", ".join(f"{name} {span(took)}" for name, took, _ in times[:SLOWEST])


def downloads(one: Rehearsal) -> str:
    """How much of the time of a rehearsal's apps was downloading, and how fast; "" where nothing was downloaded."""
    spent = 0
    end = one.events[-1].at if one.events else 0
    for changes in one.apps().values():
        times = [*(change.at for change in changes[1:]), end]  # what is still downloading is so until the end
        spent += sum(until - change.at for change, until in zip(changes, times, strict=True) if change.state == "downloading")
    if spent < LEAST_DOWNLOAD or one.run.plan is None:
        return ""
    return f"; downloads at {one.run.plan.device.network.megabits} Mbit/s took {span(spent)} of it"


def blamed(preflight: Preflight, one: Rehearsal, rule: str) -> tuple[Resource, ...]:
    """The resources behind a failure: what its rule is about, else the profile, else the registration."""
    found = _BLAME[rule](preflight, one) if rule in _BLAME else ()
    if not found and rule in OF_THE_USER and one.user is not None:
        found = (preflight.resource("users", one.user),)
    if not found and any(event.state == "failed" for changes in one.apps().values() for event in changes):
        found = _failed_apps(preflight, one)
    return found or preflight.profile_of(one) or _registration(preflight, one)


def _registration(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    identity = one.candidate.identity
    if identity is None or one.candidate.made_up:
        return ()
    return (preflight.resource("windows_autopilot_device_identities", identity),)


def page_of(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    """The status page of a rehearsal, unless it is the one that Windows has without any."""
    page = one.page
    if page is None or not any(page is known for known in preflight.data.esp_configurations):
        return ()
    return (preflight.resource("device_enrollment_configurations", page, "status page"),)


def _failed_apps(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    failed = [key for key, changes in one.apps().items() if changes[-1].state == "failed"]
    return apps_named(preflight, failed)


def apps_named(preflight: Preflight, keys: list[str]) -> tuple[Resource, ...]:
    """The apps that a device knows by these keys."""
    wanted = set(keys)
    return tuple(preflight.resource("mobile_apps", app) for app in preflight.data.mobile_apps if wanted & set(known_as(app)))


def _overlapping(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    """The app that failed, and the packages of the other engine."""
    others = [app for app in required_apps(one) if isinstance(app, WindowsMobileMSI | OfficeSuiteApp)]
    return (*_failed_apps(preflight, one), *(preflight.resource("mobile_apps", app) for app in others))


def _hung(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    open_ = [key for key, changes in one.apps().items() if changes[-1].state not in ("installed", "failed", "not applicable")]
    return apps_named(preflight, open_)


def required_apps(one: Rehearsal) -> list[MobileApp]:
    """The required apps of a device and its user."""
    device = one.enrolled
    return [*required(device, "device"), *required(device, "account")] if device is not None else []


def restarting(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    """The policies that the device says want a restart, or a password."""
    found: list[Resource] = []
    for event in one.events:
        wanted = isinstance(event, LogWritten) and event.id == 2800
        if wanted or (isinstance(event, Noted) and event.rule == "REBOOT-PASSWORD-POLICY"):
            assert isinstance(event, LogWritten | Noted)
            found += policies_with(preflight, one, event.text.partition(" ")[0])
    return tuple(dict.fromkeys(found))


def policies_with(preflight: Preflight, one: Rehearsal, uri: str) -> list[Resource]:
    """The policies of a device that set this address."""
    device = one.enrolled
    found: list[Resource] = []
    for assigned in device.policies if device is not None else ():
        settings = settings_of(assigned.policy, assigned.target)
        uris = {setting.uri for each in settings for setting in (each, *each.group)}
        if uri in uris:
            found.append(policy_resource(preflight, assigned.policy))
    return found


def missing_settings(one: Rehearsal) -> list[Setting]:
    """Settings that the status page waits for and the device has not."""
    device, plan = one.enrolled, one.run.plan
    if device is None or plan is None:
        return []
    sent = (setting for each in device.policies for setting in settings_of(each.policy, each.target))
    waited = (setting for setting in sent if setting.expect in ("policy", "network"))
    return [setting for setting in waited if not plan.device.disk.csp.exists(setting.expected_uri)]


def _late(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    """The page whose time is over, and the policies that the device did not take."""
    policies = [each for setting in missing_settings(one) for each in policies_with(preflight, one, setting.uri)]
    return tuple(dict.fromkeys((*page_of(preflight, one), *policies)))


def policy_resource(preflight: Preflight, policy: DeviceConfiguration | ConfigurationPolicy) -> Resource:
    """A policy as a finding names it."""
    collection = "configuration_policies" if isinstance(policy, ConfigurationPolicy) else "device_configurations"
    return preflight.resource(collection, policy)


def _domain_join(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    device = one.enrolled
    mine = [each.policy for each in (device.policies if device is not None else [])]
    profiles = [each for each in mine if getattr(each, "kind", "") == "windowsDomainJoinConfiguration"]
    named = tuple(policy_resource(preflight, each) for each in profiles)
    return (*preflight.profile_of(one), *named)


def _access(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    texts = [event.reason for event in one.events if isinstance(event, CallRefused)]
    return tuple(
        preflight.resource("conditional_access_policies", policy)
        for policy in preflight.data.conditional_access_policies
        if any(repr(policy.display_name) in text for text in texts)
    )


def _restrictions(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    kinds = (DeviceEnrollmentPlatformRestrictionConfiguration, DeviceEnrollmentPlatformRestrictionsConfiguration)
    return tuple(
        preflight.resource("device_enrollment_configurations", each, "enrolment restriction")
        for each in preflight.data.device_enrollment_configurations
        if isinstance(each, kinds) and (not each.is_default or not _others(preflight, kinds))
    )


def _others(preflight: Preflight, kinds: tuple[type, ...]) -> bool:
    return any(isinstance(each, kinds) and not each.is_default for each in preflight.data.device_enrollment_configurations)


def _comanagement(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    return tuple(
        preflight.resource("device_enrollment_configurations", each, "co-management settings")
        for each in preflight.data.device_enrollment_configurations
        if isinstance(each, DeviceComanagementAuthorityConfiguration)
    )


def _rivals(preflight: Preflight, one: Rehearsal) -> tuple[Resource, ...]:
    rivals = preflight.fleet.targeting.profiles_by_group(one.candidate.groups)
    return tuple(preflight.resource("windows_autopilot_deployment_profiles", each) for each in rivals)


_BLAME: dict[str, Callable[[Preflight, Rehearsal], tuple[Resource, ...]]] = {
    "F-03": _registration,
    "F-05": _registration,
    "F-06": _registration,
    "F-19": _access,
    "F-24": _registration,
    "F-26": _restrictions,
    "F-31": _domain_join,
    "F-34": _domain_join,
    "F-38": _registration,
    "F-39": _comanagement,
    "F-40": _late,
    "F-42": _overlapping,
    "F-44": lambda preflight, one: (*_hung(preflight, one), *_policies_of_access(preflight)),
    "F-47": restarting,
    "F-48": restarting,
    "F-49": _hung,
    "F-56": restarting,
    "F-62": _rivals,
    "F-68": lambda preflight, one: _scopes(preflight),
    "F-89": _registration,
    "REG-ONE-TIME": _registration,
}


def _policies_of_access(preflight: Preflight) -> tuple[Resource, ...]:
    return tuple(preflight.resource("conditional_access_policies", one) for one in preflight.data.conditional_access_policies)


def _scopes(preflight: Preflight) -> tuple[Resource, ...]:
    return tuple(
        preflight.resource("mobility_management_policies", one)
        for one in preflight.data.mobility_management_policies
        if one.applies_to != "none"
    )


def as_whole(one: Rehearsal, text: str) -> Moment:
    """Evidence that is the rehearsal as a whole."""
    return Moment(one.label, None, text)
