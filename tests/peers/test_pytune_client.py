"""pytune against the served tenant (protocols.md 18.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from plumbing import claims_of
from pytune_client import BLOB, GRAPH, INTUNE, SCALE_UNIT, PytuneClient

from autopilot_agent.testing.small import DOMAIN, EDITOR, PORTAL, SMALL, USER
from autopilot_agent.testing.small import GRAPH as KIND

PACKAGE = "bbbbbbbb-0000-4000-8000-000000000001"
WITH_MSI: dict[str, object] = {
    "tenant.mobileApps": [
        *SMALL["tenant"]["mobileApps"],
        {
            "@odata.type": KIND + "windowsMobileMSI",
            "id": PACKAGE,
            "displayName": "Reader",
            "productCode": "{0A1B2C3D-0000-4000-8000-00000000ABCD}",
            "productVersion": "1.2.3.4",
            "assignments": ["all devices"],
        },
    ]
}


def joined(served: Any, **more: Any) -> PytuneClient:
    client = PytuneClient(served.base, None, served.send, **more)
    client.join(client.sign_in(USER, "right password"), "contoso.example")
    return client


def enrolled(served: Any, **more: Any) -> PytuneClient:
    client = joined(served, **more)
    client.enrol(SCALE_UNIT, client.token_for(INTUNE))
    return client


def test_it_joins_with_the_token_of_a_user(serve: Callable[..., Any]) -> None:
    served = serve()
    client = joined(served)
    assert client.device_id is not None and len(client.device_id) == 36


def test_the_joined_device_gets_a_token_of_its_own(serve: Callable[..., Any]) -> None:
    client = joined(serve())
    claims = claims_of(client.device_token("https://graph.windows.net"))
    assert claims["deviceid"] == client.device_id


def test_a_wrong_password_brings_an_error_and_no_token(serve: Callable[..., Any]) -> None:
    served = serve()
    client = PytuneClient(served.base, None, served.send)
    with pytest.raises(Exception, match="AADSTS50126"):
        client.sign_in(USER, "wrong password")


def test_the_directory_names_the_enrolment_address_and_it_enrols(serve: Callable[..., Any]) -> None:
    served = serve()
    client = joined(served)
    address = client.look_up(client.token_for(GRAPH))
    assert address.startswith(served.base)
    client.enrol(address, client.token_for(INTUNE))
    assert client.mdm is not None


def test_the_third_parm_at_depth_four_is_the_certificate_of_the_device(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    assert client.mdm is not None
    assert len(served.state.history) == 1


def test_it_enrols_without_having_joined(serve: Callable[..., Any]) -> None:
    served = serve()
    client = PytuneClient(served.base, None, served.send)
    client.sign_in(USER, "right password")
    client.enrol(SCALE_UNIT, client.token_for(INTUNE))
    assert client.mdm is not None


def test_a_check_in_without_alerts_from_an_imei_is_known_by_its_certificate_and_ends(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    seen = client.check_in()
    assert ("Get", "./DevDetail/SwV") in seen
    assert served.state.history[0].facts["./DevDetail/SwV"] == "10.0.19041.928"


def test_check_ins_with_always_the_same_session_number_come_to_rest(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    numbers = [len(client.check_in()) for _ in range(4)]
    assert numbers[0] > 0
    assert numbers[-1] == 0


def test_a_hybrid_device_gets_its_blob_in_a_later_check_in(serve: Callable[..., Any]) -> None:
    client = enrolled(serve(), hardware_hash="aGFzaA==")
    seen = client.check_in()
    assert ("Get", "./DevDetail/Ext/DeviceHardwareData") in seen
    for _ in range(3):
        if not client.blob:
            seen = client.check_in()
    assert ("Exec", BLOB) in seen
    domain, computer, password = client.domain_join()
    assert domain == DOMAIN
    assert computer.startswith("CON-")
    assert password


def test_it_downloads_the_packages_it_was_sent_by_the_hash_of_their_name(serve: Callable[..., Any]) -> None:
    client = enrolled(serve(WITH_MSI))
    for _ in range(3):
        client.check_in()
    assert any("IntuneWindowsAgent.msi" in job for job in client.jobs)
    found = client.packages()
    assert len(found) == 1
    assert all(found.values())


def test_the_gateway_is_found_with_the_mdm_certificate_and_lists_the_apps_of_the_device(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    client.locate()
    apps = {one["Id"]: one for one in client.apps()}
    assert PORTAL in apps or EDITOR in apps
    for one in apps.values():
        assert {"Id", "Name", "Version", "Intent", "InstallCommandLine", "DetectionRule", "ReturnCodes"} <= set(one)


def test_no_apps_are_packed_too(serve: Callable[..., Any]) -> None:
    client = enrolled(serve({"tenant.mobileApps": []}))
    client.locate()
    assert client.apps() == []


def test_scripts_come_as_plain_json(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    client.locate()
    scripts = client.scripts()
    assert scripts
    assert {"PolicyId", "PolicyType", "PolicyVersion", "PolicyBody", "ExecutionContext"} <= set(scripts[0])


def test_the_content_of_an_app_is_sealed_for_the_mdm_certificate_and_is_a_zip(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    client.locate()
    apps = client.apps()
    assert apps
    assert client.content(apps[0])


def test_the_gateway_tells_nothing_without_a_certificate(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    client.locate()
    other = joined(serve())
    client.mdm = other.device
    with pytest.raises(Exception, match="HTTP 4"):
        client.apps()


def test_the_same_over_a_socket(serve: Callable[..., Any]) -> None:
    client = enrolled(serve().over_a_socket())
    assert client.check_in()
    client.locate()
    assert client.apps()
