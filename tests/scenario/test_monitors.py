"""Monitors: every run in the tree keeps every invariant, and each monitor catches a run that breaks its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autopilot_agent import events as e
from autopilot_agent import rulebook
from autopilot_agent.device.registry import ENROLLMENTS, TRACKING
from autopilot_agent.oobe.modes import flow_names
from autopilot_agent.scenario.loader import find_scenarios, load_scenario, load_scenario_text
from autopilot_agent.scenario.monitors import MONITORS, OWN_STATEMENTS, broken_invariants
from autopilot_agent.scenario.run import Run, run_scenario

ROOT = Path(__file__).parents[2]
PORTAL, EDITOR = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in (1, 2))
USER = "user1@contoso.example"
FIRST_SYNC = "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/FirstSyncStatus"
SIDECAR_APPS = "./Device/Vendor/MSFT/EnrollmentStatusTracking/Setup/Apps/Tracking/Sidecar"

TENANT = """
scenario: A run to tamper with
mode: {mode}
{more}
tenant:
  organization: {{id: 6f1d2a3b-0000-4000-8000-00000000c001, displayName: Contoso,
                  verifiedDomains: [{{name: contoso.example, isDefault: true, isInitial: true}}]}}
  users:
    - {{id: 11111111-0000-4000-8000-000000000001, userPrincipalName: user1@contoso.example, displayName: User One,
        assignedLicenses: [{{skuId: e3}}]}}
  windowsAutopilotDeploymentProfiles:
    - displayName: Contoso user-driven
      assignments: [all devices]
      deviceNameTemplate: CON-%SERIAL%
      outOfBoxExperienceSetting: {{userType: standard}}
  {tenant}
  deviceEnrollmentConfigurations:
    {restriction}
    - "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"
      displayName: ESP
      priority: 1
      assignments: [{reach}]
      showInstallationProgress: true
      installProgressTimeoutInMinutes: 60
      allowDeviceResetOnInstallFailure: true
      installQualityUpdates: true
      selectedMobileAppIds: [{selected}]
  mobileApps:
    - "@odata.type": "#microsoft.graph.win32LobApp"
      id: aaaaaaaa-0000-4000-8000-000000000001
      displayName: Company Portal
      installCommandLine: msiexec /i portal.msi /qn
      assignments: [all devices]
      rules: [{{"@odata.type": "#microsoft.graph.win32LobAppFileSystemRule", ruleType: detection,
               path: 'C:\\Portal', fileOrFolderName: portal.exe, operationType: exists}}]
    - "@odata.type": "#microsoft.graph.win32LobApp"
      id: aaaaaaaa-0000-4000-8000-000000000002
      displayName: Editor
      installCommandLine: editor.exe /q
      assignments: [all devices]
    {apps}
