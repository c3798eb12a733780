"""Recordings: a session kept without secrets, and a device that takes the same course when it is played again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from autopilot_agent.backends.choice import ServerChoice
from autopilot_agent.backends.http import HttpBackend, Net
from autopilot_agent.backends.recorded import RecordingNet, ReplayNet, new_session
from autopilot_agent.errors import InputError, Malformed
from autopilot_agent.scenario.act_specs import written_out
from autopilot_agent.scenario.loader import load_scenario, load_scenario_text
from autopilot_agent.scenario.plan import IN_THE_CLOUD, acts_of
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import small_scenario
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Wallet

ROOT = Path(__file__).parents[2]


def changes_the_tenant(path: Path) -> bool:
    return any(isinstance(written_out(act), IN_THE_CLOUD) for act in acts_of(load_scenario(path).scenario))


SOME = sorted(
    next(path for path in sorted(folder.glob("*.yaml")) if not changes_the_tenant(path))
    for folder in (ROOT / "scenarios").iterdir()
    if folder.is_dir() and folder.name != "tenants"
)
PASSWORD = "Correct-Horse-9"


def recording(folder: Path) -> Callable[[TenantState], HttpBackend]:
    def make(state: TenantState) -> HttpBackend:
        served = InProcessNet(Application(TenantDesk(state, one_authority())))
        net = RecordingNet(served, folder, new_session("https://localhost", {}, private=True))
        wallet = Wallet(KeySource(pooled=True), state.guid("network", "wallet"))
        return HttpBackend(net, wallet, tell=lambda rule, text: state.tell(rule, text))

    return make


@pytest.mark.parametrize("path", SOME, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recording_gives_the_run_again(path: Path, tmp_path: Path) -> None:
    wanted = run_scenario(load_scenario(path), backend=recording(tmp_path))
    found = run_scenario(load_scenario(path), backend=ServerChoice("", replay=tmp_path.as_posix()))
    assert found.result.problem == ""
    assert found.result.trace_hash == wanted.result.trace_hash


def test_nothing_secret_is_in_a_recording(tmp_path: Path) -> None:
    run = run_scenario(small_scenario({"person": {"PWD": PASSWORD}}), backend=recording(tmp_path))
    assert run.result.problem == ""
    files = sorted(tmp_path.glob("0*.json"))
    assert len(files) > 20
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert PASSWORD not in text, file.name
        exchange = json.loads(text)
        for headers in (exchange["request_headers"], exchange["response_headers"]):
            assert headers.get("authorization", "Bearer [filtered]") == "Bearer [filtered]"
            assert headers.get("x-device-token", "[filtered]") == "[filtered]"
        said = exchange["response_body"] + exchange["request_body"]
        assert '"refresh_token":"ey' not in said, file.name
        assert set(re.findall("<(?:[a-z]+:)?Password[^>]*>([^<]*)<", said)) <= {"[filtered]"}, file.name


def test_an_answer_that_cannot_be_read_leaves_no_hole(tmp_path: Path) -> None:
    class Broken:
        def send(self, request: Request, wallet: Wallet) -> Response:
            if request.url.endswith("/large"):
                raise Malformed("the answer has more than 5 bytes")
            return Response(200, {}, b"hi")

    def ask(net: Net) -> bytes:
        with pytest.raises(Malformed, match="more than 5 bytes"):
            net.send(Request("GET", "https://localhost/large"), Wallet())
        return net.send(Request("GET", "https://localhost/small"), Wallet()).body

    assert ask(RecordingNet(Broken(), tmp_path, new_session("https://localhost", {}, private=True))) == b"hi"
    assert ask(ReplayNet(tmp_path)) == b"hi"


def test_another_scenario_does_not_fit(tmp_path: Path) -> None:
    run_scenario(small_scenario(), backend=recording(tmp_path))
    other = small_scenario({"person": {"SIGNIN": "somebody@fabrikam.example"}})
    run = run_scenario(other, backend=ServerChoice("", replay=tmp_path.as_posix()))
    assert run.result.exit_code == 3
    assert "does not fit" in run.result.problem


def test_a_recording_that_breaks_off_says_where(tmp_path: Path) -> None:
    run_scenario(small_scenario(), backend=recording(tmp_path))
    for file in sorted(tmp_path.glob("0*.json"))[10:]:
        file.unlink()
    run = run_scenario(small_scenario(), backend=ServerChoice("", replay=tmp_path.as_posix()))
    assert run.result.exit_code == 3
    assert "ends before" in run.result.problem


@pytest.mark.parametrize(
    ("text", "said"), [("", "cannot be read"), ("[]", "cannot be read"), ('{"kind": "x"}', "cannot be read")]
)
def test_a_broken_recording_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        ReplayNet(tmp_path)


def test_a_folder_without_a_recording_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"session\.json"):
        ReplayNet(tmp_path)


def test_a_recording_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    session = {"kind": "autopilot-agent recording", "format": 99, "made_by": "9", "url": "", "private": True, "served": {}}
    (tmp_path / "session.json").write_text(json.dumps(session), encoding="utf-8")
    with pytest.raises(InputError, match="this version reads"):
        ReplayNet(tmp_path)


def test_a_recording_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    run = run_scenario(load_scenario_text("scenario: X\n", tmp_path / "x.yaml"), backend=recording(tmp_path))
    assert run.result.exit_code == 2
    assert "not empty" in run.result.problem
