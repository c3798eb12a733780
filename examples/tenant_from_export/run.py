"""Play the exported tenant's scenario and say where the device ended and why."""

from pathlib import Path

from autopilot_agent import load_scenario, run_scenario


def main() -> None:
    """Print the end, the error in the rulebook's words, and the apps."""
    result = run_scenario(load_scenario(Path(__file__).parent / "scenario.yaml")).result
    print(f"{result.verdict}: {result.scenario}")
    print(f"{result.device_name} ends at {result.end_state}")
    if result.error is not None:
        print(f"{result.error.code} in {result.error.step} ({result.error.rule})")
    for name, state in result.apps.items():
        print(f"  {name}: {state}")
    for check in result.checks:
        if not check.passed:
            print(f"  NOT {check.name}: expected {check.expected}, was {check.actual}")


if __name__ == "__main__":
    main()
