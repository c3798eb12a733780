"""Invariants of resets: what a device that was reset in place shows, needs, and does to its owner."""

from __future__ import annotations

from autopilot_agent.scenario.monitors.record import Record

RESETS = {"reset_local": "local", "reset_remote": "remote"}
ALLOWED = frozenset(("LOGON", "RESETLOGON"))
"""Pages of an Autopilot Reset; everything else belongs to setup."""


def reset_in_place(run: Record) -> str | None:
    """I-22."""
    cleared, local_since = 0, -1
    for sitting in run.sittings:
        if sitting.act not in RESETS or sitting.flow != "reset":
            continue
        page = next((one for one in run.screens if sitting.begin < one.seq < sitting.end and one.screen not in ALLOWED), None)
        if page is not None:
            return f"event {page.seq}: an Autopilot Reset shows {page.screen}"
        done = next((left for left in sitting.left if left.state == "resetting" and left.outcome == "ok"), None)
        if done is None:
            continue
        if not run.device.windows.winre:
            return f"event {done.seq}: an Autopilot Reset without a recovery environment"
        if done.seq > run.fresh and run.disk.domain is not None:
            return f"event {done.seq}: an Autopilot Reset of a device in a domain"
        if done.seq > run.enrolled_at >= 0:
            if RESETS[sitting.act] == "remote":
                cleared = done.seq
            else:
                local_since = done.seq
    return _owner(run, cleared, local_since)


def _owner(run: Record, cleared: int, local: int) -> str | None:
    known = run.known
    if known is None:
        return None
    signed_in = any(seq > cleared for seq in run.arrivals)
    if cleared and (not known.cleared or (known.primary_user and not signed_in)):
        return f"event {cleared}: a remote Autopilot Reset left the primary user"
    if local > 0 and not cleared and (known.cleared or (known.enrolled_by and known.primary_user != known.enrolled_by)):
        return f"event {local}: a local Autopilot Reset changed the primary user"
    return None


def desktop_after_sync(run: Record) -> str | None:
    """X-18."""
    for entered, left in run.stays.get("restoring", ()):
        if left.outcome != "ok" or left.rule != "R5":
            continue
        if not any(entered.seq < seq < left.seq for seq in run.calls.get("ManagementMessage", ())):
            return f"event {left.seq}: the sign-on screen was opened before a management session had finished"
    return None


MONITORS = {"I-22": reset_in_place, "X-18": desktop_after_sync}
