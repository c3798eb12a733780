"""Look at the tenant with planted mistakes and at the mended one."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.preflight.report import preflight
from autopilot_agent.preflight.text import render


def main() -> None:
    """Print the table of the first, its first finding at length, and what is left of the second."""
    planted = preflight(Path("planted"))
    print(render(planted, verbosity=-1))
    worst = planted.findings[0]
    print(f"{worst.title}: {worst.what}")
    for moment in worst.moments:
        print(f"  {moment.text}")
    print(f"  {worst.fix}")
    print()
    print(render(preflight(Path("mended")), verbosity=-1))


if __name__ == "__main__":
    main()
