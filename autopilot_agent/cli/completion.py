"""``completion``: a script that completes this command in a shell, made from the parser itself."""

from __future__ import annotations

import argparse
from importlib import import_module

from autopilot_agent.cli.console import write_as_it_is


def main(args: argparse.Namespace) -> int:
    """Print the script; its first lines say how it is loaded."""
    from autopilot_agent.cli.parser import build_parser
    from autopilot_agent.cli.shells.grammar import grammar_of

    write_as_it_is(import_module(f"autopilot_agent.cli.shells.{args.shell}").script(grammar_of(build_parser())))
    return 0
