"""A PC kept as a file between two acts goes on as if it had never stopped; a file that is not one is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.cli.batch import Options, run_files
from autopilot_agent.errors import InputError
from autopilot_agent.events import trace_hash
from autopilot_agent.scenario.loader import LoadedScenario, find_scenarios, load_scenario, load_scenario_text
from autopilot_agent.scenario.parts import ExpectSpec
from autopilot_agent.scenario.plan import Plan, acts_of, make_plan
from autopilot_agent.scenario.playing import play_acts
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.scenario.saving import load_device, resume, save_device, write_device

ROOT = Path(__file__).resolve().parents[2]

TENANT = """
scenario: Saved
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso user-driven, assignments: [all devices]}
"""


def several_acts() -> list[LoadedScenario]:
    """Scenarios of several acts that nothing but the acts themselves distinguishes: no faults, no answers for single visits."""
    found = []
    for path in find_scenarios([ROOT / "scenarios"]):
        loaded = load_scenario(path)
        scenario = loaded.scenario
        lists = any(isinstance(answer, list) for answer in scenario.person.values())
        if len(acts_of(scenario)) > 1 and not scenario.faults and not lists:
            found.append(loaded)
    return found


LOADED = several_acts()


def part(loaded: LoadedScenario, first: int, last: int | None) -> LoadedScenario:
    acts = acts_of(loaded.scenario)[first:last]  # what is expected at the end names apps that a part need not know
    scenario = msgspec.structs.replace(loaded.scenario, acts=acts, expect=ExpectSpec())
    return msgspec.structs.replace(loaded, scenario=scenario)


def played(loaded: LoadedScenario) -> Plan:
    plan = make_plan(loaded)
    try:
        play_acts(plan)
    except InputError as error:
        if "no act plays anything" not in error.message:
            raise
    return plan


def test_there_are_scenarios_to_split() -> None:
    assert len(LOADED) > 50


@pytest.mark.parametrize("loaded", LOADED, ids=lambda one: one.path.relative_to(ROOT).as_posix())
def test_a_run_in_two_pieces_leaves_the_trace_of_the_whole(loaded: LoadedScenario) -> None:
    whole = trace_hash(played(loaded).world.trace)
    for cut in range(1, len(acts_of(loaded.scenario))):
        try:
            data = save_device(played(part(loaded, 0, cut)))
        except InputError as error:
            assert "still due" in error.message or "never came" in error.message
            continue
        plan = make_plan(part(loaded, cut, None))
        changed = [data for index, data in make_plan(loaded).changes.items() if index < cut]
        if changed:
            continue  # what an administrator changed before is in the tenant of the file that goes on, not in the device's
        resume(plan, load_device(data, "pc.json"))
        play_acts(plan)
        assert trace_hash(plan.world.trace) == whole, cut


def test_the_command_line_saves_a_pc_and_goes_on_with_it(tmp_path: Path) -> None:
    first, second, pc = tmp_path / "first.yaml", tmp_path / "second.yaml", tmp_path / "pc.json"
    first.write_text(TENANT + "acts: [{act: provision, until: entra_join}]\n")
    second.write_text(TENANT + "acts: [{act: ship, for: 3d, network: wifi}, provision]\nexpect: {end_state: desktop}\n")
    assert next(run_files([first], Options(save_device=pc))).result.exit_code == 0
    result = next(run_files([second], Options(device=pc))).result
    assert (result.exit_code, result.end_state, len(result.acts)) == (0, "desktop", 3)
    assert result.virtual_seconds > 3 * 86400
    assert "--device FILE" in result.replay


def saved() -> bytes:
    run = run_scenario(load_scenario_text(TENANT, Path("x.yaml")))
    assert run.plan is not None
    return save_device(run.plan)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[: len(data) // 2], "cut off or something else"),
        (lambda data: b"", "cut off or something else"),
        (lambda data: b"\xff\xfe\x00", "cut off or something else"),
        (lambda data: b'{"kind": "tenant"}', "cut off or something else"),
        (lambda data: data.replace(b'"format":2', b'"format":9'), "the file has format 9, written by version"),
        (lambda data: data.replace(b"autopilot-agent device", b"another thing"), "'another thing', not a device"),
        (lambda data: data.replace(b'"bitlocker":"encrypting"', b'"bitlocker":"decrypting"'), "does not fit its checksum"),
    ],
)
def test_a_wrong_file_is_refused(spoil: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_device(spoil(saved()), "pc.json")  # type: ignore[operator]


def test_content_of_another_shape_is_refused_with_the_version_that_wrote_it() -> None:
    import hashlib

    file = json.loads(saved())
    del file["content"]["disk"]["csp"]
    content = msgspec.json.encode({**file["content"], "seed": "seven"})
    file |= {"content": msgspec.Raw(content), "sha256": hashlib.sha256(content).hexdigest()}
    with pytest.raises(InputError, match=r"cannot be read .*seed.*; version 0.1.0 wrote it"):
        load_device(msgspec.json.encode(file), "pc.json")


def test_nothing_secret_is_in_the_file() -> None:
    run = run_scenario(load_scenario_text(TENANT + "person: {PWD: Contoso-Secret-1}\n", Path("x.yaml")))
    assert run.plan is not None
    assert b"Contoso-Secret-1" not in save_device(run.plan)


def test_a_scenario_that_describes_another_pc_is_refused() -> None:
    loaded = load_scenario_text(TENANT + "device: {serial_number: X}\nacts: [provision]\n", Path("x.yaml"))
    result = run_scenario(loaded, device=load_device(saved(), "pc.json")).result
    assert result.exit_code == 2
    assert "the PC comes from the device file" in result.problem


WITH_APP = TENANT + """  mobileApps:
    - {"@odata.type": "#microsoft.graph.win32LobApp", displayName: Editor, installCommandLine: a.cmd,
       assignments: [{group: all devices, intent: required}]}
"""


def test_a_pc_goes_on_only_in_the_tenant_that_it_was_managed_in() -> None:
    plan = make_plan(load_scenario_text(WITH_APP, Path("first.yaml")))
    play_acts(plan)
    saved = load_device(save_device(plan), "pc.json")
    other = run_scenario(load_scenario_text(TENANT + "acts: [user]\n", Path("next.yaml")), device=saved)
    assert other.result.exit_code == 2
    assert "managed with the app 'Editor', which this scenario's tenant does not have" in other.result.problem


def test_only_a_saved_device_is_written_over(tmp_path: Path) -> None:
    scenario, precious, device = tmp_path / "s.yaml", tmp_path / "precious.txt", tmp_path / "pc.json"
    scenario.write_text(TENANT, encoding="utf-8")
    precious.write_text("mine", encoding="utf-8")
    for path in (precious, scenario):
        with pytest.raises(InputError, match="is no saved device and is not written over"):
            write_device(path, b"{}")
    assert precious.read_text(encoding="utf-8") == "mine"
    plan = make_plan(load_scenario_text(TENANT, Path("s.yaml")))
    play_acts(plan)
    write_device(device, save_device(plan))
    write_device(device, save_device(plan))
    assert load_device(device.read_bytes(), "pc.json").last == "desktop"
