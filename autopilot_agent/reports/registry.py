"""Which kinds of reports there are: ours, and those that installed packages bring as entry points."""

from __future__ import annotations

from importlib import import_module

from autopilot_agent.errors import InputError
from autopilot_agent.reports.report import Report
from autopilot_agent.scenario.problems import suggestion

GROUP = "autopilot_agent.reports"
OURS = {
    "junit": "junit:JUNIT",
    "junit-timeline": "junit:JUNIT_TIMELINE",
    "github": "github:GITHUB",
    "markdown": "markdown:MARKDOWN",
    "json": "plain_json:JSON",
    "jsonl": "plain_json:JSONL",
    "html": "html:HTML",
}
"""Kind, and where it is in this room; only what is asked for is imported."""


def kinds() -> tuple[str, ...]:
    """The names of all kinds, ours first."""
    return tuple(dict.fromkeys((*OURS, *sorted(_foreign()))))


def report_of(kind: str) -> Report:
    """The report of that name; raises ``InputError`` that lists what there is."""
    if kind in OURS:
        module, _, name = OURS[kind].partition(":")
        found: Report = getattr(import_module(f"autopilot_agent.reports.{module}"), name)
        return found
    foreign = _foreign()
    if kind not in foreign:
        known = ", ".join(kinds())
        close = suggestion(kind, kinds(), 0)
        said = f"{close} There are {known}." if "mean" in close else f"choose one of {known}."
        raise InputError(f"there is no report {kind[:60]!r}; {said}")
    return _loaded(kind)


def _foreign() -> set[str]:
    from importlib.metadata import entry_points

    return {point.name for point in entry_points(group=GROUP)}


def _loaded(kind: str) -> Report:
    """A report of somebody else's; whatever is wrong with it is a sentence that names the package."""
    from importlib.metadata import entry_points

    point = next(iter(entry_points(group=GROUP, name=kind)))
    owner = f" of {point.dist.name}" if point.dist is not None else ""
    try:
        found = point.load()
        found = found() if isinstance(found, type) else found
    except Exception as error:
        said = f"the report {kind!r}{owner} cannot be loaded ({type(error).__name__}: {error}); mend or remove that package."
        raise InputError(said) from None
    if not isinstance(found, Report):
        said = f"the report {kind!r}{owner} has no name, needs_events and render(played, about); it is not for this version."
        raise InputError(said)
    return found
