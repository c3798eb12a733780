"""``completion``: the scripts complete what the parser knows, tried in the shells that are here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.cli.parser import build_parser
from autopilot_agent.cli.shells import bash, fish, powershell, zsh
from autopilot_agent.cli.shells.grammar import Command, grammar_of

SHELLS = {"bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}
PLANTED = Path(__file__).resolve().parents[2] / "examples" / "preflight" / "planted"
CASES = [
    ("", ["run", "walk", "completion", "show"]),
    ("r", ["run"]),
    ("run --out", ["--output"]),
    ("run --output ", ["text", "json", "jsonl"]),
    ("run --color ne", ["never"]),
    ("run -j 2 --seed-r", ["--seed-range"]),
    ("show ", ["flow", "screen", "resets"]),
    ("show flow u", ["user-driven"]),
    ("show flow --format d", ["dot"]),
    ("show screen REGI", ["REGION"]),
    ("list fau", ["faults"]),
    ("explain F-2", ["F-20", "F-26"]),
    ("walk --mode hy", ["hybrid"]),
    ("completion po", ["powershell"]),
    ("run --report ", ["junit=", "junit-timeline=", "github=", "html="]),
    ("run --report ma", ["markdown="]),
    ("run --seed run --only x --fail", ["--fail-fast"]),
]


@pytest.fixture(scope="module")
def grammar() -> list[Command]:
    return grammar_of(build_parser())


@pytest.fixture(scope="module")
def scripts(grammar: list[Command], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for name, module in SHELLS.items():
        (folder / name).write_text(module.script(grammar), encoding="utf-8", newline="\n")
    return folder


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here")
    return found


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_goes_to_standard_output(capsys: pytest.CaptureFixture[str], scripts: Path, name: str) -> None:
    assert main(["completion", name]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ((scripts / name).read_text(encoding="utf-8"), "")


@pytest.mark.parametrize("name", SHELLS)
def test_every_command_and_long_option_is_in_the_script(grammar: list[Command], scripts: Path, name: str) -> None:
    text = (scripts / name).read_text(encoding="utf-8")
    for command in grammar:
        for word in command.words:
            assert word in text
        for option in command.options:
            for one in option.names:
                assert (f"-l {one[2:]}" if name == "fish" and one.startswith("--") else one[2:]) in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_bash_completes(scripts: Path, line: str, wanted: list[str]) -> None:
    words = ["autopilot-agent", *line.split(" ")]
    program = f"""source {scripts / "bash"}
COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
_autopilot_agent; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run([shell("bash"), "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert set(wanted) <= set(done.stdout.split())


def test_bash_leaves_files_to_readline(scripts: Path) -> None:
    program = f"""source {scripts / "bash"}
COMP_WORDS=(autopilot-agent run sc); COMP_CWORD=2; _autopilot_agent; echo "${{#COMPREPLY[@]}}"; complete -p autopilot-agent"""
    done = subprocess.run([shell("bash"), "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "0"
    assert "-o default" in done.stdout


@pytest.mark.parametrize("words", ["--report junit = a", "--report = junit = a", "--html a"])
def test_bash_leaves_the_file_of_a_report_to_readline(scripts: Path, words: str) -> None:
    line = f"autopilot-agent run {words}"
    program = f"""source {scripts / "bash"}
COMP_WORDS=({line}); COMP_CWORD={line.count(" ")}; _autopilot_agent; echo "${{#COMPREPLY[@]}}" """
    done = subprocess.run([shell("bash"), "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_report_is_completed_by_its_kind_and_a_file_in_every_shell(scripts: Path) -> None:
    texts = {name: (scripts / name).read_text(encoding="utf-8") for name in SHELLS}
    assert """if compset -P "*="; then _files; else compadd -S "" -- junit= junit-timeline= """ in texts["zsh"]
    assert "-l report -r -F -a 'junit= junit-timeline= " in texts["fish"]
    assert "'run:--report' = @('junit=', 'junit-timeline=', " in texts["powershell"]
    assert "-l junit -l junitxml -l junit-xml -r -F" in texts["fish"]


def test_what_is_offered_as_a_mode_is_one_for_that_command(grammar: list[Command], capsys: pytest.CaptureFixture[str]) -> None:
    offered = {one.path: option.value.words for one in grammar for option in one.options
               if option.value is not None and "--mode" in option.names}  # fmt: skip
    assert set(offered) == {"walk", "new", "preflight"} and "lifecycle" in offered["new"]
    for mode in offered["preflight"]:
        main(["preflight", str(PLANTED), "--mode", mode, "-q"])
        assert "there is no mode" not in capsys.readouterr().err


def test_bash_completes_the_value_behind_an_equals_sign(scripts: Path) -> None:
    program = f"""source {scripts / "bash"}
COMP_WORDS=(autopilot-agent run --output = js); COMP_CWORD=4; _autopilot_agent; echo "${{COMPREPLY[@]}}" """
    done = subprocess.run([shell("bash"), "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["json", "jsonl"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_fish_completes(scripts: Path, tmp_path: Path, line: str, wanted: list[str]) -> None:
    program = f"source {scripts / 'fish'}; complete -C 'autopilot-agent {line}'"
    home = {"HOME": str(tmp_path)}
    done = subprocess.run([shell("fish"), "-c", program], capture_output=True, text=True, check=True, env=home)
    assert set(wanted) <= {one.split("\t")[0] for one in done.stdout.splitlines()}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_shell_can_read_its_script(scripts: Path, name: str) -> None:
    subprocess.run([shell(name), "-n", str(scripts / name)], capture_output=True, text=True, check=True)


def test_powershell_can_read_its_script(scripts: Path) -> None:
    file = scripts / "powershell"
    if (found := shutil.which("pwsh")) is not None:
        program = f"[void][ScriptBlock]::Create((Get-Content -Raw '{file}'))"
        subprocess.run([found, "-NoProfile", "-Command", program], capture_output=True, check=True)
        return
    tree_sitter = pytest.importorskip("tree_sitter")
    language = pytest.importorskip("tree_sitter_powershell")
    tree = tree_sitter.Parser(tree_sitter.Language(language.language())).parse(file.read_bytes())
    assert not tree.root_node.has_error


def test_keys_of_powershell_are_different_in_any_case(scripts: Path) -> None:
    tables = re.findall(r"    \$\w+ = @\{\n(.*?)\n    \}", (scripts / "powershell").read_text(), re.DOTALL)
    assert len(tables) == 3
    for table in tables:
        keys = [line.split("' = @(")[0].strip().lower() for line in table.splitlines()]
        assert len(keys) == len(set(keys))
