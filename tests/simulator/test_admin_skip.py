"""``$skip``: where a list begins, also where it goes on page by page."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.tenant.registration import NewDevice, register
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.testing.small import small_state

TOKEN = "token-of-the-tests"


def asked(served: Served, url: str, status: int = 200) -> Any:
    answer = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("skip", [0, 1, 3, 5, 6, 99])
def test_a_list_begins_behind_what_is_skipped(skip: int) -> None:
    state = small_state()
    for number in range(5):
        register(state, NewDevice(f"5CG777777{number}", "", "Contoso", "Notebook 14", ""), 0)
    with serving(state, token=TOKEN, authority=one_authority) as served:
        path = f"{served.url}/admin/v1.0/deviceManagement/windowsAutopilotDeviceIdentities"
        every = [one["id"] for one in asked(served, path)["value"]]
        assert [one["id"] for one in asked(served, f"{path}?$skip={skip}")["value"]] == every[skip:]
        found, url = [], f"{path}?$skip={skip}&$top=2&$count=true"
        while url:
            page = asked(served, url)
            assert page["@odata.count"] == len(every)
            found += [one["id"] for one in page["value"]]
            url = page.get("@odata.nextLink", "")
        assert found == every[skip:]
        assert "$skip has to be a number" in asked(served, f"{path}?$skip=x", 400)["error"]["message"]
