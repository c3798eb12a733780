"""A scenario written as a file says the same when it is read again."""

from __future__ import annotations

import types
import typing
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.model import Scenario
from autopilot_agent.scenario.parts import CloudSpec, DeviceSpec, OtherMdmSpec, QualityUpdateSpec, VpnSpec, WindowsUpdateSpec
from autopilot_agent.scenario.writing import SAID_BY_BEING_THERE, without_empty, written


def optional_parts(kind: type) -> set[str]:
    """The fields of a type and of its parts that may be left out and are types of their own."""
    found: set[str] = set()
    hints = typing.get_type_hints(kind)
    for name, hint in hints.items():
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        structs = [one for one in options if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        found |= {name} if structs and type(None) in options else set()
        found |= {inner for one in structs for inner in optional_parts(one)}
    return found


def test_every_part_that_may_be_missing_is_kept_though_it_is_as_usual() -> None:
    parts = {name for kind in (DeviceSpec, CloudSpec, WindowsUpdateSpec) for name in optional_parts(kind)}
    assert parts == set(SAID_BY_BEING_THERE)


def test_parts_that_are_as_usual_are_read_again(tmp_path: Path) -> None:
    scenario = Scenario(
        scenario="x",
        device=DeviceSpec(vpn=VpnSpec()),
        cloud=CloudSpec(other_mdm=OtherMdmSpec()),
        windows_update=WindowsUpdateSpec(quality=QualityUpdateSpec()),
    )
    text = written(without_empty(msgspec.to_builtins(scenario)), tmp_path / "x.yaml")
    assert load_scenario_text(text, tmp_path / "x.yaml").scenario == scenario


WORDS = ("yes: no", "null", "007", "*a", "{b: [", "- x", "\u2028", "\x1b[31m", "'", '"', "#c", "1e3", "a\nb")


@pytest.mark.parametrize("word", WORDS)
def test_words_that_mean_something_in_yaml_stay_words(word: str, tmp_path: Path) -> None:
    data = {"scenario": word, "device": {"group_tag": word}, "tags": [word]}
    scenario = load_scenario_text(written(data, tmp_path / "x.yaml"), tmp_path / "x.yaml").scenario
    assert (scenario.scenario, scenario.device.group_tag, scenario.tags) == (word, word, [word])
