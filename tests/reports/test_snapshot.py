"""The lines of a golden trace: complete, harmless, and without secrets."""

from __future__ import annotations

import re

import msgspec
import pytest

from autopilot_agent.events import KINDS, Answered, Event, Noted, StateEntered
from autopilot_agent.reports.snapshot import MOST_LINES, differences, event_line, redacted


def sample(kind: type[Event], **changes: object) -> Event:
    usual = {int: 3, str: "word", bool: False}
    values = {field.name: usual.get(field.type, ("a", "b")) for field in msgspec.structs.fields(kind)}
    return kind(**{**values, **changes})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_of_an_event_is_in_its_line(kind: type[Event]) -> None:
    line = event_line(sample(kind), 0)
    for field in msgspec.structs.fields(kind):
        other = {int: 4, str: "other", bool: True}.get(field.type, ("a",))
        differs = event_line(sample(kind, **{field.name: other}), 0) != line
        assert differs is (field.name not in ("seq", "at")), field.name


def test_a_line_is_one_line_whatever_is_in_it() -> None:
    line = event_line(Noted(0, 0, "R", "a\nb \x1b[31m \u202e\""), 1500)
    assert line == '    +1.500  noted           "a\\nb \\u001b[31m \\u202e\\"" [R]'


def test_values_cannot_be_taken_for_others() -> None:
    one = event_line(Answered(0, 0, "", "PWD answer=x", "y"), 0)
    other = event_line(Answered(0, 0, "", "PWD", "x answer=y"), 0)
    assert one != other


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "MIIBsTCCAVegAwIBAgIUQk9" * 5 + "==",
        "0123456789ABCDEF0123456789ABCDEF01234567",
        "password=Hunter2!",
        "client_secret: abc",
        "https://user:Hunter2@host.example/",
    ],
)
def test_secrets_are_left_out(secret: str) -> None:
    text = event_line(Noted(0, 0, "", f"before {secret} after"), 0)
    assert "<redacted>" in text
    assert "after" in text
    for part in ("MII", "eyJ", "0123456789ABCDEF", "Hunter2", ": abc"):
        assert part not in text


@pytest.mark.parametrize(
    "text",
    [
        "./Device/Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation/PolicyProviders/Sidecar/InstallationStateOrAnything",
        "6f1d2a3b-0007-4000-8000-000000000002",
        "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/FirstSyncStatus/ServerHasFinishedProvisioningOfEverything/AndMore",
    ],
)
def test_names_and_ids_stay(text: str) -> None:
    assert redacted(text) == text


def test_a_difference_is_limited() -> None:
    old, new = "\n".join(map(str, range(500))), "\n".join(map(str, range(1000, 1500)))
    found = differences(old, new, "x")
    assert len(found) == MOST_LINES + 1
    assert re.fullmatch(r"\.\.\. and \d+ more lines", found[-1])


def test_one_wait_that_takes_longer_changes_one_line() -> None:
    events = [StateEntered(index, index * 1000, "", f"s{index}") for index in range(9)]
    later = [msgspec.structs.replace(event, at=event.at + 500 * (event.seq > 4)) for event in events]

    def lines(stream: list[StateEntered]) -> list[str]:
        return [event_line(event, event.at - before.at) for before, event in zip(stream[:1] + stream, stream, strict=False)]

    assert sum(one != other for one, other in zip(lines(events), lines(later), strict=True)) == 1
