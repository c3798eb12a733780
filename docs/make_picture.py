"""Makes docs/run.svg, the picture of a run in a terminal: ``python docs/make_picture.py [SCENARIO]``.

Needs the optional extra ``picture``. The same scenario gives the same bytes.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from autopilot_agent.reports.style import Style
from autopilot_agent.reports.text import render
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.walk.export import THEME, moved

HERE = Path(__file__).resolve().parent
SCENARIO = Path("scenarios/user-driven/standard-user-wired.yaml")
PICTURE = HERE / "run.svg"
WIDTH = 108


def picture(scenario: Path) -> str:
    """The SVG of one run's text, under the command that prints it."""
    run = run_scenario(load_scenario(scenario))
    text = render(run, 0, timeline=True, style=Style(colour=True, width=WIDTH - 2))
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard", legacy_windows=False
    )
    console.print(Text(f"$ autopilot-agent run {scenario.as_posix()}", style="bold"), soft_wrap=True)
    console.print()
    console.print(Text.from_ansi(text), soft_wrap=True)
    svg = console.export_svg(title="autopilot-agent", theme=THEME, unique_id="autopilot-agent-run")
    return moved(svg)


def main(words: list[str]) -> int:
    """Write the picture; paths of scenarios are relative to the project's folder, so that no machine shows in it."""
    os.chdir(HERE.parent)
    PICTURE.write_text(picture(Path(words[0]) if words else SCENARIO), encoding="utf-8", newline="\n")
    print(f"wrote {PICTURE.relative_to(HERE.parent).as_posix()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
