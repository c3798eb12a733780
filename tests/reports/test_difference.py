"""Comparing runs: equal ones, where two part and by which rule, and recordings of the same runs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.errors import InputError
from autopilot_agent.events import KINDS, Noted, StateEntered, StateLeft, to_json_lines
from autopilot_agent.reports.difference import compare, hunks, same
from autopilot_agent.reports.difference_text import plain, summary, write
from autopilot_agent.reports.recording import of_events, read_events, read_json
from autopilot_agent.reports.resources import compare_tenants
from autopilot_agent.reports.sentences import sentence
from autopilot_agent.reports.style import Style
from autopilot_agent.scenario.loader import load_scenario, load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario
from autopilot_agent.scenario.tenants import read_tenant

ROOT = Path(__file__).resolve().parents[2]
WIRED = ROOT / "scenarios" / "hybrid" / "wired.yaml"
LATE = ROOT / "scenarios" / "hybrid" / "f37-sync-late.yaml"


def played(path: Path, seed: int | None = None) -> Run:
    return run_scenario(load_scenario(path), seed=seed)


def small(**words: object) -> Run:
    text = json.dumps({"scenario": "small", **words})
    return run_scenario(load_scenario_text(text, Path("small.yaml")))


def test_a_run_does_not_differ_from_itself() -> None:
    found = compare(played(WIRED), played(WIRED))
    assert found.equal and found.first is None and summary(found) == "nothing differs"


def test_two_runs_part_where_the_rule_decided() -> None:
    found = compare(played(WIRED), played(LATE))
    assert found.first is not None and found.first.a is not None and found.first.b is not None
    assert "RegisterHybridDevice is answered" in found.first.a.text
    assert "RegisterHybridDevice is refused" in found.first.b.text and found.first.b.rule == "H11"
    assert found.first.before is not None and "WriteUserCertificate" in found.first.before.text
    assert found.parting is not None and found.parting.rules == ("H11", "F-37")
    assert {one.name: (one.a, one.b) for one in found.end} == {
        "end_state": ("desktop", "esp_failed"),
        "outcome": ("completed", "failed"),
        "join": ("hybrid", "domain"),
        "error": ("", "0x800705B4 F-37"),
    }
    assert found.path[0].before == "hybrid_registration"
    assert found.times[0].state == "hybrid_registration"


def test_the_other_order_tells_the_same_the_other_way_round() -> None:
    one, other = compare(played(WIRED), played(LATE)), compare(played(LATE), played(WIRED))
    assert one.first is not None and other.first is not None
    assert (one.first.a, one.first.b) == (other.first.b, other.first.a)
    assert [(took.a, took.b) for took in one.times] == [(took.b, took.a) for took in other.times]


def test_a_difference_of_time_alone_is_told_as_such() -> None:
    quick = small(windows_update={"critical": [{"duration": "1m"}]})
    slow = small(windows_update={"critical": [{"duration": "9m"}]})
    found = compare(quick, slow)
    assert found.end == [] and found.path == [] and not found.equal
    assert found.times[0].state == "updates" and found.seconds is not None
    if found.first is not None and found.first.kind == "time":
        assert "in time alone" in "\n".join(write(found, Style(width=80)))


def test_another_device_name_is_the_whole_difference_of_the_end() -> None:
    profile = {"displayName": "P", "assignments": ["all devices"]}
    one = small(tenant={"windowsAutopilotDeploymentProfiles": [{**profile, "deviceNameTemplate": "A-%SERIAL%"}]})
    other = small(tenant={"windowsAutopilotDeploymentProfiles": [{**profile, "deviceNameTemplate": "B-%SERIAL%"}]})
    assert [each.name for each in compare(one, other).end] == ["device_name"]


def test_recordings_compare_like_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = to_json_lines(played(WIRED).events)
    assert compare(read_events(lines, "a")[0], played(WIRED)).equal
    main(["run", str(WIRED), "--output", "json"])
    document = json.loads(capsys.readouterr().out)
    assert compare(read_json(document, "a")[0], played(WIRED)).equal
    assert not compare(read_json(document, "a")[0], played(LATE)).equal


def test_a_result_alone_says_that_the_traces_differ() -> None:
    one, other = (msgspec.to_builtins(played(WIRED, seed).result) for seed in (1, 2))
    for name in ("virtual_seconds", "device_name"):
        other[name] = one[name]
    a, b = (read_json({"results": [raw]}, "x")[0] for raw in (one, other))
    found = compare(a, b)
    assert not found.equal and found.trace
    assert "--output jsonl" in "\n".join(write(found, Style(width=80)))


def test_events_say_how_a_run_ended() -> None:
    found = of_events(played(LATE).events, "x")
    assert found.end["end_state"] == "esp_failed" and "0x800705B4" not in found.end


def test_two_events_are_the_same_whenever_they_come() -> None:
    assert same(Noted(1, 5, "C1", "x"), Noted(2, 9, "C1", "x"))
    assert not same(Noted(1, 5, "C1", "x"), Noted(1, 5, "C1", "y"))
    assert not same(StateEntered(0, 0, "", "boot"), StateLeft(0, 0, "", "boot", "ok"))


def test_hunks_name_what_only_one_has() -> None:
    found = hunks(["a", "b", "c"], ["a", "x", "c", "d"])
    assert [(one.before, one.a, one.b) for one in found] == [("a", ["b"], ["x"]), ("c", [], ["d"])]


def test_every_kind_of_event_has_a_sentence() -> None:
    told: set[type] = set()
    for path in (WIRED, LATE, *sorted((ROOT / "scenarios" / "lifecycle").glob("*.yaml"))[:20]):
        for event in played(path).events:
            told.add(type(event))
            assert sentence(event)
    from autopilot_agent.reports.sentences import _SENTENCES

    assert set(_SENTENCES) == set(KINDS) and len(told) > 10


def test_the_plain_form_is_json() -> None:
    data = json.loads(json.dumps(plain(compare(played(WIRED), played(LATE)))))
    assert data["equal"] is False and data["parting"]["rules"][1]["id"] == "F-37"


def test_tenants_differ_by_names_and_not_by_ids(tmp_path: Path) -> None:
    text = """
groups:
  - {{id: {group}, displayName: Staff}}
windowsAutopilotDeploymentProfiles:
  - {{id: {profile}, displayName: P, assignments: [Staff], outOfBoxExperienceSetting: {{userType: {rights}}}}}
"""
    for name, words in (("a", ("g1", "p1", "standard")), ("b", ("g2", "p2", "standard")), ("c", ("g1", "p1", "administrator"))):
        group, profile, rights = words
        (tmp_path / f"{name}.yaml").write_text(text.format(group=group, profile=profile, rights=rights), encoding="utf-8")
    a, b, c = (read_tenant(tmp_path / f"{name}.yaml") for name in "abc")
    assert compare_tenants(a, b) == []
    (found,) = compare_tenants(a, c)
    assert (found.collection, found.name, found.change) == ("windowsAutopilotDeploymentProfiles", "P", "changed")
    assert [(one.path, one.a, one.b) for one in found.settings] == [
        ("outOfBoxExperienceSetting.userType", "standard", "administrator")
    ]


def test_a_run_that_could_not_be_played_is_not_compared() -> None:
    broken = played(WIRED)
    broken.result.problem = "small.yaml:1: wrong"
    with pytest.raises(InputError, match="wrong"):
        compare(broken, broken)
