"""``diff``: what differs between two scenarios, two tenants, or two recorded runs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autopilot_agent.cli.console import colourful, width, write, write_json
from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.style import Style
from autopilot_agent.scenario.tenants import YAML
from autopilot_agent.text.text_file import read_bytes

if TYPE_CHECKING:
    from autopilot_agent.reports.recording import Recording
    from autopilot_agent.scenario.loader import Draft

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
    if args.only and kinds[0] == TENANT:
        raise InputError("--only names cases of scenario files and recorded runs, and tenants have none; leave it out.")
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

    sides = _chosen([_cases(path) for path in (args.a, args.b)], args.only)
    pairs = pairs_of(*([_recording(one, args.seed) for one in side] for side in sides))
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


def _cases(path: Path) -> list[Draft] | list[Recording]:
    """What a file holds: recorded runs, or cases that are not played yet."""
    from autopilot_agent.reports.recording import read_events, read_json

    ending = path.suffix.lower()
    if ending == ".json":
        return read_json(_json(path), path.as_posix())
    if ending == ".jsonl":
        return read_events(read_bytes(path, LIMIT), path.as_posix())
    from autopilot_agent.scenario.loader import drafts_of

    return drafts_of(path)


def _chosen(sides: list[list[Draft] | list[Recording]], only: list[str]) -> list[list[Draft | Recording]]:
    """The cases that ``--only`` names on each side; a side with one case is compared with whatever the other is left with."""
    from autopilot_agent.scenario.choosing import names_chosen

    several = [len({one.case for one in side}) > 1 for side in sides]
    if only and not any(several):
        names_chosen((one.case for side in sides for one in side), only)
    found: list[list[Draft | Recording]] = []
    for side, chooses in zip(sides, several, strict=True):
        names = names_chosen((one.case for one in side), only) if only and chooses else None
        found.append([one for one in side if names is None or one.case in names])
    return found


def _recording(case: Draft | Recording, seed: int | None) -> Recording:
    """A recorded run as it is, a case played."""
    from autopilot_agent.reports.recording import Recording, recording_of
    from autopilot_agent.scenario.run import run_scenario

    return case if isinstance(case, Recording) else recording_of(run_scenario(case.load(), seed=seed))
