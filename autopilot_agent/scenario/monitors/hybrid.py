"""Invariants of hybrid join: the order of enrolment, domain and page, the second credentials, the time, the name."""

from __future__ import annotations

from autopilot_agent import events
from autopilot_agent.oobe.management.esp import HYBRID_EXTRA
from autopilot_agent.scenario.monitors.record import Record
from autopilot_agent.service.uris import DOMAIN_JOIN_BLOB
from autopilot_agent.tenant.domain import LONGEST_NAME, domain_join_profile

TIME_IS_UP = ("F-37", "F-39", "F-40", "V6", "H11", "H12")
"""Rules of a page that failed because its own time was over."""
PHASES = (
    (("device_preparation", "device_setup"), "device"),
    (("hybrid_registration", "account_setup"), "account"),
)


def domain_after_enrolment(run: Record) -> str | None:
    """I-05."""
    enrolments = run.calls.get("EnrollMdm", ())
    restarts = [event.seq for event in run.kinds[events.Rebooted] if event.rule == "H7"]
    for begin, end in run.lives():
        blob = next((one.seq for one in run.commands if one.uri == DOMAIN_JOIN_BLOB and begin < one.seq < end), None)
        enrolled = next((seq for seq in enrolments if begin < seq < end), None)
        if blob is not None and (enrolled is None or blob < enrolled):
            return f"event {blob}: the domain join blob came before the enrolment"
        joining = [seq for seq in restarts if begin < seq < end]
        if len(joining) > 1:
            return f"event {joining[1]}: the device restarted twice to join its domain"
        if joining and (blob is None or joining[0] < blob):
            return f"event {joining[0]}: the device restarted to join a domain before it had a blob"
    domain = run.disk.domain
    if domain is None:
        return None
    if not run.state.enrolled or not domain.joined:
        return None
    for _, left in run.stays.get("device_setup", ()):
        if left.outcome == "ok" and left.seq > run.fresh and not run.disk.resealed and not any(r < left.seq for r in restarts):
            return f"event {left.seq}: device setup came before the restart that joins the domain"
    asked = {screen.screen for screen in run.screens if screen.seq > run.fresh}
    if run.result.end_state == "desktop" and run.disk.signed_in_user and "LOGON" not in asked:
        return "nobody was asked for credentials of the domain"
    return None


def hybrid_has_forty_minutes_more(run: Record) -> str | None:
    """I-17. Held against the clock: the page gives up no sooner (``success_in_time`` sees to later)."""
    if run.disk.domain is None or run.enrolled_at < 0:
        return None
    limit = int(run.settings()[2] or 60) * 60_000 + HYBRID_EXTRA
    for names, _ in PHASES:
        after = run.enrolled_at
        stays = sorted((stay for name in names for stay in run.stays.get(name, ())), key=lambda stay: stay[0].seq)
        again = [left.seq for _, left in run.stays.get("esp_error", ()) if left.outcome.startswith("retry")]
        for _, left in stays:
            if left.seq < after or left.outcome not in ("failed", "technician_failed") or left.rule not in TIME_IS_UP:
                continue
            since = max([seq for seq in again if seq < left.seq], default=after)
            began = next(one.at for one in run.entered if one.seq > since and one.state in names)
            if left.at - began < limit:
                return f"event {left.seq}: the page gave up after {(left.at - began) // 60_000} min, {limit // 60_000} are due"
    return None


def hybrid_name_wrong(run: Record) -> str | None:
    """The part of I-24 about hybrid names: the prefix of the Domain Join profile and a generated part, nothing else."""
    domain, known = run.disk.domain, run.known
    if domain is None or known is None:
        return None
    profile = domain_join_profile(known)
    prefix = str(profile.settings.get("computerNameStaticPrefix") or "") if profile is not None else ""
    name = domain.computer_name
    if not name.startswith(prefix) or not len(prefix) < len(name) <= LONGEST_NAME:
        return f"the computer object is called {name}, which is not the prefix {prefix!r} with a generated part"
    if domain.joined and run.disk.computer_name != name:
        return f"the device is called {run.disk.computer_name}, its computer object {name}"
    return None


MONITORS = {"I-05": domain_after_enrolment, "I-17": hybrid_has_forty_minutes_more}
