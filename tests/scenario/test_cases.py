"""Several cases in a file: documents, matrices, parts, folder defaults, values set from outside, each with its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import find_scenarios, load_scenario, load_scenario_text, load_scenarios, with_settings
from autopilot_agent.scenario.model import NetworkSpec
from autopilot_agent.scenario.run import run_scenario

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below a folder that nothing above has a say in; gives the first."""
    (tmp_path / ".git").mkdir()

    def files(**texts: str) -> Path:
        paths = []
        for name, text in texts.items():
            path = tmp_path / (name.replace("__", "/") + ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths[0]

    return files


def cases(path: Path, *settings: str) -> list[str]:
    return [one.case for one in load_scenarios(path, settings)]


def refused(path: Path, *settings: str) -> str:
    with pytest.raises(InputError) as error:
        load_scenarios(path, settings)
    return str(error.value).replace(str(path.parent) + os.sep, "").replace(os.sep, "/")


def test_a_plain_file_is_one_case_without_a_name(write: Write) -> None:
    path = write(a="scenario: A\n")
    assert cases(path) == [""] and load_scenario(path).case == ""


def test_each_document_is_a_case_called_by_its_title(write: Write) -> None:
    path = write(a="scenario: A\n---\nscenario: B\nseed: 4\n---\nscenario: A\n")
    assert cases(path) == ["A", "B", "A (2)"]
    assert [one.scenario.seed for one in load_scenarios(path)] == [1, 4, 1]
    with pytest.raises(InputError, match=r"holds 3 cases and one is wanted; name it with --only: A, B, A \(2\)"):
        load_scenario(path)
    assert load_scenario(path, only=["B"]).scenario.seed == 4


def test_a_place_in_a_later_document_is_that_of_the_file(write: Write) -> None:
    assert refused(write(a="scenario: A\n---\nscenario: B\nsed: 4\n")).startswith("a.yaml:4:1: 'sed' is not a key")
    assert refused(write(a="scenario: A\n---\n")).startswith("a.yaml:3:1: nothing is written after this '---'")
    assert "a.yaml:3:1: a scenario is keys and values, found a list" in refused(write(a="scenario: A\n---\n- b\n"))
    many = "---\n".join(f"scenario: A{number}\n" for number in range(300))
    assert "300 documents, more than the 256" in refused(write(a=many))


def test_rows_of_a_matrix_have_names(write: Write) -> None:
    rows = ["{name: one}", "{device.network: wifi, seed: 2}", "{seed: 2}", "{seed: 2}"]
    path = write(a=f"scenario: A\nmatrix: [{', '.join(rows)}]\n")
    assert cases(path) == ["one", "device.network=wifi, seed=2", "seed=2", "seed=2 (2)"]


def test_lists_of_values_are_multiplied(write: Write) -> None:
    path = write(a="scenario: A\nmatrix:\n  device.network: [ethernet, {kind: wifi}]\n  seed: [1, 2]\n---\nscenario: B\n")
    assert cases(path) == [
        "A / device.network=ethernet, seed=1",
        "A / device.network=ethernet, seed=2",
        "A / device.network={kind: wifi}, seed=1",
        "A / device.network={kind: wifi}, seed=2",
        "B",
    ]


def test_a_row_sets_expectations_marks_and_tags(write: Write) -> None:
    path = write(a="scenario: A\ntags: [x]\nmatrix: [{name: r, expect.join: none, xfail: why, skip: because, tags: [y]}]\n")
    (loaded,) = load_scenarios(path)
    found = loaded.scenario
    assert (found.expect.join, found.xfail, found.skip, found.tags) == ("none", "why", "because", ["y"])


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ("[]", "a.yaml:2:1: a matrix is a list of rows"),
        ("{}", "a.yaml:2:1: a matrix is a list of rows"),
        ("wifi", "found 'wifi'"),
        ("[wifi]", "a.yaml:2:10: a matrix is a list of rows"),
        ("{seed: 1}", "a.yaml:2:16: 'seed': expected a list of at least one value"),
        ("{seed: []}", "expected a list of at least one value"),
        ("[{name: a}, {name: a}]", "a.yaml:2:28: the name 'a' is taken by the row in line 2"),
        ("[{name: 3}]", "a.yaml:2:17: the name of a row is text"),
        ("[{name: a, sed: 3}]", "a.yaml:2:20: 'sed' is not a key of the top of a scenario; did you mean 'seed'?"),
        ("[{device.nework: wifi}]", "a.yaml:2:11: 'nework' is not a key of device; did you mean 'network'?"),
        ("[{seed: x}]", "a.yaml:2:17: seed: expected a whole number, found text 'x'"),
        ("[{device..network: wifi}]", "a part of the path is empty"),
        ("[{seed.x: 1}]", ""),
        ("[{matrix: []}]", "'matrix' is read before anything is set"),
        ("[{'a=b': 1}]", "'a=b' is no path"),
        ("{seed: [1, 2], device.processors: [" + ", ".join("1" * 200) + "]}", "400 cases, more than the 256"),
    ],
)
def test_a_wrong_matrix_is_told_where_it_stands(write: Write, matrix: str, said: str) -> None:
    assert said in refused(write(a=f"scenario: A\nmatrix: {matrix}\n"))


