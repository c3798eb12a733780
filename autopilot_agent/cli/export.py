"""``export``: a deployment profile of a tenant as AutopilotConfigurationFile.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from autopilot_agent.cli.console import warn, write_as_it_is
from autopilot_agent.device.offline_profile import NAME, read
from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.printable import json_obeyed_by_nobody
from autopilot_agent.scenario.problems import suggestion
from autopilot_agent.tenant.graph import Builder, TenantData, read_file, read_folder
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile
from autopilot_agent.tenant.offline_export import exported, written


def main(args: argparse.Namespace) -> int:
    """Print or write the file; a profile that no device would take from a file is exported with a remark, as exporters do."""
    builder = Builder()
    (read_folder if args.tenant.is_dir() else read_file)(args.tenant, builder)
    data = builder.finish()
    organization = data.organization
    if organization is None or not organization.default_domain:
        raise InputError("no organization with a verified domain is here; add organization.json.", Place(str(args.tenant)))
    content = exported(_profile(data, args), organization.id, organization.default_domain)
    text = written(content)
    try:
        encoded = text.encode("cp1252")
    except UnicodeEncodeError as error:
        raise InputError(f"{text[error.start]!r} has no place in ANSI; rename the profile.", Place(str(args.tenant))) from None
    reading = read(encoded.decode("latin-1"))
    if reading.rejected is not None:
        warn(f"no device takes this file: {reading.rejected.why}.")
    if args.file is None:
        write_as_it_is(json_obeyed_by_nobody(text))
        return 0
    path: Path = args.file
    if path.name.casefold() != NAME.casefold():
        warn(f"Windows reads only a file of the name {NAME}.")
    try:
        path.write_bytes(encoded)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the file cannot be written ({reason}); choose another place.", Place(str(path))) from None
    warn(f"wrote {path}")
    return 0


def _profile(data: TenantData, args: argparse.Namespace) -> WindowsAutopilotDeploymentProfile:
    profiles = {one.display_name or "": one for one in data.windows_autopilot_deployment_profiles}
    found = profiles.get(args.name)
    if found is None:
        hint = suggestion(args.name, sorted(profiles)) if profiles else "none is here."
        raise InputError(f"there is no deployment profile {args.name[:60]!r}; {hint}", Place(str(args.tenant)))
    return found
