"""What every Microsoft Graph resource shares: the Struct base, references, assignments and notices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from autopilot_agent.errors import Place

ALL_DEVICES = "adadadad-808e-44e2-905a-0b7873a8a531"
ALL_USERS = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
NO_GUID = "00000000-0000-0000-0000-000000000000"

#: A link to another object: an id, or the name people write instead; files may hold the object itself (formats.md 1.11).
Reference = Annotated[str, msgspec.Meta(title="reference")]
#: A string whose emptiness means something else than its absence.
KeptEmpty = Annotated[str, msgspec.Meta(title="kept-empty")]
#: One member of a flag enum; Graph writes all of them in one string.
Flag = Annotated[str, msgspec.Meta(title="flag")]
#: A binary file property: base64 text, kept as text.
Base64 = str

TargetKind = Literal["allDevices", "allLicensedUsers", "group", "exclusionGroup", "configurationManagerCollection"]
Intent = Literal["available", "required", "uninstall", "availableWithoutEnrollment", "apply", "remove"]
"""``apply`` and ``remove`` stand on assignments of policies; only apps have the others."""


class Graph(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Base of the resources: Python names are snake_case, encoded names are Graph's."""


class Entity(Graph, frozen=True, kw_only=True):
    """A resource with an identity; ``id`` is made up from the name when the file had none (``id_known`` is then false)."""

    id: str = ""
    id_known: bool = True


class Notice(msgspec.Struct, frozen=True):
    """Something a person should know about the input although it could be read."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class AssignmentTarget(Graph, frozen=True, kw_only=True):
    """Whom an assignment reaches (formats.md 1.2); ``kind`` is the ``@odata.type`` without its common ending."""

    kind: TargetKind = "group"
    group_id: Reference | None = None
    group_name: str | None = None
    group_type: str | None = None
    membership_rule: str | None = None
    collection_id: str | None = None
    device_and_app_management_assignment_filter_id: str | None = None
    device_and_app_management_assignment_filter_type: Literal["none", "include", "exclude"] = "none"


class AssignmentSettings(Graph, frozen=True, kw_only=True):
    """The part of an app assignment's settings that changes what a device does."""

    use_device_context: bool | None = None
    notifications: Literal["showAll", "showReboot", "hideAll"] = "showAll"


class Assignment(Graph, frozen=True, kw_only=True):
    """One line of "Assignments"; policies and profiles have no ``intent`` of their own and count as required."""

    id: str = ""
    intent: Intent = "required"
    target: AssignmentTarget = AssignmentTarget()
    settings: AssignmentSettings | None = None
    source: str | None = None

    @property
    def kind(self) -> TargetKind:
        """The kind of target, for example ``group``."""
        return self.target.kind

    @property
    def group(self) -> str | None:
        """What the file says to find the group by: its id, else its name."""
        return self.target.group_id or self.target.group_name

    @property
    def filter_id(self) -> str | None:
        """Id or display name of the assignment filter; None without one."""
        target = self.target
        name = target.device_and_app_management_assignment_filter_id
        return None if not name or name == NO_GUID or self.filter_type == "none" else name

    @property
    def filter_type(self) -> Literal["none", "include", "exclude"]:
        """How the filter applies."""
        return self.target.device_and_app_management_assignment_filter_type


class Assignable(Entity, frozen=True, kw_only=True):
    """A named resource that is assigned to groups, all devices or all users."""

    display_name: str = ""
    description: str | None = None
    created_date_time: datetime | None = None
    """UTC; None when the file has none or holds year 1, Graph's way to say "not set"."""
    last_modified_date_time: datetime | None = None
    role_scope_tag_ids: tuple[str, ...] = ()
    assignments: tuple[Assignment, ...] = ()
