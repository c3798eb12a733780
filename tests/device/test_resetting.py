"""The table of resets, applied to a disk: what is kept is kept, what is removed is gone, whatever the kind."""

from __future__ import annotations

import pytest

from autopilot_agent import rulebook
from autopilot_agent.device import Device
from autopilot_agent.device.registry import ENROLLMENTS, JOIN_INFO
from autopilot_agent.device.resetting import CARRIED, TAKEN, apply_reset
from autopilot_agent.device.storage import Account, Enrolment, InstalledApp, JoinState
from autopilot_agent.service.management import RemoteAction
from autopilot_agent.testing import small_device

FILE, USB = r"C:\Users\user1\report.docx", r"E:\classroom.ppkg"
FIRST_SYNC = "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/FirstSyncStatus/BlockInStatusPage"
POLICY = "./Device/Vendor/MSFT/Policy/Config/Update/DeferQualityUpdatesPeriodInDays"


def used_device() -> Device:
    """A PC that somebody has worked with."""
    device = small_device()
    disk = device.disk
    disk.accounts = {"user1": Account("user1", "entra", "users", "S-1-12-1-1-1-1-1")}
    disk.users, disk.signed_in_user = ["user1"], "user1"
    disk.files = {FILE: "x", USB: "x", r"C:\Portal\portal.exe": "x"}
    disk.preinstalled = frozenset(("{TOOL}",))
    disk.products = {"{TOOL}", "app:portal", "{MSI}"}
    disk.apps = {"portal": InstalledApp("portal", "Portal", "installed"), "{MSI}": InstalledApp("{MSI}", "MSI", "installed")}
    disk.wifi_profiles = {"Contoso": "OOBE", "Corp": "MDM"}
    disk.language, disk.region, disk.keyboard = "de-DE", "DE", "00000407"
    disk.computer_name, disk.bitlocker, disk.packages = "CON-1", "encrypting", ["image.ppkg"]
    disk.join = JoinState("d", "t", "user1", "AA")
    disk.enrolment = Enrolment("E", "MS DM Server", "dm", "https://r", "u", "user1")
    disk.certificates = {
        "AA": "CN=d (MS-Organization-Access)", "BB": "CN=dm (Microsoft Intune MDM Device CA)", "CC": "SCEP device",
    }  # fmt: skip
    disk.registry.set(ENROLLMENTS + r"\E", "UPN", "user1")
    disk.registry.set(JOIN_INFO + r"\AA", "UserEmail", "user1")
    disk.csp.write(FIRST_SYNC, "7")
    disk.csp.write(POLICY, "3")
    disk.policies[POLICY] = "3"
    disk.oobe_complete, disk.reboots, disk.boots, disk.free_mb = True, 4, 5, 1000
    return device


def facts(device: Device) -> dict[str, bool]:
    """Of each aspect: whether it is still there."""
    disk = device.disk
    return {
        "user_accounts": "user1" in disk.accounts,
        "user_files": FILE in disk.files,
        "wifi": "Contoso" in disk.wifi_profiles,
        "locale": disk.language == "de-DE",
        "packages": bool(disk.packages),
        "entra_join": disk.join is not None and "AA" in disk.certificates and disk.registry.has(JOIN_INFO),
        "mdm_enrolment": disk.enrolment is not None and "BB" in disk.certificates and disk.csp.exists(FIRST_SYNC),
        "scep_certificates": "CC" in disk.certificates,
        "device_name": disk.computer_name == "CON-1",
        "bitlocker": disk.bitlocker == "encrypting",
    }


NEW = [name for name, row in rulebook.resets().items() if row.windows == "new"]


@pytest.mark.parametrize("kind", NEW)
def test_a_new_windows_has_what_the_row_keeps_and_nothing_else(kind: str) -> None:
    device, row = used_device(), rulebook.resets()[kind]
    apply_reset(device, row)
    assert facts(device) == {aspect: getattr(row, aspect) in ("kept", "restored") for aspect in facts(device)}
    assert USB in device.disk.files
    assert (device.disk.reboots, device.disk.boots, device.disk.free_mb) == (4, 5, 1000)
    assert device.disk.csp.read(POLICY) is None
    assert device.disk.oobe_complete is (row.oobe_afterwards == "no")


def test_programs_of_the_maker_stay_only_where_the_row_says_so() -> None:
    for kind in NEW:
        device, row = used_device(), rulebook.resets()[kind]
        apply_reset(device, row)
        assert device.disk.products == ({"{TOOL}"} if row.apps == "preinstalled kept" else set()), kind


def test_retirement_takes_what_belongs_to_the_company_and_leaves_windows() -> None:
    device = used_device()
    apply_reset(device, rulebook.resets()["retire"])
    disk = device.disk
    assert (disk.join, disk.enrolment, disk.policies) == (None, None, {})
    assert disk.wifi_profiles == {"Contoso": "OOBE"}
    assert not {"AA", "BB", "CC"} & disk.certificates.keys()
    assert FILE in disk.files
    assert disk.computer_name == "CON-1"
    assert set(disk.apps) == {"portal"}  # what the extension installed stays


def test_generalize_takes_profile_files_and_leads_to_oobe() -> None:
    device = used_device()
    device.disk.files[r"C:\Windows\Provisioning\Autopilot\AutopilotConfigurationFile.json"] = "{}"
    apply_reset(device, rulebook.resets()["generalize"])
    assert not [path for path in device.disk.files if path.endswith(".json")]
    assert FILE in device.disk.files
    assert not device.disk.oobe_complete


def test_a_remote_reset_forgets_the_owner_and_a_local_one_does_not() -> None:
    for kind, owner in (("autopilot-reset-remote", ""), ("autopilot-reset-local", "user1")):
        device = used_device()
        apply_reset(device, rulebook.resets()[kind])
        assert device.disk.enrolment is not None
        assert device.disk.join is not None
        assert (device.disk.enrolment.user_name, device.disk.join.user_name) == (owner, owner)


def test_every_order_has_a_row_and_a_command_of_its_own() -> None:
    rows = rulebook.resets()
    assert {action.value for action in RemoteAction} <= rows.keys()
    commands = [rows[action.value].command for action in RemoteAction]
    assert all(commands)
    assert len(set(commands)) == len(commands)


def test_the_table_names_aspects_that_exist() -> None:
    assert set(CARRIED) | set(TAKEN) <= set(rulebook.RESET_ASPECTS)
    for row in rulebook.resets().values():
        assert set(row.assumed) <= set(rulebook.RESET_ASPECTS), row.id
        assert row.rule in rulebook.rules()
