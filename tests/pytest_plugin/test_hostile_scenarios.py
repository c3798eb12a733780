"""Scenarios of strangers in pytest: neither a terminal nor a CI system takes what they say for a command."""

from __future__ import annotations

import re

import pytest
from inner_pytest import Inner, Write

pytest_plugins = ["pytester"]


COMMAND = re.compile(r"^\s*::|##(vso)?\[|\x1b|\u202e", re.MULTILINE)
NAME = r"::error ::x ##[error]y ##vso[task.complete]z \e[31m \u202e"
TITLE = f'scenario: "{NAME}"\ntags: ["##[error]t", "::tag"]\n'
FILES = {
    "scenarios/hostile.yaml": f'{TITLE}device: {{serial_number: "##[error]"}}\nexpect: {{end_state: esp_failed}}\n',
    "scenarios/rows.yaml": f'{TITLE}matrix:\n  - {{name: "{NAME}"}}\n  - {{name: "::other", expect.end_state: esp_failed}}\n',
    "scenarios/skipped.yaml": f'{TITLE}skip: "{NAME}"\n---\n{TITLE}xfail: "{NAME}"\nexpect: {{end_state: esp_failed}}\n',
    "scenarios/strict.yaml": f'{TITLE}xfail: "{NAME}"\n',
    "scenarios/unknown.yaml": f'{TITLE}"{NAME}": 1\n',
    "scenarios/unread.yaml": f'{TITLE}x: "{NAME}\n',
    "scenarios/impossible.yaml": f"{TITLE}acts: [reseal]\n",
    "test_it.py": """
def test_asserted(autopilot):
    autopilot("scenarios/hostile.yaml").assert_passed()

def test_end(autopilot):
    assert autopilot("scenarios/hostile.yaml").end_state == "gave_up"

def test_refused(autopilot):
    autopilot("scenarios/unknown.yaml")

def test_skipped(autopilot):
    autopilot("scenarios/skipped.yaml", only="*")
""",
}


@pytest.mark.parametrize("words", [[], ["-v"], ["--tb=line"], ["--tb=native"], ["--tb=short", "-q"], ["--collect-only"]])
def test_nothing_that_pytest_prints_is_a_command(
    inner: Inner, write: Write, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    for name, text in FILES.items():
        write(name, text)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = inner("-rA", "--continue-on-collection-errors", *words)
    text = result.stdout.str() + result.stderr.str()
    assert "error" in text and not COMMAND.findall(text)


def test_a_node_id_is_the_same_on_a_desk_and_in_ci(inner: Inner, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("scenarios/rows.yaml", FILES["scenarios/rows.yaml"])
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("TF_BUILD", raising=False)
    here = inner("--collect-only", "-q").outlines
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert here[:2] == inner("--collect-only", "-q").outlines[:2] and "::rows[" in here[1]
    inner(here[0]).assert_outcomes(passed=1)
