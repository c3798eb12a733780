"""Policies, platform scripts and assignment filters (formats.md 1.9, 1.10)."""

from __future__ import annotations

from typing import Literal

import msgspec

from .apps import RunAs
from .base import Assignable, Base64, Entity, Flag, Graph


class DeviceConfiguration(Assignable, frozen=True, kw_only=True):
    """A template policy; ``kind`` is its type name, for example ``windowsDomainJoinConfiguration``."""

    kind: str = ""
    settings: dict[str, object] = msgspec.field(default_factory=dict)
    """Every property as the file has it, names and values of the type's own."""


class TemplateReference(Graph, frozen=True, kw_only=True):
    """The template that a settings catalog policy was made from."""

    template_id: str = ""
    template_family: str = "none"
    template_display_name: str | None = None
    template_display_version: str | None = None


class PriorityMetaData(Graph, frozen=True, kw_only=True):
    """Order among device preparation policies, lowest first."""

    priority: int | None = None


class ConfigurationPolicy(Assignable, frozen=True, kw_only=True):
    """A settings catalog policy; Graph calls its display name ``name``, ``display_name`` holds the same text."""

    name: str = ""
    platforms: tuple[Flag, ...] = ()
    technologies: tuple[Flag, ...] = ()
    template_reference: TemplateReference = TemplateReference()
    priority_meta_data: PriorityMetaData = PriorityMetaData()
    settings: tuple[dict[str, object], ...] = ()
    """Setting trees as the file has them."""


class DeviceManagementScript(Assignable, frozen=True, kw_only=True):
    """A platform script (PowerShell)."""

    file_name: str | None = None
    script_content: Base64 | None = None
    run_as_account: RunAs = "system"
    enforce_signature_check: bool = False
    run_as32_bit: bool = False


class AssignmentFilter(Entity, frozen=True, kw_only=True):
    """A filter on devices that narrows an assignment."""

    display_name: str = ""
    description: str | None = None
    platform: str = "windows10AndLater"
    rule: str = ""
    assignment_filter_management_type: Literal["devices", "apps", "unknownFutureValue"] = "devices"
