"""``walk``: sit in front of the simulated PC, page by page."""

from __future__ import annotations

import argparse

from autopilot_agent.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Read the options and walk."""
    from autopilot_agent.walk.program import Options, walk

    if args.scenario is not None and str(args.scenario) == "-":
        raise InputError("a walk reads your answers from standard input, so its scenario has to be a file; name one.")
    if args.state is not None and args.scenario is not None:
        raise InputError("--state names the scenario already; leave the other file out.")
    if (args.only or args.set) and args.scenario is None:
        raise InputError("--only and --set are about a scenario file; name one.")
    if args.exercise is not None and (args.state or args.scenario or args.tenant or args.auto or args.record):
        raise InputError("an exercise brings its own scenario; use --exercise with nothing but --seed, --speed and --plain.")
    return walk(
        Options(
            args.scenario,
            args.mode,
            args.tenant,
            args.speed,
            args.seed,
            args.record,
            args.state,
            args.from_start,
            args.plain,
            args.auto,
            args.export,
            args.screens,
            args.exercise,
            tuple(args.only),
            tuple(args.set),
            args.color,
        )
    )
