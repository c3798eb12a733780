"""Checks of apps: engines that get in each other's way, apps that never come or come too late, installers that restart."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.events import AppChanged, Noted, Rebooted
from autopilot_agent.preflight.blame import app_times, apps_named, as_whole
from autopilot_agent.preflight.findings import Found, Moment, Resource, Severity
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import span
from autopilot_agent.tenant.commands import phase_of, required
from autopilot_agent.tenant.graph.apps import (
    MobileApp,
    OfficeSuiteApp,
    Win32LobApp,
    WindowsMobileMSI,
    product_of,
)

MOST_NAMES = 6


def _apps(preflight: Preflight, apps: list[MobileApp]) -> tuple[Resource, ...]:
    return tuple(preflight.resource("mobile_apps", app) for app in apps)


def _listed(apps: list[MobileApp]) -> str:
    names = list(dict.fromkeys(app.display_name for app in apps))
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _together(one: Rehearsal, kind: type[MobileApp]) -> tuple[list[MobileApp], list[MobileApp]]:
    """Required apps of a kind, and Win32 apps, that one part of the page installs side by side."""
    device = one.enrolled
    if device is None or not device.esp.show_installation_progress:
        return [], []
    for phase in ("device", "account"):
        apps = required(device, phase)
        mine = [app for app in apps if isinstance(app, kind)]
        win32: list[MobileApp] = [app for app in apps if isinstance(app, Win32LobApp)]
        if mine and win32:
            return mine, win32
    return [], []


def _when(one: Rehearsal, app: MobileApp) -> Moment:
    """When an app was installed in a rehearsal."""
    times = app_times(one)
    key = product_of(app) if isinstance(app, WindowsMobileMSI) else app.id
    changes = [e for e in one.events if isinstance(e, AppChanged) and e.app == key]
    if key not in times or not changes:
        return as_whole(one, f"{app.display_name} is not installed in this run")
    name, took, state = times[key]
    return Moment(one.label, changes[0].at, f"{name} takes {span(took)} ({state})")


@check(
    "msi-beside-win32",
    "APP-1618",
    Severity.WARNING,
    "A line-of-business MSI beside Win32 apps",
    "Package the MSI as a Win32 app: two engines install them, and where both use Windows Installer one fails with 1618.",
)
def msi_beside_win32(preflight: Preflight) -> Iterator[Found]:
    """Both kinds in one part of the page; in this rehearsal they missed each other."""
    for one in preflight.rehearsals:
        packages, win32 = _together(one, WindowsMobileMSI)
        if not packages or (one.error is not None and one.error.rule == "F-42"):
            continue
        yield Found(
            what=f"{_listed(packages)} and the Win32 apps {_listed(win32)} are installed by two engines in one part of "
            f"{one.page.display_name if one.page else 'the page'}; here they missed each other.",
            about=_apps(preflight, packages),
            moments=(_when(one, packages[0]), _when(one, win32[0])),
        )


@check(
    "office-beside-win32",
    "APP-M365",
    Severity.WARNING,
    "Microsoft 365 Apps of the built-in kind beside Win32 apps",
    "Package Microsoft 365 Apps as a Win32 app; the built-in kind can hang the page.",
)
def office_beside_win32(preflight: Preflight) -> Iterator[Found]:
    """The same with the Office CSP."""
    for one in preflight.rehearsals:
        suites, win32 = _together(one, OfficeSuiteApp)
        if not suites or (one.error is not None and one.error.rule in ("F-49", "F-114")):
            continue
        yield Found(
            what=f"{_listed(suites)} beside {_listed(win32)} in one part of the page; here they missed each other.",
            about=_apps(preflight, suites),
            moments=(_when(one, suites[0]), _when(one, win32[0])),
        )


@check(
    "hybrid-app-in-user-context",
    "APP-HYBRID-USER",
    Severity.WARNING,
    "An app for the device installs for the user: not tracked in hybrid",
    "Install the app in the system context, or assign it to users.",
)
def hybrid_user_context(preflight: Preflight) -> Iterator[Found]:
    """A device assignment and the user's context on a hybrid device."""
    for one in preflight.rehearsals:
        for event in one.citing("APP-HYBRID-USER"):
            if not isinstance(event, Noted):
                continue
            apps = [app for app in preflight.data.mobile_apps if event.text.startswith(f"{app.display_name} is assigned to")]
            if apps:
                yield Found(
                    what=f"{_listed(apps)}: the status page never waits for it on {_profile(one)} devices.",
                    about=_apps(preflight, apps),
                    moments=(one.moment(event),),
                )


