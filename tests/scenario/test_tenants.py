"""Tenants of scenarios: includes, their borders, short forms of assignments, and one reading for many scenarios."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.scenario import tenants
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.tenants import include_root, tenant_of
from autopilot_agent.tenant.graph import Builder, TenantData, read_folder

PROFILES = """
windowsAutopilotDeploymentProfiles:
  - {displayName: Default, assignments: [all devices]}
groups:
  - {displayName: Sales laptops}
"""
APP = '{"@odata.type": win32LobApp, displayName: Portal, assignments: %s}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "scenarios" / "tenants" / "contoso" / "profiles.yaml", PROFILES)
    return tmp_path / "scenarios"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def tenant(root: Path, text: str) -> TenantData:
    return tenant_of(load_scenario(write(root / "ud" / "s.yaml", f"scenario: x\ntenant: {text}\n")))


def refusal(root: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        tenant(root, text)
    return str(caught.value)


def test_a_folder_is_included_and_own_collections_are_added(root: Path) -> None:
    found = tenant(root, "{include: [../tenants/contoso/], mobileApps: [%s]}" % (APP % "[Sales laptops]"))
    assert [one.display_name for one in found.windows_autopilot_deployment_profiles] == ["Default"]
    assert found.mobile_apps[0].assignments[0].target.group_id == found.groups[0].id


def test_a_scenario_without_tenant_has_an_empty_one(root: Path) -> None:
    assert tenant(root, "{}") == TenantData()


@pytest.mark.parametrize(
    ("written", "kinds", "intents"),
    [
        ("[all devices]", ["allDevices"], ["required"]),
        ("All Users", ["allLicensedUsers"], ["required"]),
        ("[{group: Sales laptops, intent: available}]", ["group"], ["available"]),
        ("[{group: Sales laptops, exclude: true}, all users]", ["exclusionGroup", "allLicensedUsers"], ["required"] * 2),
        (
            "[{intent: uninstall, target: {'@odata.type': '#microsoft.graph.allDevicesAssignmentTarget'}}]",
            ["allDevices"],
            ["uninstall"],
        ),
    ],
)
def test_short_assignments_become_those_of_graph(root: Path, written: str, kinds: list[str], intents: list[str]) -> None:
    found = tenant(root, "{include: ../tenants/contoso, mobileApps: [%s]}" % (APP % written)).mobile_apps[0].assignments
    assert [one.kind for one in found] == kinds
    assert [one.intent for one in found] == intents


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[Sale laptops]", "no group of the tenant is called 'Sale laptops'; did you mean 'Sales laptops'?"),
        ("[{group: Sales laptops, intend: available}]", "'intend' is not a key of a short assignment; did you mean 'intent'?"),
        ("[{group: all users, exclude: true}]", "cannot be excluded"),
        ("[{group: 7}]", "the group is named by text"),
        ("[{group: Sales laptops, exclude: 7}]", "expected true or false"),
    ],
)
def test_a_wrong_short_assignment_is_refused_at_its_place(root: Path, written: str, said: str) -> None:
    text = refusal(root, "{include: ../tenants/contoso, mobileApps: [%s]}" % (APP % written))
    assert said in text
    assert "s.yaml:2:" in text


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ("../../outside", "leads out of"),
        ("../tenants/../../outside", "leads out of"),
        ("/etc", "absolute"),
        ("'C:\\tenants'", "absolute"),
        ("'C:tenants'", "absolute"),
        ("'\\\\host\\share'", "absolute"),
        ("'..\\tenants'", "backslashes"),
        ("../tenants/none", "there is no file or folder"),
        ("[../tenants/contoso, ../tenants/contoso/]", "included twice"),
        ("[7]", "as text"),
        ("''", "as text"),
        ("", "as text"),
        ('"a\\0b"', "cannot be used as a path"),
        ("../tenants/notes.txt", "expected a .json or .yaml file"),
        ("../tenants/empty", "no .json or .yaml file"),
    ],
)
def test_a_wrong_include_is_refused(root: Path, include: str, said: str) -> None:
    write(root.parent / "outside" / "a.yaml", PROFILES)
    write(root / "tenants" / "notes.txt", "hello")
    (root / "tenants" / "empty").mkdir()
    assert said in refusal(root, f"{{include: {include}}}")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_does_not_lead_out(root: Path) -> None:
    write(root.parent / "outside" / "a.yaml", PROFILES)
    (root / "tenants" / "link").symlink_to(root.parent / "outside")
    (root / "tenants" / "loop").symlink_to(root / "tenants" / "loop")
    (root / "tenants" / "contoso" / "link.yaml").symlink_to(root.parent / "outside" / "a.yaml")
    assert "leads out of" in refusal(root, "{include: ../tenants/link}")
    assert "leads out of" in refusal(root, "{include: ../tenants/contoso}")
    assert "loop" in refusal(root, "{include: ../tenants/loop}")


def test_outside_a_scenarios_folder_includes_stay_below_the_scenario(tmp_path: Path) -> None:
    path = write(tmp_path / "here" / "s.yaml", "scenario: x\ntenant: {include: ../other}\n")
    write(tmp_path / "other" / "a.yaml", PROFILES)
    assert include_root(path) == (tmp_path / "here").resolve()
    with pytest.raises(InputError, match="leads out of"):
        tenant_of(load_scenario(path))


def test_a_yaml_file_may_include_others_and_shares_them(root: Path) -> None:
    write(root / "tenants" / "a.yaml", "include: [b.yaml, c.yaml]\ngroups: [{displayName: A}]\n")
    write(root / "tenants" / "b.yaml", "include: c.yaml\ngroups: [{displayName: B}]\n")
    write(root / "tenants" / "c.yaml", "groups: [{displayName: C}]\n")
    assert [one.display_name for one in tenant(root, "{include: ../tenants/a.yaml}").groups] == ["C", "B", "A"]


def test_a_loop_of_includes_is_refused(root: Path) -> None:
    write(root / "tenants" / "a.yaml", "include: b.yaml\n")
    write(root / "tenants" / "b.yaml", "include: a.yaml\n")
    write(root / "tenants" / "self.yaml", "include: self.yaml\n")
    assert "b.yaml:1:10: the includes form a loop (a.yaml -> b.yaml -> a.yaml)" in refusal(root, "{include: ../tenants/a.yaml}")
    assert "form a loop" in refusal(root, "{include: ../tenants/self.yaml}")


def test_includes_are_read_once_until_a_file_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []

    def counted(path: Path, into: Builder) -> None:
        reads.append(path)
        read_folder(path, into)

    monkeypatch.setattr(tenants, "read_folder", counted)
    first = tenant(root, "{include: ../tenants/contoso}")
    assert tenant(root, "{include: ../tenants/contoso}") is first
    tenant(root, "{include: ../tenants/contoso, groups: [{displayName: Mine}]}")
    assert tenant(root, "{include: ../tenants/contoso}") == first
    assert len(reads) == 1
    write(root / "tenants" / "contoso" / "profiles.yaml", PROFILES + "  - {displayName: New}\n")
    assert [one.display_name for one in tenant(root, "{include: ../tenants/contoso}").groups] == ["Sales laptops", "New"]


def test_a_misspelt_collection_is_refused_at_its_place(root: Path) -> None:
    assert "s.yaml:2:21" in refusal(root, "{mobileAps: []}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("userz: [{userPrincipalName: a@contoso.example}]", 'q.yml:1:8: "userz" is not a collection that is read here'),
        ("users: 3", "q.yml:1:8: expected a resource (an object), got 3"),
        ("users: {a: b}", 'nothing of this user can be read: "a" is no property of it'),
        ("{foo: 3}", '"foo" is not a collection that is read here'),
        ("windowsAutopilotDeploymentProfile: [{displayName: x}]", 'did you mean "windowsAutopilotDeploymentProfiles"?'),
    ],
)
@pytest.mark.parametrize("name", ["q.yml", "users/q.yml"])
def test_an_included_file_is_read_as_strictly_as_the_scenario(root: Path, text: str, said: str, name: str) -> None:
    write(root / "ud" / name, text)
    assert said in refusal(root, f"{{include: [{name}]}}")
    if name != "q.yml":
        assert said in refusal(root, "{include: [users/]}")


@pytest.mark.parametrize("name", ["q.yml", "s.yaml"])
def test_a_file_that_includes_itself_is_a_loop(root: Path, name: str) -> None:
    write(root / "ud" / "q.yml", "include: [q.yml]\nusers: []\n")
    assert f"the includes form a loop ({name} -> {name})" in refusal(root, f"{{include: [{name}]}}")


def test_a_key_that_stands_twice_in_json_is_refused_at_its_place(root: Path) -> None:
    write(root / "ud" / "users.json", '{"value": [{"id": "a",\n "displayName": "\\"x\\": y", "displayName": "B"}]}')
    assert 'users.json:2:29: the key "displayName" stands here twice' in refusal(root, "{include: [users.json]}")
    write(root / "ud" / "users.json", '{"value": [{"id": "a", "displayName": "\\"x\\": y"}, {"id" : "b", "displayName": "B"}]}')
    assert len(tenant(root, "{include: [users.json]}").users) == 2
