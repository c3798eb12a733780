"""examples/ci, copied to a new folder and run as each of the three services would run it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import autopilot_agent
from autopilot_agent.__main__ import main

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "examples" / "ci"
WORKFLOWS = {"GitHub": ".github/workflows/autopilot.yml", "Azure": ".azure-pipelines/autopilot.yml", "GitLab": ".gitlab-ci.yml"}
COMMANDS = [
    "autopilot-agent run scenarios --report junit=results.xml --report html=report.html",
    "python -m pytest tests --junit-xml=pytest.xml",
    "autopilot-agent preflight scenarios/tenants/contoso",
]
"""What every workflow does once it has installed the package; GitHub's also asks for annotations."""
ONLY_GITHUB = " --report github=-"


def workflow(service: str) -> Any:
    return yaml.safe_load((SAMPLE / WORKFLOWS[service]).read_text(encoding="utf-8"))


def commands(service: str) -> list[str]:
    """The commands of a workflow, in their order, the installation first."""
    whole = workflow(service)
    if service == "GitHub":
        return [step["run"] for step in whole["jobs"]["scenarios"]["steps"] if "run" in step]
    if service == "Azure":
        return [step["script"] for step in whole["steps"] if "script" in step]
    jobs = [job for name, job in whole.items() if name != "default"]
    return whole["default"]["before_script"] + [line for job in jobs for line in job["script"]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sample in a folder of its own, whose name holds a space."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "my tenant", ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")))


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one line of a workflow with this Python and this checkout."""
    words = shlex.split(command)
    words[:1] = [sys.executable, "-m", "autopilot_agent"] if words[0] == "autopilot-agent" else [sys.executable]
    paths = {"PYTHONPATH": str(Path(autopilot_agent.__file__).parent.parent), "PYTEST_PLUGINS": "autopilot_agent.pytest_plugin"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTEST_"))}
    every = {**clean, **paths, "PYTHONUTF8": "1", **environment}
    return subprocess.run(words, cwd=folder, env=every, capture_output=True, text=True, encoding="utf-8", check=False)


def writes_reports(capsys: pytest.CaptureFixture[str]) -> bool:
    main(["run", "--help"])
    return "--report" in capsys.readouterr().out


@pytest.mark.parametrize("service", WORKFLOWS)
def test_each_service_runs_the_same_commands(service: str) -> None:
    install, *rest = commands(service)
    assert install.startswith("python -m pip install") and install.endswith(" pytest") and "AUTOPILOT_AGENT" in install
    assert [line.replace(ONLY_GITHUB, "") for line in rest] == COMMANDS
    assert (ONLY_GITHUB in rest[0]) is (service == "GitHub")


def test_reports_that_are_kept_are_those_that_are_written() -> None:
    written = {"results.xml", "report.html", "pytest.xml"}
    github, azure, gitlab = workflow("GitHub"), workflow("Azure")["steps"], workflow("GitLab")
    assert set(github["jobs"]["scenarios"]["steps"][-1]["with"]["path"].split()) == written
    assert {*azure[-2]["inputs"]["testResultsFiles"].split(), azure[-1]["publish"]} == written
    kept = [job["artifacts"] for job in gitlab.values() if "artifacts" in job]
    assert {name for one in kept for name in [one["reports"]["junit"], *one.get("paths", [])]} == written


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text.split(" -")[0])
def test_a_copy_passes(command: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "--report" in command:
        if not writes_reports(capsys):
            pytest.skip("this version writes no reports yet")
        command += ONLY_GITHUB
    done = run(command, copy, GITHUB_STEP_SUMMARY=str(copy / "summary.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    written = [word.split("=")[1] for word in command.split() if word.split("=")[0] in ("junit", "html", "--junit-xml")]
    assert all((copy / name).stat().st_size > 500 for name in written)
    assert ("github=-" not in command) or "passed" in (copy / "summary.md").read_text(encoding="utf-8")


def test_a_wrong_change_of_the_tenant_stops_every_step(copy: Path) -> None:
    profiles = copy / "scenarios" / "tenants" / "contoso" / "windowsAutopilotDeploymentProfiles.json"
    profiles.write_text(profiles.read_text(encoding="utf-8").replace("LAP-%SERIAL%", "PC-%SERIAL%"), encoding="utf-8")
    played = run("autopilot-agent run scenarios", copy)
    assert played.returncode == 1
    assert "device_name: expected LAP-5CG3000001, got PC-5CG3000001" in played.stdout
    tested = run("python -m pytest -p no:cacheprovider", copy)
    assert tested.returncode == 1
    assert "device_name: expected LAP-5CG3000001, got PC-5CG3000001" in tested.stdout
    profiles.write_text("{", encoding="utf-8")
    broken = run("autopilot-agent preflight scenarios/tenants/contoso", copy)
    assert broken.returncode == 2 and "windowsAutopilotDeploymentProfiles.json:1:2" in broken.stdout + broken.stderr


@pytest.mark.parametrize("service", WORKFLOWS)
def test_the_page_about_ci_shows_the_workflows_as_they_are(service: str) -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert f"```yaml\n{(SAMPLE / WORKFLOWS[service]).read_text(encoding='utf-8')}```\n" in page
