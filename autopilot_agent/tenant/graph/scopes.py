"""What a person may do in a tenant: join, enroll, administrate; and which limits apply."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from .base import Assignable
from .data import TenantData
from .directory import ConditionalAccessUsers, MobilityManagementPolicy, User
from .enrollment import (
    DeviceEnrollmentLimitConfiguration,
    DeviceEnrollmentPlatformRestrictionConfiguration,
    DeviceEnrollmentPlatformRestrictionsConfiguration,
    DeviceEnrollmentWindowsHelloForBusinessConfiguration,
    EnrollmentConfiguration,
    PlatformRestriction,
)
from .membership import Memberships
from .reach import Compiler, Include, reach
from .rules import Facts

INTUNE_APP_ID = "0000000a-0000-0000-c000-000000000000"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
DEVICE_LOCAL_ADMINISTRATOR = "9f06204d-73c1-4d4c-880a-6edb90606fd8"
DEFAULT_ENROLLMENT_LIMIT = 5
"""Devices; what Intune has when nobody changed it."""

_ADMINISTRATOR_ROLES = frozenset(
    {
        GLOBAL_ADMINISTRATOR,
        DEVICE_LOCAL_ADMINISTRATOR,
        "global administrator",
        "company administrator",
        "microsoft entra joined device local administrator",
        "azure ad joined device local administrator",
    }
)
LAST = 1 << 31

#: Used when the input says nothing at all about MDM scopes.
BUILT_IN_MDM = MobilityManagementPolicy(
    id=INTUNE_APP_ID,
    display_name="Microsoft Intune",
    applies_to="all",
    discovery_url="https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc",
    terms_of_use_url="https://portal.manage.microsoft.com/TermsofUse.aspx",
    compliance_url="https://portal.manage.microsoft.com/?portalAction=Compliance",
)


A = TypeVar("A", bound=Assignable)
C = TypeVar("C", bound=EnrollmentConfiguration)


class Lined(msgspec.Struct, Generic[A], frozen=True):
    """A resource with its compiled assignments."""

    resource: A
    lines: tuple[Include, ...]


class Scopes:
    """Answers about the users of one TenantData; see ``autopilot_agent.tenant.targeting.Targeting``."""

    def __init__(self, data: TenantData, groups: Memberships, compiler: Compiler) -> None:
        self.data = data
        self._groups = groups
        configurations = sorted(
            data.device_enrollment_configurations, key=lambda one: LAST if one.priority is None else one.priority
        )
        self._configurations = tuple(
            Lined(one, () if one.is_default else compiler.lines("device_enrollment_configurations", one))
            for one in configurations
        )
        self._users = {name.casefold(): one for one in data.users for name in (one.id, one.user_principal_name) if name}
        self._administrators = frozenset(
            groups.key(member)
            for role in data.directory_roles
            if {(role.role_template_id or "").casefold(), role.display_name.casefold()} & _ADMINISTRATOR_ROLES
            for member in role.members
        )

    def user(self, name: str) -> User | None:
        """The user with this id or user principal name, whatever the case."""
        return self._users.get(name.casefold())

    def user_groups(self, user: User) -> frozenset[str]:
        """Ids of the groups of a user."""
        return self._groups.of_user(user)

    def covers(self, users: ConditionalAccessUsers, user: User) -> bool:
        """Whether a Conditional Access policy is about a user; who is left out stays out."""
        groups, key = self.user_groups(user), self._groups.key
        if user.id in users.exclude_users or any(key(one) in groups for one in users.exclude_groups):
            return False
        named = "All" in users.include_users or user.id in users.include_users
        return named or any(key(one) in groups for one in users.include_groups)

    def mdm_for(self, user: User) -> MobilityManagementPolicy | None:
        """The MDM service whose scope has the user; Intune's first.

        When the input says nothing about scopes, it is Intune for everybody.
        """
        policies = self.data.mobility_management_policies
        if not policies and "mobility_management_policies" not in self.data.collections:
            return BUILT_IN_MDM
        groups: frozenset[str] | None = None
        for policy in sorted(policies, key=lambda one: one.id != INTUNE_APP_ID):
            if policy.applies_to == "all":
                return policy
            if policy.applies_to == "selected":
                groups = self.user_groups(user) if groups is None else groups
                if any(self._groups.key(group) in groups for group in policy.included_groups):
                    return policy
        return None

    def may_join(self, user: User) -> bool:
        """Whether the user may join devices to Entra; everybody when the input has no device registration policy."""
        policy = self.data.device_registration_policy
        if policy is None or policy.azure_ad_join.allowed_to_join.kind == "all":
            return True
        allowed = policy.azure_ad_join.allowed_to_join
        if allowed.kind == "none":
            return False
        names = {user.id.casefold(), user.user_principal_name.casefold()}
        if any(one.casefold() in names for one in allowed.users):
            return True
        groups = self.user_groups(user)
        return any(self._groups.key(one) in groups for one in allowed.groups)

    def is_local_administrator_role(self, user: User) -> bool:
        """Whether a directory role makes the user an administrator of every joined device (formats.md 4.2)."""
        if any(name.casefold() in _ADMINISTRATOR_ROLES for name in user.member_of):
            return True
        if not self._administrators:
            return False
        names = {user.id.casefold(), user.user_principal_name.casefold()}
        return bool(names & self._administrators) or not self._administrators.isdisjoint(self.user_groups(user))

    def enrollment_limit(self, user: User) -> int:
        """How many devices the user may enroll into Intune."""
        found = self._configuration(DeviceEnrollmentLimitConfiguration, user)
        return found.limit if found is not None else DEFAULT_ENROLLMENT_LIMIT

    def platform_restriction(self, user: User) -> PlatformRestriction:
        """What may not enroll for the user, on Windows."""
        single = self._configuration(DeviceEnrollmentPlatformRestrictionConfiguration, user)
        if single is not None:
            return single.platform_restriction
        found = self._configuration(DeviceEnrollmentPlatformRestrictionsConfiguration, user)
        return found.windows_restriction if found is not None else PlatformRestriction()

    def restriction_without_user(self) -> PlatformRestriction:
        """The same where nobody enrols: the tenant's built-in restriction, which is for everybody."""
        for one in self._configurations:
            resource = one.resource
            if isinstance(resource, DeviceEnrollmentPlatformRestrictionsConfiguration) and resource.is_default:
                return resource.windows_restriction
        return PlatformRestriction()

    def hello_configuration(self, user: User) -> DeviceEnrollmentWindowsHelloForBusinessConfiguration | None:
        """The Windows Hello for Business configuration of the user; None when the input has none."""
        return self._configuration(DeviceEnrollmentWindowsHelloForBusinessConfiguration, user)

    def reaches(
        self,
        configuration: EnrollmentConfiguration,
        device_groups: frozenset[str],
        user_groups: frozenset[str] | None,
        facts: Facts | None,
    ) -> bool:
        """Whether the assignments of a configuration reach a device or its user, whichever configuration wins."""
        lines = next((one.lines for one in self._configurations if one.resource is configuration), ())
        return reach(lines, device_groups, user_groups, facts) is not None

    def _configuration(self, kind: type[C], user: User) -> C | None:
        """The strongest configuration of a kind that reaches the user, else the built-in default."""
        groups: frozenset[str] | None = None
        default: C | None = None
        for one in self._configurations:
            resource = one.resource
            if not isinstance(resource, kind) or not _about_windows(resource):
                continue
            if resource.is_default:
                default = default or resource
            elif one.lines:
                groups = self.user_groups(user) if groups is None else groups
                if reach(one.lines, frozenset(), groups, None) is not None:
                    return resource
        return default


def _about_windows(resource: EnrollmentConfiguration) -> bool:
    return not isinstance(resource, DeviceEnrollmentPlatformRestrictionConfiguration) or resource.platform_type.lower() in (
        "windows",
        "allplatforms",
    )