def test_an_exploding_matrix_costs_nothing(write: Write) -> None:
    axes = "".join(f"  k{number}: [{', '.join('1' * 50)}]\n" for number in range(40))
    assert "cases, more than the 256" in refused(write(a=f"scenario: A\nmatrix:\n{axes}"))


def test_included_parts_lie_under_the_scenario(write: Write) -> None:
    path = write(
        a="scenario: A\ninclude: [b.yaml, c.yaml]\ndevice: {network: wifi}\nfaults: []\n",
        b="device: {model: B, group_tag: b}\nfaults: [{fault: F-26}]\nseed: 5\n",
        c="device: {model: C}\ninclude: d.yaml\n",
        d="device: {model: D, network: ethernet, sku_number: d}\n",
    )
    found = load_scenario(path).scenario
    device = found.device
    assert (device.network, device.model, device.group_tag, device.sku_number) == ("wifi", "C", "b", "d")
    assert (found.faults, found.seed) == ([], 5)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("include: [b.yaml]", "include: [a.yaml]", "a.yaml:1:11: an included file"),
        ("include: [b.yaml]", "include: [b.yaml]", "b.yaml:1:11: the includes form a loop (b.yaml -> b.yaml)"),
        ("include: [no.yaml]", "", "a.yaml:2:11: there is no file or folder"),
        ("include: [../x.yaml]", "", "leads out of"),
        ("include: [/etc/passwd]", "", "is an absolute path"),
        ("include: [b.yaml, b.yaml]", "seed: 1", "'b.yaml' is included twice"),
        ("include: [3]", "", "an include is the path of a folder or a file, as text"),
        ("include: [.]", "", "is no YAML file"),
        ("include: [b.yaml]", "- x", "b.yaml:1:1: an included file is keys and values of a scenario, found a list"),
        ("include: [b.yaml]", "sed: 1", "b.yaml:1:1: 'sed' is not a key of the top of a scenario"),
        ("include: [b.yaml]", "seed: x", "b.yaml:1:7: seed: expected a whole number"),
        ("include: [b.yaml]", "device: {nework: x}", "b.yaml:1:10: 'nework' is not a key of device"),
        ("include: [b.yaml]", "root: true", "'root' belongs to a scenario or to _defaults.yaml"),
        ("include: [b.yaml]", "seed: 1\n---\nseed: 2", "b.yaml"),
    ],
)
def test_a_wrong_include_is_told_where_it_stands(write: Write, a: str, b: str, said: str) -> None:
    if "include: [a.yaml]" in b:
        said = "the includes form a loop (a.yaml -> b.yaml -> a.yaml)"
    assert said in refused(write(a=f"scenario: A\n{a}\n", b=b + "\n"))


def test_defaults_of_the_nearest_folder_are_the_strongest(write: Write) -> None:
    path = write(
        x__y__a="scenario: A\n",
        x__y___defaults="seed: 2\n",
        x___defaults="seed: 3\ndevice: {model: X}\n",
        _defaults="device: {model: Z, group_tag: z}\n",
    )
    found = load_scenario(path).scenario
    assert (found.seed, found.device.model, found.device.group_tag) == (2, "X", "z")
    (path.parent.parent / "_defaults.yaml").write_text("root: true\nseed: 3\n")
    found = load_scenario(path).scenario
    assert (found.seed, found.device.model, found.device.group_tag) == (2, "Notebook 14", "")
    path.write_text("scenario: A\nroot: true\n")
    assert load_scenario(path).scenario.seed == 1


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        ("- x", "found a list"),
        ("scenario: x", "_defaults.yaml:1:1: 'scenario' belongs to one scenario"),
        ("matrix: []", "'matrix' belongs to one scenario"),
        ("root: maybe", "root: expected true or false"),
        ("seed: x", "_defaults.yaml:1:7: seed: expected a whole number"),
        ("expect: {end_state: x}", "_defaults.yaml:1:21: expect.end_state: 'x' is not an end"),
    ],
)
def test_wrong_defaults_are_told_where_they_stand(write: Write, defaults: str, said: str) -> None:
    assert said in refused(write(a="scenario: A\n", _defaults=defaults + "\n"))


def test_paths_in_defaults_and_parts_are_relative_to_their_file(write: Write) -> None:
    profile = "{displayName: P, assignments: [all devices], deviceNameTemplate: PC-%RAND:3%}"
    tenant = f"windowsAutopilotDeploymentProfiles: [{profile}]\n"
    path = write(
        x__y__a="scenario: A\nexpect: {end_state: desktop}\n",
        _defaults="tenant: {include: [tenants/t.yaml]}\n",
        tenants__t=tenant,
    )
    result = run_scenario(load_scenario(path)).result
    assert result.verdict == "passed" and result.device_name.startswith("PC-")
    assert find_scenarios([path.parents[2]]) == [path]


