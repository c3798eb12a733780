"""All checks of a run: what single acts and the whole expect, and what always counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.events import StateEntered, StateLeft
from autopilot_agent.scenario.expectations import Check, Expectations, Seen
from autopilot_agent.scenario.faults import name_of_fault

if TYPE_CHECKING:
    from autopilot_agent.scenario.loader import LoadedScenario
    from autopilot_agent.scenario.plan import ActEnd, Plan
    from autopilot_agent.scenario.run import Result


class ActChecks:
    """The expectations that single acts write, checked as soon as each has ended."""

    def __init__(self, loaded: LoadedScenario, plan: Plan) -> None:
        self.loaded, self.plan = loaded, plan
        self.checks: list[Check] = []
        self._read = plan.resumed_at

    def check(self, index: int, end: ActEnd) -> None:
        """Check the act of that number."""
        trace = self.plan.world.trace
        expect = self.plan.acts[index].expect
        if expect is not None:
            failure = self.plan.world.failure
            step = failure.state.value if failure is not None else ""
            spent, began = round(end.seconds * 1000), round(end.began * 1000)
            seen = Seen(self.plan, trace[self._read :], end.end_state, end.outcome, end.error, step, spent, began)
            checker = Expectations(self.loaded, seen, expect, ("acts", index, "expect"), f"act {index + 1} {end.act}: ")
            checker.run()
            self.checks += checker.checks
        self._read = len(trace)


def check_all(loaded: LoadedScenario, plan: Plan, result: Result, *, strict: bool) -> list[Check]:
    """Every expectation, and no assumed rule if strict."""
    code, step = (result.error.code, result.error.step) if result.error is not None else ("", "")
    seen = Seen(plan, plan.world.trace, result.end_state, result.outcome, code, step, plan.world.now)
    checker = Expectations(loaded, seen, loaded.scenario.expect, ("expect",), "")
    checker.run()
    for index, state, end in plan.never_reached:
        place = str(loaded.document.place(("acts", index, "until")))
        checker.checks.append(Check(f"act {index + 1} until", f"comes to {state}", f"ended in {end}", False, 0.0, place))
    if strict:
        from autopilot_agent import rulebook

        table = rulebook.rules()
        rested_on = set(result.rules) - _rules_of_skipped_states(plan)
        assumed = sorted(rule for rule in rested_on if rule in table and table[rule].grade == "assumed")
        checker.checks.append(Check("strict", "no assumed rule", assumed or "none", not assumed))
    return checker.checks


def unused(loaded: LoadedScenario, plan: Plan, result: Result) -> list[Check]:
    """What the scenario brings and the run did not use: faults, happenings, answers. A test that tests nothing is not green."""
    found: list[Check] = []
    rules = set(result.rules)
    for index, spec in enumerate(loaded.scenario.faults):
        if spec.fault:
            struck = spec.fault in rules
            name = f"fault {spec.fault}"
        else:
            name = f"fault on {name_of_fault(spec)}"
            struck = any(call.struck for call in plan.calls if call.name == name_of_fault(spec))
        if not struck:
            place = str(loaded.document.place(("faults", index)))
            found.append(Check(name, "strikes", "never struck in this run", False, 0.0, place))
    for index, one in enumerate(loaded.scenario.happenings):
        if plan.happenings is not None and index not in plan.happenings.struck:
            place = str(loaded.document.place(("happenings", index)))
            name = f"happening at {one.at}"
            found.append(Check(name, "comes to pass", "nothing was played at that time", False, 0.0, place))
    for path, screen in plan.person.unused():
        place = str(loaded.document.place(path, key=True))
        actual = "not (all) used: the page did not come (so often)"
        found.append(Check(f"answer {screen}", "given", actual, False, 0.0, place))
    return found


def _rules_of_skipped_states(plan: Plan) -> set[str]:
    """Rules that nothing cited but states whose step was skipped: the run does not rest on them."""
    skipped: set[int] = set()
    entered: StateEntered | None = None
    for event in plan.world.trace:
        if isinstance(event, StateEntered):
            entered = event
        elif isinstance(event, StateLeft) and event.skipped and entered is not None:
            skipped |= {entered.seq, event.seq}
    only = {event.rule for event in plan.world.trace if event.seq in skipped}
    return only - {event.rule for event in plan.world.trace if event.seq not in skipped}


