"""Addresses that a server names and no device can use are complaints; those of strangers are never visited."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from nasty_server import judged, nasty
from wrong_server import DISCOVER, ENROL, PROBE, Spoil, document, instead, text

from autopilot_agent.__main__ import main
from autopilot_agent.conform.naming import trouble_with
from autopilot_agent.testing.small import USER

BAD = ["https://[::1/x", "/relative", "javascript:1", "//x", "http://", "https://localhost:99999/", "https://a b/x", ""]
FOREIGN = ["https://login.microsoftonline.com/x", "https://mdm.contoso.example/x"]
THOROUGH = bool(os.environ.get("AUTOPILOT_AGENT_THOROUGH"))
HERE = ("127.0.0.1", "localhost", "::1")


@pytest.fixture(autouse=True)
def nobody_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def looked_up(host: str, *args: object, **named: object) -> object:
        assert host in HERE, f"somebody asked for the address of {host}"
        return real(host, *args, **named)  # type: ignore[arg-type]  # what was given

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


def element(name: str, url: str) -> Spoil:
    return text(f"<{name}>[^<]*", f"<{name}>{url}")


def enrolment(url: str) -> dict[str, Spoil]:
    return {DISCOVER: element("EnrollmentServiceUrl", url)}


def policies(url: str) -> dict[str, Spoil]:
    return {DISCOVER: element("EnrollmentPolicyServiceUrl", url)}


def management(url: str) -> dict[str, Spoil]:
    return {ENROL: document('(name="ADDR" value=")[^"]*', rf"\g<1>{url}")}


def probe(url: str) -> dict[str, Spoil]:
    return {PROBE: instead(302, location=url)}


SITES = [
    (enrolment, "DISC-URL", "ENR-ANSWER"),
    (policies, "DISC-ONE-HOST", "POL-ANSWER"),
    (management, "WAP-ADDR", "DM-ANSWER"),
    (probe, "DISC-REDIRECT", "DISC-GET"),
]
ADDRESSES = [
    (*site, url)
    for number, url in enumerate(BAD + FOREIGN)
    for place, site in enumerate(SITES)
    if THOROUGH or (number + place) % 2 == 0
]
"""Every address at every second place that names one; ``make thorough`` tries them all."""


@pytest.mark.parametrize(("site", "wanted", "abroad", "url"), ADDRESSES)
def test_a_bad_address_is_a_complaint_and_ends_nothing(
    site: Callable[[str], dict[str, Spoil]], wanted: str, abroad: str, url: str
) -> None:
    with nasty(site(url)) as server:
        findings = judged(server.url)
    wrong = {one.demand.id for one in findings if one.wrong}
    if url in FOREIGN:
        words = "".join(seen.text for one in findings for seen in one.seen)
        assert abroad in wrong
        assert "never talks to it" in words or "--allow-host mdm.contoso.example" in words
    elif site is probe:  # the served application writes a Location anew, so that some of them become good
        assert wrong & {wanted, abroad}
    elif url:
        assert wanted in wrong
    else:  # a server need not name a policy service
        assert wrong >= {policies: set(), enrolment: {wanted}, management: {"WAP-W7"}}[site]


@pytest.mark.parametrize("url", [*BAD, FOREIGN[0]])
def test_what_is_wrong_with_an_address_is_said(url: str) -> None:
    assert trouble_with(url, "https://localhost")


@pytest.mark.parametrize(
    ("url", "visited", "good"),
    [
        ("https://localhost/x", "https://localhost", True),
        ("http://localhost/x", "https://localhost", False),
        ("http://localhost/x", "http://localhost", True),
        (FOREIGN[1], "https://localhost", True),
    ],
)
def test_plain_http_is_for_who_is_visited_over_it(url: str, visited: str, good: bool) -> None:
    assert (trouble_with(url, visited) == "") is good


def test_the_command_ends_with_a_complaint_about_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    with nasty(enrolment("https://[::1/x")) as server:
        code = main(["conform", server.url, "--user", USER, "--password", "right password"])
    said = capsys.readouterr()
    assert (code, said.err) == (1, "")
    assert "seen     EnrollmentServiceUrl is https://[::1/x, which is no URL\n" in said.out and "source   MS-MDE2" in said.out


def test_the_address_that_somebody_gave_is_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", "https://login.microsoftonline.com"]) == 2
    assert "never talks to it" in capsys.readouterr().err
