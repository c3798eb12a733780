"""``new``: a commented scenario file to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from autopilot_agent.cli.console import warn
from autopilot_agent.errors import InputError, Place

DEVICE_PAGE = ("      assignments: [all users]\n  mobileApps", "      assignments: [all devices]\n  mobileApps")
"""Without a user only a page for devices counts."""
CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "ordinary-oobe": (("registered: true ", "registered: false"),),
    "hybrid": (
        (
            "    - displayName: Standard users\n",
            '    - "@odata.type": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile"\n'
            "      displayName: Standard users\n",
        ),
        (
            "  deviceEnrollmentConfigurations:\n",
            "  deviceConfigurations:\n"
            '    - "@odata.type": "#microsoft.graph.windowsDomainJoinConfiguration"\n'
            "      displayName: Domain join\n"
            "      activeDirectoryDomainName: corp.contoso.example\n"
            "      computerNameStaticPrefix: CON-\n"
            "      assignments: [all devices]\n"
            "  deviceEnrollmentConfigurations:\n",
        ),
        ("  join: entra\n", "  join: hybrid\n"),
    ),
    "self-deploying": (
        ("A new laptop goes to its user", "A shared device sets itself up"),
        ("displayName: Standard users", "displayName: Shared devices"),
        ("{userType: standard, ", "{deviceUsageType: shared, userType: standard, "),
        ("person:\n  SIGNIN: user1@contoso.example\n", "# person:\n#   ESPERR: [Try again]\n"),
        ("end_state: desktop", "end_state: ready_for_user"),
        DEVICE_PAGE,
    ),
    "pre-provisioned": (
        ("A new laptop goes to its user", "A technician prepares a laptop"),
        (
            "      assignments: [all devices]\n  deviceEnrollment",
            "      preprovisioningAllowed: true\n      assignments: [all devices]\n  deviceEnrollment",
        ),
        ("within: 2h", "within: 8d                # a week on its way included"),
        DEVICE_PAGE,
    ),
    "existing-device": (
        ("A new laptop goes to its user", "A PC in use gets a new Windows and its profile as a file"),
        (
            "  registered: true          # whether Autopilot knows the device\n",
            "  registered: false         # a registered device would take its online profile instead\n"
            "  autopilot_file: {export: Standard users}   # AutopilotConfigurationFile.json, made from the profile below\n",
        ),
        (
            "# What must be true",
            "# A task sequence formats the disk, applies Windows and copies the file; then the PC is set up.\n"
            "acts:\n"
            "  - task_sequence\n"
            "  - provision\n\n"
            "# What must be true",
        ),
        ("  end_state: desktop\n", "  end_state: desktop\n  flow: existing-device\n"),
    ),
    "lifecycle": (
        ("A new laptop goes to its user", "A laptop has two users, one after the other"),
        (
            "# What must be true",
            "# What is done with the PC, in order; each act can have its own 'after', 'person' and 'expect'.\n"
            "acts:\n"
            "  - {act: provision, expect: {end_state: desktop}}\n"
            "  - {act: wipe, after: 300d, expect: {end_state: wiped}}\n"
            "  - {act: ship, for: 7d, network: wifi}\n"
            "  - {act: admin, group_tag: Sales}\n"
            "  - provision\n\n"
            "# What must be true",
        ),
        ("within: 2h", "within: 310d              # everything together"),
    ),
}
"""What the file of a mode has otherwise than that of a user-driven device."""


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
    warn(f"wrote {path}; next: autopilot-agent run {path}")
    return 0


def new_scenario(mode: str) -> str:
    """The text of a new scenario; raises ``InputError`` for an unknown mode."""
    from autopilot_agent.scenario import model
    from autopilot_agent.scenario.problems import suggestion

    if mode not in model.MODES:
        raise InputError(f"{mode[:60]!r} is not a mode; {suggestion(mode, model.MODES)}")
    text = Path(model.__file__).with_name("new_scenario.yaml").read_text("utf-8")
    for old, new in CHANGES.get(mode, ()):
        text = text.replace(old, new)
    return text.replace("mode: user-driven", f"mode: {mode}")
