"""The same scenario and seed give the same trace: in every process, in every year, in any number of processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import freezegun
import pytest

from autopilot_agent.cli.batch import Options, run_files
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import run_scenario

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = find_scenarios([path for path in (ROOT / "scenarios", ROOT / "examples") if path.is_dir()])
FEW = [path for path in SCENARIOS if path.is_relative_to(ROOT / "scenarios")][:: max(1, len(SCENARIOS) // 12)]
"""Some of all scenarios, for what needs each one played alone."""

PARSES_DATES = "autopilot_agent.tenant.graph"
"""Reads dates of exports through msgspec, which does not know freezegun's stand-in for datetime."""

HASHES = """
import json, sys
from pathlib import Path
from autopilot_agent.cli.batch import Options, run_files
paths = [Path(line) for line in sys.stdin.read().splitlines()]
results = [one.result for one in run_files(paths, Options())]
print(json.dumps({f"{one.file} {one.case}": one.trace_hash for one in results if one.verdict != "skipped"}))
"""


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def hashes_in_a_process(hash_seed: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", HASHES],
        input="\n".join(map(str, SCENARIOS)),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,  # all scenarios take seconds; one that never ends must fail here and not hang
    )
    found: dict[str, str] = json.loads(done.stdout)
    assert len(found) >= len(SCENARIOS)
    return found


def test_there_are_scenarios() -> None:
    assert SCENARIOS


def test_two_processes_with_other_hash_seeds_agree() -> None:
    one, other = hashes_in_a_process("1"), hashes_in_a_process("4711")
    assert one == other
    assert all(one.values()), "a scenario that stops early has no trace"


def test_one_job_and_two_jobs_agree() -> None:
    options = Options(form="jsonl")
    one, two = (list(run_files(SCENARIOS, options, jobs)) for jobs in (1, 2))
    assert [outcome.result for outcome in one] == [outcome.result for outcome in two]
    assert [outcome.printed for outcome in one] == [outcome.printed for outcome in two]


@pytest.mark.parametrize("path", FEW, ids=shown)
def test_the_year_does_not_matter(path: Path) -> None:
    traces = []
    for moment in ("1999-12-31 23:59:59", "2099-02-28 12:00:00"):
        with freezegun.freeze_time(moment, tz_offset=5, ignore=[PARSES_DATES]):
            traces.append(run_scenario(load_scenario(path)).result.trace_hash)
    assert traces[0] == traces[1] == run_scenario(load_scenario(path)).result.trace_hash


def test_the_reader_of_dates_does_not_ask_for_the_date() -> None:
    for path in Path(import_module(PARSES_DATES).__file__ or "").parent.glob("*.py"):
        assert not re.search(r"\b(now|today|utcnow|time)\(", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("path", FEW, ids=shown)
def test_what_ran_before_does_not_matter(path: Path) -> None:
    first = run_scenario(load_scenario(path)).result.trace_hash
    run_scenario(load_scenario(SCENARIOS[0]), seed=99)
    assert run_scenario(load_scenario(path)).result.trace_hash == first


@pytest.mark.parametrize("path", FEW, ids=shown)
def test_the_shortcut_of_the_clock_does_not_matter(path: Path) -> None:
    fast, slow = run_scenario(load_scenario(path)), run_scenario(load_scenario(path), shortcut=False)
    assert fast.result.trace_hash == slow.result.trace_hash


@pytest.mark.parametrize("path", FEW, ids=shown)
def test_the_place_of_the_file_does_not_matter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_scenario(load_scenario(path)).result.trace_hash
    monkeypatch.chdir(path.parent)
    assert run_scenario(load_scenario(Path(path.name))).result.trace_hash == first


def test_another_seed_is_another_course() -> None:
    loaded = load_scenario(SCENARIOS[0])
    results = [run_scenario(loaded, seed=seed).result for seed in range(5)]
    assert [one.problem for one in results] == [""] * 5
    assert len({one.trace_hash for one in results}) == 5
