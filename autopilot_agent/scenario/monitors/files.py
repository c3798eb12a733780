"""Invariants of a profile that comes from a file: what it never runs, and how long it guides."""

from __future__ import annotations

from autopilot_agent.events import DiskErased, Noted
from autopilot_agent.scenario.monitors.record import Record

WITHOUT_USER = ("secure_hardware", "device_join", "device_enrolment", "what_to_do", "preprovisioning", "technician_success")
"""States of self-deploying mode and pre-provisioning."""


def file_never_without_user(run: Record) -> str | None:
    """I-07."""
    profile, disk = run.disk.profile, run.disk
    if profile is not None and profile.offline and (profile.self_deploying or disk.technician or disk.resealed):
        return "the profile of a file is in force on a device that is deployed without its user"
    used = _used(run)
    if not used:
        return None
    for begin, end in run.lives():
        first = next((seq for seq in used if begin < seq < end), None)
        if first is None:
            continue
        for name in WITHOUT_USER:
            for entered, _ in run.stays.get(name, ()):
                if first < entered.seq < end:
                    return f"event {entered.seq} enters {name} although the profile comes from a file"
    return None


def file_guides_first_boot(run: Record) -> str | None:
    """I-23."""
    used = _used(run)
    if not used:
        profile = run.disk.profile
        return "the profile of a file is in force though nothing read it" if profile is not None and profile.offline else None
    images = {event.seq for event in run.kinds[DiskErased] if event.rule == "X2"} | {-1}
    for begin, end in run.lives():
        inside = [seq for seq in used if begin < seq < end]
        if len(inside) > 1:
            return f"event {inside[1]} reads the profile file a second time"
        if inside and begin not in images and any(seq < begin for seq in used):
            return f"event {inside[0]} reads the profile file after a reset"
    return None


def _used(run: Record) -> list[int]:
    """Numbers of the events at which the profile of a file came into force."""
    return [note.seq for note in run.kinds[Noted] if note.rule == "X4"]


MONITORS = {"I-07": file_never_without_user, "I-23": file_guides_first_boot}
