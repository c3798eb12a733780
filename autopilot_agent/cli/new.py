"""``new``: a commented scenario file to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from autopilot_agent.cli.console import say
from autopilot_agent.errors import InputError, Place

WORDS: dict[str, dict[str, str]] = {
    "hybrid": {
        "    - displayName: Standard users\n": (
            '    - "@odata.type": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile"\n'
            "      displayName: Standard users\n"
        ),
        "  deviceEnrollmentConfigurations:\n": (
            "  deviceConfigurations:\n"
            '    - "@odata.type": "#microsoft.graph.windowsDomainJoinConfiguration"\n'
            "      displayName: Domain join\n"
            "      activeDirectoryDomainName: corp.contoso.example\n"
            "      computerNameStaticPrefix: CON-\n"
            "      assignments: [all devices]\n"
            "  deviceEnrollmentConfigurations:\n"
        ),
        "  join: entra\n": "  join: hybrid\n",
    },
}
"""What a mode writes otherwise than ``user-driven``: old text to new text."""


def main(args: argparse.Namespace) -> int:
    """Print the file, or write it where nothing is yet."""
    text = new_scenario(args.mode)
    if args.file is None:
        print(text, end="")
        return 0
    path: Path = args.file
    try:
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError("the file exists and is not overwritten; choose another name.", Place(str(path))) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the file cannot be written ({reason}); choose another place.", Place(str(path))) from None
    say(f"wrote {path}; next: autopilot-agent run {path}")
    return 0


def new_scenario(mode: str) -> str:
    """The text of a new scenario; raises ``InputError`` for an unknown mode."""
    from autopilot_agent.scenario import model
    from autopilot_agent.scenario.problems import suggestion

    if mode not in model.MODES:
        raise InputError(f"{mode[:60]!r} is not a mode; {suggestion(mode, model.MODES)}")
    text = Path(model.__file__).with_name("new_scenario.yaml").read_text("utf-8")
    if mode == "ordinary-oobe":
        text = text.replace("registered: true ", "registered: false")
    for old, new in WORDS.get(mode, {}).items():
        text = text.replace(old, new)
    return text.replace("mode: user-driven", f"mode: {mode}")
