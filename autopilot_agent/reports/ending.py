"""The end of a run: where the device is, what it has become, where the time went, and what failed and why."""

from __future__ import annotations

import re

from autopilot_agent import rulebook
from autopilot_agent.events import StateLeft
from autopilot_agent.reports.findings import FAILED_IN, advice_of
from autopilot_agent.reports.spent import time_spent
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.words import clock, count, in_sentence, span, state_title
from autopilot_agent.scenario.expectations import local_rights
from autopilot_agent.scenario.run import ErrorReport, Run

JOINS = {"entra": "Entra", "domain": "Active Directory alone", "hybrid": "Entra hybrid", "none": "not joined"}
MOST_STATES = 5


def ending(run: Run, style: Style, verbosity: int) -> list[str]:
    """The END block."""
    result, plan = run.result, run.plan
    colour = {"completed": "green"}.get(result.outcome, "red")
    head = f"END {clock(result.virtual_seconds * 1000)}  "
    lines = ["", style.paint("bold", head) + style.paint(colour, f"{clean(result.end_state)} ({clean(result.outcome)})")]
    managed = "managed (MDM enrolled)" if result.mdm_enrolled else "not managed"
    facts = [("Join", f"{JOINS.get(result.join, result.join)}, {managed}"), ("Device name", result.device_name or "none")]
    if plan is not None:
        disk = plan.device.disk
        signed_in = f" ({disk.signed_in_user})" if disk.signed_in_user else ""
        facts.append(("Local rights", local_rights(plan.device) + signed_in))
        accounts = [f"{one.name} ({one.kind}, {one.group})" for one in disk.accounts.values()]
        facts.append(("Accounts", "; ".join(accounts) or "none"))
    losses = plan.device.disk.power_losses if plan is not None else 0
    lost = f", and the power was lost {'once' if losses == 1 else f'{losses} times'}" if losses else ""
    facts.append(("Restarts", f"{result.reboots}{lost}"))
    for name, value in facts:
        lines += _fact(style, name, value)
    lines += _apps(run, style)
    lines += _acts(run, style)
    lines += _time(run, style)
    if result.error is not None:
        lines += _failure(result.error, run, style)
    return lines + _questions(run, style) + _assumed(run, style, verbosity)


def _acts(run: Run, style: Style) -> list[str]:
    """How each act ended, where there were several."""
    if len(run.result.acts) < 2:
        return []
    lines: list[str] = []
    for number, act in enumerate(run.result.acts, 1):
        end = f"{act.end_state} ({act.outcome}{f', {act.error}' if act.error else ''})" if act.end_state else "done"
        name = act.act.replace("_", " ")
        lines += _fact(style, "" if lines else "Acts", f"{number} {name}, {span(act.seconds * 1000)}: {end}")
    return lines


def _fact(style: Style, name: str, value: str, colour: str = "") -> list[str]:
    return style.block(f"  {name:14}", clean(value), colour)


def _apps(run: Run, style: Style) -> list[str]:
    if run.plan is None or not run.plan.device.disk.apps:
        return _fact(style, "Apps", "none")
    apps = list(run.plan.device.disk.apps.values())
    wide = min(40, max(len(clean(app.name)) for app in apps))
    lines: list[str] = []
    for app in apps:
        code = f"  code {clean(app.code)}" if app.code and app.code != "0" else ""
        colour = {"failed": "red", "installed": "green"}.get(app.state, "yellow")
        head = f"  {'Apps' if not lines else '':14}{clean(app.name).ljust(wide)}  "
        lines.append(head + style.paint(colour, clean(app.state) + code))
    return lines


def _time(run: Run, style: Style) -> list[str]:
    spent = time_spent(run.events)
    if spent.total < 1:
        return []

    def part(name: str, value: int) -> str:
        return f"{name} {span(value)} ({value * 100 / spent.total:.0f} %)"

    who = [part(name, value) for name, value in (("device", spent.device), ("person", spent.person)) if value]
    who += [part("restarts", spent.restarts)] if spent.restarts else []
    who += [part("switched off", spent.off)] if spent.off else []
    longest = sorted(((value, state) for state, value in spent.states.items() if value), key=lambda one: -one[0])
    where = [part(in_sentence(state), value) for value, state in longest[:MOST_STATES]]
    return _fact(style, "Time", f"{span(spent.total)}: {', '.join(who)}") + _fact(style, "Longest", ", ".join(where))


def _failure(error: ErrorReport, run: Run, style: Style) -> list[str]:
    at = next((e.at for e in reversed(run.events) if isinstance(e, StateLeft) and e.state == error.step), None)
    where = state_title(error.step) if error.step else "the flow"
    when = f", at {clock(at)}" if at is not None else ""
    lines = ["", style.paint("red", f"What failed: {clean(where)}{when}")]
    for name, value in advice_of(error):
        if name != FAILED_IN:  # said above, with the time
            lines += _fact(style, name, value)
    return lines


QUESTION = re.compile(r"\bQ-\d\d\b")


def decided_by(run: Run) -> list[str]:
    """Open questions on whose answer something in this run hung: the events that it decided name it."""
    texts = (str(getattr(event, name, "")) for event in run.events for name in ("text", "reason", "detail"))
    found = {question for text in texts if "Q-" in text for question in QUESTION.findall(text)}
    return sorted(found & set(rulebook.questions()))


def _questions(run: Run, style: Style) -> list[str]:
    chosen = run.plan.scenario.assumptions if run.plan is not None else {}
    lines: list[str] = []
    for name in decided_by(run):
        row = rulebook.questions()[name]
        model = chosen.get(name)
        answer = f"this scenario chose {model!r}" if model else f"the usual model is: {row.model}"
        text = f"{row.question} Sources disagree; {answer}"
        lines += ["", *style.block(f"Decided by {name}: ", text if text.endswith(".") else text + ".", "yellow", hang=2)]
    return lines


def _assumed(run: Run, style: Style, verbosity: int) -> list[str]:
    table = rulebook.rules()
    fired = [rule for rule in run.result.rules if rule in table]
    assumed = [rule for rule in fired if table[rule].grade == "assumed"]
    if not assumed:
        return []
    names = f": {', '.join(assumed)}" if verbosity > 0 else " (-v names them)"
    text = f"{len(assumed)} of the {count(len(fired), 'rule')} behind this run {'is' if len(assumed) == 1 else 'are'} assumed"
    return ["", *style.block("Assumption: ", text + names + ".", "dim", hang=2, head_colour="dim")]