"""
PERSONAL_BLOCKED = """- "@odata.type": "#microsoft.graph.deviceEnrollmentPlatformRestrictionsConfiguration"
      displayName: No personal devices
      priority: 1
      assignments: [all users]
      windowsRestriction: {personalDeviceEnrollmentBlocked: true}"""
LOB_MSI = """- {"@odata.type": "#microsoft.graph.windowsMobileMSI", id: aaaaaaaa-0000-4000-8000-000000000003,
       displayName: Runtime, productCode: "{AAAAAAAA-0000-4000-8000-000000000003}", productVersion: "1.0",
       assignments: [all devices]}"""
DEFAULT_PAGE = """- "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"
      id: 11111111-0000-4000-8000-0000000000ff_DefaultWindows10EnrollmentCompletionPageConfiguration
      displayName: All users and all devices
      priority: 0
      showInstallationProgress: true
      selectedMobileAppIds: [%s]"""
FAILING = "installers: {Company Portal: {return_codes: [1603]}}"
FROM_FILE = "device: {autopilot_file: {export: Contoso user-driven}}"
RESTARTING = "installers: {Company Portal: {return_codes: [3010]}}"


def run_of(
    more: str = "",
    *,
    mode: str = "user-driven",
    reach: str = "all devices",
    selected: str = "",
    restriction: str = "",
    apps: str = "",
    tenant: str = "",
    profile: str = "",
) -> Run:
    """A finished run that breaks nothing yet."""
    text = TENANT.format(
        more=more, mode=mode, reach=reach, selected=selected, restriction=restriction, apps=apps, tenant=tenant
    )
    if profile:
        text = text.replace("outOfBoxExperienceSetting: {userType: standard}", profile)
    run = run_scenario(load_scenario_text(text, ROOT / "run.yaml"))
    assert run.plan is not None, run.result.problem
    assert run.result.exit_code in (0, 1), run.result.problem
    assert broken(run) == []
    return run


def broken(run: Run) -> list[str]:
    assert run.plan is not None
    return broken_invariants(run.plan, run.result)


def find(run: Run, kind: type[e.Event], **fields: object) -> int:
    """Number of the first event of a kind with these fields."""
    return next(
        event.seq
        for event in run.events
        if type(event) is kind and all(getattr(event, name) == value for name, value in fields.items())
    )


def edit(run: Run, number: int, **fields: object) -> None:
    run.events[number] = msgspec.structs.replace(run.events[number], **fields)


def drop(run: Run, *numbers: int) -> None:
    run.events[:] = [event for event in run.events if event.seq not in numbers]
    renumber(run)


def insert(run: Run, after: int, event: e.Event) -> None:
    run.events.insert(after + 1, msgspec.structs.replace(event, at=run.events[after].at))
    renumber(run)


def renumber(run: Run) -> None:
    run.events[:] = [msgspec.structs.replace(event, seq=number) for number, event in enumerate(run.events)]


def refused(call: str, code: str, rule: str) -> e.CallRefused:
    return e.CallRefused(0, 0, rule, call, "enrollment.manage.microsoft.com", code, "")


SHARED = "outOfBoxExperienceSetting: {userType: standard, deviceUsageType: shared, eulaHidden: true}"
PREPARED = "outOfBoxExperienceSetting: {userType: standard}\n      preprovisioningAllowed: true"
AUTO_LOGON = """
  deviceConfigurations:
    - "@odata.type": "#microsoft.graph.windowsKioskConfiguration"
      displayName: Kiosk
      assignments: [all devices]
      kioskProfiles: [{userAccountsConfiguration: [{"@odata.type": "#microsoft.graph.windowsKioskAutologon"}]}]
