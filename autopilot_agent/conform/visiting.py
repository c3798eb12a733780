"""A visit to an MDM server: what a Windows device does there from discovery to the user's desktop, and a few things besides."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from autopilot_agent.backends.http import Net
from autopilot_agent.conform.demands import STAGE_OF
from autopilot_agent.conform.enrolling import USER, Enroller, Person
from autopilot_agent.conform.evidence import (
    OBSTINATE,
    SESSION,
    NotReached,
    Visit,
    settings_of,
)
from autopilot_agent.conform.managing import Manager
from autopilot_agent.conform.pc import Pc
from autopilot_agent.conform.probing import probe_faults, probe_renewal, probe_sessions
from autopilot_agent.conform.recording import KeptKeys, RecordingNet
from autopilot_agent.errors import ServiceUnavailable
from autopilot_agent.wire.authority import moment
from autopilot_agent.wire.discovery import PATH
from autopilot_agent.wire.wallet import Wallet

SECOND_ENROLMENT = "enrolment of a second device"
STAGES = tuple(STAGE_OF.values())
"""The stages of demands, in the order in which a device comes to them."""


def visit(
    net: Net,
    url: str,
    person: Person = Person(),
    *,
    wallet: Wallet | None = None,
    user: str = "",
    stages: Sequence[str] = STAGES,
    pooled: bool = False,
) -> Visit:
    """Visit the server at a base or discovery URL, for the stages that are asked for.

    ``wallet`` and ``user`` are for a person who signed in already: the wallet that holds the tokens, and the key of the person
    in it. ``pooled`` keys are for tests. Two devices are enrolled. Raises ``ServiceUnavailable`` where nobody answers at all,
    ``InputError`` for a host that may not be talked to.
    """
    found = Visit(discovery_url(url), moment())
    recorder = RecordingNet(net, found.exchanges)
    keys = KeptKeys(pooled=pooled)
    first = wallet or Wallet(keys, "conform", private=False)
    first.keys, first.private = keys, False
    if not user and (person.token or person.password):
        user = USER
        first.users[user] = person.tokens()
    enroller = Enroller(recorder, first, keys, user, person)
    enroller.discover(found)
    if not any(one.response is not None for one in found.exchanges):
        failed = found.exchanges[-1]
        raise ServiceUnavailable(f"{found.url} cannot be used: {failed.reason} ({failed.failed}).")
    if set(stages) == {"discovery"}:
        return found
    if not set(stages) - {"discovery", "policy"}:
        enroller.get_policies(found)
        return found
    enroller.enrol(found)
    second = second_wallet(first, keys, user)
    if set(stages) & {"sessions", "esp"}:
        _manage(found, recorder, first, second, keys, user, person)
    if "faults" in stages:
        probe_faults(found, enroller)
    if "renewal" in stages:
        probe_renewal(found, recorder, first)
    return found


def discovery_url(url: str) -> str:
    """The discovery service at an address that may be that of the server."""
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + PATH


def second_wallet(first: Wallet, keys: KeptKeys, user: str) -> Wallet:
    """Another device of the same person, which knows what discovery said."""
    other = Wallet(keys, "conform-second", private=False)
    other.places = dict(first.places)
    other.device_token, other.device_token_until = first.device_token, first.device_token_until
    if user in first.users:
        other.users[user] = first.users[user]
    return other


def _manage(
    found: Visit, net: RecordingNet, first: Wallet, second: Wallet, keys: KeptKeys, user: str, person: Person
) -> None:
    if first.mdm is None or not first.account.get("ADDR"):
        for purpose in (SESSION, OBSTINATE):
            found.skipped[purpose] = found.not_enrolled()
        probe_sessions(found, net, first, second)
        return
    Manager(net, first, pc_of(found), user).all(found)
    enroller = Enroller(net, second, keys, user, person)
    enroller.enrol(found, SECOND_ENROLMENT)
    if second.mdm is None:
        found.skipped[OBSTINATE] = "no second device could be enrolled"
    else:
        Manager(net, second, pc_of(found, obstinate=True), user).session(found, purpose=OBSTINATE)
    probe_sessions(found, net, first, second)


def pc_of(found: Visit, *, obstinate: bool = False) -> Pc:
    """A PC as the provisioning document leaves it."""
    try:
        settings = settings_of(found.document)
    except NotReached:
        settings = []
    return Pc(found.provider or "MDM", settings, obstinate=obstinate)


