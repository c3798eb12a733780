"""The command ``autopilot-agent``: answers at once what needs no simulator, and turns every error into a sentence."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code and raises nothing."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words in (["--version"], ["-V"]):
            return _version()
        from autopilot_agent.cli.console import guarded
        from autopilot_agent.cli.parser import run_command

        return guarded(lambda: run_command(words))
    except KeyboardInterrupt:
        return 130


def _version() -> int:
    from autopilot_agent import __version__

    try:
        print(f"autopilot-agent {__version__}", flush=True)
    except OSError as error:
        from autopilot_agent.cli.console import not_written

        return not_written(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