"""


def alone(more: str = "", *, tenant: str = "") -> Run:
    """A self-deploying run."""
    return run_of(more, mode="self-deploying", tenant=tenant, profile=SHARED)


def prepared(more: str = "") -> Run:
    """A run with a technician, a reseal and a user."""
    return run_of(more, mode="pre-provisioned", profile=PREPARED)


def i06() -> Run:
    run = alone()
    insert(run, find(run, e.StateEntered, state="device_join"), e.ScreenShown(0, 0, "U1", "SIGNIN"))
    return run


def i08() -> Run:
    run = prepared("acts: [technician]")
    device = run.plan.state.history[-1]
    device.profile = msgspec.structs.replace(device.profile, preprovisioning_allowed=False)
    return run


def i09_twice_without_user() -> Run:
    run = alone()
    run.plan.state.history.append(run.plan.state.history[0])
    return run


def i09_refused_the_first_time() -> Run:
    run = alone("faults: [{on: EnrollMdm, code: '0x80180014'}]")
    number = find(run, e.CallRefused, call="EnrollMdm")
    edit(run, number, rule="REG-ONE-TIME")
    return run


def i16() -> Run:
    run = alone()
    device = run.plan.state.history[0]
    device.assigned = msgspec.structs.replace(device.assigned, esp_target="user")
    run.plan.device.disk.enrolment = msgspec.structs.replace(run.plan.device.disk.enrolment, esp_target="user")
    return run


def i25() -> Run:
    run = prepared()
    number = max(event.seq for event in run.events if isinstance(event, e.StateLeft) and event.state == "device_preparation")
    edit(run, number, outcome="ok")
    return run


def i28() -> Run:
    run = alone(tenant=AUTO_LOGON)
    assert run.result.end_state == "kiosk_session"
    disk = run.plan.device.disk
    disk.registry.create(rf"{TRACKING}\{disk.accounts['kioskUser0'].sid}")
    return run


def i33() -> Run:
    run = alone("device: {tpm: {vulnerable: true}}")
    row = find(run, e.RowChanged, row="Preparing your device for mobile management", state="failedFromPreviousSubcategory")
    edit(run, row, state="inProgress")
    return run


def i01() -> Run:
    run = run_of("device: {network: wifi}")
    drop(run, find(run, e.ScreenShown, screen="REGION"))
    return run


def i02() -> Run:
    run = run_of()
    insert(run, find(run, e.LogWritten, id=153), run.events[find(run, e.CallAnswered, call="DownloadProfile")])
    return run


def i02_other_profile() -> Run:
    run = run_of()
    memory = run.plan.device.memory
    memory.profile = msgspec.structs.replace(memory.profile, cloud_assigned_oobe_config=0)
    return run


def i03() -> Run:
    run = run_of()
    run.plan.device.network.lost_at = 1000
    return run


def i03_updates() -> Run:
    run = run_of("windows_update: {critical: [{restart: true}]}")
    insert(run, find(run, e.StateEntered, state="updates"), refused("ScanForUpdates", "0x80072EE2", "F-12"))
    return run


def i04() -> Run:
    run = run_of()
    first = find(run, e.RowChanged, phase="preparation")
    at = run.events[first].at
    for event in run.events[first:]:
        if event.at == at:
            edit(run, event.seq, at=at + 1)
    return run


def i04_page_too_early() -> Run:
    run = run_of()
    page = run.events[find(run, e.ScreenShown, screen="ESP")]
    insert(run, find(run, e.StateEntered, state="mdm_enrolment"), page)
    return run


def i07() -> Run:
    run = run_of(FROM_FILE, mode="existing-device")
    device = run.plan.device
    bits = device.disk.profile.cloud_assigned_oobe_config | 0x60
    device.memory.profile = device.disk.profile = msgspec.structs.replace(device.disk.profile, cloud_assigned_oobe_config=bits)
    return run


def hybrid(name: str) -> Run:
    """A finished run of a hybrid scenario that breaks nothing yet."""
    run = run_scenario(load_scenario(ROOT / "scenarios" / "hybrid" / f"{name}.yaml"))
    assert run.plan is not None
    assert run.result.exit_code == 0, run.result.problem
    return run


def i05() -> Run:
    run = hybrid("wired")
    for event in run.events:
        if isinstance(event, e.ScreenShown) and event.screen == "LOGON":
            edit(run, event.seq, screen="PLEASEWAIT")
    return run


def i05_no_restart() -> Run:
    run = hybrid("wired")
    edit(run, find(run, e.Rebooted, rule="H7"), rule="C9")
    return run


def i17() -> Run:
    run = hybrid("f37-sync-late")
    disk = run.plan.device.disk
    disk.csp.write(FIRST_SYNC + "/TimeOutUntilSyncFailure", "90")
    disk.registry.set(rf"{ENROLLMENTS}\{disk.enrolment.enrolment_id}\FirstSync", "SyncFailureTimeout", 90)
    return run


def i24_hybrid() -> Run:
    run = hybrid("wired")
    run.plan.device.disk.computer_name = "FAB-SOMETHING"
    return run


def i30_registration() -> Run:
    run = hybrid("f37-try-again")
    run.plan.state.history[-1].account_setup = "success"
    return run


def x05_domain() -> Run:
    run = hybrid("wired")
    drop(run, *[event.seq for event in run.events if isinstance(event, e.CallAnswered) and event.call == "LogOnToDomain"])
    return run


def x06_registration() -> Run:
    run = hybrid("ad-fs")
    drop(run, find(run, e.CallAnswered, call="RegisterHybridDevice"))
    return run


def x12_controller() -> Run:
    run = hybrid("vpn-in-box")
    drop(run, *[event.seq for event in run.events if isinstance(event, e.CallAnswered) and event.call == "ConnectVpn"])
    return run


def x10_user_token() -> Run:
    run = hybrid("ad-fs")
    drop(run, find(run, e.CallAnswered, call="GetUserToken"))
    return run


def i09() -> Run:
    run = run_of()
    insert(run, find(run, e.CallAnswered, call="JoinDevice"), refused("EnrollMdm", "0x80180014", "F-26"))
    return run


def i10() -> Run:
    run = run_of(RESTARTING)
    drop(run, find(run, e.ScreenShown, screen="LOGON"), find(run, e.Answered, screen="LOGON"))
    return run


def i11() -> Run:
    run = run_of(FAILING)
    disk = run.plan.device.disk
    disk.registry.create(rf"{TRACKING}\{disk.accounts[USER].sid}")
    return run


def i12() -> Run:
    run = run_of()
    app = e.AppChanged(0, 0, "APP-WIN32", "other", "Other", "downloading")
    insert(run, find(run, e.StateEntered, state="device_setup"), app)
    return run


def i13() -> Run:
    run = run_of(FAILING)
    insert(run, find(run, e.AppChanged, state="failed"), e.AppChanged(0, 0, "APP-WIN32", EDITOR, "Editor", "downloading"))
    return run


def i14() -> Run:
    run = run_of()
    run.plan.device.disk.csp.write(FIRST_SYNC + "/BlockInStatusPage", "7")
    return run


def i14_other_target() -> Run:
    run = run_of()
    device = next(iter(run.plan.state.enrolled.values()))
    device.assigned = msgspec.structs.replace(device.assigned, esp_target="default")
    return run


def i15() -> Run:
    run = run_of(reach="all users", selected=PORTAL)
    run.plan.device.disk.csp.write(f"{SIDECAR_APPS}/Win32App_{PORTAL}_1/InstallationState", "3")
    return run


def i18() -> Run:
    run = run_of("installers: {Runtime: {duration: 3m}}", apps=LOB_MSI)
    edit(run, find(run, e.AppChanged, app=PORTAL, code="1618"), code="0x80070643")
    return run


def i21() -> Run:
    run = run_of("device: {windows: {build: 10.0.26100.4484}}\nwindows_update: {quality: {duration: 5m}}")
    find(run, e.ScreenShown, screen="QU")
    run.plan.device.network.metered = True
    return run


def i23() -> Run:
    run = run_of(FROM_FILE, mode="existing-device")
    used = find(run, e.Noted, rule="X4")
    insert(run, used, run.events[used])
    return run


def i23_profile_of_nowhere() -> Run:
    run = run_of(FROM_FILE, mode="existing-device")
    edit(run, find(run, e.Noted, rule="X4"), rule="X1")
    return run


def i24() -> Run:
    run = run_of()
    run.plan.device.disk.computer_name = "1234567"
    return run


def i24_long() -> Run:
    run = run_of()
    run.plan.device.disk.computer_name = "CONTOSO-12345678"
    return run


def i26() -> Run:
    run = run_of(restriction=PERSONAL_BLOCKED)
    insert(run, find(run, e.CallAnswered, call="JoinDevice"), refused("EnrollMdm", "0x80180014", "F-77"))
    return run


def i26_unregistered() -> Run:
    run = run_of(mode="ordinary-oobe")
    run.plan.state.targeting = run_of(restriction=PERSONAL_BLOCKED).plan.state.targeting
    return run


def i27() -> Run:
    run = run_of()
    disk = run.plan.device.disk
    disk.join = msgspec.structs.replace(disk.join, device_id="0ffed0de-0000-4000-8000-000000000009")
    return run


def i27_object_deleted() -> Run:
    run = run_of()
    join = find(run, e.CallAnswered, call="JoinDevice")
    insert(run, join - 1, e.CloudChanged(0, 0, "REG-OBJECT", "the Entra object is deleted"))
    return run


def i29() -> Run:
    run = run_of(FAILING)
    page = find(run, e.ScreenShown, screen="ESPERR")
    edit(run, page, choices=(*run.events[page].choices, "Continue anyway"))
    return run


def i29_leaves_blocking_page() -> Run:
    run = run_of()
    edit(run, find(run, e.ScreenShown, screen="ESP", text="Device setup"), choices=("Leave the page", "Wait"))
    return run


def i30() -> Run:
    run = run_of(FAILING)
    run.plan.device.disk.csp.write(FIRST_SYNC + "/WasDeviceSuccessfullyProvisioned", "1")
    return run


def i30_report() -> Run:
    run = run_of(FAILING)
    next(iter(run.plan.state.enrolled.values())).device_setup = "success"
    return run


def i31() -> Run:
    run = run_of()
    drop(run, find(run, e.LogWritten, id=111))
    return run


def i32() -> Run:
    run = run_of()
    drop(run, find(run, e.CallAnswered, call="ProbeConnectivity"))
    return run


def i34() -> Run:
    run = run_of(tenant="directoryRoles: [{displayName: Global Administrator, members: [user1@contoso.example]}]")
    account = run.plan.device.disk.accounts[USER]
    assert account.group == "administrators"
    account.group = "users"
    return run


def i35() -> Run:
    run = run_of(FAILING + "\nperson: {ESPERR: [Reset device]}")
    find(run, e.StateLeft, state="reset_device")
    run.plan.state.registrations.clear()
    return run


def x01() -> Run:
    run = run_of()
    number = find(run, e.Finished)
    edit(run, number, seq=number + 1)
    return run


def x01_time() -> Run:
    run = run_of()
    edit(run, find(run, e.Finished), at=0)
    return run


def x02() -> Run:
    run = run_of()
    edit(run, find(run, e.StateLeft, state="eula"), outcome="stuck")
    return run


def x02_result() -> Run:
    run = run_of(FAILING)
    run.result.end_state = "gave_up"
    return run


def x03() -> Run:
    run = run_of()
    run.plan.device.disk.files.pop(r"C:\Portal\portal.exe")
    return run


def x03_without_rules() -> Run:
    run = run_of()
    run.plan.device.disk.products.remove(f"app:{EDITOR}")
    return run


def x03_extension() -> Run:
    run = run_of()
    run.plan.device.disk.ime_installed = False
    return run


def x04() -> Run:
    run = run_of()
    run.plan.device.disk.csp.write(f"{SIDECAR_APPS}/Win32App_{PORTAL}_1/InstallationState", "2")
    return run


def x04_server() -> Run:
    run = run_of()
    run.plan.device.disk.csp.write(FIRST_SYNC + "/ServerHasFinishedProvisioning", "false")
    return run


def x04_row() -> Run:
    run = run_of()
    edit(run, find(run, e.RowChanged, phase="device", row="Certificates", state="succeeded"), state="inProgress")
    return run


def x04_item() -> Run:
    run = run_of()
    item = "./Device/Vendor/MSFT/Office/Installation/x/Status;1"
    run.plan.device.disk.csp.write(FIRST_SYNC + "/ExpectedMSIAppPackages", item)
    return run


def x05() -> Run:
    run = run_of()
    run.plan.device.disk.signed_in_user = ""
    return run


def x06() -> Run:
    run = run_of()
    run.result.mdm_enrolled = False
    return run


def x06_join() -> Run:
    run = run_of(mode="ordinary-oobe", more="person: {ACCT: Set up for personal use}")
    run.result.join = "entra"
    return run


def x07() -> Run:
    run = run_of()
    run.result.rules.append("Z-99")
    return run


def x08() -> Run:
    run = run_of()
    edit(run, find(run, e.Answered, screen="PWD"), answer="right password / Sign in")
    return run


def x09() -> Run:
    run = run_of(FAILING)
    run.result.error.rule = ""
    return run


def x09_no_report() -> Run:
    run = run_of(FAILING)
    run.result.error = None
    return run


def x10() -> Run:
    run = run_of()
    sign_in = run.events[find(run, e.CallAnswered, call="SignIn")]
    drop(run, sign_in.seq)
    insert(run, find(run, e.Rebooted) - 1, sign_in)
    return run


def x11() -> Run:
    run = run_of()
    run.plan.device.disk.reboots += 1
    return run


def x12() -> Run:
    run = run_of()
    run.plan.device.network.blocked = {"*.dds.microsoft.com": ""}
    return run


def x13() -> Run:
    run = run_of()
    disk = run.plan.device.disk
    disk.csp.write(FIRST_SYNC + "/TimeOutUntilSyncFailure", "1")
    disk.registry.set(rf"{ENROLLMENTS}\{disk.enrolment.enrolment_id}\FirstSync", "SyncFailureTimeout", 1)
    return run


def x14() -> Run:
    run = run_of(selected=PORTAL)
    app = e.AppChanged(0, 0, "APP-WIN32", EDITOR, "Editor", "downloading")
    insert(run, find(run, e.StateEntered, state="device_setup"), app)
    return run


def x14_technician() -> Run:
    run = run_scenario(load_scenario(ROOT / "scenarios" / "pre-provisioned" / "only-blocking-apps-tried.yaml"))
    app = e.AppChanged(0, 0, "APP-WIN32", "aaaaaaaa-0000-4000-8000-000000000003", "Reader", "downloading")
    insert(run, find(run, e.StateEntered, state="device_setup"), app)
    return run


def x15() -> Run:
    run = run_of()
    drop(run, find(run, e.CallAnswered, call="EscrowRecoveryKey"))
    return run


def x16() -> Run:
    run = run_of()
    run.plan.device.disk.accounts[USER].group = "administrators"
    return run


def x17() -> Run:
    run = run_of()
    edit(run, find(run, e.CallAnswered, call="ReportAppResult"), call="JoinDevice")
    return run


def reset(name: str) -> Run:
    """A finished run of a reset scenario that breaks nothing yet."""
    run = run_scenario(load_scenario(ROOT / "scenarios" / "reset" / f"{name}.yaml"))
    assert run.plan is not None
    assert run.result.exit_code == 0, run.result.problem
    return run


def i22() -> Run:
    run = reset("remote")
    insert(run, find(run, e.StateEntered, state="restoring"), e.ScreenShown(0, 0, "R6", "REGION"))
    return run


def i22_owner_stays() -> Run:
    run = reset("remote")
    run.plan.state.history[-1].primary_user = run.plan.state.history[-1].enrolled_by
    return run


def i22_owner_lost() -> Run:
    run = reset("local")
    run.plan.state.history[-1].primary_user = ""
    return run


def i22_without_recovery() -> Run:
    run = reset("local")
    run.plan.device.windows.winre = False
    return run


def x18() -> Run:
    run = reset("local")
    begin = find(run, e.StateEntered, state="restoring")
    calls = [one.seq for one in run.events[begin:] if isinstance(one, e.CallAnswered) and one.call == "ManagementMessage"]
    drop(run, *calls)
    return run


def x19() -> Run:
    run = hybrid("wired")
    disk = run.plan.device.disk
    disk.accounts[disk.signed_in_user].kind = "entra"
    return run


BREAKERS: tuple[Callable[[], Run], ...] = tuple(
    made for name, made in list(globals().items()) if name[0] in "ix" and name[1:3].isdigit()
)


def watched(breaker: Callable[[], Run]) -> str:
    return f"{breaker.__name__[0].upper()}-{breaker.__name__[1:3]}"


@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda made: made.__name__)
def test_exactly_its_own_monitor_catches_a_tampered_run(breaker: Callable[[], Run]) -> None:
    run = breaker()
    assert [said.partition(":")[0] for said in broken(run)] == [watched(breaker)]


def test_every_monitor_has_a_run_that_breaks_it() -> None:
    assert {watched(breaker) for breaker in BREAKERS} == set(MONITORS)


def test_every_invariant_of_a_mode_that_is_played_has_a_monitor() -> None:
    playable = set(flow_names())
    wanted = {row.id for row in rulebook.invariants().values() if playable & set(row.applies)}
    assert wanted == {name for name in MONITORS if name.startswith("I-")}
    assert set(OWN_STATEMENTS) == {name for name in MONITORS if name.startswith("X-")}


def test_no_scenario_of_the_tree_breaks_an_invariant_or_leaves_out_a_number() -> None:
    said = {}
    for path in find_scenarios([ROOT / "scenarios"]):
        run = run_scenario(load_scenario(path))
        if run.result.exit_code == 4 or run.plan is None or broken(run):
            said[path.name] = run.result.problem
        if [event.seq for event in run.events] != list(range(len(run.events))):
            said[path.name] = "its events are not numbered without gaps"
    assert said == {}


@pytest.mark.parametrize("listed", [PORTAL, EDITOR, ""])
def test_the_list_of_the_default_page_counts_for_the_device(listed: str) -> None:
    run = run_of(reach="all users", selected=PORTAL, restriction=DEFAULT_PAGE % listed)
    assert run.result.end_state == "desktop"


def test_no_secret_of_a_script_is_in_any_event() -> None:
    for secret in ("Contoso-Secret-1", "97531086"):
        run = run_of(f"person: {{PWD: {secret}}}")
        assert secret.encode() not in e.to_json_lines(run.events)


def test_a_run_that_breaks_an_invariant_ends_with_exit_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MONITORS, "X-01", lambda run: "made to fail")
    run = run_scenario(load_scenario_text(TENANT.format(
        more="", mode="user-driven", reach="all devices", selected="", restriction="", apps="", tenant=""
    ), ROOT / "run.yaml"))  # fmt: skip
    assert (run.result.verdict, run.result.exit_code) == ("error", 4)
    assert "X-01: made to fail" in run.result.problem


def test_the_page_of_invariants_agrees_with_rulebook_and_monitors() -> None:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(("| I-", "| X-"))
    ]
    statements = {row.id: row.statement for row in rulebook.invariants().values()} | OWN_STATEMENTS
    assert {row[0]: row[1] for row in rows} == statements
    for name, _, monitor in rows:
        if name in MONITORS:
            watching = MONITORS[name]
            assert monitor == f"`{watching.__module__.rpartition('.')[2]}.{watching.__name__}`"
        else:
            assert monitor == f"not applicable until {_modes(name)} is played"


def _modes(name: str) -> str:
    return " or ".join(rulebook.invariants()[name].applies) or "device preparation"
