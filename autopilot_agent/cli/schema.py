"""``schema``: the JSON Schema of scenario files, made from the types that read them."""

from __future__ import annotations

import argparse
from typing import Any


def main(args: argparse.Namespace) -> int:
    """Print the schema."""
    import json

    print(json.dumps(defaults_schema() if args.what == "defaults" else scenario_schema(), indent=2))
    return 0


VERSION = 1
"""Of the scenario language: it grows when a file that was right could become wrong."""


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scenario: of each document of a file."""
    import msgspec

    from autopilot_agent.cli.act_descriptions import ACT
    from autopilot_agent.cli.descriptions import DESCRIPTIONS
    from autopilot_agent.scenario.model import Scenario

    made = msgspec.json.schema(Scenario)
    for name, found in made["$defs"].items():
        properties = found["properties"]
        texts = {**(ACT if "act" in properties else {}), **DESCRIPTIONS.get(name, {})}
        for key in properties:
            if key in texts:
                properties[key] = _described(properties[key], texts[key])
    return _headed("scenario", "autopilot-agent scenario", made)


def defaults_schema() -> dict[str, Any]:
    """The JSON Schema of ``_defaults.yaml`` and of files that scenarios include: the same keys, none of them required."""
    from autopilot_agent.scenario.fragments import NOT_SHARED

    made = scenario_schema()
    whole = made["$defs"]["Scenario"]
    whole["properties"] = {name: one for name, one in whole["properties"].items() if name not in NOT_SHARED}
    whole.pop("required", None)
    return _headed("defaults", "autopilot-agent folder defaults", {name: made[name] for name in ("$ref", "$defs")})


def _headed(name: str, title: str, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:autopilot-agent:schema:{name}:v{VERSION}",
        "title": title,
        **made,
    }


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, **{name: value for name, value in schema.items() if name != "description"}}
