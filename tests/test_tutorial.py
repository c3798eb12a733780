"""docs/tutorial.md, done as it says with the export of examples/ci; and what docs/pytest.md shows."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main

DOCS = Path(__file__).resolve().parent.parent / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def in_a_new_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    shutil.copytree(DOCS.parent / "examples" / "ci" / "scenarios" / "tenants", tmp_path / "scenarios" / "tenants")
    for name, text in re.findall(r"`(scenarios/\w+\.yaml)`.*?```yaml\n(.*?)```", TUTORIAL, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")


def test_the_commands_of_the_tutorial_end_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    preflight, good, broken, undetected = (
        shlex.split(line) for line in re.findall(r"^    autopilot-agent (.+)$", TUTORIAL, re.MULTILINE)
    )
    assert main(preflight) == main(good) == 0
    assert "2 scenarios: 2 passed, 0 failed" in capsys.readouterr().out
    export = Path("scenarios/tenants/contoso/windowsAutopilotDeploymentProfiles.json")
    text = export.read_text(encoding="utf-8")
    export.write_text(text.replace("LAP-%SERIAL%", "PC-%SERIAL%"), encoding="utf-8")
    assert main(broken) == 1
    export.write_text(text, encoding="utf-8")
    assert main(undetected) == 1
    said = capsys.readouterr().out
    shown = re.findall(r"```text\n(.*?)```", TUTORIAL, re.DOTALL)
    assert len(shown) == 2
    for block in shown:
        assert block in said


def test_what_the_tutorial_says_of_detection_rules_is_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that looks for another file is met by an installer that leaves what it looks for."""
    export = Path("scenarios/tenants/contoso/mobileApps.json")
    export.write_text(export.read_text(encoding="utf-8").replace('"vpn.exe"', '"no-such-file.exe"'), encoding="utf-8")
    assert main(["run", "scenarios", "-q"]) == 0
    with Path("scenarios/laptops.yaml").open("a", encoding="utf-8") as scenario:
        scenario.write("installers: {Contoso VPN: {leaves: nothing}}\n")
    assert main(["run", "scenarios", "-q"]) == 1
    assert "code 0x87D1041C  [APP-DETECTION]" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["tutorial.md", "ci.md", "pytest.md"])
def test_links_of_these_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (DOCS / page).read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), target
