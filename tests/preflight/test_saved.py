"""Rehearsals saved as scenarios: each is played again to the same end, and a folder is written whole or not at all."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.errors import InputError
from autopilot_agent.preflight import saved_folder, secrets
from autopilot_agent.preflight.documents import markdown
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.preflight.report import preflight
from autopilot_agent.preflight.saved import LONGEST, names_of
from autopilot_agent.preflight.text import render

ROOT = Path(__file__).resolve().parents[2]
PLANTED = ROOT / "examples" / "preflight" / "planted"
SMALL = """
users: [{userPrincipalName: user1@contoso.example}]
windowsAutopilotDeviceIdentities: [{serialNumber: 5CG1}]
windowsAutopilotDeploymentProfiles: [{displayName: Laptops, assignments: [all devices]}]
"""


@pytest.fixture
def tenant(tmp_path: Path) -> Path:
    file = tmp_path / "export" / "tenant.yaml"
    file.parent.mkdir()
    file.write_text(SMALL, encoding="utf-8")
    return file


def contents(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def hashes(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str, str]]:
    """End, verdict and hash of every run of a command, by file."""
    capsys.readouterr()
    main([*words, "--output", "json"])
    data = json.loads(capsys.readouterr().out)
    results = data.get("results", [data])
    return {Path(one["file"]).name: (one["end_state"], one["verdict"], one["trace_hash"]) for one in results}


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence of a refused command."""
    capsys.readouterr()
    assert main(["preflight", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and "Traceback" not in shown.err
    return shown.err


def test_every_rehearsal_is_played_again_to_the_same_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = preflight(PLANTED, save=tmp_path / "runs")
    again = hashes(["run", str(tmp_path / "runs")], capsys)
    assert len(again) == len(report.replays) == 120
    for row in report.devices:
        name = Path(shlex.split(row.replay)[2]).name
        assert report.replays[row.label] == row.replay and again[name] == (row.end_state, "passed", row.trace_hash)


def test_what_a_check_played_besides_can_be_played_again(tmp_path: Path) -> None:
    report = preflight(PLANTED, save=tmp_path / "runs")
    special = {"app-limit-beyond-page": "at its limit", "check-skipped-without-vpn": "away from the office"}
    for one in report.findings:
        assert all(moment.rehearsal in report.replays for moment in one.moments), one.check
        if one.check in special:
            assert special[one.check] in one.moments[0].rehearsal


def test_the_command_of_a_finding_gives_its_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = preflight(PLANTED, modes=("pre-provisioned",), save=tmp_path / "a b")
    one = report.devices[0]
    words = shlex.split(one.replay)
    assert words[0] == "autopilot-agent"
    [(end, verdict, trace)] = hashes(words[1:], capsys).values()
    assert (end, verdict, trace) == (one.end_state, "passed", one.trace_hash)


def test_a_mended_tenant_fails_the_saved_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs"
    preflight(PLANTED, save=folder)
    file = "user-driven-5cg4000003-user1.yaml"
    shutil.rmtree(folder / "_tenant" / "planted")
    shutil.copytree(PLANTED.parent / "mended", folder / "_tenant" / "planted")
    assert hashes(["run", str(folder / file)], capsys)[file][:2] == ("desktop", "failed")


def test_two_savings_are_the_same_byte_for_byte_and_replace_each_other(tmp_path: Path) -> None:
    for name in ("a", "b", "b"):
        preflight(PLANTED, modes=("self-deploying",), save=tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    preflight(PLANTED, modes=("hybrid",), save=tmp_path / "b")
    names = {name.partition("-5cg")[0] for name in contents(tmp_path / "b") if not name.startswith("_")}
    assert "hybrid" in names and "self-deploying" not in names
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


def test_the_export_is_copied_byte_for_byte_where_it_cannot_be_pointed_at(tmp_path: Path) -> None:
    preflight(PLANTED, modes=("self-deploying",), save=tmp_path / "runs")
    assert contents(tmp_path / "runs" / "_tenant" / "planted") == contents(PLANTED)


def test_below_a_folder_of_scenarios_the_export_is_pointed_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "scenarios"
    shutil.copytree(PLANTED, home / "tenants" / "planted")
    (home / "_defaults.yaml").write_text("tenant: {include: [tenants/planted/]}\nseed: 7\n", encoding="utf-8")
    report = preflight(home / "tenants" / "planted", modes=("self-deploying",), save=home / "runs")
    assert not (home / "runs" / "_tenant").exists()
    assert "include: [../tenants/planted/]" in (home / "runs" / "_tenant.yaml").read_text("utf-8")
    again = hashes(["run", str(home / "runs")], capsys)
    assert {one[2] for one in again.values()} == {row.trace_hash for row in report.devices}


def test_a_scenario_with_a_tenant_of_its_own_can_be_rehearsed_and_saved(tmp_path: Path) -> None:
    for name in ("hybrid/wired.yaml", "hybrid/vpn-in-box.yaml", "self-deploying/kiosk-autologon.yaml"):
        path = ROOT / "scenarios" / name
        if path.exists():
            assert preflight(path, save=tmp_path / Path(name).stem).replays


def test_made_up_devices_come_along_with_their_groups(tenant: Path, tmp_path: Path) -> None:
    group = "groups: [{displayName: Kiosks}]\n"
    text = SMALL + "  - {displayName: Kiosks, assignments: [Kiosks]}\n" + group
    tenant.write_text(text.replace("[{displayName: Laptops, assignments: [all devices]}]",
                                   "\n  - {displayName: Laptops, assignments: [all devices]}"), encoding="utf-8")  # fmt: skip
    report = preflight(tenant, save=tmp_path / "runs")
    assert "Kiosks" in {row.profile for row in report.devices}
    members = json.loads((tmp_path / "runs" / "_members" / "1.json").read_text("utf-8"))
    assert members["value"] == [{"id": "00000000-0000-4000-8001-000000000001"}]


def test_defaults_of_the_folders_above_do_not_change_a_rehearsal(tenant: Path, tmp_path: Path) -> None:
    (tmp_path / "_defaults.yaml").write_text("device: {windows: {build: 10.0.19045.1}}\n", encoding="utf-8")
    preflight(tenant, save=tmp_path / "runs")
    assert "root: true" in (tmp_path / "runs" / "user-driven-5cg1-user1.yaml").read_text("utf-8")


def test_secrets_of_the_export_are_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(PLANTED, folder)
    file = folder / "deviceConfigurations.json"
    data = json.loads(file.read_text("utf-8"))
    items = data["value"] if isinstance(data, dict) else data
    wifi = "<keyMaterial>hunter2-wifi</keyMaterial>"
    items.append(
        {
            "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
            "id": "c0ffee00-9999-4000-8000-000000000001",
            "displayName": "Secrets",
            "preSharedKey": "hunter2-key",
            "passwordRequired": True,
            "assignments": [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}],
            "omaSettings": [
                {"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "wifi", "value": wifi,
                 "omaUri": "./Vendor/MSFT/WiFi/Profile/Contoso/WlanXml"},
                {"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "vpn", "value": "hunter2-node",
                 "omaUri": "./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/1/PFXCertPassword"},
            ],
        }
    )  # fmt: skip
    file.write_text(json.dumps(data), encoding="utf-8")
    preflight(folder, modes=("self-deploying",), save=tmp_path / "runs")
    kept = contents(tmp_path / "runs")
    assert not [name for name, text in kept.items() if b"hunter2" in text]
    assert kept["_tenant/export/deviceConfigurations.json"].count(secrets.FILTERED.encode()) == 3
    assert b'"passwordRequired": true' in kept["_tenant/export/deviceConfigurations.json"]


def test_a_run_that_hangs_on_a_secret_is_refused_in_a_sentence(
    tenant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secrets, "ENDINGS", ("userprincipalname",))
    error = said([str(tenant), "--save-scenarios", str(tmp_path / "runs")], capsys)
    assert "another run without the secrets" in error and "'scenarios'" in error
    assert [one.name for one in tmp_path.iterdir()] == ["export"]


def test_names_of_a_tenant_lead_nowhere_and_never_clash(tenant: Path, tmp_path: Path) -> None:
    serials = ["../../etc/passwd", "CON", "con.", "nul", "a" * 60, "C:\\\\x", "%PATH%", "$(id)"]
    rows = [f'  - {{serialNumber: "{serial}", displayName: "N{index}", userPrincipalName: "user{index}@contoso.example"}}'
            for index, serial in enumerate(serials)]  # fmt: skip
    users = [f"  - {{userPrincipalName: user{index}@contoso.example, displayName: '#{{[*&!|>%@`'}}" for index in range(8)]
    text = "users:\n" + "\n".join(users) + "\nwindowsAutopilotDeviceIdentities:\n" + "\n".join(rows)
    tenant.write_text(text + "\n" + SMALL.splitlines()[-1] + "\n", encoding="utf-8")
    report = preflight(tenant, save=tmp_path / "runs")
    names = [name for name in contents(tmp_path / "runs") if not name.startswith("_")]
    assert len(names) == len(report.devices) == len({name.casefold() for name in names}) > len(serials)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") and len(name) <= LONGEST + 8 for name in names)
    assert all(name.startswith(("user-driven-", "ordinary-oobe-")) for name in names)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export", "runs"]


def test_devices_whose_names_become_the_same_are_numbered() -> None:
    one = preflight_rehearsal()
    assert names_of([one, one, one])[1:] == ["ordinary-oobe-unregistered-2.yaml", "ordinary-oobe-unregistered-3.yaml"]


def preflight_rehearsal() -> Rehearsal:
    from autopilot_agent.preflight.devices import Candidate
    from autopilot_agent.scenario.run import Result, Run

    return Rehearsal(Candidate(None), "ordinary-oobe", None, Run(Result("x", "x", "ordinary-oobe", 1), []))


@pytest.mark.parametrize("kind", ["foreign file", "foreign folder", "changed", "link", "forged index"])
def test_a_folder_with_something_else_in_it_is_left_alone(
    kind: str, tenant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs"
    preflight(tenant, save=folder)
    mine = "user-driven-5cg1-user1.yaml"
    if kind == "foreign file":
        (folder / "notes.txt").write_text("mine", encoding="utf-8")
    elif kind == "foreign folder":
        (folder / "notes").mkdir()
    elif kind == "changed":
        (folder / mine).write_text("scenario: mine\n", encoding="utf-8")
    elif kind == "link":
        (folder / mine).unlink()
        (folder / mine).symlink_to(tenant)
    else:
        (folder / saved_folder.INDEX).write_text('{"kind": "x", "files": {}}', encoding="utf-8")
    before = contents(folder)
    error = said([str(tenant), "--save-scenarios", str(folder)], capsys)
    assert "was not written by a preflight, or was changed since" in error
    assert contents(folder) == before and tenant.read_text("utf-8") == SMALL


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("export/tenant.yaml", "this is a file"),
        ("missing/runs", "the folder above does not exist"),
        ("export/tenant.yaml/runs", "the folder above does not exist"),
        ("", "this folder is the one you are in"),
        ("x" * 300, "the rehearsals cannot be written"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_played(
    target: str, why: str, tenant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert why in said([str(tenant), "--save-scenarios", str(tmp_path / target)], capsys)
    assert [one.name for one in tmp_path.iterdir()] == ["export"]


def test_a_folder_in_the_export_is_refused(tenant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tenant.parent
    assert "part of the tenant" in said([str(folder), "--save-scenarios", str(folder / "runs")], capsys)
    assert [one.name for one in folder.iterdir()] == ["tenant.yaml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_folder_that_may_not_be_written_is_refused(tenant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tenant.parent.chmod(0o500)
    error = said([str(tenant), "--save-scenarios", str(tenant.parent / "runs")], capsys)
    tenant.parent.chmod(0o700)
    assert "cannot be written (permission denied)" in error


def test_what_was_there_stays_when_the_new_folder_cannot_take_its_place(
    tenant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight(tenant, save=tmp_path / "runs")
    before = contents(tmp_path / "runs")
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(InputError, match="no space left on device"):
        preflight(tenant, modes=("ordinary-oobe",), save=tmp_path / "runs")
    assert contents(tmp_path / "runs") == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export", "runs"]


def test_what_a_scenario_may_not_say_is_told_in_a_sentence(
    tenant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant.write_text(SMALL.replace("5CG1", "\u00c4\u00d6"), encoding="utf-8")
    assert "is no serial number" in said([str(tenant), "--save-scenarios", str(tmp_path / "runs")], capsys)
    assert [one.name for one in tmp_path.iterdir()] == ["export"]


def test_every_form_of_the_report_has_the_commands(tenant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = preflight(tenant, save=tmp_path / "runs")
    command = report.devices[0].replay
    assert command in render(report) and command in render(report, verbosity=1) and f"`{command}`" in markdown(report)
    assert "--save-scenarios" not in render(report) and "--save-scenarios DIR" in render(preflight(tenant))
    assert main(["preflight", str(tenant), "--save-scenarios", str(tmp_path / "runs"), "--output", "json"]) == 0
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert data["replays"] == report.replays and data["devices"][0]["replay"] == command
    assert "wrote 2 scenarios to" in shown.err


def test_a_command_with_backticks_stays_code_in_markdown(tenant: Path, tmp_path: Path) -> None:
    report = preflight(tenant, save=tmp_path / "a`|`b")
    row = next(line for line in markdown(report).splitlines() if "5CG1" in line and "user-driven" in line)
    assert row.count("`` autopilot-agent run ") == 1 and r"a`\|`b" in row
