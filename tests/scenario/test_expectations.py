"""Expectations that could pass for nothing: null, skipped states, flows, moments, names that nothing has."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.run import Run, run_scenario

HERE = Path(__file__).parents[2] / "scenarios" / "here.yaml"
PROFILE = "windowsAutopilotDeploymentProfiles: [{displayName: For all, assignments: [all devices]}]"
TENANT = f"tenant: {{include: [tenants/contoso-people.yaml], {PROFILE}}}"
"""A managed device whose Enrollment Status Page is the built-in one, which is hidden."""


def play(*lines: str) -> Run:
    return run_scenario(load_scenario_text("\n".join(["scenario: x", TENANT, *lines]) + "\n", HERE))


def failed(*lines: str) -> list[str]:
    run = play(*lines)
    assert not run.result.problem
    return [check.name for check in run.result.checks if not check.passed]


def problem(*lines: str) -> str:
    try:
        return play(*lines).result.problem
    except InputError as error:
        return str(error)


def test_no_error_is_an_expectation_of_its_own() -> None:
    assert failed("expect: {error: null}") == []
    assert failed("faults: [{fault: F-26}]", "expect: {error: null}") == ["error"]
    assert failed("person: {EULA: Decline}", "expect: {error: ~}") == ["error"]


def test_an_act_without_an_error_is_expected_too() -> None:
    assert failed("acts: [{act: provision, expect: {error: null}}]") == []
    assert failed("faults: [{fault: F-26}]", "acts: [{act: provision, expect: {error: null}}]") == ["act 1 provision: error"]


@pytest.mark.parametrize(
    ("expect", "where"),
    [
        ("end_state:", "expect.end_state"),
        ("join: ~", "expect.join"),
        ("within: null", "expect.within"),
        ("visits:", "expect.visits"),
        ("cloud: {joined_devices: null}", "expect.cloud.joined_devices"),
        ("csp:", "expect.csp"),
        ("states: {boot: {within: null}}", "expect.states.boot.within"),
        ("registry: [{key: 'HKLM\\SOFTWARE', name: a, value: }]", "expect.registry[0].value"),
    ],
)
def test_what_is_written_without_a_value_is_an_error_with_its_place(expect: str, where: str) -> None:
    said = problem("expect:", f"  {expect}")
    assert "here.yaml:4:" in said and f"{where}: is empty; write a value or remove the key." in said
    assert "acts[0]" in problem("acts:", "  - act: provision", "    expect:", f"      {expect}")


def test_a_node_can_be_expected_to_be_absent() -> None:
    assert failed("expect: {csp: {./Device/Vendor/MSFT/Nothing: null}}") == []


def test_a_skipped_state_did_not_come() -> None:
    assert failed("expect: {never: [device_setup]}") == []
    assert failed("expect: {visits: [device_setup]}") == ["visits"]
    assert failed("expect: {states: {device_setup: {within: 1m}}}") == ["device_setup within"]
    assert failed("expect: {reached: {device_setup: {within: 1h}}}") == ["device_setup reached within"]
    states = play().result.states
    assert "device_setup" not in states and states[-1] == "desktop"


def test_the_moment_of_a_state_and_of_a_page_can_be_limited() -> None:
    reached = "expect: {reached: {desktop: {at_least: 2m, within: 30m}, SIGNIN: {within: 10m}}}"
    assert failed(reached) == []
    assert failed("expect: {reached: {desktop: {within: 1m}, PWD: {at_least: 10h}}}") == [
        "desktop reached within",
        "PWD reached at_least",
    ]


def test_a_moment_in_an_act_counts_from_its_beginning() -> None:
    acts = "acts: [{act: wait, for: 5h}, {act: provision, expect: {reached: {desktop: {within: 30m}}}}]"
    assert failed(acts) == []


@pytest.mark.parametrize(
    ("lines", "flow"),
    [
        ([], "user-driven"),
        (["device: {registered: false}"], "ordinary-oobe"),
        (["faults: [{fault: F-09}]"], ""),
    ],
)
def test_a_run_says_which_flow_it_went_through(lines: list[str], flow: str) -> None:
    assert play(*lines).result.flow == flow


def test_a_flow_is_an_expectation() -> None:
    assert failed("expect: {flow: user-driven}") == []
    assert failed("expect: {flow: hybrid}") == ["flow"]


@pytest.mark.parametrize(
    ("lines", "remarks"),
    [
        (["cloud: {profile_missing: true}"], 1),
        (["cloud: {profile_missing: true}", "expect: {flow: ordinary-oobe}"], 0),
        (["cloud: {profile_missing: true}", "expect: {visits: [ACCT]}"], 0),
        (["cloud: {profile_missing: true}", "expect: {rules: [F-03]}"], 0),
        (["cloud: {profile_missing: true}", "mode: lifecycle"], 0),
        (["faults: [{fault: F-03}]"], 0),
        (["device: {registered: false}"], 0),
        ([], 0),
    ],
)
def test_another_flow_than_the_mode_is_remarked_unless_it_is_meant(lines: list[str], remarks: int) -> None:
    notices = [one for one in play(*lines).result.notices if "the device went through ordinary-oobe" in one]
    assert len(notices) == remarks


APP = "mobileApps: [{'@odata.type': winGetApp, displayName: Editor, packageIdentifier: '9', assignments: [all devices]}]"
LOB = "mobileApps: [{'@odata.type': windowsMobileMSI, id: m1, displayName: Reader, assignments: [all devices]}]"


def with_apps(apps: str, *lines: str) -> Run:
    text = "\n".join(["scenario: x", f"tenant: {{include: [tenants/contoso-people.yaml], {PROFILE}, {apps}}}", *lines]) + "\n"
    return run_scenario(load_scenario_text(text, HERE))


@pytest.mark.parametrize("where", ["expect", "acts: [{act: provision, expect"])
def test_an_app_that_the_tenant_does_not_have_is_an_error_with_a_suggestion(where: str) -> None:
    end = "}]" if where.startswith("acts") else ""
    problem = with_apps(APP, f"{where}: {{apps: {{Editr: installed}}}}{end}").result.problem
    assert "the tenant has no app 'Editr'; did you mean 'Editor'?" in problem and "here.yaml:3:" in problem
    assert "no app 'Editr'; did you mean 'Editor'?" in with_apps(APP, "installers: {Editr: {duration: 1m}}").result.problem


@pytest.mark.parametrize("name", ["Reader", "m1", '"{M1}"'])
def test_an_msi_without_a_product_code_keeps_its_name(name: str) -> None:
    if name == "m1":  # the device knows it by the code that Intune makes of the id
        assert with_apps(LOB).result.apps == {"Reader": "installed"}
        return
    result = with_apps(LOB, f"expect: {{apps: {{{name}: installed}}}}").result
    assert result.verdict == "passed", result.checks
    assert with_apps(LOB, f"installers: {{{name}: {{return_codes: [1603]}}}}").result.apps == {"Reader": "failed"}


def test_a_hardware_that_is_not_the_registered_one_is_not_enrolled() -> None:
    result = play("faults: [{fault: F-05}]").result
    assert (result.end_state, result.mdm_enrolled, result.flow) == ("gave_up", False, "ordinary-oobe")
    assert result.error is not None and (result.error.code, result.error.rule) == ("0x80180014", "F-05")


def test_terms_of_use_need_no_address_in_the_tenant() -> None:
    mdm = "mobilityManagementPolicies: [{id: 0000000a-0000-0000-c000-000000000000, appliesTo: all}]"
    for fault, code in (("F-16", "0x80190194"), ("F-17", "rejectedTermsOfUse")):
        text = f"scenario: x\ntenant: {{{PROFILE}, {mdm}}}\nfaults: [{{fault: {fault}}}]\n"
        result = run_scenario(load_scenario_text(text, HERE)).result
        assert result.verdict == "passed" and result.error is not None and result.error.code == code


@pytest.mark.parametrize(("build", "said"), [("10.0.9600.1", "is no Windows 10 or 11"), ("6.3.26100.1", "is no Windows 10")])
def test_a_build_that_is_no_windows_10_is_refused(build: str, said: str) -> None:
    assert said in problem(f'device: {{windows: {{build: "{build}"}}}}')


def test_a_windows_before_1809_cannot_do_a_hybrid_join() -> None:
    kind = "'@odata.type': '#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile'"
    profile = PROFILE.replace("{display", f"{{{kind}, display")
    text = f'scenario: x\nmode: hybrid\ndevice: {{windows: {{build: "10.0.17134.1"}}}}\ntenant: {{{profile}}}\n'
    assert "it came with Windows 10 1809" in run_scenario(load_scenario_text(text, HERE)).result.problem


@pytest.mark.parametrize(("code", "helps"), [("0x80180017", True), ("0x80180016", False), ("0x80180019", False)])
def test_another_code_of_a_row_says_itself_whether_to_try_again(code: str, helps: bool) -> None:
    error = play(f'faults: [{{fault: F-102, code: "{code}"}}]').result.error
    assert error is not None and error.retry_helps is helps
