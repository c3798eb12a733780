"""What a tenant recorded during a run, as data that can be kept; resources are kept by id and found again in the tenant."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.service.management import Commands
from autopilot_agent.tenant.active_directory import ActiveDirectory
from autopilot_agent.tenant.graph.base import Assignment, Intent
from autopilot_agent.tenant.graph.directory import EntraDevice
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile
from autopilot_agent.tenant.graph.reach import FilterFacts, Side
from autopilot_agent.tenant.state import Conditions, EnrolledDevice, Registration, TenantState
from autopilot_agent.tenant.targeting import AnyPolicy, Assigned, AssignedApp, AssignedPolicy

RECORDS = (
    "conditions",
    "registrations",
    "unregistered",
    "deleted_objects",
    "used_registrations",
    "left_over",
    "synced_at",
    "sync_answers",
    "import_errors",
    "joined",
    "hybrid",
    "active_directory",
    "hello_keys",
    "recovery_keys",
    "diagnostics",
    "sign_ins",
    "owners",
    "mismatched",
)
"""Attributes of the tenant state that are kept as they are."""
AS_ASSIGNED = ("assigned", "first_apps")
"""Fields of an enrolment that refer to resources."""


DEVICE_FILE = (
    "the PC of the device file was managed with {}, which this scenario's tenant does not have; "
    "include the tenant that it was saved with."
)
SERVED = (
    "the served tenant managed the PC with {}, which this scenario's tenant does not have; serve the tenant of this scenario, "
    "or leave --admin-token out: then the checks of the cloud cannot be made."
)
"""What is said of a resource that is not there: by a device file, or by the tenant of a server."""


class KeptApp(msgspec.Struct):
    """An assigned app by its id; its name is for the reader of an error."""

    app: str
    name: str
    intent: Intent
    target: Side
    assignment: Assignment


class KeptPolicy(msgspec.Struct):
    """An assigned policy by its id."""

    policy: str
    name: str
    target: Side
    assignment: Assignment


class KeptEnrolment(msgspec.Struct):
    """One enrolment: its plain fields, and what it was assigned."""

    fields: dict[str, msgspec.Raw]
    esp: EspConfiguration
    esp_target: str
    apps: list[KeptApp]
    policies: list[KeptPolicy]
    first_apps: list[KeptApp]


class SavedCloud(msgspec.Struct):
    """The records of one tenant; ``made`` counts the ids given out, by name."""

    conditions: Conditions
    registrations: dict[str, Registration]
    unregistered: set[str]
    deleted_objects: set[str]
    used_registrations: set[str]
    left_over: list[str]
    synced_at: int | None
    sync_answers: list[int]
    import_errors: list[str]
    joined: dict[str, EntraDevice]
    hybrid: dict[str, EntraDevice]
    active_directory: ActiveDirectory
    hello_keys: int
    recovery_keys: int
    diagnostics: int
    sign_ins: list[str]
    made: list[tuple[list[str], int]]
    told: list[str]
    history: list[KeptEnrolment]
    enrolled: list[str]
    owners: dict[str, str] = {}
    mismatched: set[str] = set()


TYPES: dict[str, Any] = {
    "profile": WindowsAutopilotDeploymentProfile | None,
    "facts_for_filters": FilterFacts | None,
    "pending": list[Commands],
}
"""Types of an enrolment's fields that are more than plain values, where an annotation is not enough."""


def save_cloud(state: TenantState) -> SavedCloud:
    """The records of a tenant state."""
    kept = {name: getattr(state, name) for name in RECORDS}
    return SavedCloud(
        **kept,
        made=[(list(names), count) for names, count in state.made.items()],
        told=sorted(state.told),
        history=[kept_enrolment(one) for one in state.history],
        enrolled=list(state.enrolled),
    )


def read_cloud(data: bytes) -> SavedCloud:
    """The records that a served tenant sent; raises ``InputError`` when they are no such thing."""
    try:
        return msgspec.json.decode(data, type=SavedCloud)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the records of the served tenant cannot be read ({error}); is it of this version?") from None


def restore_cloud(state: TenantState, saved: SavedCloud, lacking: str = DEVICE_FILE) -> None:
    """Put records back; assignments are looked up in the tenant of now. ``lacking`` is the sentence about what is not there.

    Raises ``InputError`` for another organization, and when something that the device has or is managed with is not there:
    the same tenant goes on, and what an administrator removes meanwhile is an act.
    """
    for name in RECORDS:
        setattr(state, name, getattr(saved, name))
    state.made.update({tuple(names): count for names, count in saved.made})
    state.told.update(saved.told)
    state.history = [enrolment_again(state, one, lacking) for one in saved.history]
    by_id = {one.enrolment_id: one for one in state.history}
    state.enrolled = {name: by_id[name] for name in saved.enrolled}


def kept_enrolment(device: EnrolledDevice) -> KeptEnrolment:
    """One enrolment as data."""
    fields = {
        name: msgspec.Raw(msgspec.json.encode(getattr(device, name)))
        for name in EnrolledDevice.__struct_fields__
        if name not in AS_ASSIGNED
    }
    assigned = device.assigned
    return KeptEnrolment(
        fields,
        assigned.esp,
        assigned.esp_target,
        [_app(one) for one in assigned.apps],
        [KeptPolicy(one.policy.id, _name(one.policy), one.target, one.assignment) for one in assigned.policies],
        [_app(one) for one in device.first_apps],
    )


def _name(resource: Any) -> str:
    return str(getattr(resource, "display_name", "") or getattr(resource, "name", "") or resource.id)


def _app(one: AssignedApp) -> KeptApp:
    return KeptApp(one.app.id, _name(one.app), one.intent, one.target, one.assignment)


def enrolment_again(state: TenantState, kept: KeptEnrolment, lacking: str = DEVICE_FILE) -> EnrolledDevice:
    """The enrolment that was kept, with the resources of the tenant of now; raises ``InputError`` where they are gone."""
    types = _field_types()
    fields = {name: msgspec.json.decode(raw, type=types[name]) for name, raw in kept.fields.items() if name in types}
    apps = {one.id: one for one in state.data.mobile_apps}
    policies: dict[str, AnyPolicy] = {one.id: one for one in state.data.device_configurations}
    policies.update({one.id: one for one in state.data.configuration_policies})

    def again(kept_apps: list[KeptApp]) -> list[AssignedApp]:
        for one in kept_apps:
            if one.app not in apps:
                raise _not_there(lacking, "app", one.name)
        return [AssignedApp(apps[one.app], one.intent, one.target, one.assignment) for one in kept_apps]

    for one in kept.policies:
        if one.policy not in policies:
            raise _not_there(lacking, "policy", one.name)
    user = fields["user_id"]
    if user and state.user(user) is None:
        raise _not_there(lacking, "user", user)

    assigned = Assigned(
        kept.esp,
        kept.esp_target,  # type: ignore[arg-type]  # one of three words, written by ourselves and under a checksum
        again(kept.apps),
        [AssignedPolicy(policies[one.policy], one.target, one.assignment) for one in kept.policies],
        {},
    )
    return EnrolledDevice(assigned=assigned, first_apps=again(kept.first_apps), **fields)


def _not_there(lacking: str, kind: str, name: str) -> InputError:
    return InputError(lacking.format(f"the {kind} {name[:80]!r}"))


@cache
def _field_types() -> dict[str, Any]:
    from typing import get_type_hints

    hints = get_type_hints(EnrolledDevice)
    return {name: TYPES.get(name, hints[name]) for name in EnrolledDevice.__struct_fields__ if name not in AS_ASSIGNED}
