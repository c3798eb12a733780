"""The flow tables: guarded by transitions, complete, and in step with what the steps can return."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from functools import cache

import pytest

from autopilot_agent.errors import Defect, InputError
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.flow import Edge, Flow
from autopilot_agent.oobe.modes import WAYS, flow_for, flow_names
from autopilot_agent.oobe.states import ENDS, RULES, Outcome, State
from autopilot_agent.oobe.steps import STEPS

S, O = State, Outcome  # noqa: E741  as in oobe/modes.py
MODES = flow_names()


@pytest.mark.parametrize("mode", MODES)
def test_the_table_walks_as_the_machine_does(mode: str) -> None:
    from transitions import MachineError
    from transitions.core import Machine

    flow = flow_for(mode)
    machine: Machine = flow.machine()

    class Cursor:
        state = ""

    cursor = Cursor()
    machine.add_model(cursor, initial=flow.start.value)
    for state in flow.states:
        for outcome in Outcome:
            machine.set_state(state.value, cursor)
            try:
                cursor.trigger(outcome.value)  # type: ignore[attr-defined]  # transitions puts it there
                moved: str | None = cursor.state
            except (MachineError, AttributeError):
                moved = None
            expected = flow.table.get(state, {}).get(outcome)
            assert moved == (expected.value if expected else None), (state, outcome)


@pytest.mark.parametrize("mode", MODES)
def test_a_missing_edge_is_a_defect_that_names_it(mode: str) -> None:
    flow = flow_for(mode)
    state = next(iter(flow.table))
    with pytest.raises(Defect, match=rf"flow {mode}: {state.value} has no edge for PERSONAL"):
        flow.next(state, O.PERSONAL)


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        ([(S.BOOT, O.OK, S.DESKTOP), (S.BOOT, O.OK, S.HELLO)], "flow f: boot has two edges for ok"),
        ([(S.BOOT, O.OK, S.DESKTOP), (S.HELLO, O.OK, S.DESKTOP)], "flow f: hello cannot be reached"),
        ([(S.BOOT, O.OK, S.DESKTOP), (S.DESKTOP, O.OK, S.BOOT)], "flow f: desktop is an end and has edges"),
        ([(S.BOOT, O.OK, S.HELLO), (S.BOOT, O.FAILED, S.DESKTOP)], "flow f: hello has no edges"),
        ([(S.BOOT, O.OK, S.HELLO), (S.HELLO, O.OK, S.BOOT)], "flow f: no end can be reached"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(edges: list[tuple[State, Outcome, State]], sentence: str) -> None:
    with pytest.raises(Defect) as caught:
        Flow("f", S.BOOT, tuple(Edge(*edge) for edge in edges))
    assert str(caught.value) == sentence


@pytest.mark.parametrize("mode", MODES)
def test_an_end_can_be_reached_from_every_state(mode: str) -> None:
    flow = flow_for(mode)
    good = set(ENDS)
    while True:
        more = {state for state, edges in flow.table.items() if state not in good and set(edges.values()) & good}
        if not more:
            break
        good |= more
    assert set(flow.states) <= good


@pytest.mark.parametrize("mode", MODES)
def test_every_live_state_has_a_step(mode: str) -> None:
    assert [state.value for state in flow_for(mode).table if state not in STEPS] == []


def test_every_step_belongs_to_a_state_of_some_flow() -> None:
    used = {state for mode in MODES for state in flow_for(mode).states}
    assert [state.value for state in STEPS if state not in used] == []


def test_every_end_is_reached_by_some_flow() -> None:
    used = {state for mode in MODES for state in flow_for(mode).ends}
    assert [state.value for state in ENDS if state not in used] == []


def test_every_outcome_is_used_by_some_flow() -> None:
    used = {outcome for mode in MODES for edges in flow_for(mode).table.values() for outcome in edges}
    assert [outcome.value for outcome in Outcome if outcome not in used] == []


@pytest.mark.parametrize("mode", MODES)
def test_every_live_state_names_its_rule(mode: str) -> None:
    without = {state.value for state in flow_for(mode).table if state not in RULES}
    assert without <= {"something_went_wrong"}  # its rule is the failure's


@cache
def outcomes_in(step: object) -> set[Outcome]:
    """Outcomes that a step's own source names, and those of the functions of ``oobe`` that it calls."""
    found: set[Outcome] = set()
    seen: set[object] = set()
    waiting = [step]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        names = vars(sys.modules[function.__module__])  # type: ignore[attr-defined]
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):  # type: ignore[arg-type]
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Outcome":
                found.add(Outcome[node.attr])
            elif isinstance(node, ast.Name):
                found |= outcomes_of(names.get(node.id))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = names.get(node.func.id)
                if inspect.isfunction(called) and called.__module__.startswith("autopilot_agent.oobe."):
                    waiting.append(called)
    return found


def outcomes_of(constant: object) -> set[Outcome]:
    """The outcome of a module's ready-made result, or those in a table."""
    if isinstance(constant, StepResult):
        return {constant.outcome}
    return {one for one in constant.values() if isinstance(one, Outcome)} if isinstance(constant, dict) else set()


GUARDED = {
    (S.ACCOUNT_SETUP, O.REBOOT): "the phases share their code; only the device phase restarts (REBOOT-ACCOUNT)",
    (S.ACCOUNT_SETUP, O.TECHNICIAN_FAILED): "the same; a technician never gets as far as account setup (I-06)",
    (S.HYBRID_REGISTRATION, O.TECHNICIAN_FAILED): "nor as far as the registration that account setup waits for",
    (S.ENTRA_PROMPT, O.BACK): "whatever the sign-in ends with, the prompt only leaves the token out",
    (S.ENTRA_PROMPT, O.FAILED): "the same",
    (S.ENTRA_PROMPT, O.STUCK): "the same",
}
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", [state for state in STEPS if state not in ENDS], ids=lambda state: state.value)
def test_every_outcome_of_a_step_has_an_edge(mode: str, state: State) -> None:
    """Leaving out an outcome says that it cannot come in that mode; every other one needs an edge."""
    table = flow_for(mode).table
    if state not in table:
        return
    left_out = WAYS[mode][2]
    possible = {one for one in outcomes_in(STEPS[state]) if (state, one) not in GUARDED and one not in left_out}
    assert {one.value for one in possible} <= {one.value for one in table[state]}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", [state for state in STEPS if state not in ENDS], ids=lambda state: state.value)
def test_every_edge_is_an_outcome_of_its_step(mode: str, state: State) -> None:
    edges = [one for one in flow_for(mode).table.get(state, {})]
    assert {one.value for one in edges} <= {one.value for one in outcomes_in(STEPS[state])}


def test_an_unknown_mode_is_refused_with_the_modes_there_are() -> None:
    with pytest.raises(InputError, match="unknown mode 'x': choose one of user-driven"):
        flow_for("x")
