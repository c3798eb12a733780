"""``schema``: the JSON Schema of scenario files, made from the types that read them."""

from __future__ import annotations

import argparse
from typing import Any


def main(args: argparse.Namespace) -> int:
    """Print the schema."""
    import json

    print(json.dumps(scenario_schema(), indent=2))
    return 0


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scenario file."""
    import msgspec

    from autopilot_agent.cli.descriptions import ACT, DESCRIPTIONS
    from autopilot_agent.scenario.model import Scenario

    made = msgspec.json.schema(Scenario)
    for name, found in made["$defs"].items():
        properties = found["properties"]
        texts = {**(ACT if "act" in properties else {}), **DESCRIPTIONS.get(name, {})}
        for key in properties:
            if key in texts:
                properties[key] = _described(properties[key], texts[key])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "autopilot-agent scenario", **made}


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, **{name: value for name, value in schema.items() if name != "description"}}
