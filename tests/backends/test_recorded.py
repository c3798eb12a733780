"""Recordings: a session kept without secrets, and a device that takes the same course when it is played again."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from autopilot_agent import __version__
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
from autopilot_agent.simulator.server import serving
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import small_scenario, small_state
from autopilot_agent.wire import private
from autopilot_agent.wire.http import FORM, Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.secrecy import typed
from autopilot_agent.wire.wallet import Wallet

ROOT = Path(__file__).parents[2]


def changes_the_tenant(path: Path) -> bool:
    return any(isinstance(written_out(act), IN_THE_CLOUD) for act in acts_of(load_scenario(path).scenario))


SOME = sorted(
    next(path for path in sorted(folder.glob("*.yaml")) if not changes_the_tenant(path))
    for folder in (ROOT / "scenarios").iterdir()
    if folder.is_dir() and folder.name != "tenants"
)
FLEET = '{"type": 1, "payload": {"auth_token": "user1@contoso.example"}}'
PASSWORD = "Correct-Horse-9"


def recording(folder: Path, credentials: str = "") -> Callable[[TenantState], HttpBackend]:
    def make(state: TenantState) -> HttpBackend:
        served = InProcessNet(Application(TenantDesk(state, one_authority(), credentials=credentials)))
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


@pytest.mark.parametrize("credentials", ["basic", "md5"])
def test_sessions_with_credentials_are_played_again_without_them(credentials: str, tmp_path: Path) -> None:
    wanted = run_scenario(small_scenario(), backend=recording(tmp_path, credentials))
    sessions = [file.read_text(encoding="utf-8") for file in sorted(tmp_path.glob("0*cimhandler*.json"))]
    assert any("<Cred>" in text for text in sessions)
    assert all("<Data>[filtered" in text.split("<Cred>")[1] for text in sessions if "<Cred>" in text)
    found = run_scenario(small_scenario(), backend=ServerChoice("", replay=tmp_path.as_posix()))
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
        assert base64.b64encode(b"t=eyJ").decode()[:6] not in text, "the ticket of a device, encoded once more"
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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": {"serial_number": "ANOTHER-1"}}, "where the recording has"),
        ({"person": {"PWD": "Wrong-Horse-1"}}, "its typed password or proof is another one"),
        ({"seed": 2}, "where the recording has"),
    ],
)
def test_a_device_that_asks_something_else_at_the_same_address_does_not_fit(
    changes: dict[str, object], said: str, tmp_path: Path
) -> None:
    run_scenario(small_scenario({"person": {"PWD": PASSWORD}}), backend=recording(tmp_path))
    other = small_scenario({"person": {"PWD": PASSWORD}, **changes})
    run = run_scenario(other, backend=ServerChoice("", replay=tmp_path.as_posix()))
    assert (run.result.exit_code, "does not fit" in run.result.problem, said in run.result.problem) == (3, True, True)
    assert "Horse" not in run.result.problem


def test_a_misfit_of_another_version_says_so(tmp_path: Path) -> None:
    run_scenario(small_scenario(), backend=recording(tmp_path))
    head = tmp_path / "session.json"
    head.write_text(head.read_text(encoding="utf-8").replace(f'"{__version__}"', '"0.0.1"'), encoding="utf-8")
    replay = ServerChoice("", replay=tmp_path.as_posix())
    assert run_scenario(small_scenario(), backend=replay).result.problem == "", "what still fits is played"
    run = run_scenario(small_scenario({"seed": 2}), backend=replay)
    assert run.result.exit_code == 3
    assert f"It is of version 0.0.1, and this is {__version__}." in run.result.problem


@pytest.mark.parametrize("status", [0, 99, 600, -1])
def test_a_status_that_is_none_is_one_sentence(status: int, tmp_path: Path) -> None:
    run_scenario(small_scenario(), backend=recording(tmp_path))
    file = sorted(tmp_path.glob("00003*.json"))[0]
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "status": status}), encoding="utf-8")
    run = run_scenario(small_scenario(), backend=ServerChoice("", replay=tmp_path.as_posix()))
    assert (run.result.exit_code, file.name in run.result.problem) == (2, True)
    assert f"the status of the answer is {status}; expected 100 to 599" in run.result.problem


def test_a_session_with_a_server_that_is_not_ours_is_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopilot_agent.backends.choice.introduced", lambda net, url: None)
    with serving(small_state()) as server:
        served = {"ime": server.url, "content": server.url}
        there = ServerChoice(server.url, served, enrol_token=FLEET, record=tmp_path.as_posix())
        wanted = run_scenario(small_scenario(), backend=there).result
    found = run_scenario(small_scenario(), backend=ServerChoice("", replay=tmp_path.as_posix())).result
    assert (found.problem, wanted.mdm_enrolled) == ("", True)
    assert found.trace_hash == wanted.trace_hash


def test_what_was_typed_leaves_three_digits() -> None:
    def form(word: str) -> Request:
        return Request("POST", "https://localhost", {"content-type": FORM}, urlencode({"password": word}).encode())

    soap = Request("POST", "https://localhost", {}, b"<w:Password Type='x'>a&amp;b</w:Password>")
    assert len(typed(form("a&b"))) == 3
    assert typed(form("a&b")) == typed(soap) != typed(form("a&c"))
    assert len({typed(form(str(number))) for number in range(20_000)}) == 1000, "no more than that is told of a word"
    assert typed(Request("POST", "https://localhost", {private.CALL: '{"proof":"approved"}'})) != ""
    assert typed(Request("GET", "https://localhost", {private.CALL: '{"serial_number":"1"}'})) == ""


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
