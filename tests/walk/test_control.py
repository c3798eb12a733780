"""The simulator's own prompt: what is done there strikes in that moment, and a replay strikes in the same one."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.model import FaultSpec, Happening
from autopilot_agent.walk import control
from tests.walk.talk import Talk


def test_faults_network_power_time_and_an_administrator_replay_to_the_same_trace(tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    talk = Talk("--mode", "user-driven", "--record", str(record))
    answers = {
        "REGION": [":jump 2m", ":net off", ":jump 5m", ":net on", ""],
        "NET": ["cable"],
        "EULA": [":fault F-26", ""],
        "SIGNIN": [":admin cloud mfa=true", "user2@contoso.example"],
        "PWD": ["", "wrong", ":power off 3m", "opensesame"],
        "WRONG": [":clear", "1"],
        "PRIVACY": [":in 1m net off", ":in 2m net on", ""],
    }
    assert talk.answer(answers) == 0
    assert "MFA" in talk.seen and talk.seen.count("PWD") > 2 and "WRONG" in talk.seen
    assert "it replays to the same trace" in talk.text, talk.text[-600:]
    written = record.read_text("utf-8")
    assert "power_off: 3m" in written and "happenings:" in written and "opensesame" not in written
    assert "wait: 5m" in written and "{network: cable}" in written


def test_a_walk_that_was_left_goes_on_where_it_was(tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    first = Talk("--mode", "user-driven", "--record", str(record))
    for _ in range(5):
        first.page()
        first.say("")
    assert first.page() == "EULA"
    assert first.hang_up() == 130
    assert f"walk --state {record}" in first.text
    second = Talk("--state", str(record), "--record", str(tmp_path / "more.yaml"))
    assert second.page() == "EULA"
    assert "Screen LANG" not in second.text
    second.say("")
    assert second.answer() == 0
    assert "it replays to the same trace" in second.text


def test_save_and_quit_at_a_page(tmp_path: Path) -> None:
    talk = Talk("--mode", "self-deploying")
    talk.page()
    talk.say(f":save {tmp_path / 'kept.yaml'}")
    talk.page()
    talk.say(":why")
    talk.page()
    talk.say(":quit")
    assert talk.page() == "" and talk.end() == 0
    assert (tmp_path / "kept.yaml").exists()
    assert "documented" in talk.text and "Left in keyboard" in talk.text


@pytest.mark.parametrize(
    ("line", "happening"),
    [
        (":net off", Happening(network="lost")),
        (":net CABLE", Happening(network="cable")),
        (":power off", Happening(power_off="1m")),
        (":fault f-26", Happening(inject=FaultSpec(fault="F-26"))),
        (":fault EnrollMdm 503", Happening(inject=FaultSpec(on="EnrollMdm", status=503))),
        (":fault EnrollMdm 0x80180014", Happening(inject=FaultSpec(on="EnrollMdm", code="0x80180014"))),
        (":clear", Happening(clear="all")),
        (":admin sync", Happening(admin={"sync": True})),
        (":admin assign Contoso Kiosk", Happening(admin={"assign_profile": "Contoso Kiosk"})),
        (":admin cloud mfa=true", Happening(admin={"cloud": {"mfa": True}})),
    ],
)
def test_what_a_command_makes_happen(line: str, happening: Happening) -> None:
    assert control.read(line).happening == happening


@pytest.mark.parametrize(
    "line",
    [
        ":nonsense",
        ":net sideways",
        ":jump soon",
        ":jump",
        ":fault",
        ":fault F-999",
        ":fault Nonsense 503",
        ":power on",
        ":in 5m why",
        ":in later net off",
        ":admin",
        ":admin rule the world",
        ":admin assign",
        ":admin tenant [",
    ],
)
def test_a_command_that_cannot_be_is_refused_with_a_sentence(line: str) -> None:
    with pytest.raises(InputError):
        control.read(line)


def test_refused_commands_leave_the_walk_where_it_is() -> None:
    talk = Talk("--mode", "user-driven")
    for line in (":nonsense", ":fault F-18", ":fault F-87", ":clear F-26", ":speed fast", ":hint", ":admin deregister", ""):
        assert talk.page() == "LANG"
        talk.say(line)
    assert talk.page() == "REGION"
    assert talk.hang_up() == 130
    said = ("is not a command", "something a person does", "at power-on", "there is none", "is not a speed", "an exercise")
    for sentence in said:
        assert sentence in talk.text
