"""What the exit code of each command means, as its ``--help`` says it."""

from __future__ import annotations

WRONG = "2 wrong usage or a wrong file"
OURS = "4 a defect of this program"
MEANINGS: dict[str, str] = {
    "run": "0 everything as expected (a device that fails as expected is a pass; with --what-if: both could be played), "
    "1 an expectation was not met or a snapshot differs, 2 wrong usage, a wrong file, or one that cannot be written, "
    f"3 a service cannot be reached, {OURS}",
    "walk": f"0 the walk came to an end or was left, {WRONG}, {OURS}; 130 interrupted",
    "coverage": "0 every scenario as expected, and as many rules exercised as --fail-under asks for; 1 not so; "
    f"{WRONG}; {OURS}",
    "validate": f"0 no errors, 2 a file is wrong or there is none, {OURS}",
    "list": f"0 listed, {WRONG}",
    "show": "0 shown, 2 no such mode, page or kind of reset",
    "explain": "0 explained, 2 nobody knows this name",
    "schema": "0 printed, 2 wrong usage",
    "new": "0 written, 2 no such mode, or the file exists or cannot be written",
    "export": "0 written, 2 no such profile, a wrong tenant, or the file cannot be written",
    "check-hashes": "0 every device would be imported, 1 one or more would not, 2 the file cannot be read",
    "serve": f"0 ended in order, {WRONG}, or the port is taken; {OURS}",
    "preflight": "0 no finding as bad as --fail-on says, 1 there is one, 2 a wrong path, export or option, or nothing to play",
    "diff": "0 nothing differs, 1 something does, 2 a wrong file, or two of different kinds",
    "conform": f"0 no complaint, 1 Windows would fail somewhere, {WRONG}, or nothing could be tested of a stage that "
    f"was asked for; 3 the server cannot be reached, {OURS}",
    "completion": "0 printed, 2 wrong usage",
}


def exit_codes(command: str) -> str:
    """The last lines of a command's help."""
    return f"exit codes: {MEANINGS[command]}."
