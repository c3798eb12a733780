"""Invariants of our own about the record: it is sound, complete and discreet, and claims no sign-in, join or key of its own."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from operator import attrgetter

from autopilot_agent import rulebook
from autopilot_agent.device.network import DOMAIN_CONTROLLER
from autopilot_agent.events import Answered
from autopilot_agent.oobe.flow import Flow
from autopilot_agent.oobe.modes import flow_for
from autopilot_agent.oobe.states import ENDS
from autopilot_agent.oobe.steps.logon import NAME_FIELD
from autopilot_agent.scenario.monitors.record import Record, Sitting, last_before
from autopilot_agent.service.uris import DOMAIN_JOIN_BLOB

SECRETS = ("PWD", "LOGON", "RESETLOGON", "WHFB")
SIGN_INS = ("first_sign_in", "domain_sign_in", "windows_sign_in")
"""States in which somebody signs in to Windows."""
WITH_TOKEN = ("GetTermsOfUse", "JoinDevice", "DiscoverEnrolment", "EnrollMdm")


_time = attrgetter("at")


def order_kept(run: Record) -> str | None:
    """X-01. Of each kind the last event is looked at: numbers come from one counter, so a wrong one shows there."""
    times = list(map(_time, run.trace))
    if times != sorted(times):
        return "time goes back"
    count = len(run.trace)
    for found in run.kinds.values():
        if found and not (found[-1].seq < count and run.trace[found[-1].seq] is found[-1]):
            return f"event {found[-1].seq} does not stand at its number"
    return None


@cache
def _edges(flow: Flow) -> dict[tuple[str, str], str]:
    return {(edge.state.value, edge.outcome.value): edge.target.value for edge in flow.edges}


_ENDS = {state.value: outcome for state, outcome in ENDS.items()}


def flow_followed(run: Record) -> str | None:
    """X-02."""
    for sitting in run.sittings:
        wrong = _stretch_followed(sitting)
        if wrong is not None:
            return wrong
    if not run.sittings:
        return "nothing was played"
    end = run.entered[-1].state
    last = run.finished[-1] if run.finished else None
    played = sum(1 for one in run.sittings if not one.cut and one.entered and one.entered[-1].state in _ENDS)
    if len(run.finished) != played:
        return f"{played} flows came to an end and {len(run.finished)} ends are on record"
    if end in _ENDS and (last is None or last.end_state != end or last.outcome != _ENDS[end]):
        return f"the last flow came to {end}, the end on record is {last.end_state if last is not None else 'missing'}"
    result = run.result
    if end != result.end_state or _ENDS.get(end, "interrupted") != result.outcome:
        return f"the run ended in {end}, its result says {result.end_state} ({result.outcome})"
    return None


def _stretch_followed(sitting: Sitting) -> str | None:
    entered, left = sitting.entered, sitting.left
    edges = _edges(flow_for(sitting.flow))
    if not entered and sitting.cut:
        return None
    if len(entered) != len(left) + 1 or (sitting.start and entered[0].state != sitting.start):
        return f"event {sitting.begin}: {len(entered)} states were entered and {len(left)} left"
    states = [event.state for event in entered]
    ways = [(event.state, event.outcome) for event in left]
    if states[1:] != list(map(edges.get, ways)) or states[:-1] != [event.state for event in left]:
        odd = next(n for n, way in enumerate(ways) if way[0] != states[n] or edges.get(way) != states[n + 1])
        return f"event {left[odd].seq}: {ways[odd][0]} ended with {ways[odd][1]} and {states[odd + 1]} came next"
    return None


def desktop_needs_sign_in(run: Record) -> str | None:
    """X-05."""
    if run.result.end_state != "desktop":
        return None
    arrived = run.finished[-1].seq
    if run.fresh > arrived:
        return None  # a workshop emptied the disk of the PC afterwards
    name = run.disk.signed_in_user
    account = run.disk.accounts.get(name)
    if account is None or account.kind == "system":
        return f"the desktop belongs to {name or 'nobody'}, who has no account"
    last = run.last_reboot_before(arrived)
    signed_in = [stay for name in SIGN_INS for stay in run.stays.get(name, ())]
    if not any(left.outcome == "ok" and left.seq > last for _, left in signed_in):
        return "nobody signed in to Windows after the last restart"
    if account.kind == "entra" and not any(seq > run.fresh for seq in run.calls.get("SignIn", ())):
        return f"{name} reached the desktop without Entra having answered a sign-in"
    if account.kind == "domain" and not any(seq > run.fresh for seq in run.calls.get("LogOnToDomain", ())):
        return f"{name} reached the desktop without a domain controller having confirmed who that is"
    return None


def entra_user_on_joined_device(run: Record) -> str | None:
    """X-19. Without a join nothing on the device vouches for an account of the directory."""
    if run.result.end_state != "desktop" or run.disk.join is not None:
        return None
    account = run.disk.accounts.get(run.disk.signed_in_user)
    if account is not None and account.kind == "entra":
        return f"the desktop belongs to {account.name}, an account of Entra, and the device is not joined"
    return None


def bound_only_by_answer(run: Record) -> str | None:
    """X-06."""
    disk, result, calls = run.disk, run.result, run.calls
    joined = any(seq > run.unjoined for seq in calls.get("JoinDevice", ()))
    if (disk.join is not None) != joined or (result.join == "entra") > joined:
        return f"the result says {result.join}, Entra {'joined' if joined else 'did not join'} the device"
    wrong = _domain_by_answer(run)
    if wrong is not None:
        return wrong
    enrolled = run.enrolled_at >= 0
    if (disk.enrolment is not None) != enrolled or result.mdm_enrolled != enrolled:
        return f"the MDM {'enrolled' if enrolled else 'did not enrol'} the device, and the device says otherwise"
    if run.commands:
        enrolments = calls.get("EnrollMdm")


        if not enrolments or run.commands[0].seq < enrolments[0]:
            return f"event {run.commands[0].seq}: a SyncML command was applied before the enrolment"
    return None


def _domain_by_answer(run: Record) -> str | None:
    """A domain comes from a blob that the server sent, and the registration in it from Entra."""
    domain = run.disk.domain
    blob = any(one.uri == DOMAIN_JOIN_BLOB and one.status == 200 and one.seq > run.fresh for one in run.commands)
    if (domain is not None) > blob or (run.result.join in ("domain", "hybrid")) > (domain is not None and domain.joined):
        return f"the result says {run.result.join}, and no domain join blob was applied"
    registered = domain is not None and bool(domain.registration)
    if registered > any(seq > run.fresh for seq in run.calls.get("RegisterHybridDevice", ())):
        return "the device counts as registered in Entra, which never answered so"
    return None


@cache
def _known_rules() -> frozenset[str]:
    return frozenset(rulebook.rules())


def enrolled_once(run: Record) -> str | None:
    """X-17. A life begins with an empty disk; retirement and the cloud's own records are other matters."""
    retired = [left.seq for _, left in run.stays.get("resetting", ()) if left.outcome == "retired"]
    for call in ("EnrollMdm", "JoinDevice"):
        answers = run.calls.get(call, ())
        breaks = retired if call == "EnrollMdm" else [*retired, *(left.seq for _, left in run.stays.get("reseal", ()))]
        for begin, end in run.lives():
            marks = sorted([begin, *(seq for seq in breaks if begin < seq < end), end])
            for low, high in pairwise(marks):
                if sum(1 for seq in answers if low < seq < high) > 1:
                    return f"{call} was answered well twice between events {low} and {high}"
    return None


