"""What nobody should type, and names that nobody should have: shown literally, asked again, or ended cleanly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walk.talk import Talk

EVIL = "[bold red]Evil[/] \\e[31mred\\e]0;title\\a \\u202Egnp.exe"


def test_a_wrong_choice_an_unknown_key_and_an_empty_password_are_asked_again() -> None:
    talk = Talk("--mode", "user-driven")
    told = {
        "LANG": ["7", "klingon", "\x1b[A", "german"],
        "REGION": ["Atlantis", "germany"],
        "KBD": ["German"],
        "NET": ["somebody else's Wi-Fi", "9", ""],
        "EULA": ["maybe", "ctrl+win+r", "win5", "accept"],
        "SIGNIN": ["nobody", "user1@contoso.example"],
        "PWD": ["", "", "Back"],
        "WHFB": ["abc", "12", "123456"],
    }
    assert talk.answer(told) == 0
    assert talk.seen.count("LANG") == 4 and talk.seen.count("REGION") == 2 and talk.seen.count("NET") == 3
    assert talk.seen.count("EULA") == 4 and talk.seen.count("SIGNIN") == 3 and talk.seen.count("WHFB") == 3
    assert talk.text.count("Please enter your password.") == 2
    assert "\\x1b[A" in talk.text and "\x1b" not in talk.text


def test_the_end_of_the_input_in_the_middle_ends_the_walk() -> None:
    talk = Talk("--mode", "user-driven")
    talk.page()
    assert talk.hang_up() == 130
    assert "Left in language" in talk.text and "Traceback" not in talk.text


def test_the_end_of_the_input_where_nothing_has_begun() -> None:
    talk = Talk()
    talk.page()
    assert talk.hang_up() == 0


@pytest.mark.parametrize("words", [(), ("--auto",)])
def test_names_with_escapes_and_markup_are_shown_as_they_are(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = tmp_path / "evil.yaml"
    file.write_text(
        f"""
scenario: "{EVIL}"
device: {{network: {{kind: wifi, ssid: "{EVIL}"}}}}
tenant:
  organization: {{displayName: "{EVIL}", verifiedDomains: [{{name: contoso.example, isDefault: true}}]}}
  branding: {{signInPageText: "{EVIL}"}}
  windowsAutopilotDeploymentProfiles: [{{displayName: "{EVIL}", assignments: [all devices]}}]
  mobileApps:
    - "@odata.type": "#microsoft.graph.win32LobApp"
      displayName: "{EVIL}"
      installCommandLine: install.cmd
      assignments: [{{group: all devices, intent: required}}]
""",
        encoding="utf-8",
    )
    talk = Talk(str(file), "--export", str(tmp_path / "evil.svg"), *words)
    assert talk.answer() == 0
    assert "\x1b" not in talk.text and "\u202e" not in talk.text
    assert "[bold red]Evil[/] \\x1b[31mred" in talk.text
    picture = (tmp_path / "evil.svg").read_text("utf-8")
    assert "[bold&#160;red]Evil[/]" in picture and "\x1b" not in picture and "\u202e" not in picture


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.yaml"], "no such file"),
        (["-"], "its scenario has to be a file"),
        (["--mode", "sideways"], "no ready scenario"),
        (["--mode", "user-driven", "--speed", "fast"], "is not a speed"),
        (["--mode", "user-driven", "--export", "picture.gif"], ".svg or .html"),
        (["--mode", "user-driven", "--record", "no/such/folder/walk.yaml"], "does not exist"),
        (["--tenant", "no/such/tenant"], "there is no folder"),
        (["--exercise", "EX-99"], "is not an exercise"),
        (["one.yaml", "--state", "two.yaml"], "--state names the scenario already"),
        (["--state", "two.yaml", "--from-start"], "not allowed with"),
    ],
)
def test_a_command_line_that_cannot_be_is_one_sentence_and_exit_code_2(words: list[str], sentence: str) -> None:
    talk = Talk(*words)
    assert talk.page() == ""
    assert talk.end() == 2
    assert sentence in talk.text and "Traceback" not in talk.text


def test_a_record_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    record.write_text("scenario: mine\n")
    talk = Talk("--mode", "user-driven", "--record", str(record))
    assert talk.page() == "" and talk.end() == 2
    assert "--from-start" in talk.text and record.read_text() == "scenario: mine\n"
