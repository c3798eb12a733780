"""The command line: what each command prints, and how it ends."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from autopilot_agent import __version__
from autopilot_agent.__main__ import main
from autopilot_agent.cli import console
from autopilot_agent.cli.descriptions import DESCRIPTIONS
from autopilot_agent.cli.new import new_scenario
from autopilot_agent.cli.schema import scenario_schema
from autopilot_agent.errors import Defect, InputError, Place, ServiceUnavailable
from autopilot_agent.scenario.model import MODES
from autopilot_agent.text.yaml_text import load_yaml_text

HERE = Path(__file__).parents[2]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out, said.err


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=HERE, env={**os.environ, **environment}, capture_output=True, check=False)


def test_the_version_is_printed_without_the_rooms() -> None:
    code = "import sys; from autopilot_agent.__main__ import main; main(['--version']); print(*sorted(sys.modules))"
    done = process("-c", code)
    assert done.stdout.decode().splitlines()[0] == f"autopilot-agent {__version__}"
    for name in ("msgspec", "yaml", "simpy", "argparse", "autopilot_agent.rulebook", "autopilot_agent.oobe"):
        assert name not in done.stdout.decode().splitlines()[1].split()


def test_help_is_printed_without_the_rooms() -> None:
    code = "import sys; from autopilot_agent.__main__ import main; main(['--help']); print(*sorted(sys.modules))"
    loaded = process("-c", code).stdout.decode().splitlines()[-1].split()
    assert "argparse" in loaded
    assert not {"msgspec", "yaml", "simpy", "autopilot_agent.rulebook", "autopilot_agent.scenario"} & set(loaded)


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["show", "flow", "--help"], ["--version"]])
def test_help_ends_well(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(capsys, *words)[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bogus"],
        ["run"],
        ["run", "a", "--speed", "0"],
        ["run", "a", "-j", "0"],
        ["run", "a", "--seed", "x"],
        ["run", "a", "--bogus"],
        ["list"],
        ["list", "bogus"],
        ["list", "faults", "a"],
        ["list", "scenarios", "nowhere"],
        ["show"],
        ["show", "flow", "bogus"],
        ["show", "screen", "REGIN"],
        ["explain", "bogus"],
        ["validate"],
        ["validate", "nowhere"],
        ["schema", "bogus"],
        ["new", "scenario", "--mode", "bogus"],
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, err = run(capsys, *words)
    assert code == 2
    assert err.startswith("autopilot-agent: error: ") if words else "usage" in out


def test_an_unknown_name_comes_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'REGION'?" in run(capsys, "show", "screen", "REGIN")[2]
    assert "did you mean" in run(capsys, "explain", "F-2x")[2]


def test_a_correct_scenario_is_valid(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("scenario: A\n")
    assert run(capsys, "validate", str(tmp_path)) == (0, "1 scenario, no errors.\n", "")


def test_every_wrong_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, text in (
        ("a", "scenario: A\n"),
        ("b", "scenario: B\nmode: x\n"),
        ("c", "scenario: C\ntenant: {mobileAps: []}\n"),
    ):
        (tmp_path / f"{name}.yaml").write_text(text)
    code, out, err = run(capsys, "validate", str(tmp_path))
    assert (code, out) == (2, "")
    assert f"{tmp_path / 'b.yaml'}:2:7: " in err
    assert f"{tmp_path / 'c.yaml'}:2:" in err
    assert "2 of 3 scenarios have errors." in err


@pytest.mark.parametrize("what", ["faults", "rules", "screens", "states"])
def test_each_list_is_text_or_json(capsys: pytest.CaptureFixture[str], what: str) -> None:
    code, text, _ = run(capsys, "list", what)
    rows = json.loads(run(capsys, "list", what, "--output", "json")[1])
    assert code == 0
    assert len(text.splitlines()) == len(rows) > 20


def test_scenarios_are_listed_with_options_between_paths(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("scenario: A\n")
    (tmp_path / "b.yaml").write_text("scenario: B\n")
    code, out, _ = run(capsys, "list", "scenarios", str(tmp_path / "a.yaml"), "--output", "json", str(tmp_path / "b.yaml"))
    assert code == 0
    assert [row["scenario"] for row in json.loads(out)] == ["A", "B"]


@pytest.mark.parametrize("mode", MODES)
def test_a_flow_is_shown_as_text_and_as_mermaid(capsys: pytest.CaptureFixture[str], mode: str) -> None:
    assert "->  desktop" in run(capsys, "show", "flow", mode)[1]
    lines = run(capsys, "show", "flow", mode, "--format", "mermaid")[1].splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> boot"]
    assert "    desktop --> [*]" in lines


def test_a_screen_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "show", "screen", "region")[1].startswith("REGION  ")


@pytest.mark.parametrize("name", ["80180014", "0x80180014", "-2145910764", "2149056532", "0X80180014"])
def test_a_code_is_explained_in_every_notation(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, "explain", name)
    assert code == 0
    assert out.startswith("0x80180014  ")
    for word in ("meaning", "where", "cause", "fix", "retry", "source"):
        assert f"\n  {word} " in out


@pytest.mark.parametrize(
    "name",
    ["F-26", "f-26", "f26", "F-1", "C7", "REGION", "Autopilot/161", "autopilot/161", "I-01", "i1", "Q-02", "161", "desktop"],
)
def test_names_are_explained(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, "explain", name)
    assert code == 0
    assert out


def test_a_fault_is_found_by_the_name_of_its_code_and_by_each_of_its_codes(capsys: pytest.CaptureFixture[str]) -> None:
    named = run(capsys, "explain", "iderrordevicelimit")[1]
    assert "\nF-25  a fault" in named and named.startswith("F-21  a fault")
    assert "F-102  a fault" in run(capsys, "explain", "0x80180019")[1]


def test_what_a_retry_helps_is_said_for_each_code(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(run(capsys, "explain", "F-102")[1].split())
    assert "0x80180019, trying again helps once the cause is removed" in said and "retry trying again can help" in said


def test_a_fault_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in json.loads(run(capsys, "list", "faults", "--output", "json")[1])}
    assert rows["F-41"]["needs"] == "a tracked app" and rows["F-26"]["needs"] == ""
    assert "(needs a tracked app)" in run(capsys, "list", "faults")[1]


def test_every_key_of_a_scenario_is_described() -> None:
    types = scenario_schema()["$defs"]
    known = {name: texts.keys() for name, texts in DESCRIPTIONS.items()}
    bare = [(name, key) for name, one in types.items() for key, it in one["properties"].items() if "description" not in it]
    assert bare == []
    assert {name: keys - types[name]["properties"].keys() for name, keys in known.items()} == {name: set() for name in known}


def test_the_schema_accepts_the_new_scenario_and_refuses_unknown_keys(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(run(capsys, "schema", "scenario")[1])
    assert schema == scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    for mode in MODES:
        check.validate(load_yaml_text(new_scenario(mode), "new.yaml").value)
    for wrong in ({}, {"scenario": "x", "modes": "x"}, {"scenario": "x", "mode": "x"}, {"scenario": "x", "seed": "7"}):
        assert not check.is_valid(wrong)
    assert "description" in schema["$defs"]["Scenario"]["properties"]["faults"]
    rows = [{"name": "wifi", "device.network": "wifi"}]
    check.validate({"scenario": "x", "matrix": rows, "include": ["a.yaml"], "skip": "later", "xfail": None, "root": True})
    assert not check.is_valid({"scenario": "x", "matrix": "rows"})


def test_the_schema_of_defaults_wants_no_title(capsys: pytest.CaptureFixture[str]) -> None:
    check = jsonschema.Draft202012Validator(json.loads(run(capsys, "schema", "defaults")[1]))
    check.validate({"root": True, "device": {"network": "wifi"}})
    assert not check.is_valid({"matrix": []}) and not check.is_valid({"device": {"nework": "wifi"}})


@pytest.mark.parametrize("mode", MODES)
def test_a_new_scenario_is_valid_and_never_overwrites(capsys: pytest.CaptureFixture[str], tmp_path: Path, mode: str) -> None:
    path = tmp_path / "new.yaml"
    assert run(capsys, "new", "scenario", "--mode", mode, str(path))[0] == 0
    assert run(capsys, "validate", str(path))[0] == 0
    assert f"mode: {mode}" in path.read_text()
    assert run(capsys, "new", "scenario", "--mode", mode)[1] == path.read_text()
    path.write_text("mine")
    code, _, err = run(capsys, "new", "scenario", str(path))
    assert (code, path.read_text()) == (2, "mine")
    assert "is not overwritten" in err
    assert run(capsys, "new", "scenario", str(tmp_path / "none" / "a.yaml"))[0] == 2


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("wrong.", Place("a.yaml", 1, 2)), 2, "autopilot-agent: error: a.yaml:1:2: wrong.\n"),
        (ServiceUnavailable("nobody there."), 3, "autopilot-agent: error: nobody there.\n"),
        (Defect("broken."), 4, "autopilot-agent: error: Defect: broken. This is a defect"),
        (ValueError("odd"), 4, "autopilot-agent: error: ValueError: odd. This is a defect"),
        (RecursionError(), 4, "autopilot-agent: error: RecursionError. This is a defect"),
        (KeyboardInterrupt(), 130, "autopilot-agent: interrupted."),
        (BrokenPipeError(), 141, ""),
        (SystemExit(2), 2, ""),
        (SystemExit(), 0, ""),
        (OSError(28, "No space left on device"), 2, "the disk is full"),
    ],
)
def test_every_error_is_a_sentence_with_its_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    monkeypatch.setattr(console, "_drop_output", lambda: None)
    assert console.guarded(raising(error)) == code
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_a_traceback_is_shown_on_request_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(console.TRACEBACK, "1")
    assert console.guarded(raising(ValueError("odd"))) == 4
    assert "Traceback" in capsys.readouterr().err


def test_control_and_bidi_characters_become_visible() -> None:
    assert console.printable("a\x1b[31mb\u202ec\x9b\r\n\u2066") == "a\\x1b[31mb\\u202ec\\x9b\\x0d\\x0a\\u2066"
    assert console.printable("a\nb", lines=True) == "a\nb"
    assert console.printable("Zürich 日本") == "Zürich 日本"


def test_escapes_in_a_file_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('scenario: "\\e[31mred"\n"\\e[2J": 1\n')
    assert "\x1b" not in run(capsys, "validate", str(tmp_path))[2]
    (tmp_path / "a.yaml").write_text('scenario: "\\e[31mred \\u202e"\n')
    out = run(capsys, "list", "scenarios", str(tmp_path))[1]
    assert "\\x1b[31mred \\u202e" in out


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_a_console_that_cannot_show_a_character_does_not_end_the_program(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.yaml").write_text("scenario: Zürich 日本\n", encoding="utf-8")
    done = process("-m", "autopilot_agent", "list", "scenarios", str(tmp_path), PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(os.name == "nt", reason="the shell is not there")
def test_a_closed_pipe_is_quiet() -> None:
    done = subprocess.run(
        f"{sys.executable} -m autopilot_agent list rules --output json | head -1",
        cwd=HERE,
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


def test_output_that_is_no_stream_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert console.guarded(lambda: 0) == 0
    monkeypatch.setattr(sys, "stdout", None)
    assert console.guarded(lambda: 0) == 0


def test_run_hands_its_arguments_over(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import ModuleType

    seen: list[argparse.Namespace] = []
    module = ModuleType("autopilot_agent.cli.run")

    def play(args: argparse.Namespace) -> int:
        seen.append(args)
        return 1

    module.main = play  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "autopilot_agent.cli.run", module)
    assert (
        main(["run", "a", "--seed", "3", "b", "--tag", "x", "--tag", "y", "-j", "2", "--strict", "-vv", "--speed", "60"]) == 1
    )
    args = seen[0]
    assert ([str(one) for one in args.paths], args.seed, args.tag, args.jobs) == (["a", "b"], 3, ["x", "y"], 2)
    assert (args.strict, args.verbose, args.quiet, args.speed, args.backend, args.output) == (
        True,
        2,
        0,
        60.0,
        "memory",
        "text",
    )


def test_the_table_of_resets_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "show", "resets", "wipe")[1]
    assert text.startswith("wipe  Wipe\n")
    assert "device name          new" in text
    assert len(json.loads(run(capsys, "show", "resets", "--output", "json")[1])["resets"]) == 9


def test_an_unknown_reset_is_an_error_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run(capsys, "show", "resets", "wipee")
    assert code == 2
    assert "did you mean 'wipe'?" in said
