"""How one command's words are parsed, and how mistakes in them are said."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Says errors the way the commands do."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one sentence."""
        from autopilot_agent.cli.console import complain

        complain(f"{message}; see '{self.prog} --help'.")
        raise SystemExit(2)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help at once, and let an error of the output be one; argparse's own way hides it."""
        if file is None or file is not sys.stdout:
            super()._print_message(message, file)
            return
        from autopilot_agent.cli.console import write

        write(message)


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
