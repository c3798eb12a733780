"""Golden files of the reports: ``pytest tests/reports --update-golden`` writes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
UPDATE = "UPDATE_GOLDEN"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files of tests/reports anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a golden file, or writes it."""
    update = request.config.getoption("--update-golden", default=False) or os.environ.get(UPDATE) == "1"

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        how = f"golden/{name} is another text; if the new one is right: {UPDATE}=1 pytest tests/reports (or --update-golden)"
        assert path.exists() and path.read_text(encoding="utf-8") == text, how

    return compare