def rules_known(run: Record) -> str | None:
    """X-07."""
    known = _known_rules()
    if known.issuperset(run.result.rules):
        return None
    return f"the run cites {', '.join(sorted(set(run.result.rules) - known))}, which the rulebook does not have"


def secrets_kept(run: Record) -> str | None:
    """X-08."""
    for event in run.answers:
        if event.screen in SECRETS and not event.answer.startswith("***"):
            offered = next((page.choices for page in reversed(run.screens) if page.screen == event.screen and page.choices), ())
            if event.answer != "(no answer)" and event.answer not in offered and not _is_name(run, event):
                return f"event {event.seq} records what was typed on {event.screen}"
    return None


def _is_name(run: Record, event: Answered) -> bool:
    """Whether a page asked for a user name, which is no secret."""
    name = event.answer.partition(" / ")[0]
    if "@" in name and (run.state.user(name) is not None or name in {getattr(act, "name", "") for act in run.plan.acts}):
        return True  # a domain member is asked on the same page who signs in, whether the tenant knows that name or not
    shown = [page for page in run.screens if page.screen == event.screen and page.seq < event.seq]
    return bool(shown) and shown[-1].text.startswith(NAME_FIELD)


def failure_explained(run: Record) -> str | None:
    """X-09."""
    result = run.result
    if result.outcome in ("completed", "interrupted"):
        return None if result.error is None else f"a run that is {result.outcome} has an error report"
    if result.error is None:
        return f"the run is {result.outcome} without an error report"
    if result.error.rule not in _known_rules():
        return f"the error report of a run that is {result.outcome} cites {result.error.rule or 'no rule'!r}"
    return None


