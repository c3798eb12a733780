"""``serve`` as a process: its words, its end, its refusals, and that a kill between two requests loses nothing."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from msgspec import structs

from autopilot_agent.__main__ import main
from autopilot_agent.cli.parser import build_parser
from autopilot_agent.service.management import ManagementMessage
from autopilot_agent.simulator.server import authority_of, new_token
from autopilot_agent.simulator.store import DataFile
from autopilot_agent.testing.samples import enrol_call
from autopilot_agent.testing.small import SMALL, TENANT_ID

TOKEN = "token-of-the-tests"
PATIENCE = 60


class Process:
    """A server in a process of its own, ready to be asked."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "autopilot_agent", "serve", "--port", "0", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        stream = self.process.stderr if words[-2:] == ("--access-log", "-") else self.process.stdout  # stdout is data then
        assert stream is not None
        self.said: list[str] = []
        for line in stream:
            self.said.append(line.rstrip("\n"))
            if line.startswith("end with"):
                break
        assert self.said, self.process.communicate()[1]
        self.url = self.said[0].rsplit(" ", 1)[1]

    def ask(self, method: str, path: str, data: bytes | None = None, *, wanted: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = requests.request(method, self.url + path, data=data, headers=headers, timeout=PATIENCE)
        assert answer.status_code == wanted, answer.text
        return answer.json() if answer.content else None

    def kill(self) -> None:
        """The end that no process can prepare for."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def token(tmp_path: Path) -> str:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    return str(file)


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    file = tmp_path / "small.yaml"
    file.write_text(json.dumps(SMALL))
    return str(file)


def test_a_kill_between_two_requests_loses_nothing_that_was_answered(tmp_path: Path, token: str, scenario: str) -> None:
    words = ("--scenario", scenario, "--data", str(tmp_path / "data"), "--admin-token-file", token)
    profiles = "/admin/v1.0/deviceManagement/windowsAutopilotDeploymentProfiles"
    server = Process(*words)
    assert TENANT_ID in server.said[0]
    call = structs.replace(enrol_call(), serial_number="5CG0000001")
    enrolment = server.ask("POST", "/autopilot-agent/calls/EnrollMdm", msgspec.json.encode(call))["enrolment_id"]
    server.kill()

    server = Process(*words)
    managed = server.ask("GET", "/admin/v1.0/deviceManagement/managedDevices")["value"]
    assert [one["id"] for one in managed] == [enrolment]
    message = msgspec.json.encode(ManagementMessage(enrolment, 1, 1))
    first = server.ask("POST", "/autopilot-agent/calls/ManagementMessage", message)
    made = server.ask("POST", profiles, b'{"displayName": "Second"}', wanted=201)["id"]
    authority = requests.get(f"{server.url}/autopilot-agent/ca.pem", timeout=PATIENCE).content
    server.kill()

    server = Process(*words)
    assert server.ask("GET", f"{profiles}/{made}")["displayName"] == "Second"
    assert server.ask("POST", "/autopilot-agent/calls/ManagementMessage", message) != first
    assert requests.get(f"{server.url}/autopilot-agent/ca.pem", timeout=PATIENCE).content == authority
    server.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for other processes; Ctrl-Break is the same code")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_what_is_needed_and_ends_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    server = Process("--tls", "--ca-out", str(ca), "--access-log", "-")
    assert [line.partition(":")[0].partition(" ")[0] for line in server.said] == ["serving", "test", "admin", "kept", "end"]
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{server.url}/health", verify=str(ca), timeout=PATIENCE).status_code == 200
    server.process.send_signal(number)
    out, err = server.process.communicate(timeout=PATIENCE)
    assert (server.process.returncode, err) == (0, "")
    assert [json.loads(line)["route"] for line in out.splitlines()] == ["health"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for other processes")
def test_it_ends_at_once_and_once_however_often_it_is_told(tmp_path: Path) -> None:
    server = Process()
    for number in (signal.SIGINT, signal.SIGTERM) * 200:  # up to the interpreter's own end
        try:
            server.process.send_signal(number)
            server.process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
    _, err = server.process.communicate(timeout=PATIENCE)
    assert (server.process.returncode, err) == (0, "")


def test_the_authority_of_a_data_file_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(tmp_path / "data")
    with closing(DataFile(Path(data))) as file:
        authority_of(file)
    assert main(["serve", "ca", "--data", data]) == 0
    pem = capsys.readouterr().out
    assert pem.startswith("-----BEGIN CERTIFICATE-----") and "PRIVATE" not in pem
    assert main(["serve", "ca", "--data", data, "--out", str(tmp_path / "ca.pem")]) == 0
    assert (tmp_path / "ca.pem").read_text() == pem


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["serve", *words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("autopilot-agent: error: ")
    return said.err


def _missing(path: Path) -> list[str]:
    return ["--tenant", str(path / "nowhere")]


def _empty(path: Path) -> list[str]:
    return ["--tenant", str(path)]


def _wrong_scenario(path: Path) -> list[str]:
    (path / "x.yaml").write_text("scenario: [")
    return ["--scenario", str(path / "x.yaml")]


def _both(path: Path) -> list[str]:
    return ["--scenario", "x.yaml", "--tenant", "x"]


def _several(path: Path) -> list[str]:
    (path / "x.yaml").write_text(json.dumps(SMALL) + "\n---\n" + json.dumps({**SMALL, "scenario": "another"}))
    return ["--scenario", str(path / "x.yaml")]


def _no_database(path: Path) -> list[str]:
    (path / "data").write_text("letters " * 100)
    return ["--data", str(path / "data")]


def _short_token(path: Path) -> list[str]:
    (path / "token").write_text("short")
    return ["--admin-token-file", str(path / "token")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (_missing, "there is no such folder"),
        (_empty, "holds no .json"),
        (_wrong_scenario, "x.yaml"),
        (_both, "leave one of them out"),
        (_no_database, "no data file of autopilot-agent"),
        (_short_token, "at least 8"),
        (_several, "name it with --only"),
        (lambda path: [*_several(path), "--only", "nobody"], "no case is named 'nobody'"),
        (lambda path: ["--only", "x"], "--only names a case of a scenario file"),
        (lambda path: ["--host", "0.0.0.0"], "--allow-host 0.0.0.0"),
        (lambda path: ["--host", "pc.contoso.example"], "--allow-host"),
        (lambda path: ["--port", "0", "--host", "192.0.2.1", "--allow-host", "192.0.2.1"], "cannot be used"),
        (lambda path: ["--host", "", "--allow-host", ""], "--host is empty"),
        (lambda path: ["--host", " "], "--host is empty"),
        (lambda path: ["--port", "65536"], "is not a port"),
        (lambda path: ["--port", "-1"], "is not a port"),
        (lambda path: ["--port", ""], "is not a port"),
        (lambda path: ["--port", "8443x"], "is not a port"),
        (lambda path: ["--access-log", str(path)], "the access log cannot be written"),
        (lambda path: ["--access-log", str(path / "no" / "log")], "access log"),
        (lambda path: ["--ca-out", str(path / "no" / "ca")], "cannot be written"),
        (lambda path: ["ca"], "--data"),
        (lambda path: ["--out", "x"], "serve ca"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    words: Callable[[Path], list[str]], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "work").mkdir()
    found = words(tmp_path / "work")
    try:
        assert said in refused(found, capsys)
    except SystemExit as end:  # the parser's own refusals
        assert end.code == 2 and said in capsys.readouterr().err


def test_a_made_token_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: "-" * size)
    args = build_parser().parse_args(["run", "my.yaml", "--admin-token", new_token()])
    assert len(args.admin_token) >= 24


def test_the_certificate_has_the_names_that_were_asked_for(tmp_path: Path) -> None:
    name, ca, token = "enterpriseenrollment.contoso.example", tmp_path / "ca.pem", tmp_path / "made"
    options = ("--tls", "--host", "localhost", "--name", name)
    options += ("--ca-out", str(ca), "--admin-token-file", str(token), "--credentials", "md5")
    served = Process(*options)
    try:
        assert len(token.read_text(encoding="ascii").strip()) >= 24, "a token file that was not there is made"
        context = ssl.create_default_context(cafile=str(ca))
        host, _, port = served.url.removeprefix("https://").partition(":")
        plain = socket.create_connection((host, int(port)), PATIENCE)
        with plain, context.wrap_socket(plain, server_hostname=name) as found:
            assert found.getpeercert()["subject"] == ((("commonName", name),),)
            names = {value for _, value in found.getpeercert()["subjectAltName"]}
        assert {name, "localhost", "127.0.0.1"} <= names
    finally:
        served.kill()


@pytest.mark.parametrize(
    "words", [["--name", "mdm.contoso.example"], ["--tls", "--name", "not a name"], ["--credentials", "ntlm"]]
)
def test_names_and_credentials_that_make_no_sense_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(["serve", *words]))
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_port_in_use_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "choose another with --port" in refused(["--port", str(taken.getsockname()[1])], capsys)


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr("autopilot_agent.cli.serve.find_spec", lambda name: None if name == "cheroot" else found(name))
    assert "pip install 'autopilot-agent[serve]'" in refused([], capsys)


def test_help_loads_no_server() -> None:
    code = (
        "import sys\nfrom autopilot_agent.__main__ import main\n"
        "try:\n    main(['serve', '--help'])\nfinally:\n    print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rsplit("MODULES", 1)[1].split())
    assert not loaded & {"cheroot", "werkzeug", "cryptography", "msgspec", "sqlite3", "autopilot_agent.cli.serve"}


def test_a_folder_of_graph_json_is_served_with_its_own_registrations(tmp_path: Path, token: str) -> None:
    folder = tmp_path / "tenant"
    folder.mkdir()
    for name, value in SMALL["tenant"].items():
        if name in ("organization", "users"):
            (folder / f"{name}.json").write_text(json.dumps(value))
    identity = [{"id": "11111111-0000-4000-8000-0000000000aa", "serialNumber": "5CG0000042"}]
    (folder / "windowsAutopilotDeviceIdentities.json").write_text(json.dumps(identity))
    server = Process("--tenant", str(folder), "--admin-token-file", token)
    found = server.ask("GET", "/admin/v1.0/deviceManagement/windowsAutopilotDeviceIdentities")["value"]
    assert [one["serialNumber"] for one in found] == ["5CG0000042"]
    server.kill()
