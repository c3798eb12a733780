"""The tenant that is served: a scenario's, somebody's own from Graph's JSON files, or one read again after a restart."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.clock import Clock
from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.plan import make_plan, targeting_of
from autopilot_agent.tenant.graph import Builder, read_file, read_folder
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.state import TenantState


def state_of_scenario(loaded: LoadedScenario, seed: int | None = None) -> TenantState:
    """The cloud that a run of this scenario begins with; the same seed makes the same ids. Raises ``InputError``."""
    return make_plan(loaded, seed=seed).state


def state_of_folder(path: Path, seed: int = 0) -> TenantState:
    """A tenant from Graph's JSON: a folder, or one file. Its registrations are those of the export.

    A tenant without users gets one, ``user1`` of its main domain, because nobody could enrol otherwise. Raises ``InputError``.
    """
    if not path.exists():
        raise InputError("there is no such folder or file; name the folder with the tenant's JSON files.", Place(str(path)))
    builder = Builder()
    (read_folder if path.is_dir() else read_file)(path, builder)
    data = builder.finish()
    guid = Clock(seed).guid
    users: tuple[User, ...] = ()
    if not data.users:
        domain = (data.organization.default_domain if data.organization else None) or "contoso.example"
        name = f"user1@{domain}"
        users = (User(id=guid("user", name), user_principal_name=name, display_name="user1"),)
    return TenantState(data, targeting_of(data), guid=guid, users=users)
