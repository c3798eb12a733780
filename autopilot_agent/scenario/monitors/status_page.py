"""Invariants of the Enrollment Status Page: its place in the flow, its settings, its apps, its errors, its report."""

from __future__ import annotations

from autopilot_agent.device.registry import ENROLLMENTS, TRACKING
from autopilot_agent.events import AppChanged, LogWritten
from autopilot_agent.oobe.management.esp import BUTTONS, PREPARATION_ROWS, TITLES
from autopilot_agent.scenario.monitors.record import PAGE_SETTINGS, Record
from autopilot_agent.service.uris import SIDECAR
from autopilot_agent.service.uris import TRACKING as TRACKING_NODE
from autopilot_agent.tenant.commands import required
from autopilot_agent.tenant.graph.apps import MobileApp, known_as

READY_AT_ONCE = tuple(TITLES[row] for row in PREPARATION_ROWS[:3])
PHASES = (("device_setup", "device"), ("account_setup", "account"))
ERRORS = ("esp_error", "technician_failure")
FAILED = ("failed", "technician_failed")
INSTALLER_AGENT = ("APP-WIN32", "APP-WINGET")
"""Rules of app events that come from the Intune Management Extension."""


def enrolled_before_page(run: Record) -> str | None:
    """I-04."""
    enrolments = run.calls.get("EnrollMdm", ())
    for begin, end in run.lives() if run.status_pages else ():
        first = next((page.seq for page in run.status_pages if begin < page.seq < end), None)
        if any(begin < entered.seq < end for entered, _ in run.stays.get("secure_hardware", ())):
            continue  # without a user the page comes first, and its rows are real work
        if first is not None and not any(begin < seq < first for seq in enrolments):
            return f"event {first} shows the Enrollment Status Page before the device enrolled"
    for entered, left in run.stays.get("device_preparation", ()):
        begin, end = entered.seq, left.seq
        shown = None
        for page in run.status_pages:
            if begin < page.seq < end:
                shown, begin = page, page.seq
                break
        if shown is None:
            continue
        ready = [row for row in run.rows["preparation"] if row.row in READY_AT_ONCE and begin < row.seq < end]
        for row in ready:
            if row.state != "succeeded" or row.at != shown.at:
                return f"event {row.seq}: the row {row.row!r} was not complete at once"
        if len(ready) < len(READY_AT_ONCE):
            return f"event {shown.seq}: one of the first three rows of Device preparation was never shown"
    return None


def no_user_key_after_failed_device_setup(run: Record) -> str | None:
    """I-11."""
    stays = run.stays.get("device_setup")
    if not stays or stays[-1][1].outcome != "failed" or stays[-1][1].seq < run.fresh:
        return None
    if any(event.state == "device_setup" and event.seq > stays[-1][1].seq for event in run.entered):
        return None  # it was tried again, and the power went before that ended
    for account in run.disk.accounts.values():
        if account.sid and run.disk.registry.has(rf"{TRACKING}\{account.sid}"):
            return f"device setup failed, and yet the tracking key of {account.name} exists"
    return None


def list_installs_nothing(run: Record) -> str | None:
    """I-12."""
    if run.known is None or not run.apps:
        return None
    required_apps = [one.app for one in (*run.known.apps, *run.known.first_apps) if one.intent == "required"]
    wanted = {app.id for app in required_apps}
    names_known = False
    for event in run.apps:
        if event.app in wanted or event.rule in ("MDM-IME", "COMANAGE") or event.seq < run.enrolled_at:
            continue
        if not names_known:
            wanted, names_known = _with_dependencies(run, wanted).union(*map(_names, required_apps)), True
        if event.app not in wanted:
            return f"event {event.seq}: {event.name} is {event.state}, but it is neither assigned as required nor a dependency"
    return None


def error_stops_installations(run: Record) -> str | None:
    """I-13."""
    failures = [event.seq for event in run.apps if event.state == "failed"]
    if not failures:
        return None
    for name, phase in PHASES:
        for entered, left in run.stays.get(name, ()):
            page = [row.seq for row in run.rows[phase] if row.row == TITLES["apps"] and row.state == "failed"]
            page = [seq for seq in page if entered.seq < seq < left.seq]
            first = min((seq for seq in failures if page and entered.seq < seq < page[0]), default=None)
            if first is None:
                continue
            until = next(
                (later.seq for later in run.entered if later.seq > left.seq and later.state not in ERRORS), len(run.trace)
            )
            for event in run.apps:
                if first < event.seq < until and event.state == "downloading" and event.rule in INSTALLER_AGENT:
                    return f"event {event.seq}: {event.name} is started although event {first} had failed in the same phase"
    return None


