"""AutopilotConfigurationFile.json as Windows reads it: encodings, places, keys, and what is inside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.device.offline_profile import NAME, PATH, UNATTEND, look, read

DOMAIN = "contoso.example"
INNER = {"ZeroTouchConfig": {"CloudAssignedTenantUpn": "", "ForcedEnrollment": 1, "CloudAssignedTenantDomain": DOMAIN}}
GOOD: dict[str, Any] = {
    "Comment_File": "Profile Contoso",
    "Version": 2049,
    "ZtdCorrelationId": "77777777-0000-4000-8000-000000000001",
    "CloudAssignedDomainJoinMethod": 0,
    "CloudAssignedOobeConfig": 286,
    "CloudAssignedForcedEnrollment": 1,
    "CloudAssignedTenantId": "6f1d2a3b-0000-4000-8000-00000000c001",
    "CloudAssignedTenantDomain": DOMAIN,
    "CloudAssignedAadServerData": json.dumps(INNER),
    "CloudAssignedAutopilotUpdateDisabled": 1,
    "CloudAssignedAutopilotUpdateTimeout": 1800000,
}


def text(**changes: object) -> str:
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...})


def test_a_good_file_is_a_profile_without_remarks() -> None:
    found = read(text())
    assert found.rejected is None
    assert found.findings == []
    assert found.profile is not None
    assert found.profile.offline
    assert found.profile.cloud_assigned_oobe_config == 286


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_unicode_is_passed_over(codec: str) -> None:
    found = read(text().encode(codec).decode("latin-1"))
    assert found.rejected is not None
    assert found.rejected.rule == "F-84"


def test_letters_in_utf_8_are_passed_over_and_in_ansi_read() -> None:
    written = json.dumps(GOOD | {"Comment_File": "für alle"}, ensure_ascii=False)
    assert read(written.encode("utf-8").decode("latin-1")).rejected is not None
    assert read(written.encode("cp1252").decode("latin-1")).profile is not None


@pytest.mark.parametrize(
    ("content", "rule", "said"),
    [
        (text() + text(), "X-JSON", "more than one profile"),
        (text()[:-20], "X-JSON", "no JSON"),
        ("", "X-JSON", "no JSON"),
        ("[]", "X-JSON", "a list"),
        ("null", "X-JSON", "null"),
        ("[" * 5000, "X-JSON", ""),
        (text(CloudAssignedTenantId=...), "X-KEYS", "CloudAssignedTenantId is missing"),
        (text(CloudAssignedTenantId="", cloudassignedtenantid="x"), "X-KEYS", "is missing"),
        (text(CloudAssignedTenantId="{6f1d2a3b-0000-4000-8000-00000000c001}"), "X-KEYS", "no GUID"),
        (text(ZtdCorrelationId="my profile"), "X-KEYS", "no GUID"),
        (text(CloudAssignedOobeConfig="many"), "X-KEYS", "has to be a number"),
        (text(CloudAssignedOobeConfig=2.5), "X-KEYS", "has to be a number"),
        (text(CloudAssignedOobeConfig=-1), "X-KEYS", "has to be a number"),
        (text(CloudAssignedOobeConfig=10**30), "X-KEYS", "has to be a number"),
        (text(CloudAssignedDomainJoinMethod=7), "X-KEYS", "neither 0 nor 1"),
        (text(CloudAssignedDeviceName=["a"]), "X-KEYS", "has to be text"),
        (text(CloudAssignedOobeConfig=382), "X-UNSUPPORTED", "self-deploying"),
        (text(CloudAssignedAadServerData=INNER), "X-KEYS", "text that holds JSON"),
        (text(CloudAssignedAadServerData="domain"), "X-SERVER-DATA", "no JSON"),
        (text(CloudAssignedAadServerData="{}"), "X-SERVER-DATA", "no ZeroTouchConfig"),
        (text(CloudAssignedAadServerData="[1]"), "X-SERVER-DATA", "no ZeroTouchConfig"),
    ],
)
def test_what_is_no_profile_is_rejected_with_the_reason(content: str, rule: str, said: str) -> None:
    found = read(content)
    assert found.profile is None
    assert found.rejected is not None
    assert found.rejected.rule == rule
    assert said in found.rejected.why


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CloudAssignedOobeConfig": "286"}, "text where a number is due"),
        ({"CloudAssignedForcedEnrollment": True}, "true where a number is due"),
        ({"GroupTag": "Sales"}, "GroupTag is not a key"),
        ({"CloudAssignedTenantDomain": "fabrikam.example"}, "names the domain 'contoso.example'"),
        ({"CloudAssignedForcedEnrollment": 0}, "ForcedEnrollment 1"),
        ({"CloudAssignedOobeConfig": 286 + 128}, "only profiles of the service"),
        ({"CloudAssignedOobeConfig": 286 + 4096}, "nobody knows"),
        ({"CloudAssignedDomainJoinMethod": 1, "CloudAssignedDeviceName": "PC-%SERIAL%"}, "Domain Join profile"),
    ],
)
def test_what_only_looks_wrong_is_a_remark(changes: dict[str, object], said: str) -> None:
    found = read(text(**changes))
    assert found.profile is not None
    assert any(said in one for one in found.findings), found.findings


@pytest.mark.parametrize("path", [PATH, PATH.upper(), rf"C:\Windows\Provisioning\Autopilot\{NAME}"])
def test_the_place_is_compared_as_ntfs_does(path: str) -> None:
    found = look({path: text()})
    assert found is not None
    assert found.profile is not None


@pytest.mark.parametrize("path", [PATH + ".txt", rf"%WINDIR%\Provisioning\{NAME}", PATH.replace(NAME, "profile.json")])
def test_a_file_of_another_name_or_place_is_named(path: str) -> None:
    found = look({path: text()})
    assert found is not None
    assert found.rejected is not None
    assert path in found.rejected.why


def test_unattend_takes_its_place() -> None:
    found = look({PATH: text(), UNATTEND: ""})
    assert found is not None
    assert found.rejected is not None
    assert found.rejected.rule == "X-UNATTEND"


def test_other_files_are_nobodys_business() -> None:
    assert look({r"C:\Portal\portal.exe": ""}) is None


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_bytes_give_a_profile_or_a_sentence(content: str) -> None:
    found = read(content)
    assert (found.profile is None) == (found.rejected is not None)
