"""``run``: its three forms, their fields, and how it behaves towards terminals, pipes and shells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.scenario.run import Result, quoted, replay_command

ROOT = Path(__file__).parents[2]
SCENARIOS = "tests/reports/scenarios"
SUCCESS, FAILURE = f"{SCENARIOS}/success.yaml", f"{SCENARIOS}/failed_expectation.yaml"
FIELDS = set(Result.__struct_fields__)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["run", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "autopilot_agent", "run", *words]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("files", "code", "verdicts"), [([SUCCESS], 0, ["passed"]), ([SUCCESS, FAILURE], 1, ["passed", "failed"])]
)
def test_json_is_one_document_with_the_documented_fields(
    capsys: pytest.CaptureFixture[str], files: list[str], code: int, verdicts: list[str]
) -> None:
    ended, out, _ = run(capsys, *files, "--output", "json")
    document = json.loads(out)
    assert ended == document["exit_code"] == code
    counts = {"passed", "failed", "errors", "xfailed", "xpassed", "skipped", "not_run"}
    assert set(document) == {"schema_version", "results", "exit_code"} | counts
    assert [result["verdict"] for result in document["results"]] == verdicts
    assert [result["file"] for result in document["results"]] == files
    for result in document["results"]:
        assert set(result) == FIELDS
        assert set(result["checks"][0]) == {"name", "expected", "actual", "passed", "at", "place", "detail"}


def test_json_is_one_document_also_when_a_file_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, SUCCESS, "nope.yaml", "nowhere/", "--output", "json")
    results = json.loads(out)["results"]
    assert (code, err) == (2, "")
    assert [one["verdict"] for one in results] == ["passed", "error", "error"]
    assert results[1]["file"] == "nope.yaml" and "there is no such file" in results[1]["problem"]
    assert json.loads(run(capsys, "nope.yaml", "--output", "json")[1])["errors"] == 1


def test_jsonl_of_one_file_is_its_events_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    events = [json.loads(line) for line in run(capsys, SUCCESS, "--output", "jsonl")[1].splitlines()]
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[-1]["event"] == "finished"


def test_jsonl_of_several_files_says_which_event_is_whose(capsys: pytest.CaptureFixture[str]) -> None:
    one = run(capsys, SUCCESS, "--output", "jsonl")[1]
    code, out, _ = run(capsys, SUCCESS, FAILURE, "--output", "jsonl")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and one in out
    started = [event for event in events if event["event"] == "run_started"]
    finished = [event for event in events if event["event"] == "run_finished"]
    assert started == [{"event": "run_started", "file": file, "seed": 7} for file in (SUCCESS, FAILURE)]
    assert [event["verdict"] for event in finished] == ["passed", "failed"]
    assert all(len(event["trace_hash"]) == 64 for event in finished)
    assert events[0] is started[0] and events[-1] is finished[1]


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_two_processes_print_the_same_bytes_as_one(form: str) -> None:
    words = (SCENARIOS, "--output", form)
    one, two = process(*words, "-j", "1"), process(*words, "-j", "2")
    assert one.stdout == two.stdout and one.returncode == two.returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-16", "utf-8"])
@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_no_encoding_of_the_output_ends_the_program(tmp_path: Path, encoding: str, form: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        'scenario: "B\u00fcro \u2192 \U0001f600 \\u202e"\nperson: {SIGNIN: "\u00fc@contoso.example"}\n', encoding="utf-8"
    )
    done = process(str(file), "--output", form, PYTHONIOENCODING=encoding)
    assert done.returncode in (0, 1), done.stderr
    text = done.stdout.decode(encoding)
    assert "\u202e" not in text
    if form == "json":
        assert json.loads(text)["results"][0]["scenario"] == "B\u00fcro \u2192 \U0001f600 \u202e"
    if form == "jsonl":
        assert [json.loads(line) for line in text.splitlines()]


def test_a_closed_pipe_is_quiet() -> None:
    command = [sys.executable, "-m", "autopilot_agent", "run", *[SUCCESS, SCENARIOS] * 3, "--output", "jsonl", "-j", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""


def test_quiet_says_nothing_but_failures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, SUCCESS, "-q") == (0, "", "")
    code, out, _ = run(capsys, SUCCESS, FAILURE, "-q")
    assert code == 1 and out.startswith("FAILED  ") and "success.yaml" not in out and "scenarios:" not in out


def test_one_file_is_a_timeline_and_several_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\nEND " in run(capsys, SUCCESS)[1]
    out = run(capsys, SUCCESS, FAILURE)[1]
    assert "\nEND " not in out
    assert run(capsys, SUCCESS, FAILURE, "-v")[1].count("\nEND ") == 2


def test_the_last_line_counts_scenarios_and_virtual_time(capsys: pytest.CaptureFixture[str]) -> None:
    last = run(capsys, SCENARIOS)[1].splitlines()[-1]
    assert last.startswith("3 scenarios: 2 passed, 1 failed; ") and last.endswith(" of virtual time")


def test_no_scenario_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, str(tmp_path))[0] == 2
    code, out, err = run(capsys, SUCCESS, "--tag", "bogus")
    assert (code, out) == (2, "") and "no scenario has the tag 'bogus'" in err


def test_a_broken_file_stands_beside_the_others(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text("scenario: B\nmode: x\n")
    code, out, _ = run(capsys, SUCCESS, str(file))
    assert code == 2 and "passed  " in out and "ERROR   " in out and "> 2 | mode: x" in out
    code, out, err = run(capsys, SUCCESS, str(file), "--output", "jsonl")
    assert code == 2 and json.loads(out.splitlines()[-1])["verdict"] == "error" and "b.yaml:2" in err


def test_no_colour_in_pipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in run(capsys, SUCCESS)[1]


@pytest.mark.parametrize(
    ("word", "posix", "windows"),
    [
        ("a/b.yaml", "a/b.yaml", "a/b.yaml"),
        ("a b.yaml", '"a b.yaml"', '"a b.yaml"'),
        ("C:/a (1).yaml", '"C:/a (1).yaml"', '"C:/a (1).yaml"'),
        ("a$b.yaml", "'a$b.yaml'", '"a$b.yaml"'),
        ("-a.yaml", "./-a.yaml", "./-a.yaml"),
    ],
)
def test_the_replay_line_can_be_pasted(word: str, posix: str, windows: str) -> None:
    assert quoted(word, windows=False) == posix
    assert quoted(word, windows=True) == windows


def test_the_replay_line_names_what_changes_a_run() -> None:
    line = replay_command(Path("a.yaml"), 3, strict=True, backend="http")
    assert line == "autopilot-agent run a.yaml --seed 3 --strict --backend http"


def test_results_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(run(capsys, FAILURE, "--output", "json")[1])
    assert msgspec.convert(document["results"][0], Result).replay == f"autopilot-agent run {FAILURE} --seed 7"
