"""The CSP tree: what exists, what a verb may do with it, which status it gives, and that nothing is lost or made up."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.nodes import _table, resolve

PROVIDER = "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server"
SYNC = PROVIDER + "/FirstSyncStatus"
POLICY = "./Device/Vendor/MSFT/Policy/Config/Update/DeferQualityUpdatesPeriodInDays"
TRACKING = "./Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation/PolicyProviders"
KEY_LENGTH = "./Vendor/MSFT/ClientCertificateInstall/SCEP/one/Install/KeyLength"


@pytest.fixture
def tree() -> CspTree:
    made = CspTree()
    made.create(PROVIDER)
    return made


def test_the_node_table_loads_and_is_not_small() -> None:
    assert _table().literal["vendor"].literal["msft"].literal


@pytest.mark.parametrize("verb", ["Get", "Add", "Replace", "Delete", "Exec"])
def test_a_node_that_no_row_describes_does_not_exist(tree: CspTree, verb: str) -> None:
    assert tree.apply(verb, "./Vendor/MSFT/NoSuchCsp/Node", "1") == (404, None)


@pytest.mark.parametrize("uri", ["Vendor/MSFT/DMClient", "/Vendor", "", "./", "..", "https://contoso.example/x"])
def test_what_is_not_a_locuri_is_a_bad_request(tree: CspTree, uri: str) -> None:
    assert tree.apply("Get", uri) == (400, None)


def test_an_unknown_verb_is_a_bad_request(tree: CspTree) -> None:
    assert tree.apply("Copy", POLICY, "1") == (400, None)


@pytest.mark.parametrize(
    ("verb", "uri"),
    [
        ("Replace", "./DevDetail/SwV"),
        ("Add", "./DevDetail/SwV"),
        ("Delete", "./DevDetail/SwV"),
        ("Exec", "./DevDetail/SwV"),
        ("Get", "./Vendor/MSFT/RemoteWipe/doWipe"),
        ("Delete", SYNC + "/IsSyncDone"),
        ("Replace", "./Vendor/MSFT/DMClient"),
    ],
)
def test_a_verb_that_the_node_does_not_allow_gives_405(tree: CspTree, verb: str, uri: str) -> None:
    assert tree.apply(verb, uri, "x") == (405, None)


def test_a_second_add_gives_418_and_changes_nothing(tree: CspTree) -> None:
    assert tree.apply("Add", POLICY, "7", "chr") == (200, None)
    assert tree.apply("Add", POLICY, "9", "chr") == (418, None)
    assert tree.apply("Get", POLICY) == (200, "7")


def test_a_second_add_of_an_interior_node_gives_418(tree: CspTree) -> None:
    assert tree.apply("Add", TRACKING + "/Sidecar", "", "node") == (200, None)
    assert tree.apply("Add", TRACKING + "/Sidecar", "", "node") == (418, None)


@pytest.mark.parametrize(("value", "fmt", "status"), [
    ("2048", "int", 200), ("2048", "chr", 200), ("2048", "bool", 415), ("2048", "xml", 415), ("2047", "int", 500),
    ("many", "int", 500), ("", "int", 500),
])  # fmt: skip
def test_a_number_must_fit_its_node(tree: CspTree, value: str, fmt: str, status: int) -> None:
    assert tree.apply("Add", KEY_LENGTH, value, fmt) == (status, None)


@pytest.mark.parametrize(("value", "status"), [("1", 200), ("1440", 200), ("0", 500), ("1441", 500), ("-1", 500)])
def test_a_number_must_be_in_its_range(tree: CspTree, value: str, status: int) -> None:
    assert tree.apply("Replace", SYNC + "/TimeOutUntilSyncFailure", value, "int") == (status, None)


@pytest.mark.parametrize(("value", "fmt", "status"), [
    ("true", "bool", 200), ("False", "bool", 200), ("true", "chr", 200), ("1", "bool", 500), ("true", "xml", 415),
])  # fmt: skip
def test_a_truth_value_must_be_one(tree: CspTree, value: str, fmt: str, status: int) -> None:
    uri = SYNC + "/AllowCollectLogsButton"
    assert tree.apply("Replace", uri, value, fmt) == (status, None)
    assert tree.apply("Get", uri) == (200, value.lower() if status == 200 else "false")


def test_a_refused_value_leaves_the_old_one(tree: CspTree) -> None:
    tree.apply("Replace", SYNC + "/TimeOutUntilSyncFailure", "90", "int")
    assert tree.apply("Replace", SYNC + "/TimeOutUntilSyncFailure", "0", "int") == (500, None)
    assert tree.apply("Get", SYNC + "/TimeOutUntilSyncFailure") == (200, "90")


def test_defaults_are_read_below_nodes_that_exist(tree: CspTree) -> None:
    assert tree.apply("Get", SYNC + "/TimeOutUntilSyncFailure") == (200, "60")
    other = "./Vendor/MSFT/DMClient/Provider/Another/FirstSyncStatus/TimeOutUntilSyncFailure"
    assert tree.apply("Get", other) == (404, None)


def test_a_leaf_without_value_and_default_is_not_found(tree: CspTree) -> None:
    assert tree.apply("Get", "./DevDetail/SwV") == (404, None)


def test_replace_below_a_provider_that_is_not_there_is_not_found(tree: CspTree) -> None:
    uri = "./Vendor/MSFT/DMClient/Provider/Another/FirstSyncStatus/TimeOutUntilSyncFailure"
    assert tree.apply("Replace", uri, "90", "int") == (404, None)


def test_get_of_an_interior_node_lists_its_children_encoded(tree: CspTree) -> None:
    tree.apply("Add", TRACKING + "/Sidecar", "", "node")
    tree.apply("Add", TRACKING + "/Config%20Mgr", "", "node")
    assert tree.apply("Get", TRACKING) == (200, "Sidecar/Config%20Mgr")
    assert tree.children(TRACKING) == ("Sidecar", "Config Mgr")


def test_get_of_a_permanent_interior_node_without_children_is_empty(tree: CspTree) -> None:
    assert tree.apply("Get", TRACKING) == (200, "")


def test_delete_takes_the_whole_subtree(tree: CspTree) -> None:
    tree.apply("Add", TRACKING + "/Sidecar", "", "node")
    tree.apply("Add", TRACKING + "/Sidecar/InstallationState", "2", "int")
    assert tree.apply("Delete", TRACKING + "/Sidecar") == (200, None)
    assert tree.apply("Get", TRACKING + "/Sidecar/InstallationState") == (404, None)
    assert tree.apply("Delete", TRACKING + "/Sidecar") == (404, None)
    assert tree.apply("Get", TRACKING) == (200, "")


def test_exec_below_a_node_that_is_not_there_is_not_found(tree: CspTree) -> None:
    node = "./Vendor/MSFT/ClientCertificateInstall/SCEP/one"
    assert tree.apply("Exec", node + "/Install/Enroll", "", "null") == (404, None)
    tree.apply("Add", node, "", "node")
    assert tree.apply("Exec", node + "/Install/Enroll", "", "null") == (200, None)


@pytest.mark.parametrize("other", [
    POLICY.upper(), POLICY.lower(), POLICY.replace("./Device/", "./"), POLICY.replace("Update", "%55pdate"),
    POLICY.replace("Policy/", "Policy//"), POLICY + "/",
])  # fmt: skip
def test_spellings_of_a_locuri_name_one_node(tree: CspTree, other: str) -> None:
    if not other.startswith("./"):
        other = "./" + other.split("/", 1)[1]
    assert tree.apply("Add", POLICY, "7") == (200, None)
    assert tree.apply("Get", other) == (200, "7")
    assert tree.apply("Add", other, "7") == (418, None)


def test_device_and_user_are_two_trees(tree: CspTree) -> None:
    policy = "/Vendor/MSFT/Policy/Config/Experience/AllowCortana"
    tree.user_sid = "S-1-12-1-1-2-3-4"
    assert tree.apply("Add", "./User" + policy, "0")[0] == 200
    assert tree.apply("Get", "./Device" + policy) == (404, None)
    tree.drop_user()
    assert tree.apply("Get", "./User" + policy) == (404, None)


@pytest.mark.parametrize("verb", ["Get", "Add", "Replace", "Delete", "Exec"])
def test_user_scope_is_closed_without_a_user(tree: CspTree, verb: str) -> None:
    assert tree.apply(verb, "./User/Vendor/MSFT/Policy/Config/Experience/AllowCortana", "0") == (405, None)
    assert tree.values == {}


@pytest.mark.parametrize(
    ("name", "first", "second", "fmt"),
    [
        ("ServerHasFinishedProvisioning", "true", "false", "bool"),
        ("IsSyncDone", "true", "false", "bool"),
        ("WasDeviceSuccessfullyProvisioned", "0", "1", "int"),
        ("WasDeviceSuccessfullyProvisioned", "1", "0", "int"),
        ("WasDeviceSuccessfullyProvisioned", "1", "2", "int"),
    ],
)
def test_some_values_cannot_be_taken_back(tree: CspTree, name: str, first: str, second: str, fmt: str) -> None:
    assert tree.apply("Replace", f"{SYNC}/{name}", first, fmt) == (200, None)
    assert tree.apply("Replace", f"{SYNC}/{name}", second, fmt) == (405, None)
    assert tree.apply("Get", f"{SYNC}/{name}") == (200, first)


def test_a_snapshot_brings_everything_back(tree: CspTree) -> None:
    tree.apply("Add", POLICY, "7")
    before = tree.snapshot()
    tree.apply("Replace", POLICY, "9")
    tree.apply("Add", TRACKING + "/Sidecar", "", "node")
    tree.apply("Delete", POLICY)
    tree.restore(before)
    assert tree.snapshot() == before
    assert tree.apply("Get", POLICY) == (200, "7")
    assert tree.apply("Get", TRACKING) == (200, "")


@pytest.mark.parametrize(
    ("area", "status"), [("Update", 200), ("ADMX_Taskbar", 200), ("Contoso~Policy~Cat", 200), ("Nonsense", 404)]
)
def test_policy_areas_are_the_known_ones_and_admx(tree: CspTree, area: str, status: int) -> None:
    assert tree.apply("Add", f"./Device/Vendor/MSFT/Policy/Config/{area}/SomePolicy", "x") == (status, None)


def test_an_encoded_slash_belongs_to_the_name() -> None:
    one, other = resolve("./Vendor/MSFT/WiFi/Profile/a%2FWlanXml"), resolve("./Vendor/MSFT/WiFi/Profile/a/WlanXml")
    assert one is not None and other is not None
    assert one.key != other.key


NAME = st.text(st.characters(exclude_characters="/", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda name: name == name.strip() and len(name.casefold()) == len(name)
)


@given(NAME, st.text(max_size=30))
def test_what_was_added_is_read_again(name: str, value: str) -> None:
    tree = CspTree()
    uri = f"./Vendor/MSFT/WiFi/Profile/{quote(name, safe='')}"
    assert tree.apply("Add", uri, "", "node") == (200, None)
    assert tree.apply("Add", uri + "/WlanXml", value, "xml") == (200, None)
    assert tree.apply("Get", uri + "/WlanXml") == (200, value)
    assert tree.children("./Vendor/MSFT/WiFi/Profile") == (name,)
    assert tree.apply("Delete", uri) == (200, None)
    assert tree.values == {}


@given(st.text(max_size=60), st.sampled_from(["Get", "Add", "Replace", "Delete", "Exec", "Nonsense"]), st.text(max_size=8))
def test_no_text_at_all_breaks_the_tree(uri: str, verb: str, value: str) -> None:
    tree = CspTree()
    for one in (uri, "./" + uri, "./Vendor/MSFT/" + uri):
        status, _ = tree.apply(verb, one, value)
        assert status in (200, 202, 400, 404, 405, 415, 418, 500)


NAMES = st.sampled_from(["one", "two", "three four"])
LEAVES = st.sampled_from(["WlanXml", "Proxy"])


class TreeAgainstADictionary(RuleBasedStateMachine):
    """WiFi profiles as a dictionary of dictionaries; the tree must agree after every command."""

    @initialize()
    def start(self) -> None:
        self.tree = CspTree()
        self.model: dict[str, dict[str, str]] = {}

    def uri(self, name: str, leaf: str = "") -> str:
        return "./Vendor/MSFT/WiFi/Profile/" + quote(name) + (f"/{leaf}" if leaf else "")

    @rule(name=NAMES)
    def add_profile(self, name: str) -> None:
        assert self.tree.apply("Add", self.uri(name), "", "node")[0] == (418 if name in self.model else 200)
        self.model.setdefault(name, {})

    @rule(name=NAMES, leaf=LEAVES, value=st.text(max_size=3))
    def add_leaf(self, name: str, leaf: str, value: str) -> None:
        expected = 418 if leaf in self.model.get(name, {}) else 200
        assert self.tree.apply("Add", self.uri(name, leaf), value)[0] == expected
        self.model.setdefault(name, {}).setdefault(leaf, value)

    @rule(name=NAMES, leaf=LEAVES, value=st.text(max_size=3))
    def replace_leaf(self, name: str, leaf: str, value: str) -> None:
        assert self.tree.apply("Replace", self.uri(name, leaf), value)[0] == 200
        self.model.setdefault(name, {})[leaf] = value

    @rule(name=NAMES)
    def delete_profile(self, name: str) -> None:
        assert self.tree.apply("Delete", self.uri(name))[0] == (200 if self.model.pop(name, None) is not None else 404)

    @rule(name=NAMES, leaf=LEAVES)
    def delete_leaf(self, name: str, leaf: str) -> None:
        there = self.model.get(name, {}).pop(leaf, None) is not None
        assert self.tree.apply("Delete", self.uri(name, leaf))[0] == (200 if there else 404)

    @rule(name=NAMES)
    def roll_back(self, name: str) -> None:
        before = self.tree.snapshot()
        self.tree.apply("Delete", self.uri(name))
        self.tree.apply("Add", self.uri(name, "WlanXml"), "other")
        self.tree.restore(before)

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "tree"):
            return
        assert set(self.tree.children("./Vendor/MSFT/WiFi/Profile")) == set(self.model)
        for name, leaves in self.model.items():
            assert set(self.tree.children(self.uri(name))) == set(leaves)
            for leaf in ("WlanXml", "Proxy"):
                wanted: Any = (200, leaves[leaf]) if leaf in leaves else (404, None)
                assert self.tree.apply("Get", self.uri(name, leaf)) == wanted


TestTreeAgainstADictionary = TreeAgainstADictionary.TestCase
TestTreeAgainstADictionary.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
