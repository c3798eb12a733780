"""An MDM that is not Intune: what it sends at once, what later, and what never."""

from __future__ import annotations

import pytest

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, Enrolled, EnrollMdm
from autopilot_agent.service.management import Command, ManagementMessage
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import USER_ID

TAILSPIN = {
    "tenant.mobilityManagementPolicies": [
        {
            "id": "99999999-0000-4000-8000-000000000001",
            "displayName": "Tailspin",
            "appliesTo": "all",
            "discoveryUrl": "https://mdm.tailspin.example/discovery",
        }
    ]
}


def enrolled(**ways: object) -> tuple[TenantState, Enrolled]:
    state = small_state({**TAILSPIN, "cloud.other_mdm": ways})
    call = EnrollMdm(
        USER_ID, "user1@contoso.example", "d1", "DESKTOP-1", "ztd", 48, "10.0.26100.4349", "5CG0000001", "Contoso",
        "Notebook 14", "aGFzaA==", True,
    )  # fmt: skip
    return state, answer(state, call, 0)


def session(state: TenantState, dm: Enrolled, number: int, user_id: str = "") -> list[Command]:
    return list(answer(state, ManagementMessage(dm.enrolment_id, number, 1, user_id=user_id), 0).commands)


def ends(commands: list[Command]) -> list[tuple[str, str]]:
    return [(one.uri.rsplit("/", 1)[1], one.value) for one in commands]


def test_its_document_says_nothing_about_the_page() -> None:
    _, dm = enrolled()
    assert (dm.provider_id, dm.esp_target) == ("Tailspin", "other")
    assert [uri.rsplit("/", 1)[1] for uri, _ in dm.settings] == ["EntDMID"]


def test_it_holds_the_page_in_its_first_answer_and_releases_it_in_the_next_session() -> None:
    state, dm = enrolled()
    first, second = ends(session(state, dm, 1)), ends(session(state, dm, 2))
    assert ("SkipDeviceStatusPage", "false") in first
    assert ("InstallationState", "1") in first
    assert ("ServerHasFinishedProvisioning", "true") not in first
    assert second[-2:] == [("InstallationState", "3"), ("ServerHasFinishedProvisioning", "true")]
    assert session(state, dm, 3) == []


def test_one_that_does_not_hold_sends_nothing_about_the_page() -> None:
    state, dm = enrolled(hold=False)
    assert session(state, dm, 1) == []


def test_one_that_never_gets_ready_never_says_so() -> None:
    state, dm = enrolled(ready=False)
    found = [one for number in range(1, 5) for one in ends(session(state, dm, number))]
    assert ("InstallationState", "3") not in found


def test_one_that_never_finishes_finishes_for_nobody() -> None:
    state, dm = enrolled(finishes=False)
    found = [one for number in range(1, 5) for one in ends(session(state, dm, number))]
    found += ends(session(state, dm, 5, USER_ID))
    assert not any(name == "ServerHasFinishedProvisioning" for name, _ in found)


def test_a_name_that_only_exists_inside_finds_no_mdm() -> None:
    with pytest.raises(ServiceFault) as refused:
        answer(small_state(), DiscoverEnrolment("user1@contoso.local", "https://example"), 0)
    assert (refused.value.code, refused.value.rule) == ("0x8018002B", "F-29")
