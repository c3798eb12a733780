"""Checks of time: how near the limit of the status page devices come, and apps that may take longer than it."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.clock import MINUTE
from autopilot_agent.oobe.management.esp import HYBRID_EXTRA
from autopilot_agent.preflight.blame import downloads, page_of, required_apps, slowest
from autopilot_agent.preflight.findings import Found, Moment, Severity
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import span
from autopilot_agent.tenant.graph.apps import Win32LobApp

TIGHT = 0.8
"""Share of the time limit from which on a page is called tight: typical durations vary by 15 % and more."""
USUAL_LIMIT = 60
"""Minutes that Intune gives an app unless somebody raised it."""


def limit_of(one: Rehearsal) -> int:
    """Milliseconds that the page gives one of its parts, as the device has it."""
    found = one.page
    if found is None:
        return 0
    joins = one.enrolled is not None and one.enrolled.domain_join
    return max(1, found.install_progress_timeout_in_minutes) * MINUTE + (HYBRID_EXTRA if joins else 0)


@check(
    "page-time-is-tight",
    "ESP-TIMEOUT",
    Severity.WARNING,
    "The apps take most of the page's time",
    "Raise the page's time limit, or wait for fewer apps: a slow network or a slow PC runs into the time-out.",
)
def tight(preflight: Preflight) -> Iterator[Found]:
    """A part of the page that came to its end, but late."""
    for one in preflight.rehearsals:
        limit = limit_of(one)
        if not one.completed or not limit or one.away or one.special:
            continue
        for name, title in (("device", "Device setup"), ("account", "Account setup")):
            times = one.phase(name)
            if times is None or times[1] - times[0] < limit * TIGHT or (name == "account" and one.mode == "hybrid"):
                continue
            assert one.page is not None
            yield Found(
                what=f"{one.page.display_name}: {title} takes {span(times[1] - times[0])} of {span(limit)} with typical "
                f"durations; the slowest: {slowest(one)}{downloads(one)}.",
                about=page_of(preflight, one),
                moments=(Moment(one.label, times[1], f"{title} ends, {span(times[1] - times[0])} after it began"),),
            )


@check(
    "app-limit-beyond-page",
    "APP-LIMIT",
    Severity.WARNING,
    "An app may take longer than the status page waits",
    "Raise the page's time limit above that of the app, or lower the app's (installation time required).",
)
def app_limit(preflight: Preflight) -> Iterator[Found]:
    """Somebody raised the time of an app and not that of the page; played with an installer that takes it."""
    asked: set[tuple[str, str]] = set()
    for one in list(preflight.rehearsals):
        found = one.page
        if found is None or not found.show_installation_progress or not one.completed or one.away or one.special:
            continue
        limit = limit_of(one)
        for app in required_apps(one):
            if not isinstance(app, Win32LobApp) or (found.id, app.id) in asked:
                continue
            minutes = app.install_experience.minutes
            if minutes <= USUAL_LIMIT or minutes * MINUTE <= limit:
                continue
            asked.add((found.id, app.id))
            again = preflight.stage.play(one.candidate, one.mode, one.user, slow=app.id)
            if again.completed:
                continue  # the page does not wait for it
            yield Found(
                what=f"{app.display_name} may take {minutes} minutes, {found.display_name} waits {limit // MINUTE}.",
                about=(preflight.resource("mobile_apps", app), *page_of(preflight, one)),
                moments=(again.end(),),
            )
