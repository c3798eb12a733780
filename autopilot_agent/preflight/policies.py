"""Checks of policies: what restarts the device in the middle, what asks for a password, and what is never sent."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.events import LogWritten, Rebooted, ScreenShown
from autopilot_agent.preflight.blame import page_of, policies_with, policy_resource
from autopilot_agent.preflight.findings import Found, Resource, Severity
from autopilot_agent.preflight.registry import Preflight, check


@check(
    "policy-restarts-the-device",
    "F-47",
    Severity.WARNING,
    "A policy restarts the device, and the user signs in a second time",
    "Target the policy to users so that it applies after setup.",
)
def restarts(preflight: Preflight) -> Iterator[Found]:
    """Policies whose addresses ask for a restart during Device setup."""
    for one in preflight.rehearsals:
        if one.error is not None and one.error.rule == "F-48":
            continue
        asked = [event for event in one.events if isinstance(event, LogWritten) and event.id == 2800]
        restarted = [event for event in one.events if isinstance(event, Rebooted) and event.rule == "REBOOT-POLICY"]
        lost = one.citing("REBOOT-CREDENTIALS")[:1]
        if not asked or not restarted or not lost:
            continue  # where nobody has signed in a restart does no harm
        said: dict[tuple[Resource, ...], list[LogWritten]] = {}
        for event in asked:
            said.setdefault(tuple(policies_with(preflight, one, event.text.partition(" ")[0])), []).append(event)
        for about, events in said.items():
            names = ", ".join(each.name for each in about) or events[0].text.partition(" ")[0]
            yield Found(
                what=f"{names}: Windows restarts in the middle of setup; the kept credentials are lost and the user types "
                "them again.",
                about=about,
                moments=(one.moment(events[0]), one.moment(restarted[0]), *(one.moment(each) for each in lost)),
            )


@check(
    "policy-stops-automatic-sign-in",
    "REBOOT-PASSWORD-POLICY",
    Severity.WARNING,
    "A password policy stops the automatic sign-in",
    "Assign the device lock policy to users, or accept that the user types the credentials a second time.",
)
def password(preflight: Preflight) -> Iterator[Found]:
    """DeviceLock settings, where nothing worse came of them."""
    for one in preflight.rehearsals:
        said = one.noted("REBOOT-PASSWORD-POLICY")
        asked = [event for event in one.events if isinstance(event, ScreenShown) and event.screen == "LOGON"]
        asked = [event for event in asked if said and event.seq > said[0].seq]
        if not asked or (one.error is not None and one.error.rule == "F-48") or one.mode == "hybrid":
            continue
        about = dict.fromkeys(each for event in said for each in policies_with(preflight, one, event.text.partition(" ")[0]))
        names = ", ".join(each.name for each in about)
        yield Found(
            what=f"{names}: Windows asks for the credentials instead of signing in by itself.",
            about=tuple(about),
            moments=(one.moment(said[0]), one.moment(asked[0])),
        )


@check(
    "firmware-policy-not-sent",
    "DFCI-REGISTERED",
    Severity.NOTE,
    "Firmware settings are not sent to devices that an administrator registered",
    "Have the maker or a CSP partner register the devices.",
)
def firmware(preflight: Preflight) -> Iterator[Found]:
    """DFCI policies of imported devices."""
    for one in preflight.rehearsals:
        said = one.noted("DFCI-REGISTERED")
        device = one.enrolled
        for event in said:
            policies = [each.policy for each in (device.policies if device is not None else [])]
            named = [policy for policy in policies if event.text.startswith(f"{policy.display_name} is not sent")]
            yield Found(
                what=event.text,
                about=tuple(policy_resource(preflight, policy) for policy in named),
                moments=(one.moment(event),),
            )


@check(
    "kiosk-loses-its-sign-in",
    "F-93",
    Severity.WARNING,
    "A monthly update takes the kiosk's automatic sign-in away",
    "Switch the quality updates off on the page of kiosks.",
)
def kiosk(preflight: Preflight) -> Iterator[Found]:
    """A kiosk whose page installs quality updates: played in a month that has one."""
    for one in list(preflight.rehearsals):
        if one.run.result.end_state != "kiosk_session" or one.page is None or not one.page.install_quality_updates:
            continue
        again = preflight.stage.play(one.candidate, one.mode, one.user, monthly=True)
        if again.completed:
            continue
        said = again.noted("F-93")
        yield Found(
            what=f"{one.page.display_name} installs quality updates; after one that restarts nobody signs in by itself.",
            about=(*page_of(preflight, one), *preflight.profile_of(one)),
            moments=(*(again.moment(event) for event in said[:1]), again.end()),
        )
