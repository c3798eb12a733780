"""Measure every promised figure against a reference in the same run, and print the table of docs/performance.md."""

from __future__ import annotations

import argparse
import gc
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import wire  # the module beside this one

HERE = Path(__file__).parent
ROOT = HERE.parent
SCENARIO = HERE / "five_apps.yaml"
STATES_OF_THE_YARDSTICK = 35


class Figure:
    """One line of the table."""

    def __init__(self, name: str, against: str, value: float, must: str, aim: str, more: str = "") -> None:
        self.name, self.against, self.value, self.must, self.aim, self.more = name, against, value, must, aim, more

    def met(self) -> str:
        def holds(limit: str) -> bool:
            number = float(limit[2:])
            return self.value >= number if limit.startswith(">=") else self.value <= number

        if not self.must:
            return "-"
        return "aim" if self.aim and holds(self.aim) else "must" if holds(self.must) else "NOT MET"

    def row(self) -> str:
        cells = (self.name, self.against, f"**{self.value:.2f}**", self.must or "-", self.aim or "-", self.met(), self.more)
        return f"| {' | '.join(cells)} |"


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def paired(rounds: int, repeat: int, *variants: Callable[[], object]) -> list[list[float]]:
    """Seconds of each variant (the fastest of three runs) in each round, order rotated; one list a variant."""
    found: list[list[float]] = [[] for _ in variants]

    def several(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(repeat):
                work()

        return run

    for number in range(rounds):
        order = list(range(len(variants)))
        order = order[number % len(order) :] + order[: number % len(order)]
        for index in order:
            gc.collect()
            found[index].append(seconds(several(variants[index])) / repeat)
    return found


def median_ratio(top: list[float], bottom: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(top, bottom, strict=True))


def in_process(rounds: int) -> list[Figure]:
    import simpy
    from transitions import Machine

    from autopilot_agent.events import trace_hash
    from autopilot_agent.scenario.loader import load_scenario
    from autopilot_agent.scenario.plan import make_plan
    from autopilot_agent.scenario.run import play_plan, run_scenario

    loaded = load_scenario(SCENARIO)
    names = [f"s{n}" for n in range(STATES_OF_THE_YARDSTICK + 1)]
    edges = [{"trigger": "go", "source": names[n], "dest": names[n + 1]} for n in range(STATES_OF_THE_YARDSTICK)]
    machine = Machine(model=None, states=names, initial=names[0], transitions=edges, auto_transitions=False)
    go = machine.events["go"]

    class Model:
        state = names[0]

    def triggers() -> None:
        model = Model()
        for _ in range(STATES_OF_THE_YARDSTICK):
            go.trigger(model)

    plan = make_plan(loaded, shortcut=False)
    play_plan(plan)
    scheduled = next(plan.clock.environment._eid)

    def timeouts() -> None:
        environment = simpy.Environment()

        def process():  # type: ignore[no-untyped-def]  # a SimPy generator
            for _ in range(scheduled):
                yield environment.timeout(1)

        environment.process(process())
        environment.run()

    def play() -> list[object]:
        one = make_plan(loaded)
        play_plan(one)
        return one.world.trace  # type: ignore[return-value]  # events

    def whole() -> str:
        return trace_hash(play())  # type: ignore[arg-type]  # the same

    trace = play()
    run_all, run_only, hash_only, bare, ticks, checked = paired(
        rounds, 20, whole, play, lambda: trace_hash(trace), triggers, timeouts, lambda: run_scenario(loaded)  # type: ignore[arg-type]
    )
    detail = f"{statistics.median(run_all) * 1e6:.0f} us, {len(trace)} events, {scheduled} SimPy events"
    return [
        Figure("user-driven run, five apps, events and hash", "35 triggers of one transitions.Machine",
               median_ratio(run_all, bare), "<=4", "<=2", detail),
        Figure("the same", f"a bare SimPy process with {scheduled} time-outs", median_ratio(run_all, ticks), "<=8", "<=4"),
        Figure("hash of the trace", "the run itself", median_ratio(hash_only, run_only), "<=0.35", ""),
        Figure("the same run with checks and monitors", "the run without", median_ratio(checked, run_all), "<=2", "",
               "no promise; for information"),
    ]  # fmt: skip


def process(words: list[str], cwd: Path | None = None) -> float:
    command = [sys.executable, *words]
    return seconds(lambda: subprocess.run(command, cwd=cwd, check=True, capture_output=True, env=_environment()))


def _environment() -> dict[str, str]:
    """The environment of measured processes: bytecode is cached as for any user, whatever this shell says."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}


def start_up(rounds: int) -> list[Figure]:
    agent = ["-m", "autopilot_agent"]
    variants: list[list[str]] = [
        ["-c", "pass"],
        [*agent, "--version"],
        [*agent, "--help"],
        [*agent, "run", str(SCENARIO), "-q"],
        ["-c", "import msgspec, simpy, yaml, argparse"],
    ]
    for words in variants:
        process(words)
    found: list[list[float]] = [[] for _ in variants]
    for number in range(rounds):
        for index in range(len(variants)):
            place = (index + number) % len(variants)
            found[place].append(process(variants[place]))
    bare = found[0]
    milliseconds = [f"{statistics.median(one) * 1000:.0f} ms" for one in found]
    return [
        Figure("`--version`", "`python -c pass`", median_ratio(found[1], bare), "<=1.3", "", milliseconds[1]),
        Figure("`--help`", "`python -c pass`", median_ratio(found[2], bare), "<=2.5", "", milliseconds[2]),
        Figure("`run` of one scenario, plain output", "`python -c pass`", median_ratio(found[3], bare), "<=12", "<=8",
               f"{milliseconds[3]}; the libraries' imports alone: {median_ratio(found[4], bare):.1f}"),
    ]  # fmt: skip


def many_files(rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenarios = folder / "scenarios"
        scenarios.mkdir()
        (scenarios / "tenants").mkdir()
        (scenarios / "tenants" / "tenant.yaml").write_bytes((HERE / "tenant.yaml").read_bytes())
        text = SCENARIO.read_text(encoding="utf-8").replace("tenant.yaml", "tenants/tenant.yaml")
        for number in range(500):
            (scenarios / f"case_{number:03}.yaml").write_text(text.replace("seed: 7", f"seed: {number}"), encoding="utf-8")
        tests = folder / "test_nothing.py"
        tests.write_text("\n".join(f"def test_{n}():\n    pass\n" for n in range(500)), encoding="utf-8")
        collect = ["-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tests)]
        run = ["-m", "autopilot_agent", "run", str(scenarios), "-q"]
        variants = [collect, run, [*run, "-j", "2"]]
        for words in variants:
            process(words, folder)
        found: list[list[float]] = [[] for _ in variants]
        for _ in range(rounds):
            for index, words in enumerate(variants):
                found[index].append(process(words, folder))
    return [
        Figure("500 scenario files, one process, cold", "`pytest --collect-only` of 500 functions",
               median_ratio(found[1], found[0]), "<=4", "<=2.5", f"{statistics.median(found[1]) * 1000:.0f} ms"),
        Figure("the same with `-j 2`", "the same", median_ratio(found[2], found[0]), "<=2.5", "<=1.5",
               f"{statistics.median(found[2]) * 1000:.0f} ms"),
    ]  # fmt: skip


FLEET = """
import sys, time, resource
sys.path.insert(0, {root!r})
from pathlib import Path
from multiprocessing import get_context
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.plan import make_plan
from autopilot_agent.scenario.run import play_plan

def runs(span):
    loaded = load_scenario(Path({scenario!r}))
    total = 0
    for seed in range(*span):
        plan = make_plan(loaded, seed=seed)
        play_plan(plan)
        total += plan.world.now
    return total

if __name__ == "__main__":
    jobs, count = int(sys.argv[1]), int(sys.argv[2])
    began = time.perf_counter()
    if jobs == 1:
        runs((0, count))
    else:
        size = max(1, count // (jobs * 8))
        spans = [(start, min(count, start + size)) for start in range(0, count, size)]
        with get_context().Pool(jobs) as pool:
            list(pool.imap_unordered(runs, spans))
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def fleet(rounds: int, count: int) -> list[Figure]:
    if sys.platform == "win32":
        print("the fleet figures need the resource module: left out on Windows", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "fleet.py"
        script.write_text(FLEET.format(root=str(ROOT), scenario=str(SCENARIO)), encoding="utf-8")

        def measure(jobs: int, runs: int) -> tuple[float, int]:
            words = [sys.executable, str(script), str(jobs), str(runs)]
            said = subprocess.run(words, check=True, capture_output=True, text=True, env=_environment()).stdout
            took, memory = said.split()
            return float(took), int(memory)

        speed, memory, small = [], [], []
        for _ in range(rounds):
            one, peak = measure(1, count)
            two, _ = measure(2, count)
            speed.append(one / two / 2)
            memory.append(peak)
            small.append(measure(1, 100)[1])
    runs = f"two workers, {count:,} runs, start included"
    return [
        Figure(runs, "twice the speed of one", statistics.median(speed), ">=0.80", ""),
        Figure(f"peak memory of {count:,} devices one after another", "of 100",
               median_ratio([float(m) for m in memory], [float(m) for m in small]), "<=1.3", "",
               f"{statistics.median(memory) / 1024:.0f} MiB"),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and 1,000 runs instead of 10,000")
    parser.add_argument("--only", choices=("core", "wire"), help="one half of the table; --write leaves the page alone then")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    args = parser.parse_args()
    few, some = (5, 5) if args.quick else (15, 15)
    figures = [] if args.only == "wire" else in_process(few) + start_up(some) + many_files(3 if args.quick else 7)
    if args.only != "wire":
        figures += fleet(1 if args.quick else 3, 1_000 if args.quick else 10_000)
    if args.only != "core":
        figures += wire.figures(few, 1 if args.quick else 3, paired, Figure)
    head = "| what | against | ratio | must | aim | met | remarks |\n|---|---|--:|--:|--:|---|---|"
    table = "\n".join([head, *(figure.row() for figure in figures)])
    table = table.replace("<=", "<= ").replace(">=", ">= ")
    print(table)
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}")
    if args.write and not args.only:
        page = ROOT / "docs" / "performance.md"
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"(<!-- table -->\n).*?(<!-- end -->)", lambda m: m[1] + table + "\n" + m[2], text, flags=re.DOTALL)
        page.write_text(text, encoding="utf-8")
    return 1 if any(figure.met() == "NOT MET" for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
