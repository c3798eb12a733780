"""What a device and its user get from a tenant: groups, profile, ESP, apps, policies, scopes and limits.

Everything here is a pure function of the TenantData. ``Targeting`` indexes it once; the answers cost microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from .graph.apps import MobileApp, known_as
from .graph.base import Assignment, Intent, Notice
from .graph.data import TenantData
from .graph.directory import EntraDevice
from .graph.enrollment import DeviceComanagementAuthorityConfiguration, EspConfiguration
from .graph.membership import Memberships
from .graph.policies import ConfigurationPolicy, DeviceConfiguration, DeviceManagementScript
from .graph.profiles import WindowsAutopilotDeploymentProfile, WindowsAutopilotDeviceIdentity
from .graph.reach import Compiler, FilterFacts, Reached, Side, reach
from .graph.scopes import LAST, A, Lined, Scopes
from .unplayed import PC_TYPES, unplayed

__all__ = ["Assigned", "AssignedApp", "AssignedPolicy", "AssignedScript", "FilterFacts", "Targeting"]

_NEVER = datetime.max.replace(tzinfo=UTC)

#: A tenant's built-in page, hidden until somebody changes it (flows.md 5.1).
BUILT_IN_ESP = EspConfiguration(
    id="00000000-0000-0000-0000-000000000000_DefaultWindows10EnrollmentCompletionPageConfiguration",
    id_known=False,
    display_name="All users and all devices",
    priority=0,
    is_default=True,
)
T = TypeVar("T")
AnyPolicy: TypeAlias = DeviceConfiguration | ConfigurationPolicy


class AssignedApp(msgspec.Struct, frozen=True):
    """An app that reaches the device or its user."""

    app: MobileApp
    intent: Intent
    target: Side
    assignment: Assignment


class AssignedPolicy(msgspec.Struct, frozen=True):
    """A policy that reaches the device or its user."""

    policy: AnyPolicy
    target: Side
    assignment: Assignment


class AssignedScript(msgspec.Struct, frozen=True):
    """A platform script that reaches the device or its user."""

    script: DeviceManagementScript
    target: Side
    assignment: Assignment


class Assigned(msgspec.Struct, frozen=True):
    """All that reaches one kind of device: those in the same groups, whose users are in the same groups.

    Shared by every run of such a device and never changed, but for ``remembered``: what others work out from it, once.
    """

    esp: EspConfiguration
    esp_target: Literal["device", "user", "default", "other"]
    apps: list[AssignedApp]
    policies: list[AssignedPolicy]
    remembered: dict[Hashable, Any]

    def with_page_of(self, other: Assigned) -> Assigned:
        """These apps and policies under the page of another one: the page stays as it was at enrolment (I-14)."""
        if self.esp is other.esp and self.esp_target == other.esp_target:
            return self
        return Assigned(other.esp, other.esp_target, self.apps, self.policies, {})


class Targeting(Scopes):
    """Answers about one TenantData. ``notices`` tells what could not be evaluated."""

    def __init__(self, data: TenantData) -> None:
        groups = Memberships(data)
        compiler = Compiler(data, groups)
        super().__init__(data, groups, compiler)

        def lined(collection: str, resources: Iterable[A]) -> tuple[Lined[A], ...]:
            return tuple(Lined(one, lines) for one in resources if (lines := compiler.lines(collection, one)))

        profiles = "windows_autopilot_deployment_profiles"
        for_pcs = [one for one in data.windows_autopilot_deployment_profiles if one.device_type in PC_TYPES]
        oldest = sorted(for_pcs, key=lambda one: one.created_date_time or _NEVER)
        self._profiles = lined(profiles, oldest)
        self._profile_ids = {one.id.casefold(): one for one in oldest}
        self._esps = tuple(
            one for one in self._configurations if isinstance(one.resource, EspConfiguration) and not one.resource.is_default
        )
        self.default_page: EspConfiguration | None = next((one for one in data.esp_configurations if one.is_default), None)
        """The tenant's built-in ESP configuration; None when the input has none."""
        self._default_esp = next((one for one in data.esp_configurations if one.is_default), BUILT_IN_ESP)
        self._app_ids = {app.id: app for app in data.mobile_apps}
        self._apps = lined("mobile_apps", (app for app in data.mobile_apps if app.publishing_state == "published"))
        catalog = [policy for policy in data.configuration_policies if _for_windows(policy)]
        templates: list[AnyPolicy] = list(data.device_configurations)
        settings: list[AnyPolicy] = [one for one in catalog if "enrollment" not in one.technologies]
        self._policies = (*lined("device_configurations", templates), *lined("configuration_policies", settings))
        self._preparations = lined(
            "configuration_policies",
            sorted((one for one in catalog if "enrollment" in one.technologies), key=_preparation_order),
        )
        self._scripts = lined("device_management_scripts", data.device_management_scripts)
        self._filters = bool(data.assignment_filters)
        self.app_names = {key: app.display_name or app.id for app in data.mobile_apps for key in known_as(app)}
        """Display names of apps by everything that a device may know them by."""
        self._remembered: dict[Hashable, Any] = {}
        self.notices: tuple[Notice, ...] = (
            *groups.notices,
            *compiler.notices,
            *self._priority_notices(),
            *unplayed(data),
        )

    def _priority_notices(self) -> list[Notice]:
        unknown = [one.resource for one in self._esps if one.resource.priority is None]
        if not unknown or len(self._esps) < 2:
            return []
        text = "has no priority and comes after those that have one"
        collection = "device_enrollment_configurations"
        return [Notice(self.data.place(collection, one.id), f'"{one.display_name}" {text}') for one in unknown]

    def app(self, name: str) -> MobileApp | None:
        """The app with this id."""
        return self._app_ids.get(name)

    def device_groups(
        self, identity: WindowsAutopilotDeviceIdentity | None, entra_device: EntraDevice | None = None
    ) -> frozenset[str]:
        """Ids of the groups of a device, by its registration (ZTDID) and its Entra object."""
        return self._groups.of_device(identity, entra_device)

    def deployment_profile(
        self, identity: WindowsAutopilotDeviceIdentity, groups: frozenset[str]
    ) -> tuple[WindowsAutopilotDeploymentProfile | None, bool]:
        """The device's profile, and whether a group assigned it (false: the all-devices one, or none).

        The oldest wins; profiles without creation date count as youngest (see ``profile_notices``). What the registration
        itself names as its profile counts only where the input cannot tell, because assignments or groups are missing.
        """
        default: WindowsAutopilotDeploymentProfile | None = None
        for one in self._profiles:
            for line in one.lines:
                if line.group in groups and line.excluded.isdisjoint(groups):
                    return one.resource, True
                if line.side == "device" and default is None:  # exclusions do not count for all devices (SET-EXCLUSIONS)
                    default = one.resource
        named = identity.intended_deployment_profile or identity.deployment_profile
        if named is not None and (profile := self._profile_ids.get(named.id.casefold())) is not None:
            lines = [line for line in profile.assignments if line.group]
            if not profile.assignments or any(not self._groups.knows(self._groups.key(line.group or "")) for line in lines):
                return profile, True
        return default, False

    def rivals(self, groups: frozenset[str]) -> list[WindowsAutopilotDeploymentProfile]:
        """The profiles that could be the device's: those of its groups, else those for all devices."""
        found = [one.resource for one in self._profiles if any(line.group in groups for line in one.lines)]
        return found or [one.resource for one in self._profiles if any(line.side == "device" for line in one.lines)]

    def profiles_by_group(self, groups: frozenset[str]) -> list[WindowsAutopilotDeploymentProfile]:
        """Every profile that a group brings to the device, oldest first; more than one is trouble (rule F-62)."""
        return [
            one.resource
            for one in self._profiles
            if any(line.group in groups and line.excluded.isdisjoint(groups) for line in one.lines)
        ]

    def profile_notices(self, groups: frozenset[str]) -> list[Notice]:
        """Notices about a choice among several profiles that the input does not decide."""
        rivals = self.rivals(groups)
        if len(rivals) < 2:
            return []
        text = "has no createdDateTime, which decides between profiles; it counts as the youngest"
        return [
            Notice(self.data.place("windows_autopilot_deployment_profiles", one.id), f'profile "{one.display_name}" {text}')
            for one in rivals
            if one.created_date_time is None
        ]

    def esp_configuration(
        self, device_groups: frozenset[str], user_groups: frozenset[str] | None, facts: FilterFacts | None = None
    ) -> tuple[EspConfiguration, Literal["device", "user", "default"]]:
        """The Enrollment Status Page that applies, and by what (flows.md 5.1).

        Pass ``user_groups`` None where there is no user (self-deploying, pre-provisioning); without ``facts`` filters are
        not applied. A tenant without any gets the built-in, hidden one.
        """
        asked = facts.by_name() if facts is not None else None
        for_user: EspConfiguration | None = None
        for one in self._esps:
            found = reach(one.lines, device_groups, user_groups, asked)
            if found is not None and isinstance(one.resource, EspConfiguration):
                if found.target == "device":
                    return one.resource, "device"
                for_user = for_user or one.resource
        return (for_user, "user") if for_user is not None else (self._default_esp, "default")

    def assigned_apps(
        self, device_groups: frozenset[str], user_groups: frozenset[str] | None, facts: FilterFacts | None = None
    ) -> list[AssignedApp]:
        """The apps that reach the device or the user, each once with its strongest intent (required, then uninstall)."""

        def work_out() -> list[AssignedApp]:
            found = _reached(self._apps, device_groups, user_groups, facts)
            return [AssignedApp(app, by.assignment.intent, by.target, by.assignment) for app, by in found]

        return self._once(("apps", device_groups, user_groups, facts if self._filters else None), work_out)

    def assigned_policies(
        self, device_groups: frozenset[str], user_groups: frozenset[str] | None, facts: FilterFacts | None = None
    ) -> list[AssignedPolicy]:
        """The policies that reach the device or the user; device preparation policies are not among them."""

        def work_out() -> list[AssignedPolicy]:
            found = _reached(self._policies, device_groups, user_groups, facts)
            return [AssignedPolicy(policy, by.target, by.assignment) for policy, by in found]

        return self._once(("policies", device_groups, user_groups, facts if self._filters else None), work_out)

    def assigned_scripts(
        self, device_groups: frozenset[str], user_groups: frozenset[str] | None, facts: FilterFacts | None = None
    ) -> list[AssignedScript]:
        """The platform scripts that reach the device or the user."""

        def work_out() -> list[AssignedScript]:
            found = _reached(self._scripts, device_groups, user_groups, facts)
            return [AssignedScript(script, by.target, by.assignment) for script, by in found]

        return self._once(("scripts", device_groups, user_groups, facts if self._filters else None), work_out)

    def assigned(
        self, device_groups: frozenset[str], user_groups: frozenset[str] | None, facts: FilterFacts | None = None
    ) -> Assigned:
        """The page, the apps and the policies together."""

        def work_out() -> Assigned:
            esp, target = self.esp_configuration(device_groups, user_groups, facts)
            apps = self.assigned_apps(device_groups, user_groups, facts)
            return Assigned(esp, target, apps, self.assigned_policies(device_groups, user_groups, facts), {})

        return self._once(("all", device_groups, user_groups, facts if self._filters else None), work_out)

    def _once(self, key: Hashable, work_out: Callable[[], T]) -> T:
        """Answers are pure, and many devices are in the same groups: each is worked out once. They must not be changed."""
        found: T | None = self._remembered.get(key)
        if found is None:
            if len(self._remembered) > 4096:
                self._remembered.clear()
            found = self._remembered[key] = work_out()
        return found

    def comanagement(
        self, device_groups: frozenset[str], user_groups: frozenset[str] | None
    ) -> DeviceComanagementAuthorityConfiguration | None:
        """The co-management settings that reach the device, the strongest first."""
        for one in self._configurations:
            kind = isinstance(one.resource, DeviceComanagementAuthorityConfiguration)
            if kind and reach(one.lines, device_groups, user_groups, None) is not None:
                return one.resource  # type: ignore[return-value]  # what the line above asked
        return None

    def device_preparation_policy(self, user_groups: frozenset[str]) -> ConfigurationPolicy | None:
        """The device preparation policy of a user; the lowest priority number wins (formats.md 1.10)."""
        found = _reached(self._preparations, frozenset(), user_groups, None)
        return found[0][0] if found else None


def _reached(
    resources: Sequence[Lined[A]],
    device_groups: frozenset[str],
    user_groups: frozenset[str] | None,
    facts: FilterFacts | None,
) -> list[tuple[A, Reached]]:
    asked = facts.by_name() if facts is not None else None
    return [
        (one.resource, found) for one in resources if (found := reach(one.lines, device_groups, user_groups, asked)) is not None
    ]


def _for_windows(policy: ConfigurationPolicy) -> bool:
    return not policy.platforms or any(name.startswith("windows") for name in policy.platforms)


def _preparation_order(policy: ConfigurationPolicy) -> int:
    priority = policy.priority_meta_data.priority
    return LAST if priority is None else priority
