"""Invariants of our own about success: nothing counts as installed, done or in time that is not."""

from __future__ import annotations

from functools import lru_cache

from autopilot_agent.device.nodes import resolve
from autopilot_agent.oobe.management.detection import detected
from autopilot_agent.oobe.management.esp import HYBRID_EXTRA, PREPARATION_ROWS, SETUP_ROWS, TITLES
from autopilot_agent.scenario.monitors.record import SCOPES, Record, last_before
from autopilot_agent.service.uris import LIST_SEPARATOR
from autopilot_agent.service.uris import TRACKING as TRACKING_NODE
from autopilot_agent.tenant.commands import blocking_ids, default_page
from autopilot_agent.tenant.gateway import described
from autopilot_agent.tenant.graph.apps import MobileApp, Win32LobApp, WinGetApp

ROWS = {
    "device_preparation": ("preparation", tuple(TITLES[row] for row in PREPARATION_ROWS)),
    "device_setup": ("device", tuple(TITLES[row] for row in SETUP_ROWS)),
    "account_setup": ("account", tuple(TITLES[row] for row in SETUP_ROWS)),
}
DONE = ["succeeded"] * 4
EXTENSION = ("APP-WIN32", "APP-WINGET")
EXPECTED = (
    ("ExpectedMSIAppPackages", "", "70"),
    ("ExpectedModernAppPackages", "", "3"),
    ("ExpectedSCEPCerts", "/Status", "1"),
    ("ExpectedPFXCerts", "/Status", "0"),
)
"""Lists of FirstSyncStatus, what to read of each item, and the value that means done."""


def installed_is_there(run: Record) -> str | None:
    """X-03."""
    disk = run.disk
    last = {event.app: event.seq for event in run.apps}
    for event in run.apps:
        if event.state != "installed" or event.seq < run.emptied or event.seq < last[event.app]:
            continue
        if event.rule == "COMANAGE":
            if not disk.configmgr:
                return f"event {event.seq}: {event.name} was reported installed, the device says otherwise"
            continue
        if event.rule == "MDM-IME":
            if not disk.ime_installed:
                return f"event {event.seq}: {event.name} was reported installed and is not there"
        elif event.app not in disk.apps or disk.apps[event.app].state != "installed":
            return f"event {event.seq}: {event.name} was reported installed, the device says otherwise"
    known = {app.id: app for app in run.state.data.mobile_apps}
    for app in disk.apps.values():
        if app.state == "installed" and not _evidence(run, app.id, known.get(app.id)):
            return f"{app.name} counts as installed and is not there"
    return None


def _evidence(run: Record, app_id: str, graph: MobileApp | None) -> bool:
    """Whether the disk shows an app: its MSI product, the end state of its CSP node, or what its detection rules find."""
    disk = run.disk
    if app_id in disk.products:
        return True
    if isinstance(graph, (Win32LobApp, WinGetApp)):
        if detected(described(graph, "device"), run.device):
            return True
        return f"app:{app_id}" in disk.products and _replaced(run, graph)
    values = disk.csp.values
    name = app_id.casefold()
    for scope in "DU":
        if values.get(f"{scope}/vendor/msft/office/installation/{name}/status") == "70":
            return True
        if values.get(f"{scope}/vendor/msft/enterprisemodernappmanagement/appinstallation/{name}/status") == "3":
            return True
    return False


def _replaced(run: Record, app: Win32LobApp | WinGetApp) -> bool:
    """Whether another installed app's traces stand where this one's were (a newer version of the same program)."""
    mine = {(rule.path, rule.name) for rule in getattr(app, "detection_rules", ())}
    return any(
        other.id != app.id
        and f"app:{other.id}" in run.disk.products
        and any((rule.path, rule.name) in mine for rule in getattr(other, "detection_rules", ()))
        for other in run.state.data.mobile_apps
    )


def phase_really_succeeded(run: Record) -> str | None:
    """X-04."""
    for name, (phase, titles) in ROWS.items():
        for entered, left in run.stays.get(name, ()):
            done = left.outcome == "ok" or (left.outcome == "technician_done" and _page_in(run, entered.seq, left.seq))
            if not done or left.seq < run.emptied:
                continue
            if phase == "account" and run.arrivals and left.seq < run.arrivals[-1]:
                continue  # the user's part of the tree is somebody else's now
            begin, end = entered.seq, left.seq
            if phase == "preparation":  # without a user its first rows are steps of their own
                begin = max((one.seq for one, _ in run.stays.get("secure_hardware", ()) if one.seq < begin), default=begin)
            rows = {row.row: row.state for row in run.rows[phase] if begin < row.seq < end}
            if list(map(rows.get, titles)) != DONE:
                title = next(title for title in titles if rows.get(title) != "succeeded")
                return f"event {end}: {name} succeeded, but its row {title!r} is {rows.get(title, 'missing')}"
            if phase != "preparation" and (phase == "account" or end > run.resealed_at):
                missing = _not_done(run, phase)
                if missing:
                    return f"event {end}: {name} succeeded, but {missing}"
    return None


