"""Write the table of demands into docs/conform.md: ``python docs/make_conform.py``."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.conform.demands import Demand, demands
from autopilot_agent.conform.reporting import TITLES

PAGE = Path(__file__).with_name("conform.md")
BEGIN, END = "<!-- demands -->\n", "<!-- end -->\n"


def table() -> str:
    """A table a stage."""
    parts: list[str] = []
    for stage, title in TITLES.items():
        rows = [one for one in demands().values() if one.stage == stage]
        parts.append(f"### {title}\n\n| id | | demand | what Windows does otherwise | source |\n|---|---|---|---|---|\n")
        parts += [_row(one) for one in rows]
        parts.append("\n")
    return "".join(parts)


def _row(one: Demand) -> str:
    cells = (f"`{one.id}`", one.level, one.demand, one.windows, f"{one.source} ({one.grade})")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def page(text: str) -> str:
    """The page with the table of now."""
    head, _, rest = text.partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
