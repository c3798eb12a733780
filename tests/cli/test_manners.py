"""What every command owes a terminal, a pipe and a script: colour, streams, exit codes, progress."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autopilot_agent import __version__
from autopilot_agent.__main__ import main
from autopilot_agent.cli import console, progress
from autopilot_agent.cli.exit_codes import MEANINGS
from autopilot_agent.cli.parser import build_parser
from autopilot_agent.simulator.server import authority_of
from autopilot_agent.simulator.store import DataFile

HERE = Path(__file__).parents[2]
CONTOSO = str(HERE / "scenarios" / "tenants" / "contoso")
SCENARIO = "scenario: A laptop\nexpect: {end_state: desktop}\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(SCENARIO)
    return "a.yaml"


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


@pytest.mark.parametrize("name", commands())
def test_the_help_of_every_command_says_its_exit_codes(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert " ".join(MEANINGS[name].split()) in " ".join(out.split())


def test_no_exit_codes_are_left_over() -> None:
    assert set(MEANINGS) == set(commands())


@pytest.mark.parametrize("words", [["--version", "--verbose"], ["-V", "-v"], ["-v", "-V"]])
def test_the_version_comes_with_what_it_is_made_of(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, err = run(capsys, *words)
    lines = out.splitlines()
    assert (code, err, lines[0]) == (0, "", f"autopilot-agent {__version__}")
    assert [line.split()[0] for line in lines[1:5]] == ["Python", "platform", "rulebook", "trace"]
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in lines[1]


def test_a_lonely_v_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-v", "list", "faults")[0] == 2


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "colour"),
    [
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
    ],
)
def test_colour_goes_by_the_option_then_the_environment_then_the_terminal(
    monkeypatch: pytest.MonkeyPatch, choice: str, environment: dict[str, str], terminal: bool, colour: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal() if terminal else io.StringIO())
    assert console.colourful(choice) is colour


@pytest.mark.parametrize("words", [["run", "a.yaml"], ["run", "a.yaml", "--what-if", "seed=9"], ["diff", "a.yaml", "a.yaml"],
                                   ["preflight", CONTOSO]], ids=" ".join)  # fmt: skip
def test_every_command_that_colours_can_be_told(capsys: pytest.CaptureFixture[str], file: str, words: list[str]) -> None:
    assert "\x1b[" in run(capsys, *words, "--color", "always")[1]
    assert "\x1b[" not in run(capsys, *words, "--color=never")[1]
    assert "\x1b[" not in run(capsys, *words)[1]
    if words[0] != "preflight":
        json.loads(run(capsys, *words, "--color", "always", "--output", "json")[1])


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    from autopilot_agent.scenario.finding import give_standard_input

    give_standard_input(None)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_dash_is_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, SCENARIO.encode())
    assert run(capsys, "validate", "-") == (0, "1 scenario, no errors.\n", "")
    give(monkeypatch, SCENARIO.encode())
    assert run(capsys, "run", "-", "-q")[0] == 0
    give(monkeypatch, b"Device Serial Number,Windows Product ID,Hardware Hash\n")
    code, out, _ = run(capsys, "check-hashes", "-")
    assert code == 1
    assert out.startswith("<stdin>: error: ")
    give(monkeypatch, b"x" * (8 * 1024 * 1024 + 1))
    assert run(capsys, "check-hashes", "-")[0] == 2
    give(monkeypatch, b"")


def test_what_was_written_is_said_beside_the_data(capsys: pytest.CaptureFixture[str], file: str) -> None:
    profile = ("export", "profile", CONTOSO, "Contoso Sales", "AutopilotConfigurationFile.json")
    for words in (("new", "scenario", "b.yaml"), profile):
        code, out, err = run(capsys, *words)
        assert (code, out) == (0, "")
        assert err.startswith("autopilot-agent: wrote ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "none"], 2),
        (["run", "*.none"], 2),
        (["run", "."], 2),
        (["run", "a.yaml", "--only", "none"], 2),
        (["run", "a.yaml", "--tag", "none"], 2),
        (["run", "a.yaml", "--exclude-tag", "t"], 2),
        (["validate", "a.yaml", "--only", "none"], 2),
        (["coverage", "none"], 2),
        (["run", "a.yaml", "--set", "expect.end_sate=desktop"], 2),
        (["run", "a.yaml", "--set", "expect.end_state=desktp"], 2),
        (["run", "a.yaml", "--set", "expect.visits=[REGIN]"], 2),
        (["run", "a.yaml", "--set", "expect.rules=[U99]"], 2),
        (["run", "a.yaml", "--set", "expect.apps={Nobody: installed}"], 2),
        (["run", "a.yaml", "--save-device", "none/pc.json"], 2),
        (["run", "a.yaml", "--snapshot", "a.yaml/x", "--update"], 2),
        (["run", "a.yaml", "--snapshot", "none"], 1),
        (["run", "a.yaml", "--device", "none.json"], 2),
        (["new", "scenario", "none/a.yaml"], 2),
        (["export", "profile", CONTOSO, "Contoso Sales", "none/AutopilotConfigurationFile.json"], 2),
    ],
    ids=lambda one: " ".join(map(str, one)).replace(CONTOSO, "TENANT") if isinstance(one, list) else "",
)
def test_what_did_nothing_or_could_not_be_written_never_ends_with_0(
    capsys: pytest.CaptureFixture[str], file: str, words: list[str], code: int
) -> None:
    Path(file).write_text(SCENARIO + "tags: [t]\n")
    if words == ["run", "."]:
        Path(file).unlink()
    assert run(capsys, *words)[0] == code


@pytest.mark.parametrize(
    "words",
    [
        ["run", "a.yaml"],
        ["run", "a.yaml", "--output", "json"],
        ["run", "a.yaml", "--output", "jsonl"],
        ["run", "a.yaml", "--what-if", "seed=9"],
        ["coverage", "a.yaml"],
        ["coverage", "a.yaml", "--output", "json"],
        ["validate", "a.yaml"],
        ["list", "faults"],
        ["list", "faults", "--output", "json"],
        ["show", "screen", "REGION"],
        ["show", "resets"],
        ["explain", "F-26"],
        ["explain", "F-26", "--output", "json"],
        ["schema", "scenario"],
        ["new", "scenario"],
        ["export", "profile", CONTOSO, "Contoso Sales"],
        ["serve", "ca", "--data", "served.json"],
        ["preflight", CONTOSO, "--fail-on", "never"],
        ["preflight", CONTOSO, "--fail-on", "never", "--output", "json"],
        ["preflight", CONTOSO, "--fail-on", "never", "--output", "markdown"],
        ["diff", "a.yaml", "a.yaml"],
        ["diff", "a.yaml", "a.yaml", "--output", "json"],
        ["completion", "bash"],
        ["--version"],
        ["--version", "--verbose"],
        ["run", "--help"],
    ],
    ids=lambda words: " ".join(words).replace(CONTOSO, "TENANT"),
)
def test_a_command_without_standard_output_does_its_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: str, words: list[str]
) -> None:
    if "served.json" in words:
        with closing(DataFile(Path("served.json"))) as kept:
            authority_of(kept)
    monkeypatch.setattr("sys.stdout", None)
    assert main(words) == 0
    assert "defect" not in capsys.readouterr().err.replace("4 a defect of this program", "")


WORDS = [["--version"], ["-V", "-v"], ["--help"], ["run", "--help"], ["show", "flow", "--help"], [], ["list", "rules"]]


def spoilt(words: list[str], stdout: int, buffered: bool) -> tuple[int, str]:
    """Exit code and standard error of a command whose standard output takes nothing."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {} if buffered else {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "autopilot_agent", *words]
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_by_every_command(words: list[str], buffered: bool) -> None:
    with open("/dev/full", "wb") as full:
        code, said = spoilt(words, full.fileno(), buffered)
    assert (code, said) == (2, "autopilot-agent: error: the output could not be written: the disk is full.\n")


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows say it otherwise")
def test_a_reader_who_has_gone_is_141(words: list[str], buffered: bool) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        assert spoilt(words, write, buffered) == (141, "")
    finally:
        os.close(write)


