"""Every family of checks; importing a family puts its checks into the table."""

from __future__ import annotations

from autopilot_agent.preflight import apps, ends, groups, hybrid, pages, policies, profiles, times, users
from autopilot_agent.preflight.registry import CHECKS, findings_of

__all__ = ["CHECKS", "FAMILIES", "findings_of"]

FAMILIES = (ends, profiles, groups, pages, times, apps, policies, hybrid, users)
