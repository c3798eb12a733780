"""The accounts that a join leaves on the device."""

from __future__ import annotations

from autopilot_agent.scenario.plan import make_plan
from autopilot_agent.scenario.run import play_plan
from autopilot_agent.testing import small_scenario
from autopilot_agent.testing.small import USER_ID


def test_an_entra_sid_is_the_object_id_as_four_little_endian_numbers() -> None:
    plan = make_plan(small_scenario())
    play_plan(plan)
    account = plan.device.disk.accounts[plan.device.disk.signed_in_user]
    raw = bytes.fromhex(USER_ID.replace("-", ""))
    first = int.from_bytes(raw[:4], "big")  # the first field of a GUID is one number
    second = int.from_bytes(raw[6:8] + raw[4:6], "big")  # the next two are 16-bit fields, the later one on top
    third, fourth = (int.from_bytes(raw[start : start + 4], "little") for start in (8, 12))
    assert account.sid == f"S-1-12-1-{first}-{second}-{third}-{fourth}"


def test_the_roles_of_the_join_answer_become_local_administrators() -> None:
    plan = make_plan(small_scenario())
    play_plan(plan)
    assert len(plan.device.disk.administrator_sids) == 2
