"""Cases on the command line: chosen, set, repeated, stopped, counted; the same whatever the number of processes."""

from __future__ import annotations

import io
import json
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.scenario import finding

ROOT = Path(__file__).parents[2]
EXAMPLE = "examples/scenario_language"
MIXED = """\
scenario: Mixed
tags: [all]
matrix:
  - {name: good, tags: [all, good]}
  - {name: bad, expect.join: hybrid}
  - {name: later, skip: not yet}
  - {name: known, expect.join: hybrid, xfail: a defect}
  - {name: surprise, xfail: nobody knows}
---
scenario: Plain
"""
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "mixed.yaml").write_text(MIXED)
    finding.lines_of.cache_clear()

    def command(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def verdicts(out: str) -> list[tuple[str, str]]:
    return [(one["case"], one["verdict"]) for one in json.loads(out)["results"]]


def test_every_case_has_a_verdict_and_the_worst_counts(say: Say) -> None:
    code, out, err = say("run", "mixed.yaml", "--output", "json")
    assert (code, err) == (1, "")
    assert verdicts(out) == [
        ("Mixed / good", "passed"),
        ("Mixed / bad", "failed"),
        ("Mixed / later", "skipped"),
        ("Mixed / known", "xfailed"),
        ("Mixed / surprise", "xpassed"),
        ("Plain", "passed"),
    ]
    document = json.loads(out)
    counted = {name: document[name] for name in ("passed", "failed", "errors", "xfailed", "xpassed", "skipped", "not_run")}
    assert counted == {"passed": 2, "failed": 1, "errors": 0, "xfailed": 1, "xpassed": 1, "skipped": 1, "not_run": 0}
    text = say("run", "mixed.yaml")[1]
    assert text.endswith("1 failed, 1 failed as expected, 1 passed unexpectedly, 1 skipped; 29m 05s of virtual time\n")
    assert "skip    mixed.yaml [Mixed / later]\n        Skipped: not yet\n" in text
    assert "Expected to fail: a defect" in text and "the scenario says xfail; remove it" in text


@pytest.mark.parametrize("words", [(), ("--output", "jsonl"), ("--seed-range", "3..40"), ("--fail-fast",), ("--only", "*a*")])
def test_processes_do_not_show(say: Say, words: tuple[str, ...]) -> None:
    assert say("run", "mixed.yaml", *words) == say("run", "mixed.yaml", *words, "-j", "2")


def test_the_replay_line_gives_the_run_again(say: Say) -> None:
    words = ["run", "mixed.yaml", "--only", "Mixed / bad", "--set", "device.network=wifi", "--output", "json"]
    first = json.loads(say(*words)[1])["results"][0]
    line = first["replay"]
    assert '--only "Mixed / bad" --set device.network=wifi' in line
    again = json.loads(say(*shlex.split(line)[1:], "--output", "json")[1])["results"][0]
    assert again["trace_hash"] == first["trace_hash"]
    other = json.loads(say("run", "mixed.yaml", "--only", "Mixed / bad", "--output", "json")[1])["results"][0]
    assert other["trace_hash"] != first["trace_hash"]


def test_only_chooses_by_name(say: Say) -> None:
    played = verdicts(say("run", ".", "--only", "Mixed / *o*", "--only", "Plain", "--output", "json")[1])
    assert [case for case, _ in played] == ["Mixed / good", "Mixed / known", "Plain"]
    code, _, err = say("run", "mixed.yaml", "--only", "Plian")
    assert code == 2 and "no case is named 'Plian'; did you mean 'Plain'?" in err


def test_only_hides_no_file_that_cannot_be_read(say: Say, tmp_path: Path) -> None:
    """A wrong ``_defaults.yaml`` keeps its folder from being read; the case that is wanted may be there, or elsewhere."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "_defaults.yaml").write_text("tags: [\n")
    (tmp_path / "a" / "wanted.yaml").write_text("scenario: A\nmatrix: [{name: wanted, seed: 1}]\n")
    for words in (("a", "--only", "wanted"), (".", "--only", "wanted"), (".", "--only", "Plain"), (".", "--only", "w*")):
        for command in ("run", "validate"):
            code, out, err = say(command, *words)
            assert code == 2 and "a/_defaults.yaml:2:1: this is not valid YAML" in out + err, (command, words)
            assert "no case is named" not in err
    (tmp_path / "a" / "_defaults.yaml").write_text("nope: 1\n")
    code, out, _ = say("run", ".", "--only", "wanted")
    assert code == 2 and out.count("a/_defaults.yaml:1:1: 'nope' is not a key") == 1
    assert say("run", "mixed.yaml", "--only", "Plain")[0] == 0


def test_tags_choose_and_exclude(say: Say) -> None:
    assert verdicts(say("run", "mixed.yaml", "--tag", "good", "--output", "json")[1]) == [("Mixed / good", "passed")]
    kept = verdicts(say("run", "mixed.yaml", "--exclude-tag", "all", "--output", "json")[1])
    assert kept == [("Plain", "passed")]
    code, _, err = say("run", "mixed.yaml", "--tag", "good", "--exclude-tag", "all")
    assert code == 2 and "no scenario has the tag 'good' and not 'all'" in err


def test_fail_fast_leaves_the_rest_alone(say: Say) -> None:
    code, out, _ = say("run", "mixed.yaml", "--fail-fast", "--output", "json")
    assert code == 1
    assert [verdict for _, verdict in verdicts(out)] == ["passed", "failed", *["not_run"] * 4]
    assert "4 not run" in say("run", "mixed.yaml", "--fail-fast")[1]


def test_a_run_of_skipped_ones_says_so(say: Say) -> None:
    code, out, err = say("run", "mixed.yaml", "--only", "Mixed / later")
    assert code == 0 and "1 skipped" in out and "nothing was played" in err


def test_repeated_runs_are_one_line_with_their_ends(say: Say) -> None:
    fault = "--set=faults=[{on: EnrollMdm, status: 503, probability: 0.05}]"
    plain = ("run", "mixed.yaml", "--only", "Plain")
    code, out, _ = say(*plain, "--seed-range", "1..60", "--set", "expect.end_state=desktop", fault)
    lines = out.splitlines()
    assert (code, lines[0]) == (1, "FAILED  mixed.yaml [Plain]  60 seeds: desktop 57, gave_up 3 (first: seed 20)")
    assert lines[1] == "        3 seeds of 60 not as expected; the first is 20:"
    assert "--seed 20 " in out and "1 scenario in 60 runs: 57 passed, 3 failed" in lines[-1]
    code, out, _ = say(*plain, "--seed-range", "1..60", fault)
    assert (code, out.splitlines()[0][:8]) == (0, "passed  ")
    code, out, _ = say(*plain, "--seed-range", "1..9", fault)
    assert code == 1 and "fault on EnrollMdm: expected strikes, got never struck" in out
    code, out, _ = say(*plain, "--seed-range", "1..3", fault, "--output", "jsonl")
    ends = [line["verdict"] for line in map(json.loads, out.splitlines()) if line["event"] == "run_finished"]
    assert (code, ends) == (1, ["passed", "passed", "failed"])  # the last, when it is known that the fault struck in none
    for words, seeds in ((["--repeat", "3"], [1, 2, 3]), (["--seed", "9", "--repeat", "2"], [9, 10])):
        results = json.loads(say(*plain, *words, "--output", "json")[1])["results"]
        assert [one["seed"] for one in results] == seeds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed-range", "5..1"], "ends before it begins"),
        (["--seed-range", "1-5"], "is not a range of seeds"),
        (["--seed-range", "1..99999999"], "more than 10,000"),
        (["--repeat", "0"], "is not a number of runs"),
        (["--repeat", "9", "--seed-range", "1..5"], "wants more seeds than --seed-range 1..5 has (5)"),
        (["--seed", "1", "--seed-range", "1..5"], "keep one"),
        (["--set", "seed"], "--set seed: expected PATH=VALUE"),
        (["--save-device", "pc.json"], "a device file belongs to one scenario"),
    ],
)
def test_wrong_options_are_sentences(say: Say, words: list[str], said: str) -> None:
    code, out, err = say("run", "mixed.yaml", *words)
    assert code == 2 and said in err and "Traceback" not in out + err


def test_standard_input_is_a_file(say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_p.yaml").write_text("seed: 5\n")
    for text, code in (("scenario: A\ninclude: [_p.yaml]\n", 0), ("scenario: A\nsed: 1\n", 2)):
        finding.give_standard_input(None)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        ended, out, _ = say("run", "-", "--output", "json")
        (result,) = json.loads(out)["results"]
        assert ended == code and result["file"] == "<stdin>"
        assert "run - --seed 5" in result["replay"] if code == 0 else "<stdin>:2:1: 'sed' is not a key" in result["problem"]
    finding.give_standard_input(None)


def test_wildcards_are_expanded(say: Say, tmp_path: Path) -> None:
    for name in ("a/one.yaml", "a/b/two.yaml", "a/_part.yaml", "a/tenants/t.yaml", "a/_parts/p.yaml", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("scenario: A\n")

    def files(pattern: str) -> list[Any]:
        return [one["path"] for one in json.loads(say("list", "scenarios", pattern, "--output", "json")[1])]

    assert files("a/*.yaml") == ["a/one.yaml"]
    assert files("a/**/*.yaml") == files("a/*") == files("?") == ["a/b/two.yaml", "a/one.yaml"]
    code, _, err = say("run", "a/*.json")
    assert code == 2 and "the wildcard matches no scenario" in err


def test_the_other_commands_know_cases(say: Say) -> None:
    assert say("validate", "mixed.yaml")[1] == "6 scenarios, no errors.\n"
    code, _, err = say("validate", "mixed.yaml", "--set", "device.nework=x")
    assert code == 2 and err.count("did you mean 'network'?") == 1 and "6 of 6 scenarios have errors" in err
    listed = say("list", "scenarios", "mixed.yaml")[1]
    assert listed.splitlines()[0].split("  ")[0] == "mixed.yaml [Mixed / good]"
    code, out, err = say("coverage", "mixed.yaml", "--only", "Mixed / [gl]*")
    assert code == 0 and "1 scenario exercised" in out and "1 scenario skipped" in err
    code, _, err = say("walk", "mixed.yaml", "--auto", "--plain")
    assert code == 2 and "the file holds 6 cases and one is wanted; name it with --only" in err
    assert say("walk", "mixed.yaml", "--auto", "--plain", "--only", "Plain", "--set", "seed=3")[0] == 0


def test_a_broken_case_stands_beside_the_others(say: Say, tmp_path: Path) -> None:
    (tmp_path / "mixed.yaml").write_text(MIXED.replace("tags: [all, good]", "device.nework: x"))
    code, out, _ = say("run", "mixed.yaml", "--output", "json")
    assert code == 2
    assert verdicts(out)[0] == ("Mixed / good", "error") and verdicts(out)[5] == ("Plain", "passed")


def test_the_example_of_the_language_passes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["run", EXAMPLE, "-q", "-j", "2"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_generated_of_the_language_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))
    page = made["PAGE"].read_text(encoding="utf-8")
    again = "run python docs/make_reference.py"
    assert made["page"](page) == page, again
    for path, text in made["schemas"]().items():
        assert path.read_text(encoding="utf-8") == text, again
    assert "### act: provision" in page
