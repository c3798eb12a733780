"""Checks of hybrid join: the way to a domain controller, the wait for the directory sync, and Domain Join profiles."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.events import RowChanged
from autopilot_agent.preflight.blame import page_of
from autopilot_agent.preflight.findings import Found, Severity
from autopilot_agent.preflight.registry import Preflight, check
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.reports.words import span
from autopilot_agent.scenario.model import Mode
from autopilot_agent.scenario.parts import VpnSpec
from autopilot_agent.tenant.graph.policies import DeviceConfiguration

LONG_WAIT = 5 * 60_000
"""Milliseconds of waiting for the directory sync that are worth a warning."""
HYBRID: Mode = "hybrid"


@check(
    "check-skipped-without-vpn",
    "V3",
    Severity.WARNING,
    "The domain controller check is skipped, and nothing brings a VPN",
    "Assign the VPN client, its connection and a certificate of the machine to the devices; or do not skip the check.",
)
def without_vpn(preflight: Preflight) -> Iterator[Found]:
    """A profile that is made for devices away from the office: played there, with the VPN that the tenant brings."""
    done: set[str] = set()
    for one in list(preflight.rehearsals):
        profile = one.candidate.profile
        if one.mode != HYBRID or profile is None or not profile.hybrid_azure_ad_join_skip_connectivity_check:
            continue
        if not one.completed or profile.id in done:
            continue
        done.add(profile.id)
        vpn = _vpn_of(one)
        again = preflight.stage.play(one.candidate, HYBRID, one.user, away=True, vpn=vpn)
        if again.completed or again.error is None:
            continue
        yield Found(
            what=f"{profile.display_name} skips the check for devices away from the office; there nobody can sign in: "
            f"{'the VPN does not come' if vpn is not None else 'no VPN client or connection is assigned to the device'}.",
            about=preflight.profile_of(one),
            moments=(again.end(),),
            rule=again.error.rule if again.error.rule in ("V3", "V4", "F-36") else "V3",
        )


def _vpn_of(one: Rehearsal) -> VpnSpec | None:
    """What a device has of a VPN before its first sign-in: a connection of Windows' own client, or an app that is called so."""
    device = one.enrolled
    if device is None:
        return None
    for each in device.policies:
        policy = each.policy if each.target == "device" else None
        if isinstance(policy, DeviceConfiguration) and policy.kind == "windows10VpnConfiguration":
            return VpnSpec()
    for name, state in one.run.result.apps.items():
        if "vpn" in name.casefold() and state == "installed":
            return VpnSpec(client=name)
    return None


@check(
    "page-waits-for-sync",
    "H11",
    Severity.WARNING,
    "Account setup waits for the directory sync",
    "Skip Account setup for hybrid devices (SkipUserStatusPage by a custom policy), or sync the computers' unit more often.",
)
def waits_for_sync(preflight: Preflight) -> Iterator[Found]:
    """How long the user looks at the page before the device is registered in Entra."""
    for one in preflight.rehearsals:
        rows = [e for e in one.events if isinstance(e, RowChanged) and e.phase == "account" and e.rule == "H11"]
        if len(rows) < 2 or not one.completed:
            continue
        waited = rows[-1].at - rows[0].at
        if waited < LONG_WAIT:
            continue
        yield Found(
            what=f"{one.page.display_name if one.page else 'The page'}: the user waits {span(waited)} until the device is "
            "registered in Entra.",
            about=page_of(preflight, one) or preflight.profile_of(one),
            moments=(one.moment(rows[0]), one.moment(rows[-1])),
        )
