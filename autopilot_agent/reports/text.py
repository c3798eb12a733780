"""A run as text that a person understands: a timeline with its end, or one line of a list."""

from __future__ import annotations

from autopilot_agent.reports.ending import ending
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.timeline import Entry, Timeline, write
from autopilot_agent.reports.verdict import advice, checks, failures, problem, replay
from autopilot_agent.reports.words import count, span
from autopilot_agent.scenario.plan import Plan
from autopilot_agent.scenario.run import Result, Run
from autopilot_agent.scenario.verdicts import FINE

PLAIN = Style()
INDENT = " " * 8
"""In front of what belongs to a run in a list of many."""
VERDICTS = {
    "passed": ("passed", "green"),
    "failed": ("FAILED", "alarm"),
    "error": ("ERROR", "alarm"),
    "xfailed": ("xfail", "yellow"),
    "xpassed": ("XPASS", "alarm"),
    "skipped": ("skip", "yellow"),
    "not_run": ("-", "dim"),
}
"""The word for each verdict in a list, and its colour."""


def render(run: Run, verbosity: int, *, timeline: bool, style: Style = PLAIN) -> str:
    """The text of one run: whole with ``timeline``, else one line and what failed. Nothing for a pass below verbosity 0.

    ``verbosity`` 0 leaves out what went as it always goes, 1 adds log records and calls, 2 shows every event.
    """
    if verbosity < 0 and run.result.verdict in FINE:
        return ""
    lines = _whole(run, verbosity, style) if timeline and verbosity >= 0 else _short(run, style)
    return "\n".join(lines) + "\n"


def _short(run: Run, style: Style) -> list[str]:
    result = run.result
    word, colour = VERDICTS[result.verdict]
    code = result.error.code if result.error is not None else ""
    took = span(result.virtual_seconds * 1000) if result.end_state else ""
    rest = f"{clean(result.end_state):18} {clean(code):10} {took:>11}".rstrip()
    lines = [f"{style.paint(colour, f'{word:6}')}  {clean(label(result)):{style.name_width}}  {rest}".rstrip()]
    lines += why(result, style, indent=INDENT)
    if result.verdict in FINE:
        return lines
    failed = [check for check in result.checks if not check.passed]
    lines += failures(failed, _entries(run, 0) if failed else [], style, indent=INDENT, brief=True)
    lines += advice(result, style, indent=INDENT)
    lines += problem(result, style, indent=INDENT)
    return lines + [INDENT + line for line in replay(result, style)]


def label(result: Result) -> str:
    """The file, and the case in it."""
    return f"{result.file} [{result.case}]" if result.case else result.file


def why(result: Result, style: Style, *, indent: str = "") -> list[str]:
    """The reason why a scenario was skipped, or fails."""
    heads = {
        "skipped": "Skipped: ",
        "xfailed": "Expected to fail: ",
        "xpassed": "Everything passed, but the scenario says xfail; remove it if this is no accident. Its reason: ",
    }
    head = heads.get(result.verdict)
    return style.block(f"{indent}{head}", clean(result.reason), hang=len(indent) + 2) if head else []


def _whole(run: Run, verbosity: int, style: Style) -> list[str]:
    result = run.result
    entries = _entries(run, verbosity)
    lines = _head(run, style)
    if entries:
        lines += ["", *write(entries, style)]
    if result.end_state:
        lines += ending(run, style, verbosity)
    plain = entries if verbosity <= 0 else _entries(run, 0)
    lines += checks(result, plain, style) if result.end_state else []
    lines += ["", *said] if (said := why(result, style)) else []
    if result.problem:
        lines += ["", *problem(result, style)]
    return [*lines, "", *replay(result, style)] if result.replay else lines


def _entries(run: Run, verbosity: int) -> list[Entry]:
    """The timeline from where this run began."""
    since = run.plan.resumed_at if run.plan is not None else 0
    eleven = run.plan is None or run.plan.device.windows.eleven
    return Timeline(verbosity, eleven=eleven).read(run.events[since:])


def _head(run: Run, style: Style) -> list[str]:
    result = run.result
    if not result.scenario:
        return [style.paint("bold", clean(label(result)))]
    lines = style.block("", clean(result.scenario), "bold")
    lines.append(f"{clean(label(result))}, {result.mode}, seed {result.seed}")
    if run.plan is not None:
        lines += style.block("Device: ", clean(device_line(run.plan)))
        lines += style.block("Tenant: ", clean(tenant_line(run.plan)))
    return lines


def device_line(plan: Plan) -> str:
    """The PC in one sentence; made safe by whoever shows it."""
    hardware, windows, network = plan.device.hardware, plan.device.windows, plan.device.network
    chip = f"TPM {hardware.tpm.version}" if hardware.tpm.present else "no TPM"
    kind = "virtual machine, " if hardware.virtual_machine else ""
    system = f"Windows {11 if windows.eleven else 10} {windows.edition} {windows.build}"
    link = {"ethernet": "network cable", "wifi": "Wi-Fi"}.get(network.kind, network.kind)
    return f"{hardware.manufacturer} {hardware.model}, serial {hardware.serial_number}, {kind}{chip}, {system}, {link}"


def tenant_line(plan: Plan) -> str:
    """What the tenant has, in one sentence; made safe by whoever shows it."""
    data = plan.state.data
    name = data.organization.display_name if data.organization else ""
    domains = [one.name for one in data.organization.verified_domains if one.name] if data.organization else []
    known = [
        (len(data.windows_autopilot_deployment_profiles), "deployment profile"),
        (len(data.esp_configurations), "status page"),
        (len(data.mobile_apps), "app"),
        (len(data.device_configurations) + len(data.configuration_policies), "policy"),
        (len(data.users), "user"),
    ]
    parts = [count(number, word, "policies" if word == "policy" else "") for number, word in known if number]
    title = f"{name or 'without a name'}{f' ({domains[0]})' if domains else ''}"
    return f"{title}: {', '.join(parts) or 'nothing configured'}"
