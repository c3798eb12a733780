"""Answers of the extension's gateway and of the content networks."""

from __future__ import annotations

from msgspec import structs

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.content import (
    Content,
    DownloadConfigMgrClient,
    DownloadContent,
    DownloadMsi,
    DownloadOffice,
    IssueCertificate,
)
from autopilot_agent.service.ime import (
    Apps,
    ContentInfo,
    FileRule,
    GetContentInfo,
    GetRequiredApps,
    GetScripts,
    GetSelectedApps,
    ReportAppResult,
    Script,
    Scripts,
    Win32App,
)
from autopilot_agent.tenant.commands import BY_EXTENSION, blocking_ids, default_page, required, untracked
from autopilot_agent.tenant.graph.apps import AppRule, MobileApp, Win32LobApp, WinGetApp
from autopilot_agent.tenant.graph.directory import ConditionalAccessPolicy
from autopilot_agent.tenant.state import EnrolledDevice, Handlers, TenantState

DONE = Done()
STORE, STORE_APP = "ms-windows-store:", "45a330b1-b1ec-4cc1-9161-9f03992aa49f"
"""How a download from the store is written, and the store's application id in Entra."""
MSI_BYTES, OFFICE_BYTES, DEFAULT_APP_BYTES = 20_000_000, 0, 50_000_000
RELEASES = {
    "1607": 14393, "1703": 15063, "1709": 16299, "1803": 17134, "1809": 17763, "1903": 18362, "1909": 18363, "2004": 19041,
    "2H20": 19042, "20H2": 19042, "21H1": 19043, "Windows10_21H2": 19044, "Windows10_22H2": 19045, "Windows11_21H2": 22000,
    "Windows11_22H2": 22621, "Windows11_23H2": 22631, "Windows11_24H2": 26100, "Windows11_25H2": 26200,
}  # fmt: skip
"""Build of each value of minimumSupportedWindowsRelease."""

_made: dict[tuple[int, str], tuple[MobileApp, Win32App]] = {}


def selected(state: TenantState, call: GetSelectedApps, now: int) -> Apps:
    """The apps that block this phase of the ESP: assigned, required, of the phase, and on the list if there is one."""
    device = _device(state, call.enrolment_id)
    if call.phase == "account" and not _licensed(state, device):
        raise ServiceFault("0x80190193", "the user has no Intune licence", "F-45")
    remembered = device.assigned.remembered
    key = ("selected", call.phase, device.domain_join, device.technician)
    found: Apps | None = remembered.get(key)
    if found is None:
        blocking = blocking_ids(device, call.phase, default_page(state))
        apps = [app for app in required(device, call.phase) if isinstance(app, BY_EXTENSION) and not untracked(device, app)]
        listed = tuple(_win32(app, call.phase) for app in apps if blocking is None or app.id in blocking)
        found = remembered[key] = Apps(listed, _dependencies(state, listed))
    return found


def all_required(state: TenantState, call: GetRequiredApps, now: int) -> Apps:
    """All required apps of the device, and of the user if that one has a licence."""
    device = _device(state, call.enrolment_id)
    phases = ("device", "account") if _licensed(state, device) else ("device",)
    remembered = device.assigned.remembered
    key = ("all required", phases, device.domain_join, device.technician)
    found: Apps | None = remembered.get(key)
    if found is None:
        only = _attempted_by_technician(state, device)
        apps = tuple(
            structs.replace(_win32(app, phase), untracked=True) if untracked(device, app) else _win32(app, phase)
            for phase in phases
            for app in required(device, phase)
            if isinstance(app, BY_EXTENSION) and (only is None or app.id in only)
        )
        found = remembered[key] = Apps(apps, _dependencies(state, apps))
    return found


def _attempted_by_technician(state: TenantState, device: EnrolledDevice) -> frozenset[str] | None:
    """In the technician's part either every required app is tried, or only the blocking ones (ESP-TECHNICIAN-APPS, Q-07)."""
    if not device.technician or device.esp.allow_non_blocking_app_installation or not device.esp.show_installation_progress:
        return None
    return blocking_ids(device, "device", default_page(state))


def _licensed(state: TenantState, device: EnrolledDevice) -> bool:
    user = state.user(device.user_id)
    return user is not None and user.licensed and not state.conditions.licence_lost_after_enrolment


def _dependencies(state: TenantState, listed: tuple[Win32App, ...]) -> tuple[Win32App, ...]:
    """Every app that the listed ones need, directly or not."""
    found: dict[str, Win32App] = {}
    waiting = [wanted for app in listed for wanted, _ in app.dependencies]
    known = {app.id for app in listed}
    while waiting:
        wanted = waiting.pop()
        app = state.targeting.app(wanted)
        if wanted in known or wanted in found or not isinstance(app, BY_EXTENSION):
            continue
        found[wanted] = _win32(app, "device")
        waiting.extend(other for other, _ in found[wanted].dependencies)
    return tuple(found.values())


