"""Entra: whose domain it is, who may sign in, who may join, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.base import Call
from autopilot_agent.service.entra import (
    DiscoverRealm,
    EscrowRecoveryKey,
    GetBranding,
    GetTermsOfUse,
    JoinDevice,
    LeaveDirectory,
    Realm,
    RegisterHelloKey,
    SignIn,
)
from autopilot_agent.tenant.cloud import answer
from autopilot_agent.tenant.state import OTHER_TENANT
from autopilot_agent.testing import small_state
from autopilot_agent.testing.small import TENANT_ID, USER, USER_ID

Changes = dict[str, object]


def refusal(call: Call[Any], changes: Changes | None = None) -> tuple[str, str]:
    with pytest.raises(ServiceFault) as caught:
        answer(small_state(changes), call, 0)
    return caught.value.code, caught.value.rule


def join(tenant: str = TENANT_ID, user: str = USER_ID, registration: str = "") -> JoinDevice:
    return JoinDevice(user, tenant, "DESKTOP-1", "10.0.26100.4349", registration)


def policy(
    *controls: str, operator: str = "OR", apps: tuple[str, ...] = ("All",), state: str = "enabled", **users: object
) -> Changes:
    return {
        "tenant.conditionalAccessPolicies": [
            {
                "displayName": "CA",
                "state": state,
                "conditions": {
                    "applications": {"includeApplications": list(apps)},
                    "users": {"includeUsers": ["All"], **users},
                },
                "grantControls": {"operator": operator, "builtInControls": list(controls)},
            }
        ]
    }


def test_branding_is_the_tenant_s() -> None:
    found = answer(small_state(), GetBranding("contoso.example"), 0)
    assert (found.tenant_name, found.sign_in_text, found.configured) == ("Contoso", "Welcome to Contoso", True)


@pytest.mark.parametrize(
    ("name", "changes", "realm"),
    [
        (USER, {}, Realm("Managed", "contoso.example", TENANT_ID)),
        (USER.upper(), {}, Realm("Managed", "contoso.example", TENANT_ID)),
        (USER, {"cloud.federated": True}, Realm("Federated", "contoso.example", TENANT_ID)),
        ("somebody@fabrikam.example", {}, Realm("Managed", "fabrikam.example", OTHER_TENANT)),
    ],
)
def test_a_domain_says_whose_user_it_is(name: str, changes: Changes, realm: Realm) -> None:
    assert answer(small_state(changes), DiscoverRealm(name), 0) == realm


def test_a_sign_in_gives_a_token_and_is_kept() -> None:
    state = small_state()
    token = answer(state, SignIn(USER.upper(), "right password"), 0)
    assert (token.user_id, token.user_name, token.tenant_id) == (USER_ID, USER, TENANT_ID)
    assert state.recorded()["sign_ins"] == [USER]


@pytest.mark.parametrize(
    ("call", "changes", "expected"),
    [
        (SignIn(USER, "wrong"), {}, ("AADSTS50126", "F-18")),
        (SignIn(USER, ""), {}, ("AADSTS50126", "F-18")),
        (SignIn("nobody@contoso.example", "x"), {}, ("AADSTS50034", "U2")),
        (SignIn(USER, "x"), {"cloud.mfa": True}, ("AADSTS50076", "U2")),
        (SignIn(USER, "x", "denied"), {"cloud.mfa": True}, ("AADSTS500121", "F-18")),
        (SignIn(USER, "x"), policy("mfa"), ("AADSTS50076", "U2")),
        (SignIn(USER, "x"), policy("block"), ("AADSTS53003", "F-19")),
        (SignIn(USER, "x"), policy("compliantDevice"), ("AADSTS53003", "F-19")),
        (SignIn(USER, "x"), policy("compliantDevice", "mfa", operator="AND"), ("AADSTS53003", "F-19")),
        (SignIn(USER, "x"), policy("compliantDevice", "mfa"), ("AADSTS50076", "U2")),
    ],
    ids=str,
)
def test_each_refused_sign_in_has_its_code(call: SignIn, changes: Changes, expected: tuple[str, str]) -> None:
    assert refusal(call, changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        policy("block", state="disabled"),
        policy("block", state="enabledForReportingButNotEnforced"),
        policy("block", apps=("00000003-0000-0000-c000-000000000000",)),
        policy("block", excludeUsers=[USER_ID]),
        policy("block", includeUsers=["99999999-0000-4000-8000-000000000001"]),
    ],
    ids=str,
)
def test_a_policy_that_does_not_apply_lets_everybody_in(changes: Changes) -> None:
    assert answer(small_state(changes), SignIn(USER, "x"), 0).user_id == USER_ID


def test_a_second_factor_opens_the_door() -> None:
    assert answer(small_state({"cloud.mfa": True}), SignIn(USER, "x", "approved"), 0).user_id == USER_ID


def test_a_user_of_another_domain_belongs_to_another_tenant() -> None:
    assert answer(small_state(), SignIn("somebody@fabrikam.example", "x"), 0).tenant_id == OTHER_TENANT


def test_a_disabled_user_cannot_sign_in() -> None:
    user = {"id": USER_ID, "userPrincipalName": USER, "accountEnabled": False}
    assert refusal(SignIn(USER, "x"), {"tenant.users": [user]})[0] == "AADSTS50034"


@pytest.mark.parametrize(
    ("call", "changes", "expected"),
    [
        (join(tenant=OTHER_TENANT), {}, ("0x801C0013", "F-22")),
        (join(user="nobody"), {}, ("0x801C0002", "F-22")),
        (join(), {"cloud.joined_devices": 50}, ("0x801C000E", "F-21")),
    ],
    ids=str,
)
def test_each_refused_join_has_its_code(call: JoinDevice, changes: Changes, expected: tuple[str, str]) -> None:
    assert refusal(call, changes) == expected


def test_a_join_below_the_quota_is_allowed() -> None:
    state = small_state({"cloud.joined_devices": 49})
    answer(state, join(), 0)
    with pytest.raises(ServiceFault, match="limit of 50 devices"):
        answer(state, join(), 0)


def test_the_quota_counts_the_devices_of_the_user_who_joins() -> None:
    other = {"id": "two", "userPrincipalName": "user2@contoso.example"}
    changes = {"tenant.users": [{"id": USER_ID, "userPrincipalName": USER}, other]}
    state = small_state({**changes, "tenant.deviceRegistrationPolicy": {"userDeviceQuota": 2}})
    device_ids = [answer(state, join(user=user), 0).device_id for user in (USER_ID, "two", USER_ID)]
    with pytest.raises(ServiceFault, match=f"{USER} has reached the limit of 2 devices"):
        answer(state, join(), 0)
    answer(state, join(user="two"), 0)
    answer(state, LeaveDirectory(device_ids[0]), 0)
    answer(state, join(), 0)


def test_a_join_takes_the_object_that_the_registration_made() -> None:
    state = small_state()
    assert state.identity is not None
    joined = answer(state, join(registration=state.identity.id), 0)
    assert joined.device_id == state.identity.azure_active_directory_device_id
    assert len(joined.administrator_sids) == 2


def test_terms_of_use_are_for_licensed_users() -> None:
    terms = answer(small_state({"cloud.terms_of_use": "Be kind."}), GetTermsOfUse("", USER_ID), 0)
    assert terms.text == "Be kind."
    assert refusal(GetTermsOfUse("", "nobody")) == ("0x80190194", "F-16")
    assert refusal(GetTermsOfUse("", USER_ID), {"cloud.terms_of_use_broken": True}) == ("0x80190194", "F-16")


def test_keys_are_counted() -> None:
    state = small_state()
    answer(state, RegisterHelloKey(USER_ID, "d"), 0)
    answer(state, EscrowRecoveryKey("d", "C:"), 0)
    answer(state, EscrowRecoveryKey("d", "D:"), 0)
    recorded = state.recorded()
    assert (recorded["hello_keys"], recorded["recovery_keys"]) == (1, 2)
