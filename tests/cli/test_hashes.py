"""``check-hashes`` and ``export profile``: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.device.offline_profile import read
from autopilot_agent.testing.small import small_device

ROOT = Path(__file__).parents[2]
CONTOSO = str(ROOT / "scenarios" / "tenants" / "contoso")
HEADER = "Device Serial Number,Windows Product ID,Hardware Hash"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_good_hash_file_passes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check-hashes", str(ROOT / "scenarios" / "lifecycle" / "hashes.csv"))
    assert code == 0
    assert "1 of 1 devices would be imported; 0 errors, 0 warnings" in out


def test_a_bad_hash_file_fails_with_lines_and_codes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "hashes.csv"
    hardware = small_device().hardware
    path.write_text(f"{HEADER}\n{hardware.serial_number},,{hardware.hash}\n5CG0000002,,QUJDREVG\n")
    code, out, _ = run(capsys, "check-hashes", str(path))
    assert code == 1
    assert f"{path}:3: error: about the hardware hash" in out
    assert "[802 InvalidZtdHardwareHash]" in out


def test_the_answer_in_json_has_devices_and_findings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "hashes.csv"
    path.write_text(f"{HEADER}\n5CG0000001,,{small_device().hardware.hash}A\n")
    code, out, _ = run(capsys, "check-hashes", str(path), "--output", "json")
    found = json.loads(out)
    assert (code, found["refused"], found["devices"], found["findings"][0]["code"]) == (1, True, [], "HTTP 400")


def test_a_hash_file_that_cannot_be_read_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with (tmp_path / "big.csv").open("wb") as stream:
        stream.truncate(50_000_000)
    for name in ("big.csv", "missing.csv", "."):
        code, out, err = run(capsys, "check-hashes", str(tmp_path / name))
        assert (code, out) == (2, "")
        assert err.startswith("autopilot-agent: error: ")


def test_a_profile_is_exported_as_windows_reads_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "AutopilotConfigurationFile.json"
    code, out, err = run(capsys, "export", "profile", CONTOSO, "Contoso Sales", str(path))
    assert (code, out) == (0, "")
    assert err.startswith("autopilot-agent: wrote ")
    found = read(path.read_bytes().decode("latin-1"))
    assert found.rejected is None
    assert found.findings == []
    keys = list(json.loads(path.read_text()))
    assert keys[:4] == ["Comment_File", "Version", "ZtdCorrelationId", "CloudAssignedDomainJoinMethod"]


def test_another_file_name_is_warned_about(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "export", "profile", CONTOSO, "Contoso Sales", str(tmp_path / "profile.json"))
    assert code == 0
    assert "Windows reads only a file of the name" in err


@pytest.mark.parametrize(("tenant", "name"), [(CONTOSO, "Contoso Nobody"), ("/nowhere", "Contoso Sales")])
def test_what_is_not_there_cannot_be_exported(capsys: pytest.CaptureFixture[str], tenant: str, name: str) -> None:
    code, out, err = run(capsys, "export", "profile", tenant, name)
    assert (code, out) == (2, "")
    assert err.startswith("autopilot-agent: error: ")