def _page_in(run: Record, begin: int, end: int) -> bool:
    """Whether the page was shown in between."""
    return any(page.screen == "ESP" and begin < page.seq < end for page in run.status_pages)


def _not_done(run: Record, phase: str) -> str:
    read, values = run.read, run.disk.csp.values
    finished, result, synced, lists, expected = _keys(run.root(phase))
    if values.get(finished) != "true":
        return "the server had not finished"
    if values.get(result) not in ("0", "1") or values.get(synced) != "true":
        return "its result is not in the CSP tree"
    apps = f"{SCOPES[phase]}/{TRACKING_NODE}/Setup/Apps/Tracking"
    children = run.disk.csp.children
    for provider in children(apps):
        for app in children(f"{apps}/{provider}"):
            state = read(f"{apps}/{provider}/{app}/InstallationState")
            if state != "3":
                return f"the tracked app {app} is in state {state}"
    for key, leaf, done in lists:
        for item in _items(values[key]) if key in values else ():
            if read(item.partition(";")[0] + leaf) != done:
                return f"{item} is not done"
    for key in expected:
        for item in _items(values[key]) if key in values else ():
            if not run.disk.csp.exists(item):
                return f"{item} is not there"
    return ""


@lru_cache(maxsize=64)
def _keys(root: str) -> tuple[str, str, str, tuple[tuple[str, str, str], ...], tuple[str, ...]]:
    """Where the tree keeps what decides a phase: finished, result, synced, the lists with states, the lists of nodes."""

    def key(name: str) -> str:
        found = resolve(f"{root}/{name}")
        return found.key if found is not None else ""

    return (
        key("ServerHasFinishedProvisioning"),
        key("WasDeviceSuccessfullyProvisioned"),
        key("IsSyncDone"),
        tuple((key(name), leaf, done) for name, leaf, done in EXPECTED),
        (key("ExpectedPolicies"), key("ExpectedNetworkProfiles")),
    )


def _items(text: str) -> list[str]:
    return [item for item in text.split(LIST_SEPARATOR) if item]


def success_in_time(run: Record) -> str | None:
    """X-13."""
    settings = run.settings()
    if run.enrolled_at < 0 or settings[3] in ("", "0"):
        return None
    domain = run.disk.domain is not None
    limit = int(settings[2] or 60) * 60_000 + HYBRID_EXTRA * domain
    for name, first, phase in (
        ("device_setup", ("device_preparation", "device_setup"), "device"),
        ("account_setup", ("hybrid_registration",) if domain else ("account_setup",), "account"),
    ):
        stays = run.stays.get(name)
        if not stays or stays[-1][1].outcome not in ("ok", "technician_done") or stays[-1][1].seq < run.enrolled_at:
            continue
        end = stays[-1][1].seq
        after = max(run.enrolled_at, last_before(run.arrivals, end), run.resealed_at if run.resealed_at < end else -1)
        for _, left in (*run.stays.get("esp_error", ()), *run.stays.get("technician_failure", ())):
            if left.outcome.startswith("retry") and after < left.seq < end:
                after = left.seq
        end = next(left.seq for _, left in stays if left.seq > after and left.outcome in ("ok", "technician_done"))
        began = next((entered.at for state in first for entered, _ in run.stays.get(state, ()) if entered.seq > after), None)
        if began is None:  # tried again after the registration: the timer began with this stay
            began = stays[-1][0].at
        last = max((row.at for row in run.rows[phase] if row.seq < end), default=began)
        if last - began > limit:
            return f"event {end}: {name} succeeded {(last - began - limit) // 1000} s after its time was up"
    return None


def only_listed_apps(run: Record) -> str | None:
    """X-14."""
    known = run.known
    if known is None or not known.esp.selected_mobile_app_ids:
        return None
    if run.scenario.assumptions.get("Q-15") == "during the status page":
        return None
    for name, phase in (("device_setup", "device"), ("account_setup", "account")):
        listed = blocking_ids(known, phase, default_page(run.state))
        if listed is None:
            continue
        for entered, left in run.stays.get(name, ()):
            if left.outcome not in ("ok", "technician_done", "failed", "reboot") or entered.seq < run.enrolled_at:
                continue
            if known.esp.allow_non_blocking_app_installation and (run.disk.technician or entered.seq < run.resealed_at):
                continue  # the technician's part tries every required app and waits only for those on the list
            for event in run.apps:
                if event.rule not in EXTENSION or event.app in listed or not entered.seq < event.seq < left.seq:
                    continue
                if not _needed(run, event.app):
                    return f"event {event.seq}: {event.name} is not on the list and starts during {name}"
    return None


def _needed(run: Record, app: str) -> bool:
    """Whether any app depends on this one."""
    return any(
        one.target_id == app and one.target_type == "child"
        for other in run.state.data.mobile_apps
        for one in getattr(other, "relationships", ())
    )


MONITORS = {
    "X-03": installed_is_there,
    "X-04": phase_really_succeeded,
    "X-13": success_in_time,
    "X-14": only_listed_apps,
}
