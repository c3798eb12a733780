"""The command ``conform``: what it takes for a pass, and who enrols."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.conform import Finding, judge, untested, visit
from autopilot_agent.conform.enrolling import Person
from autopilot_agent.conform.reporting import as_json, as_junit, as_text
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.simulator.server import serving
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import USER, small_state

URL = "https://localhost"
SECRET = "right password"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(small_state()) as running:
        yield running.url


def findings_of(*stages: str, person: Person = Person()) -> list[Finding]:
    net = InProcessNet(Application(TenantDesk(small_state(), one_authority())))
    return judge(visit(net, URL, person, stages=stages, pooled=True), stages)


@pytest.mark.parametrize("stage", ["policy", "enrolment", "document", "sessions", "esp", "renewal"])
def test_a_stage_of_which_nothing_was_tested_has_not_passed(
    stage: str, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conform", server, "--stage", stage]) == 2
    said = capsys.readouterr()
    assert f"nothing of the stage {stage} could be judged" in said.err and "give --user" in said.err
    assert "Not passed: nothing of" in said.out


@pytest.mark.parametrize("form", ["json", "junit"])
def test_forms_for_programs_do_not_say_that_it_passed(form: str, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", server, "--stage", "policy", "--output", form]) == 2
    said = capsys.readouterr().out
    if form == "json":
        document = json.loads(said)
        assert document["passed"] is False and "policy" in document["untested"]
    else:
        root = ElementTree.fromstring(said.encode())
        assert int(root.get("errors", "0")) == len(root.findall(".//error")) > 0 == int(root.get("skipped", "1"))


def test_a_stage_that_was_tested_passes_though_single_demands_were_not_reached() -> None:
    findings = findings_of("sessions", "renewal", person=Person(USER, SECRET))
    missed = untested(findings, ("sessions", "renewal"))
    assert missed == {} and json.loads(as_json(findings, URL, missed=missed))["passed"] is True
    assert 'errors="0"' in as_junit(findings, URL, missed=missed) and "Not passed" not in as_text(findings, URL, missed=missed)


def test_a_stage_without_evidence_is_only_asked_for_by_name() -> None:
    findings = findings_of("discovery", "policy")
    assert untested(findings) == {} and set(untested(findings, ("discovery", "policy"))) == {"policy"}


def test_a_person_who_cannot_sign_in_is_wrong_usage(server: str) -> None:
    assert main(["conform", server, "--user", USER, "--password", "wrong"]) == 2


def in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    return ["--password-file", str(file)]


def in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("AUTOPILOT_AGENT_PASSWORD", SECRET)
    return []


@pytest.mark.parametrize("given", [in_a_file, in_the_environment])
def test_the_password_comes_from_a_file_or_the_environment(
    given: Callable[[Path, pytest.MonkeyPatch], list[str]],
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = given(tmp_path, monkeypatch)
    assert main(["conform", server, "--user", USER, "--stage", "enrolment", "--details", *words]) == 0
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err


def test_an_option_goes_before_the_environment(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOPILOT_AGENT_PASSWORD", "of somebody else")
    words = in_a_file(tmp_path, monkeypatch)
    assert main(["conform", server, "--user", USER, "--stage", "enrolment", *words]) == 0


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"S3cret\x00\n", b"S3cret\xff\xfe\n"])
def test_a_file_that_holds_no_password_is_one_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert main(["conform", "https://localhost:1", "--user", USER, "--password-file", str(file)]) == 2
    error = capsys.readouterr().err
    assert "password:" in error and "S3cret" not in error and "Traceback" not in error


def test_a_password_of_the_environment_that_is_none_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOPILOT_AGENT_PASSWORD", "S3cret\nS3cret")
    assert main(["conform", "https://localhost:1", "--user", USER]) == 2
    error = capsys.readouterr().err
    assert "AUTOPILOT_AGENT_PASSWORD holds line ends" in error and "S3cret" not in error


@pytest.mark.parametrize("more", [["--password", "p"], ["--token-file", "x"]])
def test_two_proofs_of_who_enrols_are_refused(more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", "https://localhost:1", "--password-file", str(tmp_path / "x"), *more]) == 2
    assert "both say who enrols" in capsys.readouterr().err
