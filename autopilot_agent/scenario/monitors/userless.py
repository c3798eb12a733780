"""Invariants of deployments without a user: self-deploying, the technician's part, and the user flow after it."""

from __future__ import annotations

from autopilot_agent.device.registry import TRACKING
from autopilot_agent.events import CloudChanged, RowChanged
from autopilot_agent.oobe.management.esp import PREPARATION_ROWS, TITLES
from autopilot_agent.oobe.management.lasting import KIOSK_USER
from autopilot_agent.scenario.monitors.record import Record
from autopilot_agent.tenant.intune import userless_blocked

FORBIDDEN, ONE_TIME = "0x80180005", "0x80180014"


def no_sign_in_without_user(run: Record) -> str | None:
    """I-06."""
    for entered, _ in run.stays.get("secure_hardware", ()):
        end = _end_of(run, entered.seq)
        for page in run.screens:
            if page.screen == "SIGNIN" and entered.seq < page.seq < end:
                return f"event {page.seq} shows the sign-in page in a deployment without a user"
        for stay, _ in run.stays.get("account_setup", ()):
            if entered.seq < stay.seq < end:
                return f"event {stay.seq} runs Account setup in a deployment without a user"
    return None


def forbidden_at_enrolment(run: Record) -> str | None:
    """I-08."""
    for device in run.state.history:
        if device.preprovisioned and not (device.profile is not None and device.profile.preprovisioning_allowed):
            return f"the service let {device.device_name} be pre-provisioned, which its profile forbids"
    for refusal in run.refused:
        if refusal.code == FORBIDDEN and refusal.call != "EnrollMdm":
            return f"event {refusal.seq}: {refusal.call} refuses pre-provisioning, which is the enrolment's affair"
    opened = run.stays.get("what_to_do", ())
    for entered, left in opened:
        if left.outcome not in ("ok", "back", "stuck"):
            return f"event {entered.seq}: the technician's page did not open"
    return None


def one_time_enrolment(run: Record) -> str | None:
    """I-09, for enrolments without a user; ``user_driven_enrols_again`` is the other half."""
    if run.kinds[CloudChanged]:
        return None  # an administrator may have unblocked the device, or deleted its record
    used: set[str] = set()
    for device in run.state.history:
        if not device.userless:
            continue
        identity = run.state.find_identity(device.serial_number)
        if device.registration_id in used and identity is not None and userless_blocked(run.state, identity):
            return f"{device.serial_number} enrolled twice without a user and nobody unblocked it"
        used.add(device.registration_id)
    for refusal in run.refused:
        if refusal.call == "EnrollMdm" and refusal.rule == "REG-ONE-TIME" and not used:
            identity = run.state.find_identity(run.device.hardware.serial_number)
            if identity is None or identity.userless_enrollment_status != "blocked":
                return f"event {refusal.seq} refuses the first enrolment without a user as if it were the second"
    return None


def device_targeted_page_only(run: Record) -> str | None:
    """I-16."""
    for device in run.state.history:
        if device.userless and device.esp_target == "user":
            return f"{device.device_name} enrolled without a user and got the user-targeted page {device.esp.display_name}"
    return None


def user_flow_of_resealed(run: Record) -> str | None:
    """I-25."""
    reseals = [left.seq for _, left in run.stays.get("reseal", ())]
    for seq in reseals:
        end = min((fresh for fresh in run.fresh_disks() if fresh > seq), default=len(run.trace))
        for entered, left in run.stays.get("device_preparation", ()):
            if seq < entered.seq < end and left.outcome != "skipped":
                return f"event {left.seq}: Device preparation is repeated in the user flow"
        for _, left in run.stays.get("rename", ()):
            if seq < left.seq < end and left.outcome == "reboot":
                return f"event {left.seq}: the device is renamed in the user flow"
        for name in ("first_sign_in", "account_setup"):
            for entered, _ in run.stays.get(name, ()):
                setups = (one.seq for one in run.entered if one.state == "device_setup")
                local = run.stays.get("local_account", ())
                if seq < entered.seq < end and not local and not any(seq < one < entered.seq for one in setups):
                    return f"event {entered.seq}: the user flow comes to {name} without Device setup"
    return None


def kiosk_without_account_setup(run: Record) -> str | None:
    """I-28."""
    account = run.disk.accounts.get(KIOSK_USER)
    if account is None:
        return None
    if run.disk.registry.has(rf"{TRACKING}\{account.sid}"):
        return f"the kiosk account {KIOSK_USER} has a tracking key of its own"
    if run.result.end_state != "kiosk_session":
        return None
    begin = run.sittings[-1].begin
    for entered, _ in run.stays.get("account_setup", ()):
        if entered.seq > begin:
            return f"event {entered.seq} runs Account setup although {KIOSK_USER} is the one who signs in"
    return None


def attestation_failure_stops(run: Record) -> str | None:
    """I-33."""
    for entered, left in run.stays.get("secure_hardware", ()):
        if left.outcome == "ok":
            continue
        rows: dict[str, RowChanged] = {
            row.row: row for row in run.rows["preparation"] if entered.seq < row.seq < left.seq
        }
        shown = [rows[TITLES[name]].state if TITLES[name] in rows else "missing" for name in PREPARATION_ROWS]
        if shown != ["failed", *["failedFromPreviousSubcategory"] * 3]:
            return f"event {left.seq}: attestation failed, and the four rows say {', '.join(shown)}"
        again = next((one.seq for one in run.entered if one.seq > left.seq and one.state == "secure_hardware"), len(run.trace))
        for name in ("JoinDevice", "EnrollMdm"):
            if any(left.seq < seq < min(again, _end_of(run, left.seq)) for seq in run.calls.get(name, ())):
                return f"event {left.seq}: attestation failed, and yet {name} followed"
    return None


def _end_of(run: Record, seq: int) -> int:
    """Where the life or the sitting that an event belongs to ends, whichever comes first."""
    ends = [sitting.end for sitting in run.sittings if sitting.begin < seq < sitting.end]
    ends += [fresh for fresh in run.fresh_disks() if fresh > seq]
    return min(ends, default=len(run.trace))


MONITORS = {
    "I-06": no_sign_in_without_user,
    "I-08": forbidden_at_enrolment,
    "I-16": device_targeted_page_only,
    "I-25": user_flow_of_resealed,
    "I-28": kiosk_without_account_setup,
    "I-33": attestation_failure_stops,
}
