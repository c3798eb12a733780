"""The administrator's API: Graph's paths and shapes, and what a change does to the devices of the tenant."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec import structs

from autopilot_agent.device.hardware_hash import hash_of
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.tenants import tenant_of
from autopilot_agent.simulator.graph_resources import CONFIGURATIONS, EDITABLE, PROFILES, as_graph, read_resource
from autopilot_agent.simulator.server import Served, desk_of, serving
from autopilot_agent.simulator.store import DataFile
from autopilot_agent.tenant.graph.kinds import COLLECTIONS
from autopilot_agent.testing.in_process import one_authority as shared_authority
from autopilot_agent.testing.samples import enrol_call
from autopilot_agent.testing.small import USER, small_device, small_state
from autopilot_agent.wire.http import Incoming

TOKEN = "token-of-the-tests"
D = "deviceManagement/"
IDENTITIES = f"{D}windowsAutopilotDeviceIdentities"
IMPORTED = f"{D}importedWindowsAutopilotDeviceIdentities"
ESP = "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"
ALL_DEVICES = {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}
PROFILE = {
    "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
    "displayName": "Kiosks",
    "outOfBoxExperienceSetting": {"deviceUsageType": "shared"},
}


class Client:
    """An administrator with a token."""

    def __init__(self, served: Served, token: str = TOKEN) -> None:
        self.served = served
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: object = None, wanted: int = 200, version: str = "v1.0") -> Any:
        url = path if path.startswith("http") else f"{self.served.url}/admin/{version}/{path}"
        answer = self.session.request(method, url, json=body, timeout=60)
        assert answer.status_code == wanted, answer.text
        return answer.json() if answer.content else None

    def names(self, path: str, field: str = "displayName") -> list[str]:
        return [one[field] for one in self.ask("GET", path)["value"]]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving(small_state(), token=TOKEN, authority=shared_authority) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    server.serve(small_state())
    found = Client(server)
    with found.session:
        yield found


def enrolled(client: Client) -> str:
    desk = client.served.desk
    identity = desk.state.find_identity("5CG0000001")
    call = structs.replace(enrol_call(), registration_id=identity.id if identity is not None else "")
    return desk.answer(call, Incoming("POST", "/")).enrolment_id


def test_without_the_right_token_nothing_is_told(client: Client) -> None:
    for said in ("", "Bearer wrong", f"Basic {TOKEN}", "Bearer \xff"):
        headers = {"Authorization": said} if said else {}
        for path in ("/admin/v1.0/users", "/admin/v1.0/nothing", "/autopilot-agent/cloud"):
            answer = requests.get(client.served.url + path, headers=headers, timeout=60)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_a_profile_is_made_read_changed_and_deleted(client: Client) -> None:
    path = D + PROFILES
    made = client.ask("POST", path, {**PROFILE, "id": "mine"}, 201)
    assert made["id"] != "mine" and made["outOfBoxExperienceSetting"]["deviceUsageType"] == "shared"
    assert made["createdDateTime"] and "assignments" not in made
    assert client.names(path) == ["Contoso user-driven", "Kiosks"]
    changes = {"outOfBoxExperienceSetting": {"eulaHidden": True}, "locale": "de-DE"}
    changed = client.ask("PATCH", f"{path}/{made['id']}", changes)
    setting = changed["outOfBoxExperienceSetting"]
    assert (setting["eulaHidden"], setting["deviceUsageType"], changed["locale"]) == (True, "shared", "de-DE")
    assert client.ask("GET", f"{path}/{made['id'].upper()}") == changed
    client.ask("DELETE", f"{path}/{made['id']}", wanted=204)
    assert client.ask("GET", f"{path}/{made['id']}", wanted=404)["error"]["code"] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"displayName": "x", "deviceNameTemplate": "%WRONG%"}, "name template"),
        ({"displayName": "x", "deviceNameTemplatte": "A"}, "did you mean"),
        ({"displayName": "x", "outOfBoxExperienceSetting": {"userType": "king"}}, "is not a value of userType"),
        ({"@odata.type": "#microsoft.graph.user", "displayName": "x"}, "does not belong"),
        ({"@odata.type": "#microsoft.graph.nothing", "displayName": "x"}, "unknown type"),
        ({}, "nothing of this"),
    ],
)
def test_what_no_service_would_save_is_refused_in_a_sentence(client: Client, body: object, said: str) -> None:
    error = client.ask("POST", D + PROFILES, body, 400)["error"]
    assert error["code"] == "BadRequest" and said in error["message"]


@pytest.mark.parametrize("name", ["", "  ", None, "x" * 201])
@pytest.mark.parametrize("kind", [PROFILE, {"@odata.type": ESP, "displayName": "x"}])
def test_a_resource_needs_a_name(client: Client, name: str | None, kind: dict[str, object]) -> None:
    path = D + (PROFILES if kind is PROFILE else CONFIGURATIONS)
    before = client.names(path)
    assert "displayName" in client.ask("POST", path, {**kind, "displayName": name}, 400)["error"]["message"]
    client.ask("POST", path, {key: value for key, value in kind.items() if key != "displayName"}, 400)
    client.ask("POST", path, {**kind, "description": "x" * 1501}, 400)
    assert client.names(path) == before
    made = client.ask("POST", path, {**kind, "displayName": "n" * 200, "description": "x" * 1500}, 201)["id"]
    assert client.ask("PATCH", f"{path}/{made}", {"displayName": name}, 400)["error"]["code"] == "BadRequest"
    assert client.ask("GET", f"{path}/{made}")["displayName"] == "n" * 200


@pytest.mark.parametrize("name", ["A name that is too long", "sixteen-letters-", "with blank", "under_score", "12345", "PC-Ä"])
def test_a_device_is_not_named_as_no_computer_can_be(client: Client, name: str) -> None:
    path = f"{IDENTITIES}/{client.ask('GET', IDENTITIES)['value'][0]['id']}"
    error = client.ask("POST", f"{path}/updateDeviceProperties", {"displayName": name, "groupTag": "Lab"}, 400)["error"]
    assert error["code"] == "BadRequest" and "is no name of a computer" in error["message"]
    shown = client.ask("GET", path)
    assert (shown["displayName"], shown["groupTag"]) == (None, None)
    for good in ("fifteen-letters", None):
        client.ask("POST", f"{path}/updateDeviceProperties", {"displayName": good}, 204)
        assert client.ask("GET", path)["displayName"] == good


@pytest.mark.parametrize("data", [b"[]", b"{", b"\xff", b'"text"', b"[" * 5000, b"<a/>"])
def test_bodies_that_are_no_json_object_are_refused(client: Client, data: bytes) -> None:
    url = f"{client.served.url}/admin/v1.0/{D}{PROFILES}"
    answer = client.session.post(url, data, timeout=60)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "BadRequest"
    answer = client.session.post(url, b"<a/>", headers={"content-type": "text/xml"}, timeout=60)
    assert answer.status_code == 400


def test_assignments_decide_which_profile_a_device_gets(client: Client) -> None:
    path = D + PROFILES
    old = client.ask("GET", path)["value"][0]["id"]
    new = client.ask("POST", path, PROFILE, 201)["id"]
    assert client.names(f"{path}/{old}/assignedDevices", "serialNumber") == ["5CG0000001"]
    lines = client.ask("GET", f"{path}/{old}/assignments")["value"]
    assert lines == [{"id": f"{old}_adadadad-808e-44e2-905a-0b7873a8a531_0", "source": "direct", "target": ALL_DEVICES}]
    client.ask("DELETE", f"{path}/{old}/assignments/{lines[0]['id']}", wanted=204)
    client.ask("POST", f"{path}/{old}/assign", {"assignments": []}, 204)
    made = client.ask("POST", f"{path}/{new}/assignments", {"target": ALL_DEVICES}, 201)
    assert made["target"] == ALL_DEVICES and made["id"]
    assert client.names(f"{path}/{new}/assignedDevices", "serialNumber") == ["5CG0000001"]
    client.ask("DELETE", f"{path}/{new}/assignments/{made['id']}", wanted=204)
    device = client.ask("GET", IDENTITIES)["value"][0]["id"]
    client.ask("POST", f"{path}/{new}/assign", {"deviceIds": [device]}, 204)
    assert client.names(f"{path}/{new}/assignedDevices", "serialNumber") == ["5CG0000001"]
    client.ask("POST", f"{path}/{old}/assign", {"deviceIds": [device, "nobody"]}, 404)
    assert client.names(f"{path}/{new}/assignedDevices", "serialNumber") == ["5CG0000001"], "a refused request changes nothing"
    client.ask("POST", f"{path}/{new}/assignments", {"target": {"@odata.type": "#microsoft.graph.moonTarget"}}, 400)


def test_a_status_page_is_made_with_the_next_priority_and_reaches_the_next_enrolment(client: Client) -> None:
    path = D + CONFIGURATIONS
    made = client.ask("POST", path, {"@odata.type": ESP, "displayName": "Slow", "showInstallationProgress": True}, 201, "beta")
    assert made["id"].endswith("_Windows10EnrollmentCompletionPageConfiguration") and made["priority"] == 2
    first = client.ask("GET", path)["value"][0]["id"]
    client.ask("DELETE", f"{path}/{first}", wanted=204)
    body = {"enrollmentConfigurationAssignments": [{"target": ALL_DEVICES}]}
    client.ask("POST", f"{path}/{made['id']}/assign", body, 204)
    client.ask("PATCH", f"{path}/{made['id']}", {"installProgressTimeoutInMinutes": 90})
    client.ask("PATCH", f"{path}/{made['id']}", {"installProgressTimeoutInMinutes": 9000}, 400)
    client.ask("PATCH", f"{path}/{made['id']}", {"@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration"}, 400)
    device = client.served.desk.state.enrolled[enrolled(client)]
    assert (device.esp.display_name, device.esp.install_progress_timeout_in_minutes) == ("Slow", 90)
    shown = client.ask("GET", f"{path}/{made['id']}?$expand=assignments")
    assert shown["assignments"][0]["target"] == ALL_DEVICES


def test_a_device_is_imported_registered_changed_and_removed(client: Client) -> None:
    text = hash_of(small_device({"device.serial_number": "5CG7777777"}).hardware)
    made = client.ask("POST", IMPORTED, {"hardwareIdentifier": text, "groupTag": "Lab"}, 201)
    assert made["state"]["deviceImportStatus"] == "complete" and made["serialNumber"] == "5CG7777777"
    device = client.ask("GET", f"{IDENTITIES}/{made['state']['deviceRegistrationId']}")
    assert device["groupTag"] == "Lab" and device["deploymentProfileAssignmentStatus"] == "assignedInSync"
    path = f"{IDENTITIES}/{device['id']}"
    client.ask("POST", f"{path}/updateDeviceProperties", {"groupTag": "", "displayName": "PC-1"}, 204)
    client.ask("POST", f"{path}/assignUserToDevice", {"userPrincipalName": USER, "addressableUserName": "One"}, 204)
    shown = client.ask("GET", path)
    assert (shown["groupTag"], shown["displayName"], shown["userPrincipalName"]) == (None, "PC-1", USER)
    client.ask("POST", f"{path}/assignUserToDevice", {"userPrincipalName": "me@elsewhere.example"}, 400)
    client.ask("POST", f"{path}/assignUserToDevice", {}, 400)
    client.ask("POST", f"{path}/unassignUserFromDevice", None, 204)
    client.ask("POST", f"{path}/updateDeviceProperties", {"groupTag": 5}, 400)
    client.ask("POST", f"{path}/updateDeviceProperties", {"groupTag": "x" * 600}, 400)
    client.ask("DELETE", path, wanted=204)
    client.ask("GET", path, wanted=404)
    assert client.names(IMPORTED, "serialNumber") == ["5CG7777777"]
    client.ask("DELETE", f"{IMPORTED}/{made['id']}", wanted=204)
    client.ask("GET", f"{IMPORTED}/{made['id']}", wanted=404)


def test_an_import_says_of_each_device_what_the_service_says(client: Client) -> None:
    known = hash_of(small_device().hardware)
    good = hash_of(small_device({"device.serial_number": "5CG7777777"}).hardware)
    items = [{"hardwareIdentifier": one} for one in (known, good, "AAAA")] + [{"groupTag": "nothing else"}]
    found = client.ask("POST", f"{IMPORTED}/import", {"importedWindowsAutopilotDeviceIdentities": items})["value"]
    assert [one["state"]["deviceErrorCode"] for one in found] == [806, 0, 802, 803]
    assert found[0]["state"]["deviceErrorName"] == "ZtdDeviceAlreadyAssigned"
    error = client.ask("POST", IMPORTED, {"hardwareIdentifier": "!!"}, 400)["error"]
    assert "Edm.Binary" in error["message"]
    client.ask("POST", f"{IMPORTED}/import", {"importedWindowsAutopilotDeviceIdentities": []}, 400)
    many = [{"serialNumber": str(number)} for number in range(501)]
    client.ask("POST", f"{IMPORTED}/import", {"importedWindowsAutopilotDeviceIdentities": many}, 400)


def test_a_refused_import_registers_nothing(client: Client) -> None:
    wrong = {"serialNumber": "5CG7777777", "importId": 5}
    assert "importId" in client.ask("POST", IMPORTED, wrong, 400)["error"]["message"]
    many = {"importedWindowsAutopilotDeviceIdentities": [{"serialNumber": "5CG7777778"}, wrong]}
    client.ask("POST", f"{IMPORTED}/import", many, 400)
    assert client.names(IDENTITIES, "serialNumber") == ["5CG0000001"]


def test_an_enrolled_device_is_shown_ordered_about_and_forgotten(client: Client) -> None:
    enrolment = enrolled(client)
    path = f"{D}managedDevices/{enrolment.lower()}"
    shown = client.ask("GET", path)
    assert shown["id"] == enrolment and shown["userPrincipalName"] == USER and shown["autopilotEnrolled"] is True
    identity = client.ask("GET", f"{IDENTITIES}?$filter=managedDeviceId eq '{enrolment}'")["value"][0]
    client.ask("DELETE", f"{IDENTITIES}/{identity['id']}", wanted=400)
    client.ask("POST", f"{path}/wipe", {"keepUserData": True}, 204)
    assert client.ask("GET", path)["deviceActionResults"] == [{"actionName": "wipe-keep", "actionState": "pending"}]
    client.ask("POST", f"{path}/retire", None, 204)
    assert "not played" in client.ask("POST", f"{path}/rebootNow", None, 400)["error"]["message"]
    client.ask("DELETE", path, wanted=204)
    client.ask("GET", path, wanted=404)
    client.ask("POST", f"{path}/wipe", None, 404)
    answer = requests.post(
        f"{client.served.url}/autopilot-agent/calls/ManagementMessage",
        json={"enrolment_id": enrolment, "session": 1, "message": 1},
        timeout=60,
    )
    assert answer.status_code >= 400
    event = client.ask("GET", f"{D}autopilotEvents")["value"][0]
    assert (event["id"], event["enrollmentState"], event["deviceSerialNumber"]) == (enrolment, "notContacted", "5CG0000001")


def test_lists_are_filtered_selected_counted_and_paged(client: Client) -> None:
    for number in range(5):
        client.ask("POST", D + PROFILES, {"displayName": f"It's {number}"}, 201)
    path = D + PROFILES
    assert client.names(f"{path}?$filter=displayName eq 'IT''S 3'") == ["It's 3"]
    assert client.names(f"{path}?$filter=contains(displayName,'it''s') and deviceType eq 'windowsPc'")[0] == "It's 0"
    assert client.names(f"{path}?$filter=outOfBoxExperienceSetting/eulaHidden eq true") == ["Contoso user-driven"]
    page = client.ask("GET", f"{path}?$top=4&$count=true&$select=displayName,id")
    assert page["@odata.count"] == 6 and set(page["value"][0]) == {"@odata.type", "displayName", "id"}
    rest = client.ask("GET", page["@odata.nextLink"])
    assert [one["displayName"] for one in rest["value"]] == ["It's 3", "It's 4"] and "@odata.nextLink" not in rest
    wrong = ("$filter=name ne 'x'", "$filter=x eq", "$filter=a eq 1 or b eq 2", "$top=x", "$orderby=id", "$skiptoken=-1")
    for query in (*wrong, "$top=0"):
        assert client.ask("GET", f"{path}?{query}", wanted=400)["error"]["code"] == "BadRequest"


WRONG_OPTIONS = (
    "$filter=bogus eq 'x'", "$filter=displayname eq 'x'", "$filter=id eq 'x' and bogus eq 1", "$filter=contains(bogus,'x')",
    "$filter=id/bogus eq 'x'", "$filter=id/ eq 'x'", "$select=bogus", "$select=id,bogus", "$select=displayname", "$select=id/x",
    "$expand=bogus", "$expand=assignments2", "$expand=assignments($select=id)", "$count=maybe", "$count=", "$bogus=1",
)  # fmt: skip
COLLECTIONS_SHOWN = (
    D + PROFILES, D + CONFIGURATIONS, IDENTITIES, IMPORTED, f"{D}managedDevices", f"{D}autopilotEvents", "users", "groups",
    f"{D}{PROFILES}/{{}}/assignments", f"{D}{PROFILES}/{{}}/assignedDevices",
)  # fmt: skip


@pytest.mark.parametrize("query", WRONG_OPTIONS)
def test_a_mistyped_option_is_refused_everywhere(client: Client, query: str) -> None:
    profile = client.ask("GET", D + PROFILES)["value"][0]["id"]
    for path in COLLECTIONS_SHOWN:
        error = client.ask("GET", f"{path.format(profile)}?{query}", wanted=400)["error"]
        assert error["code"] == "BadRequest" and error["message"].startswith(("$", "The query option $", "This $filter"))


def test_a_mistyped_option_says_what_was_meant(client: Client) -> None:
    for query in ("$filter=displayNam eq 'x'", "$select=displayNam", "$expand=assignment"):
        meant = "assignments" if "expand" in query else "displayName"
        assert f'did you mean "{meant}"?' in client.ask("GET", f"{D}{PROFILES}?{query}", wanted=400)["error"]["message"]
    said = client.ask("GET", f"{D}managedDevices?$filter=jailBroken eq 'False'", wanted=400)["error"]["message"]
    assert "is not kept here" in said


def test_what_graph_has_may_be_selected_and_what_is_shown_may_be_filtered(client: Client) -> None:
    enrolled(client)
    client.ask("POST", IMPORTED, {"serialNumber": "5CG7777777"}, 201)
    profile = client.ask("GET", D + PROFILES)["value"][0]["id"]
    for path in COLLECTIONS_SHOWN:
        for one in client.ask("GET", path.format(profile))["value"]:
            for name in one.keys() - {"@odata.type"}:
                client.ask("GET", f"{path.format(profile)}?$filter={name} eq 'x'&$select={name}")
    shown = client.ask("GET", f"{D}managedDevices?$select=id,lastSyncDateTime")["value"][0]
    assert set(shown) == {"@odata.type", "id"}
    whole = client.ask("GET", f"{D}{PROFILES}/{profile}?$select=*&$expand=assignments")
    assert whole["displayName"] and whole["assignments"]
    part = client.ask("GET", f"{D}{PROFILES}?$select=id&$expand=assignments&$count=FALSE")
    assert set(part["value"][0]) == {"@odata.type", "id", "assignments"} and "@odata.count" not in part
    client.ask("GET", f"{IDENTITIES}?$expand=deploymentProfile,intendedDeploymentProfile")
    for query in ("$filter=id eq 'x'", "$top=1", "$select=bogus", "$expand=bogus"):
        client.ask("GET", f"{D}{PROFILES}/{profile}?{query}", wanted=400)


def test_an_option_that_no_change_has_is_refused_before_anything_is_done(client: Client) -> None:
    for query in ("$select=bogus", "$select=id", "$filter=id eq 'x'"):
        client.ask("POST", f"{D}{PROFILES}?{query}", PROFILE, 400)
        client.ask("POST", f"{IMPORTED}?{query}", {"serialNumber": "5CG7777777"}, 400)
    assert client.names(D + PROFILES) == ["Contoso user-driven"] and client.names(IMPORTED, "serialNumber") == []


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (f"{D}managedDevices", "GET, HEAD"),
        (f"{D}managedDevices/1", "DELETE, GET, HEAD"),
        (f"{D}managedDevices/1/wipe", "POST"),
        (D + PROFILES, "GET, HEAD, POST"),
        (f"{D}{PROFILES}/1", "DELETE, GET, HEAD, PATCH"),
        (f"{IMPORTED}/import", "DELETE, GET, HEAD, POST"),
        ("users", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_told_those_it_has(client: Client, path: str, allowed: str) -> None:
    for method in ("PUT", "OPTIONS", "TRACE", "XYZ"):
        answer = client.session.request(method, f"{client.served.url}/admin/v1.0/{path}", timeout=60)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.json()["error"]["code"] == "MethodNotAllowed"
        client.ask(method, "deviceManagement/nothing", wanted=404)
        assert requests.request(method, f"{client.served.url}/admin/v1.0/{path}", timeout=60).status_code == 401


def test_users_and_groups_are_shown(client: Client) -> None:
    assert client.names("users", "userPrincipalName") == [USER]
    assert client.ask("GET", f"users/{USER}")["displayName"] == "User One"
    client.ask("GET", "users/nobody@contoso.example", wanted=404)
    assert client.ask("GET", "groups")["value"] == []
    client.ask("GET", "groups/1", wanted=404)


def test_the_cloud_is_told_to_the_administrator(client: Client) -> None:
    enrolment = enrolled(client)
    found = client.ask("GET", f"{client.served.url}/autopilot-agent/cloud")
    assert found["enrolled"] == [enrolment]


def test_changes_are_there_after_a_restart(tmp_path: Path) -> None:
    def opened() -> tuple[DataFile, Any]:
        file = DataFile(tmp_path / "data")
        return file, desk_of(small_state(), file)[0]

    file, desk = opened()
    with closing(file), serving(desk, token=TOKEN) as served:
        client = Client(served)
        with client.session:
            made = client.ask("POST", D + PROFILES, {**PROFILE, "assignments": [{"target": ALL_DEVICES}]}, 201)["id"]
            for one in client.ask("GET", D + CONFIGURATIONS)["value"]:
                client.ask("DELETE", f"{D}{CONFIGURATIONS}/{one['id']}", wanted=204)
            client.ask("POST", IMPORTED, {"serialNumber": "5CG7777777"}, 201)
    before = desk.state.data
    file, desk = opened()
    with closing(file), serving(desk, token=TOKEN) as served:
        client = Client(served)
        with client.session:
            assert client.ask("GET", f"{D}{PROFILES}/{made}")["displayName"] == "Kiosks"
            assert client.names(IMPORTED, "serialNumber") == ["5CG7777777"]
            assert client.names(IDENTITIES, "serialNumber") == ["5CG0000001", "5CG7777777"]
    for name in EDITABLE:
        assert getattr(desk.state.data, COLLECTIONS[name]) == getattr(before, COLLECTIONS[name])


def test_a_change_that_cannot_be_kept_is_refused_and_never_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(rows: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    file = DataFile(tmp_path / "data")
    with closing(file), serving(desk_of(small_state(), file)[0], token=TOKEN) as served:
        client = Client(served)
        with client.session:
            assert client.ask("GET", f"{served.url}/health") == {"status": "ok"}
            with monkeypatch.context() as patch:
                patch.setattr(file, "write", full)
                error = client.ask("POST", IMPORTED, {"serialNumber": "5CG7777777"}, 503)["error"]
                assert error["code"] == "ServiceUnavailable" and "was undone" in error["message"]
                health = client.ask("GET", f"{served.url}/health")
                assert health["status"] == "not kept" and "disk is full" in health["reason"]
                assert "errors_total 0" in client.session.get(f"{served.url}/metrics", timeout=60).text
                assert client.names(IDENTITIES, "serialNumber") == ["5CG0000001"]
            assert client.names(IMPORTED, "serialNumber") == []
            client.ask("POST", IMPORTED, {"serialNumber": "5CG7777778"}, 201)
            assert client.names(IDENTITIES, "serialNumber") == ["5CG0000001", "5CG7777778"]
            assert client.ask("GET", f"{served.url}/health") == {"status": "ok"}


def every_resource() -> Iterator[tuple[str, Any]]:
    folder = Path(__file__).parents[2] / "scenarios"
    seen: set[str] = set()
    for path in find_scenarios([folder])[::6]:
        data = tenant_of(load_scenario(path))
        for name in EDITABLE:
            for one in getattr(data, COLLECTIONS[name]):
                if repr(one) not in seen:
                    seen.add(repr(one))
                    yield name, one


def test_graph_json_of_a_resource_reads_as_the_same_resource() -> None:
    count = 0
    for name, one in every_resource():
        again = read_resource(name, as_graph(one, assignments=True))
        kept = {field: getattr(one, field) for field in ("id_known", "is_default", "settings_known") if hasattr(one, field)}
        assert structs.replace(again, **kept) == one
        count += 1
    assert count > 50
