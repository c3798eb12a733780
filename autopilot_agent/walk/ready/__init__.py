"""The scenarios that a walk offers when nobody brings one, one file a mode, and the tenant that they share."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import LoadedScenario, load_scenario, load_scenario_text
from autopilot_agent.scenario.model import MODES
from autopilot_agent.scenario.problems import suggestion

HERE = Path(__file__).resolve().parent
TENANT = "tenant.yaml"


def modes() -> list[str]:
    """The modes that have a ready scenario, in the order of the modes."""
    return [mode for mode in MODES if (HERE / f"{mode}.yaml").exists()]


def ready(mode: str) -> LoadedScenario:
    """The ready scenario of a mode; raises ``InputError``."""
    if mode not in modes():
        raise InputError(f"{mode[:60]!r} has no ready scenario; {suggestion(mode, modes())}")
    return load_scenario(HERE / f"{mode}.yaml")


def with_tenant(loaded: LoadedScenario, folder: Path) -> LoadedScenario:
    """The same with somebody's own tenant instead: a folder of Graph's JSON, or a file."""
    import msgspec
    import yaml

    folder = folder.resolve()
    if not folder.exists():
        raise InputError(f"there is no folder or file {folder}; name the folder with the tenant's JSON files.")
    data = msgspec.to_builtins(loaded.scenario)
    data.pop("expect", None)
    name = folder.name + ("/" if folder.is_dir() else "")
    data["tenant"] = {"include": [f"./{name}"]}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_style='"')
    return load_scenario_text(text, folder.parent / "walk.yaml")