def test_a_file_of_parts_is_no_scenario(write: Write) -> None:
    path = write(_p="seed: 1\n", a="scenario: A\n", _parts__b="seed: 2\n")
    assert [one.name for one in find_scenarios([path.parent])] == ["a.yaml"]
    with pytest.raises(InputError, match="begins with '_' are parts of scenarios"):
        find_scenarios([path])


def test_a_text_takes_no_defaults_of_a_folder(write: Write) -> None:
    path = write(_defaults="seed: 9\n")
    assert load_scenario_text("scenario: A\n", path.parent / "a.yaml").scenario.seed == 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("device.nework=wifi", "--set device.nework: 'nework' is not a key of device; did you mean 'network'?"),
        ("sed=1", "--set sed: 'sed' is not a key of the top of a scenario; did you mean 'seed'?"),
        ("seed=x", "--set seed: seed: expected a whole number, found text 'x'"),
        ("device.serial_number=77", "device.serial_number: expected text, found the whole number 77; put it in quotes"),
        ("device.model.x=1", "--set device.model.x: device.model is 'M' here, which has no x"),
        ("seed", "--set seed: expected PATH=VALUE"),
        ("=1", "--set: a part of the path is empty"),
        ("a..b=1", "--set a: a part of the path is empty"),
        ("a b", "--set a b: expected PATH=VALUE"),
        ("faults[3].code=x", "--set faults[3].code: faults has 1 items, counted from 0; there is no [3]"),
        ("faults[F-27].code=x", "faults has no item 'F-27'"),
        ("seed={a", "--set seed: this is not valid YAML"),
        ("include=x", "'include' is read before anything is set"),
        ("seed=" + "1" * 70_000, "more than 65,536 characters"),
        ("tenant.mobileApps=" + "[" * 400, "nested deeper"),
    ],
)
def test_a_wrong_setting_is_told_like_a_mistake_in_a_file(write: Write, setting: str, said: str) -> None:
    assert said in refused(write(a="scenario: A\ndevice: {model: M}\nfaults: [{fault: F-26}]\n"), setting)


def test_settings_come_on_top_of_everything(write: Write) -> None:
    device = "device: {network: {kind: wifi, metered: true}}\n"
    path = write(a=f"scenario: A\nmatrix: [{{seed: 4}}]\n{device}faults: [{{fault: F-26}}]\n")
    typed = ["seed=5", "device.network.kind=ethernet", "faults[F-26].times=2", 'device.registry."HKLM\\Software\\A.B"={x: y}']
    (loaded,) = load_scenarios(path, typed)
    found, network = loaded.scenario, loaded.scenario.device.network
    assert isinstance(network, NetworkSpec)
    assert (found.seed, network.kind, network.metered) == (5, "ethernet", True)
    assert (found.faults[0].fault, found.faults[0].times) == ("F-26", 2)
    assert found.device.registry == {"HKLM\\Software\\A.B": {"x": "y"}}
    assert loaded.settings == tuple(typed)
    again = with_settings(loaded, ["seed=6"])
    assert (again.scenario.seed, again.settings, loaded.scenario.seed) == (6, (*typed, "seed=6"), 5)


def test_a_wrong_value_in_a_set_tenant_names_the_option(write: Write) -> None:
    path = write(a="scenario: A\n")
    result = run_scenario(load_scenario(path, ["tenant.mobileApp=[]"])).result
    assert result.exit_code == 2 and result.problem.startswith("--set tenant.mobileApp: ")
    assert "--set tenant.mobileApp=[]" in result.replay.replace('"', "")


@pytest.mark.parametrize("key", ["skip", "xfail"])
def test_a_mark_has_a_reason(write: Write, key: str) -> None:
    assert f"say why: {key} is a reason" in refused(write(a=f"scenario: A\n{key}: ' '\n"))
    assert "expected text, found true" in refused(write(a=f"scenario: A\n{key}: true\n"))


def test_verdicts_of_marks(write: Write) -> None:
    path = write(a="scenario: A\nmatrix: [{skip: s}, {xfail: x, expect.join: hybrid}, {xfail: y}]\n")
    results = [run_scenario(one).result for one in load_scenarios(path)]
    found = [(one.verdict, one.exit_code, one.reason) for one in results]
    assert found == [("skipped", 0, "s"), ("xfailed", 0, "x"), ("xpassed", 1, "y")]
    wrong = run_scenario(load_scenario_text("scenario: A\nxfail: x\ntenant: {mobileApp: []}\n", path)).result
    assert (wrong.verdict, wrong.exit_code) == ("error", 2)
