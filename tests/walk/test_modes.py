"""Every mode from the first screen to the end, typed into the program, recorded, validated and played again."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.events import trace_hash
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.model import MODES
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.walk import ready
from autopilot_agent.walk.keyboard import Nobody
from autopilot_agent.walk.session import Session
from autopilot_agent.walk.stage import PlainStage
from tests.walk.talk import Talk

PAGES = {
    "user-driven": ["LANG", "REGION", "KBD", "KBD2", "NET", "EULA", "SIGNIN", "PWD", "PRIVACY", "WHFB", "NEXT"],
    "ordinary-oobe": ["REGION", "KBD", "KBD2", "NET", "EULA", "NAME", "ACCT", "SIGNIN", "PWD", "PRIVACY", "WHFB", "NEXT"],
    "hybrid": ["KBD", "KBD2", "SIGNIN", "PWD", "LOGON", "SIGNIN", "PWD", "STAY", "ALLSET", "HSIGNOUT", "LOGON", "NEXT"],
    "self-deploying": ["KBD", "KBD2", "NEXT"],
    "pre-provisioned": ["KBD", "WHATDO", "PPINFO", "PPOK", "KBD", "KBD2", "EULA", "SIGNIN", "PWD", "WHFB", "NEXT"],
    "existing-device": ["REGION", "KBD", "KBD2", "SIGNIN", "PWD", "WHFB", "NEXT"],
}


def test_there_is_a_ready_walk_for_every_mode_but_the_one_that_is_made_of_acts() -> None:
    assert set(ready.modes()) == set(MODES) - {"lifecycle"} == set(PAGES)


@pytest.mark.parametrize("mode", PAGES)
def test_a_mode_is_walked_to_its_end_and_replays_to_the_same_trace(mode: str, tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    talk = Talk("--mode", mode, "--record", str(record))
    assert talk.answer() == 0
    assert talk.seen == PAGES[mode]
    assert "it replays to the same trace" in talk.text
    assert "opensesame" not in talk.text + record.read_text("utf-8")
    run = run_scenario(load_scenario(record))
    assert run.result.verdict == "passed", run.result
    again = _walked_by_itself(record)
    assert trace_hash(again.plan.world.trace) == run.result.trace_hash


def _walked_by_itself(record: Path) -> Session:
    session = Session(load_scenario(record), PlainStage(Nobody()), speed=None, auto=True)
    session.play()
    return session


def test_without_a_file_the_modes_are_offered() -> None:
    talk = Talk()
    assert talk.page() == "WALK"
    talk.say("nonsense")
    talk.page()
    talk.say("self-deploying")
    assert talk.page() == "KBD"
    assert talk.hang_up() == 130
    assert "'nonsense' is none of these" in talk.text


def test_acts_of_the_scenario_go_on_after_what_was_left_at_a_page(tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    talk = Talk("--mode", "pre-provisioned", "--record", str(record))
    assert talk.answer({"PPOK": ["0"]}) == 0
    assert "it replays to the same trace" in talk.text
    assert [act if isinstance(act, str) else type(act).__name__ for act in load_scenario(record).scenario.acts or ()] == [
        "Technician",
        "Reseal",
        "Ship",
        "User",
    ]


def test_what_follows_an_end_is_recorded_as_further_acts(tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    talk = Talk("--mode", "self-deploying", "--record", str(record))
    told = {"NEXT": ["ctrl+win+r", "1", "3", "5"], "RESETLOGON": ["admin@contoso.example"], "LOGON": ["user1@contoso.example"]}
    assert talk.answer(told) == 0
    assert "it replays to the same trace" in talk.text, talk.text[-500:]
    acts = load_scenario(record).scenario.acts or []
    assert [type(act).__name__ for act in acts] == ["Provision", "ResetLocal", "User", "ResetRemote", "Wipe"]
    assert "Everything is gone" in talk.text and "Screen RESETLOGON" in talk.text


def test_somebodys_own_tenant_is_walked_through(tmp_path: Path) -> None:
    folder = Path("scenarios/tenants/contoso").resolve()
    record = tmp_path / "walk.yaml"
    talk = Talk("--tenant", str(folder), "--record", str(record))
    assert talk.answer() == 0
    assert "it replays to the same trace" in talk.text
    assert [path.parent.name for path in (tmp_path / "walk-tenant").rglob("mobileApps.json")] == ["contoso"]
