"""Names of strangers stay names: no terminal and no CI system takes what a file says for a command, whatever prints it."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.cli import serve
from autopilot_agent.conform.checks.registry import Seen
from autopilot_agent.conform.demands import demands
from autopilot_agent.conform.judging import Finding, Mark

COMMAND = re.compile(r"^\s*::|##(vso)?\[|\x1b|\u202e", re.MULTILINE)
NAME = r"::error ::x ##[error]y ##vso[task.complete]z \e[31m \u202e"
CSV = "Device Serial Number,Windows Product ID,Hardware Hash,Group Tag\n::error ::x ##[error]y,,AAAA,##[error]tag\n"
FILE = f"""scenario: "{NAME}"
tags: ["::tag ##[error]t"]
device: {{serial_number: "::error"}}
tenant:
  organization: {{displayName: "{NAME}", verifiedDomains: [{{name: contoso.example, isDefault: true}}]}}
  users:
    - {{userPrincipalName: user1@contoso.example, displayName: "{NAME}"}}
  groups:
    - {{displayName: "{NAME}", members: ["all devices"]}}
  windowsAutopilotDeploymentProfiles:
    - {{displayName: "{NAME}", assignments: [all devices], deviceNameTemplate: CON-%SERIAL%}}
    - {{displayName: "::error ::second", assignments: [all devices]}}
  deviceEnrollmentConfigurations:
    - displayName: "{NAME}"
      "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"
      assignments: [all devices]
      showInstallationProgress: true
      customErrorMessage: "{NAME}"
  mobileApps:
    - {{"@odata.type": "#microsoft.graph.winGetApp", displayName: "{NAME}", assignments: [all devices]}}
expect:
  end_state: gave_up
"""
ROWS = 'matrix:\n  - {name: "::row ##[error]r \\e[31m"}\n  - {name: "::other ::row", seed: 2, xfail: "::error ::x"}\n'
WRONG = f'scenario: ok\n"{NAME}": 1\n'
COMMANDS = {
    "list": ["list", "scenarios", "rows.yaml"],
    "list a wrong file": ["list", "scenarios", "wrong.yaml"],
    "validate": ["validate", "rows.yaml", "wrong.yaml"],
    "run": ["run", "rows.yaml", "-v", "--show-screens"],
    "what-if": ["run", "one.yaml", "--what-if", "device.network=wifi"],
    "coverage": ["coverage", "rows.yaml", "-v"],
    "diff": ["diff", "one.yaml", "other.yaml"],
    "preflight": ["preflight", "one.yaml", "-v"],
    "preflight markdown": ["preflight", "one.yaml", "--output", "markdown"],
    "walk": ["walk", "one.yaml", "--plain", "--auto", "--speed", "max"],
    "walk a wrong file": ["walk", "wrong.yaml", "--plain", "--auto"],
    "check-hashes": ["check-hashes", "##[error]hashes.csv"],
    "explain": ["explain", "::error ::x ##[error]"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    files = {"one.yaml": FILE, "other.yaml": FILE + "faults: [{fault: F-26}]\n", "rows.yaml": FILE + ROWS}
    for name, text in {**files, "wrong.yaml": WRONG, "##[error]hashes.csv": CSV}.items():
        Path(name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_command_says_a_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    main(words)
    said = capsys.readouterr()
    text = said.out + said.err
    print(text)
    assert "error" in text and not COMMAND.findall(text)


@pytest.mark.parametrize("variable", ["GITHUB_ACTIONS", "TF_BUILD"])
def test_no_name_is_a_command_to_a_ci_system(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    title = f"::error ::x {'wide ' * 30}::add-mask ::y ##[error]z ##vso[task.complete]a"
    Path("a.yaml").write_text(f'scenario: "{title}"\nexpect: {{end_state: esp_failed}}\n')
    assert main(["run", "a.yaml"]) == 1
    assert capsys.readouterr().out.startswith("::error ::x")
    monkeypatch.setenv(variable, "true")
    assert main(["run", "a.yaml", "--report", "github=-"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("\\x3a:error ::x")
    text, commands = out.split("\n::error file=a.yaml")
    assert not re.search(r"^\s*::|##(vso)?\[", text, re.MULTILINE)
    assert "title=::error" not in commands


@pytest.mark.parametrize(
    "words",
    [
        ["run", "rows.yaml"],
        ["list", "scenarios", "rows.yaml"],
        ["check-hashes", "##[error]hashes.csv"],
        ["preflight", "one.yaml"],
        ["diff", "one.yaml", "other.yaml"],
    ],
    ids=lambda words: words[0],
)
def test_json_stays_json_where_a_ci_system_reads_along(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    main([*words, "--output", "json"])
    before = capsys.readouterr().out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    main([*words, "--output", "json"])
    out = capsys.readouterr().out
    assert "##" in before and json.loads(out) == json.loads(before) and not COMMAND.search(out)


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_what_a_server_says_is_no_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def judge(*_: Any) -> list[Finding]:
        said = Seen("::error ::x ##[error]y \x1b[31m")
        return [Finding(next(iter(demands().values())), Mark.COMPLAINT, (said,))]

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr("autopilot_agent.conform.visit", lambda *_, **__: None)
    monkeypatch.setattr("autopilot_agent.conform.judge", judge)
    main(["conform", "https://localhost:1", "--output", form])
    out = capsys.readouterr().out
    assert "error ::x" in out and not COMMAND.search(out)
    if form == "json":
        assert json.loads(out)["findings"][0]["seen"] == ["::error ::x ##[error]y \x1b[31m"]


def test_the_name_of_a_served_or_exported_tenant_is_no_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    state = SimpleNamespace(display_name="x ##[error]y \x1b[31m", tenant_id="1")
    served: Any = SimpleNamespace(desk=SimpleNamespace(state=state), url="https://localhost:1", token="")
    serve._say(served, Namespace(access_log=None, tls=False, data=None), token_given=False)
    assert not COMMAND.search(capsys.readouterr().out)