def _profile(one: Rehearsal) -> str:
    return one.candidate.profile.display_name if one.candidate.profile is not None else one.mode


@check(
    "device-apps-for-users",
    "S5",
    Severity.NOTE,
    "Apps for all users never reach a device that deploys itself",
    "Assign the apps to a group of devices (or all devices); what is assigned to users comes when somebody signs in, if ever.",
)
def for_users_without_user(preflight: Preflight) -> Iterator[Found]:
    """Required apps in the device's context that are for all users, where nobody signs in during setup."""
    for one in preflight.rehearsals:
        device = one.enrolled
        if one.mode != "self-deploying" or device is None:
            continue
        got = {each.app.id for each in device.apps}
        missed = [app for app in preflight.data.mobile_apps if app.id not in got and _for_everybody_in_device_context(app)]
        if missed:
            yield Found(
                what=f"{_profile(one)}: {_listed(missed)} {'is' if len(missed) == 1 else 'are'} required for all users, "
                "and nobody signs in during setup.",
                about=(*preflight.profile_of(one), *_apps(preflight, missed)),
                moments=(as_whole(one, f"installs {', '.join(one.run.result.apps) or 'no app'}"),),
            )


def _for_everybody_in_device_context(app: MobileApp) -> bool:
    lines = [line for line in app.assignments if line.intent == "required"]
    return any(line.kind == "allLicensedUsers" for line in lines) and phase_of(app, "device") == "device"


@check(
    "app-does-not-apply",
    "APP-REQUIREMENT",
    Severity.NOTE,
    "A required app does not apply to the device",
    "Correct the requirements of the app, or assign it only to devices that meet them.",
)
def does_not_apply(preflight: Preflight) -> Iterator[Found]:
    """The requirements of an app shut out the device that it is required for."""
    for one in preflight.rehearsals:
        for event in one.citing("APP-REQUIREMENT"):
            if isinstance(event, Noted):
                name = event.text.partition(" does not apply")[0]
                apps = [app for app in preflight.data.mobile_apps if app.display_name == name]
                yield Found(
                    what=event.text, about=_apps(preflight, apps[:1]), moments=(one.moment(event),), key=f"{name} {event.text}"
                )


@check(
    "app-restarts-the-device",
    "REBOOT-HARD",
    Severity.WARNING,
    "An app restarts the device during the status page",
    "Let the app suppress restarts, or install it after the page: the user has to type the credentials a second time.",
)
def restarts(preflight: Preflight) -> Iterator[Found]:
    """A restart that an app's restart behaviour asks for."""
    for one in preflight.rehearsals:
        for event in one.citing("REBOOT-HARD", "REBOOT-SOFT"):
            if not isinstance(event, Rebooted):
                continue
            name = event.reason.partition(" returned ")[0]
            apps = [app for app in preflight.data.mobile_apps if app.display_name == name]
            lost = one.citing("REBOOT-CREDENTIALS")
            yield Found(
                what=f"{name} asks for a restart in Device setup.",
                about=_apps(preflight, apps[:1]),
                moments=(one.moment(event), *(one.moment(each) for each in lost[:1])),
                rule=event.rule,
                key=name,
            )


@check(
    "app-fails-beside-the-page",
    "APP-RETURN-CODES",
    Severity.WARNING,
    "A required app fails, and no page waits for it",
    "Correct detection rules and requirements of the app; see the code of its failure.",
)
def fails_in_background(preflight: Preflight) -> Iterator[Found]:
    """An app that failed in a rehearsal that came to a good end."""
    for one in preflight.rehearsals:
        if not one.completed or one.special:
            continue
        for key, changes in one.apps().items():
            if changes[-1].state == "failed":
                yield Found(
                    what=f"{changes[-1].name} fails with {changes[-1].code}; the device is ready without it.",
                    about=apps_named(preflight, [key]),
                    moments=(one.moment(changes[-1]),),
                    rule=changes[-1].rule,
                )
