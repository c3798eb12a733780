"""From the scenario's words to AutopilotConfigurationFile.json, byte for byte as somebody would have saved it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autopilot_agent.device.offline_profile import UNATTEND
from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.problems import suggestion
from autopilot_agent.text.text_file import read_bytes

if TYPE_CHECKING:
    from autopilot_agent.scenario.loader import LoadedScenario
    from autopilot_agent.scenario.parts import AutopilotFileSpec
    from autopilot_agent.tenant.state import TenantState

LIMIT = 64 * 1024
"""Bytes of a profile file; real ones have about one thousand."""
CODECS = {"ansi": "cp1252", "ascii": "ascii", "utf-8": "utf-8", "utf-8-bom": "utf-8-sig", "utf-16": "utf-16"}
SOURCES = ("profile", "export", "text", "file")


def profile_files(spec: AutopilotFileSpec, loaded: LoadedScenario, state: TenantState) -> dict[str, str]:
    """The files that come onto the disk, one character per byte; raises ``InputError`` with a place."""
    place = loaded.document.place(("device", "autopilot_file"))
    given = [name for name in SOURCES if getattr(spec, name)]
    if len(given) != 1:
        wanted = "one of profile, export, text and file"
        raise InputError(f"device.autopilot_file: write {wanted}{', not ' + ' and '.join(given) if given else ''}.", place)
    if spec.changes and given[0] not in ("profile", "export"):
        raise InputError("device.autopilot_file: changes are for profile and export; change the text itself.", place)
    if spec.file:
        if spec.encoding is not None:
            raise InputError("device.autopilot_file: a file is taken byte for byte; remove encoding.", place)
        content = beside(loaded, spec.file, LIMIT, place).decode("latin-1")
    else:
        content = _encoded(_text(spec, state, place), spec.encoding or "ansi", place)
    found = {rf"{spec.place}\{spec.name}": content}
    if spec.unattend:
        found[UNATTEND] = "<unattend/>"
    return found


def _text(spec: AutopilotFileSpec, state: TenantState, place: Place) -> str:
    if spec.text:
        return spec.text
    from autopilot_agent.tenant.offline_export import exported, written

    content = dict(spec.profile)
    if spec.export:
        profiles = {one.display_name or "": one for one in state.data.windows_autopilot_deployment_profiles}
        profile = profiles.get(spec.export)
        if profile is None:
            hint = suggestion(spec.export, sorted(profiles)) if profiles else "the tenant has none."
            raise InputError(f"device.autopilot_file: there is no profile {spec.export[:60]!r}; {hint}", place)
        content = exported(profile, state.tenant_id, state.domain)
    for name, value in spec.changes.items():
        if value is None:
            content.pop(name, None)
        else:
            content[name] = value
    return written(content)


def _encoded(text: str, encoding: str, place: Place) -> str:
    try:
        return text.encode(CODECS[encoding]).decode("latin-1")
    except UnicodeEncodeError as error:
        wrong = text[error.start]
        raise InputError(f"device.autopilot_file: {wrong!r} cannot be saved as {encoding}; choose utf-8.", place) from None


def beside(loaded: LoadedScenario, name: str, limit: int, place: Place) -> bytes:
    """The bytes of a file beside a scenario or below its folder; raises ``InputError``."""
    from autopilot_agent.scenario.inclusion import include_root

    path = loaded.path.parent / name
    try:
        inside = path.resolve().is_relative_to(loaded.root or include_root(loaded.path))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{name[:60]!r} cannot be used as a path ({error}).", place) from None
    if not inside or Path(name).is_absolute():
        raise InputError(f"{name[:60]!r} leads out of the scenario's folder; keep the file beside the scenario.", place)
    return read_bytes(path, limit)
