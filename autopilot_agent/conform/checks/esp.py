"""Whether the Enrollment Status Page appears in time, and ends (DMClient and EnrollmentStatusTracking CSPs)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from autopilot_agent.conform.checks.esp_nodes import FIRST_SYNC, WRITES, page, where
from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import SESSION, NotReached, Told, Visit
from autopilot_agent.service.uris import CONFIGMGR, LIST_SEPARATOR, SIDECAR

SKIPS = ("SkipDeviceStatusPage", "SkipUserStatusPage")
FINISHED = "ServerHasFinishedProvisioning"
AGENTS = {SIDECAR.casefold(), CONFIGMGR.casefold()}
"""Providers whose own agents say that they are ready, so that no server has to."""
READY = ("2", "3")


def _shown(visit: Visit, name: str) -> Told | None:
    """When the page was switched on."""
    return next((one for one in page(visit) if one.name == name and one.value.casefold() == "false"), None)


def _finished(visit: Visit, *, user: bool) -> Told | None:
    scope = "./user/" if user else "./"
    return next(
        (
            one
            for one in page(visit)
            if one.name == FINISHED
            and one.value.casefold() == "true"
            and one.uri.casefold().startswith(scope)
            and one.uri.casefold().startswith("./user/") == user
        ),
        None,
    )


@tests("ESP-IN-TIME")
def in_time(visit: Visit) -> Iterable[Seen]:
    """In the document or the first answer."""
    switched = [one for one in (_shown(visit, name) for name in SKIPS) if one is not None]
    if not switched:
        raise NotReached("the server switches no page on")
    for one in switched:
        if one.talk > 0 or one.turn > 0:
            place = f"answer {one.turn + 1} of session {one.talk + 1}"
            yield Seen(f"{one.name} became false only in {place}", one.exchange)
            return


@tests("ESP-FINISHED-DEVICE")
def device_finished(visit: Visit) -> Iterable[Seen]:
    """The device's part ends."""
    if _shown(visit, SKIPS[0]) is None:
        raise NotReached("the device page is not shown")
    if _finished(visit, user=False) is None:
        held = sum(talk.purpose == SESSION and not talk.user for talk in visit.talks)
        yield Seen(f"in {held} sessions of the device {FINISHED} was not set true in ./Device")


@tests("ESP-FINISHED-USER")
def user_finished(visit: Visit) -> Iterable[Seen]:
    """So does the user's."""
    if _shown(visit, SKIPS[1]) is None:
        raise NotReached("the account page is not shown")
    held = sum(talk.purpose == SESSION and talk.user for talk in visit.talks)
    if not held:
        raise NotReached("no session of the user was held")
    if _finished(visit, user=True) is None:
        yield Seen(f"in {held} sessions of the user {FINISHED} was not set true in ./User")


@tests("ESP-FROZEN")
def frozen(visit: Visit) -> Iterable[Seen]:
    """Nothing changes afterwards."""
    found = page(visit)
    ends = [one for one in (_finished(visit, user=False), _finished(visit, user=True)) if one is not None]
    if not ends:
        raise NotReached("the server has not finished in any scope")
    for end in ends:
        user = end.uri.casefold().startswith("./user/")
        for one in found[found.index(end) + 1 :]:
            same = one.uri.casefold().startswith("./user/") == user
            if same and one.verb in WRITES and FIRST_SYNC in one.uri and (one.name, one.value) != (end.name, end.value):
                yield Seen(f"{where(one)} after {FINISHED} was true", one.exchange)
                return


@tests("ESP-PREPARATION")
def preparation(visit: Visit) -> Iterable[Seen]:
    """Whoever is waited for becomes ready."""
    waiting: dict[str, Told] = {}
    for one in page(visit):
        _, mark, tail = one.uri.partition("/DevicePreparation/PolicyProviders/")
        name, _, rest = tail.partition("/")
        if not mark or not name or name.casefold() in AGENTS or (one.code >= 400 and one.code != 418):
            continue
        if rest in ("", "InstallationState"):
            if rest and one.value in READY:
                waiting.pop(name, None)
            else:
                waiting.setdefault(name, one)
    names = [one for one in page(visit) if "/DevicePreparation/PolicyProviders/" in one.uri]
    if not names:
        raise NotReached("the server has no provider in DevicePreparation")
    for name, one in waiting.items():
        yield Seen(f"InstallationState of {name} never became 2 or 3", one.exchange)


@tests("ESP-TRACKING")
def tracking(visit: Visit) -> Iterable[Seen]:
    """Whoever lists apps says when the list is whole."""
    providers: dict[str, Told] = {}
    done: set[str] = set()
    for one in page(visit):
        head, mark, tail = one.uri.partition("/Setup/Apps/PolicyProviders/")
        name, _, rest = tail.partition("/")
        if not mark:
            continue
        key = f"{head.casefold()}/{name}"
        if name.casefold() not in AGENTS:
            providers.setdefault(key, one)
        if rest == "TrackingPoliciesCreated" and one.value.casefold() == "true":
            done.add(key)
    if not providers:
        raise NotReached("no provider besides the known agents lists apps")
    for key, one in providers.items():
        if key not in done:
            yield Seen(f"TrackingPoliciesCreated of {key.rpartition('/')[2]} never became true", one.exchange)


@tests("ESP-SENT")
def sent(visit: Visit) -> Iterable[Seen]:
    """What is waited for was sent."""
    lists = [one for one in page(visit) if one.name.startswith("Expected") and FIRST_SYNC in one.uri]
    if not lists:
        raise NotReached("the server names nothing to wait for")
    done = [one for one in visit.told if one.verb in (*WRITES, "Exec") and (one.code < 400 or one.code == 418)]
    known = sorted({_plain(one.uri) for one in done})  # a list may have as many entries as there are commands
    for one in lists:
        for item in filter(None, one.value.split(LIST_SEPARATOR)):
            uri = _plain(item.partition(";")[0])
            base = uri.rpartition("/")[0] if ";" in item or uri.endswith("/status") else uri
            inside = base + "/"
            if _first(known, uri) != uri and _first(known, base) != base and not _first(known, inside).startswith(inside):
                yield Seen(f"{one.name} waits for {item[:100]}, which was never sent", one.exchange)
                return


def _first(known: list[str], uri: str) -> str:
    """The first of them, in their order, that does not come before this one."""
    place = bisect_left(known, uri)
    return known[place] if place < len(known) else ""


def _plain(uri: str) -> str:
    folded = uri.casefold()
    return f"./device/{folded[2:]}" if folded.startswith("./vendor/") else folded
