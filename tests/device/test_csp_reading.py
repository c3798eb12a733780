"""What a Get of the CSP tree shows beside single values: children, properties, results of policies, closed lists."""

from __future__ import annotations

import pytest

from autopilot_agent.device.csp import CspTree

PROVIDER = "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server"
SYNC = PROVIDER + "/FirstSyncStatus"


@pytest.fixture
def tree() -> CspTree:
    made = CspTree()
    made.create(PROVIDER)
    made.write("./DevInfo/Man", "Contoso")
    return made


@pytest.mark.parametrize(("uri", "names"), [
    ("./DevInfo", "Man/DmV/Ext/Lang"),
    ("./Device/Vendor/MSFT/EnrollmentStatusTracking", "DevicePreparation/Setup"),
    ("./Vendor/MSFT/EnrollmentStatusTracking/Setup", "Apps/HasProvisioningCompleted"),
    ("./DevDetail/URI", "MaxDepth/MaxSegLen/MaxTotLen"),
])  # fmt: skip
def test_nodes_that_are_always_there_are_listed(tree: CspTree, uri: str, names: str) -> None:
    assert tree.apply("Get", uri) == (200, names)


def test_every_child_that_is_listed_can_be_read(tree: CspTree) -> None:
    for parent in ("./DevInfo", "./DevDetail", "./Vendor/MSFT", SYNC.rpartition("/")[0]):
        for name in (tree.apply("Get", parent)[1] or "").split("/"):
            assert tree.apply("Get", f"{parent}/{name}")[0] == 200, f"{parent}/{name}"


def test_a_child_that_was_created_is_listed_once(tree: CspTree) -> None:
    tree.write("./DevInfo/lang", "de-DE")
    assert tree.apply("Get", "./DevInfo") == (200, "Man/lang/DmV/Ext")


def test_device_preparation_is_not_in_the_users_tree(tree: CspTree) -> None:
    tree.user_sid = "S-1-12-1-1-2-3-4"
    assert tree.apply("Get", "./User/Vendor/MSFT/EnrollmentStatusTracking") == (200, "Setup")


@pytest.mark.parametrize(("asked", "answer"), [
    ("/Man?prop=Name", (200, "Man")), ("/Man?prop=Format", (200, "chr")), ("/Man?prop=Type", (200, "text/plain")),
    ("?prop=Format", (200, "node")), ("/Man?prop=ACL", (406, None)), ("?list=StructData", (406, None)),
    ("/Nothing?prop=Name", (404, None)),
])  # fmt: skip
def test_a_property_of_a_node_can_be_read(tree: CspTree, asked: str, answer: tuple[int, str | None]) -> None:
    assert tree.apply("Get", "./DevInfo" + asked) == answer


def test_the_result_of_a_policy_is_what_was_configured(tree: CspTree) -> None:
    uri = "./Vendor/MSFT/Policy/Config/DeviceLock/MaxDevicePasswordFailedAttempts"
    assert tree.apply("Add", uri, "5", "int") == (200, None)
    assert tree.apply("Get", "./Vendor/MSFT/Policy/Result/DeviceLock/MaxDevicePasswordFailedAttempts") == (200, "5")
    assert tree.apply("Get", "./Vendor/MSFT/Policy/Result/DeviceLock/DevicePasswordEnabled") == (404, None)


def test_lists_are_closed_once_the_server_has_finished(tree: CspTree) -> None:
    assert tree.apply("Replace", SYNC + "/ExpectedPolicies", "./a") == (200, None)
    assert tree.apply("Replace", SYNC + "/ServerHasFinishedProvisioning", "true", "bool") == (200, None)
    assert tree.apply("Replace", SYNC + "/ExpectedPolicies", "./b") == (405, None)
    assert tree.apply("Add", SYNC + "/ExpectedMSIAppPackages", "./b") == (405, None)
    assert tree.apply("Delete", SYNC + "/ExpectedPolicies") == (405, None)
    assert tree.apply("Get", SYNC + "/ExpectedPolicies") == (200, "./a")
    assert tree.apply("Replace", SYNC + "/CustomErrorText", "x") == (200, None)


def test_a_server_does_not_rename_a_desktop_by_devicename(tree: CspTree) -> None:
    assert tree.apply("Replace", "./DevDetail/Ext/Microsoft/DeviceName", "x") == (405, None)