def scripts(state: TenantState, call: GetScripts, now: int) -> Scripts:
    """Platform scripts of the device, and of the user once there is one."""
    device = _device(state, call.enrolment_id)
    groups = device.user_groups if call.user_id else None
    found = state.targeting.assigned_scripts(device.device_groups, groups)
    return Scripts(
        tuple(Script(one.script.id, one.script.display_name or one.script.id, one.script.run_as_account) for one in found)
    )


def content_info(state: TenantState, call: GetContentInfo, now: int) -> ContentInfo:
    """Where the package lies."""
    app = state.targeting.app(call.app_id)
    if app is None:
        raise ServiceFault("0x87D30065", "the service does not know this app", "NET-CONTENT")
    return ContentInfo(f"https://swda01-mscdn.manage.microsoft.com/{app.id}.intunewin.bin", app.size or DEFAULT_APP_BYTES)


def report(state: TenantState, call: ReportAppResult, now: int) -> Done:
    """Keep the latest result of each app."""
    _device(state, call.enrolment_id).app_results[call.app_id] = call.state
    return DONE


def package(state: TenantState, call: DownloadMsi, now: int) -> Content:
    """A package; the store gives none to a user whom Conditional Access asks for a compliant device, which this is not yet."""
    if call.url.startswith(STORE):
        for policy in state.data.conditional_access_policies:
            if any(_needs_compliance(state, policy, device.user_id) for device in state.enrolled.values()):
                raise ServiceFault("0x80190193", f"{policy.display_name!r} demands a compliant device", "F-44")
    return Content(MSI_BYTES)


def _needs_compliance(state: TenantState, policy: ConditionalAccessPolicy, user_id: str) -> bool:
    controls, apps = policy.grant_controls, policy.conditions.applications
    if policy.state != "enabled" or controls is None or "compliantDevice" not in controls.built_in_controls:
        return False
    if controls.operator == "OR" and "mfa" in controls.built_in_controls:
        return False
    if not {"All", STORE_APP} & set(apps.include_applications) or STORE_APP in apps.exclude_applications:
        return False
    user = state.user(user_id)
    return user is not None and state.targeting.covers(policy.conditions.users, user)


def _device(state: TenantState, enrolment_id: str) -> EnrolledDevice:
    device = state.enrolled.get(enrolment_id)
    if device is None:
        raise ServiceFault("0x80190193", "this enrolment is not known", "NET-INTUNE")
    return device


def _win32(app: Win32LobApp | WinGetApp, phase: str) -> Win32App:
    """An app in the gateway's words; made once for each phase: apps never change during a process."""
    key = (id(app), phase)
    found = _made.get(key)
    if found is not None and found[0] is app:
        return found[1]
    if isinstance(app, WinGetApp):
        made = Win32App(
            app.id, app.display_name or app.id, 1, app.install_experience.run_as_account, phase, app.package_identifier,
            3_600_000, "winGetApp", return_codes=((0, "success"),), size=app.size,
        )  # fmt: skip
    else:
        made = _lob(app, phase)
    if len(_made) > 10_000:
        _made.clear()
    _made[key] = (app, made)
    return made


def _lob(app: Win32LobApp, phase: str) -> Win32App:
    dependencies = tuple(
        (one.target_id, one.dependency_type)
        for one in app.relationships
        if one.kind == "dependency" and one.target_type == "child"
    )
    command = app.install_command_line.casefold()
    return Win32App(
        app.id,
        app.display_name or app.id,
        1,
        app.install_experience.run_as_account,
        phase,
        app.install_command_line,
        app.install_experience.minutes * 60_000,
        app.kind or "win32LobApp",
        app.install_experience.device_restart_behavior,
        tuple(_rule(rule) for rule in app.detection_rules),
        tuple(_rule(rule) for rule in app.requirement_rules),
        tuple(app.architectures),
        RELEASES.get(app.minimum_supported_windows_release or "", 0),
        app.minimum_free_disk_space_in_mb or 0,
        app.minimum_memory_in_mb or 0,
        app.minimum_number_of_processors or 0,
        app.minimum_cpu_speed_in_mhz or 0,
        tuple((one.return_code, one.type) for one in app.return_codes),
        dependencies,
        app.size,
        app.msi_information is not None or "msiexec" in command or command.endswith(".msi"),
    )


def _rule(rule: AppRule) -> FileRule:
    if rule.kind == "product_code":
        return FileRule("product_code", rule.name or rule.path)
    return FileRule(rule.kind, rule.path, rule.name, rule.operation, rule.operator, rule.value)


described = _win32
"""How the gateway describes an app; the monitors ask it what an app's detection rules look for."""

HANDLERS: Handlers = {
    GetSelectedApps: selected,
    GetRequiredApps: all_required,
    GetScripts: scripts,
    GetContentInfo: content_info,
    ReportAppResult: report,
    DownloadContent: lambda state, call, now: Content(call.size),
    DownloadMsi: package,
    DownloadOffice: lambda state, call, now: Content(OFFICE_BYTES),
    DownloadConfigMgrClient: lambda state, call, now: Content(),
    IssueCertificate: lambda state, call, now: Content(),
}
