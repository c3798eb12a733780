"""Files of every tool read the same, and what is wrong in one is told with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from graph_samples import (
    GROUP,
    PROFILE_ID,
    ROOT,
    Json,
    esp,
    from_file,
    inline,
    place_of,
    profile,
    target,
    texts,
    to_group,
    win32,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autopilot_agent.errors import InputError
from autopilot_agent.tenant.graph import Builder, TenantData, read_folder

SAMPLES = [
    ("deviceManagement/windowsAutopilotDeploymentProfiles", profile()),
    ("deviceManagement/deviceEnrollmentConfigurations", esp()),
    ("deviceAppManagement/mobileApps", win32()),
    ("users", {"id": "u1", "userPrincipalName": "zoë@contoso.example", "displayName": "Zoë", "assignedLicenses": []}),
    (
        "deviceManagement/windowsAutopilotDeviceIdentities",
        {"id": "z1", "serialNumber": "5CG1234", "groupTag": "Sales", "enrollmentState": "notContacted"},
    ),
]
ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "utf-16 little": lambda text: b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le"),
    "utf-16 big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "ansi": lambda text: text.encode("cp1252"),
}


def resources(data: TenantData) -> dict[str, object]:
    """The collections alone: places and notices depend on the file."""
    return {name: value for name, value in msgspec.structs.asdict(data).items() if name not in ("notices", "places")}


def wrapped(item: Json, collection: str, envelope: str) -> object:
    match envelope:
        case "list":
            return [item]
        case "value":
            return {"@odata.context": ROOT + collection, "@odata.count": 0, "value": [item]}
        case "value with one":
            return {"@odata.context": ROOT + collection, "value": item}
        case "entity":
            return {"@odata.context": f"{ROOT}{collection}/$entity", **item}
        case "expanded":
            return {"@odata.context": f"{ROOT}{collection}(assignments())/$entity", **item}
        case "collections":
            return {collection.rpartition("/")[2]: [item]}
    return item


def retyped(item: Json, spelling: str) -> Json:
    if "@odata.type" not in item or spelling == "as is":
        return item
    name = item["@odata.type"].rpartition(".")[2]
    if spelling == "none":  # then the shape must tell
        return {key: value for key, value in item.items() if key != "@odata.type"}
    return {**item, "@odata.type": {"no hash": f"microsoft.graph.{name}", "case": f"#Microsoft.Graph.{name}"}[spelling]}


def full_metadata(item: Json) -> Json:
    extra = {
        "@odata.id": "x",
        "assignments@odata.context": "y",
        "id@odata.type": "#String",
        "#microsoft.graph.assign": {"title": "t"},
    }
    return {**dict(reversed(item.items())), **extra}


def sdk(item: Json) -> Json:
    """As the Graph PowerShell SDK writes it."""
    own = {key[:1].upper() + key[1:]: value for key, value in item.items() if not key.startswith("@")}
    return {**own, "AdditionalProperties": {key: value for key, value in item.items() if key.startswith("@")}}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sample=st.sampled_from(SAMPLES),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    envelope=st.sampled_from(["single", "list", "value", "value with one", "entity", "expanded", "collections"]),
    spelling=st.sampled_from(["as is", "no hash", "case", "none"]),
    extra=st.sampled_from([None, full_metadata, sdk]),
    indent=st.sampled_from([None, 2, 13]),
)
def test_a_resource_is_the_same_in_every_wrapping(tmp_path, sample, encoding, envelope, spelling, extra, indent) -> None:  # type: ignore[no-untyped-def]  # hypothesis fills it
    collection, item = sample
    plain = resources(inline(**{collection.rpartition("/")[2]: [item]}))
    changed = retyped(item, spelling)
    changed = extra(changed) if extra else changed
    text = json.dumps(wrapped(changed, collection, envelope), indent=indent, ensure_ascii=False)
    assert resources(from_file(tmp_path, ENCODINGS[encoding](text))) == plain


def test_quoted_booleans_and_numbers_are_tolerated(tmp_path: Path) -> None:
    written = esp(showInstallationProgress="True", installProgressTimeoutInMinutes="90", priority="1")
    assert resources(from_file(tmp_path, written)) == resources(from_file(tmp_path, esp()))


def test_lists_that_powershell_unwrapped_are_lists_again(tmp_path: Path) -> None:
    whole = profile()
    one = {**whole, "roleScopeTagIds": "0", "assignments": whole["assignments"][0]}
    assert resources(from_file(tmp_path, one)) == resources(from_file(tmp_path, whole))


def error(folder: Path, value: object, name: str = "export.json") -> InputError:
    with pytest.raises(InputError) as caught:
        from_file(folder, value, name)
    return caught.value


def test_broken_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    wrong = error(tmp_path, '{"value": [\n  {"id": "a",}\n]}')
    assert place_of(wrong)[:2] == ("export.json", 2)
    assert "broken JSON" in wrong.message


@pytest.mark.parametrize(
    ("text", "words"), [('{"a": 1}\n{"b": 2}', "several JSON values"), ("[]\nDone.", "text after the end")]
)
def test_more_than_one_value_is_refused(tmp_path: Path, text: str, words: str) -> None:
    wrong = error(tmp_path, text)
    assert words in wrong.message
    assert place_of(wrong) == ("export.json", 2, 1)


def test_what_only_python_takes_for_json_is_refused_with_its_place(tmp_path: Path) -> None:
    assert place_of(error(tmp_path, '{"näme": "ü",\n "limit": NaN}')) == ("export.json", 2, 11)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    assert "empty" in error(tmp_path, text).message


def test_json_without_end_of_nesting_is_refused(tmp_path: Path) -> None:
    assert "nested too deeply" in error(tmp_path, "[" * 100_000 + "]" * 100_000).message
    assert "nested too deeply" in error(tmp_path, '{"a":' * 100_000).message


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"outOfBoxExperienceSetting": "@{eulaHidden=True; userType=standard}"}, "outOfBoxExperienceSetting"),
        ({"assignments": "System.Object[]"}, "assignments"),
        ({"assignments": [{"id": "x", "target": "@{groupId=1}"}]}, "target"),
        ({"assignments": ["@{id=x; target=}"]}, "assignments"),
        ({"roleScopeTagIds": "System.Object[]"}, "roleScopeTagIds"),
    ],
)
def test_an_export_that_was_cut_off_asks_for_more_depth(tmp_path: Path, change: Json, name: str) -> None:
    wrong = error(tmp_path, profile(**change))
    assert f"{name} was cut off" in wrong.message
    assert "-Depth" in wrong.message
    assert wrong.place is not None
    assert wrong.place.line > 1


def test_a_whole_resource_that_was_cut_off_asks_for_more_depth(tmp_path: Path) -> None:
    assert "-Depth" in error(tmp_path, {"@odata.context": ROOT + "users", "value": ["@{id=1}"]}).message


@pytest.mark.parametrize(
    ("change", "after", "words"),
    [
        ({"deviceType": "windowsPC2"}, "deviceType", 'did you mean "windowsPc"?'),
        (
            {"preprovisioningAllowed": "maybe"},
            "preprovisioningAllowed",
            'expected true or false for preprovisioningAllowed, got "maybe"',
        ),
        ({"displayName": 7}, "displayName", "expected text (in quotes) for displayName, got 7"),
        ({"createdDateTime": "yesterday"}, "createdDateTime", "expected a date and time"),
        (
            {"outOfBoxExperienceSetting": []},
            "outOfBoxExperienceSetting",
            "expected an object for outOfBoxExperienceSetting, got a list",
        ),
        ({"assignments": [{"id": "a", "target": {}}]}, "target", "an assignment target needs an @odata.type"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(tmp_path: Path, change: Json, after: str, words: str) -> None:
    text = json.dumps(profile(**change), indent=2)
    wrong = error(tmp_path, text)
    assert words in wrong.message
    name, line, column = place_of(wrong)
    assert name == "export.json"
    assert text.split("\n")[line - 1][: column - 1].strip() == f'"{after}":'


def test_a_wrong_value_deep_in_a_utf16_file_is_found(tmp_path: Path) -> None:
    text = json.dumps({"value": [win32(id="a"), win32(id="b", installExperience={"runAsAccount": "root"})]}, indent=4)
    wrong = error(tmp_path, ENCODINGS["utf-16 little"](text))
    lines = text.split("\n")
    _, line, column = place_of(wrong)
    assert lines[line - 1][column - 1 :] == '"root"'


def test_two_resources_with_one_id_are_refused(tmp_path: Path) -> None:
    wrong = error(tmp_path, [profile(), profile(displayName="Copy")])
    assert f'id "{PROFILE_ID}" in the same tenant' in wrong.message
    assert "export.json:2:3" in wrong.message


def test_one_page_of_several_is_noticed(tmp_path: Path) -> None:
    data = from_file(tmp_path, {"@odata.context": ROOT + "users", "@odata.nextLink": "https://x", "value": []})
    assert "incomplete" in texts(data)
    assert data.notices[0].place.line == 3
    assert data.collections == {"users"}


def test_unknown_types_and_typeless_items_are_skipped_with_one_notice_each(tmp_path: Path) -> None:
    ios = {"@odata.type": "#microsoft.graph.iosVppApp", "id": "i", "displayName": "Pages"}
    data = from_file(
        tmp_path, {"@odata.context": ROOT + "deviceAppManagement/mobileApps", "value": [ios, {**ios, "id": "j"}, win32()]}
    )
    assert len(data.mobile_apps) == 1
    assert texts(data).count("mobileApps of type iosVppApp are not read") == 1
    restore = {"id": "t_WindowsRestore", "displayName": "Restore", "priority": 0}
    data = from_file(
        tmp_path, {"@odata.context": ROOT + "deviceManagement/deviceEnrollmentConfigurations", "value": [restore, esp()]}
    )
    assert len(data.device_enrollment_configurations) == 1
    assert "do not say their @odata.type" in texts(data)


def test_a_v1_status_page_says_that_its_settings_are_unknown(tmp_path: Path) -> None:
    short = {
        key: value for key, value in esp().items() if key in ("@odata.type", "id", "displayName", "priority", "assignments")
    }
    data = from_file(tmp_path, {"@odata.context": ROOT + "deviceManagement/deviceEnrollmentConfigurations", "value": [short]})
    assert not data.esp_configurations[0].settings_known
    assert "settings unknown" in texts(data)


def test_names_of_folders_tell_what_a_bare_resource_is(tmp_path: Path) -> None:
    (tmp_path / "AutoPilot").mkdir()
    (tmp_path / "AutoPilot" / "Plain.json").write_text(json.dumps({"id": "p", "displayName": "Plain", "locale": "os-default"}))
    (tmp_path / "users.json").write_text(json.dumps([{"id": "u", "displayName": "Ada"}]))
    (tmp_path / ".hidden.json").write_text("broken")
    (tmp_path / "notes.txt").write_text("not read")
    into = Builder()
    read_folder(tmp_path, into)
    data = into.finish()
    assert data.windows_autopilot_deployment_profiles[0].display_name == "Plain"
    assert data.users[0].display_name == "Ada"


def test_assignments_that_were_exported_apart_join_their_profile(tmp_path: Path) -> None:
    bare = {key: value for key, value in profile().items() if key != "assignments"}
    (tmp_path / "a.json").write_text(
        json.dumps(
            {
                "@odata.context": f"{ROOT}deviceManagement/windowsAutopilotDeploymentProfiles('{PROFILE_ID}')/assignments",
                "value": [to_group(GROUP)],
            }
        )
    )
    (tmp_path / "b.json").write_text(json.dumps(bare))
    into = Builder()
    read_folder(tmp_path, into)
    data = into.finish()
    assert data.windows_autopilot_deployment_profiles[0].assignments[0].group == GROUP
    assert "no assignments" not in texts(data)


@pytest.mark.parametrize(
    ("owner", "context", "part", "read"),
    [
        (
            win32(),
            "deviceAppManagement/mobileApps",
            "relationships",
            lambda data: data.mobile_apps[0].relationships[0].target_id,
        ),
        (
            {"@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy", "id": "c", "name": "Edge"},
            "deviceManagement/configurationPolicies",
            "settings",
            lambda data: data.configuration_policies[0].settings[0]["targetId"],
        ),
    ],
)
def test_other_parts_join_their_owners_too(
    tmp_path: Path, owner: Json, context: str, part: str, read: Callable[[TenantData], str]
) -> None:
    items = [{"@odata.type": "#microsoft.graph.mobileAppDependency", "targetId": "t"}]
    (tmp_path / "1.json").write_text(json.dumps(owner))
    (tmp_path / "2.json").write_text(json.dumps({"@odata.context": f"{ROOT}{context}('{owner['id']}')/{part}", "value": items}))
    into = Builder()
    read_folder(tmp_path, into)
    assert read(into.finish()) == "t"


def test_a_mistake_in_a_part_is_told_with_the_parts_place(tmp_path: Path) -> None:
    items = [{"@odata.type": "#microsoft.graph.mobileAppDependency", "targetType": "uncle"}]
    (tmp_path / "1.json").write_text(json.dumps(win32(id="a")))
    (tmp_path / "2.json").write_text(
        json.dumps({"@odata.context": f"{ROOT}deviceAppManagement/mobileApps('a')/relationships", "value": items}, indent=1)
    )
    into = Builder()
    read_folder(tmp_path, into)
    with pytest.raises(InputError, match="uncle") as caught:
        into.finish()
    assert place_of(caught.value)[:2] == ("2.json", 6)


def test_an_export_without_assignments_says_so(tmp_path: Path) -> None:
    bare = {key: value for key, value in profile().items() if key != "assignments"}
    assert "shows no assignments" in texts(from_file(tmp_path, bare))


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("[]")
    inside = tmp_path / "tenant"
    inside.mkdir()
    (inside / "link.json").symlink_to(outside)
    with pytest.raises(InputError, match="leads out") as caught:
        read_folder(inside, Builder())
    assert place_of(caught.value)[0] == "link.json"


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text("[]")
    (tmp_path / "again").symlink_to(tmp_path)
    read_folder(tmp_path, Builder())


def test_a_folder_without_files_and_one_that_is_missing_are_refused(tmp_path: Path) -> None:
    for folder, words in ((tmp_path, "holds no"), (tmp_path / "none", "no such folder")):
        with pytest.raises(InputError, match=words):
            read_folder(folder, Builder())


def test_too_many_files_and_too_large_a_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(4):
        (tmp_path / f"users{i}.json").write_text("[]")
    monkeypatch.setattr("autopilot_agent.tenant.graph.reading.MAX_FILES", 3)
    with pytest.raises(InputError, match="more than 3 files"):
        read_folder(tmp_path, Builder())
    monkeypatch.setattr("autopilot_agent.tenant.graph.text.MAX_BYTES", 10)
    assert "larger than" in error(tmp_path, " " * 11).message


def test_yaml_files_hold_the_same_names(tmp_path: Path) -> None:
    data = from_file(
        tmp_path,
        f"groups:\n  - {{id: {GROUP}, displayName: Sales}}\nusers:\n  - userPrincipalName: ada@contoso.example\n",
        "t.yaml",
    )
    assert data.groups[0].display_name == "Sales"
    wrong = error(tmp_path, "users:\n  - userPrincipalNme: ada@contoso.example\n", "t.yaml")
    assert 'did you mean "userPrincipalName"?' in wrong.message
    assert place_of(wrong)[:2] == ("t.yaml", 2)


def intunecd() -> dict[str, Json]:
    dynamic = {**target("group"), "groupName": "All kiosks", "groupType": "DynamicMembership",
               "membershipRule": '(device.devicePhysicalIds -any (_ -eq "[OrderID]:Kiosk"))'}  # fmt: skip
    plain = {key: value for key, value in profile().items() if key not in ("id", "createdDateTime", "lastModifiedDateTime")}
    page = {key: value for key, value in esp().items() if key not in ("id", "priority", "selectedMobileAppIds")}
    app = {key: value for key, value in win32().items() if key != "id"}
    return {
        "Enrollment Profiles/Windows/Contoso laptops.json": {**plain, "assignments": [{"target": dynamic}]},
        "Enrollment Profiles/Windows/ESP/Page.json": {
            **page,
            "selectedMobileAppNames": [
                {"name": "fabrikam reader", "type": "#microsoft.graph.win32LobApp"},
                {"name": "Gone", "type": ""},
            ],
        },
        "Applications/Windows/Fabrikam Reader.json": {**app, "assignments": []},
    }


def test_an_intunecd_backup_is_resolved_by_names_with_notices(tmp_path: Path) -> None:
    for name, value in intunecd().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(value))
    into = Builder()
    read_folder(tmp_path, into)
    data = into.finish()
    page, app, group = data.esp_configurations[0], data.mobile_apps[0], data.groups[0]
    assert page.selected_mobile_app_ids == (app.id, "unknown app Gone")
    assert group.dynamic
    assert data.windows_autopilot_deployment_profiles[0].assignments[0].group == group.id
    assert not app.id_known
    assert 'blocking app "Gone": no app of that name' in texts(data)
    assert "known by their name" in texts(data)


def test_two_readings_make_up_the_same_ids(tmp_path: Path) -> None:
    bare = {key: value for key, value in win32().items() if key != "id"}
    assert from_file(tmp_path, bare).mobile_apps == from_file(tmp_path, {"value": [bare]}).mobile_apps


@pytest.mark.parametrize(
    ("collections", "words"),
    [
        ({"user": []}, 'did you mean "users"?'),
        ({"users": [{"userPrincipalNam": "a"}]}, 'did you mean "userPrincipalName"?'),
        ({"mobileApps": [{"@odata.type": "#microsoft.graph.win32LobApps"}]}, 'did you mean "win32LobApp"?'),
        ({"mobileApps": [{"displayName": "x"}]}, 'needs an "@odata.type"'),
        ({"users": [{"@odata.type": "#microsoft.graph.group", "id": "g"}]}, "does not belong"),
        ({"windowsAutopilotDeploymentProfiles": [profile(outOfBoxExperienceSetting={"eulaHiden": True})]}, '"eulaHidden"?'),
        ({"users": ["ada"]}, "expected a resource"),
        ({"organization": [{"id": "a"}, {"id": "b"}]}, "a second organization"),
    ],
)
def test_mistakes_in_a_scenario_are_errors_with_a_place(collections: Json, words: str) -> None:
    with pytest.raises(InputError) as caught:
        inline(**collections)
    assert words in caught.value.message
    assert place_of(caught.value)[:2] == ("s.yaml", 7)


def test_real_properties_that_are_not_read_are_no_misspellings() -> None:
    inline(
        users=[{"userPrincipalName": "a@contoso.example", "deletedDateTime": None, "otherMails": [], "assignedLicenses": []}]
    )


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["@{a=1}", "/Date(1)/", "/Date(x)/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "target", "@odata.type", "Id", "value"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), sample=st.sampled_from(SAMPLES), value=ANYTHING)
def test_a_damaged_resource_is_read_or_refused_with_a_place(
    tmp_path: Path, data: st.DataObject, sample: tuple[str, Json], value: object
) -> None:
    item = json.loads(json.dumps(sample[1]))
    here = item
    while True:
        key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else list(range(len(here)))))
        if not here[key] or not isinstance(here[key], dict | list) or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = value
    try:
        from_file(tmp_path, {"@odata.context": ROOT + sample[0], "value": [item]})
    except InputError as wrong:
        assert wrong.place is not None
        assert wrong.place.line >= 1


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:@ \n1e-tfn\\u\ud7ff', max_size=60).map(lambda text: text.encode()))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_the_reader(tmp_path: Path, data: bytes) -> None:
    try:
        from_file(tmp_path, data)
    except InputError as wrong:
        assert wrong.place is not None


@pytest.mark.parametrize("name", ["mobilityManagementPolicies.json", "deviceEnrollmentConfigurations.json", "whatever.json"])
def test_an_error_of_graph_is_no_resource(tmp_path: Path, name: str) -> None:
    refusal = {"error": {"code": "Forbidden", "message": "Insufficient privileges.", "innerError": {"request-id": "x"}}}
    data = from_file(tmp_path, refusal, name)
    assert "Graph refused this request (Forbidden)" in texts(data)
    assert not data.mobility_management_policies and not data.device_enrollment_configurations
