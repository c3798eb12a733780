"""Scenario files: found, read, and every mistake named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot_agent import rulebook
from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario import names
from autopilot_agent.scenario.loader import find_scenarios, load_scenario, load_scenario_text


def refusal_of(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load_scenario_text(text, Path("s.yaml"))
    return caught.value


def test_a_short_scenario_takes_defaults(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("scenario: Short\n")
    loaded = load_scenario(path)
    assert loaded.scenario.mode == "user-driven"
    assert loaded.path == path
    assert loaded.document.place(("scenario",)) == Place(str(path), 1, 11)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mode: user-drivn", "s.yaml:2:7: 'user-drivn' is not a choice here; did you mean 'user-driven'?"),
        ("modes: user-driven", "s.yaml:2:1: 'modes' is not a key of the top of a scenario; did you mean 'mode'?"),
        ("device: {tpm: {verzion: '2.0'}}", "s.yaml:2:16: 'verzion' is not a key of device.tpm; did you mean 'version'?"),
        ("device: {serial_number: 5123}", 'expected text, found the whole number 5123; put it in quotes: "5123"'),
        ("device: {network: fiber}", "'fiber' is not a choice here; choose one of ethernet, wifi."),
        ("device: {network: 5}", "device.network: expected one of ethernet, wifi or keys and values, found the whole number 5"),
        ("device: {network: {kind: fiber}}", "s.yaml:2:26: 'fiber' is not a choice"),
        ("device: {windows: {wlidsvc: yes}}", "expected true or false, found text 'yes'; write true."),
        ("device: 7", "device: expected keys and values, found the whole number 7."),
        ("seed: 'x'", "seed: expected a whole number, found text 'x'."),
        ("seed: '7'", "remove the quotes"),
        ("seed: true", "expected a whole number, found true"),
        ("seed: 1.5", "expected a whole number, found the number 1.5"),
        ("tags: slow", "expected a list, found text 'slow'; write [slow]"),
        ("expect: {error: 0x80180014}", 'found the whole number 0x80180014; put it in quotes: "0x80180014"'),
        ("expect: {registry: [{key: a}]}", "s.yaml:2:21: the key 'name' is missing in expect.registry[0]"),
        ("acts: [provison]", "s.yaml:2:8: acts[0]: 'provison' is not an act; did you mean 'provision'?"),
        ("assumptions: {Q-99: a}", "'Q-99' is not an open question"),
        ("assumptions: {Q-17: a}", "'a' is not an answer to Q-17; choose one of restart, no reboot."),
        ("assumptions: {Q-18: a}", "s.yaml:2:15: assumptions: Q-18 has one model in this version; only Q-01, "),
        ("cloud: {odj_connector: {takes: soon}}", "s.yaml:2:32: cloud.odj_connector.takes: "),
        ("cloud: {entra_connect: {every: 0s}}", "s.yaml:2:32: cloud.entra_connect.every: a cycle takes time; write 30m."),
        ("cloud: {active_directory: {domain: CORP}}", "'CORP' is not a DNS name; write corp.contoso.example."),
        ("device: {vpn: {back_after: 5m}}", "a connection that never drops does not come back; add drops_after."),
        ("acts: []", "acts: nothing would be done; write an act such as provision"),
        ("acts: [{act: shp}]", "s.yaml:2:14: 'shp' is not an act; did you mean 'ship'?"),
        ("acts: [{act: ship, fro: 3d}]", "s.yaml:2:20: 'fro' is not a key of acts[0]; did you mean 'for'?"),
        ("acts: [{act: ship, for: soon}]", "s.yaml:2:25: acts[0].for: "),
        ("acts: [{for: 3d}]", "s.yaml:2:8: acts[0]: the key 'act' is missing"),
        ("acts: [{act: provision, until: desktop}]", "acts[0].until: 'desktop' is not a state of the flow"),
        ("faults: [{in_state: boot}]", "nothing would happen in the state"),
        ("faults: [{in_state: boot, status: 503}]", "status can only happen to a call; add 'on'"),
        ("faults: [{on: EnrollMdm, retry_after: 30s, drop: true}]", "throttling needs an answer that says so"),
        ("faults: [{on: EnrollMdm, drop: true, probability: 2.0}]", "2.0 is not a share of the times"),
        ("faults: [{on: '*', drop: true, malformed: true}]", "drop and malformed cannot all be what a call gets"),
        ("faults: [{on: '*', drop: true, since: 5m, until: 1m}]", "faults[0].until: the fault is over before it begins"),
        ("device: {network: {kind: wifi, lost_at: 2m, back_at: 1m}}", "the link comes back before it is lost"),
        ("device: {serial_number: ''}", "s.yaml:2:25: device.serial_number: '' is no serial number"),
        ('device: {serial_number: "A\\x07"}', "is no serial number; write 1 to 64 visible ASCII characters"),
        ("acts: [{act: replace_motherboard, serial_number: ÄÖ}]", "acts[0].serial_number: 'ÄÖ' is no serial number"),
        ("device: {device_name: Ä-1}", "device.device_name: 'Ä-1' is no name of a computer"),
        ("device: {device_name: '12345'}", "'12345' is no name of a computer"),
        ("acts: [provision, {act: admin}]", "s.yaml:2:19: acts[1]: it says nothing that would be done"),
        ("person: {SIGNIN: []}", "person.SIGNIN: the list is empty"),
        ("person: {SIGNIN: {fields: {user: a}}}", "'user' is not a field of SIGNIN; expected user name."),
        ("person: {PRIVACY: Accept, EULA: {fields: {a: b}}}", "'a' is not a field of EULA; it has no fields."),
        ("person: {LOGON: {fields: {user name: a, password: b}}}", "one field of a page is filled in; keep one."),
        ("device: {network: {blocked: [a.example, '*']}}", "s.yaml:2:41: device.network.blocked[1]: '*' is not a host"),
        ("device: {network: {blocked: [https://a.example/]}}", "is not a host; write login.live.com, or *.live.com"),
        ("device: {registry: {SOFTWARE: {a: 1}}}", "s.yaml:2:21: device.registry: 'SOFTWARE' is not a key of the registry"),
        ("expect: {registry: [{key: HKXX, name: a}]}", "expect.registry[0].key: 'HKXX' is not a key of the registry"),
        ('expect: {registry: [{key: "HKLM\\\\A", name: a, value: 1, absent: true}]}', "keep 'absent' or 'value'."),
        ("expect: {never: []}", "s.yaml:2:17: expect.never: nothing is expected here"),
        ("expect: {cloud: {}}", "expect.cloud: nothing is expected here"),
        ("person: {SIGNN: a}", "s.yaml:2:10: person: 'SIGNN' is not a screen; did you mean 'SIGNIN'?"),
        ("person: {SIGNIN: {choice: a, after: soon}}", "person.SIGNIN.after: 'soon' is not a duration"),
        ("person: {SIGNIN: [a, {choice: a, after: soon}]}", "person.SIGNIN[1].after"),
        ("device: {clock_skew: later}", "device.clock_skew: 'later' is not a duration"),
        ("device: {network: {lost_at: 5}}", "device.network.lost_at: expected text"),
        ("device: {network: {lost_at: '5'}}", "has no unit"),
        ("device: {processors: 0}", "device.processors: 0 is too small; expected 1 or more."),
        ("installers: {A: {duration: x}}", "installers.A.duration"),
        ("installers: {A: {return_codes: []}}", "the list is empty"),
        ("windows_update: {critical: [{duration: x}]}", "windows_update.critical[0].duration"),
        ("windows_update: {quality: {duration: x}}", "windows_update.quality.duration"),
        ("faults: [{fault: F-9999}]", "s.yaml:2:18: faults[0].fault: 'F-9999' is not a fault"),
        ("faults: [{on: EnrolMdm, drop: true}]", "faults[0].on: 'EnrolMdm' is not a call; did you mean 'EnrollMdm'?"),
        ("faults: [{}]", "write one of 'fault'"),
        ("faults: [{fault: F-26, on: EnrollMdm}]", "write one of 'fault'"),
        ("faults: [{on: EnrollMdm}]", "nothing would happen"),
        ("faults: [{on: EnrollMdm, status: 200}]", "200 is not an HTTP status of a failure"),
        ("faults: [{on: EnrollMdm, drop: true, nth: 0}]", "faults[0].nth: 0 is too small"),
        ("faults: [{on: EnrollMdm, delay: x}]", "faults[0].delay"),
        ("faults: [{on: EnrollMdm, drop: true, in_state: desktp}]", "did you mean 'desktop'?"),
        ("expect: {end_state: esp_error}", "'esp_error' is not an end of the flow; for example"),
        ("expect: {visits: [desktp]}", "expect.visits[0]: 'desktp' is not a state or a screen; did you mean 'desktop'?"),
        ("expect: {never: [PWDD]}", "did you mean 'PWD'?"),
        ("expect: {screens: [desktop]}", "expect.screens[0]: 'desktop' is not a screen; did you mean 'DESKTOP'?"),
        ("expect: {states: {boott: {within: 1m}}}", "'boott' is not a state in which time passes; did you mean 'boot'?"),
        ("expect: {states: {boot: {within: x}}}", "expect.states.boot.within: 'x' is not a duration"),
        ("person: {ESPERR: Frobnicate}", "person.ESPERR: 'Frobnicate' is not a choice of ESPERR; choose one of Try again"),
        ("person: {EULA: {choice: Accpt}}", "person.EULA.choice: 'Accpt' is not a choice of EULA; did you mean 'Accept'?"),
        ("person: {EULA: [Accept, true]}", "person.EULA[1]: 'Yes' is not a choice of EULA"),
        ("person: {UPD: Next}", "person.UPD: 'Next' is not a choice of UPD; it only waits for somebody."),
        ("acts: [{act: provision, person: {WRONG: Again}}]", "acts[0].person.WRONG: 'Again' is not a choice"),
        ("device: {tpm: {version: '3.0'}}", "s.yaml:2:25: '3.0' is not a choice here"),
        ('faults: [{fault: F-26, code: "0x80180022"}]', "'0x80180022' is not a code of F-26; its code is 0x80180014."),
        ('faults: [{fault: F-102, code: "0x1"}]', "its codes are 0x80180017, 0x80180016, 0x80180019."),
        ('faults: [{on: EnrollMdm, code: "0x8018001"}]', "'0x8018001' has 7 digits; a code has 8"),
        ('expect: {error: "0x8018001"}', "expect.error: '0x8018001' has 7 digits; a code has 8, as in 0x80180014."),
        ("expect: {within: 40}", "a duration has a unit: write 40m for minutes or 40s for seconds."),
        ("expect: {apps: {A: instaled}}", "expect.apps.A: 'instaled' is not a state of an app; did you mean 'installed'?"),
        ("expect: {error_step: mdm_enrollment}", "is not a step of the flow; did you mean 'mdm_enrolment'?"),
        ("expect: {error_choices: [Try agan]}", "is not a button of an error page; did you mean 'Try again'?"),
        ("expect: {cloud: {joined_device: 1}}", "s.yaml:2:18: expect.cloud: 'joined_device' is not anything that the cloud"),
        ("expect: {states: {ESP: {within: 1m}}}", "'ESP' is not a state in which time passes"),
        ("expect: {states: {boot: {}}}", "expect.states.boot: no limit is written; add within or at_least."),
        ("expect: {reached: {}}", "expect.reached: nothing is expected here"),
        ("expect: {reached: {dsktop: {within: 1m}}}", "did you mean 'desktop'?"),
        ("expect: {flow: user-drivn}", "did you mean 'user-driven'?"),
        ("expect: {within: '40'}", "write 40s for seconds or 40m for minutes"),
        ("expect: {rules: [C77]}", "'C77' is not a rule; did you mean 'C7'?"),
        ("expect: {error: hello}", "'hello' is not a code"),
        ("expect: {events: [hello]}", 'write channel and id as "Autopilot/161"'),
        ("expect: {no_events: [Autopilott/161]}", "did you mean 'Autopilot/161'?"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_suggestion(line: str, said: str) -> None:
    assert said in str(refusal_of(f"scenario: x\n{line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "expect: {error: '80072EE2', visits: [boot, SIGNIN], never: [esp_error], events: [Autopilot/161], rules: [C7, F-26]}",
        "expect: {error: '0xDEADBEEF', states: {device_setup: {within: 1h}}}",
        "expect: {error: '807', end_state: desktop}",
        "device: {clock_skew: -10m, network: {kind: wifi, lost_at: 5m, back_at: 1h30m}}",
        "person: {SIGNIN: a, PWD: [a, {choice: Back, after: 30s}], KBD2: true}",
        "faults: [{on: EnrollMdm, status: 503, times: 2, in_state: mdm_enrolment}]",
        "assumptions: {Q-17: no reboot}",
        "person: {LANG: de-DE, REGION: DE, ESPERR: [collect logs, nothing], WRONG: Restart, EULA: ''}",
        "person: {REGION: Windows key five times, WHATDO: [Back], PPFAIL: [Export Logs, Retry]}",
        "faults: [{fault: F-102, code: '80180016'}, {on: DownloadProfile, code: '807'}]",
        "expect: {error_step: mdm_enrolment, error_choices: [Try again, Leave the page], apps: {A: not_applicable}}",
    ],
)
def test_known_names_are_accepted(line: str) -> None:
    load_scenario_text(f"scenario: x\n{line}\n", Path("s.yaml"))


def test_all_mistakes_are_listed_in_the_order_of_the_file() -> None:
    error = refusal_of("mode: x\nseed: a\nnonsense: 1\n")
    assert str(error).splitlines()[0] == (
        "s.yaml:1:1: the key 'scenario' is missing; add 'scenario: ...'. (and 3 more problems)"
    )
    assert [line.split(": ")[0].strip() for line in str(error).splitlines()[1:]] == ["s.yaml:1:7", "s.yaml:2:7", "s.yaml:3:1"]


def test_a_fault_of_the_catalogue_without_injection_cannot_be_used_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "known_injections", lambda: frozenset({"F-26"}))
    other = next(one for one in rulebook.faults() if one != "F-26")
    assert "comes by itself where its cause is there" in str(refusal_of(f"scenario: x\nfaults: [{{fault: {other}}}]\n"))


def test_a_list_is_not_a_scenario() -> None:
    assert "found a list" in str(refusal_of("- a\n"))


def test_directories_are_searched_without_tenants_and_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/two.yml", "a/one.yaml", "tenants/t.yaml", ".git/g.yaml", "a/notes.txt", "a/tenants/u.yaml", "a/.x.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("scenario: x\n")
    found = find_scenarios([tmp_path, tmp_path / "a" / "one.yaml", tmp_path / "b" / ".." / "a" / "one.yaml"])
    assert [one.relative_to(tmp_path).as_posix() for one in found] == ["a/one.yaml", "b/two.yml"]
    assert find_scenarios([tmp_path / "a" / "notes.txt"]) == [tmp_path / "a" / "notes.txt"]


def test_a_path_that_means_no_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scenario is in this directory"):
        find_scenarios([tmp_path])
    with pytest.raises(InputError, match="no such file"):
        find_scenarios([tmp_path / "none"])


KEYS = st.sampled_from(
    ["scenario", "mode", "device", "faults", "expect", "person", "tags", "x", "fault", "on", "network", "within"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(["a", "F-26", "wifi", "40m", "SIGNIN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(value=st.dictionaries(KEYS, VALUES, min_size=1, max_size=6))
def test_any_mapping_is_a_scenario_or_is_refused(value: dict[str, object]) -> None:
    import yaml

    try:
        load_scenario_text(yaml.safe_dump(value), Path("s.yaml"))
    except InputError as error:
        assert "s.yaml" in str(error)
