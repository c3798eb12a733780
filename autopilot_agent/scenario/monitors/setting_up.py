"""Invariants before the Enrollment Status Page: pages, profile, network, name, join, enrolment, rights."""

from __future__ import annotations

from autopilot_agent.events import CloudChanged
from autopilot_agent.scenario.monitors.hybrid import hybrid_name_wrong
from autopilot_agent.scenario.monitors.record import Record, last_before
from autopilot_agent.scenario.monitors.userless import one_time_enrolment
from autopilot_agent.tenant.graph.enrollment import PlatformRestriction

GOOD_PROFILE = [160, 164, 161, 111, 153]
LOOKUPS = ("GetDeviceTicket", "DownloadProfile")
LONGEST_NAME = 15


def pages_before_profile_on_wifi(run: Record) -> str | None:
    """I-01."""
    lookups = _lookups(run)
    for begin, end in run.lives():
        if run.link_at(begin) != "wifi":
            continue
        first = min((seq for seq in lookups if begin < seq < end), default=None)
        if first is None:
            continue
        seen = {screen.screen for screen in run.screens if begin < screen.seq < first}
        for page in ("REGION", "KBD"):
            if page not in seen:
                return f"event {first} asks for the profile over Wi-Fi before the page {page} was shown"
    return None


def profile_kept_until_restart(run: Record) -> str | None:
    """I-02."""
    downloads = run.calls.get("DownloadProfile", ())
    if len(downloads) > 1:
        arrived = [seq for seq, number in run.autopilot if number == 153]
        for seq in downloads:
            if any(entered.seq < seq < left.seq for entered, left in run.stays.get("preprovisioning", ())):
                continue  # Refresh
            before = run.last_reboot_before(seq)
            if any(before < arrival < seq for arrival in arrived):
                return f"event {seq} downloads a profile again without a restart"
    used, kept = run.device.memory.profile, run.disk.profile
    if used is not None and used is not kept and used != kept:
        return "the profile in force is not the one that was downloaded"
    return None


def network_needed(run: Record) -> str | None:
    """I-03."""
    network = run.device.network
    if network.lost_at is not None:
        for call in run.answered:
            if not network.link(call.at):
                return f"event {call.seq}: {call.call} was answered while the link was down"
    for entered, left in run.stays.get("updates", ()):
        if left.outcome == "ok" or left.outcome == "skipped":
            continue
        if left.outcome != "reboot":
            return f"the check for critical updates ended with {left.outcome}"
        if any(entered.seq < refusal.seq < left.seq and refusal.call == "ScanForUpdates" for refusal in run.refused):
            return "Windows Update could not be reached, and yet the check for critical updates did not just go on"
    return None


def user_driven_enrols_again(run: Record) -> str | None:
    """I-09. A user's enrolment is never the second; one without a user is looked at by ``one_time_enrolment``."""
    for refusal in run.refused:
        if refusal.call != "EnrollMdm" or refusal.code != "0x80180014" or run.struck("EnrollMdm"):
            continue
        if run.state_at(refusal.seq) == "device_enrolment":
            continue
        if refusal.rule == "F-05" and any(number == 908 and at < refusal.seq for at, number in run.autopilot):
            continue  # the hardware is not the registered one
        name = run.disk.join.user_name if run.disk.join is not None else next(reversed(run.state.sign_ins), "")
        user = run.state.user(name) if name else None
        if user is not None and run.state.targeting.platform_restriction(user) != PlatformRestriction():
            continue  # anything that an administrator restricts may shut this device out
        return f"event {refusal.seq} refuses a user's enrolment with 0x80180014 though nothing blocks Windows devices"
    return one_time_enrolment(run)


def no_automatic_sign_in_after_restart(run: Record) -> str | None:
    """I-10."""
    if len(run.losses) < 2:
        return None
    for entered, left in run.stays.get("first_sign_in", ()):
        if left.outcome != "ok":
            continue
        typed = [
            out.seq for name in ("authenticate", "local_account") for _, out in run.stays.get(name, ())
            if out.outcome == "ok" and out.seq < entered.seq
        ]  # fmt: skip
        if not typed or not any(max(typed) < loss < left.seq for loss in run.losses):
            continue
        if not any(entered.seq < screen.seq < left.seq and screen.screen == "LOGON" for screen in run.screens):
            return f"event {left.seq}: an automatic sign-in although a restart lost the credentials"
    return None


def device_name_allowed(run: Record) -> str | None:
    """I-24."""
    name, profile = run.disk.computer_name, run.disk.profile
    if len(name) > LONGEST_NAME:
        return f"the device is called {name}, which has {len(name)} characters"
    if name.isdigit():
        return f"the device is called {name}, which is all digits"
    if profile is not None and profile.cloud_assigned_domain_join_method and profile.cloud_assigned_device_name:
        return f"a hybrid profile carries the name template {profile.cloud_assigned_device_name}"
    return hybrid_name_wrong(run)


