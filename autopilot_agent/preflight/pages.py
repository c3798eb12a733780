"""Checks of the Enrollment Status Page: which one wins, whom it reaches, and what its list is worth."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.events import Noted, StateLeft
from autopilot_agent.preflight.absences import never_got_page
from autopilot_agent.preflight.blame import as_whole, page_of, required_apps
from autopilot_agent.preflight.findings import Found, Moment, Resource, Severity
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.tenant.commands import required
from autopilot_agent.tenant.graph.enrollment import EspConfiguration

CONFIGURATIONS = "device_enrollment_configurations"
MOST_NAMES = 6


def page(preflight: Preflight, one: EspConfiguration) -> Resource:
    """A status page as a finding names it."""
    return preflight.resource(CONFIGURATIONS, one, "status page")


@check(
    "page-never-reached",
    "ESP-SELECTION",
    Severity.WARNING,
    "A status page that never applies",
    "Raise the page's priority above the one that wins, narrow the assignment of that one, or delete the page.",
)
def never_reached(preflight: Preflight) -> Iterator[Found]:
    """A page whose assignment reaches devices or users, and which another one beats every time."""
    for esp, reached in _reached(preflight):
        if not reached or any(one.page is esp for one in reached):
            continue
        one = reached[0]
        enrolled = one.enrolled
        assert enrolled is not None
        winner = enrolled.esp
        why = "is targeted to the device" if enrolled.esp_target == "device" else "is targeted to the user"
        ranks = f"priority {_rank(winner)} before {_rank(esp)}"
        yield Found(
            what=f"{esp.display_name} is beaten every time: {winner.display_name} {why} ({ranks}).",
            about=(page(preflight, esp), *((page(preflight, winner),) if page_of(preflight, one) else ())),
            moments=(_chosen(one),),
            seen=tuple(each.label for each in reached),
        )


def _rank(esp: EspConfiguration) -> str:
    """A page's priority; a page without one comes after all that have one."""
    return "none" if esp.priority is None else str(esp.priority)


def _reached(preflight: Preflight) -> list[tuple[EspConfiguration, list[Rehearsal]]]:
    """Each page that is assigned, with the rehearsals that its assignment reaches."""
    found = []
    for esp in preflight.data.esp_configurations:
        if esp.is_default:
            continue
        reached = []
        for one in preflight.rehearsals:
            device = one.enrolled
            if device is None or device.esp_target == "other" or one.special or one.away:
                continue
            users = None if device.userless else device.user_groups
            facts = device.facts_for_filters.by_name() if device.facts_for_filters is not None else None
            if preflight.fleet.targeting.reaches(esp, device.device_groups, users, facts):
                reached.append(one)
        found.append((esp, reached))
    return found


def _chosen(one: Rehearsal) -> Moment:
    said = one.noted("ESP-SELECTION")
    if said:
        return one.moment(said[0])
    return as_whole(one, f"gets {one.page.display_name if one.page is not None else 'no page'}")


@check(
    "page-not-assigned",
    "ESP-SELECTION",
    Severity.NOTE,
    "A status page is assigned to nobody",
    "Assign the page, or delete it.",
)
def not_assigned(preflight: Preflight) -> Iterator[Found]:
    """A page that nothing can reach."""
    for esp in preflight.data.esp_configurations:
        if not esp.is_default and not any(line.kind != "exclusionGroup" for line in esp.assignments):
            yield Found(
                what=f"{esp.display_name} has no assignment; none of the devices played gets it.",
                about=(page(preflight, esp),),
                moments=never_got_page(preflight, esp),
            )


@check(
    "page-for-users",
    "ESP-USER-TARGETED",
    Severity.WARNING,
    "The list of a page for users does not count for the device",
    "Target the page to the devices, so that its blocking apps are waited for in Device setup.",
)
def for_users(preflight: Preflight) -> Iterator[Found]:
    """A user-targeted page with a list of blocking apps."""
    for one in preflight.rehearsals:
        said = one.noted("ESP-USER-TARGETED")
        if said and one.page is not None:
            yield Found(
                what=f"{one.page.display_name} is assigned to users; Device setup takes no notice of its list of apps.",
                about=page_of(preflight, one),
                moments=(one.moment(said[0]), *(one.moment(event) for event in one.citing("F-50")[:1])),
            )


@check(
    "page-missing-for-technician",
    "REQ-ESP",
    Severity.WARNING,
    "Pre-provisioning without a status page for the device",
    "Assign an Enrollment Status Page that is shown to a group of these devices.",
)
def for_technician(preflight: Preflight) -> Iterator[Found]:
    """Without a device-targeted page green proves nothing."""
    for one in preflight.rehearsals:
        said = one.noted("REQ-ESP", "F-59")
        if said and one.candidate.profile is not None:
            name = one.candidate.profile.display_name
            yield Found(
                what=f"{name} allows pre-provisioning, and no page is targeted to its devices.",
                about=preflight.profile_of(one),
                moments=tuple(one.moment(event) for event in said[:2]),
            )