def policy_fixed_at_enrolment(run: Record) -> str | None:
    """I-14."""
    enrolment = run.disk.enrolment
    if enrolment is None:
        return None
    if run.known is not None and run.known.esp_target != enrolment.esp_target:
        return f"the device goes by a {enrolment.esp_target} ESP profile, at enrolment it got a {run.known.esp_target} one"
    key = rf"{ENROLLMENTS}\{enrolment.enrolment_id}\FirstSync"
    get = run.disk.registry.get
    timeout = get(key, "SyncFailureTimeout")
    if timeout is None:
        return None
    now = run.settings()[:4]
    then = [
        "false" if get(key, "SkipDeviceStatusPage") == 0 else "true",
        "false" if get(key, "SkipUserStatusPage") == 0 else "true",
        str(timeout),
        str(get(key, "BlockInStatusPage")),
    ]
    if now == then:
        return None
    for node, before, after in zip(PAGE_SETTINGS, then, now, strict=False):
        if after and before != after and not _server_set(run, node):  # a node that nobody wrote has its default
            return f"{node} is {after}, after enrolment it was {before}"
    return None


def user_list_not_used_for_device(run: Record) -> str | None:
    """I-15."""
    known = run.known
    if known is None or known.esp_target != "user" or not known.esp.selected_mobile_app_ids:
        return None
    default = next((one for one in run.state.data.esp_configurations if one.is_default), None)
    wanted: set[str] = set()
    if default is not None and default.settings_known and default.show_installation_progress:
        chosen = default.selected_mobile_app_ids
        wanted = {app.id for app in required(known, "device") if not chosen or app.id in chosen}
    tracked = _tracked(run, "device")
    if not tracked <= wanted:
        return "device setup tracks an app that only the list of the user-targeted profile names"
    succeeded = any(left.outcome == "ok" and left.seq > run.emptied for _, left in run.stays.get("device_setup", ()))
    extension = {app.id for app in required(known, "device") if app.id in wanted and hasattr(app, "install_experience")}
    if succeeded and extension - tracked:
        return "device setup does not wait for an app on the list of the default profile"
    return None


def overlap_ends_in_1618(run: Record) -> str | None:
    """I-18."""
    msi = {event.app for event in run.apps if event.rule == "APP-LOB-MACHINE"}
    if not msi:
        return None
    arrivals = [log for log in run.logs if log.id == 1906 and log.text.partition(":")[0] in msi]
    steps: list[AppChanged | LogWritten] = [*run.apps, *arrivals]
    steps.sort(key=lambda step: step.seq)
    installing, package, clash = "", "", -1
    for step in steps:
        if isinstance(step, LogWritten):
            clash = step.seq if package else clash
        elif step.app in msi:
            installing = step.app if step.state == "installing" else ""
        elif step.state == "installing":
            package = step.app if uses_windows_installer(run, step.app, step.name) else ""
            clash = step.seq if package and installing else -1
        elif step.app == package:
            package = ""
            if clash >= 0 and step.code != "1618" and run.last_reboot_before(step.seq) < clash:
                return f"event {step.seq}: {step.name} met a LOB MSI and is {step.state} without 1618"
    return None


def quality_updates_allowed(run: Record) -> str | None:
    """I-21."""
    offered = run.scenario.windows_update.quality
    shown = next((screen.seq for screen in run.screens if screen.screen == "QU" and screen.seq > run.fresh), None)
    if shown is None and (offered is None or offered.kb not in run.disk.updates):
        return None
    enrolment = run.disk.enrolment
    where = f"event {shown}: quality updates" if shown is not None else "quality updates were installed"
    if not run.device.windows.eleven:
        return f"{where} on Windows {run.device.windows.build}"
    if run.device.network.metered:
        return f"{where} over a metered network"
    if shown is not None and any(one.act == "technician" and one.begin < shown < one.end for one in run.sittings):
        return f"{where} in the technician's part"
    if enrolment is None or enrolment.esp_target != "device":
        return f"{where} without a device-targeted ESP profile"
    if run.read(run.root("device") + "/SkipDeviceStatusPage") != "false":
        return f"{where} although the ESP was not shown"
    return None