def token_gone_after_restart(run: Record) -> str | None:
    """X-10."""
    if len(run.losses) < 2:
        return None
    sign_ins = sorted([*run.calls.get("SignIn", ()), *run.calls.get("GetUserToken", ())])
    tokens = run.calls.get("GetDeviceToken", ())
    for name in WITH_TOKEN:
        for seq in run.calls.get(name, ()):
            if max(last_before(sign_ins, seq), last_before(tokens, seq)) <= run.last_reboot_before(seq):
                return f"event {seq}: {name} uses a token from before the restart"
    memory = run.device.memory
    held = (memory.token is not None or bool(memory.credentials)) and memory.credentials != "local"
    if held and not any(seq > run.losses[-1] for seq in sign_ins):
        return "memory holds a token from before the last restart"
    if memory.device_token is not None and not any(seq > run.losses[-1] for seq in tokens):
        return "memory holds a device token from before the last restart"
    return None


def restarts_counted(run: Record) -> str | None:
    """X-11."""
    restarts = len(run.reboots)
    if not run.disk.reboots == run.result.reboots == restarts:
        return f"{restarts} restarts on record, {run.disk.reboots} on disk"
    for one in run.sittings:
        if one.flow == "reset" or not one.entered or one.entered[0].state != "boot":
            continue
        boots = sum(1 for event in one.entered if event.state == "boot")
        between = sum(1 for seq in run.reboots if one.begin < seq < one.end)
        if boots != between + 1 and not (one.cut and boots == between):  # the power may go between restart and boot
            return f"{between} restarts and {boots} boots after event {one.begin}"
    return None


def closed_hosts_silent(run: Record) -> str | None:
    """X-12."""
    network = run.device.network
    if network.blocked:
        for call in run.answered:
            if call.seq < run.moved:
                continue
            pattern = network.closed(call.host)
            if pattern in network.blocked:
                return f"event {call.seq}: {call.call} was answered by {call.host}, which {pattern} closes"
    if not network.domain and len(run.plan.links) == 1:  # a PC that was sent somewhere may have been in the office before
        tunnels = run.calls.get("ConnectVpn", ())
        for call in run.answered:
            if call.host == DOMAIN_CONTROLLER and last_before(tunnels, call.seq) <= run.last_reboot_before(call.seq):
                return f"event {call.seq}: {call.call} was answered although nothing leads to the domain controllers"
    return None


def encrypted_after_escrow(run: Record) -> str | None:
    """X-15."""
    if run.disk.bitlocker == "encrypting" and not any(seq > run.fresh for seq in run.calls.get("EscrowRecoveryKey", ())):
        return "the drive is being encrypted and Entra has no recovery key"
    return None


def rights_of_profile(run: Record) -> str | None:
    """X-16."""
    join, profile = run.disk.join, run.disk.profile
    account = run.disk.accounts.get(join.user_name) if join is not None else None
    if join is None or account is None or account.group == "users" or profile is None:
        return None
    rights = run.stays.get("local_rights")
    if not rights or not run.had_profile(rights[-1][0].seq):
        return None  # rights were given before the profile came, and nobody takes them back
    user = run.state.user(join.user_name)
    standard = profile.cloud_assigned_oobe_config & 2
    if standard and user is not None and not run.state.targeting.is_local_administrator_role(user):
        return f"{join.user_name} is in {account.group}, the profile says standard user"
    return None


MONITORS = {
    "X-01": order_kept,
    "X-02": flow_followed,
    "X-05": desktop_needs_sign_in,
    "X-06": bound_only_by_answer,
    "X-07": rules_known,
    "X-08": secrets_kept,
    "X-09": failure_explained,
    "X-10": token_gone_after_restart,
    "X-11": restarts_counted,
    "X-12": closed_hosts_silent,
    "X-15": encrypted_after_escrow,
    "X-16": rights_of_profile,
    "X-17": enrolled_once,
    "X-19": entra_user_on_joined_device,
}
