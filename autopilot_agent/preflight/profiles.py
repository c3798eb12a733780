"""Checks of deployment profiles: who gets which, what their mode ignores, and registrations that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.events import CallRefused, ScreenShown
from autopilot_agent.preflight.absences import never_got_profile, too_late_for_profile
from autopilot_agent.preflight.blame import as_whole
from autopilot_agent.preflight.devices import of_users_alone
from autopilot_agent.preflight.findings import Found, Severity
from autopilot_agent.preflight.groups import tag_unknown
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.tenant.onboarding import USER_SELECTS
from autopilot_agent.tenant.unplayed import PC_TYPES

PROFILES = "windows_autopilot_deployment_profiles"
IDENTITIES = "windows_autopilot_device_identities"


@check("registered-without-profile", "F-03", Severity.ERROR, "A registered device gets no deployment profile")
def without_profile(preflight: Preflight) -> Iterator[Found]:
    """The service has no profile for a device of the tenant: it goes through ordinary OOBE."""
    if not preflight.data.windows_autopilot_deployment_profiles:
        return
    for one in preflight.rehearsals:
        identity = one.candidate.identity
        refused = [event for event in one.citing("F-03") if isinstance(event, CallRefused)]
        if identity is None or one.candidate.made_up or not refused:
            continue
        tag = f"; no group looks for its group tag {identity.group_tag}" if tag_unknown(preflight, one) else ""
        more = f" and {one.candidate.like - 1} more like it" if one.candidate.like > 1 else ""
        yield Found(
            what=f"{identity.serial_number}{more}: no profile reaches the device, which goes through ordinary OOBE{tag}.",
            about=(preflight.resource(IDENTITIES, identity),),
            moments=(one.moment(refused[0]), one.end()),
            fix="Assign a profile to a group with the device, or one to all devices.",
        )


@check(
    "profile-not-assigned",
    "REG-STATES",
    Severity.NOTE,
    "A deployment profile is assigned to nobody",
    "Assign the profile to a group of devices, or delete it.",
)
def not_assigned(preflight: Preflight) -> Iterator[Found]:
    """A profile that nothing can reach."""
    for profile in preflight.data.windows_autopilot_deployment_profiles:
        if profile.device_type not in PC_TYPES or PROFILES not in preflight.data.collections:
            continue
        if any(line.kind != "exclusionGroup" for line in profile.assignments) or _taken(preflight, profile.id):
            continue
        yield Found(
            what=f"{profile.display_name} has no assignment; none of the devices played gets it.",
            about=(preflight.resource(PROFILES, profile),),
            moments=never_got_profile(preflight, profile),
        )


def _taken(preflight: Preflight, profile: str) -> bool:
    """Whether a device that was played has the profile of this id; a registration may name one that is assigned to nobody."""
    return any(one.candidate.profile is not None and one.candidate.profile.id == profile for one in preflight.rehearsals)


@check(
    "profile-for-users",
    "REG-ZTDID",
    Severity.ERROR,
    "A deployment profile is assigned to users",
    "Assign the profile to a group of devices: a dynamic group that looks for [ZTDID] or [OrderID] in devicePhysicalIds.",
)
def for_users(preflight: Preflight) -> Iterator[Found]:
    """Profiles reach devices by groups of devices; a group of users brings it to none."""
    for profile in preflight.data.windows_autopilot_deployment_profiles:
        for line in profile.assignments:
            group = preflight.directory.group(line.group) if line.group else None
            whole = line.kind == "allLicensedUsers"
            if line.kind == "exclusionGroup" or not (whole or (group is not None and of_users_alone(group, preflight.data))):
                continue
            if _taken(preflight, profile.id):
                continue
            name = group.display_name if group is not None else "all users"
            about = [preflight.resource(PROFILES, profile)]
            if group is not None:
                about.append(preflight.resource("groups", group))
            yield Found(
                what=f"{profile.display_name} is assigned to {name}, which has users alone; no device gets it.",
                about=tuple(about),
                moments=too_late_for_profile(preflight, profile, group),
            )


@check(
    "profiles-conflict",
    "SET-CONFLICT",
    Severity.WARNING,
    "Several deployment profiles reach one device",
    "Leave the device in the groups of one profile; exclude the group of the other.",
)
def conflict(preflight: Preflight) -> Iterator[Found]:
    """Two groups of a device bring a profile each: the oldest wins, and userless modes fail."""
    for one in preflight.rehearsals:
        rivals = preflight.fleet.targeting.profiles_by_group(one.candidate.groups)
        said = one.noted("SET-CONFLICT")
        if len(rivals) < 2 or not said or (one.error is not None and one.error.rule == "F-62"):
            continue
        losers = ", ".join(each.display_name for each in rivals[1:])
        yield Found(
            what=f"{rivals[0].display_name} wins as the oldest over {losers}.",
            about=tuple(preflight.resource(PROFILES, each) for each in rivals),
            moments=(one.moment(said[0]),),
        )


@check(
    "exclusion-without-effect",
    "SET-EXCLUSIONS",
    Severity.WARNING,
    "Excluding a group from all devices does not work",
    "Assign the profile to a group that leaves these devices out, for example by their group tag.",
)
def exclusions(preflight: Preflight) -> Iterator[Found]:
    """A profile for all devices with an excluded group."""
    for one in preflight.rehearsals:
        profile = one.candidate.profile
        said = one.noted("SET-EXCLUSIONS")
        if profile is None or not said:
            continue
        names = [line.group or "" for line in profile.assignments if line.kind == "exclusionGroup"]
        groups = [group for name in names if (group := preflight.directory.group(name)) is not None]
        listed = ", ".join(group.display_name for group in groups) or ", ".join(names)
        yield Found(
            what=f"{profile.display_name} is for all devices and excludes {listed}; its devices get the profile all the same.",
            about=(preflight.resource(PROFILES, profile), *(preflight.resource("groups", group) for group in groups)),
            moments=(one.moment(said[0]),),
        )


@check(
    "settings-locked",
    "SET-LOCKS",
    Severity.NOTE,
    "Self-deploying ignores settings of its profile",
    "Save the profile with licence, privacy and change-account pages hidden and standard users, as the mode has it anyway.",
)
def locked(preflight: Preflight) -> Iterator[Found]:
    """What a self-deploying profile says against what its mode does."""
    for one in preflight.rehearsals:
        said = one.noted("SET-LOCKS")
        profile = one.candidate.profile
        if not said or profile is None:
            continue
        saved, forced = profile.out_of_box_experience_setting, profile.setting_in_force
        names = [field for field in saved.__struct_fields__ if getattr(saved, field) != getattr(forced, field)]
        words = ", ".join(_GRAPH_NAMES[name] for name in names)
        yield Found(
            what=f"{profile.display_name}: {words} do not count as they stand there.",
            about=(preflight.resource(PROFILES, profile),),
            moments=(one.moment(said[0]),),
        )


_GRAPH_NAMES = {
    "privacy_settings_hidden": "privacySettingsHidden",
    "eula_hidden": "eulaHidden",
    "escape_link_hidden": "escapeLinkHidden",
    "user_type": "userType",
}


@check(
    "preprovisioning-of-self-deploying",
    "P5",
    Severity.NOTE,
    "Pre-provisioning is allowed where nobody signs in",
    "Switch pre-provisioning off in the self-deploying profile; nothing is left for a technician to prepare.",
)
def preprovisioned_kiosk(preflight: Preflight) -> Iterator[Found]:
    """The current guide offers pre-provisioning for user-driven profiles alone."""
    for one in preflight.rehearsals:
        profile = one.candidate.profile
        if profile is not None and profile.self_deploying and profile.preprovisioning_allowed:
            yield Found(
                what=f"{profile.display_name} is self-deploying and allows pre-provisioning; its devices deploy by themselves.",
                about=(preflight.resource(PROFILES, profile),),
                moments=(one.end(),),
            )


@check(
    "keyboard-without-language",
    "SET-KEYBOARD",
    Severity.NOTE,
    "The keyboard page is shown although the profile skips it",
    "Set a language (region) in the profile: the keyboard is configured automatically only with one.",
)
def keyboard(preflight: Preflight) -> Iterator[Found]:
    """Automatic keyboard configuration without a language."""
    for one in preflight.rehearsals:
        profile = one.candidate.profile
        if profile is None or profile.locale not in USER_SELECTS:
            continue
        shown = [event for event in one.events if isinstance(event, ScreenShown) and event.screen == "KBD"]
        if shown and profile.out_of_box_experience_setting.keyboard_selection_page_skipped:
            yield Found(
                what=f"{profile.display_name} skips the keyboard page and lets the user select the language.",
                about=(preflight.resource(PROFILES, profile),),
                moments=(one.moment(shown[0]),),
            )


@check(
    "links-without-branding",
    "REQ-BRANDING",
    Severity.WARNING,
    "Change-account links cannot be hidden without company branding",
    "Configure company branding in Entra (and export it: branding.json).",
)
def branding(preflight: Preflight) -> Iterator[Found]:
    """The profile hides the links, the tenant has no branding."""
    for one in preflight.rehearsals:
        profile = one.candidate.profile
        said = one.noted("REQ-BRANDING")
        if said and profile is not None and profile.setting_in_force.escape_link_hidden and not profile.self_deploying:
            yield Found(
                what=f"{profile.display_name} hides the links, but the export shows no company branding.",
                about=(preflight.resource(PROFILES, profile),),
                moments=(one.moment(said[0]),),
            )


@check(
    "device-name-ignored",
    "SET-DEVICE-NAME",
    Severity.NOTE,
    "Hybrid join ignores the name of a registration",
    "Let the Domain Join profile give the name, and remove it from the registration.",
)
def device_name(preflight: Preflight) -> Iterator[Found]:
    """A registration names its device, and its profile is a hybrid one."""
    for one in preflight.rehearsals:
        identity, profile = one.candidate.identity, one.candidate.profile
        if identity is None or profile is None or not profile.hybrid or not identity.display_name:
            continue
        got = one.run.result.device_name
        if one.completed and got != identity.display_name:
            yield Found(
                what=f"{identity.serial_number} is to be called {identity.display_name}; the device is called {got}.",
                about=(preflight.resource(IDENTITIES, identity),),
                moments=(as_whole(one, f"the device ends with the name {got}"),),
            )


@check(
    "name-too-long",
    "SET-NAME-RULES",
    Severity.WARNING,
    "A device name is cut short",
    "Shorten what stands beside %SERIAL%, so that the longest serial number fits into 15 characters.",
)
def name_too_long(preflight: Preflight) -> Iterator[Found]:
    """What a name template makes of the serial numbers of the export."""
    for one in preflight.rehearsals:
        identity, profile = one.candidate.identity, one.candidate.profile
        template = profile.device_name_template if profile is not None else None
        if identity is None or not template or "%SERIAL%" not in template.upper() or one.candidate.made_up:
            continue
        whole = len(template) - len("%SERIAL%") + len(identity.serial_number or "")
        got = one.run.result.device_name
        if whole > 15 and len(got) <= 15 and one.completed and not identity.display_name:
            assert profile is not None
            yield Found(
                what=f"{profile.display_name}: {template} makes {got} of the serial number {identity.serial_number}.",
                about=(preflight.resource(PROFILES, profile),),
                moments=(as_whole(one, f"the device ends with the name {got}"),),
            )