def choices_follow_bits(run: Record) -> str | None:
    """I-29."""
    if not run.status_pages or run.enrolled_at < 0:
        return None
    pages = [page for page in run.status_pages if page.seq > run.enrolled_at]
    settings = run.settings()
    block = int(settings[3] or 0)
    for page in pages:
        if page.screen == "ESPERR":
            wanted = tuple(label for bit, label in BUTTONS if block & bit) if block else ("Leave the page",)
            if settings[4] == "true":
                wanted += ("Collect logs",)
            if page.choices != wanted:
                return f"event {page.seq} offers {page.choices}, BlockInStatusPage {block} means {wanted}"
        elif block and "Leave the page" in page.choices:
            return f"event {page.seq} lets the person leave a page that blocks"
    if not block:
        for name, _ in PHASES:
            for entered, left in run.stays.get(name, ()):
                shown = [page for page in pages if entered.seq < page.seq < left.seq and page.screen == "ESP"]
                if shown and not any("Leave the page" in page.choices for page in shown):
                    return f"event {shown[0].seq}: the page does not block, and yet nobody can leave it"
    return None


def report_keeps_first_failure(run: Record) -> str | None:
    """I-30."""
    for scope, names in (
        ("device", ("device_preparation", "device_setup")),
        ("account", ("hybrid_registration", "account_setup")),
    ):
        for name in names:
            for _, left in run.stays.get(name, ()):
                if left.outcome not in FAILED or left.seq < run.enrolled_at or run.enrolled_at < 0:
                    continue
                if scope == "account" and run.arrivals and left.seq < run.arrivals[-1]:
                    continue  # the user's part of the tree is somebody else's now
                user_flow = scope == "device" and run.resealed_at >= 0
                if user_flow and run.resealed_at < left.seq:
                    continue  # the user flow makes no report of its own
                if not user_flow and run.read(run.root(scope) + "/WasDeviceSuccessfullyProvisioned") == "1":
                    return f"event {left.seq}: {name} failed, and yet the device reports that it was provisioned"
                if run.known is not None and getattr(run.known, f"{scope}_setup") == "success":
                    return f"event {left.seq}: {name} failed, and yet the deployment report says success"
    return None


def uses_windows_installer(run: Record, app: str, name: str) -> bool:
    """Whether a Win32 app's installer is a Windows Installer transaction: the scenario's word, else the package's."""
    installers = run.plan.world.installers
    installer = installers.get(app) or installers.get(name)
    if installer is not None and installer.windows_installer is not None:
        return installer.windows_installer
    found = next((one for one in run.state.data.mobile_apps if one.id == app), None)
    command = (getattr(found, "install_command_line", "") or "").casefold()
    return getattr(found, "msi_information", None) is not None or "msiexec" in command or command.endswith(".msi")


def _names(app: MobileApp) -> set[str]:
    """Everything that an app event may call an app."""
    return set(known_as(app))


def _with_dependencies(run: Record, assigned: set[str]) -> set[str]:
    by_id = {app.id: app for app in run.state.data.mobile_apps}
    found, waiting = set(assigned), list(assigned)
    while waiting:
        for one in getattr(by_id.get(waiting.pop()), "relationships", ()):
            if one.kind == "dependency" and one.target_type == "child" and one.target_id not in found:
                found.add(one.target_id)
                waiting.append(one.target_id)
    return found


def _tracked(run: Record, phase: str) -> set[str]:
    """Ids of the apps that the Intune Management Extension put on the list of a phase."""
    scope = "./Device" if phase == "device" else "./User"
    nodes = run.disk.csp.children(f"{scope}/{TRACKING_NODE}/Setup/Apps/Tracking/{SIDECAR}")
    return {node.split("_")[1] for node in nodes if node.count("_") >= 2}


def _server_set(run: Record, node: str) -> bool:
    """Whether the MDM server set a node of FirstSyncStatus by a command of its own."""
    return any(one.uri.endswith(f"/{node}") and one.verb != "Get" and one.status in (200, 202) for one in run.commands)


MONITORS = {
    "I-04": enrolled_before_page,
    "I-11": no_user_key_after_failed_device_setup,
    "I-12": list_installs_nothing,
    "I-13": error_stops_installations,
    "I-14": policy_fixed_at_enrolment,
    "I-15": user_list_not_used_for_device,
    "I-18": overlap_ends_in_1618,
    "I-21": quality_updates_allowed,
    "I-29": choices_follow_bits,
    "I-30": report_keeps_first_failure,
}
