"""Whatever a server answers, ``conform`` ends with findings, and a device at an end with an error; within bounds."""

from __future__ import annotations

import gzip
import os

import pytest
from nasty_server import ANYWHERE, KINDS, PERSON, SESSIONS, SOAP, judged, nasty, saying
from wrong_server import DISCOVER, ENROL, MANAGE, POLICY, PROBE, WrongServer, instead

from autopilot_agent.__main__ import main
from autopilot_agent.backends.choice import ServerChoice
from autopilot_agent.conform import Mark, demands, judge, visit
from autopilot_agent.conform.reporting import FORMS, as_text
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.testing.small import USER, small_scenario

URL = "https://localhost"
TOKEN = '{"type": 1, "payload": {"auth_token": "user1@contoso.example"}}'
MOST_EXCHANGES, MOST_BYTES = 500, 60_000_000
FLOODS = ("60 MB", "60 MB that were packed", "a lie about packing", "a circle", "a redirect to Microsoft")
THOROUGH = bool(os.environ.get("AUTOPILOT_AGENT_THOROUGH"))
ANSWERS = [
    (name, kind)
    for number, name in enumerate(ANYWHERE)
    for place, kind in enumerate(KINDS)
    if THOROUGH or (number + place) % len(KINDS) < 2
]
"""Each answer at two of the five stages, each stage with two fifths of the answers; ``make thorough`` tries them all."""


@pytest.mark.parametrize(("name", "kind"), ANSWERS)
def test_every_answer_of_a_nasty_server_is_judged(name: str, kind: str) -> None:
    found = visit(WrongServer(kind, ANYWHERE[name]), URL, PERSON, pooled=True)
    findings = judge(found)
    assert len(findings) == len(demands()) and len(found.exchanges) < MOST_EXCHANGES
    assert kind == PROBE or name == "UTF-16" or any(one.wrong for one in findings), "UTF-16 is XML as well"
    assert as_text(findings, URL, details=True) and all(form(findings, URL) for form in FORMS.values())


@pytest.mark.parametrize("name", SESSIONS)
def test_every_session_comes_to_an_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopilot_agent.wire.syncml_client.MOST_COMMANDS", 3_000)  # as the real bound, and sooner
    make, wanted = SESSIONS[name]
    found = visit(WrongServer(MANAGE, saying(make)), URL, PERSON, pooled=True)
    findings = judge(found)
    assert wanted in {one.demand.id for one in findings if one.mark is Mark.COMPLAINT}
    assert len(found.exchanges) < MOST_EXCHANGES
    assert sum(len(one.response.body) for one in found.exchanges if one.response is not None) < MOST_BYTES
    assert len(as_text(findings, URL)) < 40_000


@pytest.mark.parametrize("kind", [DISCOVER, ENROL, MANAGE])
@pytest.mark.parametrize("name", FLOODS)
def test_what_a_connection_brings_is_judged_as_well(name: str, kind: str) -> None:
    with nasty({kind: ANYWHERE[name]}) as server:
        findings = judged(server.url)
    assert any(one.wrong for one in findings)


def test_a_flood_is_not_kept() -> None:
    with nasty({MANAGE: instead(200, gzip.compress(b" " * 5_000_000), SOAP, **{"content-encoding": "gzip"})}) as server:
        findings = judged(server.url)
    seen = next(one.seen[0] for one in findings if one.demand.id == "DM-ANSWER")
    assert "the answer has more than 4000000 bytes" in seen.text
    assert seen.exchange is not None and seen.exchange.response is None


def test_the_command_ends_with_findings(capsys: pytest.CaptureFixture[str]) -> None:
    with nasty({POLICY: ANYWHERE["an entity bomb"], MANAGE: ANYWHERE["no UTF-8"]}) as server:
        assert main(["conform", server.url, "--user", USER, "--password", "right password"]) == 1
    said = capsys.readouterr()
    assert "FAIL POL-ANSWER" in said.out and "FAIL DM-ANSWER" in said.out and said.err == ""


@pytest.mark.parametrize(
    ("kind", "name"),
    [(DISCOVER, "a list"), (DISCOVER, "a circle"), (ENROL, "an entity bomb"), (ENROL, "null everywhere"), (POLICY, "deep"),
     (MANAGE, "zeros"), (MANAGE, "no UTF-8")],
)  # fmt: skip
def test_a_device_at_a_nasty_server_ends_with_an_error(kind: str, name: str) -> None:
    with nasty({kind: ANYWHERE[name]}) as server:
        result = run_scenario(small_scenario(), backend=ServerChoice(server.url, enrol_token=TOKEN, pooled=True)).result
    assert result.problem == "" and result.error is not None and result.error.code


@pytest.mark.parametrize("name", ["a Get without end", "no CmdID", "an object without end", "numbers and places that are none"])
def test_a_device_gives_up_on_a_session_without_end(name: str) -> None:
    with nasty({MANAGE: saying(SESSIONS[name][0])}) as server:
        result = run_scenario(small_scenario(), backend=ServerChoice(server.url, enrol_token=TOKEN, pooled=True)).result

    assert result.problem == "" and result.error is not None and result.error.code
