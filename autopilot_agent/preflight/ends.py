"""Devices that do not get on: every bad end of a rehearsal, with the resources to blame for it."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.events import CallRefused, Event, LogWritten, Noted, RowChanged, ScreenShown
from autopilot_agent.preflight.blame import OF_THE_USER, blamed, domain_join_of_user, downloads, missing_settings, slowest
from autopilot_agent.preflight.findings import Found, Resource, Severity
from autopilot_agent.preflight.people import people_of
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import count
from autopilot_agent.rulebook import diagnosis
from autopilot_agent.tenant.commands import blocking_ids, required
from autopilot_agent.tenant.graph.directory import User

PERSONAL = ("F-77", "F-86")
"""What keeps devices out that nobody registered, as administrators mean it."""
TITLES = {
    "F-19": "Conditional Access refuses the sign-in or the enrolment",
    "F-26": "An enrolment restriction refuses the device",
    "F-27": "A user without a licence cannot enrol the device",
    "F-34": "Hybrid join fails: no Domain Join profile, or a wrong one, reaches the device",
    "F-40": "The apps are not there before the time of the status page is over",
    "F-42": "A line-of-business MSI and a Win32 app overlap: error 1618",
    "F-48": "A password policy and a restart: nobody gets past Device setup",
    "F-49": "Microsoft 365 Apps of the built-in kind hang beside a Win32 app",
    "REG-ONE-TIME": "A registration has used up its one enrolment without a user",
}
"""What administrators call failures that the catalogue names by what the device shows."""
LATE = "The status page waits for settings that do not come, until its time is over"
"""Where the row that is late is not that of the apps."""
LATE_FIX = "Mend or take away the setting that the device does not take; more time does not help where it refuses one."
APPS_ROW = "Apps"
"""The row whose being late has words of its own."""
MISSING = 3
"""Settings that are named where the page waits for them in vain."""
TITLE_WORDS = 3
"""A reason of so few words names a row of the page and explains nothing."""


@check("does-not-finish", "TIME-ESP", Severity.ERROR, "A device does not get on")
def bad_ends(preflight: Preflight) -> Iterator[Found]:
    """Every rehearsal that failed or got stuck, by the rule of its failure and what is to blame."""
    for one in preflight.rehearsals:
        error = one.error
        if one.completed or error is None or one.away or one.special:
            continue
        rule = _rule(one, error.rule)
        if rule == "F-29" or (one.candidate.identity is None and rule in PERSONAL):
            continue  # the first has a check of its own, the others are meant
        about = blamed(preflight, one, rule)
        row = diagnosis.known_cause(rule)
        symptom = (row.symptom if row is not None else error.meaning) or "The device does not get on"
        code = f" ({error.code})" if error.code else ""
        shown = shown_by(one, rule)
        late = _late_row(one) if rule == "F-40" else ""
        yield Found(
            what=_as_title(_what(preflight, one, rule, about)) + ".",
            about=about,
            moments=(*(one.moment(event) for event in shown), one.end()),
            rule=rule,
            title=f"{LATE if late else TITLES.get(rule) or _as_title(symptom)}{code}",
            fix=LATE_FIX if late else FIXES.get(rule) or error.fix,
            severity=_severity(preflight, one, rule),
        )


def _rule(one: Rehearsal, rule: str) -> str:
    """The rule of a failure; one code stands for a used record and for a restriction, and its refusal says which."""
    if rule == "F-26" and one.citing("REG-ONE-TIME"):
        return "REG-ONE-TIME"
    return rule or "TIME-ESP"


def _as_title(symptom: str) -> str:
    """With a capital, unless it begins with the name of something."""
    word = symptom.partition(" ")[0]
    return symptom[:1].upper() + symptom[1:] if word.islower() and "@" not in word else symptom


FIXES = {
    "APP-LIMIT": "Make the installer quicker, or raise the app's own time limit and that of the status page.",
    "F-26": "Lift the restriction for these users and devices, or give them what it asks for.",
    "F-27": "Assign a licence with Intune, or do not let this user set up devices.",
    "F-48": "Target the policy that restarts, or the one that asks for a password, to users so that it comes after setup.",
    "REG-ONE-TIME": "Delete the device's record in Intune, or unblock the device.",
}
"""What an administrator does where the catalogue speaks of the device alone, or leaves it open."""
SHOWN_BY = {
    "F-40": ("TIME-ESP",),
    "F-42": ("APP-1618",),
    "F-48": ("REBOOT-PASSWORD-POLICY", "EVT-2800", "REBOOT-DEVICELOCK"),
}
"""Further rules whose events show a failure."""


def _severity(preflight: Preflight, one: Rehearsal, rule: str) -> Severity:
    identity, user = one.candidate.identity, one.user
    owner = identity is not None and user is not None and identity.user_principal_name == user.user_principal_name
    others = any(other.completed and other.user is not None for other in preflight.rehearsals)
    if rule in OF_THE_USER and not owner and others:
        return Severity.WARNING
    return Severity.ERROR


def shown_by(one: Rehearsal, rule: str) -> list[Event]:
    """The events that show a failure: the first of each kind that cites its rule, and what led to it."""
    found: list[Event] = []
    for cited in (*SHOWN_BY.get(rule, ()), rule):
        kinds = (Noted, CallRefused, LogWritten, ScreenShown)
        events = [event for event in one.citing(cited) if isinstance(event, kinds) and _says_more(event)]
        told = [event for event in events if not isinstance(event, LogWritten)] or events
        found += told[:1]
    return sorted(found, key=lambda event: event.seq)


def _says_more(event: Event) -> bool:
    return bool(getattr(event, "text", "") or getattr(event, "reason", ""))


def _what(preflight: Preflight, one: Rehearsal, rule: str, about: tuple[Resource, ...]) -> str:
    error = one.error
    assert error is not None
    if rule == "F-40":
        return _out_of_time(one)
    reason = one.run.plan.world.failure.reason if one.run.plan is not None and one.run.plan.world.failure else ""
    told = len(reason.split()) > TITLE_WORDS
    text = ((reason if told else error.cause) or error.meaning or reason).rstrip(".")
    name = one.user.user_principal_name if one.user is not None and rule in OF_THE_USER else ""
    who = f"{name}: " if name and name not in text else ""
    named = ", ".join(each.name for each in about if each.kind != "user" and each.name not in text)
    why = _because(one, rule)
    if rule == "F-27" and one.user is not None:
        text += _others_without_licence(preflight, one.user)
    return f"{who}{text}" + (f": {named}" if named else "") + (f"; {why}" if why else "")


def _others_without_licence(preflight: Preflight, user: User) -> str:
    """How many more users are like this one: only one of them is played."""
    others = sum(not each.licensed and each.id != user.id for each in people_of(preflight.data))
    return "" if user.licensed or not others else f", like {count(others, 'other user')}"


def _because(one: Rehearsal, rule: str) -> str:
    """What the export shows besides: the reason behind the reason."""
    mine = domain_join_of_user(one) if rule == "F-34" else []
    return f"{mine[0].display_name} is assigned to users" if mine else ""


def _late_row(one: Rehearsal) -> str:
    """The row that the page waited for until its time was over; "" where it is that of the apps, or there is none."""
    late = [event.row for event in one.events if isinstance(event, RowChanged) and event.rule == "F-40"]
    return late[-1] if late and late[-1] != APPS_ROW else ""


def _out_of_time(one: Rehearsal) -> str:
    """Which apps that the page waits for took how much of its time, and what else it waited for."""
    page = one.page
    minutes = page.install_progress_timeout_in_minutes if page is not None else 60
    phase = "account" if one.error is not None and one.error.step == "account_setup" else "device"
    wanted = required(one.enrolled, phase) if one.enrolled is not None else []
    blocking = blocking_ids(one.enrolled, phase) if one.enrolled is not None else None
    wanted = [app for app in wanted if blocking is None or app.id in blocking]
    there = sum(one.run.result.apps.get(app.display_name) in ("installed", "not applicable") for app in wanted)
    hybrid = " and the 40 of hybrid join" if one.mode == "hybrid" else ""
    apps = "1 app is" if len(wanted) == 1 else f"{len(wanted)} apps are"
    over = f"the {minutes} minutes of the page{hybrid} are over when {there} of {apps} there"
    row = _late_row(one)
    if row:
        missing = "".join(f"; the device has not taken {setting.uri}" for setting in missing_settings(one)[:MISSING])
        return f"{over}, and the row {row} is not finished{missing}"
    return f"{over}; the slowest: {slowest(one)}{downloads(one)}"
