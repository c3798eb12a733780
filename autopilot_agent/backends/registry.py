"""Backends by name: ``memory`` is ours, others come by the entry point ``autopilot_agent.backends``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.errors import InputError, ServiceUnavailable
from autopilot_agent.service import Backend
from autopilot_agent.tenant.state import TenantState

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def check_name(name: str) -> EntryPoint:
    """Where a backend of that name is; raises ``InputError`` that lists those there are."""
    from importlib.metadata import entry_points

    known = {point.name: point for point in entry_points(group="autopilot_agent.backends")}
    if name not in known:
        raise InputError(f"there is no backend {name!r}; installed are: {', '.join(sorted({*known, 'memory'}))}.")
    return known[name]


def make_backend(name: str, state: TenantState) -> Backend:
    """A backend for one run.

    Raises ``InputError`` for an unknown name (with those there are) and ``ServiceUnavailable`` when making it fails.
    """
    if name == "memory":
        from autopilot_agent.backends.memory import MemoryBackend

        return MemoryBackend(state)
    known = check_name(name)
    try:
        backend: Backend = known.load()(state)
    except Exception as error:  # someone else's code: whatever it raises means that it cannot be used
        raise ServiceUnavailable(f"the backend {name!r} cannot be used: {type(error).__name__}: {error}") from error
    return backend
