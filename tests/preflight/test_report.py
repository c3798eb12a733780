"""What a preflight prints, its choices, and inputs that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.errors import InputError
from autopilot_agent.preflight.devices import Candidate
from autopilot_agent.preflight.documents import markdown
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.preflight.report import preflight
from autopilot_agent.preflight.text import WIDTH, render
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeviceIdentity

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "preflight"
PLANTED = str(EXAMPLE / "planted")


def test_the_report_is_the_one_beside_the_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(EXAMPLE)
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["preflight", "planted"]) == 1
    assert capsys.readouterr().out.replace("\\", "/") == (EXAMPLE / "planted.txt").read_text(encoding="utf-8")


def test_the_text_keeps_to_its_columns() -> None:
    lines = (EXAMPLE / "planted.txt").read_text(encoding="utf-8").splitlines()
    wide = [line for line in lines if len(line) > WIDTH]
    assert all("/" in line and " " not in line.strip() for line in wide)  # paths alone, which are there to be copied


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 1),
        (["--fail-on", "never"], 0),
        (["--fail-on", "warning"], 1),
        (["--group", "Press PCs", "--fail-on", "error"], 1),
        (["--mode", "self-deploying"], 1),
    ],
)
def test_the_exit_code_says_whether_something_is_as_bad_as_asked(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preflight", PLANTED, "-q", *words]) == code
    assert capsys.readouterr().err == ""


def test_a_mended_tenant_is_good_for_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", str(EXAMPLE / "mended"), "--fail-on", "warning"]) == 0
    assert "No findings." in capsys.readouterr().out


def test_json_has_everything_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", PLANTED, "--output", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["errors"], data["warnings"], data["notes"]) == (10, 21, 7)
    first = data["findings"][0]
    assert set(first) == {
        "check", "severity", "title", "what", "about", "rule", "statement", "grade", "source", "evidence", "seen", "fix"
    }  # fmt: skip
    assert [one["severity"] for one in data["findings"]] == ["error"] * 10 + ["warning"] * 21 + ["note"] * 7
    assert all(one["profile_why"] and one["page_why"] for one in data["devices"])


def test_markdown_cannot_be_broken_out_of(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text(
        'windowsAutopilotDeploymentProfiles:\n  - displayName: "<script>|`x`\\e[31m"\n    assignments: []\n', encoding="utf-8"
    )
    text = markdown(preflight(file))
    assert "<script>" not in text and "\x1b" not in text and "\\<script\\>\\|\\`x\\`" in text
    assert "\x1b" not in render(preflight(file))


def test_the_group_limits_devices_and_findings() -> None:
    report = preflight(Path(PLANTED), group="Reception PCs")
    assert {one.device for one in report.devices} == {"5CG4000016 (group tag RECEPTION)"}
    assert "page-for-users" in {one.check for one in report.findings}
    assert "page-time-is-tight" not in {one.check for one in report.findings}


def test_the_mode_limits_devices_and_findings() -> None:
    report = preflight(Path(PLANTED), modes=("self-deploying",))
    assert {one.mode for one in report.devices} == {"self-deploying"}
    assert {one.check for one in report.findings} == {
        "does-not-finish", "device-apps-for-users", "page-missing-without-user", "settings-locked"
    }  # fmt: skip


def test_a_scenario_lends_its_tenant_and_its_device() -> None:
    report = preflight(ROOT / "scenarios" / "hybrid" / "wired.yaml")
    assert [one.mode for one in report.devices] == ["hybrid", "ordinary-oobe"]
    assert [one.check for one in report.findings] == ["page-waits-for-sync"]


def test_an_export_without_profiles_is_remarked() -> None:
    report = preflight(EXAMPLE / "planted" / "users.json")
    assert report.remarks[0].startswith("the export has no deployment profile")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no such file or folder"),
        ([PLANTED, "--group", "Presse"], "did you mean 'Press PCs'"),
        ([PLANTED, "--mode", "hybird"], "did you mean 'hybrid'"),
        ([str(ROOT / "README.md")], "expected a .json or .yaml file"),
        ([str(ROOT / "docs" / "wire")], "the folder holds no .json or .yaml file"),
    ],
)
def test_wrong_words_are_told_in_a_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_an_empty_tenant_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError):
        preflight(tmp_path / "empty.json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([str(ROOT / "scenarios" / "user-driven" / "administrator.yaml"), "--mode", "hybrid"],
         "no device of this tenant goes through hybrid; there is user-driven, ordinary-oobe."),
        ([PLANTED, "--group", "Press PCs", "--mode", "self-deploying", "--mode", "ordinary-oobe"],
         "no device of the group 'Press PCs' goes through self-deploying or ordinary-oobe; there is user-driven."),
    ],
)  # fmt: skip
def test_a_preflight_that_plays_nothing_is_no_success(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preflight", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_page_without_a_priority_has_none_to_show(tmp_path: Path) -> None:
    odata = "'@odata.type': windows10EnrollmentCompletionPageConfiguration"
    kind = f"{odata}, assignments: [all devices], showInstallationProgress: true"
    pages = "".join(f"  - {{displayName: {name}, {kind}}}\n" for name in ("First", "Second"))
    file = tmp_path / "tenant.yaml"
    profile = "windowsAutopilotDeploymentProfiles:\n  - {displayName: Laptops, assignments: [all devices]}\n"
    file.write_text(f"{profile}deviceEnrollmentConfigurations:\n{pages}", encoding="utf-8")
    text = render(preflight(file), verbosity=1)
    assert "(for the device)" in text and "None" not in text
    assert "priority none before none" in " ".join(text.split())


def test_only_names_the_case_whose_tenant_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cases.yaml"
    tenant = "tenant: {windowsAutopilotDeploymentProfiles: [{displayName: %s, assignments: [all devices]}]}\n"
    file.write_text(f"scenario: A\n{tenant % 'First'}---\nscenario: B\n{tenant % 'Second'}", encoding="utf-8")
    assert main(["preflight", str(file)]) == 2
    assert "the file holds 2 cases and one is wanted; name it with --only: A, B" in capsys.readouterr().err
    assert main(["preflight", str(file), "--only", "B", "--fail-on", "never"]) == 0
    text = " ".join(capsys.readouterr().out.split())  # a long path is wrapped
    assert "cases.yaml [B]" in text and "Second" in text and "First" not in text
    assert main(["preflight", PLANTED, "--only", "B"]) == 2
    assert "--only names a case of a scenario file, and a tenant has none" in capsys.readouterr().err


def test_two_reports_are_the_same_byte_for_byte() -> None:
    assert render(preflight(Path(PLANTED)), verbosity=1) == render(preflight(Path(PLANTED)), verbosity=1)


def test_a_tenant_that_was_played_is_not_changed() -> None:
    from autopilot_agent.preflight.inputs import subject_of
    from autopilot_agent.preflight.report import examine

    subject = subject_of(Path(PLANTED))
    before: TenantData = subject.data
    examine(subject)
    assert subject.data is before and len(before.windows_autopilot_device_identities) == 19


SOME = sorted((ROOT / "scenarios").glob("*/*.yaml"))[::30]


@pytest.mark.parametrize("path", SOME, ids=lambda path: path.stem)
def test_the_tenant_of_any_scenario_can_be_looked_at(path: Path) -> None:
    if path.parent.name == "tenants":
        pytest.skip("a part of a tenant")
    report = preflight(path)
    assert report.devices and all(one.end_state for one in report.devices)


def test_a_profile_file_of_a_scenario_does_not_stand_in_for_the_tenant() -> None:
    report = preflight(ROOT / "scenarios" / "existing-device" / "user-driven.yaml")
    assert all(one.trace_hash for one in report.devices)


def test_a_group_tag_is_named_as_such_whatever_it_says() -> None:
    identity = WindowsAutopilotDeviceIdentity(id="1", serial_number="PRE1", group_tag="Office in Berlin")
    assert Candidate(identity, made_up=True).label == "a device with group tag Office in Berlin"


def test_a_label_that_begins_another_one_is_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def label(one: Rehearsal) -> str:
        return "self-deploying: 5CG1" + ("" if one.mode == "self-deploying" else "0")

    monkeypatch.setattr(Rehearsal, "label", property(label))
    found = preflight(Path(PLANTED), modes=("self-deploying",)).findings
    assert found and all("self-deploying: 5CG1" in one.seen for one in found)