def registered_counts_as_corporate(run: Record) -> str | None:
    """I-26."""
    if run.kinds[CloudChanged]:
        return None  # whether it was registered at that time cannot be told from the end
    registered = run.state.find_identity(run.device.hardware.serial_number, run.device.hardware.hash) is not None
    if registered:
        for refusal in run.refused:
            if refusal.call == "EnrollMdm" and refusal.rule == "F-77" and not run.struck("EnrollMdm"):
                return f"event {refusal.seq} refuses a registered device as personal"
    elif run.enrolled_at >= 0 and run.disk.enrolment is not None:
        user = run.state.user(run.disk.enrolment.user_id)
        if user is not None and run.state.targeting.platform_restriction(user).personal_device_enrollment_blocked:
            return "an unregistered device enrolled although personal devices are blocked"
    return None


def joins_as_its_registration(run: Record) -> str | None:
    """I-27."""
    gone = [change.seq for change in run.kinds[CloudChanged] if change.rule == "REG-OBJECT"]
    back = [change.seq for change in run.kinds[CloudChanged] if change.rule == "REG-SOURCES"]
    for seq in run.calls.get("JoinDevice", ()) if gone else ():
        if last_before(gone, seq) > last_before(back, seq) and run.state.identity is not None:
            return f"event {seq} joins although the Entra object of the registration was deleted before"
    join, profile, state = run.disk.join, run.disk.profile, run.state
    if join is None or profile is None:
        return None
    identity = state.find_identity(run.device.hardware.serial_number)
    wanted = identity.azure_active_directory_device_id if identity is not None else None
    if identity is None or not wanted or identity.id != profile.ztd_registration_id:
        return None
    if not run.had_profile(run.calls["JoinDevice"][-1]):
        return None  # joined before the profile came: a restart brought it
    if join.device_id != wanted:
        return f"the device joined as {join.device_id}, its registration's object is {wanted}"
    data = state.data
    if data.devices and identity in data.windows_autopilot_device_identities and state.entra_object(identity) is None:
        return f"the device joined although {wanted}, the Entra object of its registration, is gone"
    return None


def good_profile_logged_in_order(run: Record) -> str | None:
    """I-31."""
    groups: list[list[int]] = []
    complete = -1
    for seq, number in run.autopilot:
        if number == 160:
            groups.append([])
        if number in GOOD_PROFILE and groups:
            groups[-1].append(number)
            if groups[-1] == GOOD_PROFILE:
                complete = seq
    for group in groups:
        if (161 in group or 153 in group) and group != GOOD_PROFILE:
            return f"a good profile logged {', '.join(map(str, group))}"
    if run.disk.profile is not None and not run.disk.profile.offline and complete <= run.fresh:
        return "the device has a profile without the records 160, 164, 161, 111 and 153 in this order"
    return None


def probe_before_lookup(run: Record) -> str | None:
    """I-32."""
    probes = run.calls.get("ProbeConnectivity", ())
    for seq in _lookups(run):
        if last_before(probes, seq) <= run.last_reboot_before(seq):
            return f"event {seq} asks for a profile although the connectivity probe had not succeeded"
    return None


def role_makes_administrator(run: Record) -> str | None:
    """I-34."""
    join = run.disk.join
    account = run.disk.accounts.get(join.user_name) if join is not None else None
    if join is None or account is None or account.group != "users":
        return None
    user = run.state.user(join.user_name)
    if user is not None and run.state.targeting.is_local_administrator_role(user):
        return f"{join.user_name} holds a directory role that makes local administrators, and is in {account.group}"
    return None


def registration_survives_reset(run: Record) -> str | None:
    """I-35."""
    serial = run.device.hardware.serial_number
    if run.emptied < 0 or not run.scenario.registered:
        return None
    if serial in run.state.unregistered or any(change.rule == "REG-DEREGISTER" for change in run.kinds[CloudChanged]):
        return None
    if run.device.hardware.board > 1:
        return None  # another board is another device
    if run.state.find_identity(serial) is None:
        return "the registration is gone after the reset"
    for refusal in run.refused if not run.struck("DownloadProfile") else ():
        if refusal.seq > run.emptied and refusal.call == "DownloadProfile" and refusal.code == "807":
            return f"event {refusal.seq}: after the reset the service does not know the device any more"
    return None


def _lookups(run: Record) -> list[int]:
    """Every sign that the Autopilot service was asked: records 164, calls answered or refused."""
    found = [seq for seq, number in run.autopilot if number == 164]
    for name in LOOKUPS:
        found += run.calls.get(name, ())
    found += [refusal.seq for refusal in run.refused if refusal.call in LOOKUPS]
    return found


MONITORS = {
    "I-01": pages_before_profile_on_wifi,
    "I-02": profile_kept_until_restart,
    "I-03": network_needed,
    "I-09": user_driven_enrols_again,
    "I-10": no_automatic_sign_in_after_restart,
    "I-24": device_name_allowed,
    "I-26": registered_counts_as_corporate,
    "I-27": joins_as_its_registration,
    "I-31": good_profile_logged_in_order,
    "I-32": probe_before_lookup,
    "I-34": role_makes_administrator,
    "I-35": registration_survives_reset,
}
