"""What administrators do between and during acts, what is done in a workshop, and what cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.clock import Clock
from autopilot_agent.events import CloudChanged
from autopilot_agent.scenario.agenda import Agenda
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

TENANT = """
scenario: Administration
mode: lifecycle
tenant:
  organization: {id: 6f1d2a3b-0000-4000-8000-00000000c001, displayName: Contoso,
                 verifiedDomains: [{name: contoso.example, isDefault: true, isInitial: true}]}
  users: [{userPrincipalName: user1@contoso.example, displayName: User One, assignedLicenses: [{skuId: e3}]}]
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso user-driven, assignments: [all devices], outOfBoxExperienceSetting: {eulaHidden: true}}
"""


def run_of(more: str, folder: Path = Path()) -> Run:
    return run_scenario(load_scenario_text(TENANT + more, folder / "admin.yaml"))


@pytest.mark.parametrize(
    ("device", "act", "said"),
    [
        ("{registered: false}", "{act: admin, deregister: true}", "nobody registered 5CG0000001"),
        ("{registered: false}", "{act: admin, group_tag: Sales}", "nobody registered 5CG0000001"),
        ("{registered: false}", "{act: admin, assigned_user: user1@contoso.example}", "nobody registered 5CG0000001"),
        ("{registered: false}", "{act: admin, delete_entra_device: true}", "Entra has no object of this device"),
        ("", "{act: admin, unblock: true}", "nothing blocks this device"),
        ("", "{act: admin, delete_managed_device: true}", "Intune has no record of this device"),
        ("", "{act: admin, owner_type: company}", "Intune has no record of this device"),
        ("", "{act: admin, convert_targeted: Contoso user-driven}", "only managed devices are converted"),
        ("", "{act: admin, convert_targeted: Contoso}", "there is no profile 'Contoso'"),
        ("", "{act: admin, assign_profile: Contoso}", "there is no profile 'Contoso'"),
        ("", "{act: admin, unassign_profile: true}", "no profile was assigned to this device by itself"),
        ("", "{act: admin, assigned_user: user1@fabrikam.example}", "in no domain of this tenant"),
        ("", "{act: admin, import_csv: missing.csv}", "there is no such file"),
        ("", "{act: admin, import_csv: ../../missing.csv}", "leads out of the scenario's folder"),
        ("", "{act: admin, import_csv: missing.csv, import_encoding: ansi}", "remove import_encoding"),
        ("", "{act: admin, cloud: {no_such_word: true}}", "no_such_word"),
        ("", "{act: admin, cloud: {profile_pending_until: soon}}", "soon"),
        ("", "{act: admin, sync: true, at: 1m, after: 1h}", "1m after power-on is over"),
        ("", "{act: admin, sync: true, at: 100h}", "never came"),
    ],
)
def test_what_an_administrator_cannot_do_is_an_error_with_its_place(device: str, act: str, said: str) -> None:
    more = f"device: {device}\n" if device else ""
    run = run_of(f"acts: [{act}, provision]\n{more}")
    assert (run.result.verdict, run.result.exit_code) == ("error", 2)
    assert said in run.result.problem
    assert ".yaml:" in run.result.problem or ".csv:" in run.result.problem


def test_a_hash_file_of_50_megabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big.csv").open("wb") as stream:
        stream.truncate(50_000_000)
    run = run_of("acts: [{act: admin, import_csv: big.csv}, provision]\n", tmp_path)
    assert run.result.exit_code == 2
    assert "50,000,000 bytes" in run.result.problem


def test_a_change_at_a_time_happens_in_the_middle_of_an_act() -> None:
    run = run_of("acts: [{act: admin, at: 100s, sync: true}, provision]\n")
    assert run.result.verdict == "passed", run.result.problem
    changed = next(event for event in run.events if isinstance(event, CloudChanged))
    assert changed.at == 100_000
    assert run.events[changed.seq - 1].at <= 100_000 < run.events[-1].at


def test_what_cannot_be_done_at_its_time_is_an_error_of_the_act() -> None:
    run = run_of("device: {registered: false}\nacts: [{act: admin, at: 100s, deregister: true}, provision]\n")
    assert run.result.exit_code == 2
    assert run.result.problem.startswith("admin.yaml:11:")


def test_a_change_at_a_time_is_the_same_with_and_without_the_shortcut() -> None:
    text = TENANT + "device: {registered: false}\nacts: [{act: admin, at: 100s, register: true}, provision]\n"
    loaded = load_scenario_text(text, Path("admin.yaml"))
    hashes = {run_scenario(loaded, shortcut=shortcut).result.trace_hash for shortcut in (True, False)}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{}", "write one of profile, export, text and file"),
        ("{text: a, export: b}", "not export and text"),
        ("{export: Contoso}", "there is no profile 'Contoso'"),
        ("{file: missing.json}", "there is no such file"),
        ("{file: ../../missing.json}", "leads out of the scenario's folder"),
        ("{file: missing.json, encoding: ansi}", "remove encoding"),
        ("{text: a, changes: {b: c}}", "change the text itself"),
        ("{text: '\u0416', encoding: ansi}", "cannot be saved as ansi"),
    ],
)
def test_a_profile_file_that_cannot_be_is_an_error_with_its_place(spec: str, said: str) -> None:
    run = run_of(f"device: {{registered: false, autopilot_file: {spec}}}\n")
    assert run.result.exit_code == 2
    assert said in run.result.problem


def test_a_file_beside_the_scenario_is_taken_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_bytes("{}".encode("utf-16"))
    run = run_of("device: {registered: false, autopilot_file: {file: profile.json}}\n", tmp_path)
    assert run.result.verdict == "passed", run.result.problem
    assert "F-84" in run.result.rules


def test_a_profile_file_of_a_megabyte_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_bytes(b" " * 1_000_000)
    run = run_of("device: {registered: false, autopilot_file: {file: profile.json}}\n", tmp_path)
    assert run.result.exit_code == 2


def test_a_task_sequence_leaves_nothing_of_the_old_windows() -> None:
    run = run_of("acts: [provision, task_sequence]\n")
    assert run.plan is not None
    disk = run.plan.device.disk
    assert (disk.join, disk.enrolment, disk.oobe_complete) == (None, None, False)


def test_a_new_board_keeps_the_disk() -> None:
    run = run_of("acts: [provision, {act: replace_motherboard, serial_number: 5CG0000999}]\n")
    assert run.plan is not None
    assert run.plan.device.hardware.serial_number == "5CG0000999"
    assert run.plan.device.disk.join is not None


# The agenda.


def test_changes_come_in_the_order_of_their_times() -> None:
    agenda, seen = Agenda(), []
    agenda.add(30, seen.append)
    agenda.add(10, lambda due: agenda.add(due + 5, seen.append))
    agenda.add(10, seen.append)
    agenda.apply(20)
    assert seen == [10, 15]
    assert agenda.missed is None


def test_a_change_that_the_scenario_asked_for_is_missed_when_it_never_comes() -> None:
    agenda = Agenda()
    agenda.add(30, lambda due: None, wanted=True)
    assert agenda.missed == 30


def test_what_a_change_brings_about_is_due_in_the_same_run() -> None:
    agenda, clock, seen = Agenda(), Clock(1), []
    agenda.add(1000, lambda due: agenda.add(due + 1000, lambda later: seen.append((later, clock.now))))
    agenda.arm(clock)
    clock.run(clock.sleep(5000))
    assert seen == [(2000, 2000)]
