"""What is set for pytest goes by the name it was set with, wherever it turns out to be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import autopilot_agent.pytest_plugin.devices  # noqa: F401  # loaded once here, or every inner pytest loads it again

pytest_plugins = ["pytester"]
PLUGIN = "autopilot_agent.pytest_plugin"
TEST = """def test_it(autopilot):
    autopilot("a.autopilot.yaml", set={set})
"""


def said(pytester: pytest.Pytester, *words: str) -> str:
    alone = ("--disable-plugin-autoload", "-p", PLUGIN, "--color=no")
    result = pytester.runpytest_inprocess(*alone, *words)
    assert result.ret != 0
    return result.stdout.str()


@pytest.fixture(autouse=True)
def scenario(pytester: pytest.Pytester) -> Path:
    path = pytester.path / "a.autopilot.yaml"
    path.write_text("scenario: A\ndevice: {network: ethernet}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("seed=x", "seed: seed: expected a whole number"),
        ("nope.x=1", "nope.x: 'nope' is not a key"),
        ("tags.x=1", "tags.x: "),
        ("installers.X.leaves=nothing", "installers.X.leaves: installers: the tenant has no app 'X'"),
    ],
)
def test_a_wrong_setting_of_the_command_line(pytester: pytest.Pytester, setting: str, sentence: str) -> None:
    text = " ".join(said(pytester, "--autopilot-set", setting).split())
    assert f"--autopilot-set {sentence}" in text
    assert f" --set {sentence}" not in text


def test_a_wrong_setting_of_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST.replace("{set}", '{"seed": "x"}'))
    assert "set seed: seed: expected a whole number" in said(pytester, "-k", "test_it")
    text = said(pytester, "-k", "test_it", "--autopilot-set", "device.network=wifi")
    assert "InputError: set seed: seed: expected a whole number" in text
