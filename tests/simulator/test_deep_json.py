"""JSON nested as deeply as somebody likes: a 400 each, whatever is left of the stack, and not a word on standard error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from autopilot_agent.errors import Malformed
from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire import members, tokens
from autopilot_agent.wire.nesting import DEEPEST, too_deep
from autopilot_agent.wire.private import Fault, unpack
from autopilot_agent.wire.session_keys import opened

TOKEN = "token-of-the-tests"
PROFILES = "/admin/v1.0/deviceManagement/windowsAutopilotDeploymentProfiles"
LEVELS = (DEEPEST + 1, *range(940, 1000, 6), 100_000)
"""Around 970 a value can be parsed, and cannot be looked at any more."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(small_state(), token=TOKEN, authority=one_authority) as server:
        yield server


def lists(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def objects(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize("levels", LEVELS)
def test_a_deep_body_is_refused(served: Served, levels: int, capfd: pytest.CaptureFixture[str]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for deep in (lists(levels), objects(levels)):
        for body in (deep, b'{"displayName":' + deep + b"}", b'{"displayName":"x","roleScopeTagIds":' + deep + b"}"):
            for path in (PROFILES, "/autopilot-agent/calls/EnrollMdm"):
                answer = requests.post(served.url + path, data=body, headers=headers, timeout=60)
                assert answer.status_code == 400, (path, body[:60])
                assert path != PROFILES or f"deeper than {DEEPEST} levels" in answer.json()["error"]["message"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("levels", LEVELS)
def test_deep_documents_in_tokens_and_headers_are_malformed(levels: int) -> None:
    import base64

    part = base64.urlsafe_b64encode(lists(levels)).decode().rstrip("=")
    for read in (
        lambda: members.decode(lists(levels)),
        lambda: members.decode(objects(levels).decode()),
        lambda: tokens.read(f"e30.{part}.e30"),
        lambda: opened(f"eyJhbGciOiJSUzI1NiJ9.{part}.e30"),
        lambda: unpack(objects(levels).decode()[:40_000], Fault),
    ):
        with pytest.raises(Malformed):
            read()


@pytest.mark.parametrize(
    ("data", "deep"),
    [
        (b"", False),
        (lists(DEEPEST), False),
        (lists(DEEPEST + 1), True),
        (objects(DEEPEST), False),
        (objects(DEEPEST + 1), True),
        (b'{"a":[' * (DEEPEST // 2) + b"]}" * (DEEPEST // 2), False),
        (b'{"a":[' * (DEEPEST // 2 + 1) + b"]}" * (DEEPEST // 2 + 1), True),
        (b"[" + b"[]," * 1000 + b"[]]", False),
        (b'["' + b"[" * 1000 + b'"]', False),
        (b'["\\"' + b"[" * 1000 + b'"]', False),
        (b'["\\\\",' + lists(1000) + b"]", True),
        (b"[" * 1000, True),
        (b"]" * 1000, False),
        (b"[" * (DEEPEST - 1) + b"]" * 1000, False),
    ],
)
def test_levels_are_counted_outside_of_texts(data: bytes, deep: bool) -> None:
    assert too_deep(data) is deep