@check(
    "page-missing-without-user",
    "S5",
    Severity.WARNING,
    "Self-deploying devices get no status page",
    "Assign an Enrollment Status Page that is shown to a group of these devices; one for users does not reach them.",
)
def without_user(preflight: Preflight) -> Iterator[Found]:
    """A device that deploys itself is ready before anything of it is installed."""
    for one in preflight.rehearsals:
        device = one.enrolled
        if one.mode != "self-deploying" or device is None or device.esp.show_installation_progress:
            continue
        skipped = one.citing("ESP-DEFAULT-HIDDEN", "ESP-SKIP-DEVICE")
        yield Found(
            what=f"{one.candidate.profile.display_name if one.candidate.profile else ''}: the page that applies, "
            f"{device.esp.display_name}, is hidden, and the device is ready before its apps are there.",
            about=preflight.profile_of(one),
            moments=tuple(one.moment(event) for event in skipped[:1]) or (one.end(),),
        )


@check(
    "page-hidden",
    "ESP-DEFAULT-HIDDEN",
    Severity.NOTE,
    "Nothing waits for required apps: the status page is hidden",
    "Assign an Enrollment Status Page that shows progress, if the user is to find the apps on the desktop.",
)
def hidden(preflight: Preflight) -> Iterator[Found]:
    """Required apps, a profile, and the default page that is hidden."""
    shown = {
        one.candidate.profile.id
        for one in preflight.rehearsals
        if one.candidate.profile is not None and one.page is not None and one.page.show_installation_progress
    }
    for one in preflight.rehearsals:
        skipped, profile = one.citing("ESP-DEFAULT-HIDDEN"), one.candidate.profile
        if profile is None or profile.preprovisioning_allowed or profile.self_deploying or not skipped:
            continue  # those have checks of their own
        if required_apps(one) and profile.id not in shown:
            yield Found(
                what=f"{profile.display_name}: no page is assigned to its devices or users and the default one "
                "is hidden; the user is at the desktop before required apps are there.",
                about=preflight.profile_of(one),
                moments=(one.moment(skipped[0]),),
            )


@check(
    "user-apps-not-waited-for",
    "ESP-SKIP-USER",
    Severity.NOTE,
    "Nothing waits for the apps of users: Account setup is skipped",
    "Assign these apps to devices, if they are to be there when the user reaches the desktop.",
)
def user_part_skipped(preflight: Preflight) -> Iterator[Found]:
    """A page that is shown for the device and not for the user, and apps that are required for users."""
    for one in preflight.rehearsals:
        device = one.enrolled
        skipped = [event for event in one.citing("ESP-SKIP-USER") if isinstance(event, StateLeft)]
        if device is None or not skipped or not device.esp.show_installation_progress or one.special or one.away:
            continue
        apps = required(device, "account")
        if apps:
            names = ", ".join(app.display_name for app in apps[:MOST_NAMES]) + (" ..." if len(apps) > MOST_NAMES else "")
            yield Found(
                what=f"{device.esp.display_name} is skipped for users; not waited for: {names}.",
                about=page_of(preflight, one),
                moments=(one.moment(skipped[0]),),
            )


@check(
    "selected-app-not-assigned",
    "APP-FILTER",
    Severity.WARNING,
    "A page waits for an app that is assigned to nobody there",
    "Assign the app as required to the page's devices or users, or take it off the list: the list installs nothing.",
)
def selected(preflight: Preflight) -> Iterator[Found]:
    """An app on the list that no device with this page gets as required."""
    for esp in preflight.data.esp_configurations:
        with_page = [one for one in preflight.rehearsals if one.page is esp and not one.special and not one.away]
        if not with_page:
            continue
        required = {app.id for one in with_page for app in required_apps(one)}
        for name in dict.fromkeys(esp.selected_mobile_app_ids):
            if name in required:
                continue
            app = preflight.fleet.targeting.app(name)
            shown = app.display_name if app is not None else f"the app {name}, which the export does not have,"
            about = [page(preflight, esp)]
            if app is not None:
                about.append(preflight.resource("mobile_apps", app))
            yield Found(
                what=f"{esp.display_name} lists {shown} as blocking, but it is not required for any device with this page.",
                about=tuple(about),
                moments=(_listed_in_vain(with_page, shown),),
                key=f"{esp.id} {name}",
                seen=tuple(one.label for one in with_page),
            )


def _listed_in_vain(with_page: list[Rehearsal], shown: str) -> Moment:
    """The remark of a run on its list of apps; where none has one, that the run never knew the app."""
    for one in with_page:
        for event in one.citing("APP-FILTER"):
            if isinstance(event, Noted):
                return one.moment(event)
    return as_whole(with_page[0], f"the device is not told of {shown.rstrip(',')}, so nothing waits for it")


@check(
    "quality-updates-not-honoured",
    "QU-TARGETING",
    Severity.WARNING,
    "Quality updates are asked for where they do not count",
    "Target the page to the devices and let it show progress, or switch the quality updates off.",
)
def quality_updates(preflight: Preflight) -> Iterator[Found]:
    """A user-targeted page that is to install quality updates."""
    for one in preflight.rehearsals:
        device = one.enrolled
        if device is None or not device.esp.install_quality_updates or device.esp_target != "user":
            continue
        said = one.citing("QU-TARGETING")
        if said:
            yield Found(
                what=f"{device.esp.display_name} installs quality updates and is assigned to users; none is installed.",
                about=page_of(preflight, one),
                moments=(one.moment(said[0]),),
            )
