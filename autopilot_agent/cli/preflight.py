"""``preflight``: play the devices that a tenant's configuration is for, and say what goes wrong."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import colourful, warn, write, write_json
from autopilot_agent.preflight.report import Report, preflight
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.replay import quoted


def main(args: argparse.Namespace) -> int:
    """Print the report; exit code 1 when a finding is as bad as ``--fail-on`` says."""
    report = preflight(
        args.tenant, modes=tuple(args.mode), group=args.group, save=args.save_scenarios, only=tuple(args.only)
    )
    _print(report, args)
    if args.save_scenarios is not None:
        folder = args.save_scenarios.as_posix()
        warn(f"wrote {count(len(report.replays), 'scenario')} to {folder}; next: autopilot-agent run {quoted(folder)}")
    return 1 if report.fails(args.fail_on) else 0


def _print(report: Report, args: argparse.Namespace) -> None:
    if args.output == "json":
        import json

        from autopilot_agent.preflight.documents import plain

        write_json(json.dumps(plain(report), indent=2, ensure_ascii=False) + "\n")
    elif args.output == "markdown":
        from autopilot_agent.preflight.documents import markdown

        write(markdown(report))
    else:
        from autopilot_agent.preflight.text import WIDTH, render

        style = Style(colour=colourful(args.color), width=WIDTH)
        write(render(report, style, verbosity=args.verbose - args.quiet))
