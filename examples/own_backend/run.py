"""Check the recording backend against the contract, then play a device over it and print its calls up to the enrolment."""

from recording import RecordingBackend, create

from autopilot_agent import run_scenario
from autopilot_agent.testing import CONTRACT, check_backend, small_scenario


def main() -> None:
    """Contract first: a backend that does not keep it makes every later result worthless."""
    check_backend(create)
    for check in CONTRACT:
        print(f"kept: {check.__name__.replace('_', ' ')}")

    made: list[RecordingBackend] = []

    def remember(state):
        made.append(create(state))
        return made[-1]

    run = run_scenario(small_scenario({"person": {"PWD": ["wrong", "right password"]}}), backend=remember)
    print(f"the device ends at {run.result.end_state}")
    names = [one.call for one in made[0].calls]
    for one in made[0].calls[: names.index("EnrollMdm") + 1]:
        print(f"  {one.call} -> {one.answer} ({one.host})")
    print("and then management:", "ManagementMessage" in names)


if __name__ == "__main__":
    main()
