"""Play a scenario from Python and look at what happened."""

from pathlib import Path

from autopilot_agent import InputError, load_scenario, load_scenario_text, run_scenario
from autopilot_agent.events import CallRefused, ScreenShown

HERE = Path(__file__).parent


def main() -> None:
    """Run the scenario of this folder twice, and one with a mistake in it."""
    loaded = load_scenario(HERE / "laptop.yaml")
    run = run_scenario(loaded)

    result = run.result
    print(f"{result.scenario}: {result.verdict}")
    print(f"ends at {result.end_state}, join {result.join}, managed {result.mdm_enrolled}")
    for check in result.checks:
        print(f"  {'ok ' if check.passed else 'NOT'} {check.name}: {check.actual}")

    print("pages:", " ".join(event.screen for event in run.events if isinstance(event, ScreenShown)))
    for event in run.events:
        if isinstance(event, CallRefused):
            print(f"refused: {event.call} by {event.host} with {event.code}")

    again = run_scenario(load_scenario(HERE / "laptop.yaml"))
    other = run_scenario(loaded, seed=8)
    print("same seed, same trace:", again.result.trace_hash == result.trace_hash)
    print("other seed, other trace:", other.result.trace_hash != result.trace_hash)

    try:
        load_scenario_text("scenario: Typo\nmode: user-drivn\n", Path("typo.yaml"))
    except InputError as error:
        print(f"a mistake is named with its place: {error.place}")


if __name__ == "__main__":
    main()
