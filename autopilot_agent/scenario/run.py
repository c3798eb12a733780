"""Run one planned scenario and gather what came of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.device import Device
from autopilot_agent.device.mirror import mirror_tracking
from autopilot_agent.errors import AutopilotAgentError, InputError, Place
from autopilot_agent.events import Event, Finished, StateLeft, happened, trace_hash
from autopilot_agent.oobe.states import ENDS, State
from autopilot_agent.rulebook import diagnosis
from autopilot_agent.scenario.branch import flow_played
from autopilot_agent.scenario.checks import ActChecks, check_all, unused
from autopilot_agent.scenario.expectations import Check
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.monitors import broken_invariants
from autopilot_agent.scenario.plan import ActEnd, Plan, make_plan
from autopilot_agent.scenario.playing import join_of, play_acts
from autopilot_agent.scenario.remarks import remarks
from autopilot_agent.scenario.replay import quoted as quoted
from autopilot_agent.scenario.replay import replay_command as replay_command
from autopilot_agent.scenario.verdicts import judge
from autopilot_agent.service import Backend
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.state import TenantState

if TYPE_CHECKING:
    from autopilot_agent.scenario.saving import SavedDevice


class ErrorReport(msgspec.Struct):
    """Why the device did not get on: the code it shows, where, and what helps."""

    code: str
    step: str
    rule: str
    meaning: str
    fix: str
    retry_helps: bool | None
    symptom: str = ""
    cause: str = ""


class Result(msgspec.Struct):
    """What one run gave. Its fields are the json of ``autopilot-agent run``; ``virtual_seconds`` from power-on to the end.

    ``case`` names the case inside its file, "" where the file has one. ``verdict`` is

    - ``passed`` or ``failed``: whether every expectation was met;
    - ``xfailed``: not all were, as ``xfail`` says; ``xpassed``: all were, although ``xfail`` says otherwise (exit code 1);
    - ``skipped``: not played, as ``skip`` says; ``not_run``: not played because an earlier one failed (``--fail-fast``);
    - ``error``: it could not be played (``problem`` says why, ``exit_code`` whose fault it is).

    ``reason`` is that of ``skip`` or ``xfail``. ``unused`` is what one of several seeds did not use.
    """

    scenario: str
    file: str
    mode: str
    seed: int
    flow: str = ""
    verdict: str = "error"
    end_state: str = ""
    outcome: str = ""
    join: str = "none"
    mdm_enrolled: bool = False
    device_name: str = ""
    error: ErrorReport | None = None
    acts: list[ActEnd] = []
    virtual_seconds: float = 0.0
    reboots: int = 0
    states: list[str] = []
    screens: list[str] = []
    apps: dict[str, str] = {}
    rules: list[str] = []
    checks: list[Check] = []
    trace_hash: str = ""
    replay: str = ""
    problem: str = ""
    exit_code: int = 0
    notices: list[str] = []
    case: str = ""
    tags: list[str] = []
    reason: str = ""
    unused: list[Check] = []


class Watch(Protocol):
    """Somebody who looks on while a scenario is played."""

    def begin(self, plan: Plan) -> None:
        """The plan is made and not yet played."""
        ...

    def see(self, event: Event) -> None:
        """One thing happened."""
        ...


class Run(msgspec.Struct):
    """A result with what it was made of: the events and, unless the run stopped early, the plan."""

    result: Result
    events: list[Event]
    plan: Plan | None = None


def run_scenario(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    speed: float | None = None,
    strict: bool = False,
    shortcut: bool = True,
    backend: str | Callable[[TenantState], Backend] = "memory",
    cut_at: int | None = None,
    device: SavedDevice | None = None,
    watch: Watch | None = None,
    tenant: TenantData | None = None,
    several_seeds: bool = False,
) -> Run:
    """Plan, play, check. Bad input comes back as verdict "error" with exit code 2, a broken invariant with exit code 4.

    ``device`` is a PC that an earlier run saved: this one goes on with it.
    ``cut_at`` cuts the power at that wait of the run, as if somebody had pulled the plug; the device then starts again.
    ``watch`` is told every event as it happens. ``tenant`` stands in for the scenario's own (see ``make_plan``).
    With ``several_seeds`` this is one of many runs of the case: what it did
    not use another one may, so that is told in ``unused`` and for ``judge_together`` to judge.
    """
    used = loaded.scenario.seed if seed is None else seed
    result = result_of(loaded, used)
    if loaded.scenario.skip is not None:
        result.verdict, result.reason = "skipped", loaded.scenario.skip
        return Run(result, [])
    result.replay = replay_command(
        loaded.path, used, strict=strict, backend=backend, case=loaded.case, settings=loaded.settings
    )
    if device is not None:
        result.replay += " --device FILE"
    plan: Plan | None = None
    end: State | None = None
    try:
        if device is not None:
            seed = used = device.seed if seed is None else seed
        sink = watch.see if watch is not None else None
        plan = make_plan(loaded, seed=seed, speed=speed, shortcut=shortcut, backend=backend, sink=sink, tenant=tenant)
        if watch is not None:
            watch.begin(plan)
        if device is not None:
            from autopilot_agent.scenario.saving import check_words, resume

            resume(plan, device, other_network=check_words(loaded))
            result.seed = used
        plan.cut_at = cut_at
        acts = ActChecks(loaded, plan)
        end = play_acts(plan, acts.check)
        fetch_cloud(plan)
    except InputError as error:
        result.problem, result.exit_code = f"{place_of(error, loaded)}: {error.message}", 2
        return Run(result, plan.world.trace if plan else [], plan)
    except AutopilotAgentError as error:
        if plan is not None and end is not None:  # the server died meanwhile: what the device shows is known all the same
            _gather(result, plan, end)
        result.problem, result.exit_code = str(error), error.exit_code
        return Run(result, plan.world.trace if plan else [], plan)
    finally:
        if plan is not None and plan.remote is not None:
            plan.remote.close()
    mirror_tracking(plan.world.device.disk.csp, plan.world.device.disk.registry)
    _gather(result, plan, end)
    result.checks = acts.checks + check_all(loaded, plan, result, strict=strict)
    if several_seeds:
        result.unused = unused(loaded, plan, result)
    else:
        result.checks += unused(loaded, plan, result)
    broken = broken_invariants(plan, result)
    if broken:
        result.verdict, result.exit_code = "error", 4
        result.problem = "broken invariant: " + "; ".join(broken)
    else:
        judge(result, loaded.scenario.xfail)
    return Run(result, plan.world.trace, plan)


def fetch_cloud(plan: Plan) -> None:
    """Ask a cloud that is not in this process for its records, so that the checks see them; it may not let us look."""
    if not plan.remote:
        return
    fetch: Callable[[], bytes | None] = plan.remote.cloud
    data = fetch()
    plan.cloud_known = data is not None
    if data is not None:
        from autopilot_agent.scenario.saved_cloud import SERVED, read_cloud, restore_cloud

        restore_cloud(plan.state, read_cloud(data), SERVED)


def result_of(loaded: LoadedScenario, seed: int) -> Result:
    """What is known of a run before it begins."""
    scenario = loaded.scenario
    result = Result(scenario.scenario, loaded.path.as_posix(), scenario.mode, seed)
    result.case, result.tags = loaded.case, scenario.tags
    return result


def place_of(error: InputError, loaded: LoadedScenario) -> Place:
    """Where an error stands; one that only names what it is about stands where the scenario writes that."""
    scenario, document, said = loaded.scenario, loaded.document, error.message
    if error.place is not None:
        return error.place
    if found := re.match(r"the script answers .* on page (\w+)", said):
        for index, act in enumerate(scenario.acts or ()):
            if not isinstance(act, str) and found[1] in getattr(act, "person", ()):
                return document.place(("acts", index, "person", found[1]), key=True)
        if found[1] in scenario.person:
            return document.place(("person", found[1]), key=True)
    for index, spec in enumerate(scenario.faults):
        if spec.fault and re.search(rf"the fault {re.escape(spec.fault)}\b", said):
            return document.place(("faults", index))
    unknown = "installers: the tenant has no app"
    app = next((name for name in scenario.installers if said.startswith(f"{unknown} {name[:60]!r};")), None)
    return document.place(("installers", app), key=True) if app is not None else document.place()


def play_plan(plan: Plan) -> State:
    """Play a plan to its end; returns the end state. The events are in ``plan.world.trace``."""
    return play_acts(plan)


def _gather(result: Result, plan: Plan, end: State) -> None:
    world, device = plan.world, plan.device
    result.end_state, result.outcome = end.value, ENDS.get(end, "interrupted")
    result.join = join_of(plan)
    result.flow = flow_played(world.trace, world.trace)
    result.acts = plan.ends
    result.mdm_enrolled = device.disk.enrolment is not None
    result.device_name = device.disk.computer_name
    result.virtual_seconds = world.now / 1000
    result.reboots = device.disk.reboots
    result.states = [event.state for event in happened(world.trace)]
    result.screens = world.screens
    result.apps = apps_by_name({key: (app.name, app.state) for key, app in device.disk.apps.items()})
    result.rules = sorted({event.rule for event in world.trace if event.rule})
    result.trace_hash = trace_hash(world.trace)
    result.notices = [*plan.notices, *remarks(plan, result)]
    if result.outcome not in ("completed", "interrupted"):
        result.error = _error(world.trace, plan, device)


def apps_by_name(apps: dict[str, tuple[str, str]]) -> dict[str, str]:
    """The states of apps by their names, given both by id; apps with one name go by their ids."""
    named = Counter(name for name, _ in apps.values())
    return {key if named[name] > 1 else name: state for key, (name, state) in apps.items()}


def _error(trace: list[Event], plan: Plan, device: Device) -> ErrorReport:
    failure = plan.world.failure
    if failure is None:
        left = next((event for event in reversed(trace) if isinstance(event, StateLeft)), None)
        if left is None:
            return ErrorReport("", "", "", "", "", None)
        report = explain_failure("", left.state, left.rule, left.detail or left.outcome.replace("_", " "))
    else:
        report = explain_failure(failure.code, failure.state.value, failure.rule, failure.reason)
    last = trace[-1]
    if not report.fix and isinstance(last, Finished) and (ending := diagnosis.endings().get(last.end_state)) is not None:
        report.fix = ending.fix
    return report


def explain_failure(code: str, step: str, rule: str, reason: str) -> ErrorReport:
    """Put the rulebook's words to a failure; what they leave open, the run's own reason says."""
    row = diagnosis.known_cause(rule)
    known = diagnosis.meaning_at(code, step, rule) if code else None
    retry = rulebook.RETRY_HELPS.get(diagnosis.retry_of(row, known), False)
    if row is not None:
        cause = row.cause or reason
        return ErrorReport(code, step, rule, cause, row.fix, retry, row.symptom, cause)
    if known is not None:
        return ErrorReport(code, step, rule, known.meaning, known.remedy, retry, known.meaning, known.cause or reason)
    return ErrorReport(code, step, rule, reason, "", retry, cause=reason)


def relative(path: Path) -> str:
    """A path as reports show it: relative to the working directory where that is shorter, with forward slashes."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
