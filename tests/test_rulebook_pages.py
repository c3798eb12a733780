"""docs/rulebook: a page for every code and rule, as the rulebook is now, and no link that leads nowhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from autopilot_agent import rulebook

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "docs" / "rulebook"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    found: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "make_rulebook.py"))["pages"]()
    return found


def test_the_pages_are_those_of_the_rulebook(pages: dict[str, str]) -> None:
    there = {path.relative_to(BOOK).as_posix(): path.read_text(encoding="utf-8") for path in BOOK.rglob("*.md")}
    changed = sorted(name for name in there.keys() | pages.keys() if there.get(name) != pages.get(name))
    assert not changed, "run python docs/make_rulebook.py"


def test_every_code_and_rule_has_a_page_of_its_own(pages: dict[str, str]) -> None:
    titles = [text.split("\n", 1)[0] for text in pages.values()]
    assert len({name.lower() for name in pages}) == len(pages) == 1 + len(rulebook.codes()) + len(rulebook.rules())
    assert all(title.startswith("# ") for title in titles)


def test_links_lead_to_pages_and_back(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        folder = (BOOK / name).parent
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (folder / target).resolve().is_file(), f"{name}: {target}"
        if name != "index.md":
            assert f"]({name})" in pages["index.md"]
    assert "(../codes/0x80180014.md)" in pages["rules/F-26.md"]
    assert "(../rules/F-26.md)" in pages["codes/0x80180014.md"]


def test_what_a_page_names_names_it_back(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        for target in re.findall(r"\]\(\.\./((?:rules|codes)/[^)]+)\)", text):
            assert f"](../{name})" in pages[target], f"{name} names {target}"
