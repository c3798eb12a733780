"""A scenario as the YAML of a file, read back to see that it says what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.model import Scenario

SAID_BY_BEING_THERE = ("vpn", "autopilot_file", "quality", "autopilot", "other_mdm")
"""Parts that a scenario need not have: one that is as usual throughout still says that it is there."""


class _Dumper(yaml.SafeDumper):
    """YAML as people write it here: no aliases, short lists in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(data: dict[str, Any], path: Path) -> str:
    """The text of a scenario file for ``path``; quoted throughout where plain words would be read as something else."""
    text = dump(data)
    return dump(data, plain=False) if _differs(text, data, path) else text


def dump(data: dict[str, Any], *, plain: bool = True) -> str:
    """Keys and values as YAML, in their order."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None,
        default_style=None if plain else '"',
    )  # fmt: skip
    return text


def without_empty(data: dict[str, Any]) -> dict[str, Any]:
    """The scenario's own words without what says nothing; the tenant stays as it is."""
    kept: dict[str, Any] = {}
    for name, value in data.items():
        inner = without_empty(value) if isinstance(value, dict) and name not in ("tenant", "registry") else value
        if inner not in ({}, []) or (inner == {} and name in SAID_BY_BEING_THERE):
            kept[name] = inner
    return kept


def _differs(text: str, data: dict[str, Any], path: Path) -> bool:
    """Whether our reader understands something else than what was meant."""
    try:
        return bool(load_scenario_text(text, path).scenario != msgspec.convert(data, Scenario))
    except InputError:
        return True
