"""``schema``: the JSON Schema of scenario files, made from the types that read them."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTIONS: dict[str, dict[str, str]] = {
    "Scenario": {
        "scenario": "What happens, in one line.",
        "mode": "The Autopilot mode that is expected to run.",
        "teaches": "What a reader learns from this scenario.",
        "source": "Where the behaviour is documented.",
        "tags": "Words to select scenarios by: run --tag.",
        "seed": "Makes ids, jitter and ties; the same seed gives the same run.",
        "device": "The PC on the desk.",
        "tenant": "The cloud: 'include' (folders or files), and collections with Microsoft Graph's names.",
        "windows_update": "What Windows Update offers.",
        "installers": "What installers of apps do, by the app's name.",
        "person": "Answers of the person, by screen.",
        "faults": "What goes wrong.",
        "acts": "What is done with the PC, in order.",
        "assumptions": "The model chosen for open questions, by question.",
        "expect": "What must be true at the end.",
    },
    "FaultSpec": {
        "fault": "A named fault of the catalogue, such as F-26.",
        "on": "The call that is hit, such as EnrollMdm.",
        "code": "A HRESULT in quotes, or the service's own code.",
        "status": "An HTTP status.",
        "drop": "No answer at all.",
        "delay": "Extra time, such as 30s.",
        "nth": "The first call that is hit, from 1.",
        "times": "How many calls are hit; all when left out.",
    },
    "ExpectSpec": {
        "end_state": "The state in which the run ends, such as desktop.",
        "visits": "States or screens that are visited, in this order.",
        "never": "States or screens that are not visited.",
        "within": "The longest the run may take, such as 40m.",
        "error": "The code the device shows, in quotes.",
        "events": "Windows events that are logged, such as Autopilot/161.",
        "rules": "Rules that are cited, such as U6.",
    },
}


def main(args: argparse.Namespace) -> int:
    """Print the schema."""
    import json

    print(json.dumps(scenario_schema(), indent=2))
    return 0


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scenario file."""
    import msgspec

    from autopilot_agent.scenario.model import Scenario

    made = msgspec.json.schema(Scenario)
    for name, texts in DESCRIPTIONS.items():
        properties = made["$defs"][name]["properties"]
        for key, text in texts.items():
            properties[key] = _described(properties[key], text)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "autopilot-agent scenario", **made}


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, **{name: value for name, value in schema.items() if name != "description"}}
