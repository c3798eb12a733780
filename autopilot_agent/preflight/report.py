"""A preflight from beginning to end: read, play, check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.preflight.devices import Candidate, fleet_of
from autopilot_agent.preflight.directory import Directory
from autopilot_agent.preflight.families import findings_of
from autopilot_agent.preflight.findings import Finding, Severity
from autopilot_agent.preflight.inputs import Subject, subject_of
from autopilot_agent.preflight.people import representatives
from autopilot_agent.preflight.registry import Preflight
from autopilot_agent.preflight.rehearsal import Rehearsal, Stage
from autopilot_agent.preflight.saved_folder import check_folder
from autopilot_agent.scenario.plan import targeting_of
from autopilot_agent.scenario.problems import suggestion

MODES = ("user-driven", "hybrid", "self-deploying", "pre-provisioned", "ordinary-oobe")
"""What a preflight can play."""


class Played(msgspec.Struct, kw_only=True):
    """One row of the table of devices: what was played, what decided, and how it ended. ``seconds`` are virtual."""

    label: str
    mode: str
    device: str
    user: str
    profile: str
    profile_why: str
    page: str
    page_why: str
    end_state: str
    outcome: str
    code: str
    rule: str
    seconds: float
    trace_hash: str
    replay: str = ""


class Report(msgspec.Struct, kw_only=True):
    """What a preflight says. ``remarks`` are about the reading of the export.

    ``replays`` has the command that plays a run again, by the label of the run; it is empty when none was saved.
    """

    tenant: str
    devices: list[Played]
    findings: list[Finding]
    remarks: list[str]
    replays: dict[str, str] = {}

    def counted(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(1 for one in self.findings if one.severity is severity)

    def fails(self, level: str) -> bool:
        """Whether there is a finding as bad as ``level`` (error or warning; never: no)."""
        worst = {"error": 0, "warning": 1}.get(level, -1)
        return any(one.severity.order <= worst for one in self.findings)


def preflight(
    path: Path, *, modes: tuple[str, ...] = (), group: str = "", save: Path | None = None, only: Sequence[str] = ()
) -> Report:
    """Look at a tenant. Raises ``InputError`` for a path, a mode or a group that there is not.

    ``save`` is a folder for the runs as scenario files; ``InputError`` when they cannot be written there. ``only`` names the
    case of a scenario file that holds several.
    """
    return examine(subject_of(path, only=only), modes=modes, group=group, save=save)


def examine(subject: Subject, *, modes: tuple[str, ...] = (), group: str = "", save: Path | None = None) -> Report:
    """The same for a tenant that was read already.

    Everything is played whatever is asked for, because what one group of devices gets says what is wrong for another.
    """
    wanted = _modes(modes)
    folder = check_folder(save) if save is not None else None
    found = rehearse(subject)
    members = _of_group(found, group, subject) if group else found.fleet.candidates
    shown = [one for one in found.rehearsals if one.mode in wanted and any(one.candidate is each for each in members)]
    if not shown:
        raise InputError(_nothing_played(found, members, modes, group), Place(subject.name))
    findings = findings_of(found)
    if group or modes:
        labels = {one.label for one in shown}
        more = tuple(f"{label}, " for label in labels)  # the same, played once more by a check
        findings = [one for one in findings if any(name in labels or name.startswith(more) for name in one.seen)]
    told = {str(one.place) for finding in findings for one in finding.about}
    notices = (*subject.data.notices, *found.fleet.targeting.notices)
    remarks = [str(notice) for notice in notices if str(notice.place) not in told]
    if not subject.data.windows_autopilot_deployment_profiles:
        remarks.insert(0, "the export has no deployment profile (windowsAutopilotDeploymentProfiles)")
    report = Report(
        tenant=subject.name,
        devices=[_played(found, one) for one in shown],
        findings=findings,
        remarks=list(dict.fromkeys(remarks)),
    )
    if save is not None and folder is not None:
        _save(report, found, shown, folder, save)
    return report


def _save(report: Report, found: Preflight, shown: list[Rehearsal], folder: Path, typed: Path) -> None:
    """Save the runs that the report shows, with those that checks played besides and findings tell of."""
    from autopilot_agent.preflight.saved import save

    told = {moment.rehearsal for one in report.findings for moment in one.moments}
    labels = {one.label for one in shown}
    more = {one.label: one for one in found.stage.played if one.label in told - labels}
    chosen = [*shown, *more.values()]
    commands = save(chosen, found.stage, folder, typed)
    for one, command in zip(chosen, commands, strict=True):
        report.replays.setdefault(one.label, command)
    for row, command in zip(report.devices, commands, strict=False):
        row.replay = command


def rehearse(subject: Subject, also: frozenset[str] = frozenset()) -> Preflight:
    """Play every device of a tenant; what checks look at. ``also`` names users and serial numbers that must not be left out."""
    data = subject.data
    directory, targeting = Directory(data), targeting_of(data)
    fleet = fleet_of(data, targeting, directory, also)
    people = representatives(data, fleet.targeting, directory, also)
    stage = Stage(subject, fleet)
    return Preflight(data, directory, fleet, stage, list(stage.play_all(people)))


def _modes(modes: tuple[str, ...]) -> frozenset[str]:
    for mode in modes:
        if mode not in MODES:
            raise InputError(f"there is no mode {mode[:40]!r} here; {suggestion(mode, MODES)}")
    return frozenset(modes or MODES)


def _nothing_played(found: Preflight, members: list[Candidate], modes: tuple[str, ...], group: str) -> str:
    """What to say where no device goes through the modes that were asked for."""
    there = {one.mode for one in found.rehearsals if any(one.candidate is each for each in members)}
    whose = f"the group {group[:60]!r}" if group else "this tenant"
    known = ", ".join(mode for mode in MODES if mode in there)
    return f"no device of {whose} goes through {' or '.join(modes) or 'anything'}; there is {known or 'nothing to play'}."


def _of_group(preflight: Preflight, name: str, subject: Subject) -> list[Candidate]:
    """The devices of one group; raises ``InputError`` for a group that is not there or has no device."""
    group = preflight.directory.group(name)
    if group is None:
        names = [one.display_name for one in subject.data.groups]
        hint = suggestion(name, names) if names else "the tenant has no groups."
        raise InputError(f"there is no group {name[:60]!r}; {hint}", Place(subject.name))
    candidates = preflight.fleet.candidates
    found = [one for one in candidates if group.id in one.groups or one.made_for == group.display_name]
    if not found:
        raise InputError(f"no device can be in the group {group.display_name!r}.", subject.data.place("groups", group.id))
    return found


def _played(preflight: Preflight, one: Rehearsal) -> Played:
    result, device, profile = one.run.result, one.enrolled, one.candidate.profile
    return Played(
        label=one.label,
        mode=one.mode,
        device=one.candidate.label,
        user=one.user.user_principal_name if one.user is not None else "",
        profile=profile.display_name if profile is not None else "",
        profile_why=_profile_why(preflight, one),
        page=device.esp.display_name if device is not None else "",
        page_why=_page_why(one),
        end_state=result.end_state,
        outcome=result.outcome,
        code=result.error.code if result.error is not None else "",
        rule=result.error.rule if result.error is not None else "",
        seconds=result.virtual_seconds,
        trace_hash=result.trace_hash,
    )


def _profile_why(preflight: Preflight, one: Rehearsal) -> str:
    """Why the device has its profile, in a few words."""
    profile, candidate = one.candidate.profile, one.candidate
    if profile is None:
        return "nobody registered it" if candidate.identity is None else "no profile reaches it"
    if not candidate.explicit:
        return "for all devices"
    names = [line.group or "" for line in profile.assignments if line.kind == "group"]
    found = [preflight.directory.group(name) for name in names]
    mine = [group.display_name for group in found if group is not None and group.id in candidate.groups]
    by = f"by {mine[0]}" if mine else "named by the registration"
    rivals = len(preflight.fleet.targeting.profiles_by_group(candidate.groups))
    return f"{by}, the oldest of {rivals}" if rivals > 1 else by


def _page_why(one: Rehearsal) -> str:
    device = one.enrolled
    if device is None:
        return "not enrolled"
    shown = "" if device.esp.show_installation_progress else ", hidden"
    ranked = device.esp_target in ("device", "user") and device.esp.priority is not None
    rank = f", priority {device.esp.priority}" if ranked else ""
    why = {"device": "for the device", "user": "for the user", "other": "another MDM"}.get(device.esp_target, "the default")
    return f"{why}{rank}{shown}"
