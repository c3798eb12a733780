"""How one command's words are parsed, and how mistakes in them are said."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Says errors the way the commands do."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one sentence."""
        from autopilot_agent.cli.console import complain

        complain(f"{message}; see '{self.prog} --help'.")
        raise SystemExit(2)


class Leaf(Parser):
    """The parser of a command; options may stand before, between and after files."""

    mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse options first and the rest after them; argparse's own way stops at the first gap between files."""
        if self.mixing:
            return super().parse_known_args(args, namespace)
        self.mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.mixing = False
