"""``diff``: what differs between two scenarios, two tenants, or two recorded runs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from autopilot_agent.cli.console import colourful, width, write, write_json
from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.style import Style
from autopilot_agent.scenario.tenants import YAML
from autopilot_agent.text.text_file import read_bytes

NARROW = 80
LIMIT = 64 * 1024 * 1024
"""Bytes of a recording that are read."""
TENANT, RUN = "a tenant", "a run"


def main(args: argparse.Namespace) -> int:
    """Print what differs; 0 when nothing does, 1 when something does."""
    kinds = [_kind(path) for path in (args.a, args.b)]
    if kinds[0] != kinds[1]:
        raise InputError(f"{args.a} is {kinds[0]} and {args.b} is {kinds[1]}; compare two of one kind.")
    if args.seed is not None and (kinds[0] == TENANT or not any(path.suffix.lower() in YAML for path in (args.a, args.b))):
        raise InputError("--seed is for scenarios, which are played; nothing of these is. Leave it out.")
    return _tenants(args) if kinds[0] == TENANT else _runs(args)


def _style(args: argparse.Namespace) -> Style:
    return Style(colour=colourful(args.color), width=max(NARROW, min(width(), 100)))


def _tenants(args: argparse.Namespace) -> int:
    from autopilot_agent.preflight.comparison import compare_subjects
    from autopilot_agent.preflight.comparison_text import plain, render
    from autopilot_agent.preflight.inputs import subject_of

    found = compare_subjects(subject_of(args.a), subject_of(args.b))
    if args.output == "json":
        write_json(json.dumps(plain(found), indent=2, ensure_ascii=False) + "\n")
    else:
        write("\n".join(render(found, _style(args))) + "\n")
    return 0 if found.equal else 1


def _runs(args: argparse.Namespace) -> int:
    from autopilot_agent.reports.difference import compare
    from autopilot_agent.reports.difference_text import plain
    from autopilot_agent.reports.difference_text import write as lines_of
    from autopilot_agent.reports.pairing import pairs_of

    pairs = pairs_of(*(_recordings(path, args.seed) for path in (args.a, args.b)))
    found = [compare(one, other) for one, other in pairs]
    if args.output == "json":
        data: dict[str, Any] = {"version": 1, "kind": "runs", "equal": all(one.equal for one in found)}
        write_json(json.dumps({**data, "runs": [plain(one) for one in found]}, indent=2, ensure_ascii=False) + "\n")
    else:
        style = _style(args)
        shown = [one for one in found if not one.equal] or found[:1]
        write("\n\n".join("\n".join(lines_of(one, style)) for one in shown) + "\n")
        if len(found) > 1:
            differ = sum(not one.equal for one in found)
            write(f"\n{differ} of {len(found)} runs differ.\n")
    return 0 if all(one.equal for one in found) else 1


def _kind(path: Path) -> str:
    """What a path holds; raises ``InputError`` for one that does not exist or cannot be read."""
    if path.is_dir():
        return TENANT
    ending = path.suffix.lower()
    if ending in YAML:
        from autopilot_agent.preflight.inputs import is_scenario

        return RUN if is_scenario(path) else TENANT
    if ending == ".jsonl":
        return RUN
    if ending == ".json":
        return RUN if _is_result(_json(path)) else TENANT
    if not path.exists():
        raise InputError("there is no such file or folder; check the name.", Place(path.as_posix()))
    raise InputError("expected a scenario (.yaml), a tenant, or a run saved as .json or .jsonl.", Place(path.as_posix()))


def _is_result(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("results"), list) and "schema_version" in value


def _json(path: Path) -> Any:
    """A JSON file's value; a tenant's own reader says more about one that is wrong."""
    data = read_bytes(path, LIMIT)
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _recordings(path: Path, seed: int | None) -> list[Any]:
    from autopilot_agent.reports.recording import read_events, read_json, recording_of

    ending = path.suffix.lower()
    if ending == ".json":
        return list(read_json(_json(path), path.as_posix()))
    if ending == ".jsonl":
        return list(read_events(read_bytes(path, LIMIT), path.as_posix()))
    from autopilot_agent.scenario.loader import load_scenario
    from autopilot_agent.scenario.run import run_scenario

    return [recording_of(run_scenario(load_scenario(path), seed=seed), path.as_posix())]
