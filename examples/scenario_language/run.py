"""Plays every case of the scenarios in this folder, and one of them again with a value changed."""

from pathlib import Path

from autopilot_agent import find_scenarios, load_scenarios, run_scenario

HERE = Path(__file__).parent


def main() -> None:
    for path in find_scenarios([HERE]):
        for loaded in load_scenarios(path):
            result = run_scenario(loaded).result
            end = result.end_state or f"({result.reason})"
            print(f"{result.verdict:8} {path.relative_to(HERE).as_posix()} [{loaded.case}]: {end}")
    changed = load_scenarios(HERE / "laptops.yaml", ["device.tpm.present=false"])[0]
    result = run_scenario(changed).result
    print(f"without a TPM: {result.end_state}, {result.error.code if result.error else 'no error'}")


if __name__ == "__main__":
    main()
