"""The same pages without a person: ``run --show-screens`` and ``walk --auto``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.walk.keyboard import Nobody
from autopilot_agent.walk.screens import Watcher
from autopilot_agent.walk.session import Session
from autopilot_agent.walk.stage import PlainStage

SCENARIO = "scenarios/user-driven/f26-enrolment-refused.yaml"
SOME = find_scenarios([Path("scenarios")])[::23]


def test_show_screens_prints_the_pages_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", SCENARIO, "--show-screens", "-q"]) == 0
    text = capsys.readouterr().out
    order = [text.index(f"Screen {screen}") for screen in ("UPD", "SIGNIN", "PWD", "WRONG")]
    assert order == sorted(order)
    assert "> user1@contoso.example / Sign in" in text and "> *** / Sign in" in text and "0x80180014" in text


def test_without_rich_show_screens_and_the_plain_walk_work() -> None:
    code = (
        "import sys; sys.modules['rich'] = None\n"
        "from autopilot_agent.__main__ import main\n"
        f"assert main(['run', {SCENARIO!r}, '--show-screens', '-q']) == 0\n"
        f"assert main(['walk', {SCENARIO!r}, '--auto', '--plain']) == 0\n"
        f"sys.exit(main(['walk', {SCENARIO!r}, '--auto', '--export', 'x.svg']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and "autopilot-agent[walk]" in done.stderr
    assert "Screen WRONG" in done.stdout


@pytest.mark.parametrize("path", SOME, ids=lambda path: path.stem)
def test_a_film_and_a_watched_run_have_the_trace_of_a_plain_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = run_scenario(load_scenario(path))
    watcher = Watcher()
    watched = run_scenario(load_scenario(path), watch=watcher)
    assert watched.result.trace_hash == plain.result.trace_hash
    assert watcher.text().count("Screen ") > 0 or not plain.result.screens
    film = Session(load_scenario(path), PlainStage(Nobody()), speed=None, auto=True)
    film.play()
    assert film.plan.world.trace == plain.events
    assert "\x1b" not in capsys.readouterr().out