class Recorded:
    def __init__(self, total: int) -> None:
        self.total, self.drawn, self.shown = total, [], False

    def draw(self, done: int, bad: int) -> None:
        self.drawn.append((done, bad))
        self.shown = True

    def hide(self) -> None:
        self.shown = False


def play(monkeypatch: pytest.MonkeyPatch, *, quiet: bool = False, total: int = 3) -> list[tuple[int, int]]:
    bars: list[Recorded] = []

    def make(total: int) -> Recorded:
        bars.append(Recorded(total))
        return bars[-1]

    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "PACE", 0.0)
    found = list(progress.with_progress(range(total), total, lambda one: one == 1, quiet=quiet, make=make))
    assert found == list(range(total))
    assert not console.before_output
    assert not any(bar.shown for bar in bars)
    return bars[0].drawn if bars else []


def test_progress_is_for_a_person_who_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert play(monkeypatch) == []
    monkeypatch.setattr("sys.stderr", Terminal())
    assert play(monkeypatch) == [(1, 0), (2, 1), (3, 1)]
    assert play(monkeypatch, quiet=True) == []
    assert play(monkeypatch, total=1) == []
    monkeypatch.setenv("CI", "true")
    assert play(monkeypatch) == []


def test_a_short_run_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream := Terminal())
    list(progress.with_progress(range(5), 5, lambda one: False, quiet=False))
    assert stream.getvalue() == ""


@pytest.mark.parametrize("kind", [progress.Counter, progress.Drawn])
def test_a_bar_leaves_before_anything_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: type[progress.Bar]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream := Terminal())
    bar = kind(10)  # type: ignore[call-arg]
    bar.draw(3, 1)
    assert "1 not as expected" in stream.getvalue()
    bar.hide()
    bar.hide()
    end = stream.getvalue().rsplit("not as expected", 1)[1]
    assert end.endswith(("\r", "\x1b[2K"))
    assert capsys.readouterr().out == ""
