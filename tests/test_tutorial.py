"""docs/tutorial.md, done as it says with the export of examples/ci; and what docs/pytest.md shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main

DOCS = Path(__file__).resolve().parent.parent / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def in_a_new_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DOCS.parent / "examples" / "ci" / "scenarios" / "tenants", tmp_path / "scenarios" / "tenants")
    for name, text in re.findall(r"`(scenarios/\w+\.yaml)`.*?```yaml\n(.*?)```", TUTORIAL, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")


def test_the_commands_of_the_tutorial_end_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    lines = re.findall(r"^    autopilot-agent (.+)$", TUTORIAL, re.MULTILINE)
    assert [main(line.split()) for line in lines] == [0, 0, 1]
    said = capsys.readouterr().out
    assert "2 scenarios: 2 passed, 0 failed" in said
    assert "within: expected 10m" in said


@pytest.mark.parametrize("page", ["tutorial.md", "ci.md", "pytest.md"])
def test_links_of_these_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (DOCS / page).read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), target
