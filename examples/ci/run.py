"""Do here what the workflow does first: play every scenario, and end like the worst of them."""

import sys
from pathlib import Path

from autopilot_agent import find_scenarios, load_scenarios, run_scenario

HERE = Path(__file__).parent


def main() -> int:
    """Print a line for each case; the exit code is 1 if one did not go as it should."""
    wrong = 0
    for path in find_scenarios([HERE / "scenarios"]):
        for loaded in load_scenarios(path):
            result = run_scenario(loaded).result
            wrong += result.verdict not in ("passed", "xfailed", "skipped")
            print(f"{result.verdict:8}{path.name} {result.case}".rstrip())
            if result.end_state:
                print(f"        ends at {result.end_state} after {result.virtual_seconds / 60:.0f} minutes")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
